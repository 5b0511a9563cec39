"""How long after a failure an alert fires: scrape, window, `for` and evaluation, each with its terms. Pure.

Source: Prometheus' documentation, "Alerting rules": an alert is pending from the evaluation that first finds it, and fires
at the first evaluation that finds it at least `for` later.
"""

import math
from typing import Final, TypedDict

from pulumi_seawall._health_args import PredictedTerm
from pulumi_seawall._inputs import plain_terms
from pulumi_seawall._rule_groups import Alert, Scope
from seawall.timing import Source, Term

SAMPLES_OF_A_RATE: Final = 2
"""What a rate takes: of a series that begins with the failure, the first sample shows no increase."""
NOT_INCLUDED: Final = "what Alertmanager waits for more alerts of a group (30 s unless told otherwise), and the pager"


class PredictedAlert(TypedDict):
    """How long after a failure an alert fires, in seconds."""

    alert: str
    """Its name."""
    labels: dict[str, str]
    """What tells it apart from others of its name."""
    happens: str
    """The failure."""
    terms: list[PredictedTerm]
    """The parts."""
    typical_seconds: float
    """Their sum: what to expect."""
    worst_seconds: float
    """Their sum: what can happen."""
    not_included: str
    """What comes on top before somebody is told."""


def firing_terms(
    scope: Scope, *, window_seconds: float = 0, window_reason: str = "", for_seconds: float = 0, rate: bool = False
) -> tuple[Term, ...]:
    """The terms of an alert's time to fire.

    Args:
        scope: With the intervals.
        window_seconds: Until the value over the window crosses the threshold, from the failure's start.
        window_reason: How that comes about.
        for_seconds: The alert's `for`.
        rate: Whether it looks at a counter's rate, which takes two samples.
    """
    scrapes = SAMPLES_OF_A_RATE if rate else 1
    reason = "a rate takes two samples" if rate else "the next scrape sees it"
    terms = [
        Term("scrape", scope.scrape_seconds * (scrapes - 0.5), scope.scrape_seconds * scrapes, Source.COMPUTED, reason)
    ]
    if window_seconds:
        terms.append(Term("window", window_seconds, window_seconds, Source.COMPUTED, window_reason))
    interval = scope.evaluation_seconds
    terms.append(Term("evaluation", interval / 2, interval, Source.COMPUTED, "rules are evaluated once per interval"))
    if for_seconds:
        held = math.ceil(for_seconds / interval) * interval
        terms.append(Term("for", held, held, Source.COMPUTED, "whole evaluations that find it"))
    return tuple(terms)


def predicted(alert: Alert) -> PredictedAlert:
    """An alert's time to fire as plain data for an output."""
    return {
        "alert": alert.name,
        "labels": dict(alert.labels),
        "happens": alert.happens,
        "terms": plain_terms(alert.terms),
        "typical_seconds": math.fsum(term.typical_seconds for term in alert.terms),
        "worst_seconds": math.fsum(term.worst_seconds for term in alert.terms),
        "not_included": NOT_INCLUDED,
    }
