"""One test per fault that selectors elsewhere were known for, and the rules of active-passive."""

import copy
import gc
import os
import pickle
import threading
from collections import Counter

import pytest

from seawall.breaker import CallNotPermitted
from seawall.errors import CannotPickle, InvalidInput
from seawall.selector import (
    ActiveChanged,
    ActivePassive,
    Endpoint,
    EndpointEjected,
    EndpointHealthChanged,
    EndpointRestored,
    EndpointsChanged,
    EndpointSelector,
    FailbackPolicy,
    NoEndpointAvailable,
    OutlierDetection,
    PanicChanged,
    PanicPolicy,
    PowerOfTwoChoices,
    WeightedRoundRobin,
)
from seawall.testing import FakeClock, events_of

HOLD = 60.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def spread(count: int, clock: FakeClock, policy=None, **more) -> EndpointSelector:
    endpoints = [Endpoint(chr(ord("a") + index)) for index in range(count)]
    more.setdefault("outlier", OutlierDetection(consecutive_failures=2, jitter_ratio=0.0))
    return EndpointSelector(endpoints, policy or WeightedRoundRobin(), clock=clock, **more)


def standby(clock: FakeClock, **more) -> EndpointSelector:
    endpoints = [Endpoint("tokyo"), Endpoint("osaka", role="standby"), Endpoint("seoul", role="standby")]
    more.setdefault("failback", FailbackPolicy(good_probes=3, minimum_hold_seconds=HOLD, jitter_ratio=0.0))
    return EndpointSelector(endpoints, ActivePassive(failure_threshold=3), clock=clock, **more)


def fail(selector: EndpointSelector, name: str, times: int) -> None:
    """Calls of one endpoint that fail."""
    others = {each.name for each in selector.endpoints} - {name}
    for _ in range(times):
        selector.pick(exclude=others).failure()


def states(selector: EndpointSelector) -> dict[str, str]:
    return {each.endpoint.name: str(each.state) for each in selector.snapshot().endpoints}


def ejected(selector: EndpointSelector) -> set[str]:
    return {name for name, state in states(selector).items() if state == "ejected"}


def probe(selector: EndpointSelector, name: str, *verdicts: bool) -> None:
    for verdict in verdicts:
        selector.probed(name, passed=verdict, healthy=verdict)


# Outlier detection


@pytest.mark.parametrize(
    ("count", "ratio", "most"), [(1, 0.5, 0), (3, 0.5, 1), (4, 0.5, 2), (10, 0.29, 2), (10, 0.3, 3)]
)
def test_the_ejection_after_which_too_many_would_be_out_does_not_happen(count, ratio, most, clock):
    """envoy#3263, envoy#26877: asking before the ejection whether there are too many ejects one more than the maximum."""
    outlier = OutlierDetection(consecutive_failures=1, max_ejected_ratio=ratio)
    selector = spread(count, clock, outlier=outlier)
    for _ in range(3 * count):
        selector.pick().failure()
        assert len(ejected(selector)) <= most
    assert len(ejected(selector)) == most


def test_taking_endpoints_away_keeps_the_maximum(clock):
    """The maximum is one of ratio: with fewer endpoints fewer may be out, so the one that is back soonest is back now."""
    selector = spread(4, clock)
    fail(selector, "a", 2)
    clock.advance(1.0)
    fail(selector, "b", 2)
    with events_of(selector.events) as seen:
        selector.remove("d")
    assert ejected(selector) == {"b"}
    assert [(each.endpoint, each.reason) for each in seen if isinstance(each, EndpointRestored)] == [("a", "maximum")]


def test_an_ejection_grows_and_shrinks_again(clock):
    """30 s, 60 s, 90 s, at most the maximum; a quiet time takes steps off."""
    selector = spread(
        2, clock, outlier=OutlierDetection(consecutive_failures=1, jitter_ratio=0.0, max_ejection_seconds=70.0)
    )
    lengths = []
    with events_of(selector.events) as seen:
        for quiet in (0.0, 0.0, 0.0, 65.0):
            clock.advance(quiet)
            fail(selector, "a", 1)
            lengths.append(selector.snapshot().endpoints[0].ejected_for_seconds)
            clock.advance(lengths[-1])
            assert not ejected(selector)
    assert lengths == [30.0, 60.0, 70.0, 60.0]
    assert [type(each) for each in seen] == [EndpointEjected, EndpointRestored] * 4


