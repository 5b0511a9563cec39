"""The checks: what each end of one means, on real sockets and a real PostgreSQL."""

import errno
import http.client
import http.server
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from failover_votes import VIEW
from failover_world import HOME
from localcloud.postgres import PostgresServer
from localcloud.postgres_fleet import PostgresFleet
from localcloud.postgres_install import USER
from seawall.errors import CloudUnavailable
from seawall.replicas import Observation as Said
from seawall.topology import Member, Role, merge
from seawall_ops.failover.databases import MysqlCheck, PostgresCheck
from seawall_ops.failover.meanings import AWS_MEANINGS, MEANINGS, Outcome, aws_meaning, outcome_of, outcome_of_status
from seawall_ops.failover.observe import Answer, Checks, Progress, Reference, ask_all, check_service, check_status
from seawall_ops.failover.observer import self_check
from seawall_ops.failover.positions import Positions
from seawall_ops.failover.votes import Evidence, Health, Subject
from topology_documents import endpoint, member

TIMEOUT_SECONDS = 2.0
TO_SERVER = (
    'connection failed: connection to server at "192.0.2.7", port 5432 failed'  # libpq's words before the system's
)


@pytest.fixture
def page() -> Iterator[Any]:
    """An HTTP server whose status is `page.status`; `page.port` is where."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append(self.path)  # type: ignore[attr-defined]
            self.send_response(server.status)  # type: ignore[attr-defined]
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002 - as the base class has it

    server: Any = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.status, server.asked = 200, []
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)  # how often it looks for its end
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def at(port: int, **more: Any) -> Any:
    return endpoint(HOME, Role.PRIMARY, url=f"http://127.0.0.1:{port}", health_url=None, **more)


def test_every_outcome_has_a_meaning_and_only_what_is_seen_of_the_subject_is_unhealthy():
    """The one table. Whoever adds an outcome has to say what it means."""
    assert set(MEANINGS) == set(Outcome)
    assert [each for each in Outcome if MEANINGS[each] is Health.HEALTHY] == [Outcome.ANSWERED]
    unknown = {each.name for each in Outcome if MEANINGS[each] is Health.UNKNOWN}
    assert unknown >= {"NO_ROUTE", "NO_NAME", "NO_TRUST", "DENIED", "WRONG_ROLE", "OBSERVER", "NOT_ASKED", "CROWDED"}


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), Outcome.REFUSED),
        (TimeoutError(), Outcome.TIMED_OUT),
        (ConnectionResetError(errno.ECONNRESET, "reset"), Outcome.CLOSED),
        (OSError(errno.EHOSTUNREACH, "no route to host"), Outcome.HOST_UNREACHABLE),
        (OSError(errno.ENETUNREACH, "unreachable"), Outcome.NO_ROUTE),
        (OSError(errno.EMFILE, "too many files"), Outcome.OBSERVER),
        (socket.gaierror(socket.EAI_NONAME, "unknown"), Outcome.NO_NAME),
        (ssl.SSLCertVerificationError(1, "expired"), Outcome.NO_TRUST),
        (http.client.RemoteDisconnected("gone"), Outcome.CLOSED),
        (http.client.BadStatusLine("?"), Outcome.NONSENSE),
        (psycopg.errors.CannotConnectNow("starting"), Outcome.STARTING),
        (psycopg.errors.QueryCanceled("statement timeout"), Outcome.TIMED_OUT),
        (psycopg.errors.DiskFull("full"), Outcome.FULL),
        (psycopg.errors.ReadOnlySqlTransaction("read-only"), Outcome.READ_ONLY),
        (psycopg.errors.InvalidPassword("no"), Outcome.DENIED),
        (psycopg.OperationalError("FATAL:  the database system is shutting down"), Outcome.STARTING),
        (psycopg.OperationalError("FATAL:  sorry, too many clients already"), Outcome.CROWDED),
        (psycopg.OperationalError('FATAL:  password authentication failed for user "x"'), Outcome.DENIED),
        (psycopg.OperationalError(f"{TO_SERVER}: Connection reset by peer\n\tIs the server running?"), Outcome.CLOSED),
        (psycopg.OperationalError(f"{TO_SERVER}: No route to host"), Outcome.HOST_UNREACHABLE),
        (psycopg.OperationalError(f"{TO_SERVER}: Network is unreachable"), Outcome.NO_ROUTE),
        (psycopg.OperationalError("words of a later server"), Outcome.OBSERVER),
        (ValueError("a mistake of ours"), Outcome.OBSERVER),
    ],
)
def test_what_a_check_raises_is_classified_and_what_is_new_is_our_own_failure(error, outcome):
    """An error that nobody has thought of must not vote a writer out."""
    assert outcome_of(error) is outcome


@pytest.mark.parametrize(
    ("number", "outcome"), [(1045, Outcome.DENIED), (2013, Outcome.CLOSED), (9999, Outcome.OBSERVER)]
)
def test_errors_of_mysql_are_known_by_their_number(number, outcome):
    """As PyMySQL and its kin raise them."""
    assert outcome_of(RuntimeError(number, "text")) is outcome


@pytest.mark.parametrize(
    ("status", "health"),
    [
        (200, "healthy"),
        (204, "healthy"),
        (302, "unknown"),
        (401, "unknown"),
        (404, "unknown"),
        (429, "unknown"),
        (503, "unhealthy"),
    ],
)
def test_a_status_code_means_what_it_says_of_the_region(page, status, health):
    """A wrong path or a login page says nothing of the region."""
    page.status = status
    assert MEANINGS[check_service(at(page.server_port), TIMEOUT_SECONDS).outcome] == Health(health)
    assert MEANINGS[outcome_of_status(status)] == Health(health)
    assert page.asked == ["/regionz"]


def test_a_health_url_is_asked_as_it_is(page):
    """What the topology says beats the default page."""
    of = endpoint(
        HOME, Role.PRIMARY, url="http://127.0.0.1", health_url=f"http://127.0.0.1:{page.server_port}/up?deep=1"
    )
    assert check_service(of, TIMEOUT_SECONDS).outcome is Outcome.ANSWERED
    assert page.asked == ["/up?deep=1"]


def test_checks_run_at_once_and_hanging_ones_are_given_up_and_not_started_again():
    """A round takes its time-out and no more, and threads do not pile up."""
    release = threading.Event()
    hanging: dict[str, threading.Thread] = {}

    def slow(_progress: Progress) -> Answer:
        release.wait(30)
        return Answer(Outcome.ANSWERED)

    def resolving(progress: Progress) -> Answer:
        progress.resolving = True
        release.wait(30)
        return Answer(Outcome.ANSWERED)

    def failing(_progress: Progress) -> Answer:
        raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")

    checks = {"slow": slow, "resolving": resolving, "failing": failing, "well": lambda _: Answer(Outcome.ANSWERED)}
    found = ask_all(checks, 0.2, hanging)
    assert {name: answer.outcome for name, answer in found.items()} == {
        "slow": Outcome.TIMED_OUT,
        "resolving": Outcome.NO_NAME,
        "failing": Outcome.REFUSED,
        "well": Outcome.ANSWERED,
    }
    again = ask_all(checks, 0.2, hanging)
    assert (again["slow"].outcome, again["slow"].because) == (Outcome.OBSERVER, "an earlier check still hangs")
    release.set()
    for thread in hanging.values():
        thread.join(5)
    assert ask_all(checks, 2.0, hanging)["slow"].outcome is Outcome.ANSWERED


def test_a_round_looks_at_every_endpoint_and_member_and_at_the_references(page):
    """Nothing of the topology is left out, and AWS is asked only where that is wanted."""

    class Rds:
        def describe_db_instances(self, **_: Any) -> dict[str, Any]:
            return {"DBInstances": [{"DBInstanceStatus": "rebooting"}]}

    view = VIEW.declared
    asked: list[tuple[str, bool]] = []

    def ask(member: Member, address: str, *, writer: bool) -> Answer:
        asked.append((member.name, writer))
        return Answer(Outcome.ANSWERED)

    assert view.database is not None
    near = replace(
        view,
        endpoints=tuple(
            replace(each, url=f"http://127.0.0.1:{page.server_port}", health_url=None) for each in view.endpoints
        ),
        database=replace(
            view.database, members=tuple(replace(each, host="127.0.0.1") for each in view.database.members)
        ),
    )
    checks = Checks(
        timeout_seconds=TIMEOUT_SECONDS,
        references=(Reference("127.0.0.1", page.server_port), Reference("127.0.0.1", 1)),
        member=ask,
        rds=lambda _region: Rds(),
    )
    look = checks.look(merge(near))
    names = [each.name for each in near.endpoints]
    assert set(look.answers) == {Subject(evidence, name) for evidence in Evidence for name in names}
    assert sorted(asked) == sorted((name, name == HOME) for name in names)
    assert look.answers[Subject(Evidence.STATUS, HOME)].status == "rebooting"
    assert list(look.references.values()) == [True, False]


@pytest.mark.parametrize(
    ("board", "references", "others", "lost"),
    [
        (True, {"a": True}, True, False),
        (True, {"a": True}, False, False),  # everything that is watched is dead: that is no loss of ours
        (False, {"a": True}, True, False),
        (False, {"a": True}, False, True),
        (True, {"a": False}, False, True),
        (True, {"a": False}, None, True),
        (False, {"a": False}, None, True),
        (True, {"a": True}, None, False),
    ],
)
def test_an_observer_is_cut_off_unless_more_than_half_of_what_is_independent_answers(board, references, others, lost):
    """Who has lost the network sees everybody dead, and has to say so of itself."""
    found = self_check(board=board, references=references, others=others)
    assert (found is not None) is lost


def test_what_aws_says_is_known_or_unknown_and_work_is_told_apart():
    """A status that AWS invents tomorrow decides nothing."""
    assert aws_meaning("available").health is Health.HEALTHY
    assert aws_meaning("storage-full").health is Health.UNHEALTHY
    assert aws_meaning("rebooting").at_work
    assert (aws_meaning("quantum-leaping").health, aws_meaning("quantum-leaping").at_work) == (Health.UNKNOWN, False)
    assert all(meaning.health is Health.UNKNOWN for meaning in AWS_MEANINGS.values() if meaning.at_work)


def test_an_aws_that_cannot_be_asked_is_the_observers_own_failure():
    """In a region's loss its API is gone, too."""

    class Rds:
        def describe_db_instances(self, **_: Any) -> Any:
            raise CloudUnavailable("rds", "no answer")

    assert check_status(Rds(), "shop").outcome is Outcome.OBSERVER


