"""How long, and how much, failures cost that only a backup recovers from.

The arithmetic is that of `predict_database` for something with neither a replica nor a second zone.
"""

from collections.abc import Collection, Sequence
from typing import Final

from seawall.errors import InvalidInput
from seawall.timing._backup import BackupSchedule
from seawall.timing._database import DatabasePredictions, Span, predict_database
from seawall.timing._model import FailureClass, Term

RECOVERED_BY_BACKUPS: Final = (FailureClass.CORRUPTION, FailureClass.REGION, FailureClass.ACCOUNT)


def predict_backups(
    *,
    region: str,
    backups: Sequence[BackupSchedule],
    classes: Collection[FailureClass] = RECOVERED_BY_BACKUPS,
    point_in_time: bool = False,
    detection: Sequence[Term] | None = None,
    decision_seconds: Span | None = None,
    restore_seconds: Span | None = None,
    capacity_seconds: Span | None = None,
    name_ttl_seconds: int = 0,
    client_cache_seconds: float | None = None,
) -> DatabasePredictions:
    """What a backup plan recovers, and what it does not.

    Args:
        region: Where that is which is backed up.
        backups: The plan's rules, one for each place that a backup is copied to.
        classes: The failures to look at.
        point_in_time: Whether a rule keeps continuous backups.
        detection: How the loss is noticed; by default a CloudWatch alarm over two minutes.
        decision_seconds: Typical and worst, from an alarm until somebody says restore; `None`: assumed.
        restore_seconds: Typical and worst, of a backup into something new; `None`: assumed.
        capacity_seconds: Typical and worst, until what was restored carries the load; `None`: assumed none.
        name_ttl_seconds: TTL of the name that clients find it by.
        client_cache_seconds: As in `client_caches`.

    Raises:
        InvalidInput: A failure is none that backups recover from, or a time is not allowed.
    """
    for each in classes:
        if each not in RECOVERED_BY_BACKUPS:
            allowed = ", ".join(one.value for one in RECOVERED_BY_BACKUPS)
            raise InvalidInput("classes", each.value, allowed=allowed, because="nothing else needs a restore")
    found = predict_database(
        region=region,
        multi_az=False,
        point_in_time=point_in_time,
        backups=backups,
        detection=detection,
        decision_seconds=decision_seconds,
        restore_seconds=restore_seconds,
        capacity_seconds=capacity_seconds,
        name_ttl_seconds=name_ttl_seconds,
        client_cache_seconds=client_cache_seconds,
    )
    return DatabasePredictions(
        tuple(each for each in found.predictions if each.failure_class in classes),
        tuple(each for each in found.uncovered if each.failure_class in classes),
    )
