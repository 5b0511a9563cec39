"""The servers behind a local environment's database: real ones, that outlive the command and end with their folder."""

from pathlib import Path

import psutil
import pytest

from localcloud.databases import DatabasesUnavailable, ask, start, status, stop
from localcloud.postgres import until
from localcloud.processes import alive, ours
from localcloud.verify_postgres import replication

pytestmark = pytest.mark.xdist_group("postgres2")


def test_servers_run_until_they_are_stopped_and_are_found_again(tmp_path: Path):
    """A second `make dev` finds them; another writer makes them anew; they end with the process that owns them."""
    members = ["ap-northeast-1", "us-west-2"]
    folder = tmp_path / "databases"
    assert status(folder) is None
    found, begun = start(folder, members, "orders")
    try:
        assert (begun, list(found.members), found.writer) == (True, members, members[0])
        assert start(folder, members, "orders") == (found, False)
        assert [(each.kind, each.differences) for each in replication(found)] == [("postgres", ())] * 2
        named = "SELECT datname FROM pg_database WHERE datname = 'orders'"
        until(lambda: ask(found, members[1], named) == "orders", "the replica has replayed it")
        assert found.password not in repr(found)

        said: list[str] = []
        other, begun = start(folder, members[::-1], "orders", said.append)
        assert (begun, other.writer, len(said)) == (True, "us-west-2", 1)
        assert ours(found.pid, lambda _: True) is None  # a zombie may be left for its parent to wait for
        owner = psutil.Process(other.pid)
        servers = owner.children(recursive=True)
        assert servers
        owner.kill()  # whatever ends it: nothing is left behind that nobody finds any more
        until(lambda: not any(map(alive, servers)), "every server has ended")
        assert status(folder) is None
        assert not stop(folder)
    finally:
        stop(folder)


def test_servers_that_cannot_start_say_why_in_one_line(tmp_path: Path):
    """The last line of their log is what a tired person needs."""
    with pytest.raises(DatabasesUnavailable, match='database "postgres" already exists') as caught:
        start(tmp_path / "databases", ["one"], "postgres")
    assert len(str(caught.value).splitlines()) == 1
