"""Predictions side by side: of a whole service, and as a table."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from seawall.timing._model import FailureClass, Measure, Path, Prediction, Uncovered, exact_worst_sum


def slowest_of_each(*groups: Iterable[Prediction]) -> tuple[Prediction, ...]:
    """One prediction for each failure class, path and measure: of those that must all end, the one that ends last.

    A region's loss is over for writes when both the name and the database have moved; they move side by side, so the
    slower one counts. What the others leave out is left out still.
    """
    chosen: dict[str, Prediction] = {}
    for prediction in (each for group in groups for each in group):
        other = chosen.get(prediction.key)
        if other is None:
            chosen[prediction.key] = prediction
            continue
        slower, faster = (
            (prediction, other)
            if exact_worst_sum(prediction.terms) > exact_worst_sum(other.terms)
            else (other, prediction)
        )
        left_out = tuple(dict.fromkeys((*slower.not_included, *faster.not_included)))
        chosen[prediction.key] = replace(slower, not_included=left_out)
    return tuple(sorted(chosen.values(), key=_position))


def prediction_table(predictions: Sequence[Prediction], uncovered: Sequence[Uncovered] = ()) -> str:
    """A Markdown table, a line per failure class and path, with the arithmetic; then what is left out.

    Assumed terms are marked in the arithmetic, and what no exercise has measured is marked `no`.
    """
    lines: list[str] = []
    for measure, title in ((Measure.RECOVERY_TIME, "Recovery time"), (Measure.RECOVERY_POINT, "Recovery point")):
        rows = sorted((each for each in predictions if each.measure is measure), key=_position)
        if not rows and not (uncovered and measure is Measure.RECOVERY_TIME):
            continue
        lines += [
            *([""] if lines else []),
            f"| {title}: failure | path | typical | worst | worst case, term by term | assumed terms | exercised |",
            "| --- | --- | --- | --- | --- | --- | --- |",
        ]
        lines += [_row(each) for each in rows]
        if measure is Measure.RECOVERY_TIME:
            lines += [
                f"| {each.failure_class.value} | {each.path.value} | never | never | {each.because} | | no |"
                for each in uncovered
            ]
    left_out = dict.fromkeys(line for each in predictions for line in each.not_included)
    if left_out:
        lines += ["", "Not included:", "", *(f"- {line}" for line in left_out)]
    return "\n".join(lines) + "\n"


def _row(prediction: Prediction) -> str:
    terms = " + ".join(
        f"{term.arithmetic} ({term.source.value})" if term.assumed or term.measured else term.arithmetic
        for term in prediction.terms
    )
    cells = (
        prediction.failure_class.value,
        prediction.path.value,
        f"{round(prediction.typical_seconds, 1):g} s",
        f"{round(prediction.worst_seconds, 1):g} s",
        terms,
        f"{len(prediction.assumed)} of {len(prediction.terms)}",
        "yes" if prediction.exercised else "no",
    )
    return f"| {' | '.join(cells)} |"


def _position(prediction: Prediction) -> tuple[int, int, int]:
    return (
        list(Measure).index(prediction.measure),
        list(FailureClass).index(prediction.failure_class),
        list(Path).index(prediction.path),
    )
