"""Selectors of two or more endpoints, and what is done to them in tests."""

from seawall.selector import (
    ActivePassive,
    Endpoint,
    EndpointSelector,
    FailbackPolicy,
    OutlierDetection,
    WeightedRoundRobin,
)
from seawall.testing import FakeClock

HOLD = 60.0


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
