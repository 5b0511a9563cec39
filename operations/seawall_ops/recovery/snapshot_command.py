"""`seawall snapshot`: take, copy, list, verify and prune an RDS instance's own manual snapshots."""

import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from seawall.errors import CloudUnavailable
from seawall_ops.audit import Decision, Trail
from seawall_ops.exits import ExitCode
from seawall_ops.failover.plans.rds_waiting import Progress
from seawall_ops.places import audit_file, operations_folder
from seawall_ops.recovery.pruning import Keeping, Verdict, decide
from seawall_ops.recovery.showing import as_dict, at, row, show_verdicts
from seawall_ops.recovery.snapshots import Snapshot, judged
from seawall_ops.recovery.waiting import WAIT_SECONDS, Waiting
from seawall_ops.steps import (
    Asked,
    Cancellation,
    Operation,
    Plan,
    cancelled_by_signals,
    confirmed_by_name,
    new_operation_id,
)
from seawall_ops.tables import print_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from seawall_ops.recovery.snapshot_api import SnapshotApi

__all__ = ["app"]

RUN_CODES: Final = (
    "Exit codes: 0 done, or nothing is in the way of a dry run, 1 something is in its way, 2 wrong input, 3 AWS could not be "
    "asked, 4 it failed and was undone, 5 it is pending or was stopped: resume it, 6 it is stuck, 130 interrupted."
)
CREATE_EPILOG: Final = f"Example: seawall snapshot create shop --region eu-west-1 --run. {RUN_CODES}"
COPY_EPILOG: Final = (
    "Example: seawall snapshot copy seawall-shop-snapshot-create-7f3a09c2 --from-region eu-west-1 --to-region eu-central-1 "
    f"--kms-key alias/backups --run. {RUN_CODES}"
)
LIST_EPILOG: Final = (
    "Example: seawall snapshot list --region eu-west-1 --region eu-central-1. "
    "Exit codes: 0 listed, 1 one of them failed, 2 wrong input, 3 AWS could not be asked."
)
VERIFY_EPILOG: Final = (
    "Example: seawall snapshot verify seawall-shop-snapshot-create-7f3a09c2 --region eu-west-1 --instance shop. "
    "Exit codes: 0 available or proved, 1 not to be relied on, 2 wrong input, 3 AWS could not be asked."
)
PRUNE_EPILOG: Final = (
    "Example: seawall snapshot prune --region eu-west-1 --region eu-central-1 --keep 7 --keep-days 30. "
    "Exit codes: 0 nothing to delete, or all of it deleted, 1 something would be deleted, or could not be, 2 wrong input, "
    "3 AWS could not be asked, 130 interrupted."
)

app: Final = typer.Typer(
    help="Manual snapshots of an RDS instance: those that this command has made.", no_args_is_help=True
)

