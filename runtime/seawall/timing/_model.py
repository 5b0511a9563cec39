"""The model: a prediction is a sum of terms, each with a typical value, a worst value and a source."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from seawall.errors import InvalidInput


class Source(Enum):
    """Where a number comes from."""

    COMPUTED = "computed"
    DOCUMENTED = "documented"
    ASSUMED = "assumed"
    MEASURED_LOCALLY = "measured locally"
    MEASURED_IN_ACCOUNT = "measured in account"


class FailureClass(Enum):
    """What fails."""

    ENDPOINT = "endpoint"
    WRITER = "writer"
    ZONE = "zone"
    REGION = "region"
    CORRUPTION = "corruption"
    ACCOUNT = "account"


class Path(Enum):
    """Whose requests wait: those that read or those that write."""

    READS = "reads"
    WRITES = "writes"


class Measure(Enum):
    """What a prediction predicts, by the name of its objective."""

    RECOVERY_TIME = "recovery_time_seconds"
    RECOVERY_POINT = "recovery_point_seconds"


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a prediction.

    Args:
        name: What takes the time, as it stands after a number: `time-out`, `TTL`.
        typical_seconds: What to expect.
        worst_seconds: What can happen, at least the typical value.
        source: Where the numbers come from.
        reason: One sentence: how they come about.
        formula: The worst value's arithmetic when it is a product, e.g. `3 checks x 10 s`.
        inputs: Names of the inputs that change this term.

    Raises:
        InvalidInput: A time is negative or not finite, or the worst is below the typical one.
    """

    name: str
    typical_seconds: float
    worst_seconds: float
    source: Source
    reason: str
    formula: str = ""
    inputs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field in ("typical_seconds", "worst_seconds"):
            check_seconds(f"{self.name}.{field}", getattr(self, field))
        if self.worst_seconds < self.typical_seconds:
            raise InvalidInput(
                f"{self.name}.worst_seconds", self.worst_seconds, allowed=f"at least typical {self.typical_seconds:g}"
            )

    @property
    def assumed(self) -> bool:
        """Nobody documented, computed or measured this one."""
        return self.source is Source.ASSUMED

    @property
    def measured(self) -> bool:
        """Somebody saw it happen, and timed it."""
        return self.source in (Source.MEASURED_LOCALLY, Source.MEASURED_IN_ACCOUNT)

    @property
    def arithmetic(self) -> str:
        """The worst value in words: `3 checks x 10 s`, `6 s time-out`."""
        return self.formula or f"{self.worst_seconds:g} s {self.name}"

    def as_dict(self) -> dict[str, object]:
        """The term as plain data, for outputs and documents."""
        return {
            "name": self.name,
            "typical_seconds": self.typical_seconds,
            "worst_seconds": self.worst_seconds,
            "source": self.source.value,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Prediction:
    """How long one class of failure lasts on one path: a sum of terms, never one bare figure.

    Args:
        failure_class: What fails.
        path: Reads or writes.
        terms: The parts, at least one.
        measure: Recovery time or recovery point.
        not_included: What the sum leaves out, each in one sentence.

    Raises:
        InvalidInput: There are no terms.
    """

    failure_class: FailureClass
    path: Path
    terms: tuple[Term, ...]
    measure: Measure = Measure.RECOVERY_TIME
    not_included: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.terms:
            raise InvalidInput("terms", self.terms, allowed="at least one", because="a prediction is a sum of terms")

    @property
    def typical_seconds(self) -> float:
        """The sum of the typical values."""
        return math.fsum(term.typical_seconds for term in self.terms)

    @property
    def worst_seconds(self) -> float:
        """The sum of the worst values: all of them in one failure."""
        return math.fsum(term.worst_seconds for term in self.terms)

    @property
    def assumed(self) -> tuple[Term, ...]:
        """The terms that rest on an assumption; empty when none does."""
        return tuple(term for term in self.terms if term.assumed)

    @property
    def exercised(self) -> bool:
        """Whether any term was measured: by a drill, a game day or a real failure."""
        return any(term.measured for term in self.terms)

    @property
    def key(self) -> str:
        """A stable name, e.g. `recovery_time_seconds/region/writes`: what waivers and measurements refer to."""
        return f"{self.measure.value}/{self.failure_class.value}/{self.path.value}"

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs that change the sum, in the order of the terms."""
        return tuple(dict.fromkeys(name for term in self.terms for name in term.inputs))

    def exceeds(self, limit_seconds: float) -> bool:
        """Whether the worst case is above a limit, without the rounding of a floating-point sum."""
        return exact_worst_sum(self.terms) > Fraction(limit_seconds)

    def rows(self) -> list[tuple[str, str, str, str, str]]:
        """The prediction for a table: name, typical, worst, source, reason; the last row is the sum."""
        rows = [
            (term.name, _shown(term.typical_seconds), _shown(term.worst_seconds), term.source.value, term.reason)
            for term in self.terms
        ]
        marks = f"{len(self.assumed)} of {len(self.terms)} terms assumed" if self.assumed else "no term assumed"
        rows.append(("sum", _shown(self.typical_seconds), _shown(self.worst_seconds), Source.COMPUTED.value, marks))
        return rows

    def as_dict(self) -> dict[str, object]:
        """The prediction as plain data, for outputs and documents."""
        return {
            "failure_class": self.failure_class.value,
            "path": self.path.value,
            "measure": self.measure.value,
            "typical_seconds": self.typical_seconds,
            "worst_seconds": self.worst_seconds,
            "assumed": [term.name for term in self.assumed],
            "terms": [term.as_dict() for term in self.terms],
            "not_included": list(self.not_included),
        }

    def __str__(self) -> str:
        """One line: the span and the arithmetic."""
        return (
            f"{self.failure_class.value}, {self.path.value}: {_shown(self.typical_seconds)} to "
            f"{_shown(self.worst_seconds)} = {arithmetic(self.terms)}"
        )


@dataclass(frozen=True, slots=True)
class Uncovered:
    """A failure that nothing here recovers from: no sum of terms ends it.

    Args:
        failure_class: What fails.
        path: Whose requests wait for ever.
        because: What is missing, in one sentence.
        inputs: Names of the inputs that would cover it.
    """

    failure_class: FailureClass
    path: Path
    because: str
    inputs: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """A stable name, e.g. `uncovered/account/writes`: what waivers refer to."""
        return f"uncovered/{self.failure_class.value}/{self.path.value}"


def arithmetic(terms: Sequence[Term]) -> str:
    """The worst values as a sum in words; assumed terms say so."""
    return " + ".join(f"{term.arithmetic} (assumed)" if term.assumed else term.arithmetic for term in terms)


def exact_worst_sum(terms: Sequence[Term]) -> Fraction:
    """The sum of the worst values without rounding."""
    return sum((Fraction(term.worst_seconds) for term in terms), Fraction())


def check_seconds(name: str, value: float) -> None:
    """Refuse what is no time.

    Raises:
        InvalidInput: It is negative or not finite.
    """
    if not math.isfinite(value) or value < 0:
        raise InvalidInput(name, value, allowed="a finite number of seconds, at least 0")


def _shown(seconds: float) -> str:
    return f"{round(seconds, 1):g} s"
