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
from localcloud.findings import Finding, unlike
from localcloud.verify_arbiter import arbiter_tables
from localcloud.verify_backups import backups
from localcloud.verify_dashboards import dashboards
from localcloud.verify_escalation import escalations
from localcloud.verify_identity import faults, identities
from localcloud.verify_monitoring import alert_rules
from localcloud.verify_names import names
from localcloud.verify_observers import observers
from localcloud.verify_postgres import replication
from localcloud.verify_release import releases
from localcloud.verify_topology import config_maps, databases, instances, topologies

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
            `backups`, `arbiter`, `faults`, `identities`, `pipeline`, `observers`, `monitoring`, `escalation`, `dashboards`, `releases`.
        endpoint: The cloud's address.
        recorded_file: Where the provider plugin keeps what the cloud cannot emulate.
        manifests: Where the Kubernetes plugin has rendered, a folder per cluster.
        shops: Instances of the demo app, which are asked too.
        servers: The PostgreSQL servers behind the database's members, if they run.
    """
    import boto3  # heavy: not before it is needed

    session = boto3.Session(aws_access_key_id="local", aws_secret_access_key="local")  # noqa: S106 -- not a secret
    look_up = instances(session, endpoint)
    return Report(
        (
            *names(session, endpoint, outputs, recorded_file),
            *topologies(session, endpoint, outputs, look_up),
            *databases(outputs, look_up),
            *backups(session, endpoint, outputs),
            *arbiter_tables(session, endpoint, outputs),
            *faults(session, endpoint, outputs),
            *identities(session, endpoint, outputs, recorded_file),
            *config_maps(outputs, manifests),
            *alert_rules(outputs, manifests),
            *escalations(outputs, manifests),
            *dashboards(outputs, manifests),
            *observers(outputs, manifests),
            *releases(outputs, manifests),
            *replication(servers),
            *_shops(shops, outputs, servers),
        )
    )


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
