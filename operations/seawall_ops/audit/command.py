"""`seawall audit`: read the record, and tell whether it is whole."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from seawall.errors import InvalidInput
from seawall_ops.audit.facts import Kind, Unrecognized, encode
from seawall_ops.audit.files import AuditFile, TornLine
from seawall_ops.audit.objects import PREFIX, S3Sink
from seawall_ops.audit.records import Record
from seawall_ops.audit.sinks import Sink
from seawall_ops.audit.tables import TableSink
from seawall_ops.audit.trail import send_all
from seawall_ops.audit.verifying import compare, verify
from seawall_ops.exits import ExitCode
from seawall_ops.files import reading
from seawall_ops.places import audit_file
from seawall_ops.tables import print_table

__all__ = ["app"]

SHOW_EPILOG: Final = (
    "Example: seawall audit show --operation failover-region-7f3a09c2 --kind decision --kind result. "
    "Exit codes: 0 shown, 2 wrong input, 3 AWS could not be asked."
)
VERIFY_EPILOG: Final = (
    "Example: seawall audit verify --bucket acme-audit --region eu-central-1. "
    "Exit codes: 0 whole, 1 something was changed, is missing or has not arrived, 2 wrong input, 3 AWS could not be asked."
)
SEND_EPILOG: Final = (
    "Example: seawall audit send --bucket acme-audit --region eu-central-1. "
    "Exit codes: 0 it has everything, 1 it holds a record otherwise, 2 wrong input, 3 AWS could not be asked."
)
Files = Annotated[
    list[Path] | None, typer.Option("--file", help="Default: this machine's own; may be repeated, oldest first.")
]
Bucket = Annotated[str | None, typer.Option("--bucket", help="An S3 bucket that has the record, too.")]
Prefix = Annotated[str, typer.Option("--prefix", help="Of the keys in the bucket.")]
Table = Annotated[str | None, typer.Option("--table", help="A DynamoDB table that has the record, too.")]
Region = Annotated[str | None, typer.Option("--region", help="Of bucket and table; default the user's own.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]

app: Final = typer.Typer(help="The record of what operators' tools did.", no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class _Place:
    name: str
    found: tuple[Record | TornLine, ...]

    @property
    def records(self) -> list[Record]:
        return [each for each in self.found if isinstance(each, Record)]


@app.command(epilog=SHOW_EPILOG)
def show(
    file: Files = None,
    bucket: Bucket = None,
    prefix: Prefix = PREFIX,
    table: Table = None,
    region: Region = None,
    operation: Annotated[str | None, typer.Option("--operation", help="Only this operation.")] = None,
    kind: Annotated[list[Kind] | None, typer.Option("--kind", help="Only this kind; may be repeated.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="Only from this time on, e.g. 2026-11-25T03:00, in UTC.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what was recorded, oldest first: from a file, or with --bucket or --table from there."""
    begin = _time(since)
    sinks = _sinks(bucket, prefix, table, region)
    places = [_Place(sink.name, tuple(sink.read(operation))) for sink in sinks] if sinks and not file else _files(file)
    kinds = [each.value for each in kind or ()]
    records = {
        record.key: record
        for place in places
        for record in place.records
        if operation in (None, record.operation)
        and (record.kind in kinds or not kinds)
        and (begin is None or record.at >= begin)
    }
    chosen = sorted(records.values(), key=lambda one: (one.at, one.chain, one.sequence))
    if as_json:
        typer.echo(json.dumps([json.loads(record.line) for record in chosen], indent=2))
        return
    print_table(("at", "operation", "kind", "what", "actor", "host", "fence"), [_row(record) for record in chosen])
    torn = sum(isinstance(each, TornLine) for place in places for each in place.found)
    if torn:
        typer.echo(f"{torn} torn lines are left aside", err=True)


@app.command("verify", epilog=VERIFY_EPILOG)
def verify_command(
    file: Files = None,
    bucket: Bucket = None,
    prefix: Prefix = PREFIX,
    table: Table = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Tell whether the record is whole: in the file, and where --bucket or --table is given there and in both alike."""
    places = [
        *_files(file),
        *(_Place(sink.name, tuple(sink.read())) for sink in _sinks(bucket, prefix, table, region)),
    ]
    findings = [(place.name, finding) for place in places for finding in verify(place.found)]
    findings += [("compared", finding) for finding in compare({place.name: place.records for place in places})]
    counts = ", ".join(f"{len(place.records)} in {place.name}" for place in places)
    if as_json:
        rows = [
            {"place": place, "fault": one.fault.value, "where": one.where, "because": one.because}
            for place, one in findings
        ]
        typer.echo(
            json.dumps({"records": {place.name: len(place.records) for place in places}, "findings": rows}, indent=2)
        )
    elif findings:
        rows = [(place, one.fault.value, one.where, one.because) for place, one in findings]
        print_table(("place", "fault", "where", "because"), rows)
        typer.echo(f"not whole: {len(findings)} findings; records: {counts}")
    else:
        typer.echo(f"whole; records: {counts}")
    if findings:
        raise typer.Exit(ExitCode.ATTENTION)


@app.command(epilog=SEND_EPILOG)
def send(
    bucket: Bucket = None,
    prefix: Prefix = PREFIX,
    table: Table = None,
    region: Region = None,
    file: Annotated[Path | None, typer.Option("--file", help="Default: this machine's own.")] = None,
) -> None:
    """Send what a bucket or a table does not have yet, e.g. after an outage in which it could not be reached."""
    sinks = _sinks(bucket, prefix, table, region)
    if not sinks:
        raise InvalidInput("--bucket", None, allowed="a bucket, or --table with a table")
    path = file or audit_file()
    conflicts = 0
    for sink in sinks:
        with reading("--file", path):
            sent, differing = send_all(AuditFile(path), sink)
        typer.echo(f"{sink.name} has all {sent} records of {path}")
        for conflict in differing:
            typer.echo(str(conflict), err=True)
        conflicts += len(differing)
    if conflicts:
        raise typer.Exit(ExitCode.ATTENTION)


def _files(paths: list[Path] | None) -> list[_Place]:
    paths = paths or [audit_file()]
    found: list[Record | TornLine] = []
    for path in paths:
        with reading("--file", path):
            found += [each for _, each in AuditFile(path).read()]
    return [_Place(", ".join(map(str, paths)), tuple(found))]


def _sinks(bucket: str | None, prefix: str, table: str | None, region: str | None) -> Sequence[Sink]:
    sinks: list[Sink] = []
    if bucket:
        sinks.append(S3Sink(bucket, region=region, prefix=prefix))
    if table:
        sinks.append(TableSink(table, region=region))
    return sinks


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput("--since", text, allowed="a time like 2026-11-25T03:00") from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _row(record: Record) -> tuple[str, ...]:
    values = record.fact.values if isinstance(record.fact, Unrecognized) else encode(record.fact)
    what = ", ".join(_cell(name, value) for name, value in values.items() if value not in ("", None))
    fence = "-" if record.fence is None else str(record.fence)
    at = record.at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    return at, record.operation, record.kind, what, record.actor, record.host, fence


def _cell(name: str, value: object) -> str:
    return f"{value:.3g} s" if isinstance(value, float) and name == "seconds" else str(value)
