"""Components run against Pulumi's mocks: what they register is recorded, nothing leaves the process."""

import copy
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pytest
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks

ARC = ("ap-northeast-1", "ap-southeast-2", "eu-west-1", "us-east-1", "us-west-2")
STACK_TYPE = "pulumi:pulumi:Stack"


ANSWERS: dict[str, dict[str, Any]] = {
    "aws:lb/getHostedZoneId:getHostedZoneId": {"id": "ZELB"},
    "aws:route53/getRecords:getRecords": {"id": "records", "resourceRecordSets": []},
    "aws:index/getIpRanges:getIpRanges": {"id": "ranges", "cidrBlocks": ["192.0.2.0/24", "198.51.100.0/24"]},
}
"""What the functions that components call answer with."""


@dataclass
class Made:
    """One resource as the engine was asked for it. Pulumi's mocks turn integers into floats."""

    type: str
    name: str
    inputs: dict[str, Any]
    import_id: str | None


@dataclass
class Deployment:
    """What a program registered, and the outputs that it returned."""

    made: list[Made] = field(default_factory=list)
    urns: list[str] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By type and name, e.g. `Instance::shop-tokyo`: what the cloud has in place of what was asked for."""
    functions: dict[str, Any] = field(default_factory=dict)
    """By token: what a function answers with, or the exception that it ends with."""

    def of(self, kind: str) -> dict[str, Made]:
        """Resources of a type (the part after the last slash or colon), by name."""
        return {made.name: made for made in self.made if made.type.endswith((f":{kind}", f"/{kind}"))}


class Recorder(Mocks):
    """Answers each registration with the inputs, an id, an ARN and what the cloud makes up."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        answers = {**ANSWERS, **self.deployment.functions}
        if isinstance(answers.get(args.token), Exception):
            raise answers[args.token]
        if args.token in answers:
            return {**args.args, **answers[args.token]}, []
        raise AssertionError(f"components call no other functions, but {args.token}")

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        if args.typ != STACK_TYPE:
            self.deployment.made.append(Made(args.typ, args.name, args.inputs, args.resource_id or None))
        kind = args.typ.rpartition(":")[2]
        made_up = {"arn": f"arn:aws:test:::{args.name}", **_made_up(kind, args.inputs)}
        return f"{args.name}-id", {**args.inputs, **made_up, **self.deployment.answers.get(f"{kind}::{args.name}", {})}


def _made_up(kind: str, inputs: dict[str, Any]) -> dict[str, Any]:
    match kind:
        case "Instance":
            return {"address": f"{inputs['identifier']}.abc.{inputs['region']}.rds.amazonaws.com"}
        case "Key":
            key = "1234abcd-12ab-34cd-56ef-1234567890ab"
            return {"keyId": key, "arn": f"arn:aws:kms:{inputs['region']}:123456789012:key/{key}"}
        case "Zone":
            return {"zoneId": "ZPRIVATE"}
        case "Bucket":
            bucket = inputs.get("bucket", "made-up-bucket")
            return {
                "bucket": bucket,
                "arn": f"arn:aws:s3:::{bucket}",
                "bucketRegionalDomainName": f"{bucket}.s3.{inputs['region']}.amazonaws.com",
            }
        case "Cluster":
            return {"clusterEndpoints": [{"region": region, "endpoint": f"https://{region}.arc/v1"} for region in ARC]}
        case _:
            return {}


class Monitor(MockMonitor):
    """The mocks' monitor, with URNs as the engine makes them: the types of all ancestors, not of one."""

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        ancestors = parent.split("::")[2] if parent else ""
        chain = type_ if ancestors in ("", STACK_TYPE) else f"{ancestors}${type_}"
        return f"urn:pulumi:test::seawall::{chain}::{name}"


Deploy = Callable[..., Deployment]


@pytest.fixture
def deployment() -> Deployment:
    """The record of the test's one program; empty until something is registered."""
    return Deployment()


@pytest.fixture
def deploy(deployment: Deployment, pulumi_loop: object) -> Deploy:
    """Run a program that returns a component (or nothing); its public outputs are resolved."""
    monitor = Monitor(Recorder(deployment))

    def run(program: Callable[[], pulumi.ComponentResource | None], *, preview: bool = False) -> Deployment:
        pulumi.runtime.set_mocks(
            monitor.mocks,
            project="seawall",
            stack="test",
            preview=preview,
            monitor=monitor,
            logger=_logger(deployment.log),
        )

        @pulumi.runtime.test
        def main() -> pulumi.Output[None] | None:
            component = program()
            if component is None:
                return None
            outputs = {name: getattr(component, name) for name in type(component).__annotations__}
            return pulumi.Output.all(**outputs).apply(lambda known: deployment.outputs.update(copy.deepcopy(known)))

        main()
        deployment.urns.extend(sorted(urn for urn in monitor.resources if STACK_TYPE not in urn))
        return deployment

    return run


def _logger(lines: list[str]) -> logging.Logger:
    """Keeps what a component says to the user."""
    logger = logging.Logger("pulumi", logging.INFO)
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger.addHandler(handler)
    return logger
