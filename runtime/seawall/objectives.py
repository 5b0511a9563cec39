"""What a service promises, stated once, and whether the predictions can meet it.

Pure arithmetic, no resources. Ratios are 0 to 1, times are seconds. An assumed term never passes silently: a prediction
that meets an objective only on an assumption yields a warning, which callers must show.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from typing import Final

from seawall.errors import InvalidInput, ObjectiveNotMet
from seawall.timing import Measure, Prediction, arithmetic

__all__ = ["BUDGET_PERIOD_SECONDS", "Objectives", "Severity", "Violation", "check", "require_met"]

BUDGET_PERIOD_SECONDS: Final = 30 * 24 * 3600  # error budgets are counted over 30 days, as SLO tools do


@dataclass(frozen=True, slots=True, kw_only=True)
class Objectives:
    """One set of numbers from which alerts, canaries, lag limits, schedules and DNS timing follow.

    Args:
        availability: Share of requests that succeed over 30 days, above 0 and below 1, e.g. `0.999`.
        latency_p95_seconds: 95 % of requests are answered within this time, above 0.
        error_rate: Share of requests that may fail before a release is stopped, above 0 and below 1.
        recovery_time_seconds: The longest that any one failure may last for clients, above 0.
        recovery_point_seconds: The most data, in seconds of writes, that any one failure may lose; 0 loses none.

    Raises:
        InvalidInput: A value is not a number or outside its range.
    """

    availability: float
    latency_p95_seconds: float
    error_rate: float
    recovery_time_seconds: float
    recovery_point_seconds: float

    def __post_init__(self) -> None:
        for field in fields(self):
            value: object = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise InvalidInput(field.name, value, allowed="a finite number")
        _open_ratio("availability", self.availability, "nothing is available always or never")
        _open_ratio("error_rate", self.error_rate, "it is a share of all requests")
        for name in ("latency_p95_seconds", "recovery_time_seconds"):
            if getattr(self, name) <= 0:
                raise InvalidInput(name, getattr(self, name), allowed="above 0 seconds")
        if self.recovery_point_seconds < 0:
            raise InvalidInput("recovery_point_seconds", self.recovery_point_seconds, allowed="at least 0 seconds")

    @property
    def budget_seconds(self) -> float:
        """Seconds of complete outage that the availability objective allows in 30 days."""
        return (1 - self.availability) * BUDGET_PERIOD_SECONDS


class Severity(Enum):
    """Whether a finding stops a deployment."""

    VIOLATION = "violation"
    """The numbers cannot be met: `require_met` raises."""
    WARNING = "warning"
    """Met only on an assumption, or at a price: shown, never silent."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that the numbers say against each other.

    Args:
        key: A stable name, e.g. `recovery_time_seconds/region/reads`; what a waiver refers to.
        severity: Whether it stops a deployment.
        line: One line: the objective, the arithmetic and the inputs to change.
        inputs: Names of the inputs that would change it.
    """

    key: str
    severity: Severity
    line: str
    inputs: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.line


def check(objectives: Objectives, predictions: Sequence[Prediction]) -> list[Violation]:
    """Hold predictions against objectives, and the objectives against each other. Violations come first."""
    found = [*_against_predictions(objectives, predictions), *_against_each_other(objectives)]
    return sorted(found, key=lambda violation: violation.severity is Severity.WARNING)


def require_met(objectives: Objectives, predictions: Sequence[Prediction]) -> list[Violation]:
    """As `check`, but what cannot be met stops here.

    Returns:
        The warnings that are left. Show them: among them are the assumptions that the objectives rest on.

    Raises:
        ObjectiveNotMet: At least one objective cannot be met; one line for each.
    """
    found = check(objectives, predictions)
    unmet = [violation.line for violation in found if violation.severity is Severity.VIOLATION]
    if unmet:
        raise ObjectiveNotMet(unmet)
    return found


def _against_predictions(objectives: Objectives, predictions: Iterable[Prediction]) -> Iterable[Violation]:
    for prediction in predictions:
        measure = prediction.measure
        limit = (
            objectives.recovery_time_seconds if measure is Measure.RECOVERY_TIME else objectives.recovery_point_seconds
        )
        name = f"{measure.value} = {limit:g}"
        case = f"{prediction.failure_class.value} failure, {prediction.path.value}"
        key = f"{measure.value}/{prediction.failure_class.value}/{prediction.path.value}"
        if prediction.exceeds(limit):
            yield Violation(
                key,
                Severity.VIOLATION,
                f"{name}: at least {_up(prediction.worst_seconds)} ({case}), because the worst case is "
                f"{arithmetic(prediction.terms)}; change {_any_of((*prediction.inputs, measure.value))}",
                (*prediction.inputs, measure.value),
            )
        elif prediction.assumed:
            yield Violation(
                f"{key}/assumed",
                Severity.WARNING,
                f"{name}: met at worst in {_up(prediction.worst_seconds)} ({case}) only if the assumed terms hold: "
                + ", ".join(f"{term.arithmetic} ({term.reason})" for term in prediction.assumed),
                prediction.inputs,
            )


def _against_each_other(objectives: Objectives) -> Iterable[Violation]:
    budget = objectives.budget_seconds
    if objectives.recovery_time_seconds > budget:
        yield Violation(
            "availability/recovery_time_seconds",
            Severity.WARNING,
            f"availability = {objectives.availability:g}: allows {budget:.4g} s of outage in 30 days, less than one "
            f"recovery of recovery_time_seconds = {objectives.recovery_time_seconds:g}; "
            "one failure a month misses it; change availability or recovery_time_seconds",
            ("availability", "recovery_time_seconds"),
        )


def _open_ratio(name: str, value: float, because: str) -> None:
    if not 0 < value < 1:
        raise InvalidInput(name, value, allowed="a ratio above 0 and below 1", because=because)


def _up(seconds: float) -> str:
    """A bound for people: rounded up to a tenth of a second, so that it is never below the exact sum."""
    return f"{math.ceil(seconds * 10) / 10:g}"


def _any_of(names: Sequence[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else list(names))
