"""How events reach their subscribers."""

import threading

import pytest

from seawall.events import Event, EventBus


def event(number: float) -> Event:
    return Event(source="test", at_seconds=number)


def test_a_subscriber_gets_what_happens_from_now_on():
    """Until it cancels, or leaves its block."""
    bus, seen = EventBus(), []
    bus.publish(event(0))
    assert not bus.wanted
    with bus.subscribe(seen.append):
        assert bus.wanted
        bus.publish(event(1))
    bus.publish(event(2))
    subscription = bus.subscribe(seen.append)
    bus.publish(event(3))
    subscription.cancel()
    subscription.cancel()
    bus.publish(event(4))
    assert seen == [event(1), event(3)]


def test_what_a_subscriber_raises_is_logged_and_goes_no_further(caplog):
    """Metrics that fail must not fail the call, nor silence the log."""
    bus, seen = EventBus(), []

    def broken(_: Event) -> None:
        raise RuntimeError("metrics are down")

    bus.subscribe(broken)
    bus.subscribe(seen.append)
    bus.publish(event(1))
    assert seen == [event(1)]
    assert "metrics are down" in caplog.text


def test_an_event_caused_by_a_subscriber_comes_after_its_cause_for_all():
    """Or the last subscriber would hear the answer before the question."""
    bus = EventBus()
    seen: list[tuple[str, float]] = []

    def first(each: Event) -> None:
        seen.append(("first", each.at_seconds))
        if each.at_seconds == 1:
            bus.publish(event(2))

    bus.subscribe(first)
    bus.subscribe(lambda each: seen.append(("second", each.at_seconds)))
    bus.publish(event(1))
    assert seen == [("first", 1), ("second", 1), ("first", 2), ("second", 2)]


def test_no_event_is_lost_or_told_twice_between_threads():
    """Whichever thread delivers, each thread's own events keep their order."""
    bus = EventBus()
    seen: list[Event] = []
    bus.subscribe(seen.append)

    def publish(thread: int) -> None:
        for number in range(300):
            bus.publish(Event(source=str(thread), at_seconds=number))

    threads = [threading.Thread(target=publish, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    bus.deliver()
    for number in range(4):
        assert [each.at_seconds for each in seen if each.source == str(number)] == list(range(300))


def test_events_cannot_be_changed():
    """The same object goes to every subscriber."""
    with pytest.raises(AttributeError):
        event(1).at_seconds = 2  # pyright: ignore[reportAttributeAccessIssue]
