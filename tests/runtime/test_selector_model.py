"""The selector against plain models: lists and loops, no heaps, no pools, no timers.

Invariants of spreading (written before the model):

1. A pick goes to an endpoint with a weight, not excluded, and available, as long as there is one of those; when none at
   all is available, to any with a weight that is not excluded. Else it raises.
2. At no moment are more than `floor(max_ejected_ratio * endpoints with a weight)` ejected.
3. An ejection ends by itself after `ejection_seconds * n`; n grows by one with each, falls by one per `ejection_seconds`
   without one, and the length is at most `max_ejection_seconds`.
4. What an attempt reports that was picked before its endpoint's last ejection, restoration or change of health, changes
   nothing; a second report changes nothing.

Invariants of active-passive:

5. While an endpoint with a weight is available, the active one is available.
6. An active endpoint that stays available is left only for one that is proven and preferred, and not before the hold
   that its taking over began.
7. Without `exclude`, all picks between two changes go to one endpoint.
"""

import math
from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from seawall.selector import (
    ActivePassive,
    Endpoint,
    EndpointSelector,
    EndpointState,
    FailbackPolicy,
    NoEndpointAvailable,
    OutlierDetection,
    PowerOfTwoChoices,
    WeightedRoundRobin,
)
from seawall.testing import FakeClock

NAMES = [f"e{index}" for index in range(6)]
THRESHOLD = 2
EJECTION = 10.0
LONGEST = 25.0
GOOD = 2
HOLD = 20.0


@dataclass
class Plain:
    """What the model knows of an endpoint."""

    weight: int
    healthy: bool = True
    until: float = -math.inf
    n: int = 0
    restored_at: float = -math.inf
    streak: int = 0
    epoch: int = 0

    def ejected(self) -> bool:
        return self.until > -math.inf

    def available(self) -> bool:
        return self.weight > 0 and self.healthy and not self.ejected()


class Spreading(RuleBasedStateMachine):
    """Both policies that spread, told the same."""

    @initialize(
        weights=st.lists(st.integers(0, 4), min_size=1, max_size=6),
        ratio=st.sampled_from([0.0, 0.3, 0.5, 1.0]),
        policy=st.sampled_from([WeightedRoundRobin(), PowerOfTwoChoices(), PowerOfTwoChoices(peak_ewma_seconds=5.0)]),
    )
    def start(self, weights, ratio, policy):
        self.clock = FakeClock()
        self.ratio = ratio
        self.plain = {NAMES[index]: Plain(weight) for index, weight in enumerate(weights)}
        outlier = OutlierDetection(
            consecutive_failures=THRESHOLD,
            failure_rate_threshold=None,
            ejection_seconds=EJECTION,
            max_ejection_seconds=LONGEST,
            jitter_ratio=0.0,
            max_ejected_ratio=ratio,
        )
        self.selector = EndpointSelector(
            [Endpoint(name, weight=each.weight) for name, each in self.plain.items()],
            policy,
            outlier,
            clock=self.clock,
        )
        self.attempts = []

    def most(self) -> int:
        return math.floor(self.ratio * sum(each.weight > 0 for each in self.plain.values()) + 1e-9)

    def restore(self, each: Plain) -> None:
        each.until, each.restored_at, each.streak = -math.inf, self.clock.monotonic(), 0
        each.epoch += 1

    def keep_maximum(self) -> None:
        while sum(each.ejected() for each in self.plain.values()) > self.most():
            self.restore(min((each for each in self.plain.values() if each.ejected()), key=lambda each: each.until))

    @rule(exclude=st.sets(st.sampled_from(NAMES), max_size=2))
    def pick(self, exclude):
        allowed = {name for name, each in self.plain.items() if each.available()}
        allowed = (allowed or {name for name, each in self.plain.items() if each.weight}) - exclude
        if not allowed:
            with pytest.raises(NoEndpointAvailable):
                self.selector.pick(exclude)
            return
        attempt = self.selector.pick(exclude)
        assert attempt.endpoint.name in allowed
        plain = self.plain[attempt.endpoint.name]
        self.attempts.append((attempt, plain, plain.epoch))

    @precondition(lambda self: self.attempts)
    @rule(data=st.data(), outcome=st.sampled_from(["success", "failure", "failure", "release", "lost", "twice"]))
    def settle(self, data, outcome):
        index = data.draw(st.integers(0, len(self.attempts) - 1))
        attempt, plain, epoch = self.attempts[index] if outcome == "twice" else self.attempts.pop(index)
        if outcome == "lost":
            return
        if outcome == "twice":
            attempt.release()
            attempt.failure()
            return
        settled = "settled" in repr(attempt)
        getattr(attempt, outcome)()
        if outcome == "release" or settled or epoch != plain.epoch or plain not in self.plain.values():
            return
        if outcome == "success":
            plain.streak = 0
            return
        plain.streak += 1
        if plain.streak >= THRESHOLD and plain.weight and not plain.ejected():
            now = self.clock.monotonic()
            if sum(each.ejected() for each in self.plain.values()) + 1 <= self.most():
                plain.n = plain.n - int(min((now - plain.restored_at) / EJECTION, plain.n)) + 1
                plain.until = now + min(EJECTION * plain.n, LONGEST)
                plain.streak = 0
                plain.epoch += 1

    @rule(seconds=st.sampled_from([0.5, 5.0, 10.0, 40.0]))
    def wait(self, seconds):
        """Time passes in small steps: what ends, ends when it is due."""
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            due = min((each.until for each in self.plain.values() if each.ejected()), default=math.inf)
            self.clock.advance(max(0.0, min(due, end) - self.clock.monotonic()))
            self.selector.snapshot()
            for each in self.plain.values():
                if each.ejected() and each.until <= self.clock.monotonic():
                    self.restore(each)

    @rule(name=st.sampled_from(NAMES), healthy=st.booleans())
    def probe(self, name, healthy):
        self.selector.probed(name, passed=healthy, healthy=healthy)
        plain = self.plain.get(name)
        if plain is not None and plain.healthy is not healthy:
            plain.healthy = healthy
            plain.streak = 0
            plain.epoch += 1

    @rule(name=st.sampled_from(NAMES), weight=st.integers(0, 4))
    def weigh(self, name, weight):
        if name in self.plain:
            self.selector.set_weight(name, weight)
            plain = self.plain[name]
            plain.weight = weight
            if not weight and plain.ejected():
                plain.until, plain.restored_at = -math.inf, self.clock.monotonic()
        else:
            self.selector.add(Endpoint(name, weight=weight))
            self.plain[name] = Plain(weight)
        self.keep_maximum()

    @rule(name=st.sampled_from(NAMES))
    def take_away(self, name):
        if name in self.plain:
            self.selector.remove(name)
            del self.plain[name]
            self.keep_maximum()

    @invariant()
    def agrees(self):
        if not hasattr(self, "plain"):
            return
        seen = self.selector.snapshot()
        assert {each.endpoint.name: each.state is EndpointState.EJECTED for each in seen.endpoints} == {
            name: each.ejected() and each.healthy for name, each in self.plain.items()
        }
        assert sum(each.ejected() for each in self.plain.values()) <= self.most()
        assert [each.failures_in_a_row for each in seen.endpoints] == [each.streak for each in self.plain.values()]
        weighted = [each for each in self.plain.values() if each.weight]
        assert seen.panicking is (bool(weighted) and not any(each.available() for each in weighted))
        for each in seen.endpoints:
            under_way = [attempt for attempt, plain, _ in self.attempts if plain is self.plain[each.endpoint.name]]
            settled = sum("settled" in repr(attempt) for attempt in under_way)
            counted = isinstance(self.selector._core.policy, PowerOfTwoChoices)
            assert each.outstanding == (len(under_way) - settled if counted else 0)


