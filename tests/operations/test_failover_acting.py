"""An observer that acts: what is decided is done once, what was left is finished, and who comes back is fenced."""

import signal
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from failover_desk import AWAY, CLUSTER, HOME, THIRD, Desk
from seawall.errors import StepRefused
from seawall.testing import FakeClock
from seawall.timing import FailureClass
from seawall.topology import load
from seawall_ops import cli
from seawall_ops.audit import Decision, Fence, Result, Trail
from seawall_ops.failover.decision import Act, Target
from seawall_ops.failover.ledger import OperationState, Pause
from seawall_ops.failover.observer import Observer
from seawall_ops.failover.plans.acting import AGAIN_SECONDS, Actor
from seawall_ops.failover.plans.assembling import journals_of, lease_of, surroundings_of
from seawall_ops.failover.plans.kept import KeptHandovers
from seawall_ops.failover.plans.recording import ACCEPT_LAG
from seawall_ops.failover.plans.servers import FenceLook
from seawall_ops.failover.settings import read_settings
from seawall_ops.lease import NEVER_SEEN, Arbitrated, Lease
from seawall_ops.places import audit_file, operations_folder

LOST = Act(
    Target(failure_class=FailureClass.REGION, failed=HOME, region=AWAY, writer=AWAY, epoch=3), ("3 of 3 see it lost",)
)


class Crash(BaseException):
    """The process dies."""


@pytest.fixture
def desk(tmp_path, monkeypatch) -> Desk:
    monkeypatch.setattr("seawall_ops.failover.plans.acting.LEASE_WAIT_SECONDS", 0.0)
    return Desk.made(tmp_path, monkeypatch)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def actor(desk, clock) -> Callable[..., Actor]:
    """One of an observer of that name; rounds are run by the test, not by its thread."""

    def made(name: str) -> Actor:
        found, declared = read_settings(desk.settings), load().declared
        return Actor(
            found=found,
            around=surroundings_of(found, declared),
            topology=load,
            name=name,
            lease=lease_of(found, declared, holder=name, automatic=True),
            journals=journals_of(found),
            kept=KeptHandovers(operations_folder()),
            trail=Trail(audit_file()),
            clock=clock,
        )

    return made


def crash_at(name: str) -> Callable[[str], None]:
    def broken(what: str) -> None:
        if what == name:
            raise Crash

    return broken


def test_what_is_decided_is_done_with_its_reasons_on_the_record(desk, actor):
    """Without a person: the quorum's word stands for the lag, and the mode for the confirmation."""
    one = actor("o-1")
    one.act(LOST)
    one.round()
    assert desk.servers.calls == [f"fence {HOME}", f"promote {AWAY}"]
    (operation,) = desk.board.read().ledger.operations
    assert (operation.state, operation.automatic, operation.opened_by) == (OperationState.DONE, True, "o-1")
    said = [(each.decision, each.because) for each in desk.facts() if isinstance(each, Decision)]
    assert any(because == "3 of 3 see it lost" for _, because in said)
    assert any(decision == ACCEPT_LAG and "a quorum knew it" in because for decision, because in said)


def test_of_two_that_decide_one_acts(desk, actor):
    """The second finds that something was done since, or that roles have changed."""
    one, other = actor("o-1"), actor("o-2")
    one.act(LOST)
    other.act(LOST)
    one.round()
    other.round()
    assert len(desk.board.read().ledger.operations) == 1
    other.act(LOST)  # decided by an epoch that is gone
    other.round()
    assert len(desk.board.read().ledger.operations) == 1


def test_while_somebody_holds_the_lease_nothing_is_done(desk, actor):
    """And nothing is waited for: the next decision comes soon."""
    lease = Lease(desk.leases, f"failover-{CLUSTER}", holder="a person", arbitrates=Arbitrated(automatic=False))
    with lease.acquire(wait_seconds=0.0, renew=False):
        one = actor("o-1")
        one.act(LOST)
        one.round()
    assert (desk.servers.calls, desk.board.read().ledger.operations) == ([], ())


def test_what_a_process_left_is_finished_by_another_one(desk, actor):
    """The promotion was under way when it died; nobody has to be woken."""
    desk.servers.broken = crash_at("promote")
    one = actor("o-1")
    one.act(LOST)
    with pytest.raises(Crash):
        one.round()
    assert desk.board.read().ledger.open is not None
    desk.servers.broken = lambda _: None
    actor("o-2").round()
    assert desk.board.read().ledger.operations[-1].state is OperationState.DONE
    assert any(isinstance(each, Decision) and each.decision == "taken over" for each in desk.facts())
    live = desk.live
    assert live is not None
    assert live.writer == AWAY


def test_what_cannot_go_on_is_tried_again_after_a_while(desk, actor, clock):
    """Not in every round: what is in its way takes a person, or a while."""
    desk.servers.broken = crash_at("promote")
    one = actor("o-1")
    one.act(LOST)
    with pytest.raises(Crash):
        one.round()

    def refuse(what: str) -> None:
        raise StepRefused(f"{what}: RDS is at work")

    desk.servers.broken = refuse
    other = actor("o-2")
    for _ in range(3):
        other.round()
    assert [each.end for each in desk.facts() if isinstance(each, Result)] == ["stuck"]
    clock.advance(AGAIN_SECONDS)
    desk.servers.broken = lambda _: None
    other.round()
    assert [each.end for each in desk.facts() if isinstance(each, Result)] == ["stuck", "done"]
    assert (desk.board.read().ledger.open, desk.servers.writers) == (None, {HOME, AWAY})