def test_jitter_makes_ejections_of_many_clients_end_apart(clock):
    """Clients that ejected in the same second do not return in the same second."""
    until = set()
    for draw in (0.0, 0.5, 0.999):
        selector = spread(2, clock, outlier=OutlierDetection(consecutive_failures=1), random=lambda draw=draw: draw)
        fail(selector, "a", 1)
        until.add(round(selector.snapshot().endpoints[0].ejected_for_seconds, 3))
    assert until == {30.0, 31.5, 32.997}


def test_a_flapping_endpoint_is_ejected_although_it_never_fails_often_in_a_row(clock):
    """A streak counter never trips at 75 % failures in turn with successes; the rate over the last seconds does."""
    outlier = OutlierDetection(consecutive_failures=5, failure_rate_threshold=0.5, minimum_calls=20)
    selector = spread(2, clock, outlier=outlier)
    calls = 0
    while not ejected(selector) and calls < 24:
        attempt = selector.pick(exclude={"b"})
        attempt.success() if calls % 4 == 3 else attempt.failure()
        clock.advance(0.5)
        calls += 1
    assert ejected(selector) == {"a"}
    assert calls == 21  # the twentieth was a success


def test_failures_of_long_ago_do_not_count(clock):
    """The rate is one of the last seconds."""
    selector = spread(2, clock, outlier=OutlierDetection(consecutive_failures=100, minimum_calls=4))
    fail(selector, "a", 3)
    clock.advance(31.0)
    fail(selector, "a", 3)
    assert not ejected(selector)


def test_a_restored_endpoint_is_not_in_the_rotation_twice(clock):
    """An entry left in the heap from before the ejection would double its share."""
    selector = spread(3, clock)
    for _ in range(5):
        fail(selector, "a", 2)
        assert ejected(selector) == {"a"}
        clock.advance(400.0)
    assert Counter(selector.pick().endpoint.name for _ in range(30)) == {"a": 10, "b": 10, "c": 10}


def test_a_call_from_before_the_ejection_says_nothing_after_it(clock):
    """Overhanging calls fail long after the endpoint was ejected and came back; they are about another time."""
    selector = spread(2, clock)
    overhanging = [selector.pick(exclude={"b"}) for _ in range(5)]
    fail(selector, "a", 2)
    clock.advance(31.0)
    assert not ejected(selector)
    for each in overhanging:
        each.failure()
    assert not ejected(selector)


def test_a_rejection_by_the_breaker_says_nothing_about_the_endpoint(clock):
    """The breaker guards the dependency; the endpoint was not called."""
    selector = spread(2, clock)
    for error in (
        CallNotPermitted(1.0, "shop", "open"),
        NoEndpointAvailable("x", "y"),
        KeyboardInterrupt(),
        GeneratorExit(),
    ):
        for _ in range(4):
            with pytest.raises(type(error)), selector.pick(exclude={"b"}):
                raise error
    assert states(selector) == {"a": "available", "b": "available"}
    assert selector.snapshot().endpoints[0].total_failed == 0


def test_exceptions_are_judged_by_record_and_ignore(clock):
    """A group counts when one of its members does."""
    outlier = OutlierDetection(consecutive_failures=1, record=(OSError,), ignore=(FileNotFoundError,))
    selector = spread(2, clock, outlier=outlier)
    for error in (ValueError(), FileNotFoundError(), ExceptionGroup("", [ValueError()])):
        with pytest.raises(type(error)), selector.pick(exclude={"b"}):
            raise error
    assert not ejected(selector)
    with pytest.raises(ExceptionGroup), selector.pick(exclude={"b"}):
        raise ExceptionGroup("", [ValueError(), ConnectionError()])
    assert ejected(selector) == {"a"}


