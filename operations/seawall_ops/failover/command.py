"""`seawall failover`: observe, see what is decided, pause and resume; `service` is a module of its own.

Exit codes: 0 done and quiet, 1 somebody has to look, 2 wrong input, 3 AWS or the board could not be asked.
"""

import json
import logging
import os
import signal
import socket
import uuid
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from seawall.errors import InvalidInput
from seawall.topology import Effective, Engine, Topology, TopologySource, default_source, load
from seawall_ops.exits import ExitCode
from seawall_ops.failover.adopt_command import ADOPT_EPILOG, adopt
from seawall_ops.failover.conducting import AsJson, SettingsFile, WatchSeconds
from seawall_ops.failover.decision import Decision, described
from seawall_ops.failover.heartbeat import heartbeat
from seawall_ops.failover.ledger import Pause
from seawall_ops.failover.observe import Checks, MemberCheck
from seawall_ops.failover.observer import Observer, Record, changes_of
from seawall_ops.failover.plans_command import register as register_plans
from seawall_ops.failover.reaching import reaching
from seawall_ops.failover.services_command import SERVICE_EPILOG, service
from seawall_ops.failover.settings import Settings, read_settings
from seawall_ops.failover.showing import Status, as_dict, observer_rows, tally_rows
from seawall_ops.failover.votes import Vote
from seawall_ops.failover.watching import watched
from seawall_ops.tables import print_table

if TYPE_CHECKING:
    from seawall_ops.failover.plans.acting import Actor

__all__ = ["app"]

OBSERVE_EPILOG: Final = (
    "Example: seawall failover observe --settings failover.yaml --domain eu-west-1 --act. "
    "Exit codes: 0 stopped, 2 wrong input, 3 AWS or the board could not be asked, 130 interrupted."
)
STATUS_EPILOG: Final = (
    "Example: seawall failover status --settings failover.yaml. "
    "Exit codes: 0 nothing to do, 1 somebody has to look, 2 wrong input, 3 the board could not be asked."
)
PAUSE_EPILOG: Final = (
    "Example: seawall failover pause --settings failover.yaml --minutes 90 --why 'storage migration'. "
    "Exit codes: 0 paused, 2 wrong input, 3 the board could not be asked."
)
RESUME_EPILOG: Final = (
    "Example: seawall failover resume --settings failover.yaml. "
    "Exit codes: 0 not paused any more, 2 wrong input, 3 the board could not be asked."
)
AUDIT_OPERATION: Final = "failover-observer"  # under which an observer's votes and decisions stand in the audit

app: Final = typer.Typer(help="Watch, decide and fail over.", no_args_is_help=True)
app.command(epilog=SERVICE_EPILOG)(service)
register_plans(app)
app.command(epilog=ADOPT_EPILOG)(adopt)