def said(position: int | None, **more: Any) -> Said:
    return Said(**{"in_recovery": True, "system_id": 7, "timeline": 1, "position": position, **more})


def test_lag_is_the_one_at_the_moment_when_the_writer_was_last_seen():
    """What the replica lacks of what the writer had then is lost with it; time that passes later adds nothing."""
    positions = Positions()
    for moment, written in ((0.0, 0), (30.0, 3000), (60.0, 6000)):
        positions.writer_seen(HOME, moment, said(written, in_recovery=False))
    lags = {
        at: positions.state_of("r", said(at), writer_answers=False).lag_seconds for at in (6000, 9000, 5000, 1500, 0)
    }
    assert lags == {6000: 0.0, 9000: 0.0, 5000: 10.0, 1500: 45.0, 0: 60.0}
    positions.writer_seen(HOME, 90.0, said(6000, in_recovery=False))  # idle: the later time is as good
    assert positions.state_of("r", said(6000), writer_answers=True).lag_seconds == 0.0


@pytest.mark.parametrize(
    ("more", "same"),
    [
        ({}, True),
        ({"system_id": 8}, False),
        ({"timeline": 2}, False),
        ({"timeline": 0}, None),
        ({"timeline": None}, None),
    ],
)
def test_a_replica_is_of_the_writers_lineage_only_where_both_say_so(more, same):
    """An earlier timeline may be one that the replica only has not noticed leaving: not known, so no candidate."""
    positions = Positions()
    assert positions.state_of("r", said(1), writer_answers=True).same_lineage is None
    positions.writer_seen(HOME, 0.0, said(1, in_recovery=False))
    assert positions.state_of("r", said(1, **more), writer_answers=True).same_lineage is same


