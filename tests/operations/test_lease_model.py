"""Two and three contenders for one lease, with pauses, clock steps and requests that are slow, lost or late.

The invariants, in words:

1. At no moment do two processes believe that they hold the lease.
2. No fence is given twice, and each is greater than all before it: also after a release, after running out, and after the
   record was deleted.
3. Whoever held it has stopped by the moment at which a record with another fence is written, which is before its own time
   to live is over.
4. Of the writes to a state that were accepted, none has a lower fence than one before it, however long its writer was
   stopped between asking and writing.
5. Once the network and the processes are well again, somebody acquires the lease.

`World` in helpers/lease_world.py holds the first three against every moment at which time has passed or something was written.
"""

import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from lease_world import NAME, TERMS, Fault, World
from seawall_ops.lease import MemoryLeaseStore

ROUNDS = 1000
SEEDS = [1, 2, 3, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(4, 200))]
numbers = st.integers(0, 1)
seconds = st.floats(0.0, 2.0 * TERMS.ttl_seconds)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("processes", [2, 3])
def test_a_thousand_rounds_never_make_two_holders_nor_one_fence_twice(seed, processes):
    """The losses of others: a slow renewal counted from its answer, a lost acquisition taken twice, a clock that steps."""
    store = MemoryLeaseStore()
    world = World(store, store.delete, random.Random(seed), processes, fault_ratio=0.3)
    for _ in range(ROUNDS):
        world.round()
    assert world.written == sorted(world.written)
    assert len(world.fences) > ROUNDS / 50  # enough happened for the above to mean something
    assert world.refused > 0
    assert sum(each.losses for each in world.members) > ROUNDS / 50
    world.settle()


class LeaseMachine(RuleBasedStateMachine):
    """Everything that can happen to two contenders, in any order."""

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        self.store = MemoryLeaseStore()
        self.world = World(self.store, self.store.delete, random.Random(seed))

    @rule(number=numbers)
    def goes_on(self, number: int) -> None:
        self.world.members[number].step()

    @rule(number=numbers, pause=seconds)
    def writes_after_a_pause(self, number: int, pause: float) -> None:
        self.world.depth = 1
        self.world.members[number].write(pause)
        self.world.depth = 0

    @rule(number=numbers)
    def releases(self, number: int) -> None:
        self.world.members[number].release()

    @rule(number=numbers, fault=st.sampled_from(Fault))
    def goes_on_with_a_fault(self, number: int, fault: Fault) -> None:
        self.world.fault, self.world.depth = fault, 1
        self.world.members[number].step()
        self.world.fault, self.world.depth = None, 0

    @rule(number=numbers, step=st.floats(-1e5, 1e5))
    def wall_clock_steps(self, number: int, step: float) -> None:
        self.world.members[number].clock.stepped += step

    @rule(number=numbers, pause=seconds)
    def is_paused(self, number: int, pause: float) -> None:
        self.world.members[number].paused_until = self.world.now + pause

    @rule(passed=seconds)
    def time_passes(self, passed: float) -> None:
        self.world.pass_time(passed)

    @rule()
    def the_record_is_deleted(self) -> None:
        self.store.delete(NAME)

    @invariant()
    def at_most_one_holds(self) -> None:
        self.world.look()

    @invariant()
    def accepted_writes_are_in_order(self) -> None:
        assert self.world.written == sorted(self.world.written)

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.settle()


TestLeaseMachine = LeaseMachine.TestCase
TestLeaseMachine.settings = settings(max_examples=60, stateful_step_count=40)


@pytest.mark.soak
def test_the_machine_for_longer():
    """As above, with more of everything."""
    long = type("Long", (LeaseMachine.TestCase,), {})
    long.settings = settings(max_examples=2000, stateful_step_count=80)
    long("runTest").runTest()
