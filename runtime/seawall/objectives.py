"""What a service promises, stated once, and whether the predictions can meet it.

Pure arithmetic, no resources. Ratios are 0 to 1, times are seconds. An assumed term never passes silently: a prediction
that meets an objective only on an assumption yields a warning, which callers must show.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import Enum
from typing import Final, cast

from seawall.errors import InvalidInput, ObjectiveNotMet
from seawall.timing import FailureClass, Measure, Path, Prediction, Uncovered, arithmetic

__all__ = [
    "BUDGET_PERIOD_SECONDS",
    "ObjectiveException",
    "Objectives",
    "Severity",
    "Violation",
    "Waiver",
    "check",
    "require_met",
]

BUDGET_PERIOD_SECONDS: Final = 30 * 24 * 3600  # error budgets are counted over 30 days, as SLO tools do
FASTEST_PAGE_BURN: Final = 0.02 * BUDGET_PERIOD_SECONDS / 3600  # 14.4: 2 % of the budget in an hour pages, see `slo`
MUST_BE_COVERED: Final = (FailureClass.ENDPOINT, FailureClass.WRITER, FailureClass.ZONE, FailureClass.REGION)
"""What a service in several regions is there to survive. Corruption and the loss of an account need backups besides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveException:
    """Other limits for one kind of failure, stated in the open: a promoted database is not back as fast as a name.

    Raises:
        InvalidInput: A value is not allowed, or neither limit is given.
    """

    failure_class: str
    """A value of `seawall.timing.FailureClass`, e.g. `region`."""
    path: str | None = None
    """`reads` or `writes`; `None`: both."""
    recovery_time_seconds: float | None = None
    """In place of the objectives' own; above 0."""
    recovery_point_seconds: float | None = None
    """In place of the objectives' own; at least 0."""

    def __post_init__(self) -> None:
        # Kept as plain words, so that a document of a later version with a class more stays readable here.
        for name, words in (("failure_class", FailureClass), ("path", Path)):
            value: object = getattr(self, name)
            plain = value.value if isinstance(value, Enum) else value
            if plain not in [word.value for word in words] and not (name == "path" and plain is None):
                raise InvalidInput(name, plain, allowed=", ".join(word.value for word in words))
            object.__setattr__(self, name, plain)
        if self.recovery_time_seconds is None and self.recovery_point_seconds is None:
            raise InvalidInput(
                "recovery_time_seconds",
                None,
                allowed="a limit, here or as recovery_point_seconds: else it excepts nothing",
            )
        if self.recovery_time_seconds is not None:
            _number("recovery_time_seconds", self.recovery_time_seconds)
            if self.recovery_time_seconds <= 0:
                raise InvalidInput("recovery_time_seconds", self.recovery_time_seconds, allowed="above 0 seconds")
        if self.recovery_point_seconds is not None:
            _number("recovery_point_seconds", self.recovery_point_seconds)
            if self.recovery_point_seconds < 0:
                raise InvalidInput("recovery_point_seconds", self.recovery_point_seconds, allowed="at least 0 seconds")

    def limit(self, prediction: Prediction) -> float | None:
        """Its limit for a prediction; `None` where it says nothing about it."""
        if prediction.failure_class.value != self.failure_class or self.path not in (None, prediction.path.value):
            return None
        return (
            self.recovery_time_seconds if prediction.measure is Measure.RECOVERY_TIME else self.recovery_point_seconds
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Objectives:
    """One set of numbers from which alerts, canaries, lag limits, schedules and DNS timing follow.

    Args:
        availability: Share of requests that succeed over 30 days, above 0 and below 1, e.g. `0.999`.
        latency_p95_seconds: 95 % of requests are answered within this time, above 0.
        error_rate: Share of requests that may fail before a release is stopped, above 0 and below 1.
        recovery_time_seconds: The longest that any one failure may last for clients, above 0.
        recovery_point_seconds: The most data, in seconds of writes, that any one failure may lose; 0 loses none.
        exceptions: Other limits for some kinds of failure. Of two that fit, the one that names a path counts.

    Raises:
        InvalidInput: A value is not a number or outside its range.
    """

    availability: float
    latency_p95_seconds: float
    error_rate: float
    recovery_time_seconds: float
    recovery_point_seconds: float
    exceptions: tuple[ObjectiveException, ...] = ()

    def __post_init__(self) -> None:
        for name in (
            "availability",
            "latency_p95_seconds",
            "error_rate",
            "recovery_time_seconds",
            "recovery_point_seconds",
        ):
            _number(name, getattr(self, name))
        exceptions = cast("object", self.exceptions)
        if not isinstance(exceptions, list | tuple):
            raise InvalidInput("exceptions", exceptions, allowed="a list of exceptions")
        object.__setattr__(self, "exceptions", tuple(cast("Sequence[ObjectiveException]", exceptions)))
        cases = [(each.failure_class, each.path) for each in self.exceptions]
        for failure_class, path in cases:
            if cases.count((failure_class, path)) > 1:
                raise InvalidInput("exceptions", f"{failure_class}, {path or 'both paths'}", allowed="each case once")
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

    def limit(self, prediction: Prediction) -> float:
        """The seconds that a prediction is held against: of the exception that fits best, else the general one."""
        for exception in sorted(self.exceptions, key=lambda each: each.path is None):
            limit = exception.limit(prediction)
            if limit is not None:
                return limit
        return (
            self.recovery_time_seconds if prediction.measure is Measure.RECOVERY_TIME else self.recovery_point_seconds
        )


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A violation that is known and let pass until a date: for environments that adopt what exists already.

    Raises:
        InvalidInput: There is no key or no reason, or `until` is no date.
    """

    key: str
    """`Violation.key` of what is waived."""
    until: date
    """The last day, in UTC; the day after, the violation stops deployments again."""
    reason: str
    """One line: why, and what is done about it."""

    def __post_init__(self) -> None:
        for name in ("key", "reason"):
            value = cast("object", getattr(self, name))
            if not isinstance(value, str) or not value.strip() or not value.isprintable():
                raise InvalidInput(name, value, allowed="one line")
        if not isinstance(cast("object", self.until), date):
            raise InvalidInput("until", self.until, allowed="a date")


def check(
    objectives: Objectives,
    predictions: Sequence[Prediction],
    *,
    uncovered: Sequence[Uncovered] = (),
    waivers: Sequence[Waiver] = (),
    today: date | None = None,
) -> list[Violation]:
    """Hold predictions against objectives, and the objectives against each other. Violations come first.

    Args:
        objectives: What is promised.
        predictions: What is to be expected.
        uncovered: Failures that nothing recovers from. Those of an endpoint, writer, zone or region are violations; those
            that only backups help against (corruption, account) are warnings.
        waivers: Violations that are let pass until a date; they become warnings. One that has run out, or that waives
            nothing, says so.
        today: By default this day in UTC.
    """
    found = [
        *_against_predictions(objectives, predictions),
        *_against_nothing(uncovered),
        *_against_each_other(objectives),
    ]
    found = list(_waived(found, waivers, today or datetime.now(UTC).date()))
    return sorted(found, key=lambda violation: violation.severity is Severity.WARNING)


def require_met(
    objectives: Objectives,
    predictions: Sequence[Prediction],
    *,
    uncovered: Sequence[Uncovered] = (),
    waivers: Sequence[Waiver] = (),
    today: date | None = None,
) -> list[Violation]:
    """As `check`, but what cannot be met stops here.

    Returns:
        The warnings that are left. Show them: among them are the assumptions that the objectives rest on.

    Raises:
        ObjectiveNotMet: At least one objective cannot be met; one line for each.
    """
    found = check(objectives, predictions, uncovered=uncovered, waivers=waivers, today=today)
    unmet = [violation.line for violation in found if violation.severity is Severity.VIOLATION]
    if unmet:
        raise ObjectiveNotMet(unmet)
    return found


def _against_predictions(objectives: Objectives, predictions: Iterable[Prediction]) -> Iterable[Violation]:
    for prediction in predictions:
        measure = prediction.measure
        limit = objectives.limit(prediction)
        name = f"{measure.value} = {limit:g}"
        case = f"{prediction.failure_class.value} failure, {prediction.path.value}"
        key = prediction.key
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


def _against_nothing(uncovered: Iterable[Uncovered]) -> Iterable[Violation]:
    for each in uncovered:
        must = each.failure_class in MUST_BE_COVERED
        change = f"; change {_any_of(each.inputs)}" if each.inputs else ""
        yield Violation(
            each.key,
            Severity.VIOLATION if must else Severity.WARNING,
            f"{each.failure_class.value} failure, {each.path.value}: nothing recovers from it, because there is "
            f"{each.because}{change}",
            each.inputs,
        )


def _waived(found: Iterable[Violation], waivers: Sequence[Waiver], today: date) -> Iterable[Violation]:
    by_key = {waiver.key: waiver for waiver in waivers}
    used: set[str] = set()
    for violation in found:
        waiver = by_key.get(violation.key)
        if waiver is None or violation.severity is Severity.WARNING:
            yield violation
            continue
        used.add(waiver.key)
        if waiver.until < today:
            yield replace(violation, line=f"{violation.line}; its waiver ran out on {waiver.until} ({waiver.reason})")
        else:
            line = f"waived until {waiver.until} ({waiver.reason}): {violation.line}"
            yield replace(violation, severity=Severity.WARNING, line=line)
    for waiver in waivers:
        if waiver.key not in used:
            yield Violation(
                f"waiver/{waiver.key}",
                Severity.WARNING,
                f"waiver {waiver.key}: waives nothing; remove it ({waiver.reason})",
                ("waivers",),
            )


def _against_each_other(objectives: Objectives) -> Iterable[Violation]:
    budget = objectives.budget_seconds
    allowed_errors = 1 - objectives.availability
    if objectives.error_rate >= FASTEST_PAGE_BURN * allowed_errors:
        yield Violation(
            "error_rate/availability",
            Severity.WARNING,
            f"error_rate = {objectives.error_rate:g}: a release that just passes it burns the error budget of "
            f"availability = {objectives.availability:g} at {objectives.error_rate / allowed_errors:.3g} times the rate "
            f"that lasts 30 days, and pages at {FASTEST_PAGE_BURN:g}; change error_rate or availability",
            ("error_rate", "availability"),
        )
    if objectives.recovery_time_seconds > budget:
        yield Violation(
            "availability/recovery_time_seconds",
            Severity.WARNING,
            f"availability = {objectives.availability:g}: allows {budget:.4g} s of outage in 30 days, less than one "
            f"recovery of recovery_time_seconds = {objectives.recovery_time_seconds:g}; "
            "one failure a month misses it; change availability or recovery_time_seconds",
            ("availability", "recovery_time_seconds"),
        )


def _number(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidInput(name, value, allowed="a finite number")


def _open_ratio(name: str, value: float, because: str) -> None:
    if not 0 < value < 1:
        raise InvalidInput(name, value, allowed="a ratio above 0 and below 1", because=because)


def _up(seconds: float) -> str:
    """A bound for people: rounded up to a tenth of a second, so that it is never below the exact sum."""
    return f"{math.ceil(seconds * 10) / 10:g}"


def _any_of(names: Sequence[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else list(names))
