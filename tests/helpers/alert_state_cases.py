"""Lives of the alerts on breakers, endpoints and replicas, and of the heartbeat."""

from alert_lives import (
    BREAKER,
    CHANGES,
    ENDPOINTS,
    HALF_HOUR,
    LAG,
    LOST,
    MINUTES,
    OTHER,
    PAY,
    PRIMARY,
    SECOND,
    STATE,
    SWITCHES,
    TEN,
    TO,
    UP,
    Case,
    gauges,
)
from pulumi_seawall._watchdog_rules import watchdog_rules
from rule_samples import counter, gauge, scope

STATE_CASES = [
    Case(
        alert="BreakerOpen", life="open", series=gauges(BREAKER, PAY, ("open", gauge((1, TEN)))), fires=1, samples=TEN
    ),
    Case(
        alert="BreakerOpen", life="closed", series=gauges(BREAKER, PAY, ("open", gauge((0, TEN)))), fires=0, samples=TEN
    ),
    Case(
        alert="BreakerOpen",
        life="open for one scrape",
        series=gauges(BREAKER, PAY, ("open", gauge((0, TEN - 6), (1, 1), (0, 5)))),
        fires=0,
        samples=TEN,
    ),
    Case(
        alert="BreakerOpen",
        life="flapping: one scrape open, two closed",
        series=gauges(BREAKER, PAY, ("open", gauge(*[(1, 1), (0, 2)] * 13))),
        fires=1,
        samples=39,
    ),
    Case(
        alert="EndpointEjected",
        life="one is out",
        series=gauges(ENDPOINTS, TO, ("ejected", gauge((1, TEN))), ("available", gauge((1, TEN)))),
        fires=1,
        samples=TEN,
    ),
    Case(
        alert="EndpointEjected",
        life="none is out",
        series=gauges(ENDPOINTS, TO, ("ejected", gauge((0, TEN))), ("available", gauge((2, TEN)))),
        fires=0,
        samples=TEN,
    ),
    Case(
        alert="EndpointEjected",
        life="flapping: one scrape out, one in",
        series=gauges(ENDPOINTS, TO, ("ejected", gauge(*[(1, 1), (0, 1)] * 20))),
        fires=1,
        samples=TEN,
    ),
    Case(
        alert="NoHealthyEndpoint",
        life="all are unhealthy",
        series=gauges(ENDPOINTS, TO, ("available", gauge((0, TEN))), ("unhealthy", gauge((2, TEN)))),
        fires=1,
        samples=TEN,
    ),
    Case(
        alert="NoHealthyEndpoint",
        life="one is recovering",
        series=gauges(ENDPOINTS, TO, ("available", gauge((0, TEN))), ("recovering", gauge((1, TEN)))),
        fires=0,
        samples=TEN,
    ),
    Case(
        alert="ReplicaLag",
        life="two minutes behind for eight",
        series={LAG: gauge((1, TEN), (120, 8 * MINUTES))},
        fires=1,
        samples=72,
    ),
    Case(alert="ReplicaLag", life="a second behind", series={LAG: gauge((1, TEN))}, fires=0, samples=TEN),
    Case(
        alert="ReplicaLag",
        life="behind for two minutes",
        series={LAG: gauge((1, TEN), (120, 2 * MINUTES))},
        fires=0,
        samples=TEN + 2 * MINUTES,
    ),
    Case(
        alert="ReplicaUnfit",
        life="it follows another writer",
        series=gauges(STATE, OTHER, ("diverged", gauge((1, TEN)))),
        fires=1,
        samples=TEN,
    ),
    Case(
        alert="ReplicaUnfit",
        life="flapping: every other minute nobody can measure it",
        series=gauges(STATE, OTHER, ("unknown", gauge(*[(1, MINUTES // 2), (0, MINUTES // 2)] * 10))),
        fires=1,
        samples=TEN,
    ),
    Case(
        alert="ReplicaUnfit",
        life="lagging, which is another alert's",
        series=gauges(STATE, OTHER, ("lagging", gauge((1, TEN))), ("unknown", gauge((0, TEN)))),
        fires=0,
        samples=TEN,
    ),
    Case(
        alert="NoWriter",
        life="gone for two minutes",
        series=gauges(STATE, PRIMARY, ("writer", gauge((1, TEN), (0, 2 * MINUTES)))),
        fires=1,
        samples=TEN + 2 * MINUTES,
    ),
    Case(
        alert="NoWriter",
        life="gone for half a minute: a promotion",
        series=gauges(STATE, PRIMARY, ("writer", gauge((1, TEN), (0, 2), (1, TEN)))),
        fires=0,
        samples=2 * TEN,
    ),
    Case(
        alert="TwoWriters",
        life="the old one came back and takes writes",
        series={
            **gauges(STATE, PRIMARY, ("stray", gauge((1, TEN)))),
            **gauges(STATE, OTHER, ("writer", gauge((1, TEN)))),
        },
        fires=1,
        samples=TEN,
    ),
    Case(
        alert="TwoWriters",
        life="one writer, one reader",
        series={
            **gauges(STATE, PRIMARY, ("writer", gauge((1, TEN)))),
            **gauges(STATE, OTHER, ("writer", gauge((0, TEN))), ("fresh", gauge((1, TEN)))),
        },
        fires=0,
        samples=TEN,
    ),
    Case(
        alert="LostWrites",
        life="two sessions",
        series={LOST: counter((0, TEN), (2, 1), (0, 9))},
        fires=1,
        samples=TEN + 10,
    ),
    Case(alert="LostWrites", life="none", series={LOST: counter((0, TEN))}, fires=0, samples=TEN),
    Case(
        alert="FailoverHappened",
        life="of the writer",
        series={CHANGES: counter((0, TEN), (1, 1), (0, 9))},
        fires=1,
        samples=TEN + 10,
    ),
    Case(
        alert="FailoverHappened",
        life="of an endpoint",
        series={SWITCHES: counter((0, TEN), (1, 1), (0, 9))},
        fires=1,
        samples=TEN + 10,
    ),
    Case(
        alert="FailoverHappened",
        life="half an hour ago",
        series={CHANGES: counter((0, 1), (1, 1), (0, HALF_HOUR))},
        fires=0,
        samples=HALF_HOUR + 2,
    ),
    *(
        Case(alert=name, life="no data", series={UP: gauge((1, TEN))}, fires=0, samples=TEN)
        for name in (
            *("BreakerOpen", "EndpointEjected", "NoHealthyEndpoint", "ReplicaLag", "ReplicaUnfit"),
            *("NoWriter", "TwoWriters", "LostWrites", "FailoverHappened"),
        )
    ),
]

WATCHDOG_CASES = [
    Case(alert="Watchdog", life=life, series=series, fires=fires, samples=TEN, rules=watchdog_rules(scope()))
    for life, series, fires in (
        ("an instance answers", {UP: gauge((1, TEN))}, 1),
        ("one of two answers", {UP: gauge((1, TEN)), SECOND: gauge((0, TEN))}, 1),
        ("none answers", {UP: gauge((0, TEN))}, 0),
        ("no data", {'up{job="x"}': gauge((1, TEN))}, 0),
        (
            "scraping stopped a minute ago, and Prometheus still shows the last value",
            {UP: gauge((1, TEN - 5), ("_", 5))},
            0,
        ),
    )
]
