"""Error budgets and burn rates: computed from the period, never able to be silently dead."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.errors import InvalidInput
from seawall.objectives import FASTEST_PAGE_BURN, Objectives
from seawall.slo import (
    STANDARD_ALERTS,
    AlertSeverity,
    BudgetAlert,
    ErrorBudget,
    NoData,
    Slo,
    burn_rate_windows,
)

DAY = 86_400.0


def slo(**more: Any) -> Slo:
    """99.9 % over 30 days."""
    values: dict[str, Any] = {"name": "checkout", "objective": 0.999, "no_data": NoData.PAUSE, **more}
    return Slo(**values)


@pytest.mark.parametrize(
    ("days", "rates"),
    [(30, [14.4, 6, 3, 1]), (28, [13.44, 5.6, 2.8, 0.9333]), (7, [3.36, 1.4, 0.7, 0.2333])],
)
def test_burn_rates_follow_from_the_period(days, rates):
    """The workbook's 14.4 holds for 30 days only; over 28 or 7 it alerts on another share of the budget."""
    windows = burn_rate_windows(0.999, days * DAY)
    assert [round(window.burn_rate, 4) for window in windows] == rates
    assert [(window.long_seconds, window.short_seconds) for window in windows] == [
        (3600, 300),
        (21_600, 1800),
        (86_400, 7200),
        (259_200, 21_600),
    ]
    assert [window.severity for window in windows] == [AlertSeverity.PAGE] * 2 + [AlertSeverity.TICKET] * 2


def test_the_objectives_own_check_knows_the_fastest_page():
    """`objectives` lies below `slo` and cannot ask it: the two figures must not drift apart."""
    assert pytest.approx(max(window.burn_rate for window in slo().windows)) == FASTEST_PAGE_BURN


def test_a_steady_error_ratio_that_just_fires_spends_the_share_in_the_window():
    """What an alert means: at its threshold, so much of the budget goes in the long window."""
    for alert, window in zip(STANDARD_ALERTS, slo().windows, strict=True):
        spent = window.threshold_ratio * window.long_seconds / (0.001 * 30 * DAY)
        assert spent == pytest.approx(alert.budget_share)
        assert window.seconds_to_fire(1.0) == pytest.approx(window.long_seconds * window.threshold_ratio)
        assert window.seconds_to_fire(window.threshold_ratio) is None


@given(
    st.floats(0.95, 0.99999),
    st.floats(4 * DAY, 90 * DAY),
    st.floats(0.001, 0.2),
    st.floats(60.0, 3 * DAY),
)
def test_an_alert_is_refused_exactly_when_it_could_never_fire(objective, period, share, long_seconds):
    """For all alerts: accepted means that complete failure fires it; refused means that nothing would."""
    alert = BudgetAlert(share, long_seconds, AlertSeverity.PAGE)
    try:
        (window,) = burn_rate_windows(objective, period, [alert])
    except InvalidInput:
        assert share * period / long_seconds * (1 - objective) >= 1
    else:
        assert window.seconds_to_fire(1.0) is not None


