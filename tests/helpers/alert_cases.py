"""What each alert must do: fire when it should, and be silent when it should not, without data and without traffic.

A case is a life of series, a sample every `SCRAPE` seconds, and whether the alert fires at the end of it. promtool runs
them all against the generated rules.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pulumi_seawall._rule_groups import RuleGroup
from pulumi_seawall._service_alerts import service_rules
from pulumi_seawall._watchdog_rules import watchdog_rules
from rule_samples import (
    LIMITS,
    SCRAPE,
    availability_rules,
    buckets,
    counter,
    gauge,
    latency_rules,
    requests,
    scope,
)
from seawall.slo import STANDARD_ALERTS, AlertSeverity, BudgetAlert, NoData

HOUR: Final = 3600.0
MINUTES: Final = 60 // SCRAPE
"""Samples in one."""
UP: Final = 'up{job="shop",instance="a"}'
SECOND: Final = 'up{job="shop",instance="b"}'


@dataclass(frozen=True, kw_only=True)
class Case:
    """One life, and how it ends."""

    alert: str
    life: str
    """What happens, in words."""
    series: Mapping[str, str]
    fires: int
    """How many alerts of the name fire at the end; 0 for silence."""
    samples: int
    """How long it is."""
    rules: RuleGroup = field(default_factory=lambda: service_rules(scope(), LIMITS))


def gauges(metric: str, labels: str, *lives: tuple[str, str]) -> dict[str, str]:
    """Series of one metric in states."""
    return {f'{metric}{{job="shop",instance="a",{labels},state="{state}"}}': life for state, life in lives}


BUDGET = availability_rules(period_seconds=6 * HOUR, alerts=(BudgetAlert(0.5, HOUR, AlertSeverity.PAGE),))
"""A period short enough to live through: half of the budget in an hour."""
SLOW = availability_rules(period_seconds=6 * HOUR, alerts=(BudgetAlert(0.5, 3 * HOUR, AlertSeverity.TICKET),))
"""The same for a ticket, over a window that is averaged from what was recorded."""
PAGES = STANDARD_ALERTS[:2]
FAST = availability_rules(alerts=PAGES)
"""The standard pages, without the tickets: they take promtool a third of the time."""
ROUTES = availability_rules(("http_route",), name="routes", alerts=PAGES)
PAUSING = availability_rules(no_data=NoData.PAUSE, alerts=PAGES)
PASSING = availability_rules(no_data=NoData.PASS, alerts=PAGES)
LATENCY = latency_rules(alerts=PAGES)

TEN, HALF_HOUR, TWO_HOURS, THREE_HOURS = 10 * MINUTES, 30 * MINUTES, 120 * MINUTES, 180 * MINUTES

HTTP_CASES = [
    Case(
        alert="HighErrorRate",
        life="a tenth fails for four minutes",
        series=requests(counter((100, HALF_HOUR)), counter((0, HALF_HOUR - 4 * MINUTES), (12, 4 * MINUTES))),
        fires=1,
        samples=HALF_HOUR,
    ),
    Case(
        alert="HighErrorRate",
        life="a fiftieth fails",
        series=requests(counter((100, HALF_HOUR)), counter((2, HALF_HOUR))),
        fires=0,
        samples=HALF_HOUR,
    ),
    Case(
        alert="HighErrorRate",
        life="a tenth fails for one minute, then none",
        series=requests(counter((100, HALF_HOUR)), counter((0, 20 * MINUTES), (12, MINUTES), (0, 9 * MINUTES))),
        fires=0,
        samples=HALF_HOUR,
    ),
    Case(
        alert="HighErrorRate",
        life="three of three fail at night",
        series=requests(counter((0, HALF_HOUR)), counter((0, HALF_HOUR - 8), (1, 3), (0, 5))),
        fires=0,
        samples=HALF_HOUR,
    ),
    Case(
        alert="HighErrorRate",
        life="no traffic",
        series=requests(counter((0, TEN)), counter((0, TEN))),
        fires=0,
        samples=TEN,
    ),
    Case(alert="HighErrorRate", life="no data", series={UP: gauge((1, TEN))}, fires=0, samples=TEN),
    Case(
        alert="HighErrorRate",
        life="flapping: half of every minute fails",
        series=requests(counter((100, HALF_HOUR)), counter(*[(40, MINUTES // 2), (0, MINUTES // 2)] * 30)),
        fires=1,
        samples=HALF_HOUR,
    ),
    Case(
        alert="HighLatency",
        life="a fifth is slower than a second for eight minutes",
        series=buckets(
            counter((100, HALF_HOUR)), fast=counter((100, HALF_HOUR - 8 * MINUTES), (80, 8 * MINUTES)), bound="1.0"
        ),
        fires=1,
        samples=HALF_HOUR,
    ),
    Case(
        alert="HighLatency",
        life="a twenty-fifth is slower than a second",
        series=buckets(counter((100, HALF_HOUR)), fast=counter((96, HALF_HOUR)), bound="1.0"),
        fires=0,
        samples=HALF_HOUR,
    ),
    Case(
        alert="HighLatency",
        life="no traffic",
        series=buckets(counter((0, HALF_HOUR)), fast=counter((0, HALF_HOUR)), bound="1.0"),
        fires=0,
        samples=HALF_HOUR,
    ),
    Case(alert="HighLatency", life="no data", series={UP: gauge((1, TEN))}, fires=0, samples=TEN),
    Case(
        alert="ServiceDown",
        life="one of two instances down for three minutes",
        series={UP: gauge((1, TEN)), SECOND: gauge((1, TEN - 3 * MINUTES), (0, 3 * MINUTES))},
        fires=1,
        samples=TEN,
    ),
    Case(
        alert="ServiceDown",
        life="down for half a minute",
        series={UP: gauge((1, TEN - 4), (0, 2), (1, 2))},
        fires=0,
        samples=TEN,
    ),
    Case(
        alert="ServiceDown",
        life="no data: nothing is scraped any more",
        series={'up{job="x"}': "1x40"},
        fires=1,
        samples=TEN,
    ),
    Case(alert="ServiceDown", life="up", series={UP: gauge((1, TEN))}, fires=0, samples=TEN),
    Case(
        alert="ServiceDown",
        life="flapping: every second scrape fails",
        series={UP: gauge(*[(1, 1), (0, 1)] * (TEN // 2))},
        fires=0,
        samples=TEN,
    ),
]

SLO_CASES = [
    Case(
        alert="ErrorBudgetFastBurn",
        life="a fiftieth fails for an hour",
        series=requests(counter((100, TWO_HOURS)), counter((0, TWO_HOURS // 2), (2.1, TWO_HOURS // 2))),
        fires=2,  # that over an hour, and that over six: the first two hours are all there is
        samples=TWO_HOURS,
        rules=availability_rules(),
    ),
    Case(
        alert="ErrorBudgetFastBurn",
        life="a thousandth fails",
        series=requests(counter((100, TWO_HOURS)), counter((0.1, TWO_HOURS))),
        fires=0,
        samples=TWO_HOURS,
        rules=FAST,
    ),
    Case(
        alert="ErrorBudgetFastBurn",
        life="a fiftieth failed until ten minutes ago: the short window has ended it, that of half an hour not",
        series=requests(counter((100, TWO_HOURS)), counter((2.1, TWO_HOURS - TEN), (0, TEN))),
        fires=1,
        samples=TWO_HOURS,
        rules=FAST,
    ),
    Case(
        alert="ErrorBudgetFastBurn",
        life="flapping: one minute in ten fails",
        series=requests(counter((100, TWO_HOURS)), counter(*[(100, MINUTES), (0, 9 * MINUTES)] * 12)),
        fires=1,  # over six hours and 30 minutes; the last five minutes were good
        samples=TWO_HOURS,
        rules=FAST,
    ),
    Case(
        alert="ErrorBudgetFastBurn",
        life="ten of ten fail, and thirty are asked for",
        series=requests(counter((0, TWO_HOURS)), counter((0, TWO_HOURS - TEN), (1, 10), (0, TEN - 10))),
        fires=0,
        samples=TWO_HOURS,
        rules=FAST,
    ),
    Case(
        alert="ErrorBudgetFastBurn",
        life="no traffic",
        series=requests(counter((0, TEN)), counter((0, TEN))),
        fires=0,
        samples=TEN,
        rules=FAST,
    ),
    Case(
        alert="ErrorBudgetFastBurn",
        life="no data",
        series={UP: "1x40"},
        fires=0,
        samples=TEN,
        rules=FAST,
    ),
    Case(
        alert="ErrorBudgetFastBurn",
        life="grouped: one of two routes fails",
        series={
            **requests(counter((100, TWO_HOURS)), http_route="/a"),
            **requests(counter((100, TWO_HOURS)), counter((3, TWO_HOURS)), http_route="/b"),
        },
        fires=2,  # two windows of one route
        samples=TWO_HOURS,
        rules=ROUTES,
    ),
    Case(
        alert="ErrorBudgetFastBurn",
        life="latency: nine tenths are slow",
        series=buckets(counter((100, TWO_HOURS)), fast=counter((10, TWO_HOURS))),
        fires=2,
        samples=TWO_HOURS,
        rules=LATENCY,
    ),
    Case(
        alert="ErrorBudgetFastBurn",
        life="latency: a twenty-fifth is slow",
        series=buckets(counter((100, TWO_HOURS)), fast=counter((96, TWO_HOURS))),
        fires=0,
        samples=TWO_HOURS,
        rules=LATENCY,
    ),
    Case(
        alert="ErrorBudgetSlowBurn",
        life="half a percent fails for three hours",
        series=requests(counter((100, THREE_HOURS)), counter((0.5, THREE_HOURS))),
        fires=1,
        samples=THREE_HOURS,
        rules=SLOW,
    ),
    Case(
        alert="ErrorBudgetSlowBurn",
        life="a thousandth fails for three hours",
        series=requests(counter((100, THREE_HOURS)), counter((0.1, THREE_HOURS))),
        fires=0,
        samples=THREE_HOURS,
        rules=SLOW,
    ),
    Case(
        alert="ErrorBudgetGone",
        life="half a percent fails",
        series=requests(counter((100, TWO_HOURS)), counter((0.5, TWO_HOURS))),
        fires=1,
        samples=TWO_HOURS,
        rules=BUDGET,
    ),
    Case(
        alert="ErrorBudgetGone",
        life="half a permille fails",
        series=requests(counter((100, TWO_HOURS)), counter((0.05, TWO_HOURS))),
        fires=0,
        samples=TWO_HOURS,
        rules=BUDGET,
    ),
    Case(
        alert="ErrorBudgetGone",
        life="a quiet night poisons nothing",
        series=requests(
            counter((100, HALF_HOUR), (0, TWO_HOURS - 2 * HALF_HOUR), (100, HALF_HOUR)),
            counter((0.5, HALF_HOUR), (0, 3 * HALF_HOUR)),
        ),
        fires=1,
        samples=TWO_HOURS,
        rules=BUDGET,
    ),
    Case(
        alert="ErrorBudgetGone",
        life="no traffic",
        series=requests(counter((0, TEN))),
        fires=0,
        samples=TEN,
        rules=BUDGET,
    ),
    Case(alert="ErrorBudgetGone", life="no data", series={UP: "1x40"}, fires=0, samples=TEN, rules=BUDGET),
    Case(
        alert="SloWithoutData",
        life="no data",
        series={UP: "1x80"},
        fires=1,
        samples=2 * TEN,
        rules=FAST,
    ),
    Case(
        alert="SloWithoutData",
        life="no traffic",
        series=requests(counter((0, 2 * TEN))),
        fires=1,
        samples=2 * TEN,
        rules=PAUSING,
    ),
    Case(
        alert="SloWithoutData",
        life="no traffic, which was declared good",
        series=requests(counter((0, 2 * TEN))),
        fires=0,
        samples=2 * TEN,
        rules=PASSING,
    ),
    Case(
        alert="SloWithoutData",
        life="latency: no bucket ends at the objective",
        series=buckets(counter((100, 2 * TEN)), fast=counter((100, 2 * TEN)), bound="0.75"),
        fires=1,
        samples=2 * TEN,
        rules=LATENCY,
    ),
    Case(
        alert="SloWithoutData",
        life="traffic",
        series=requests(counter((100, 2 * TEN))),
        fires=0,
        samples=2 * TEN,
        rules=FAST,
    ),
    Case(
        alert="SloWithoutData",
        life="grouped: one of two routes has vanished",
        series={
            **requests(counter((100, HALF_HOUR)), http_route="/a"),
            **requests(counter((100, TEN)), http_route="/b"),
        },
        fires=1,
        samples=HALF_HOUR,
        rules=ROUTES,
    ),
    Case(
        alert="SloWithoutData",
        life="flapping: traffic in every other five minutes",
        series=requests(counter(*[(100, 5 * MINUTES), (0, 5 * MINUTES)] * 4)),
        fires=0,
        samples=4 * TEN,
        rules=FAST,
    ),
]

BREAKER, ENDPOINTS, STATE = "seawall_circuit_breaker_state", "seawall_selector_endpoints", "seawall_replicas_state"
PAY, TO, DB = 'breaker="pay"', 'selector="stock"', 'router="db"'
PRIMARY, OTHER = f'{DB},server="eu"', f'{DB},server="us"'
LAG = 'seawall_replicas_lag_seconds{job="shop",instance="a",router="db",server="us"}'
LOST = 'seawall_replicas_lost_writes_total{job="shop",instance="a",router="db"}'
CHANGES = 'seawall_replicas_role_changes_total{job="shop",instance="a",router="db"}'
SWITCHES = 'seawall_selector_switches_total{job="shop",instance="a",selector="stock"}'

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

CASES = [*HTTP_CASES, *SLO_CASES, *STATE_CASES, *WATCHDOG_CASES]
