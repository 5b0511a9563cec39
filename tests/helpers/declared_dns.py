"""What a program registered, as Route 53's API would list it: for the rules by which it is answered."""

from collections.abc import Iterable, Mapping
from typing import Any

from seawall_ops.dns import Client, Situation, Thing, ThingKind, World, parse_checks, parse_zone, regions_of, situation

RECORD = "aws:route53/record:Record"
CHECK = "aws:route53/healthCheck:HealthCheck"
CHECK_MEMBERS = {
    "fqdn": "FullyQualifiedDomainName",
    "ipAddress": "IPAddress",
    "invertHealthcheck": "Inverted",
    "childHealthchecks": "ChildHealthChecks",
    "routingControlArn": "RoutingControlArn",
    "insufficientDataHealthStatus": "InsufficientDataHealthStatus",
}


def world(made: Iterable[Any], regions: Mapping[str, str]) -> World:
    """A zone and its checks.

    Args:
        made: What was registered: `type`, `name` and `inputs` each.
        regions: The region of an address or a load balancer, where its name does not tell.
    """
    made = list(made)
    zone = parse_zone([_record(one.inputs) for one in made if one.type == RECORD])
    checks = parse_checks([_check(one.name, one.inputs) for one in made if one.type == CHECK])
    return World(zone, checks, regions_of(zone, dict(regions)))


def _record(inputs: Mapping[str, Any]) -> dict[str, Any]:
    wire: dict[str, Any] = {"Name": inputs["name"], "Type": inputs["type"]}
    for alias in inputs.get("aliases", []):
        wire["AliasTarget"] = {
            "DNSName": alias["name"],
            "HostedZoneId": alias["zoneId"],
            "EvaluateTargetHealth": alias["evaluateTargetHealth"],
        }
    if "records" in inputs:
        wire |= {"TTL": int(inputs["ttl"]), "ResourceRecords": [{"Value": value} for value in inputs["records"]]}
    for name, member in (("setIdentifier", "SetIdentifier"), ("healthCheckId", "HealthCheckId")):
        if name in inputs:
            wire[member] = inputs[name]
    for policy in inputs.get("failoverRoutingPolicies", []):
        wire["Failover"] = policy["type"]
    for policy in inputs.get("weightedRoutingPolicies", []):
        wire["Weight"] = int(policy["weight"])
    for policy in inputs.get("latencyRoutingPolicies", []):
        wire["Region"] = policy["region"]
    return wire


def _check(name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = {"Type": inputs["type"]}
    config |= {member: inputs[key] for key, member in CHECK_MEMBERS.items() if key in inputs}
    if "childHealthThreshold" in inputs:
        config["HealthThreshold"] = int(inputs["childHealthThreshold"])
    if "cloudwatchAlarmName" in inputs:
        config["AlarmIdentifier"] = {"Name": inputs["cloudwatchAlarmName"], "Region": inputs["cloudwatchAlarmRegion"]}
    return {"Id": f"{name}-id", "HealthCheckConfig": config}


def answered(of: World, name: str, *failed: str, client: str = "eu-west-1") -> Situation:
    """What a client gets for a name's A records while these have failed: `region=…`, `endpoint=…`, `check=…`."""
    things = [Thing(ThingKind(kind), what) for kind, _, what in (one.partition("=") for one in failed)]
    return situation(of, name, "A", Client(client), things)