def test_a_dead_alert_is_one_line_with_its_arithmetic():
    """A 93 % objective with the workbook's first alert would page nobody, whatever happens (sloth#341)."""
    with pytest.raises(InvalidInput) as caught:
        slo(objective=0.93)
    assert str(caught.value) == (
        "objective = 0.93: above 0.9306, because an alert on 0.02 of the budget in 3600 s has burn rate 14.4, and "
        "14.4 x 0.07 is an error ratio of 1.01: it never fires"
    )


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "a percentage": ({"objective": 99.9}, "objective = 99.9: a ratio above 0 and below 1"),
    "no choice": ({"no_data": None}, "no_data = None: NoData.PASS, NoData.PAUSE or NoData.FAIL"),
    "a word": ({"no_data": "fail"}, "no_data = fail: NoData.PASS, NoData.PAUSE or NoData.FAIL"),
    "no name": ({"name": ""}, "name = '': letters, digits, `-` and `_`"),
    "a name with spaces": ({"name": "check out"}, "name = check out: letters, digits, `-` and `_`"),
    "no period": ({"period_seconds": 0}, "period_seconds = 0: above 0 seconds"),
    "no latency": ({"latency_seconds": 0.0}, "latency_seconds = 0.0: above 0 seconds"),
    "no alerts": ({"alerts": ()}, "alerts = (): at least one, because nobody would be told"),
    "no requests": ({"minimum_requests": 0}, "minimum_requests = 0: at least 1"),
    "a window beyond the period": (
        {"period_seconds": DAY},
        "alerts[3].long_seconds = 259200.0: at most the period 86400",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_each_bad_slo_is_one_exact_line(case):
    """What is wrong is said when the SLO is made, not when an alert should have fired."""
    changes, line = BAD[case]
    with pytest.raises(InvalidInput) as caught:
        slo(**changes)
    assert str(caught.value) == line


def test_no_data_has_no_default():
    """Silence is an outage here and the night there: somebody has to say which."""
    with pytest.raises(TypeError, match="no_data"):
        Slo(name="checkout", objective=0.999)  # type: ignore[call-arg]


@pytest.mark.parametrize(("share", "seconds"), [(0, 3600), (1.1, 3600), (0.02, 0), (0.02, math.inf)])
def test_a_share_of_no_budget_and_a_window_of_no_time_are_refused(share, seconds):
    """An alert on nothing fires always."""
    with pytest.raises(InvalidInput):
        BudgetAlert(share, seconds, AlertSeverity.PAGE)


def test_a_store_that_forgets_within_the_period_is_refused():
    """Prometheus' default of 15 days makes every 30-day budget look better than it is."""
    slo().require_retention(30 * DAY)
    with pytest.raises(InvalidInput) as caught:
        slo().require_retention(15 * DAY)
    assert str(caught.value) == (
        "retention_seconds = 1296000.0: at least the period of checkout, 2592000, because what is forgotten counts as "
        "good (Prometheus keeps 15 days unless it is told otherwise)"
    )


def test_slos_follow_from_the_objectives():
    """The numbers stand in the environment once."""
    objectives = Objectives(
        availability=0.9995,
        latency_p95_seconds=0.4,
        error_rate=0.001,
        recovery_time_seconds=120,
        recovery_point_seconds=60,
    )
    available = Slo.availability_of("shop", objectives, no_data=NoData.FAIL)
    assert (available.objective, available.latency_seconds) == (0.9995, None)
    fast = Slo.latency_of("shop-latency", objectives, no_data=NoData.FAIL)
    assert (fast.objective, fast.latency_seconds) == (0.95, 0.4)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_budget_is_spent_by_bad_requests_only(good, bad, more):
    """For all counts: good requests never lower what is left, bad ones never raise it; order makes no difference."""
    budget = ErrorBudget(slo=slo()).plus(good + bad, bad)
    assert budget == ErrorBudget(slo=slo()).plus(bad, bad).plus(good)
    if budget.remaining_ratio is not None:
        assert budget.remaining_ratio <= 1
        better, worse = budget.plus(more).remaining_ratio, budget.plus(more, more).remaining_ratio
        assert better is not None
        assert worse is not None
        assert worse <= budget.remaining_ratio + 1e-9
        assert better >= budget.remaining_ratio - 1e-9


def test_exactly_the_budget_is_met_and_one_more_is_not():
    """A million requests may fail a thousand times."""
    budget = ErrorBudget(slo=slo(), requests=1_000_000, bad=1000)
    assert (budget.met, budget.remaining_ratio) == (True, pytest.approx(0, abs=1e-9))
    over = ErrorBudget(slo=slo(), requests=1_000_000, bad=1001)
    assert over.met is False
    assert over.burn_rate == pytest.approx(1.001)


@pytest.mark.parametrize(("no_data", "met"), [(NoData.PASS, True), (NoData.FAIL, False), (NoData.PAUSE, None)])
@pytest.mark.parametrize(("requests", "bad"), [(0, 0), (9, 9)])
def test_without_enough_requests_the_choice_counts(no_data, met, requests, bad):
    """One error of two requests at night pages nobody, unless that was asked for."""
    budget = ErrorBudget(slo=slo(no_data=no_data, minimum_requests=10), requests=requests, bad=bad)
    assert budget.met is met
    assert budget.judged is False


def test_no_requests_are_no_number():
    """Zero of zero is not 0 and not NaN: both would be taken for a measurement."""
    empty = ErrorBudget(slo=slo())
    assert (empty.error_ratio, empty.burn_rate, empty.remaining_ratio) == (None, None, None)


@pytest.mark.parametrize(("requests", "bad"), [(-1, 0), (1, 2), (1, -1)])
def test_impossible_counts_are_refused(requests, bad):
    """A counter that was reset gives negative differences."""
    with pytest.raises(InvalidInput):
        ErrorBudget(slo=slo(), requests=requests, bad=bad)
    with pytest.raises(InvalidInput):
        ErrorBudget(slo=slo()).plus(requests, bad)


def test_a_replaced_slo_is_checked_again():
    """Values are checked whenever one is made."""
    with pytest.raises(InvalidInput):
        replace(slo(), objective=0.5)
