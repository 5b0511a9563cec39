"""Exceptions, waivers and what nothing covers: stated in the open, never silent."""

from datetime import date
from typing import Any

import pytest

from seawall.errors import InvalidInput, ObjectiveNotMet
from seawall.objectives import ObjectiveException, Objectives, Severity, Waiver, check, require_met
from seawall.timing import FailureClass, Measure, Path, Prediction, Source, Term, Uncovered

TODAY = date(2026, 11, 25)


def objectives(*exceptions: ObjectiveException) -> Objectives:
    """A recovery within two minutes, with exceptions."""
    return Objectives(
        availability=0.99,
        latency_p95_seconds=0.5,
        error_rate=0.01,
        recovery_time_seconds=120,
        recovery_point_seconds=60,
        exceptions=exceptions,
    )


def prediction(
    seconds: float,
    failure_class: FailureClass = FailureClass.REGION,
    path: Path = Path.WRITES,
    measure: Measure = Measure.RECOVERY_TIME,
) -> Prediction:
    """One term that was measured: no assumption in the way."""
    term = Term("promotion", seconds, seconds, Source.MEASURED_IN_ACCOUNT, "in a drill", inputs=("promotion_seconds",))
    return Prediction(failure_class, path, (term,), measure)


def test_an_exception_counts_for_its_own_failure_and_path_only():
    """A promoted database may take an hour; a name may not."""
    hour = ObjectiveException(failure_class="region", path="writes", recovery_time_seconds=3600)
    assert require_met(objectives(hour), [prediction(3600)]) == []
    for other in (
        prediction(3600, path=Path.READS),
        prediction(3600, FailureClass.WRITER),
        prediction(3600, measure=Measure.RECOVERY_POINT),
    ):
        with pytest.raises(ObjectiveNotMet):
            require_met(objectives(hour), [other])
    with pytest.raises(ObjectiveNotMet, match="recovery_time_seconds = 3600: at least 3601"):
        require_met(objectives(hour), [prediction(3601)])


