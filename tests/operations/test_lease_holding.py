"""Holding a lease: when its holder stops, what an unanswered renewal means, and how it is released."""

import contextlib
import gc
import logging
import os
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from seawall.errors import CannotPickle, LeaseHeld, LeaseLost, LeaseUnavailable
from seawall.events import Event, EventBus
from seawall.testing import FakeClock
from seawall.worker import Worker
from seawall_ops.lease import (
    FREE,
    Arbitrated,
    Held,
    Lease,
    LeaseAcquired,
    LeaseEnded,
    LeaseRecord,
    LeaseRenewalFailed,
    LeaseTerms,
    Location,
    MemoryLeaseStore,
    MemoryState,
    Stored,
)

TERMS = LeaseTerms(jitter_ratio=0.0)
USABLE = TERMS.ttl_seconds - TERMS.margin_seconds


class Flaky:
    """A store whose next requests fail as told: before or after they were done; each takes its time."""

    def __init__(self, clock: FakeClock) -> None:
        self.inner = MemoryLeaseStore()
        self.clock = clock
        self.faults: list[str] = []
        self.late: list[Callable[[], Any]] = []
        """What was given up, and is still on its way."""
        self.takes = 0.0

    @property
    def where(self) -> str:
        return self.inner.where

    @property
    def location(self) -> Location:
        return self.inner.location

    def read(self, name: str) -> Stored | None:
        return self._call(lambda: self.inner.read(name))

    def create(self, name: str, record: LeaseRecord) -> None:
        self._call(lambda: self.inner.create(name, record))

    def replace(self, name: str, record: LeaseRecord, over: Stored) -> Stored | None:
        return self._call(lambda: self.inner.replace(name, record, over))

    def _call(self, do: Callable[[], Any]) -> Any:
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "late":
            self.late.append(do)
        answer = None if fault in ("request", "late") else do()
        self.clock.advance(self.takes)
        if fault:
            raise LeaseUnavailable(self.where, f"the {fault} was lost")
        return answer


class Setting:
    """A lease of one process, and what it says."""

    def __init__(self) -> None:
        self.clock = FakeClock(1000.0)
        self.wall = FakeClock(5000.0)
        self.store = Flaky(self.clock)
        self.worker = Worker(clock=self.clock)
        self.events: list[Event] = []
        self.bus = EventBus()
        self.bus.subscribe(self.events.append)

    def lease(self, holder: str = "a", **more: Any) -> Lease:
        return Lease(
            self.store, "x", holder=holder, arbitrates=Arbitrated(), terms=TERMS, clock=self.clock,
            wall=self.wall.monotonic, sleep=self.clock.advance, worker=self.worker, events=self.bus, **more
        )  # fmt: skip

    def held(self) -> Held:
        lease = self.lease()
        lease.create()
        return lease.acquire(wait_seconds=0.0)

    def pass_time(self, seconds: float) -> None:
        """With the worker at work."""
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            self.clock.advance(min(0.5, end - self.clock.monotonic()))
            self.worker.run_due()


@pytest.fixture
def setting() -> Setting:
    return Setting()


def test_its_holder_stops_a_margin_before_others_may_begin(setting):
    """By its own clock, without being told by anybody."""
    held = setting.held()
    assert held.remaining_seconds() == USABLE
    setting.clock.advance(USABLE - 0.1)
    held.check()
    setting.clock.advance(0.2)
    with pytest.raises(LeaseLost) as caught:
        held.check()
    assert str(caught.value) == (
        "lease x with fence 1 is lost: it was last renewed 27.1 s ago, and its holder stops after 27 s "
        "(ttl_seconds - margin_seconds)"
    )


def test_its_time_counts_from_before_the_renewal_was_sent(setting):
    """An answer that took four seconds must not make the lease four seconds longer (client-go#448's kind of loss)."""
    held = setting.held()
    setting.store.takes = 4.0
    held.renew()
    assert held.remaining_seconds() == USABLE - 4.0


def test_what_ran_out_while_its_renewal_was_under_way_does_not_come_back(setting):
    """Somebody may have asked meanwhile and been told that it is lost."""
    held = setting.held()
    setting.clock.advance(USABLE - 1.0)
    setting.store.takes = 2.0
    with pytest.raises(LeaseLost):
        held.renew()
    assert held.remaining_seconds() == 0.0


def test_a_machine_that_was_stopped_is_noticed_by_its_wall_clock(setting):
    """A guest's monotonic clocks stand still while its hypervisor stops it; the wall clock is set right afterwards."""
    held = setting.held()
    setting.wall.advance(60.0)
    with pytest.raises(LeaseLost):
        held.check()