def test_lag_of_an_engine_without_positions_is_what_it_said_while_the_writer_was_there():
    """MySQL says NULL once its source is gone; and its lineage is never known."""
    positions = Positions()
    mysql = Said(in_recovery=True, lag_seconds=2.0)
    positions.writer_seen(HOME, 0.0, Said(in_recovery=False))
    assert positions.state_of("r", mysql, writer_answers=True).lag_seconds == 2.0
    later = positions.state_of("r", Said(in_recovery=True), writer_answers=False)
    assert (later.lag_seconds, later.same_lineage) == (2.0, None)


class Cursor:
    """MySQL's answers, as a DBAPI cursor gives them."""

    def __init__(self, read_only: str, replica: bool) -> None:
        self.read_only, self.replica, self.statement = read_only, replica, ""
        self.description = [("Seconds_Behind_Source",)]

    def execute(self, statement: str) -> None:
        self.statement = statement

    def fetchone(self) -> Any:
        if "read_only" in self.statement:
            return (self.read_only,)
        return (4,) if self.replica else None


@pytest.mark.parametrize(
    ("read_only", "replica", "writer", "outcome"),
    [
        ("0", False, True, Outcome.ANSWERED),
        ("1", False, True, Outcome.READ_ONLY),
        ("1", True, True, Outcome.WRONG_ROLE),
        ("1", True, False, Outcome.ANSWERED),
    ],
)
def test_mysql_is_asked_what_the_router_knows_of_it(read_only, replica, writer, outcome):
    """As far as the replica router supports it."""

    class Connection:
        def cursor(self) -> Cursor:
            return Cursor(read_only, replica)

        def close(self) -> None: ...

    answer = MysqlCheck(lambda _address: Connection())(member(HOME), "10.0.0.1", writer=writer)
    assert answer.outcome is outcome


