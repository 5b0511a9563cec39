"""What a `BackupPlan` predicts: the failures that only a backup recovers from, in the words of its own inputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from pulumi_seawall._backup_args import BackupRecoveryArgs
from pulumi_seawall._backup_rules import RulePlan, Span
from pulumi_seawall._database_args import SpanArgs
from pulumi_seawall._inputs import checked_keys, number
from seawall.errors import InvalidInput
from seawall.timing import (
    BACKUP_SECONDS,
    COPY_SECONDS,
    RESTORE_SECONDS,
    FailureClass,
    Term,
    predict_backups,
    slowest_of_each,
)
from seawall.timing import DatabasePredictions as Predictions

NOT_OURS: Final = ("writer name's TTL", "capacity")  # of a database with a name of its own
NOT_INPUTS: Final = ("name_ttl_seconds", "client_cache_seconds", "replica_regions", "backup_retention_days")
INPUTS: Final = {
    "backups": "rules[].copies",
    "interval_seconds": "rules[].schedule",
    "start_window_seconds": "rules[].start_window_minutes",
    "backup_seconds": "recovery.backup_seconds",
    "copy_seconds": "recovery.copy_seconds",
    "decision_seconds": "recovery.decision_seconds",
    "restore_seconds": "recovery.restore_seconds",
}


@dataclass(frozen=True, slots=True)
class Spans:
    """Typical and worst seconds, stated or assumed."""

    backup: Span
    copy: Span
    restore: Span
    stated: Mapping[str, Span]


def plan_spans(args: BackupRecoveryArgs) -> Spans:
    """Times that are stated, or assumed.

    Raises:
        InvalidInput: One is not allowed.
    """
    given = checked_keys("recovery.", args, BackupRecoveryArgs)
    stated = {key: plan_span(f"recovery.{key}.", cast("SpanArgs", value)) for key, value in given.items()}
    return Spans(
        stated.get("backup_seconds", BACKUP_SECONDS),
        stated.get("copy_seconds", COPY_SECONDS),
        stated.get("restore_seconds", RESTORE_SECONDS),
        {key: span for key, span in stated.items() if key in ("decision_seconds", "restore_seconds")},
    )


def plan_span(where: str, args: SpanArgs) -> Span:
    """Typical and worst seconds.

    Raises:
        InvalidInput: One is negative or not finite, or the worst is below the typical one.
    """
    span = checked_keys(where, args, SpanArgs)
    typical = number(f"{where}typical_seconds", span["typical_seconds"])
    worst = number(f"{where}worst_seconds", span["worst_seconds"])
    if not 0 <= typical <= worst < float("inf"):
        raise InvalidInput(
            f"{where}worst_seconds", worst, allowed=f"finite, and at least typical_seconds = {typical:g}, at least 0"
        )
    return typical, worst


def predict(
    regions: Sequence[str], rules: Sequence[RulePlan], spans: Spans, covered: Sequence[FailureClass]
) -> Predictions:
    """What is predicted: of each failure the source that it costs most. Terms name this component's inputs.

    Args:
        regions: Of the sources.
        rules: Every source's.
        spans: From `plan_spans`.
        covered: The failures to look at.
    """
    stated: dict[str, Any] = dict(spans.stated)
    found = [
        predict_backups(
            region=region,
            backups=[each for rule in rules for each in rule.timing(spans.backup, spans.copy)],
            classes=covered,
            point_in_time=any(rule.continuous for rule in rules),
            **stated,
        )
        for region in regions
    ]
    uncovered = {each.key: each for one in found for each in one.uncovered}
    predictions = slowest_of_each(*(one.predictions for one in found))
    return Predictions(
        tuple(
            replace(each, terms=tuple(_in_our_words(term) for term in each.terms if term.name not in NOT_OURS))
            for each in predictions
            if f"uncovered/{each.failure_class.value}/{each.path.value}" not in uncovered
        ),
        tuple(replace(each, inputs=_our_inputs(each.inputs)) for each in uncovered.values()),
    )


def _in_our_words(term: Term) -> Term:
    return replace(term, inputs=_our_inputs(term.inputs))


def _our_inputs(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(INPUTS.get(name, name) for name in names if name not in NOT_INPUTS)