def test_the_worker_renews_it_for_as_long_as_it_is_held(setting):
    """Nobody has to think of it."""
    held = setting.held()
    setting.pass_time(10 * TERMS.ttl_seconds)
    held.check()
    assert held.fence == 1
    assert held.release()
    before = setting.store.inner.read("x")
    setting.pass_time(TERMS.ttl_seconds)
    assert setting.store.inner.read("x") == before


def test_a_renewal_whose_answer_was_lost_is_found_by_reading_before_the_next_one(setting):
    """It had been made: writing over the version before it would be refused, and the lease seem lost."""
    held = setting.held()
    setting.clock.advance(10.0)
    setting.store.faults = ["answer"]
    with pytest.raises(LeaseUnavailable, match="answer was lost"):
        held.renew()
    assert held.remaining_seconds() == USABLE - 10.0  # it counts as not made
    setting.clock.advance(2.0)
    setting.store.faults = ["", "request"]
    with pytest.raises(LeaseUnavailable):
        held.renew()
    assert held.remaining_seconds() == USABLE - 2.0  # since it was made, its time counts from when it began
    held.renew()
    assert held.remaining_seconds() == USABLE


def test_a_renewal_that_arrives_after_it_was_looked_for_is_still_known_as_ones_own(setting):
    """It was not there yet when the record was read; the next renewal was lost; then it came after all."""
    held = setting.held()
    setting.store.faults = ["late"]
    with pytest.raises(LeaseUnavailable):
        held.renew()
    setting.store.faults = ["", "request"]
    with pytest.raises(LeaseUnavailable):
        held.renew()
    setting.store.late.pop()()
    setting.clock.advance(5.0)
    held.renew()
    assert held.remaining_seconds() == USABLE
    assert held.release()


def test_an_acquisition_whose_answer_was_lost_is_found_and_not_made_twice(setting):
    """The same fence, once."""
    lease = setting.lease()
    lease.create()
    setting.store.faults = ["", "answer"]
    with pytest.raises(LeaseUnavailable):
        lease.try_acquire()
    setting.clock.advance(5.0)
    held = lease.try_acquire()
    assert held is not None
    assert (held.fence, held.remaining_seconds()) == (1, USABLE - 5.0)


def test_an_acquisition_that_arrives_too_late_to_be_used_is_taken_again_with_another_fence(setting):
    """Its first time is over, though nobody else had it."""
    lease = setting.lease()
    lease.create()
    setting.store.faults = ["", "answer"]
    with pytest.raises(LeaseUnavailable):
        lease.try_acquire()
    setting.clock.advance(TERMS.ttl_seconds)
    held = lease.acquire(wait_seconds=1.0)
    assert held.fence == 2


def test_a_lost_lease_is_told_to_whoever_listens_in_time(setting, caplog):
    """An audit has every loss, with its reason, before others may begin."""
    caplog.set_level(logging.CRITICAL, "seawall_ops.lease")
    held = setting.held()
    began = setting.clock.monotonic()
    setting.store.faults = ["request"] * 1000
    setting.pass_time(TERMS.ttl_seconds)
    acquired, *failures, ended = setting.events
    assert isinstance(acquired, LeaseAcquired)
    assert len(failures) > 5
    assert all(isinstance(each, LeaseRenewalFailed) and "request was lost" in each.because for each in failures)
    assert isinstance(ended, LeaseEnded)
    assert (ended.lost, ended.fence, ended.holder) == (True, 1, held.holder)
    assert began + USABLE <= ended.at_seconds < began + TERMS.ttl_seconds


@pytest.mark.parametrize("gone", [True, False])
def test_a_holder_whose_record_is_gone_or_anothers_says_so_at_its_next_renewal(setting, gone):
    """A hand that deletes records, or a holder that was taken for dead."""
    held = setting.held()
    if gone:
        setting.store.inner.delete("x")
    else:
        stored = setting.store.inner.read("x")
        setting.store.inner.replace("x", LeaseRecord(holder="b", fence=2, ttl_seconds=30.0, write="w"), stored)
    with pytest.raises(LeaseLost, match="its record is gone" if gone else "it is b's with fence 2"):
        held.renew()


def test_who_releases_lets_others_in_at_once(setting):
    """Nobody waits half a minute for an operator who is done."""
    with setting.held() as held:
        pass
    with pytest.raises(LeaseLost, match="it was released"):
        held.check()
    assert setting.lease("b").acquire(wait_seconds=0.0).fence == 2
    assert [each.lost for each in setting.events if isinstance(each, LeaseEnded)] == [False]
    assert held.release()  # a second time does nothing
    assert setting.store.inner.read("x").record.fence == 2


