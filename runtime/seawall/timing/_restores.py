"""How long, and how much, failures cost that only a backup recovers from.

The arithmetic is that of `predict_database` for something with neither a replica nor a second zone.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

from seawall.errors import InvalidInput
from seawall.timing._backup import SHORTEST_BACKUP_INTERVAL_SECONDS, BackupSchedule
from seawall.timing._database import LOG_UPLOAD_SECONDS, DatabasePredictions, Span, predict_database
from seawall.timing._model import FailureClass, Measure, Prediction, Source, Term, check_seconds

REPLICATION_SECONDS: Final = 300.0  # assumed, typical: until a log is in the other region too
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


def predict_replicated_backups(
    *,
    region: str,
    destination: str,
    age_limit_seconds: float,
    decision_seconds: Span | None = None,
    restore_seconds: Span | None = None,
) -> tuple[Prediction, ...]:
    """What automated backups in another region recover, when the source's region is lost.

    Args:
        region: The source's.
        destination: Where its backups are replicated to.
        age_limit_seconds: How old the newest replicated backup may be before an alarm rings; what is lost at worst.
        decision_seconds: As in `predict_backups`.
        restore_seconds: As in `predict_backups`.

    Raises:
        InvalidInput: A time is not allowed, or both regions are one.
    """
    check_seconds("age_limit_seconds", age_limit_seconds)
    upload = LOG_UPLOAD_SECONDS[1]
    if age_limit_seconds < upload + REPLICATION_SECONDS:
        raise InvalidInput(
            "age_limit_seconds",
            age_limit_seconds,
            allowed=f"at least {upload + REPLICATION_SECONDS:g}",
            because=f"logs leave the instance every {upload:g} s, and take {REPLICATION_SECONDS:g} s to the other region",
        )
    if destination == region:
        raise InvalidInput("destination", destination, allowed="another region", because="the source's is what is lost")
    # The way back is that of any copy in another region; only what is lost differs.
    found = predict_backups(
        region=region,
        backups=[BackupSchedule(interval_seconds=SHORTEST_BACKUP_INTERVAL_SECONDS, copy_region=destination)],
        classes=[FailureClass.REGION],
        decision_seconds=decision_seconds,
        restore_seconds=restore_seconds,
    )
    lost = (
        Term("log upload", *LOG_UPLOAD_SECONDS, Source.DOCUMENTED, "RDS uploads transaction logs every five minutes"),
        Term(
            "replication of backups",
            REPLICATION_SECONDS,
            float(age_limit_seconds - upload),
            Source.ASSUMED,
            "RDS copies logs as they are ready; an alarm rings when the newest is older, nothing prevents it",
            inputs=("age_limit_seconds",),
        ),
    )
    return tuple(
        replace(each, terms=lost) if each.measure is Measure.RECOVERY_POINT else each for each in found.predictions
    )
