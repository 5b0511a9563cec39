"""`seawall failover rebuild`: what has handed over becomes a replica again, and may take over again."""

import json
import shlex
from typing import TYPE_CHECKING, Annotated, Final

import typer

from seawall.errors import InvalidInput
from seawall.topology import Database, Topology, load, merge
from seawall_ops.audit import Decision
from seawall_ops.exits import ExitCode
from seawall_ops.failover.conducting import CODES, LEASE_WAIT_SECONDS, AsJson, SettingsFile, run_or_resume, tell
from seawall_ops.failover.reaching import reaching
from seawall_ops.failover.settings import Settings, read_settings
from seawall_ops.places import operations_folder
from seawall_ops.steps import (
    Cancellation,
    Hints,
    Operation,
    cancelled_by_signals,
    literally,
    preview_as_dict,
    print_result,
    show_preview,
)
from seawall_ops.who import holder

if TYPE_CHECKING:
    from seawall_ops.audit import Trail
    from seawall_ops.failover.plans.surroundings import Surroundings
    from seawall_ops.lease import Held

__all__ = ["REBUILD_EPILOG", "rebuild"]

REBUILD_EPILOG: Final = (
    "Example: seawall failover rebuild eu-west-1 --settings failover.yaml --why 'the region is back' "
    "--confirm eu-west-1. " + CODES
)
OUTPUT: Final = "what rebuilds it says"


def rebuild(
    member: Annotated[str, typer.Argument(metavar="MEMBER", help="That has handed over, by its name in the topology.")],
    settings: SettingsFile,
    why: Annotated[str, typer.Option("--why", help="For the record; the same again to go on after a crash.")],
    release_name: Annotated[
        bool,
        typer.Option(
            "--release-name", help="Let the health checks decide again which region the name is answered with."
        ),
    ] = False,
    confirm: Annotated[
        str | None,
        typer.Option("--confirm", metavar="MEMBER", help="The same name: do it, and throw away what it has alone."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make an old writer a replica again, lift its fence, and let it take over again. Dry without --confirm."""
    if confirm is not None and confirm != member:
        raise InvalidInput("--confirm", confirm, allowed=member, because="a rebuild is confirmed by the member's name")
    found = read_settings(settings)
    words = ["seawall", "failover", "rebuild", member, "--settings", str(settings), "--why", why, "--confirm", member]
    again = shlex.join([*words, *(["--release-name"] if release_name else [])])
    with reaching():
        job = _Job(found, member, why, again, release_name=release_name)
        code = job.shown(as_json=as_json) if confirm is None else job.done(as_json=as_json)
    if code is not ExitCode.DONE:
        raise typer.Exit(code)


class _Job:
    """A rebuild of which everything is known."""

    def __init__(self, found: Settings, member: str, why: str, again: str, *, release_name: bool) -> None:
        from seawall_ops.failover.plans.assembling import surroundings_of
        from seawall_ops.failover.plans.rebuild import Rebuild

        self._found: Final = found
        self._again: Final = again
        declared = load().declared
        self._around: Final[Surroundings] = surroundings_of(found, declared)
        self._view: Final = self._around.view(declared)
        database, writer = _database(declared), self._view.writer
        there = database.member(member)
        if writer is None:
            raise InvalidInput("writer", writer, allowed="one that is live")
        # The same id for whoever types the same: a crash anywhere is gone on from by anybody. Who it was stands in the record.
        self._id: Final = f"failover-rebuild-{self._view.epoch}-{member}".lower()
        self._request: Final = Rebuild(
            cluster=found.policy.cluster,
            member=there.name,
            region=there.region,
            writer=writer.name,
            reason=why,
            opened_by="a person",
            lag_limit_seconds=found.policy.lag_limit_seconds,
            release_name=release_name,
        )
        self._database: Final = database

    def shown(self, *, as_json: bool) -> ExitCode:
        """What a run would do."""
        preview = self._operation().preview()
        if as_json:
            typer.echo(json.dumps({"dry_run": True, **preview_as_dict(preview), "next": self._again}, indent=2))
        else:
            show_preview(preview)
            typer.echo("dry run: nothing was changed")
            typer.echo(f"next: {self._again}")
        return ExitCode.ATTENTION if preview.refusal else ExitCode.DONE

    def done(self, *, as_json: bool) -> ExitCode:
        """Do it, or go on with it, under a lease of its own: a failover does not wait for a copy of hours."""
        from seawall_ops.failover.plans.assembling import lease_of, trail_of
        from seawall_ops.failover.plans.rebuild import LEASE

        lease = lease_of(self._found, self._view.declared, holder=holder(), automatic=False, work=LEASE)
        with (
            trail_of(self._found) as trail,
            cancelled_by_signals() as cancellation,
            lease.acquire(wait_seconds=LEASE_WAIT_SECONDS) as held,
        ):
            because = f"{self._request.reason} (run by {holder()})"
            fact = Decision(subject=str(self._request), decision="rebuild", because=because)
            trail.write(self._id, fact, fence=held.fence)
            result = run_or_resume(self._operation(held, trail, cancellation))
        print_result(result, as_json=as_json)
        return result.exit_code

    def _operation(
        self, held: "Held | None" = None, trail: "Trail | None" = None, cancellation: Cancellation | None = None
    ) -> Operation:
        from seawall_ops.failover.plans.assembling import journals_of
        from seawall_ops.failover.plans.rebuild import rebuild_plan
        from seawall_ops.failover.plans.rebuilding import rebuilder_of

        def told(line: str) -> None:
            if trail is not None:
                trail.write(self._id, Decision(subject=self._request.member, decision=OUTPUT, because=line))
                typer.echo(line, err=True)

        plan = rebuild_plan(
            self._request,
            self._around,
            rebuilder_of(self._found, self._database, self._around.servers, self._id, told),
            declared_primary=merge(self._view.declared).primary.region if self._request.release_name else None,
        )
        return Operation(
            plan,
            id=self._id,
            folder=operations_folder(),
            journals=journals_of(self._found),
            guard=held,
            trail=trail,
            confirm=lambda _: held is not None,  # by the member's name, or there is no lease
            cancellation=cancellation,
            hints=Hints(*[literally(self._again)] * 3),
            told=None if held is None else tell,
        )


def _database(declared: Topology) -> Database:
    if declared.database is None:
        raise InvalidInput("MEMBER", "a database's", allowed="none: the topology has no database")
    return declared.database