@app.command(epilog=OBSERVE_EPILOG)
def observe(
    settings: SettingsFile,
    domain: Annotated[
        str | None, typer.Option(help="Failure domain that this runs in; default AWS_REGION.", envvar="AWS_REGION")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Unique on the board; default this host's name.")] = None,
    audit: Annotated[
        Path | None, typer.Option("--audit", help="File to which votes and decisions are recorded.")
    ] = None,
    act: Annotated[
        bool, typer.Option("--act", help="Fail over when that is decided, and go on with what another one left.")
    ] = False,
    alive: Annotated[
        Path | None, typer.Option("--heartbeat", help="File that gets the monotonic clock's seconds after each round.")
    ] = None,
) -> None:
    """Look at endpoints and database, vote, and say what is decided, until it is stopped. Changes nothing without --act."""
    found = read_settings(settings)
    source = default_source()  # one for all readings: to make a client of SSM takes as long as a check may
    view = load(source)
    found.refuse_board_inside(view.declared)
    if domain is None:
        raise InvalidInput("--domain", domain, allowed=", ".join(found.policy.domains))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    name = name or socket.gethostname()
    actor = _actor(found, view.declared, source, name, audit) if act else None
    observer = Observer(
        policy=found.policy,
        board=found.open_board(),
        name=name,
        domain=domain,
        look=_checks(found, view, domain).look,
        topology=lambda: load(source),
        record=_recorder(audit),
        act=None if actor is None else actor.act,
        beat=None if alive is None else heartbeat(alive),
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: observer.stop())
    with reaching(), actor or nullcontext():
        observer.run()


@app.command(epilog=STATUS_EPILOG)
def status(
    settings: SettingsFile,
    wait: WatchSeconds = None,
    as_json: AsJson = False,
) -> None:
    """Show the votes, the ledger and what is decided now. A vote counts once it is seen to change, so this waits."""
    found = read_settings(settings)
    with reaching():
        shown = watched(found, found.open_board(), load(), wait)
    if as_json:
        typer.echo(json.dumps(as_dict(shown), indent=2))
    else:
        _print(shown)
    if not shown.quiet:
        raise typer.Exit(ExitCode.ATTENTION)


@app.command(epilog=PAUSE_EPILOG)
def pause(
    settings: SettingsFile,
    why: Annotated[str, typer.Option(help="One line for everybody who looks.")],
    minutes: Annotated[float | None, typer.Option(help="From now on.")] = None,
    until: Annotated[str | None, typer.Option(help="A time with its zone, e.g. 2026-11-26T06:00Z.")] = None,
    who: Annotated[str | None, typer.Option(help="Default: the user of this process.")] = None,
) -> None:
    """Let nothing be acted on for a time. Observers go on to watch and to recommend."""
    now = datetime.now(UTC)
    ends = _end(minutes, until, now)
    paused = Pause(
        id=uuid.uuid4().hex[:8],
        who=who or os.environ.get("USER") or "unknown",
        why=why,
        until=ends,
        duration_seconds=(ends - now).total_seconds(),
    )
    with reaching():
        read_settings(settings).open_board().change(lambda ledger: ledger.paused(paused))
    typer.echo(str(paused))


@app.command(epilog=RESUME_EPILOG)
def resume(settings: SettingsFile) -> None:
    """End a pause."""
    with reaching():
        read_settings(settings).open_board().change(lambda ledger: ledger.paused(None))
    typer.echo("not paused")


def _end(minutes: float | None, until: str | None, now: datetime) -> datetime:
    if (minutes is None) == (until is None):
        raise InvalidInput("--minutes and --until", f"{minutes}, {until}", allowed="exactly one of the two")
    if minutes is not None:
        return now + timedelta(minutes=minutes)
    try:
        ends = datetime.fromisoformat(until or "")
    except ValueError:
        ends = None
    if ends is None or ends.tzinfo is None:
        raise InvalidInput("--until", until, allowed="a time with its zone, e.g. 2026-11-26T06:00Z")
    return ends


def _actor(found: Settings, declared: Topology, source: TopologySource, name: str, audit: Path | None) -> "Actor":
    """What fails over by itself; all its clients are made now, before anything is lost."""
    from seawall_ops.failover.plans.acting import Actor
    from seawall_ops.failover.plans.assembling import journals_of, kept_of, lease_of, surroundings_of, trail_of

    found.refuse_to_act_alone()
    return Actor(
        found=found,
        around=surroundings_of(found, declared),
        topology=lambda: load(source),
        name=name,
        lease=lease_of(found, declared, holder=name, automatic=True),
        journals=journals_of(found),
        kept=kept_of(found),
        trail=trail_of(found, audit),
    )


def _checks(found: Settings, view: Effective, domain: str) -> Checks:
    """All that is watched; psycopg is imported only where there is a PostgreSQL to watch."""
    database = view.declared.database
    member: MemberCheck | None = None
    if database is not None and database.engine is not Engine.POSTGRES:
        raise InvalidInput(
            "database.engine",
            database.engine,
            allowed="postgres",
            because="for MySQL and MariaDB run seawall_ops.failover.observer.Observer with a MysqlCheck of your driver",
        )
    if database is not None:
        from seawall_ops.failover.databases import PostgresCheck

        member = PostgresCheck(
            port=database.port,
            database=database.database,
            timeout_seconds=found.policy.timeout_seconds,
            write_statement=found.write_statement,
        )
    return Checks(
        timeout_seconds=found.policy.timeout_seconds,
        references=found.references_of(domain),
        member=member,
        rds=_rds_clients() if found.aws_status and database is not None else None,
    )


def _rds_clients() -> Callable[[str], object]:
    """A client per region, made when it is first needed."""
    from seawall_ops.clients import client

    clients: dict[str, object] = {}

    def of(region: str) -> object:
        if region not in clients:
            clients[region] = client("rds", region)
        return clients[region]

    return of


def _recorder(path: Path | None) -> Record:
    """Changes of votes and decisions, to the audit."""
    if path is None:
        return lambda _vote, _decision: None
    from seawall_ops import audit

    trail = audit.Trail(path)
    before: list[Vote] = []

    def record(vote: Vote | None, decision: Decision | None) -> None:
        if vote is not None:
            for each in changes_of(vote, before[-1] if before else None):
                fact = audit.Vote(
                    observer=vote.observer,
                    domain=vote.domain,
                    subject=str(each.subject),
                    verdict=each.standing.value,
                    because=vote.isolated or each.because or "as it should be",
                )
                trail.write(AUDIT_OPERATION, fact)
            before[:] = [vote]
        if decision is not None:
            for reason in decision.reasons:
                fact = audit.Decision(subject="failover", decision=described(decision), because=reason)
                trail.write(AUDIT_OPERATION, fact)

    return record


def _print(shown: Status) -> None:
    columns = (
        "observer",
        "domain",
        "vote",
        "unchanged for",
        "epoch",
        "state",
        "healthy",
        "unhealthy",
        "unknown",
        "thinks",
    )
    print_table(columns, observer_rows(shown))
    print_table(("subject", "healthy", "unhealthy", "unknown"), tally_rows(shown))
    for line in shown.held:
        typer.echo(f"held: {line}")
    if shown.policy.never_acts_because is not None:
        typer.echo(f"never acts: {shown.policy.never_acts_because}")
    typer.echo(f"{shown.policy.cluster}: {described(shown.decision)}")
    for reason in shown.decision.reasons:
        typer.echo(f"  {reason}")
