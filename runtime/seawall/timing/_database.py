"""The terms of a replicated RDS database: who takes over, from what, and how much is lost.

Sources of the documented numbers:

- RDS user guide, "Failing over a Multi-AZ DB instance": typically 60 to 120 s; large transactions and a lengthy recovery
  make it longer. The standby is synchronous: no committed write is lost.
- RDS user guide, "Promoting a read replica": takes several minutes or longer, depending on its size, with a reboot. No
  figure: assumed here.
- RDS user guide, "Restoring a DB instance to a specified time": to any second; the latest restorable time is typically
  within the last five minutes.

Replicas across regions are asynchronous: nothing bounds what is lost with the writer's region. The lag at which an alarm
fires is where people learn of it, and is what the worst case assumes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from seawall.errors import InvalidInput
from seawall.timing._backup import BackupSchedule, backup_recovery_point
from seawall.timing._dns import alarm_detection, client_caches, record_ttl
from seawall.timing._model import FailureClass, Measure, Path, Prediction, Source, Term, Uncovered, check_seconds

Span = tuple[float, float]
"""Typical and worst seconds."""

MULTI_AZ_FAILOVER_SECONDS: Final[Span] = (60.0, 120.0)  # documented as the typical span
ENDPOINT_TTL_SECONDS: Final[Span] = (5.0, 5.0)  # assumed: what RDS endpoints answer with; AWS documents none
INSTANCE_RECOVERY_SECONDS: Final[Span] = (600.0, 3600.0)  # assumed: RDS replaces the host of a Single-AZ instance
DECISION_SECONDS: Final[Span] = (300.0, 900.0)  # assumed: somebody is paged, looks, and decides
FENCE_SECONDS: Final[Span] = (15.0, 60.0)  # assumed: the old writer is cut off, or its lease runs out
PROMOTION_SECONDS: Final[Span] = (300.0, 1200.0)  # assumed: "several minutes or longer", and a reboot
RESTORE_SECONDS: Final[Span] = (1800.0, 14_400.0)  # assumed: a new instance from a backup, by size
LOG_UPLOAD_SECONDS: Final[Span] = (300.0, 300.0)  # documented: the latest restorable time is this long ago
LAG_SECONDS: Final = 1.0  # assumed: a replica across regions under usual load
DEFAULT_LAG_LIMIT_SECONDS: Final = 30.0
DEFAULT_NAME_TTL_SECONDS: Final = 5
DETECTION_ALARM: Final = (60, 2)  # period and datapoints of the alarm by which a lost writer is noticed

FENCED: Final = "An old writer that can still be reached by some clients until it is fenced."
LONG_TRANSACTIONS: Final = "Large transactions and a long crash recovery, which make a failover longer."
LATE_NOTICE: Final = "The time until somebody notices the corruption, and the writes made in it."


@dataclass(frozen=True, slots=True)
class DatabasePredictions:
    """What is predicted of a database, and what nothing recovers from."""

    predictions: tuple[Prediction, ...]
    uncovered: tuple[Uncovered, ...]


def predict_database(
    *,
    region: str,
    multi_az: bool,
    replica_regions: Sequence[str] = (),
    point_in_time: bool = True,
    backups: Sequence[BackupSchedule] = (),
    detection: Sequence[Term] | None = None,
    decision_seconds: Span | None = None,
    fence_seconds: Span | None = None,
    promotion_seconds: Span | None = None,
    restore_seconds: Span | None = None,
    capacity_seconds: Span | None = None,
    lag_limit_seconds: float = DEFAULT_LAG_LIMIT_SECONDS,
    name_ttl_seconds: int = DEFAULT_NAME_TTL_SECONDS,
    client_cache_seconds: float | None = None,
) -> DatabasePredictions:
    """How long reads and writes wait, and what is lost, per failure class.

    Spans are typical and worst seconds that you state; they stay assumptions until they are measured
    (`with_measurements`). `None` takes this module's own assumption.

    Args:
        region: The writer's region.
        multi_az: Whether the writer has a synchronous standby in another zone.
        replica_regions: Region of each replica; the writer's own for one beside it.
        point_in_time: Whether automated backups are kept (a retention of at least a day).
        backups: Schedules of an AWS Backup plan, with where each one's copies go.
        detection: How the loss of the writer's region is noticed; by default a CloudWatch alarm over two minutes.
        decision_seconds: From an alarm until somebody, or something, says fail over.
        fence_seconds: Until the old writer can take no more writes.
        promotion_seconds: Of a replica, its reboot included.
        restore_seconds: Of a backup into a new instance.
        capacity_seconds: Until the region that takes over can carry the load; stated 0 where it always can.
        lag_limit_seconds: Replication lag at which an alarm fires.
        name_ttl_seconds: TTL of the private name that clients connect to.
        client_cache_seconds: As in `client_caches`: pools and resolvers of clients.

    Raises:
        InvalidInput: A time is negative, not finite, or its worst value is below its typical one.
    """
    check_seconds("lag_limit_seconds", lag_limit_seconds)
    noticed = tuple(detection) if detection is not None else _default_detection()
    caches = client_caches(client_cache_seconds)
    name_ttl = replace(record_ttl(name_ttl_seconds), name="writer name's TTL", inputs=("name_ttl_seconds",), formula="")
    decision = _span("decision", decision_seconds, DECISION_SECONDS, "people are paged, look and decide")
    capacity = _span(
        "capacity", capacity_seconds, (0.0, 0.0), "the region that takes over carries the load as it stands"
    )
    promoted = (
        *noticed,
        decision,
        _span("fence", fence_seconds, FENCE_SECONDS, "the old writer is cut off, or its lease runs out"),
        _span("promotion", promotion_seconds, PROMOTION_SECONDS, "several minutes or longer, by size, with a reboot"),
        name_ttl,
        caches,
        capacity,
    )
    restored = (
        _span("restore", restore_seconds, RESTORE_SECONDS, "a new instance from a backup, by size"),
        name_ttl,
        caches,
        capacity,
    )
    plan = _Plan(
        region,
        multi_az,
        tuple(replica_regions),
        point_in_time,
        tuple(backups),
        noticed,
        decision,
        promoted,
        restored,
        caches,
    )
    return plan.predict(lag_limit_seconds)


@dataclass(frozen=True, slots=True)
class _Plan:
    """The ways back that there are, as sums; each failure class takes the best one that is left to it."""

    region: str
    multi_az: bool
    replica_regions: tuple[str, ...]
    point_in_time: bool
    backups: tuple[BackupSchedule, ...]
    noticed: tuple[Term, ...]
    decision: Term
    promoted: tuple[Term, ...]
    restored: tuple[Term, ...]
    caches: Term

    def predict(self, lag_limit_seconds: float) -> DatabasePredictions:
        lag = _lag(lag_limit_seconds)
        found: list[Prediction] = []
        missing: list[Uncovered] = []
        for failure_class in (FailureClass.WRITER, FailureClass.ZONE):
            found += self._beside_the_writer(failure_class, lag)
        elsewhere = [region for region in self.replica_regions if region != self.region]
        if elsewhere:
            found.append(_time(FailureClass.REGION, Path.READS, (_readers_go_on(),)))
            found.append(_time(FailureClass.REGION, Path.WRITES, self.promoted, FENCED))
            found.append(_point(FailureClass.REGION, (lag,)))
        else:
            copies = [backup for backup in self.backups if backup.copy_region not in (None, self.region)]
            missing += _nothing(
                FailureClass.REGION,
                "no replica and no copy outside the writer's region",
                ("replica_regions", "backups"),
                unless=copies,
            )
            found += self._from_copies(FailureClass.REGION, copies)
        corruption = self._corruption()
        found += corruption
        missing += _nothing(
            FailureClass.CORRUPTION,
            "no backups to go back to",
            ("backup_retention_days", "backups"),
            unless=corruption,
        )
        other_accounts = [backup for backup in self.backups if backup.copy_to_other_account]
        missing += _nothing(FailureClass.ACCOUNT, "no copy in another account", ("backups",), unless=other_accounts)
        found += self._from_copies(FailureClass.ACCOUNT, other_accounts)
        return DatabasePredictions(tuple(found), tuple(missing))

    def _beside_the_writer(self, failure_class: FailureClass, lag: Term) -> list[Prediction]:
        """The writer or its zone is lost, its region is not."""
        writes: tuple[Term, ...]
        if self.multi_az:
            writes = (
                _documented(
                    "Multi-AZ failover", MULTI_AZ_FAILOVER_SECONDS, "typically 60 to 120 s, detection included"
                ),
                _span("endpoint's TTL", None, ENDPOINT_TTL_SECONDS, "RDS points its endpoint at the standby"),
                self.caches,
            )
            lost: tuple[Term, ...] = (
                _documented("synchronous standby", (0.0, 0.0), "a commit is on both zones before it is acknowledged"),
            )
        elif failure_class is FailureClass.ZONE and self.replica_regions:
            writes, lost = self.promoted, (lag,)
        else:
            writes = (
                _span("instance recovery", None, INSTANCE_RECOVERY_SECONDS, "RDS replaces the host; its volume stays"),
                self.caches,
            )
            lost = (_span("crash recovery", None, (0.0, 0.0), "the volume has every commit"),)
        reads = (_readers_go_on(),) if self.replica_regions else writes
        return [
            _time(failure_class, Path.READS, reads, LONG_TRANSACTIONS if reads is writes else ""),
            _time(failure_class, Path.WRITES, writes, LONG_TRANSACTIONS if self.multi_az else FENCED),
            _point(failure_class, lost),
        ]

    def _corruption(self) -> list[Prediction]:
        """Wrong data is on every replica at once: only a backup from before helps."""
        if self.point_in_time:
            upload = _documented("log upload", LOG_UPLOAD_SECONDS, "the latest restorable time is five minutes ago")
            terms = (self.decision, upload, *self.restored)
            exact = _documented("restore to the second", (1.0, 1.0), "point-in-time recovery goes back to any second")
            return [
                *(_time(FailureClass.CORRUPTION, path, terms, LATE_NOTICE) for path in Path),
                _point(FailureClass.CORRUPTION, (exact,), LATE_NOTICE),
            ]
        if not self.backups:
            return []
        best = min(self.backups, key=_worst_point)
        return [
            *(_time(FailureClass.CORRUPTION, path, (self.decision, *self.restored), LATE_NOTICE) for path in Path),
            _point(FailureClass.CORRUPTION, backup_recovery_point(best), LATE_NOTICE),
        ]

    def _from_copies(self, failure_class: FailureClass, copies: Sequence[BackupSchedule]) -> list[Prediction]:
        """The best copy that is out of the failure's reach; nothing without one."""
        if not copies:
            return []
        terms = (*self.noticed, self.decision, *self.restored)
        return [
            *(_time(failure_class, path, terms, FENCED) for path in Path),
            _point(failure_class, backup_recovery_point(min(copies, key=_worst_point))),
        ]


