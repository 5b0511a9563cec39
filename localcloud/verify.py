"""Read an environment back from the cloud's own API, compare it with what the program says, and show both.

The program's outputs are its claim; boto3 against the cloud is the evidence. Whatever differs is named.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from localcloud.apps import AppInstance, ask, order_and_find
from localcloud.databases import Databases
from localcloud.findings import Finding, bare, unlike
from localcloud.provider.recorded import recorded
from localcloud.verify_backups import backups
from localcloud.verify_identity import faults, identities
from localcloud.verify_postgres import replication
from localcloud.verify_switch import switches
from localcloud.verify_topology import config_maps, databases, instances, topologies

ALARM_REGION: Final = "us-east-1"  # where metrics of Route 53, and so their alarms, live
HEALTH_METRIC: Final = "HealthCheckStatus"
HTTP_OK: Final = 200


@dataclass(frozen=True)
class Report:
    """Everything that was read back."""

    findings: tuple[Finding, ...]

    @property
    def matches(self) -> bool:
        """Nothing differs, and there was something to compare."""
        return bool(self.findings) and not any(finding.differences for finding in self.findings)

    @property
    def summary(self) -> str:
        wrong = sum(bool(finding.differences) for finding in self.findings)
        noted = sum(finding.recorded_only for finding in self.findings)
        tail = f", {noted} recorded only" if noted else ""
        return (
            f"{len(self.findings)} compared, {wrong} differ{tail}"
            if wrong
            else f"{len(self.findings)} as declared{tail}"
        )


def read_back(
    outputs: Mapping[str, Any],
    *,
    endpoint: str,
    recorded_file: Path,
    manifests: Path,
    shops: Sequence[AppInstance] = (),
    servers: Databases | None = None,
) -> Report:
    """Compare a stack's outputs with what the cloud at `endpoint` has.

    Args:
        outputs: The program's outputs: `zone_id`, `fqdn`, `records`, `health_checks`, `alarms`, `switch`, `topology`, `database`,
            `backups`, `faults`, `identities`, `pipeline`.
        endpoint: The cloud's address.
        recorded_file: Where the provider plugin keeps what the cloud cannot emulate.
        manifests: Where the Kubernetes plugin has rendered, a folder per cluster.
        shops: Instances of the demo app, which are asked too.
        servers: The PostgreSQL servers behind the database's members, if they run.
    """
    import boto3  # heavy: not before it is needed

    session = boto3.Session(aws_access_key_id="local", aws_secret_access_key="local")  # noqa: S106 -- not a secret
    route53 = session.client("route53", region_name=ALARM_REGION, endpoint_url=endpoint)
    cloudwatch = session.client("cloudwatch", region_name=ALARM_REGION, endpoint_url=endpoint)
    look_up = instances(session, endpoint)
    return Report(
        (
            *_zone(route53, outputs),
            *_records(route53, outputs),
            *_health_checks(route53, outputs),
            *_alarms(cloudwatch, outputs, recorded_file),
            *switches(session, endpoint, outputs, recorded_file),
            *topologies(session, endpoint, outputs, look_up),
            *databases(outputs, look_up),
            *backups(session, endpoint, outputs),
            *faults(session, endpoint, outputs),
            *identities(session, endpoint, outputs, recorded_file),
            *config_maps(outputs, manifests),
            *replication(servers),
            *_shops(shops, outputs, servers),
        )
    )


def _zone(route53: Any, outputs: Mapping[str, Any]) -> Iterator[Finding]:
    zones = {zone["Id"].rsplit("/", 1)[-1]: zone for zone in route53.list_hosted_zones()["HostedZones"]}
    zone = zones.get(outputs["zone_id"])
    name = f"{outputs['zone_name']} ({outputs['zone_id']})"
    if zone is None:
        yield Finding("zone", name, "missing", ("does not exist",))
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
            yield Finding("record", title, "missing", ("does not exist",))
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
            yield Finding("health check", claim["name"], "missing", ("does not exist",))
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
            yield Finding("alarm", name, "missing", ("does not exist",))


def _shops(shops: Sequence[AppInstance], outputs: Mapping[str, Any], servers: Databases | None) -> Iterator[Finding]:
    """Each instance of the demo app: ready, of one mind about the primary, able to reach it, and to keep an order."""
    ports = {address.rpartition(":")[2]: member for member, address in servers.members.items()} if servers else {}
    for shop in shops:
        ready, _ = ask(shop, "/readyz")
        _, view = ask(shop, "/region")
        _, stock = ask(shop, "/products/lamp/stock")
        claim, view, stock = outputs["topology"], view or {}, stock or {}
        read_in = ports.get(str(order_and_find(shop))) if servers else None
        yield Finding(
            "shop",
            f"{shop.region} {shop.url}",
            f"ready, epoch {view.get('epoch')}, primary {view.get('primary')}, stock counted in {stock.get('counted_in')}"
            + (f", an order found at {read_in}" if read_in else ""),
            unlike(
                {
                    "readiness": (HTTP_OK, ready),
                    "region": (shop.region, view.get("region")),
                    "primary": (claim["primary_region"], view.get("primary")),
                    "stock counted in": (claim["primary_region"], stock.get("counted_in")),
                    "keeps orders": (servers is not None, read_in is not None),
                }
            ),
        )


def _record_key(record: Mapping[str, Any]) -> tuple[str, str, str]:
    return bare(record["Name"]), record["Type"], record.get("SetIdentifier", "")


def _values(record: Mapping[str, Any]) -> list[str]:
    return [value["Value"] for value in record.get("ResourceRecords", [])]


def show(report: Report, outputs: Mapping[str, Any], console: Console) -> None:
    """Print what exists, and the predicted recovery with each of its terms."""
    table = Table(title=f"What exists of {outputs['fqdn']}", title_justify="left", header_style="bold")
    for column in ("what", "name", "read back from the cloud", ""):
        table.add_column(column, overflow="fold")
    for finding in report.findings:
        mark = "[yellow]recorded[/]" if finding.recorded_only else "[green]✓[/]"
        if finding.differences:
            mark = "[red]" + escape("; ".join(finding.differences)) + "[/]"
        table.add_row(finding.kind, escape(finding.name), escape(finding.found), mark)
    console.print(table)

    table = Table(
        title="Predicted: how long it is down, and how much is lost, in seconds",
        title_justify="left",
        header_style="bold",
    )
    table.add_column("failure, path")
    table.add_column("term")
    table.add_column("typical s", justify="right")
    table.add_column("worst s", justify="right")
    table.add_column("source")
    for prediction in outputs["predictions"]:
        measure = "lost" if prediction["measure"] == "recovery_point_seconds" else "down"
        title = f"{prediction['failure_class']}, {prediction['path']} {measure}"
        for term in prediction["terms"]:
            source = f"[yellow]{term['source']}[/]" if term["source"] == "assumed" else term["source"]
            table.add_row(title, term["name"], f"{term['typical_seconds']:g}", f"{term['worst_seconds']:g}", source)
            title = ""
        total = f"{prediction['typical_seconds']:g}", f"{prediction['worst_seconds']:g}"
        table.add_row("", "[bold]sum[/]", f"[bold]{total[0]}[/]", f"[bold]{total[1]}[/]", "", end_section=True)
    console.print(table)
    for left_out in dict.fromkeys(line for prediction in outputs["predictions"] for line in prediction["not_included"]):
        console.print(f"[dim]not included: {escape(left_out)}[/]")
    for warning in outputs.get("warnings", []):
        console.print(f"[yellow]warning:[/] {escape(warning)}")