def test_a_second_outcome_does_nothing(clock):
    """The first one counts."""
    selector = spread(2, clock)
    attempt = selector.pick(exclude={"b"})
    attempt.success()
    attempt.failure()
    attempt.failure()
    assert selector.snapshot().endpoints[0].total_failed == 0


def test_an_attempt_that_is_dropped_is_no_call_under_way_any_more(clock):
    """A caller that forgets its outcome, or is collected in a cycle, must not make an endpoint look busy for ever."""
    selector = spread(3, clock, PowerOfTwoChoices())
    kept = [selector.pick() for _ in range(9)]
    assert sum(each.outstanding for each in selector.snapshot().endpoints) == 9
    kept[0].release()
    del kept
    gc.collect()
    assert sum(each.outstanding for each in selector.snapshot().endpoints) == 0


def test_two_choices_evens_out_calls_under_way(clock):
    """Calls that hang make an endpoint less likely, before anything has failed."""
    selector = spread(2, clock, PowerOfTwoChoices())
    hanging = [selector.pick(exclude={"b"}) for _ in range(10)]
    assert {selector.pick().endpoint.name for _ in range(20)} == {"b"}
    for each in hanging:
        each.success()
    open_calls = [selector.pick() for _ in range(100)]
    assert abs(sum(each.endpoint.name == "a" for each in open_calls) - 50) <= 1


def test_peak_ewma_avoids_a_slow_endpoint_and_finds_it_again(clock):
    """One slow answer is enough to prefer the other; the memory of it fades by itself."""
    selector = spread(2, clock, PowerOfTwoChoices(peak_ewma_seconds=10.0))
    for name, seconds in (("a", 0.01), ("b", 0.01), ("a", 2.0)):
        attempt = selector.pick(exclude={"a", "b"} - {name})
        clock.advance(seconds)
        attempt.success()

    def next_one() -> str:
        attempt = selector.pick()
        clock.advance(0.01)
        attempt.success()
        return attempt.endpoint.name

    assert {next_one() for _ in range(50)} == {"b"}
    for _ in range(20):
        clock.advance(5.0)
        attempt = selector.pick(exclude={"a"})
        clock.advance(0.01)
        attempt.success()
    assert "a" in {next_one() for _ in range(4)}


# Panic


def test_when_all_are_unhealthy_panic_sends_to_all_or_fails(clock):
    """Which of both is said in the policy; neither is a surprise."""
    selector = spread(3, clock, panic=PanicPolicy(action="all"))
    with events_of(selector.events) as seen:
        for name in "abc":
            probe(selector, name, False)
        assert {selector.pick().endpoint.name for _ in range(6)} == {"a", "b", "c"}
        probe(selector, "b", True)
        assert {selector.pick().endpoint.name for _ in range(6)} == {"b"}
    assert [each.panicking for each in seen if isinstance(each, PanicChanged)] == [True, False]
    assert [each.healthy for each in seen if isinstance(each, EndpointHealthChanged)] == [False, False, False, True]

    selector = spread(1, clock, panic=PanicPolicy(action="fail"))
    probe(selector, "a", False)
    with pytest.raises(NoEndpointAvailable, match=r'0 of 1 are available, and PanicPolicy\(action="fail"\) refuses'):
        selector.pick()


def test_panic_begins_below_its_threshold_and_not_at_it(clock):
    """Envoy's default: with half of them well there is no panic, with fewer there is."""
    selector = spread(4, clock, panic=PanicPolicy(threshold_ratio=0.5))
    probe(selector, "a", False)
    probe(selector, "b", False)
    assert not selector.snapshot().panicking
    assert {selector.pick().endpoint.name for _ in range(8)} == {"c", "d"}
    probe(selector, "c", False)
    assert selector.snapshot().panicking
    assert Counter(selector.pick().endpoint.name for _ in range(8)) == {"a": 2, "b": 2, "c": 2, "d": 2}


# Active-passive


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


# Membership, and being an object


