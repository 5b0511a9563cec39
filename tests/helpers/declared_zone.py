"""What a Pulumi program declares in Route 53, in the shapes of Route 53's own API."""

import asyncio
import copy
from collections.abc import Callable, Mapping
from typing import Any

import pulumi
from pulumi.runtime import mocks

RECORD, CHECK = "aws:route53/record:Record", "aws:route53/healthCheck:HealthCheck"
CHECK_KEYS = {
    "fqdn": "FullyQualifiedDomainName",
    "ipAddress": "IPAddress",
    "port": "Port",
    "resourcePath": "ResourcePath",
    "requestInterval": "RequestInterval",
    "failureThreshold": "FailureThreshold",
    "enableSni": "EnableSNI",
    "invertHealthcheck": "Inverted",
    "childHealthchecks": "ChildHealthChecks",
    "childHealthThreshold": "HealthThreshold",
    "insufficientDataHealthStatus": "InsufficientDataHealthStatus",
    "routingControlArn": "RoutingControlArn",
    "regions": "Regions",
}


class _Recorder(mocks.Mocks):
    """Keeps records and checks; gives everything an id, an ARN and the names that others build on."""

    def __init__(self) -> None:
        self.made: list[tuple[str, str, dict[str, Any]]] = []

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        return {"cidrBlocks": ["15.177.0.0/18"]}, []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.made.append((args.typ, args.name, copy.deepcopy(args.inputs)))
        region = args.inputs.get("region", "us-east-1")
        told = {"arn": f"arn:aws:mock:{region}:123456789012:{args.name}", "zoneId": "Z0123456789EXAMPLE"}
        if args.typ == "aws:s3/bucket:Bucket":
            told |= {"bucket": args.name, "bucketRegionalDomainName": f"{args.name}.s3.{region}.amazonaws.com"}
        return f"{args.name}-id", {**args.inputs, **told}


def declared_zone(program: Callable[[], object], loop: asyncio.AbstractEventLoop) -> dict[str, list[dict[str, Any]]]:
    """Run a program under mocks; its `ResourceRecordSets` and `HealthChecks`, as the API would list them."""
    recorder = _Recorder()
    mocks.set_mocks(recorder, project="seawall", stack="test", preview=False)

    @pulumi.runtime.test
    def main() -> None:
        program()

    main()
    while pending := asyncio.all_tasks(loop):
        loop.run_until_complete(asyncio.gather(*pending))
    return {
        "ResourceRecordSets": [_record(inputs) for kind, _, inputs in recorder.made if kind == RECORD],
        "HealthChecks": [_check(f"{name}-id", inputs) for kind, name, inputs in recorder.made if kind == CHECK],
    }


def _plain(value: Any) -> Any:
    """Pulumi's mocks turn whole numbers into floats."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _record(inputs: Mapping[str, Any]) -> dict[str, Any]:
    record: dict[str, Any] = {"Name": f"{inputs['name']}.", "Type": inputs["type"]}
    if "aliases" in inputs:
        (alias,) = inputs["aliases"]
        record["AliasTarget"] = {
            "DNSName": f"{alias['name']}.",
            "HostedZoneId": alias["zoneId"],
            "EvaluateTargetHealth": alias["evaluateTargetHealth"],
        }
    else:
        record |= {"TTL": _plain(inputs["ttl"]), "ResourceRecords": [{"Value": each} for each in inputs["records"]]}
    for key, name in (("setIdentifier", "SetIdentifier"), ("healthCheckId", "HealthCheckId")):
        if key in inputs:
            record[name] = inputs[key]
    for key, field, name in (
        ("failoverRoutingPolicies", "type", "Failover"),
        ("weightedRoutingPolicies", "weight", "Weight"),
        ("latencyRoutingPolicies", "region", "Region"),
    ):
        if key in inputs:
            record[name] = _plain(inputs[key][0][field])
    return record


def _check(id_: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    config = {name: _plain(inputs[key]) for key, name in CHECK_KEYS.items() if key in inputs}
    if "cloudwatchAlarmName" in inputs:
        config["AlarmIdentifier"] = {"Region": inputs["cloudwatchAlarmRegion"], "Name": inputs["cloudwatchAlarmName"]}
    return {"Id": id_, "HealthCheckConfig": {"Type": inputs["type"], **config}}