def lag_limit_affordable(recovery_point_seconds: float) -> float:
    """The largest lag limit, in seconds, with which a promotion meets a recovery point: all of it.

    Raises:
        InvalidInput: The recovery point is 0 or less: an asynchronous replica cannot give that.
    """
    if not recovery_point_seconds > 0:
        raise InvalidInput(
            "recovery_point_seconds",
            recovery_point_seconds,
            allowed="above 0 seconds",
            because="replicas across regions are asynchronous: zero lost commits is not to be had there",
        )
    return recovery_point_seconds


def _default_detection() -> tuple[Term, ...]:
    period, datapoints = DETECTION_ALARM
    *terms, _ = alarm_detection(period_seconds=period, datapoints_to_alarm=datapoints)  # no DNS servers to reach
    return tuple(terms)


def _lag(limit_seconds: float) -> Term:
    return Term(
        "replication lag",
        min(LAG_SECONDS, limit_seconds),
        float(limit_seconds),
        Source.ASSUMED,
        "asynchronous: what the replica has not received is lost; an alarm fires above this, nothing prevents it",
        inputs=("lag_limit_seconds",),
    )


def _readers_go_on() -> Term:
    return Term("replicas answer", 0.0, 0.0, Source.COMPUTED, "replicas go on to answer reads, with what they have")