@pytest.mark.parametrize(
    ("faults", "known", "free"),
    [
        (["answer"], True, True),
        (["request"], True, True),
        (["request"] * 6, False, False),
        (["answer", "request", "request"], False, True),
    ],
)
def test_a_release_that_is_not_answered_is_tried_again_or_left_to_run_out(setting, faults, known, free, caplog):
    """It never hangs, and never frees what is somebody else's by now."""
    caplog.set_level(logging.CRITICAL, "seawall_ops.lease")
    held = setting.held()
    setting.store.faults = list(faults)
    assert held.release() is known
    assert (setting.store.inner.read("x").record.holder == FREE) is free


def test_a_release_after_a_renewal_that_arrived_unnoticed_still_frees_it(setting):
    """The version that it writes over is then another one than the holder knows."""
    held = setting.held()
    setting.store.faults = ["answer"]
    with pytest.raises(LeaseUnavailable):
        held.renew()
    assert held.release()
    assert setting.store.inner.read("x").record.holder == FREE


def test_a_contender_waits_for_as_long_as_a_dead_holder_was_promised(setting):
    """From its own first look on, by its own clock."""
    setting.held()
    setting.worker = Worker(clock=setting.clock)  # the first holder's process is gone
    other = setting.lease("b")
    with pytest.raises(LeaseHeld, match=r"lease x is not to be had: a@.* had it with fence 1, and 29 s were waited"):
        other.acquire(wait_seconds=29.0)
    assert other.acquire(wait_seconds=2.0).fence == 2


def test_a_record_that_was_missing_is_taken_only_after_somebody_unknown_has_stopped(setting):
    """Deleting it does not stop its holder."""
    held = setting.held()
    setting.store.inner.delete("x")
    other = setting.lease("b")
    with pytest.raises(LeaseHeld, match="its record was missing and was made anew, so somebody may hold it"):
        other.acquire(wait_seconds=20.0)
    held.check()
    setting.store.faults = ["request"]
    with pytest.raises(LeaseUnavailable):
        other.acquire(wait_seconds=0.0)
    assert other.acquire(wait_seconds=TERMS.ttl_seconds).fence > held.fence
    assert held.remaining_seconds() == 0.0


def test_fences_begin_above_what_is_asked_for(setting):
    """A store that was lost and made anew goes on where the audit ends."""
    lease = setting.lease(above=57)
    lease.create()
    assert lease.acquire(wait_seconds=0.0).fence == 58


def test_one_object_does_not_acquire_twice(setting):
    """The second holder would be the first one."""
    lease = setting.lease()
    lease.create()
    held = lease.acquire(wait_seconds=0.0)
    with pytest.raises(LeaseHeld, match="this object holds it already, with fence 1"):
        lease.try_acquire()
    held.release()
    assert lease.acquire(wait_seconds=0.0).fence == 2


def test_a_forked_child_holds_nothing_and_takes_nothing_of_its_parents(setting):
    """It has the same memory, and would write beside its parent."""
    lease = setting.lease()
    lease.create()
    held = lease.acquire(wait_seconds=0.0)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - in the child
        answer = "nothing raised"
        with contextlib.suppress(BaseException):
            try:
                held.check()
            except LeaseLost as error:
                answer = f"{held.remaining_seconds()} {held.release()} {lease.try_acquire()} {error.because}"
        os.write(writing, answer.encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as told:
        assert told.read() == f"0.0 False None process {child} was forked from its holder {os.getpid()}"
    held.check()
    gc.collect()


def test_a_lease_of_its_own_worker_is_renewed_in_real_time():
    """All parts together, without a fake: longer than it lives without being renewed."""
    terms = LeaseTerms(
        ttl_seconds=0.6, margin_seconds=0.1, renew_every_seconds=0.05, request_timeout_seconds=0.1, retry_seconds=0.02
    )
    lease = Lease(MemoryLeaseStore(), "x", holder="a", arbitrates=Arbitrated(), terms=terms)
    other = Lease(lease._tenure.store, "x", holder="b", arbitrates=Arbitrated(), terms=terms)
    lease.create()
    with lease.acquire(wait_seconds=0.0) as held:
        with pytest.raises(LeaseHeld):
            other.acquire(wait_seconds=0.8)
        MemoryState().put("key", "text", held)
    assert other.acquire(wait_seconds=1.0, renew=False).fence == 2


@pytest.mark.parametrize("what", [lambda setting: setting.lease(), lambda setting: setting.held()])
def test_neither_is_pickled(setting, what):
    """Two processes would hold one lease."""
    with pytest.raises(CannotPickle):
        pickle.dumps(what(setting))
