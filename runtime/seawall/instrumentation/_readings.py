"""What the runtime's objects count, read from their snapshots."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from seawall.breaker import CircuitBreaker, CircuitBreakerRegistry, State
from seawall.contract import (
    BREAKER_CALLS,
    BREAKER_FAILURE_RATE,
    BREAKER_SLOW_CALLS,
    BREAKER_STATE,
    ERROR_BUDGET_BURN_RATE,
    ERROR_BUDGET_REMAINING,
    FAULTS_INJECTED,
    HEALTH_CHECK_DURATION,
    HEALTH_CHECK_HEALTHY,
    HEALTH_CHECK_RUNS,
    HEALTH_DRAINING,
    REPLICA_CHOICES,
    REPLICA_LAG,
    REPLICA_LAG_SIZE,
    REPLICA_LOST_WRITES,
    REPLICA_REFUSALS,
    REPLICA_ROLE_CHANGES,
    REPLICA_STATE,
    REPLICA_WAITS,
    SELECTOR_EJECTIONS,
    SELECTOR_ENDPOINTS,
    SELECTOR_PICKS,
    SELECTOR_SWITCHES,
    MetricSpec,
)
from seawall.events import EventBus
from seawall.faults import FaultInjector
from seawall.health import HealthRegistry
from seawall.instrumentation._budget import RequestTally
from seawall.replicas import ReaderState, ReplicaRouter
from seawall.selector import EndpointSelector, EndpointState

__all__ = ["READ_METRICS", "Reading", "Source", "added_up", "buses_of", "readings_of"]

Source: TypeAlias = (
    CircuitBreaker
    | CircuitBreakerRegistry
    | EndpointSelector
    | ReplicaRouter
    | HealthRegistry
    | FaultInjector
    | RequestTally
)

_LARGEST: Final = (BREAKER_FAILURE_RATE, HEALTH_CHECK_DURATION, ERROR_BUDGET_BURN_RATE, REPLICA_LAG, REPLICA_LAG_SIZE)
_SMALLEST: Final = (HEALTH_CHECK_HEALTHY, ERROR_BUDGET_REMAINING)

READ_METRICS: Final = (
    BREAKER_STATE,
    BREAKER_CALLS,
    BREAKER_SLOW_CALLS,
    BREAKER_FAILURE_RATE,
    SELECTOR_ENDPOINTS,
    SELECTOR_PICKS,
    SELECTOR_EJECTIONS,
    SELECTOR_SWITCHES,
    REPLICA_CHOICES,
    REPLICA_STATE,
    REPLICA_LAG,
    REPLICA_LAG_SIZE,
    REPLICA_WAITS,
    REPLICA_REFUSALS,
    REPLICA_ROLE_CHANGES,
    REPLICA_LOST_WRITES,
    HEALTH_CHECK_HEALTHY,
    HEALTH_CHECK_DURATION,
    HEALTH_CHECK_RUNS,
    HEALTH_DRAINING,
    ERROR_BUDGET_REMAINING,
    ERROR_BUDGET_BURN_RATE,
    FAULTS_INJECTED,
)
"""All that can be read; the others of the contract are counted as they happen."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one metric."""

    spec: MetricSpec
    labels: tuple[str, ...]
    """Values of `spec.attributes`, in their order."""
    value: float


def readings_of(sources: Iterable[Source]) -> Iterator[Reading]:
    """Everything that can be read from them now."""
    for source in sources:
        if isinstance(source, CircuitBreaker):
            yield from _of_breaker(source)
        elif isinstance(source, CircuitBreakerRegistry):
            for breaker in source:
                yield from _of_breaker(breaker)
        elif isinstance(source, EndpointSelector):
            yield from _of_selector(source)
        elif isinstance(source, ReplicaRouter):
            yield from _of_router(source)
        elif isinstance(source, FaultInjector):
            for labels, count in source.snapshot().injected.items():
                yield Reading(FAULTS_INJECTED, labels, count)
        elif isinstance(source, RequestTally):
            yield from _of_tally(source)
        else:
            yield from _of_health(source)