def test_update_keeps_what_is_known_and_tells_what_changed(clock):
    """Following a topology must not forgive an ejected endpoint, except where its URL is another: that is another one."""
    selector = spread(3, clock)
    fail(selector, "a", 2)
    with events_of(selector.events) as seen:
        selector.update([Endpoint("a", weight=3), Endpoint("b"), Endpoint("d")])
    assert states(selector) == {"a": "ejected", "b": "available", "d": "available"}
    (event,) = [each for each in seen if isinstance(each, EndpointsChanged)]
    assert (event.added, event.removed, event.changed) == (("d",), ("c",), ("a",))
    selector.update([Endpoint("a", "http://elsewhere"), Endpoint("b")])
    assert states(selector) == {"a": "available", "b": "available"}


def test_update_follows_a_new_order_of_preference(clock):
    """The live topology names another primary: it takes over, as a failback would."""
    selector = standby(clock)
    selector.update([Endpoint("osaka"), Endpoint("tokyo", role="standby")])
    assert selector.snapshot().active == "osaka"


def test_an_active_endpoint_that_moves_stays_active(clock):
    """Another URL makes it another endpoint, without what was known; its place in the order is the same."""
    selector = standby(clock)
    selector.update([Endpoint("tokyo", "http://new.example"), *selector.endpoints[1:]])
    active = selector.active
    assert active is not None
    assert (active.name, active.url) == ("tokyo", "http://new.example")
    fail(selector, "tokyo", 3)
    selector.update(
        [*selector.endpoints[:1], Endpoint("osaka", "http://new.example", role="standby"), Endpoint("seoul")]
    )
    assert selector.snapshot().active == "seoul"  # a primary now
    assert [each.name for each in selector.endpoints] == ["tokyo", "osaka", "seoul"]


def test_two_endpoints_of_one_name_are_refused(clock):
    """One line, from each way in."""
    for make in (
        lambda: EndpointSelector([Endpoint("a"), Endpoint("a")]),
        lambda: EndpointSelector([Endpoint("a")]).add(Endpoint("a")),
        lambda: EndpointSelector([]).update([Endpoint("a"), Endpoint("a")]),
    ):
        with pytest.raises(InvalidInput, match="endpoints = a: names that differ"):
            make()


def test_an_empty_selector_says_so_until_an_endpoint_is_added():
    """Starting before the topology is known is allowed."""
    selector = EndpointSelector([], name="shop")
    with pytest.raises(NoEndpointAvailable, match="selector shop has no endpoint for the call: it has no endpoints"):
        selector.pick()
    selector.add(Endpoint("a"))
    assert selector.pick().endpoint.name == "a"


def test_a_selector_is_not_copied_or_pickled():
    """Two halves of one state would each know half."""
    selector = EndpointSelector([Endpoint("a")])
    for what in (selector, selector.pick()):
        with pytest.raises(CannotPickle):
            pickle.dumps(what)
        with pytest.raises(CannotPickle):
            copy.copy(what)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fork_while_another_thread_holds_the_lock_leaves_a_working_selector(clock):
    """The child's copy of a held lock would never be released."""
    selector = spread(2, clock)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with selector._core.lock:
            held.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(30)
    pid = os.fork()
    if pid == 0:
        try:
            selector.pick().success()
            os._exit(0)
        finally:
            os._exit(1)
    done.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_what_a_finalizer_does_inside_of_a_pick_is_done_after_it(clock):
    """A garbage collection may run an outcome, a pick or a change in the middle of this thread's own bookkeeping."""
    selector = spread(2, clock)
    attempt = selector.pick(exclude={"b"})
    inner = []
    core = selector._core
    with core.lock:
        core.busy = True  # as in the middle of a pick
        attempt.failure()
        inner.append(selector.pick())
        selector.set_weight("b", 5)
        core.busy = False
    inner[0].release()
    selector.pick().release()
    now = {each.endpoint.name: each for each in selector.snapshot().endpoints}
    assert now["a"].total_failed == 1
    assert now["b"].endpoint.weight == 5
