"""Programs run against Pulumi's mocks: what they would register, without an engine, a cloud or a cluster.

It shows what goes out and not what a cloud makes of it: each resource gets its own inputs back, with the few values
that other resources read of it made up.
"""

import copy
import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import pulumi
import yaml
from pulumi.runtime import mocks, settings

from localcloud.sandbox import ROOT

__all__ = ["Recorder", "Registered", "declare_environment", "environment_file", "manifests", "run"]

PASSWORD: Final = "seawall:database_password"  # noqa: S105  # the key of one, whose value is encrypted in the files
ACCOUNT: Final = "123456789012"
ANSWERS: Final[Mapping[str, dict[str, Any]]] = {
    "aws:ssm/getParametersByPath:getParametersByPath": {
        "id": "none", "names": [], "values": [], "arns": [], "types": []
    },
    "aws:index/getIpRanges:getIpRanges": {"id": "ranges", "cidrBlocks": ["192.0.2.0/24", "198.51.100.0/24"]},
    "aws:route53/getRecords:getRecords": {"id": "records", "resourceRecordSets": []},
    "aws:route53/getZone:getZone": {"id": "ZMADEUP", "zoneId": "ZMADEUP"},
    "aws:lb/getHostedZoneId:getHostedZoneId": {"id": "ZELB"},
    "aws:index/getCallerIdentity:getCallerIdentity": {"id": ACCOUNT, "accountId": ACCOUNT},
    "aws:index/getPartition:getPartition": {"id": "aws", "partition": "aws"},
}  # fmt: skip
"""What functions answer in an account in which nothing has failed over and no name is taken."""

PREFIXES: Final = {
    "aws:ec2/vpc:Vpc": "vpc",
    "aws:ec2/subnet:Subnet": "subnet",
    "aws:ec2/securityGroup:SecurityGroup": "sg",
}
"""Of ids that are looked at."""


class Registered(NamedTuple):
    """One resource as the engine was asked for it. Pulumi's mocks turn integers into floats."""

    type: str
    name: str
    inputs: dict[str, Any]


class Recorder(mocks.Mocks):
    """Keeps what a program registers; gives each resource what others read of it.

    Args:
        answers: What functions answer with, by token. No other may be called.
    """

    def __init__(self, answers: Mapping[str, dict[str, Any]] | None = None) -> None:
        self.made: list[Registered] = []
        self._answers = dict(answers or {})

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        """Pulumi's, for a function."""
        if args.token not in self._answers:
            raise AssertionError(f"no function is asked, but {args.token}")
        return copy.deepcopy(self._answers[args.token]), []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        """Pulumi's, for a resource."""
        self.made.append(Registered(args.typ, args.name, copy.deepcopy(args.inputs)))
        region = args.inputs.get("region", "us-east-1")
        told: dict[str, Any] = {"arn": _arn(args.typ, args.name, region)}
        if args.typ == "aws:kms/key:Key":
            key = "1234abcd-12ab-34cd-56ef-1234567890ab"
            told = {"keyId": key, "arn": f"arn:aws:kms:{region}:{ACCOUNT}:key/{key}"}
        elif args.typ == "aws:rds/instance:Instance":
            told["address"] = f"{args.name}.{region}.rds.amazonaws.com"
        elif args.typ == "aws:s3/bucket:Bucket":
            told |= {"bucket": args.name, "bucketRegionalDomainName": f"{args.name}.s3.{region}.amazonaws.com"}
        elif args.typ == "aws:route53/zone:Zone":
            told["zoneId"] = "ZMADEUP"
        prefix = PREFIXES.get(args.typ)
        digits = hashlib.sha256(args.name.encode()).hexdigest()[:17]
        return f"{prefix}-{digits}" if prefix else f"{args.name}-id", {**copy.deepcopy(args.inputs), **told}


def _arn(type_: str, name: str, region: str) -> str:
    """One that looks like those of the type's service."""
    service, kind = type_.split(":")[1].partition("/")[0], type_.rpartition(":")[2].lower()
    if service == "iam":
        return f"arn:aws:iam::{ACCOUNT}:{kind}/{name}"
    within = {"sns": name, "rds": f"db:{name}", "dynamodb": f"table/{name}"}.get(service, f"{kind}:{name}")
    return f"arn:aws:{service}:{region}:{ACCOUNT}:{within}"


def run(
    program: Callable[[], object], recorder: Recorder, *, stack: str = "dev", preview: bool = False
) -> tuple[list[Registered], list[str]]:
    """Run a program to its end, on the event loop of this thread. Programs may follow one another.

    Returns:
        What it registered, in order, and the warnings that it gave.
    """
    lines: list[str] = []
    logger = logging.Logger("pulumi", logging.WARNING)
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger.addHandler(handler)
    settings.ROOT.set(None)  # of a program before this one
    settings.SETTINGS.rpc_manager.clear()  # type: ignore[attr-defined]
    mocks.set_mocks(recorder, project="seawall", stack=stack, preview=preview, logger=logger)

    @pulumi.runtime.test
    def main() -> object:
        return program()

    main()
    return recorder.made, lines


def environment_file(stack: str, source: Path = ROOT) -> dict[str, Any]:
    """The configuration of a committed environment, with a made-up password in the clear."""
    config = yaml.safe_load((source / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))["config"]
    return {**config, PASSWORD: "correct-horse-battery"}


def declare_environment(stack: str, *, preview: bool = False) -> list[Registered]:
    """What the program registers for a committed environment in which nothing has failed over."""
    from stacks.program import declare

    text = {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in environment_file(stack).items()
    }
    pulumi.runtime.set_all_config(text, [PASSWORD])
    return run(declare, Recorder(ANSWERS), stack=stack, preview=preview)[0]


def manifests(made: list[Registered]) -> dict[str, dict[str, Any]]:
    """The Kubernetes objects among them as they are sent, by the resources' names and kinds."""
    return {
        f"{each.type.rpartition(':')[2]}.{each.name}": _whole(each.inputs)
        for each in made
        if each.type.startswith("kubernetes:") and "apiVersion" in each.inputs
    }


def _whole(value: Any) -> Any:
    """Integers as integers again."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: _whole(each) for key, each in value.items()}
    return [_whole(each) for each in value] if isinstance(value, list) else value