def added_up(readings: Iterable[Reading]) -> list[Reading]:
    """One reading per metric and labels: two breakers of one name must not become two samples, which no scrape may have.

    Totals and counts are added; of other gauges the worst counts, which is what somebody has to look at.
    """
    found: dict[tuple[str, tuple[str, ...]], Reading] = {}
    for reading in readings:
        key = (reading.spec.otel, reading.labels)
        before = found.get(key)
        if before is not None:
            values = before.value, reading.value
            combine = max if reading.spec in _LARGEST else min if reading.spec in _SMALLEST else sum
            reading = Reading(reading.spec, reading.labels, combine(values))
        found[key] = reading
    return list(found.values())


def buses_of(sources: Iterable[Source]) -> list[EventBus]:
    """Where their events go, each bus once: several breakers may share one."""
    buses = {
        id(source.events): source.events
        for source in sources
        if isinstance(source, CircuitBreaker | CircuitBreakerRegistry)
    }
    return list(buses.values())


def _of_breaker(breaker: CircuitBreaker) -> Iterator[Reading]:
    now = breaker.snapshot()
    for state in State:
        yield Reading(BREAKER_STATE, (now.name, state.value), float(now.state is state))
    yield Reading(BREAKER_CALLS, (now.name, "succeeded"), now.total_succeeded)
    yield Reading(BREAKER_CALLS, (now.name, "failed"), now.total_failed)
    yield Reading(BREAKER_CALLS, (now.name, "rejected"), now.total_rejected)
    yield Reading(BREAKER_SLOW_CALLS, (now.name,), now.total_slow)
    if now.failure_rate is not None:
        yield Reading(BREAKER_FAILURE_RATE, (now.name,), now.failure_rate)


def _of_selector(selector: EndpointSelector) -> Iterator[Reading]:
    now = selector.snapshot()
    for state in EndpointState:
        count = sum(each.state is state for each in now.endpoints)
        yield Reading(SELECTOR_ENDPOINTS, (now.name, state.value), count)
    for each in now.endpoints:
        yield Reading(SELECTOR_PICKS, (now.name, each.endpoint.name), each.total_picks)
        yield Reading(SELECTOR_EJECTIONS, (now.name, each.endpoint.name), each.total_ejections)
    yield Reading(SELECTOR_SWITCHES, (now.name,), now.switches)


def _of_router(router: ReplicaRouter) -> Iterator[Reading]:
    now = router.snapshot()
    for server, reason, count in now.choices:
        yield Reading(REPLICA_CHOICES, (now.name, server, reason.value), count)
    for each in now.servers:
        for state in ReaderState:
            yield Reading(REPLICA_STATE, (now.name, each.server.name, state.value), float(each.state is state))
        if math.isfinite(each.lag_seconds):
            yield Reading(REPLICA_LAG, (now.name, each.server.name), each.lag_seconds)
        if each.lag_bytes is not None:
            yield Reading(REPLICA_LAG_SIZE, (now.name, each.server.name), each.lag_bytes)
    yield Reading(REPLICA_WAITS, (now.name, "caught_up"), now.waits - now.waits_in_vain)
    yield Reading(REPLICA_WAITS, (now.name, "in_vain"), now.waits_in_vain)
    yield Reading(REPLICA_REFUSALS, (now.name, "read"), now.refused_reads)
    yield Reading(REPLICA_REFUSALS, (now.name, "write"), now.refused_writes)
    yield Reading(REPLICA_ROLE_CHANGES, (now.name,), now.generation)
    yield Reading(REPLICA_LOST_WRITES, (now.name,), now.lost_writes)


def _of_health(registry: HealthRegistry) -> Iterator[Reading]:
    yield Reading(HEALTH_DRAINING, (), float(registry.draining))
    for check in registry.snapshot():
        if check.healthy is not None:
            yield Reading(HEALTH_CHECK_HEALTHY, (check.name, str(check.critical).lower()), float(check.healthy))
        if check.duration_seconds is not None:
            yield Reading(HEALTH_CHECK_DURATION, (check.name,), check.duration_seconds)
        for outcome, count in check.runs.items():
            yield Reading(HEALTH_CHECK_RUNS, (check.name, outcome), count)


def _of_tally(tally: RequestTally) -> Iterator[Reading]:
    budget = tally.budget
    if budget.remaining_ratio is not None and budget.burn_rate is not None:
        yield Reading(ERROR_BUDGET_REMAINING, (budget.slo.name,), budget.remaining_ratio)
        yield Reading(ERROR_BUDGET_BURN_RATE, (budget.slo.name,), budget.burn_rate)