def test_of_two_exceptions_the_one_that_names_the_path_counts():
    """The narrower statement was made on purpose; the order in the file decides nothing."""
    wide = ObjectiveException(failure_class="region", recovery_time_seconds=600, recovery_point_seconds=300)
    narrow = ObjectiveException(failure_class="region", path="writes", recovery_time_seconds=3600)
    for given in ((wide, narrow), (narrow, wide)):
        both = objectives(*given)
        assert both.limit(prediction(1)) == 3600
        assert both.limit(prediction(1, path=Path.READS)) == 600
        assert both.limit(prediction(1, measure=Measure.RECOVERY_POINT)) == 300


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown class": (
        {"failure_class": "planet", "recovery_time_seconds": 1},
        "failure_class = planet: endpoint, writer, zone, region, corruption, account",
    ),
    "an unknown path": (
        {"failure_class": "region", "path": "deletes", "recovery_time_seconds": 1},
        "path = deletes: reads, writes",
    ),
    "no limit": (
        {"failure_class": "region"},
        "recovery_time_seconds = None: a limit, here or as recovery_point_seconds: else it excepts nothing",
    ),
    "no time": (
        {"failure_class": "region", "recovery_time_seconds": 0},
        "recovery_time_seconds = 0: above 0 seconds",
    ),
    "a negative loss": (
        {"failure_class": "region", "recovery_point_seconds": -1},
        "recovery_point_seconds = -1: at least 0 seconds",
    ),
    "a word": (
        {"failure_class": "region", "recovery_point_seconds": "60"},
        "recovery_point_seconds = 60: a finite number",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_each_bad_exception_is_one_exact_line(case):
    """It stands in the environment's file, and its line names the key."""
    arguments, line = BAD[case]
    with pytest.raises(InvalidInput) as caught:
        ObjectiveException(**arguments)
    assert str(caught.value) == line


def test_one_case_stands_once():
    """Two limits for one case would be decided by their order."""
    one = ObjectiveException(failure_class=FailureClass.ZONE.value, recovery_time_seconds=1)
    with pytest.raises(InvalidInput, match="exceptions = zone, both paths: each case once"):
        objectives(one, one)


def waiver(**more: Any) -> Waiver:
    """Lets the slow promotion pass for a month."""
    values: dict[str, Any] = {
        "key": "recovery_time_seconds/region/writes",
        "until": date(2026, 12, 31),
        "reason": "adopted as it is; a replica is planned",
        **more,
    }
    return Waiver(**values)


def test_a_waived_violation_is_a_warning_until_its_day_is_over():
    """An environment that adopts what exists can start, and is reminded with every deployment."""
    (left,) = require_met(objectives(), [prediction(600)], waivers=[waiver()], today=date(2026, 12, 31))
    assert left.severity is Severity.WARNING
    assert left.line.startswith(
        "waived until 2026-12-31 (adopted as it is; a replica is planned): recovery_time_seconds = 120: at least 600"
    )
    with pytest.raises(ObjectiveNotMet, match="its waiver ran out on 2026-12-31"):
        require_met(objectives(), [prediction(600)], waivers=[waiver()], today=date(2027, 1, 1))


def test_a_waiver_waives_its_own_key_only_and_says_when_it_waives_nothing():
    """A waiver that is left behind would let the next violation of that name pass."""
    found = check(objectives(), [prediction(600, path=Path.READS)], waivers=[waiver()], today=TODAY)
    assert [(each.key, each.severity) for each in found] == [
        ("recovery_time_seconds/region/reads", Severity.VIOLATION),
        ("waiver/recovery_time_seconds/region/writes", Severity.WARNING),
    ]
    assert "waives nothing; remove it" in found[1].line


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"key": ""}, "key = '': one line"),
        ({"reason": " "}, "reason = ' ': one line"),
        ({"until": "2026-12-31"}, "until = 2026-12-31: a date"),
    ],
)
def test_each_bad_waiver_is_one_exact_line(changes, line):
    """A waiver without a reason or a day is no waiver."""
    with pytest.raises(InvalidInput) as caught:
        waiver(**changes)
    assert str(caught.value) == line


@pytest.mark.parametrize(
    ("failure_class", "severity"),
    [
        (FailureClass.REGION, Severity.VIOLATION),
        (FailureClass.WRITER, Severity.VIOLATION),
        (FailureClass.CORRUPTION, Severity.WARNING),
        (FailureClass.ACCOUNT, Severity.WARNING),
    ],
)
def test_what_nothing_recovers_from_is_never_silent(failure_class, severity):
    """A database in one region only is no database of a service in two."""
    missing = Uncovered(failure_class, Path.WRITES, "no replica elsewhere", ("replica_regions", "backups"))
    (found,) = check(objectives(), [], uncovered=[missing])
    assert (found.severity, found.key) == (severity, f"uncovered/{failure_class.value}/writes")
    assert found.line == (
        f"{failure_class.value} failure, writes: nothing recovers from it, because there is no replica elsewhere; "
        "change replica_regions or backups"
    )


def test_a_release_that_passes_its_canary_and_pages_at_once_is_a_warning():
    """14.4 times the budget's rate is the first page; a canary that lets that through judges nothing."""
    numbers = {
        "latency_p95_seconds": 0.5,
        "recovery_time_seconds": 120,
        "recovery_point_seconds": 60,
        "availability": 0.999,
    }
    (found,) = check(Objectives(error_rate=0.015, **numbers), [])
    assert found.key == "error_rate/availability"
    assert found.line == (
        "error_rate = 0.015: a release that just passes it burns the error budget of availability = 0.999 at 15 times the "
        "rate that lasts 30 days, and pages at 14.4; change error_rate or availability"
    )
    assert check(Objectives(error_rate=0.014, **numbers), []) == []