def _span(name: str, stated: Span | None, assumed: Span, reason: str) -> Term:
    """A span that nobody can compute: stated by the user, or assumed here. Both are assumptions."""
    typical, worst = assumed if stated is None else stated
    key = f"{name.replace(' ', '_')}_seconds"
    check_seconds(f"{key}[0]", typical)
    check_seconds(f"{key}[1]", worst)
    if worst < typical:
        raise InvalidInput(f"{key}[1]", worst, allowed=f"at least typical {typical:g}")
    inputs = (key,) if name in ("decision", "fence", "promotion", "restore", "capacity") else ()
    return Term(
        name,
        float(typical),
        float(worst),
        Source.ASSUMED,
        reason if stated is None else f"stated: {reason}",
        inputs=inputs,
    )


def _documented(name: str, span: Span, reason: str) -> Term:
    return Term(name, span[0], span[1], Source.DOCUMENTED, reason)


def _time(failure_class: FailureClass, path: Path, terms: tuple[Term, ...], *left_out: str) -> Prediction:
    return Prediction(failure_class, path, terms, not_included=tuple(line for line in left_out if line))


def _point(failure_class: FailureClass, terms: tuple[Term, ...], *left_out: str) -> Prediction:
    """Only writes are lost."""
    return Prediction(failure_class, Path.WRITES, terms, Measure.RECOVERY_POINT, tuple(left_out))


def _nothing(
    failure_class: FailureClass, because: str, inputs: tuple[str, ...], *, unless: Sequence[object]
) -> list[Uncovered]:
    return [] if unless else [Uncovered(failure_class, path, because, inputs) for path in Path]


def _worst_point(backup: BackupSchedule) -> float:
    return sum(term.worst_seconds for term in backup_recovery_point(backup))
