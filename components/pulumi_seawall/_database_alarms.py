"""The alarms of a member: the same ones for every member, so that a change of roles changes them in place.

Sources: RDS user guide, "Amazon CloudWatch metrics for Amazon RDS": units of the metrics, `ReplicaLag` of -1 where
replication has stopped (MySQL and MariaDB), `OldestReplicationSlotLag` in bytes on the source (PostgreSQL).
"""

import math
from dataclasses import dataclass
from typing import Final

from pulumi_seawall._database_args import DatabaseAlarmsArgs, DatabaseEngine, LagMeasure, MissingData
from pulumi_seawall._inputs import checked_keys, member, number, whole
from seawall.errors import InvalidInput
from seawall.objectives import Objectives
from seawall.timing import (
    DEFAULT_LAG_LIMIT_SECONDS,
    FailureClass,
    Measure,
    Path,
    Prediction,
    Source,
    Term,
    lag_limit_affordable,
)

PERIOD_SECONDS: Final = 60  # RDS publishes once a minute
DATAPOINTS: Final = 5  # minutes in a row: a checkpoint or a backup is no incident
LAG_DATAPOINTS: Final = 3  # minutes in a row: what is behind for longer does not catch up by itself
GIB: Final = 2**30  # bytes
DEFAULT_LAG_BYTES: Final = 2 * 64 * 2**20  # bytes: two WAL segments, which are 64 MiB on RDS
DEFAULT_CPU_RATIO: Final = 0.9  # assumed: above it queries queue
DEFAULT_FREE_STORAGE_RATIO: Final = 0.1  # RDS grows storage by itself below a tenth
DEFAULT_CONNECTIONS_RATIO: Final = 0.8  # assumed: leaves room for a deployment's overlap
NO_DATA_IN_THIS_ROLE: Final = MissingData.NOT_BREACHING


@dataclass(frozen=True, slots=True)
class AlarmLimits:
    """When the alarms ring, checked.

    Args:
        missing_data: For metrics that the member has in its role.
        lag: How replicas' lag is measured.
        lag_limit_seconds: What predictions count with, and the alarm's with `heartbeat`.
        lag_limit_bytes: For `position`.
        cpu_percent: 0 to 100.
        free_bytes: What must stay free.
        connections: How many may be open.
    """

    missing_data: MissingData
    lag: LagMeasure
    lag_limit_seconds: float
    lag_limit_bytes: int
    cpu_percent: float
    free_bytes: int
    connections: int


@dataclass(frozen=True, slots=True)
class AlarmPlan:
    """One alarm of one member.

    Args:
        purpose: What follows the member's name in the alarm's name, e.g. `cpu`.
        metric: In `AWS/RDS`.
        statistic: Of each minute.
        comparison: CloudWatch's operator.
        threshold: In the metric's unit.
        datapoints: Minutes in a row.
        missing_data: What missing data means.
        says: The alarm's description, after the member's name.
    """

    purpose: str
    metric: str
    statistic: str
    comparison: str
    threshold: float
    datapoints: int
    missing_data: MissingData
    says: str


def plan_limits(
    args: object, engine: DatabaseEngine, storage_gib: int, max_connections: int, objectives: Objectives | None
) -> AlarmLimits:
    """Check the thresholds and turn them into the metrics' units.

    Raises:
        InvalidInput: One is not allowed.
    """
    where = "alarms."
    given = checked_keys(where, args, DatabaseAlarmsArgs)
    postgres = engine is DatabaseEngine.POSTGRES
    default = LagMeasure.POSITION if postgres else LagMeasure.HEARTBEAT
    lag = member(f"{where}lag", given.get("lag", default), LagMeasure)
    if lag is LagMeasure.POSITION and not postgres:
        raise InvalidInput(
            f"{where}lag", lag.value, allowed="heartbeat", because=f"CloudWatch has no positions of {engine.value}"
        )
    if lag is LagMeasure.HEARTBEAT and given.get("lag_limit_bytes") is not None:
        raise InvalidInput(f"{where}lag_limit_bytes", given.get("lag_limit_bytes"), allowed="only with lag = position")
    return AlarmLimits(
        member(f"{where}missing_data", given["missing_data"], MissingData),
        lag,
        _lag_limit(f"{where}lag_limit_seconds", given.get("lag_limit_seconds"), objectives),
        whole(f"{where}lag_limit_bytes", given.get("lag_limit_bytes", DEFAULT_LAG_BYTES), 1, None, "bytes"),
        100 * _ratio(f"{where}cpu_ratio", given.get("cpu_ratio", DEFAULT_CPU_RATIO)),
        math.ceil(
            storage_gib
            * GIB
            * _ratio(f"{where}free_storage_ratio", given.get("free_storage_ratio", DEFAULT_FREE_STORAGE_RATIO))
        ),
        max(
            1,
            math.floor(
                max_connections
                * _ratio(f"{where}connections_ratio", given.get("connections_ratio", DEFAULT_CONNECTIONS_RATIO))
            ),
        ),
    )


