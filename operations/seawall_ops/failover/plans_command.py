"""`seawall failover plan`, `run`, `undo` and `end`: what is shown first, and done only when it is confirmed by its id."""

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from seawall.errors import InvalidInput
from seawall.topology import Topology, load
from seawall_ops.exits import ExitCode
from seawall_ops.failover.conducting import (
    CODES,
    LEASE_WAIT_SECONDS,
    AsJson,
    SettingsFile,
    WatchSeconds,
    run_or_resume,
    tell,
)
from seawall_ops.failover.decision import Decision, described
from seawall_ops.failover.reaching import reaching
from seawall_ops.failover.rebuild_command import REBUILD_EPILOG, rebuild
from seawall_ops.failover.settings import Settings, read_settings
from seawall_ops.failover.watching import watched
from seawall_ops.places import operations_folder
from seawall_ops.steps import (
    Cancellation,
    Hints,
    Operation,
    Preview,
    Result,
    cancelled_by_signals,
    confirmed_by_name,
    literally,
    new_operation_id,
    preview_as_dict,
    print_result,
    show_preview,
)
from seawall_ops.who import holder

if TYPE_CHECKING:
    from seawall_ops.audit import Trail
    from seawall_ops.failover.plans.handover import Handover
    from seawall_ops.failover.plans.surroundings import Surroundings
    from seawall_ops.lease import Held

__all__ = ["register"]

PLAN_EPILOG: Final = (
    "Example: seawall failover plan --settings failover.yaml --to-region eu-central-1 --why 'drill'. "
    "Exit codes: 0 it can be run, 1 something is in the way, or nothing is decided, 2 wrong input, 3 a place could not be "
    "asked."
)
RUN_EPILOG: Final = (
    "Example: seawall failover run failover-region-7f3a09c2 --settings failover.yaml --confirm failover-region-7f3a09c2. "
    + CODES
)
UNDO_EPILOG: Final = (
    "Example: seawall failover undo failover-region-7f3a09c2 --settings failover.yaml --why 'the region is back' "
    "--confirm failover-region-7f3a09c2. " + CODES
)
END_EPILOG: Final = (
    "Example: seawall failover end failover-region-7f3a09c2 --settings failover.yaml --failed --why 'done by hand' "
    "--confirm failover-region-7f3a09c2. "
    "Exit codes: 0 ended, or it can be, 2 wrong input or somebody else holds the lease, 3 a place could not be asked."
)

