"""Snapshots for people and for scripts."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

import typer

from seawall_ops.recovery.pruning import Verdict
from seawall_ops.recovery.snapshots import Snapshot, judged
from seawall_ops.tables import print_table

__all__ = ["as_dict", "at", "row", "show_verdicts"]


def show_verdicts(verdicts: Sequence[Verdict], ends: Mapping[str, str], *, run: bool, as_json: bool) -> None:
    """A line per snapshot with its reason; with `run` how each deletion ended, by ARN in `ends`."""

    def word(each: Verdict) -> str:
        if not each.delete:
            return "keep"
        if not run:
            return "delete"
        end = ends.get(each.snapshot.arn, "not begun")
        return "deleted" if end == "done" else end

    if as_json:
        rows = [
            {**as_dict(each.snapshot), "delete": each.delete, "because": each.because, "end": word(each)}
            for each in verdicts
        ]
        typer.echo(json.dumps({"dry_run": not run, "snapshots": rows}, indent=2))
        return
    print_table(
        ("region", "snapshot", "taken at", "", "because"),
        [
            (each.snapshot.region, each.snapshot.name, at(each.snapshot.taken_at), word(each), each.because)
            for each in verdicts
        ],
    )
    if not run:
        typer.echo("dry run: nothing was changed")


def row(each: Snapshot) -> tuple[str, ...]:
    """A line of the list."""
    return (
        each.region,
        each.name,
        each.instance,
        judged(each).shown,
        at(each.taken_at),
        str(each.size_gib),
        "yes" if each.encrypted else "no",
        at(each.proved_at),
        (each.copied_from or "-").rpartition(":")[2],
    )


def as_dict(each: Snapshot) -> dict[str, object]:
    """As plain data; sizes in GiB, times in ISO 8601."""
    return {
        "region": each.region,
        "name": each.name,
        "arn": each.arn,
        "instance": each.instance,
        "status": each.status,
        "taken_at": None if each.taken_at is None else each.taken_at.isoformat(),
        "size_gib": each.size_gib,
        "encrypted": each.encrypted,
        "kms_key": each.kms_key,
        "copied_from": each.copied_from,
        "proved_at": None if each.proved_at is None else each.proved_at.isoformat(),
        "tags": dict(each.tags),
    }


def at(when: datetime | None) -> str:
    """A time in ISO 8601, to the second."""
    return "-" if when is None else when.isoformat(timespec="seconds")