Region = Annotated[str, typer.Option("--region", help="Where it is.")]
Regions = Annotated[list[str], typer.Option("--region", help="Repeat it for each region.")]
Run = Annotated[bool, typer.Option("--run", help="Do it. Without it nothing is changed.")]
Resume = Annotated[str | None, typer.Option("--resume", metavar="ID", help="Go on with an operation, by its id.")]
Undo = Annotated[str | None, typer.Option("--undo", metavar="ID", help="Delete what an operation has made.")]
Why = Annotated[str | None, typer.Option("--why", help="Of an undo; recorded.")]
Wait = Annotated[float, typer.Option("--wait-seconds", help="For quotas and RDS together; then it rests.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]


@app.command(epilog=CREATE_EPILOG)
def create(
    instance: Annotated[str, typer.Argument(help="Identifier of the RDS instance.")],
    region: Region,
    run: Run = False,
    resume: Resume = None,
    undo: Undo = None,
    why: Why = None,
    wait_seconds: Wait = WAIT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Take a snapshot, and wait until it is there. Dry by default: the plan is shown."""
    from seawall_ops.recovery.snapshot_steps import CREATE, create_plan

    asked = Asked(run=run, resume=resume, undo=undo, why=why, as_json=as_json)
    again = ["seawall", "snapshot", "create", instance, "--region", region]
    with _answered():
        api = _api()
        _conduct(
            CREATE,
            lambda waiting: create_plan(api, region=region, instance=instance, waiting=waiting),
            wait_seconds,
            again,
            asked,
        )


@app.command(epilog=COPY_EPILOG)
def copy(
    snapshot: Annotated[str, typer.Argument(help="Name of a snapshot that `seawall snapshot` has made.")],
    from_region: Annotated[str, typer.Option("--from-region", help="Where it is.")],
    to_region: Annotated[str, typer.Option("--to-region", help="Where the copy is to be.")],
    kms_key: Annotated[
        str | None,
        typer.Option("--kms-key", help="Of the copy, in its region; needed where the snapshot is encrypted."),
    ] = None,
    run: Run = False,
    resume: Resume = None,
    undo: Undo = None,
    why: Why = None,
    wait_seconds: Wait = WAIT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Copy a snapshot to a region, under a key of that region. Dry by default: the plan is shown."""
    from seawall_ops.recovery.snapshot_steps import COPY, copy_plan

    asked = Asked(run=run, resume=resume, undo=undo, why=why, as_json=as_json)
    again = ["seawall", "snapshot", "copy", snapshot, "--from-region", from_region, "--to-region", to_region]
    again += [] if kms_key is None else ["--kms-key", kms_key]

    def plan(waiting: Waiting) -> Plan:
        return copy_plan(
            api, source=snapshot, source_region=from_region, region=to_region, kms_key=kms_key, waiting=waiting
        )

    with _answered():
        api = _api()
        _conduct(COPY, plan, wait_seconds, again, asked)


@app.command("list", epilog=LIST_EPILOG)
def list_(
    region: Regions,
    instance: Annotated[str | None, typer.Option("--instance", help="Only of that instance.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the snapshots that this command has made, in all regions that are named."""
    with _answered():
        found = [each for each in _every(_api(), region) if each.ours and instance in (None, each.instance)]
    found.sort(key=lambda each: (each.instance, at(each.taken_at), each.region))
    if as_json:
        typer.echo(json.dumps({"snapshots": [as_dict(each) for each in found]}, indent=2))
    elif found:
        header = ("region", "snapshot", "instance", "status", "taken at", "GiB", "encrypted", "proved at", "copy of")
        print_table(header, [row(each) for each in found])
    else:
        typer.echo("none")
    if any(judged(each).progress is Progress.FAILED for each in found):
        raise typer.Exit(ExitCode.ATTENTION)


@app.command(epilog=VERIFY_EPILOG)
def verify(
    snapshot: Annotated[str, typer.Argument(help="Name of a snapshot that `seawall snapshot` has made.")],
    region: Region,
    instance: Annotated[str | None, typer.Option("--instance", help="Instance that it has to be of.")] = None,
    kms_key: Annotated[str | None, typer.Option("--kms-key", help="Key that it has to be under.")] = None,
    size_gib: Annotated[
        int | None, typer.Option("--size-gib", help="Storage that it holds at least, in GiB.", min=1)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say whether a snapshot is available, or proved by a drill; also that its key can still be used."""
    from seawall_ops.recovery.verifying import verify as look

    with _answered():
        found = look(_api(), region, snapshot, instance=instance, kms_key=kms_key, size_gib=size_gib)
    if as_json:
        checks = [{"name": each.name, "passed": each.passed, "shown": each.shown} for each in found.checks]
        document = {**as_dict(found.snapshot), "said": found.said, "passed": found.passed, "checks": checks}
        typer.echo(json.dumps(document, indent=2))
    else:
        print_table(
            ("check", "passed", "shown"),
            [(each.name, "yes" if each.passed else "no", each.shown) for each in found.checks],
        )
        typer.echo(f"{snapshot}: {found.said}")
    if not found.passed:
        raise typer.Exit(ExitCode.ATTENTION)


@app.command(epilog=PRUNE_EPILOG)
def prune(
    region: Regions,
    keep: Annotated[int, typer.Option("--keep", help="So many of each instance in each region, at least 1.")],
    keep_days: Annotated[float, typer.Option("--keep-days", help="And all that is not older than this.")] = 0.0,
    instance: Annotated[str | None, typer.Option("--instance", help="Only of that instance.")] = None,
    run: Run = False,
    wait_seconds: Wait = WAIT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Delete what is not kept: an operation for each. Dry by default: each snapshot is shown with the reason.

    Name every region that has copies: one that is made in a region that is not named is not seen.
    """
    keeping = Keeping(last=keep, days=keep_days)
    deleted: dict[str, str] = {}
    stopped = ""
    with _answered(), Trail(audit_file()) as trail, cancelled_by_signals() as cancellation:
        api = _api()
        everything = [_with_shares(api, each) for each in _every(api, region)]
        verdicts = [
            each
            for each in decide(everything, keeping, datetime.now(UTC))
            if each.snapshot.ours and instance in (None, each.snapshot.instance)
        ]
        waiting = Waiting(seconds=wait_seconds, told=_tell, cancelled=lambda: cancellation.because)
        for each in verdicts if run else ():
            stopped = cancellation.because
            if stopped:
                break
            if each.delete:
                deleted[each.snapshot.arn] = _deleted(api, each, region, waiting, trail, cancellation)
    show_verdicts(verdicts, deleted, run=run, as_json=as_json)
    if stopped:
        raise typer.Exit(ExitCode.INTERRUPTED)
    if any(each.delete and deleted.get(each.snapshot.arn) != "done" for each in verdicts):
        raise typer.Exit(ExitCode.ATTENTION)


def _deleted(
    api: "SnapshotApi",
    verdict: Verdict,
    regions: Sequence[str],
    waiting: Waiting,
    trail: Trail,
    cancellation: Cancellation,
) -> str:
    """Delete one, on the record; how it ended, with what was in the way."""
    from seawall_ops.recovery.deleting import DELETE, delete_plan

    operation_id = new_operation_id(DELETE)
    trail.write(operation_id, Decision(subject=verdict.snapshot.arn, decision="delete", because=verdict.because))
    result = Operation(
        delete_plan(api, verdict.snapshot, verdict.because, regions, waiting),
        id=operation_id,
        folder=operations_folder(),
        trail=trail,
        confirm=confirmed_by_name(operation_id),  # `--run` confirms what was decided, whatever its number
        cancellation=cancellation,
    ).run()
    return result.end if result.end == "done" else f"{result.end}: {result.because}"


def _conduct(kind: str, plan: "Callable[[Waiting], Plan]", wait_seconds: float, again: list[str], asked: Asked) -> None:
    """Show the plan; or run, resume or undo it, on the record."""
    operation_id, folder = asked.operation_id(kind), operations_folder()
    if asked.dry:
        code = asked.conduct(Operation(plan(Waiting(seconds=wait_seconds)), id=operation_id, folder=folder))
    else:
        with Trail(audit_file()) as trail, cancelled_by_signals() as cancellation:
            operation = Operation(
                plan(Waiting(seconds=wait_seconds, told=_tell, cancelled=lambda: cancellation.because)),
                id=operation_id,
                folder=folder,
                trail=trail,
                cancellation=cancellation,
                hints=asked.hints(again),
            )
            code = asked.conduct(operation)
    if code is not ExitCode.DONE:
        raise typer.Exit(code)


@contextmanager
def _answered() -> Generator[None]:
    """What AWS refuses or does not answer has the exit code of that.

    Raises:
        CloudUnavailable: So it is.
    """
    from seawall_ops.failover.plans.rds_api import Refused
    from seawall_ops.failover.reaching import reaching

    try:
        with reaching():
            yield
    except Refused as error:
        raise CloudUnavailable("rds", error.because) from error


def _api() -> "SnapshotApi":
    from seawall_ops.failover.plans.rds_api import RdsApi
    from seawall_ops.recovery.snapshot_api import SnapshotApi

    return SnapshotApi(RdsApi())


def _every(api: "SnapshotApi", regions: Sequence[str]) -> list[Snapshot]:
    return [each for region in dict.fromkeys(regions) for each in api.every(region)]


def _with_shares(api: "SnapshotApi", snapshot: Snapshot) -> Snapshot:
    """With whom it is shared, where that decides anything: what is not ours or not whole yet is kept anyway."""
    if not snapshot.ours or judged(snapshot).progress is Progress.UNDER_WAY:
        return snapshot
    return replace(snapshot, shared_with=api.shared_with(snapshot.region, snapshot.name))


def _tell(line: str) -> None:
    """Progress, on the error stream: the result on the other one stays whole."""
    typer.echo(line, err=True)