def test_a_lease_that_was_never_there_is_waited_for_when_the_observer_starts(desk, actor):
    """Its time must not pass in the outage; and who makes the record never takes it at once."""
    (desk.folder / "leases.sqlite").unlink()
    with actor("o-1"):
        stored = desk.leases.read(f"failover-{CLUSTER}")
        assert stored is not None
        assert stored.record.holder == NEVER_SEEN
    desk.free_lease()
    (desk.folder / "leases.sqlite").write_text("x" * 4096)
    with actor("o-2"):  # a store that does not answer keeps nobody from observing
        pass


def test_each_server_is_asked_once_when_the_observer_starts_be_it_silent_or_not(desk, actor, monkeypatch):
    """A client of RDS or EC2 takes seconds to make: not while the writer is lost."""
    asked: list[str] = []
    known = desk.servers.fence_of

    def fence_of(member: str) -> FenceLook:
        asked.append(member)
        return known(member)

    monkeypatch.setattr(desk.servers, "fence_of", fence_of)
    desk.servers.silent.add(HOME)
    ends = time.monotonic() + 10.0
    with actor("o-1"):
        while len(asked) < 3 and time.monotonic() < ends:
            time.sleep(0.01)
    assert asked == [HOME, AWAY, THIRD]
    assert desk.servers.calls == []


def test_what_a_person_has_begun_is_left_to_people(desk, actor, capsys):
    """It may have stopped for a reason."""
    desk.servers.broken = crash_at("promote")
    id_ = desk.planned(capsys, "--to-region", AWAY, "--why", "drill")["operation"]
    with pytest.raises(Crash):
        desk.seawall("run", id_, "--confirm", id_)
    desk.servers.broken = lambda _: None
    actor("o-1").round()
    assert desk.board.read().ledger.open is not None
    assert desk.servers.writers == {HOME}


def test_a_pause_holds_an_act_that_was_decided_before(desk, actor):
    """Somebody has said so between the decision and the lease."""
    one = actor("o-1")
    one.act(LOST)
    until = datetime.now(UTC) + timedelta(hours=1)
    pause = Pause(id="p", who="somebody", why="storage", until=until, duration_seconds=3600.0)
    desk.board.change(lambda ledger: ledger.paused(pause))
    one.round()
    assert desk.servers.calls == []
    assert desk.board.read().ledger.open is None


def test_an_old_writer_that_comes_back_is_fenced_again(desk, actor):
    """It was silent in the failover, and its region is back, with a server that takes writes."""
    one = actor("o-1")
    one.act(LOST)
    one.round()
    desk.servers.fenced.clear()  # it came back without its fence
    desk.servers.silent.add(HOME)
    one.round()
    assert HOME not in desk.servers.fenced
    desk.servers.silent.clear()
    desk.servers.calls.clear()
    one.round()
    one.round()
    assert desk.servers.calls == [f"fence {HOME}"]
    said = [(each.subject, each.state) for each in desk.facts() if isinstance(each, Fence)]
    assert said == [(HOME, "requested"), (HOME, "confirmed")]


def test_a_replica_and_the_writer_are_never_fenced_again(desk, actor):
    """Whatever the ledger says of them: what was rebuilt follows, and the writer is the writer."""
    desk.board.change(lambda ledger: ledger.fenced_with((HOME, AWAY, THIRD)))
    actor("o-1").round()
    assert desk.servers.calls == []


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"mode": "recommend"}, "the policy says mode = recommend"),
        ({"leases": "dynamodb://eu-north-1/leases"}, "as the board is"),
        ({"board": "dynamodb://eu-north-1/votes", "arbiter": "eu-north-1"}, "an observer that died must find it"),
        (
            {
                "board": "dynamodb://eu-north-1/votes",
                "leases": "dynamodb://eu-west-1/leases",
                "journals": "dynamodb://eu-north-1/records",
            },
            "lost together with the region that fails over",
        ),
    ],
)
def test_acting_is_refused_where_nobody_could_take_over(desk, changes: dict[str, Any], line, capsys, monkeypatch):
    """A lease or a journal of one machine, one inside of what fails over, or a policy that never acts."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    desk = replace(desk, changes=changes)
    desk.write_settings()
    assert cli.main(["failover", "observe", "--act", "--settings", str(desk.settings), "--domain", HOME]) == 2
    assert line in " ".join(capsys.readouterr().err.split())


def test_the_command_acts_in_a_thread_of_its_own_until_it_is_stopped(desk, monkeypatch):
    """Votes and decisions do not wait for it; the record is where the command says."""

    def run(observer: Observer) -> None:
        assert observer._act is not None
        observer._act(LOST)
        ends = time.monotonic() + 10.0
        while time.monotonic() < ends and not desk.board.read().ledger.fenced:
            time.sleep(0.01)

    monkeypatch.setattr(Observer, "run", run)
    record = desk.folder / "record.jsonl"
    words = ["failover", "observe", "--act", "--settings", str(desk.settings), "--domain", AWAY]
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        assert cli.main([*words, "--name", "o-1", "--audit", str(record)]) == 0
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    assert desk.servers.writers == {HOME, AWAY}
    assert "3 of 3 see it lost" in record.read_text(encoding="utf-8")
