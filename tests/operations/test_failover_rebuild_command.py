"""`seawall failover rebuild`: dry first, confirmed by the member's name, under a lease of its own, on the record."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from failover_desk import AWAY, CLUSTER, HOME, Desk
from seawall_ops.audit import Decision
from seawall_ops.failover.plans import rebuilding
from seawall_ops.failover.plans.rebuilder import Following, RebuildLook
from seawall_ops.lease import FREE, LeaseRecord

MOVE = ("--to-region", AWAY, "--why", "drill")
WHY = ("--why", "the region is back")


@dataclass
class MemoryRebuilder:
    """Makes a member of the desk's servers follow another one, and says a line of it."""

    desk: Desk
    told: Callable[[str], None]
    where: str = "memory"

    def look(self, member: str, writer: str) -> RebuildLook:
        if member in self.desk.servers.writers:
            return RebuildLook(following=Following.APART, shown=f"{member} has a history of its own, 4096 bytes alone")
        return RebuildLook(following=Following.FOLLOWS, shown=f"{member} follows {writer}", lag_seconds=0.0)

    def rebuild(self, member: str, writer: str, check: Callable[[], None]) -> None:
        check()
        self.told(f"rewinding {member} to {writer}")
        self.desk.servers.writers.discard(member)


@pytest.fixture
def desk(tmp_path, monkeypatch, capsys) -> Desk:
    """After a failover to the other region."""
    found = Desk.made(tmp_path, monkeypatch)
    found.leases.create(
        f"rebuild-{CLUSTER}", LeaseRecord(holder=FREE, fence=0, ttl_seconds=30.0, write=os.urandom(8).hex())
    )
    monkeypatch.setattr(
        rebuilding, "rebuilder_of", lambda _found, _database, _servers, _id, told: MemoryRebuilder(found, told)
    )
    id_ = found.planned(capsys, *MOVE)["operation"]
    assert found.seawall("run", id_, "--confirm", id_) == 0
    capsys.readouterr()
    return found


def test_it_is_dry_and_shows_what_would_be_thrown_away(desk, capsys):
    """What the old writer has alone is gone for good afterwards."""
    assert desk.seawall("rebuild", HOME, *WHY) == 0
    shown = capsys.readouterr().out
    assert "4096 bytes alone" in shown
    assert "then there is no way back" in shown
    assert shown.splitlines()[-1].startswith(f"next: seawall failover rebuild {HOME} --settings ")
    assert HOME in desk.servers.writers
    assert HOME in desk.board.read().ledger.fenced


def test_confirmed_it_follows_is_let_go_and_may_take_over_again(desk, capsys):
    """From a fenced old writer to a replica that the ledger does not hold back, with what was said on the record."""
    assert desk.seawall("rebuild", HOME, *WHY, "--confirm", HOME, "--json") == 0
    assert json.loads(capsys.readouterr().out)["end"] == "done"
    assert desk.servers.writers == {AWAY}
    assert HOME not in desk.servers.fenced
    assert HOME not in desk.board.read().ledger.fenced
    facts = [each for each in desk.facts() if isinstance(each, Decision)]
    assert any(each.decision == "rebuild" and "the region is back (run by " in each.because for each in facts)
    assert any(each.because == f"rewinding {HOME} to {AWAY}" for each in facts)


def test_typed_again_it_changes_nothing(desk, capsys):
    """A retry after a lost terminal."""
    for _ in range(2):
        assert desk.seawall("rebuild", HOME, *WHY, "--confirm", HOME) == 0
    assert capsys.readouterr().err.count(f"rewinding {HOME}") == 1


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ((HOME, *WHY, "--confirm", AWAY), "--confirm"),
        (("nobody", *WHY), "nobody"),
        ((AWAY, *WHY), "writer"),
        ((HOME, *WHY, "--release-name"), "there is no switch"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(desk, capsys, words, line):
    """Before anything is asked of a server."""
    assert desk.seawall("rebuild", *words) == 2
    error = capsys.readouterr().err
    assert line in error
    assert error.count("\n") == 1


def test_without_a_command_nothing_of_ones_own_is_rebuilt(tmp_path, monkeypatch, capsys):
    """Nobody here knows how your servers are reached."""
    desk = Desk.made(tmp_path, monkeypatch)
    id_ = desk.planned(capsys, *MOVE)["operation"]
    assert desk.seawall("run", id_, "--confirm", id_) == 0
    capsys.readouterr()
    assert desk.seawall("rebuild", HOME, *WHY) == 2
    assert "rebuild_command" in capsys.readouterr().err