def _lag_limit(name: str, given: object, objectives: Objectives | None) -> float:
    """The lag above which an alarm rings: by default what the loss of a region may cost."""
    if given is not None:
        seconds = number(name, given)
        if not math.isfinite(seconds) or seconds <= 0:
            raise InvalidInput(name, seconds, allowed="above 0 seconds")
        return seconds
    if objectives is None:
        return DEFAULT_LAG_LIMIT_SECONDS
    point = Term("replication lag", 0.0, 0.0, Source.ASSUMED, "stands for the loss of a region")
    lost = Prediction(FailureClass.REGION, Path.WRITES, (point,), Measure.RECOVERY_POINT)
    return min(DEFAULT_LAG_LIMIT_SECONDS, lag_limit_affordable(objectives.limit(lost)))


def _ratio(name: str, given: object) -> float:
    ratio = number(name, given)
    if not 0 < ratio <= 1:
        raise InvalidInput(name, ratio, allowed="a ratio above 0 and at most 1")
    return ratio


def member_alarms(limits: AlarmLimits, engine: DatabaseEngine, *, writes: bool, replicas: int) -> tuple[AlarmPlan, ...]:
    """The alarms of one member.

    Args:
        limits: When they ring.
        engine: The database's.
        writes: Whether the member is the writer, which has no lag of its own.
        replicas: How many members follow the writer.
    """
    above, below = "GreaterThanThreshold", "LessThanThreshold"
    as_replica = NO_DATA_IN_THIS_ROLE if writes else limits.missing_data
    as_source = limits.missing_data if writes and replicas else NO_DATA_IN_THIS_ROLE
    mine = limits.missing_data
    alarms = [
        AlarmPlan(
            "cpu", "CPUUtilization", "Average", above, limits.cpu_percent, DATAPOINTS, mine,
            f"uses more than {limits.cpu_percent:g} % of its CPU",
        ),
        AlarmPlan(
            "storage", "FreeStorageSpace", "Minimum", below, limits.free_bytes, DATAPOINTS, mine,
            f"has less than {limits.free_bytes / GIB:g} GiB of free storage",
        ),
        AlarmPlan(
            "connections", "DatabaseConnections", "Maximum", above, limits.connections, DATAPOINTS, mine,
            f"has more than {limits.connections} connections",
        ),
    ]  # fmt: skip
    if limits.lag is LagMeasure.POSITION:
        alarms.append(
            AlarmPlan(
                "lag", "OldestReplicationSlotLag", "Maximum", above, limits.lag_limit_bytes, LAG_DATAPOINTS, as_source,
                f"has a replica that is more than {limits.lag_limit_bytes / 2**20:g} MiB of WAL behind",
            )
        )  # fmt: skip
        return tuple(alarms)
    alarms.append(
        AlarmPlan(
            "lag", "ReplicaLag", "Maximum", above, limits.lag_limit_seconds, LAG_DATAPOINTS, as_replica,
            f"is more than {limits.lag_limit_seconds:g} s behind its writer",
        )
    )  # fmt: skip
    if engine is not DatabaseEngine.POSTGRES:
        alarms.append(
            AlarmPlan(
                "replication", "ReplicaLag", "Minimum", below, 0, LAG_DATAPOINTS, as_replica,
                "does not replicate any more: ReplicaLag is -1",
            )
        )  # fmt: skip
    return tuple(alarms)
