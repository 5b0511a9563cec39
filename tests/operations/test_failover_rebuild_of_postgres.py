"""A real old writer that is rebuilt by a command: it follows again, and what does not follow is told apart."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from crash_points import Holding
from fenced_servers import asked_as_superuser, until
from localcloud.postgres import PostgresServer
from localcloud.postgres_fleet import PostgresFleet
from localcloud.postgres_install import SUPERUSER
from rebuild_members import NEW, OLD, PYTHON, TIMEOUT_SECONDS, members
from seawall_ops.failover.board import Board
from seawall_ops.failover.plans.command_rebuilder import CommandRebuilder
from seawall_ops.failover.plans.places import FilePlace, LiveTopology
from seawall_ops.failover.plans.postgres import PostgresServers
from seawall_ops.failover.plans.rebuild import Rebuild, rebuild_plan
from seawall_ops.failover.plans.rebuilder import Following
from seawall_ops.failover.plans.servers import MemberUnreachable
from seawall_ops.failover.plans.surroundings import Surroundings
from seawall_ops.failover.store_sqlite import SqliteStore
from seawall_ops.steps import Operation
from topology_documents import failed_over

pytestmark = pytest.mark.xdist_group("postgres")
# Asks whoever sits beside the server, as ssh would, and ends as that does.
ASKS = """
import json, os, pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
asked = folder / "asked.new"
asked.write_text(json.dumps({key: os.environ["SEAWALL_" + key] for key in ("MEMBER", "WRITER", "WRITER_PORT")}))
asked.rename(folder / "asked")
while not (folder / "answer").exists():
    time.sleep(0.02)
print((folder / "answer").read_text())
"""


@pytest.fixture
def heirs(
    postgres_fleet: PostgresFleet, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[PostgresServer, PostgresServer]]:
    """A writer and the replica that is to take over, asked as the superuser."""
    with asked_as_superuser(postgres_fleet, monkeypatch):
        yield postgres_fleet.primary, postgres_fleet.replicas[0]


def servers_of(old: PostgresServer, new: PostgresServer) -> PostgresServers:
    return PostgresServers(
        members(),
        port=5432,
        database=SUPERUSER,
        timeout_seconds=TIMEOUT_SECONDS,
        addresses={OLD: old.address, NEW: new.address},
    )


def handed_over(servers: PostgresServers) -> None:
    """As a failover does it: fenced, caught up, promoted."""
    servers.fence(OLD)
    position = servers.look(OLD).position or 0
    until(lambda: (servers.look(NEW).position or 0) >= position)
    servers.promote(NEW)
    until(lambda: servers.look(NEW).takes_writes)


def beside_the_server(folder: Path, old: PostgresServer, new: PostgresServer) -> threading.Thread:
    """Whoever the command asks: rewinds the server by pg_rewind, and starts it as a replica."""

    def serve() -> None:
        until(lambda: (folder / "asked").exists(), 30.0)
        asked = json.loads((folder / "asked").read_text())
        assert asked == {"MEMBER": OLD, "WRITER": NEW, "WRITER_PORT": str(new.port)}
        done = old.rebuild_as_replica(new)
        (folder / "answer.new").write_text(done)
        (folder / "answer.new").rename(folder / "answer")

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def test_an_old_writer_that_went_on_follows_again_and_can_take_over_once_more(
    heirs: tuple[PostgresServer, PostgresServer], tmp_path: Path
):
    """All of it: what it has alone is shown and thrown away, its fence does not outlive it, and the next promotion writes."""
    old, new = heirs
    servers = servers_of(old, new)
    handed_over(servers)
    with psycopg.connect(old.dsn(), autocommit=True) as stubborn:
        stubborn.execute("SET default_transaction_read_only = off")
        stubborn.execute("CREATE TABLE alone AS SELECT generate_series(1, 1000)")
    board = Board(SqliteStore(tmp_path / "board.sqlite", "shop-prod"), "shop-prod")
    board.change(lambda ledger: ledger.fenced_with((OLD,)))
    live = LiveTopology(FilePlace(tmp_path / "live.json"))
    live.publish(failed_over(epoch=2, writer=NEW))
    told: list[str] = []
    rebuilder = CommandRebuilder(
        servers, (*PYTHON, ASKS, str(tmp_path)), timeout_seconds=60, folder=tmp_path, told=told.append
    )
    before = rebuilder.look(OLD, NEW)
    assert before.following is Following.APART
    assert (before.alone_bytes or 0) > 1000
    request = Rebuild(
        cluster="shop-prod",
        member=OLD,
        region="eu-west-1",
        writer=NEW,
        reason="it is back",
        opened_by="somebody",
        lag_limit_seconds=5.0,
    )
    plan = rebuild_plan(request, Surroundings(board=board, live=live, servers=servers), rebuilder)
    operation = Operation(plan, id="rebuild-1", folder=tmp_path, guard=Holding(), confirm=lambda _: True)
    assert f"{before.alone_bytes:,} bytes" in operation.preview().steps[0].shown
    thread = beside_the_server(tmp_path, old, new)
    result = operation.run()
    thread.join()
    assert result.end == "done", result
    assert told == ["rewound"]
    assert rebuilder.look(OLD, NEW).following is Following.FOLLOWS
    assert board.read().ledger.fenced == ()
    assert old.sql("SELECT count(*) FROM pg_class WHERE relname = 'alone'", database="shop") == "0"
    assert old.sql("SHOW default_transaction_read_only") == "off"
    servers.promote(OLD)
    until(lambda: servers.look(OLD).takes_writes)
    servers.try_write(OLD)


def test_a_fence_that_a_rebuild_has_kept_is_lifted_on_the_replica(heirs: tuple[PostgresServer, PostgresServer]):
    """A tool that brings back the server's own configuration brings back the fence: it would come up with it."""
    servers = servers_of(*heirs)
    servers.fence(NEW)
    assert servers.fence_of(NEW).closed
    servers.lift(NEW)
    assert not servers.fence_of(NEW).closed
    servers.promote(NEW)
    until(lambda: servers.look(NEW).takes_writes)
    servers.try_write(NEW)


