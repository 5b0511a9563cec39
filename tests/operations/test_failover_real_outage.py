"""Three observers with real checks on a real PostgreSQL that is killed: from the connection to the decision."""

from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from failover_world import AWAY, HOME, POLICY, THIRD
from localcloud.postgres_fleet import PostgresFleet
from localcloud.postgres_install import USER
from loopback_http import HttpServer, Quiet
from seawall.timing import FailureClass
from seawall.topology import Effective, Member, merge
from seawall_ops.failover.board import Board
from seawall_ops.failover.databases import PostgresCheck
from seawall_ops.failover.decision import Act, Recommend, Stay
from seawall_ops.failover.observe import Answer, Checks, Reference
from seawall_ops.failover.observer import Observer
from seawall_ops.failover.store_sqlite import SqliteStore
from seawall_ops.failover.votes import Evidence, Health, Subject
from topology_documents import shop

pytestmark = pytest.mark.xdist_group("postgres")


@pytest.fixture
def port() -> Iterator[int]:
    """A service that is well: of every region, and the reference of every observer."""

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(204)
            self.end_headers()

    with HttpServer(Handler) as server:
        yield server.port


@pytest.fixture
def view(port: int) -> Effective:
    """The usual topology, all of it on this machine."""
    declared = shop()
    assert declared.database is not None
    here = f"http://127.0.0.1:{port}"
    members = tuple(replace(each, host="127.0.0.1") for each in declared.database.members)
    return merge(
        replace(
            declared,
            endpoints=tuple(replace(each, url=here, health_url=None) for each in declared.endpoints),
            database=replace(declared.database, members=members),
        )
    )


@pytest.fixture
def observers(
    postgres_fleet: PostgresFleet, view: Effective, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[Observer]:
    """One in each domain, on one board; the fleet's servers are the topology's members."""
    monkeypatch.setenv("PGUSER", USER)
    monkeypatch.setenv("PGPASSWORD", postgres_fleet.primary.password)
    servers = dict(zip((HOME, AWAY, THIRD), (postgres_fleet.primary, *postgres_fleet.replicas), strict=True))
    asked = {
        name: PostgresCheck(port=server.port, database=USER, timeout_seconds=POLICY.timeout_seconds)
        for name, server in servers.items()
    }

    def ask(member: Member, address: str, *, writer: bool) -> Answer:
        return asked[member.name](member, address, writer=writer)

    return [
        Observer(
            policy=POLICY,
            board=Board(SqliteStore(tmp_path / "board.sqlite", POLICY.cluster), POLICY.cluster),
            name=domain,
            domain=domain,
            look=Checks(
                timeout_seconds=POLICY.timeout_seconds, references=(Reference("127.0.0.1", port),), member=ask
            ).look,
            topology=lambda: view,
        )
        for domain in POLICY.domains
    ]


def rounds(observers: list[Observer], number: int) -> None:
    """Everybody looks and votes and decides, so many times; how long a round takes is nobody's business here."""
    for _ in range(number):
        for each in observers:
            each.vote_round()
        for each in observers:
            each.decide_round()


def test_a_killed_writer_is_decided_after_three_checks_and_a_replica_is_chosen(
    observers: list[Observer], postgres_fleet: PostgresFleet
):
    """Lag and lineage are the real ones, and every observer comes to the same."""
    rounds(observers, POLICY.successes_to_clear + 1)
    assert all(isinstance(each.decision, Stay) for each in observers)
    postgres_fleet.primary.kill()
    rounds(observers, POLICY.failures_to_trip - 1)
    assert all(isinstance(each.decision, Stay) for each in observers)
    rounds(observers, 1)
    for each in observers:
        assert isinstance(each.decision, Act)
        target = each.decision.target
        assert (target.failure_class, target.failed, target.writer, target.region) == (
            FailureClass.WRITER,
            HOME,
            AWAY,
            AWAY,
        )
        assert each.decision.reasons[0].startswith(f"database/{HOME}: 3 unhealthy")


def test_a_replica_that_was_promoted_by_hand_is_nobodys_candidate(
    observers: list[Observer], postgres_fleet: PostgresFleet
):
    """Somebody is at work: to promote the other one would make two histories."""
    rounds(observers, POLICY.successes_to_clear + 1)
    writer, promoted = postgres_fleet.primary, postgres_fleet.replicas[0]
    writer.kill()
    promoted.promote()
    rounds(observers, POLICY.failures_to_trip)
    decision = observers[0].decision
    assert isinstance(decision, Recommend)
    assert any(f"{AWAY}: no candidate: " in line for line in decision.reasons)


def test_a_restarting_writer_that_comes_back_clears_the_votes(observers: list[Observer], postgres_fleet: PostgresFleet):
    """Two failed checks and a good one: nothing was decided, and nothing is held against it."""
    rounds(observers, POLICY.successes_to_clear + 1)
    writer = postgres_fleet.primary
    writer.stop()
    rounds(observers, POLICY.failures_to_trip - 1)
    writer.start()
    rounds(observers, 1)
    for each in observers:
        assert isinstance(each.decision, Stay)
        assert each._voted is not None
        verdict = each._voted.verdict(Subject(Evidence.DATABASE, HOME))
        assert verdict is not None
        assert verdict.standing is Health.HEALTHY
