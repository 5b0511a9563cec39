"""Endpoints that come and go, and a selector as an object: copied, pickled, forked, entered from inside of itself."""

import copy
import os
import pickle
import threading

import pytest

from seawall.errors import CannotPickle, InvalidInput
from seawall.selector import (
    Endpoint,
    EndpointsChanged,
    EndpointSelector,
    NoEndpointAvailable,
)
from seawall.testing import FakeClock, events_of
from selector_steps import fail, spread, standby, states


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


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