Id = Annotated[str, typer.Argument(metavar="ID", help="Of the operation, as `plan` has printed it.")]
Confirm = Annotated[
    str | None, typer.Option("--confirm", metavar="ID", help="The same id: do it. Without it nothing is changed.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog=PLAN_EPILOG)(plan)
    app.command(epilog=RUN_EPILOG)(run)
    app.command(epilog=UNDO_EPILOG)(undo)
    app.command(epilog=END_EPILOG)(end)
    app.command(epilog=REBUILD_EPILOG)(rebuild)


def plan(
    settings: SettingsFile,
    to: Annotated[str | None, typer.Option("--to", metavar="MEMBER", help="The member that is to write.")] = None,
    to_region: Annotated[
        str | None, typer.Option("--to-region", metavar="REGION", help="The region that is to be the primary.")
    ] = None,
    why: Annotated[str | None, typer.Option("--why", help="For the record; needed with --to and --to-region.")] = None,
    accept_lag: Annotated[
        str | None,
        typer.Option("--accept-lag", metavar="WHY", help="Accept what a replica lacks, or may lack; recorded."),
    ] = None,
    force_without_fence: Annotated[
        str | None,
        typer.Option(
            "--force-without-fence",
            metavar="WHY",
            help="Go on where the old writer cannot be fenced: two may then write; recorded.",
        ),
    ] = None,
    wait: WatchSeconds = None,
    as_json: AsJson = False,
) -> None:
    """Show what a failover would do: what is decided now, or what you ask for. Changes nothing."""
    from seawall_ops.failover.plans.assembling import surroundings_of
    from seawall_ops.failover.plans.choosing import Conditions, decided, to_member
    from seawall_ops.failover.plans.choosing import to_region as towards

    if to is not None and to_region is not None:
        raise InvalidInput("--to and --to-region", f"{to}, {to_region}", allowed="one of the two")
    found = read_settings(settings)
    conditions = Conditions(
        by=holder(),
        reason=why,
        accept_lag=accept_lag,
        unfenced=force_without_fence,
        epoch_lease_seconds=found.operating.epoch_lease_seconds,
    )
    with reaching():
        declared = load().declared
        around = surroundings_of(found, declared)
        view = around.view(declared)
        reasons: tuple[str, ...] = ()
        if to is not None:
            handover = to_member(view, found.policy, to, conditions)
        elif to_region is not None:
            handover = towards(view, found.policy, to_region, conditions)
        else:
            decision = watched(found, around.board, view, wait).decision
            reasons, target = decision.reasons, getattr(decision, "target", None)
            if target is None:
                _say_undecided(decision, as_json=as_json)
                raise typer.Exit(ExitCode.ATTENTION)
            handover = decided(view, found.policy, target, conditions)
        job = _Job(settings, found, declared, around, handover, new_operation_id(f"failover-{handover.kind}"))
        preview = job.operation().preview()
        job.keep()
    job.show(preview, as_json=as_json, reasons=reasons, next_=job.run_line)
    if preview.refusal:
        raise typer.Exit(ExitCode.ATTENTION)


def run(id_: Id, settings: SettingsFile, confirm: Confirm = None, as_json: AsJson = False) -> None:
    """Do what `plan` has shown, past the point of no return; go on with what was begun. Dry without --confirm."""
    _refuse_other_confirmation(id_, confirm)
    with reaching():
        job = _job(id_, settings)
        if confirm is None:
            preview = job.operation().preview()
            job.show(preview, as_json=as_json, next_=job.run_line)
            code = ExitCode.ATTENTION if preview.refusal else ExitCode.DONE
        else:
            result = job.conducted(run_or_resume, confirm, forward=True)
            print_result(result, as_json=as_json)
            code = result.exit_code
    if code is not ExitCode.DONE:
        raise typer.Exit(code)


def undo(
    id_: Id,
    settings: SettingsFile,
    why: Annotated[str, typer.Option("--why", help="For the record.")],
    confirm: Confirm = None,
    as_json: AsJson = False,
) -> None:
    """Take back a failover that has not passed its point of no return. Dry without --confirm."""
    _refuse_other_confirmation(id_, confirm)
    with reaching():
        job = _job(id_, settings)
        job.refuse_undo()
        if confirm is None:
            job.show_undo(as_json=as_json)
            return
        result = job.conducted(lambda operation: operation.undo(why), confirm, forward=False)
        print_result(result, as_json=as_json)
    if result.end != "undone":
        raise typer.Exit(result.exit_code)


def end(
    id_: Id,
    settings: SettingsFile,
    why: Annotated[str, typer.Option("--why", help="For the record.")],
    failed: Annotated[bool, typer.Option("--failed", help="It did not do what it was to do.")] = False,
    done: Annotated[bool, typer.Option("--done", help="Somebody has finished it by hand.")] = False,
    confirm: Confirm = None,
    as_json: AsJson = False,
) -> None:
    """End an operation in the ledger that can be neither run nor undone: you have looked, and answer for it."""
    from seawall_ops.failover.plans.ending import ended, find_open

    _refuse_other_confirmation(id_, confirm)
    if failed == done:
        raise InvalidInput("--failed and --done", f"{failed}, {done}", allowed="exactly one of the two")
    found = read_settings(settings)
    with reaching():
        entry = find_open(found.open_board(), id_)
        if confirm is not None:
            entry = ended(found, id_, done=done, why=why, wait_seconds=LEASE_WAIT_SECONDS)
    state = {"operation": entry.id, "state": entry.state.value, "target": entry.target, "dry_run": confirm is None}
    if as_json:
        typer.echo(json.dumps(state, indent=2))
        return
    typer.echo(str(entry))
    if confirm is None:
        typer.echo("dry run: nothing was changed")


@dataclass(frozen=True)
class _Job:
    """An operation of which everything is known."""

    settings: Path
    found: Settings
    declared: Topology
    around: "Surroundings"
    handover: "Handover"
    id: str

    @property
    def run_line(self) -> str:
        """What does it."""
        return shlex.join(
            ["seawall", "failover", "run", self.id, "--settings", str(self.settings), "--confirm", self.id]
        )

    @property
    def undo_line(self) -> str:
        """What takes it back."""
        words = ["seawall", "failover", "undo", self.id, "--settings", str(self.settings), "--confirm", self.id]
        return f"{shlex.join(words)} --why '...'"

    def keep(self) -> None:
        """So that `run` does exactly this."""
        from seawall_ops.failover.plans.assembling import kept_of

        kept_of(self.found).keep(self.id, self.handover)

    def operation(
        self,
        confirm: str | None = None,
        held: "Held | None" = None,
        trail: "Trail | None" = None,
        cancellation: Cancellation | None = None,
    ) -> Operation:
        """The operation, to be looked at or run."""
        from seawall_ops.failover.plans.assembling import journals_of, plan_of

        return Operation(
            plan_of(self.found, self.handover, self.around),
            id=self.id,
            folder=operations_folder(),
            journals=journals_of(self.found),
            guard=held,
            trail=trail,
            confirm=confirmed_by_name(confirm),
            cancellation=cancellation,
            hints=Hints(*map(literally, (self.run_line, self.undo_line, self.run_line))),
            told=None if held is None else tell,
        )

    def conducted(self, act: Callable[[Operation], Result], confirm: str, *, forward: bool) -> Result:
        """Do something with it under the lease, and on the record."""
        from seawall_ops.failover.plans.assembling import lease_of, trail_of
        from seawall_ops.failover.plans.recording import record_reasons

        lease = lease_of(self.found, self.declared, holder=holder(), automatic=False)
        with (
            trail_of(self.found) as trail,
            cancelled_by_signals() as cancellation,
            lease.acquire(wait_seconds=LEASE_WAIT_SECONDS) as held,
        ):
            if forward:
                record_reasons(trail, self.id, self.handover, by=holder(), fence=held.fence)
            return act(self.operation(confirm, held, trail, cancellation))

    def refuse_undo(self) -> None:
        """Say at once that there is no way back.

        Raises:
            InvalidInput: It was never begun, is past its point of no return, or is closed.
        """
        from seawall_ops.steps.runner import past_no_return

        operation = self.operation()
        journal = operation.journal()
        if journal is None:
            raise InvalidInput("operation", self.id, allowed="one that was begun", because="nothing of it was done")
        if journal.end == "done" or past_no_return(operation.plan, journal):
            state = "it is closed" if journal.end == "done" else "it is past its point of no return"
            raise InvalidInput("undo", self.id, allowed="to fail over the other way", because=state)

    def show(self, preview: Preview, *, as_json: bool, next_: str, reasons: tuple[str, ...] = ()) -> None:
        """The plan, its prediction and what to type."""
        terms = tuple(dict.fromkeys(term for step in preview.steps for term in step.terms))
        typical, worst = (sum(getattr(term, f"{kind}_seconds") for term in terms) for kind in ("typical", "worst"))
        not_predicted = [step.name for step in preview.steps if not step.terms]
        if as_json:
            predicted = {"typical_seconds": typical, "worst_seconds": worst, "not_predicted": not_predicted}
            extra = {"handover": dict(self.handover.inputs), "reasons": list(reasons), "predicted": predicted}
            typer.echo(json.dumps({"dry_run": True, **preview_as_dict(preview), **extra, "next": next_}, indent=2))
            return
        for reason in reasons:
            typer.echo(f"  {reason}")
        show_preview(preview)
        total = f"{typical:.3g} to {worst:.3g} s, without " if terms else "not known for "
        typer.echo(f"predicted: {total}{', '.join(not_predicted)}")
        for line in _accepted(self.handover):
            typer.echo(line)
        if self.found.board_table is not None and self.found.operating.lease_table is None:
            typer.echo("leases are in a file of this machine: they keep nobody out on another one")
        typer.echo("dry run: nothing was changed")
        typer.echo(f"next: {next_}")

    def show_undo(self, *, as_json: bool) -> None:
        """What would be taken back, the last one first."""
        journal = self.operation().journal()
        steps = () if journal is None else journal.steps
        back = [each.name for each in reversed(steps) if each.status.may_be_applied]
        if as_json:
            document = {"dry_run": True, "operation": self.id, "would_undo": back, "next": self.undo_line}
            typer.echo(json.dumps(document, indent=2))
            return
        typer.echo(f"would undo: {', '.join(back) or 'nothing'} (operation {self.id})")
        typer.echo("dry run: nothing was changed")
        typer.echo(f"next: {self.undo_line}")


def _job(id_: str, settings: Path) -> _Job:
    from seawall_ops.failover.plans.assembling import kept_of, surroundings_of

    found = read_settings(settings)
    handover = kept_of(found).find(id_)
    if handover.cluster != found.policy.cluster:
        raise InvalidInput("cluster", found.policy.cluster, allowed=f"{handover.cluster}, of which {id_} is")
    declared = load().declared
    return _Job(settings, found, declared, surroundings_of(found, declared), handover, id_)


def _refuse_other_confirmation(id_: str, confirm: str | None) -> None:
    if confirm is not None and confirm != id_:
        raise InvalidInput("--confirm", confirm, allowed=id_, because="the operation is confirmed by its own id")


def _say_undecided(decision: Decision, *, as_json: bool) -> None:
    """Nothing is decided: what was counted, and what a person may ask for."""
    if as_json:
        typer.echo(json.dumps({"decision": described(decision), "reasons": list(decision.reasons)}, indent=2))
        return
    typer.echo(described(decision))
    for reason in decision.reasons:
        typer.echo(f"  {reason}")
    typer.echo("to fail over all the same: --to MEMBER or --to-region REGION, with --why")


def _accepted(handover: "Handover") -> list[str]:
    """What was accepted, a line each."""
    lines: list[str] = []
    if handover.lag_accepted_because is not None:
        lines.append(f"lag is accepted: {handover.lag_accepted_because}")
    if handover.unfenced_because is not None:
        lines.append(f"WITHOUT A FENCE where the old writer is silent: {handover.unfenced_because}")
    return lines