def check_of(server: PostgresServer, **more: Any) -> PostgresCheck:
    port = int(server.address.rpartition(":")[2])
    return PostgresCheck(**{"port": port, "database": USER, "timeout_seconds": TIMEOUT_SECONDS, **more})


@pytest.mark.xdist_group("postgres")
def test_a_real_writer_a_replica_and_their_end_are_told_apart(postgres_fleet: PostgresFleet, monkeypatch):
    """The whole way: roles, lineage, a write that is taken back, read-only, a wrong password, and a server that is gone."""
    writer, replica = postgres_fleet.primary, postgres_fleet.replicas[0]
    monkeypatch.setenv("PGUSER", USER)
    monkeypatch.setenv("PGPASSWORD", writer.password)
    of = member(HOME)
    answer = check_of(writer)(of, "127.0.0.1", writer=True)
    assert answer.outcome is Outcome.ANSWERED
    followed = check_of(replica)(of, "127.0.0.1", writer=False)
    assert answer.said is not None
    assert followed.said is not None
    assert (answer.said.in_recovery, followed.said.in_recovery) == (False, True)
    positions = Positions()
    positions.writer_seen("w", 0.0, answer.said)
    assert positions.state_of("r", followed.said, writer_answers=True).same_lineage is True
    assert check_of(replica)(of, "127.0.0.1", writer=True).outcome is Outcome.WRONG_ROLE

    written = "CREATE TABLE probe_that_is_taken_back (id int)"
    for _ in range(2):  # a second time it would be there, had it been kept
        assert check_of(writer, write_statement=written)(of, "127.0.0.1", writer=True).outcome is Outcome.ANSWERED

    monkeypatch.setenv("PGOPTIONS", "")
    monkeypatch.setenv("PGPASSWORD", "wrong")
    with pytest.raises(psycopg.OperationalError) as refused:
        check_of(writer)(of, "127.0.0.1", writer=True)
    assert outcome_of(refused.value) is Outcome.DENIED

    monkeypatch.setenv("PGPASSWORD", writer.password)
    writer.stop()
    with pytest.raises(psycopg.OperationalError) as gone:
        check_of(writer)(of, "127.0.0.1", writer=True)
    assert outcome_of(gone.value) is Outcome.REFUSED