class Standby(RuleBasedStateMachine):
    """Active-passive: rather than being modelled, each change of the active endpoint is held to the invariants."""

    @initialize(
        roles=st.lists(st.sampled_from(["primary", "standby"]), min_size=1, max_size=4), good=st.sampled_from([0, GOOD])
    )
    def start(self, roles, good):
        self.clock = FakeClock()
        self.good = good
        self.selector = EndpointSelector(
            [Endpoint(NAMES[index], role=role) for index, role in enumerate(roles)],
            ActivePassive(failure_threshold=THRESHOLD),
            failback=FailbackPolicy(
                good_probes=good, minimum_hold_seconds=HOLD, max_hold_seconds=HOLD * 4, jitter_ratio=0.0
            ),
            clock=self.clock,
        )
        self.active = None
        self.took_over_at = -math.inf
        self.states = {}
        self.good_in_a_row = dict.fromkeys(NAMES, 0)

    @rule(outcomes=st.lists(st.sampled_from(["success", "failure", "release"]), min_size=1, max_size=4))
    def call(self, outcomes):
        for outcome in outcomes:
            attempt = self.selector.pick()
            getattr(attempt, outcome)()
            self.follows()

    @rule(index=st.integers(0, 3), passed=st.booleans())
    def probe(self, index, passed):
        self.good_in_a_row[NAMES[index]] = self.good_in_a_row[NAMES[index]] + 1 if passed else 0
        self.selector.probed(NAMES[index], passed=passed, healthy=passed)

    @rule(seconds=st.sampled_from([1.0, HOLD / 2, HOLD, HOLD * 4]))
    def wait(self, seconds):
        self.clock.advance(seconds)

    def rank(self, name):
        endpoint = next(each for each in self.selector.endpoints if each.name == name)
        return (endpoint.role != "primary", name)

    @invariant()
    def follows(self):
        if not hasattr(self, "selector"):
            return
        snapshot = self.selector.snapshot()
        states = {each.endpoint.name: each.state for each in snapshot.endpoints}
        available = {name for name, state in states.items() if state in ("available", "recovering")}
        active = snapshot.active
        assert active in states
        if available:
            assert active in available
        assert snapshot.panicking is not bool(available)
        assert {self.selector.pick().endpoint.name for _ in range(3)} == {active}
        if len(states) > 1 and available - {active}:
            assert self.selector.pick(exclude={active}).endpoint.name in available
        if (
            active != self.active
            and self.active in available
            and self.states.get(self.active)
            in (
                "available",
                "recovering",
            )
        ):
            assert self.rank(active) < self.rank(self.active)
            assert states[active] == "available"
            assert self.good_in_a_row[active] >= self.good or self.states.get(active) == "available"
            assert self.clock.monotonic() - self.took_over_at >= HOLD
        if active != self.active:
            if self.active is not None:
                self.took_over_at = self.clock.monotonic()
            self.active = active
        self.states = states


TestSpreading = Spreading.TestCase
TestSpreading.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestStandby = Standby.TestCase
TestStandby.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
