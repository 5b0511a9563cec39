"""Drills and game days write back what they measured: a measured term replaces the assumed one, and says where."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from seawall.errors import InvalidInput
from seawall.timing._model import Prediction, Source, Term, check_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What one term took, over one or more exercises.

    Raises:
        InvalidInput: A time is negative or not finite, the worst is below the typical one, or the source is no measured
            one.
    """

    term: str
    """Name of the term, e.g. `promotion`."""
    typical_seconds: float
    """The median."""
    worst_seconds: float
    """The longest that was seen."""
    source: Source
    """`MEASURED_LOCALLY` or `MEASURED_IN_ACCOUNT`."""
    when: str
    """One line: when, and in what exercise."""
    prediction: str | None = None
    """`Prediction.key` of the only prediction that it is for; `None`: every one with such a term."""

    def __post_init__(self) -> None:
        check_seconds("typical_seconds", self.typical_seconds)
        check_seconds("worst_seconds", self.worst_seconds)
        if self.worst_seconds < self.typical_seconds:
            raise InvalidInput(
                "worst_seconds", self.worst_seconds, allowed=f"at least typical {self.typical_seconds:g}"
            )
        if self.source not in (Source.MEASURED_LOCALLY, Source.MEASURED_IN_ACCOUNT):
            raise InvalidInput("source", self.source.value, allowed="measured locally or measured in account")


def with_measurements(predictions: Iterable[Prediction], measured: Sequence[Measurement]) -> tuple[Prediction, ...]:
    """The predictions, with what was measured in place of what was assumed.

    Of several measurements for one term the one in the account counts before a local one, and then the worst: a lucky
    drill must not make a promise. A local measurement never replaces a documented or computed term: moto and a laptop do
    not know better than AWS.

    Raises:
        InvalidInput: A measurement fits no term of any prediction.
    """
    given = list(predictions)
    for position, measurement in enumerate(measured):
        if not any(_fits(measurement, prediction, term) for prediction in given for term in prediction.terms):
            names = dict.fromkeys(term.name for prediction in given for term in prediction.terms)
            raise InvalidInput(f"measured[{position}].term", measurement.term, allowed=", ".join(names))
    return tuple(
        replace(prediction, terms=tuple(_measured(prediction, term, measured) for term in prediction.terms))
        for prediction in given
    )


def _measured(prediction: Prediction, term: Term, measured: Sequence[Measurement]) -> Term:
    fitting = [
        measurement
        for measurement in measured
        if _fits(measurement, prediction, term)
        and (term.assumed or term.measured or measurement.source is Source.MEASURED_IN_ACCOUNT)
    ]
    if not fitting:
        return term
    best = max(fitting, key=lambda each: (each.source is Source.MEASURED_IN_ACCOUNT, each.worst_seconds))
    return replace(
        term,
        typical_seconds=float(best.typical_seconds),
        worst_seconds=float(best.worst_seconds),
        source=best.source,
        reason=best.when,
        formula="",
    )


def _fits(measurement: Measurement, prediction: Prediction, term: Term) -> bool:
    return measurement.term == term.name and measurement.prediction in (None, prediction.key)
