"""Whether zones, records, checks, their alarms and the switch are what the program says."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from localcloud.findings import GONE, Finding, bare, unlike
from localcloud.provider.recorded import recorded
from localcloud.verify_switch import switches

ALARM_REGION: Final = "us-east-1"  # where metrics of Route 53, and so their alarms, live
HEALTH_METRIC: Final = "HealthCheckStatus"


def names(session: Any, endpoint: str, outputs: Mapping[str, Any], recorded_file: Path) -> Iterator[Finding]:
    """One finding per zone, record set, health check, alarm and switched region.

    Args:
        session: Of boto3.
        endpoint: The cloud's address.
        outputs: The program's: `zone_id`, `zone_name`, `records`, `health_checks`, `alarms`, `switch`.
        recorded_file: Where the provider plugin keeps what the cloud cannot emulate.
    """
    route53 = session.client("route53", region_name=ALARM_REGION, endpoint_url=endpoint)
    cloudwatch = session.client("cloudwatch", region_name=ALARM_REGION, endpoint_url=endpoint)
    yield from _zone(route53, outputs)
    yield from _records(route53, outputs)
    yield from _health_checks(route53, outputs)
    yield from _alarms(cloudwatch, outputs, recorded_file)
    yield from switches(session, endpoint, outputs, recorded_file)


def _zone(route53: Any, outputs: Mapping[str, Any]) -> Iterator[Finding]:
    zones = {zone["Id"].rsplit("/", 1)[-1]: zone for zone in route53.list_hosted_zones()["HostedZones"]}
    zone = zones.get(outputs["zone_id"])
    name = f"{outputs['zone_name']} ({outputs['zone_id']})"
    if zone is None:
        yield Finding("zone", name, "missing", GONE)
        return
    yield Finding(
        "zone",
        name,
        f"{zone['ResourceRecordSetCount']} record sets",
        unlike({"name": (outputs["zone_name"], bare(zone["Name"]))}),
    )


def _records(route53: Any, outputs: Mapping[str, Any]) -> Iterator[Finding]:
    pages = route53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=outputs["zone_id"])
    present = {_record_key(record): record for page in pages for record in page["ResourceRecordSets"]}
    for claim in outputs["records"]:
        key = (bare(claim["name"]), claim["type"], claim["set_identifier"] or "")
        record = present.pop(key, None)
        title = f"{key[0]} {key[1]} {key[2]}".strip()
        if record is None:
            yield Finding("record", title, "missing", GONE)
            continue
        alias = record.get("AliasTarget")
        target = alias["DNSName"] if alias else ", ".join(_values(record))
        lifetime = "alias" if alias else f"TTL {record['TTL']} s"
        yield Finding(
            "record",
            title,
            f"{_policy(record)} → {target}, {lifetime}",
            unlike(
                {
                    "values": (sorted(claim["values"]), [] if alias else sorted(_values(record))),
                    "alias": (bare(claim["alias"] or ""), bare(alias["DNSName"]) if alias else ""),
                    "ttl_seconds": (claim["ttl_seconds"], record.get("TTL")),
                    "failover": (claim["failover"], record.get("Failover")),
                    "weight": (claim["weight"], record.get("Weight")),
                    "latency_region": (claim["latency_region"], record.get("Region")),
                    "health_check_id": (claim["health_check_id"], record.get("HealthCheckId")),
                }
            ),
        )
    routed = {bare(claim["name"]) for claim in outputs["records"] if claim["set_identifier"]}
    for name, kind, identifier in present:
        if name in routed:
            yield Finding("record", f"{name} {kind} {identifier}", "present", ("nobody declared it",))


def _policy(record: Mapping[str, Any]) -> str:
    """How Route 53 chooses among the records of the name, in a word or two."""
    if "Weight" in record:
        return f"weight {record['Weight']}"
    return record.get("Failover", "").lower() or (f"latency {record['Region']}" if "Region" in record else "simple")


def _health_checks(route53: Any, outputs: Mapping[str, Any]) -> Iterator[Finding]:
    pages = route53.get_paginator("list_health_checks").paginate()
    present = {check["Id"]: check["HealthCheckConfig"] for page in pages for check in page["HealthChecks"]}
    for claim in outputs["health_checks"]:
        config = present.get(claim["id"])
        if config is None:
            yield Finding("health check", claim["name"], "missing", GONE)
            continue
        host = config.get("IPAddress") or config.get("FullyQualifiedDomainName") or ""
        where = f" {host}:{config.get('Port', '')}{config.get('ResourcePath', '')}" if host else ""
        pace = f", every {config['RequestInterval']} s, {config['FailureThreshold']} to fail" if host else ""
        yield Finding(
            "health check",
            claim["name"],
            f"{config['Type']}{where}{pace}",
            unlike(
                {
                    "type": (claim["type"], config["Type"]),
                    "host": (host if claim["host"] is None else claim["host"], host),
                    "inverted": (claim["inverted"], config.get("Inverted", False)),
                    "interval_seconds": (claim["interval_seconds"], config.get("RequestInterval")),
                    "failure_threshold": (claim["failure_threshold"], config.get("FailureThreshold")),
                    "children": (claim["children"] or [], sorted(config.get("ChildHealthChecks", []))),
                }
            ),
        )


def _alarms(cloudwatch: Any, outputs: Mapping[str, Any], recorded_file: Path) -> Iterator[Finding]:
    pages = cloudwatch.get_paginator("describe_alarms").paginate()
    present = {alarm["AlarmName"]: alarm for page in pages for alarm in page["MetricAlarms"]}
    noted = {entry.properties.get("alarmName") for entry in recorded(recorded_file)}
    for claim in outputs["alarms"]:
        name = str(claim["name"])
        if name in present:
            alarm = present[name]
            watched = {item["Value"] for item in alarm["Dimensions"] if item["Name"] == "HealthCheckId"}
            yield Finding(
                "alarm",
                name,
                f"{alarm['MetricName']} {alarm['Statistic']}, {len(alarm['AlarmActions'])} actions, {alarm['StateValue']}",
                unlike(
                    {
                        "metric": (HEALTH_METRIC, alarm["MetricName"]),
                        "health_check_id": ({claim["health_check_id"]}, watched),
                    }
                ),
            )
        elif name in noted:
            yield Finding("alarm", name, "recorded only: moto has no composite alarms", recorded_only=True)
        else:
            yield Finding("alarm", name, "missing", GONE)


def _record_key(record: Mapping[str, Any]) -> tuple[str, str, str]:
    return bare(record["Name"]), record["Type"], record.get("SetIdentifier", "")


def _values(record: Mapping[str, Any]) -> list[str]:
    return [value["Value"] for value in record.get("ResourceRecords", [])]
