"""Objectives are held against predictions and against each other; assumptions are never silent."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.errors import InvalidInput, ObjectiveNotMet
from seawall.objectives import BUDGET_PERIOD_SECONDS, Objectives, Severity, check, require_met
from seawall.timing import FailureClass, Measure, Path, Prediction, Source, Term


def objectives(**more: Any) -> Objectives:
    """Objectives that agree with each other."""
    values: dict[str, Any] = {
        "availability": 0.999,
        "latency_p95_seconds": 0.5,
        "error_rate": 0.01,
        "recovery_time_seconds": 300,
        "recovery_point_seconds": 60,
    }
    return Objectives(**{**values, **more})


def prediction(
    seconds: float, source: Source = Source.COMPUTED, measure: Measure = Measure.RECOVERY_TIME
) -> Prediction:
    """One term."""
    term = Term("wait", seconds / 2, seconds, source, "for the test", inputs=("patience",))
    return Prediction(FailureClass.REGION, Path.WRITES, (term,), measure)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (
            "availability",
            1,
            "availability = 1: a ratio above 0 and below 1, because nothing is available always or never",
        ),
        (
            "availability",
            99.9,
            "availability = 99.9: a ratio above 0 and below 1, because nothing is available always or never",
        ),
        (
            "availability",
            0,
            "availability = 0: a ratio above 0 and below 1, because nothing is available always or never",
        ),
        ("error_rate", 5, "error_rate = 5: a ratio above 0 and below 1, because it is a share of all requests"),
        ("error_rate", 0, "error_rate = 0: a ratio above 0 and below 1, because it is a share of all requests"),
        ("latency_p95_seconds", 0, "latency_p95_seconds = 0: above 0 seconds"),
        ("recovery_time_seconds", 0, "recovery_time_seconds = 0: above 0 seconds"),
        ("recovery_point_seconds", -1, "recovery_point_seconds = -1: at least 0 seconds"),
        ("recovery_time_seconds", "90", "recovery_time_seconds = 90: a finite number"),
        ("recovery_time_seconds", math.inf, "recovery_time_seconds = inf: a finite number"),
        ("recovery_time_seconds", True, "recovery_time_seconds = True: a finite number"),
    ],
)
def test_an_objective_outside_its_range_is_one_exact_line(field, value, message):
    """A percentage for a ratio is the classic; it must not become an availability of 9990 %."""
    with pytest.raises(InvalidInput) as refused:
        objectives(**{field: value})
    assert str(refused.value) == message


def test_values_just_inside_are_allowed():
    """Limits are exclusive only where a limit makes no sense."""
    assert objectives(recovery_point_seconds=0, availability=0.99999, error_rate=0.00001)


def test_objectives_are_given_by_name_and_do_not_change():
    """Five numbers by position would be swapped sooner or later."""
    with pytest.raises(TypeError):
        Objectives(0.999, 0.5, 0.01, 300, 60)  # type: ignore[misc]
    with pytest.raises(AttributeError):
        objectives().availability = 0.9  # type: ignore[misc]


def test_a_worst_case_above_the_objective_is_a_violation_with_arithmetic_and_inputs():
    """The line names the number, the sum and what to turn."""
    (found,) = check(objectives(), [prediction(301)])
    assert found.severity is Severity.VIOLATION
    assert found.key == "recovery_time_seconds/region/writes"
    assert found.inputs == ("patience", "recovery_time_seconds")
    assert str(found) == (
        "recovery_time_seconds = 300: at least 301 (region failure, writes), because the worst case is 301 s wait; "
        "change patience or recovery_time_seconds"
    )


def test_a_worst_case_equal_to_the_objective_meets_it():
    """A limit is what may just be reached."""
    assert check(objectives(), [prediction(300)]) == []


def test_a_recovery_point_is_held_against_its_own_objective():
    """Time and data are two promises."""
    (found,) = check(objectives(), [prediction(61, measure=Measure.RECOVERY_POINT)])
    assert found.key == "recovery_point_seconds/region/writes"
    assert str(found).startswith("recovery_point_seconds = 60: at least 61")


def test_an_assumed_term_never_passes_silently():
    """It meets the objective, and says on what it rests."""
    (found,) = require_met(objectives(), [prediction(10, Source.ASSUMED)])
    assert found.severity is Severity.WARNING
    assert found.key == "recovery_time_seconds/region/writes/assumed"
    assert str(found) == (
        "recovery_time_seconds = 300: met at worst in 10 (region failure, writes) only if the assumed terms hold: "
        "10 s wait (for the test)"
    )


@pytest.mark.parametrize("source", [source for source in Source if source is not Source.ASSUMED])
def test_what_is_computed_documented_or_measured_passes_without_a_word(source):
    """Warnings that are always there are never read."""
    assert require_met(objectives(), [prediction(10, source)]) == []


def test_a_recovery_that_spends_more_than_a_months_budget_is_a_warning():
    """99.99 % of 30 days are 259 s; a recovery of 300 s spends them in one failure."""
    (found,) = check(objectives(availability=0.9999, error_rate=0.001), [])
    assert found.severity is Severity.WARNING
    assert str(found) == (
        "availability = 0.9999: allows 259.2 s of outage in 30 days, less than one recovery of "
        "recovery_time_seconds = 300; one failure a month misses it; change availability or recovery_time_seconds"
    )
    assert check(objectives(availability=0.9999, error_rate=0.001, recovery_time_seconds=259), []) == []


def test_every_violation_is_listed_and_warnings_do_not_raise():
    """One run shows all that must change."""
    with pytest.raises(ObjectiveNotMet) as refused:
        require_met(
            objectives(availability=0.9999, error_rate=0.001),
            [prediction(301), prediction(61, measure=Measure.RECOVERY_POINT), prediction(5, Source.ASSUMED)],
        )
    assert [line.split(" = ")[0] for line in refused.value.violations] == [
        "recovery_time_seconds",
        "recovery_point_seconds",
    ]


def test_violations_come_before_warnings():
    """What stops a deployment is read first."""
    found = check(objectives(availability=0.9999, error_rate=0.001), [prediction(5, Source.ASSUMED), prediction(301)])
    assert [violation.severity for violation in found] == [Severity.VIOLATION, Severity.WARNING, Severity.WARNING]


@given(st.floats(0.0001, 0.9999), st.floats(1, 1e5), st.floats(0, 1e5))
def test_meeting_an_objective_is_monotone(availability, recovery_time, predicted):
    """What meets an objective meets every larger one."""

    def violated(limit: float) -> bool:
        found = check(objectives(availability=availability, recovery_time_seconds=limit), [prediction(predicted)])
        return any(violation.severity is Severity.VIOLATION for violation in found)

    assert violated(recovery_time) is (predicted > recovery_time)
    if not violated(recovery_time):
        assert not violated(recovery_time + 1)


@given(st.floats(0.0001, 0.9999))
def test_the_budget_is_what_availability_leaves_of_30_days(availability):
    """The two shares make up the period."""
    budget = objectives(availability=availability).budget_seconds
    assert budget + availability * BUDGET_PERIOD_SECONDS == pytest.approx(30 * 24 * 3600)