def test_what_does_not_follow_is_told_apart(heirs: tuple[PostgresServer, PostgresServer], tmp_path: Path):
    """A replica, one that nothing is sent to, one of a history of its own, one that is gone; a writer that is gone is an error."""
    old, new = heirs
    servers = servers_of(old, new)
    rebuilder = CommandRebuilder(servers, ("true",), timeout_seconds=1, folder=tmp_path)
    until(lambda: rebuilder.look(NEW, OLD).following is Following.FOLLOWS)
    assert rebuilder.look(NEW, OLD).alone_bytes is None
    new.follow(None)
    until(lambda: "nothing is sent to it" in rebuilder.look(NEW, OLD).shown)
    servers.promote(NEW)
    until(lambda: servers.look(NEW).takes_writes)
    assert "takes writes, on timeline" in rebuilder.look(NEW, OLD).shown
    old.kill()
    assert rebuilder.look(OLD, NEW).following is Following.APART
    assert "nobody listens" in rebuilder.look(OLD, NEW).shown
    with pytest.raises(MemberUnreachable):
        rebuilder.look(NEW, OLD)


def test_a_role_that_may_not_read_a_history_is_not_told_a_number(
    heirs: tuple[PostgresServer, PostgresServer], monkeypatch: pytest.MonkeyPatch
):
    """Rather none than a wrong one; nor is a receiver that is not shown taken for a silent one."""
    old, new = heirs
    servers = servers_of(old, new)
    handed_over(servers)
    timeline = servers.look(NEW).timeline or 0
    assert servers.history(NEW, timeline) is not None
    assert servers.history(NEW, timeline + 7) is None
    monkeypatch.setenv("PGUSER", "shop")
    assert servers_of(old, new).history(NEW, timeline) is None
