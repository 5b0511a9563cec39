"""Active-passive selection: who takes over when, who comes back when."""

import pytest

from seawall.selector import (
    ActiveChanged,
    FailbackPolicy,
    NoEndpointAvailable,
    PanicPolicy,
)
from seawall.testing import FakeClock, events_of
from selector_steps import HOLD, fail, probe, standby, states


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_three_failures_in_a_row_and_no_fewer_make_the_standby_active(clock):
    """The seed's `failover_threshold: 3_failures`. A success in between starts the count anew."""
    selector = standby(clock)
    fail(selector, "tokyo", 2)
    selector.pick().success()
    fail(selector, "tokyo", 2)
    assert selector.snapshot().active == "tokyo"
    with events_of(selector.events) as seen:
        fail(selector, "tokyo", 1)
    assert selector.snapshot().active == "osaka"
    (change,) = [each for each in seen if isinstance(each, ActiveChanged)]
    assert (change.previous, change.current, change.reason, change.cause) == (
        "tokyo",
        "osaka",
        "failover",
        "consecutive failures",
    )


def test_failback_needs_good_probes_in_a_row_and_the_hold(clock):
    """Neither alone is enough: not three good probes a moment after the failover, and not an hour without any."""
    selector = standby(clock)
    fail(selector, "tokyo", 3)
    probe(selector, "tokyo", True, True, True)
    assert selector.snapshot().active == "osaka"
    clock.advance(HOLD)
    assert selector.snapshot().active == "tokyo"

    selector = standby(clock)
    fail(selector, "tokyo", 3)
    clock.advance(3600.0)
    assert selector.snapshot().active == "osaka"
    assert states(selector)["tokyo"] == "recovering"
    probe(selector, "tokyo", True, True, False, True, True)
    assert selector.snapshot().active == "osaka"
    probe(selector, "tokyo", True)
    assert selector.snapshot().active == "tokyo"


def test_without_a_prober_the_hold_alone_can_lead_back(clock):
    """`good_probes=0` says so."""
    selector = standby(clock, failback=FailbackPolicy(good_probes=0, minimum_hold_seconds=HOLD, jitter_ratio=0.0))
    fail(selector, "tokyo", 3)
    clock.advance(HOLD - 1.0)
    assert selector.snapshot().active == "osaka"
    clock.advance(1.0)
    assert selector.snapshot().active == "tokyo"


def test_the_hold_doubles_while_an_endpoint_flaps_and_has_jitter(clock):
    """Anti-flap: each failover soon after a failback waits longer before the next failback."""
    policy = FailbackPolicy(good_probes=1, minimum_hold_seconds=10.0, max_hold_seconds=35.0, jitter_ratio=0.5)
    selector = standby(clock, failback=policy, random=lambda: 0.2)
    holds = []
    for _ in range(4):
        fail(selector, "tokyo", 3)
        probe(selector, "tokyo", True)
        began = clock.monotonic()
        while selector.snapshot().active != "tokyo":
            clock.advance(0.5)
        holds.append(clock.monotonic() - began)
    assert holds == [11.0, 22.0, 38.5, 38.5]  # 10, 20, 35, 35, each with 10 % on top


def test_nothing_holds_back_a_failover(clock):
    """The hold is for going back; when the standby fails as well, the next one takes over at once."""
    selector = standby(clock)
    fail(selector, "tokyo", 3)
    fail(selector, "osaka", 3)
    assert selector.snapshot().active == "seoul"
    probe(selector, "seoul", False)
    assert selector.snapshot().active == "tokyo"  # all have failed: the one left longest ago is tried
    assert selector.snapshot().panicking
    selector.pick().success()
    assert states(selector)["tokyo"] == "recovering"
    assert not selector.snapshot().panicking


def test_a_proven_endpoint_takes_over_before_a_preferred_one_that_is_recovering(clock):
    """The one that failed an hour ago and has shown nothing since is no refuge while another one is well."""
    selector = standby(clock)
    fail(selector, "tokyo", 3)
    clock.advance(3600.0)
    assert states(selector)["tokyo"] == "recovering"
    fail(selector, "osaka", 3)
    assert selector.snapshot().active == "seoul"


def test_the_way_home_is_gone_one_hold_at_a_time(clock):
    """Two preferred endpoints that come back shortly after one another cause two changes, a hold apart."""
    selector = standby(clock)
    probe(selector, "tokyo", False)
    probe(selector, "osaka", False)
    assert selector.snapshot().active == "seoul"
    probe(selector, "osaka", True, True, True)
    clock.advance(HOLD)
    clock.advance(HOLD)
    assert selector.snapshot().active == "osaka"
    probe(selector, "tokyo", True, True, True)
    assert selector.snapshot().active == "osaka"
    clock.advance(HOLD)
    assert selector.snapshot().active == "tokyo"


def test_a_retry_goes_to_the_next_in_line_and_changes_nothing(clock):
    """`exclude` is about one call; the active endpoint stays."""
    selector = standby(clock)
    assert selector.pick(exclude={"tokyo"}).endpoint.name == "osaka"
    assert selector.pick(exclude={"tokyo", "osaka"}).endpoint.name == "seoul"
    assert selector.pick().endpoint.name == "tokyo"
    assert selector.snapshot().switches == 0


def test_panic_fail_refuses_until_the_hold_or_a_probe_ends_it(clock):
    """Failing fast must not last for ever when nobody probes."""
    selector = standby(clock, panic=PanicPolicy(action="fail"))
    for name in ("tokyo", "osaka", "seoul"):
        fail(selector, name, 3)
    with pytest.raises(NoEndpointAvailable):
        selector.pick()
    clock.advance(HOLD * 3)
    selector.pick().success()
