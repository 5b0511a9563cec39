"""The servers of a database on RDS, as a failover asks and changes them. Needs boto3, which the AWS extra brings.

Two voices are heard of a member: RDS's API, which knows whom it follows and what is being done to it, and, where there is SQL
access, the server itself, which alone knows its history and position and whether it takes a write. RDS's word is about the
control plane; what only a server can say is never made up from it.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Final, final

from seawall.clock import SYSTEM_CLOCK, Clock
from seawall.errors import InvalidInput, StepRefused
from seawall.topology import Member
from seawall_ops.failover.plans.rds_api import INVALID_STATE, Clients, RdsApi, Refused, bounded
from seawall_ops.failover.plans.rds_fence import FENCE_SECONDS, FenceTerms, RdsFence
from seawall_ops.failover.plans.rds_waiting import (
    AVAILABLE,
    Judgment,
    Progress,
    ended_badly,
    promotion,
    region_of,
    serves,
    source_of,
    status_of,
    wait_for,
)
from seawall_ops.failover.plans.servers import FenceLook, MemberLook, MemberUnreachable, Servers

__all__ = ["RDS_CALLS", "RdsServers", "VerifyBy"]

PROMOTE_SECONDS: Final = 90.0  # that `promote` waits by itself; the step's own time, for an apply, is two minutes
RETENTION_DAYS: Final = 7  # `ReplicatedDatabase`'s own, where neither the declaration nor the old writer tells
LONGEST_RETENTION_DAYS: Final = 35  # RDS
LAG_PERIOD_SECONDS: Final = 60  # RDS publishes once a minute
LAG_AGE_SECONDS: Final = 180  # three of those: what is older says nothing of now


class VerifyBy(Enum):
    """What proves that a new writer takes writes."""

    WRITE = "write"
    """A write, by SQL."""
    STATUS = "status"
    """RDS's word alone: for who has no SQL access, and says so."""


RDS_CALLS: Final[Mapping[str, tuple[str, ...]]] = {
    "look": ("cloudwatch:GetMetricData", "rds:DescribeDBInstances"),
    "fence": (
        "ec2:CreateNetworkAclEntry",
        "ec2:CreateTags",
        "ec2:DescribeNetworkAcls",
        "ec2:DescribeNetworkInterfaces",
        "rds:DescribeDBInstances",
        "rds:DescribeEvents",
        "rds:RebootDBInstance",
    ),
    "lift": ("ec2:DeleteNetworkAclEntry", "ec2:DeleteTags", "ec2:DescribeNetworkAcls", "rds:DescribeDBInstances"),
    "promote": ("rds:DescribeDBInstances", "rds:PromoteReadReplica"),
    "rebuild": (
        "ec2:CreateSecurityGroup",
        "ec2:DescribeSecurityGroups",
        "kms:DescribeKey",
        "rds:AddTagsToResource",
        "rds:CreateDBInstanceReadReplica",
        "rds:DescribeAccountAttributes",
        "rds:DescribeDBInstances",
        "rds:ModifyDBInstance",
        "rds:RebootDBInstance",
    ),
    "rebuild, by RDS": ("iam:PassRole", "kms:CreateGrant"),
}
"""What is called, by purpose, as IAM names it. `fence_of` makes the reading calls of `fence`; reading lists all instances of the
region, for what else a fence would cut.
What RDS does by itself, in the caller's name, is no call of ours: it hands on the monitoring's role, and uses the key."""


@final
class RdsServers:
    """`Servers` of a database on RDS: PostgreSQL, and MySQL and MariaDB as far as the API knows them.

    Args:
        members: Of the topology's database.
        sql: The same servers, asked by SQL; `None`: positions and histories are not known, and `verify_by` has to be `status`.
        verify_by: What proves a new writer.
        fence_terms: What a fence may cut beside the database.
        retention_days: Of a new writer's automated backups, 1 to 35, as declared; `None`: the old writer's, where it answers,
            else 7. Without any a promotion would leave no point in time to go back to.
        clients: boto3's clients, by service and region.
        fence_seconds: The longest that `fence` takes.
        promote_seconds: The longest that `promote` takes; the promotion itself may go on.
        clock: Monotonic time.
        sleep: Waits, in seconds.
        wall: The time, for CloudWatch.

    Raises:
        InvalidInput: No SQL access, and it is not said that RDS's word is enough; or a number is out of bounds.
    """

    __slots__ = ("_api", "_fences", "_members", "_promote_seconds", "_retention_days", "_sql", "_verify_by", "_wall")

    def __init__(
        self,
        members: Sequence[Member],
        *,
        sql: Servers | None = None,
        verify_by: VerifyBy = VerifyBy.WRITE,
        fence_terms: FenceTerms | None = None,
        retention_days: int | None = None,
        clients: Clients = bounded,
        fence_seconds: float = FENCE_SECONDS,
        promote_seconds: float = PROMOTE_SECONDS,
        clock: Clock = SYSTEM_CLOCK,
        sleep: Callable[[float], None] = time.sleep,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        if sql is None and verify_by is VerifyBy.WRITE:
            raise InvalidInput(
                "verify_by",
                verify_by.value,
                allowed="write with SQL access, or status",
                because="only a write proves that a new writer takes writes; that RDS's word is enough has to be said",
            )
        if retention_days is not None and not 1 <= retention_days <= LONGEST_RETENTION_DAYS:
            raise InvalidInput("retention_days", retention_days, allowed=f"1 to {LONGEST_RETENTION_DAYS} days")
        self._members: Final = {each.name: each for each in members}
        self._sql: Final = sql
        self._verify_by: Final = verify_by
        self._retention_days: Final = retention_days
        self._promote_seconds: Final = promote_seconds
        self._wall: Final = wall
        self._api: Final = RdsApi(clients, clock, sleep)
        self._fences: Final = RdsFence(self._api, fence_terms, seconds=fence_seconds)

    @property
    def where(self) -> str:
        """Instances and regions, and what proves a new writer."""
        instances = ", ".join(f"{each.name}: {each.identifier} in {each.region}" for each in self._members.values())
        how = "verified by RDS's status alone" if self._verify_by is VerifyBy.STATUS else "verified by a write"
        return f"rds ({instances}; {how})"

    def look(self, member: str) -> MemberLook:
        """What RDS and, where it can be asked, the server say.

        A server that follows nobody takes writes, as soon as RDS says that it serves: in the middle of a promotion it is
        out of recovery, and is about to be rebooted. Of a replica behind a fence, which keeps whoever asks out, too, RDS's
        word is enough: it is one that was rebuilt, and cannot take over before its fence is lifted.

        Raises:
            MemberUnreachable: One of the two does not answer, or RDS is at work on an instance that follows nobody.
            StepRefused: There is no such instance, or AWS refuses.
        """
        where = self._member(member)
        instance = self._api.existing(where)
        source = source_of(instance)
        said = self._said(where, instance)
        if source is None:
            judged = promotion(instance, backing_up_counts=said is not None)
            if judged.progress is not Progress.DONE and (said is None or not serves(status_of(instance))):
                raise MemberUnreachable(member, f"RDS says {judged.shown}")
        if said is None:
            if source is not None and not serves(status_of(instance)):
                raise MemberUnreachable(member, f"RDS says {status_of(instance)}, and that it follows {source}")
            return MemberLook(takes_writes=source is None, lag_seconds=None if source is None else self._lag(where))
        lag = said.lag_seconds
        if lag is None and source is not None:
            lag = self._lag(where)
        return MemberLook(
            takes_writes=said.takes_writes and source is None,
            system_id=said.system_id,
            timeline=said.timeline,
            position=said.position,
            lag_seconds=lag,
        )

    def fence_of(self, member: str) -> FenceLook:
        """Whether the networks are closed and the sessions ended; see `rds_fence`."""
        return self._fences.look(self._member(member))

    def fence(self, member: str) -> None:
        """Close the networks, and end the sessions; see `rds_fence`."""
        self._fences.fence(self._member(member))

    def lift(self, member: str) -> None:
        """Open the networks; see `rds_fence`."""
        self._fences.lift(self._member(member))

    def promote(self, member: str) -> None:
        """Begin to promote a replica, and wait for a moment whether that fails. One that follows nobody is left alone.

        A status other than `available` is waited for: it may be a promotion that was begun before a crash.

        Raises:
            StepRefused: It has a status in which RDS promotes nothing.
            MemberUnreachable: No answer; or RDS gave the promotion up: it may have happened.
        """
        where = self._member(member)
        asked = False

        def look() -> Judgment:
            nonlocal asked
            instance = self._api.existing(where)
            if source_of(instance) is None:
                return promotion(instance, backing_up_counts=self._sql is not None)
            status = status_of(instance)
            if ended_badly(status):
                return Judgment(Progress.FAILED, f"RDS says {status}")
            if status == AVAILABLE and not asked:
                asked = self._ask_to_promote(where, instance)
            return Judgment(Progress.UNDER_WAY, f"RDS says {status}")

        seen = wait_for(look, seconds=self._promote_seconds, clock=self._api.clock, sleep=self._api.sleep)
        if seen.progress is Progress.FAILED and asked:
            raise MemberUnreachable(member, f"its promotion was begun, and {seen.shown}")
        if seen.progress is Progress.FAILED or (
            seen.progress is Progress.UNDER_WAY and not asked and self._follows(where)
        ):
            raise StepRefused(f"{member} cannot be promoted: {seen.shown}")

    def try_write(self, member: str) -> None:
        """A write, by SQL; with `verify_by: status` RDS's word instead: promoted, available, and with its backups on.

        Raises:
            StepRefused: It takes no writes, or RDS does not say that it does.
            MemberUnreachable: No answer.
        """
        if self._verify_by is VerifyBy.WRITE and self._sql is not None:
            self._sql.try_write(member)
            return
        judged = promotion(self._api.existing(self._member(member)))
        if judged.progress is not Progress.DONE:
            raise StepRefused(f"RDS does not say that {member} takes writes: {judged.shown}")

    # Parts

    def _member(self, name: str) -> Member:
        try:
            return self._members[name]
        except KeyError:
            raise InvalidInput("member", name, allowed=f"one of {', '.join(self._members)}") from None

    def _said(self, member: Member, instance: Mapping[str, Any]) -> MemberLook | None:
        """What the server says; `None` where it is not asked, or is a replica that its own fence keeps us from."""
        if self._sql is None:
            return None
        try:
            return self._sql.look(member.name)
        except MemberUnreachable:
            if source_of(instance) is not None and serves(status_of(instance)) and self._fences.look(member).closed:
                return None
            raise

    def _follows(self, member: Member) -> bool:
        return source_of(self._api.existing(member)) is not None

    def _ask_to_promote(self, member: Member, replica: Mapping[str, Any]) -> bool:
        """Whether RDS took it; `False`: its status has changed since it was looked at, and is looked at again."""
        days = self._retention(member, replica)
        try:
            self._api.ask(
                member,
                "rds",
                "PromoteReadReplica",
                DBInstanceIdentifier=member.identifier,
                BackupRetentionPeriod=days,
            )
        except Refused as error:
            if error.code in INVALID_STATE:
                return False
            raise
        return True

    def _retention(self, member: Member, replica: Mapping[str, Any]) -> int:
        """Days of automated backups: as declared, as the old writer's, or Seawall's own number."""
        if self._retention_days is not None:
            return self._retention_days
        own = int(replica.get("BackupRetentionPeriod") or 0)
        region = region_of(source_of(replica) or "") or member.region
        known = next((each for each in self._members.values() if each.region == region and each != member), None)
        try:
            source = None if known is None else self._api.instance(known)
        except (MemberUnreachable, StepRefused):
            source = None  # a region that is gone must not keep its failover from going on
        days = int((source or {}).get("BackupRetentionPeriod") or 0)
        return max(own, days) or RETENTION_DAYS

    def _lag(self, member: Member) -> float | None:
        """The newest `ReplicaLag`, in seconds; `None`: there is none of the last three minutes, or replication has stopped."""
        now = self._wall()
        query = {
            "Id": "lag",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/RDS",
                    "MetricName": "ReplicaLag",
                    "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": member.identifier}],
                },
                "Period": LAG_PERIOD_SECONDS,
                "Stat": "Maximum",
            },
        }
        found = self._api.ask(
            member,
            "cloudwatch",
            "GetMetricData",
            MetricDataQueries=[query],
            StartTime=now - timedelta(seconds=LAG_AGE_SECONDS),
            EndTime=now,
            ScanBy="TimestampDescending",
        )["MetricDataResults"]
        fresh = [
            value
            for each in found
            for at, value in zip(each["Timestamps"], each["Values"], strict=True)
            if (now - at).total_seconds() <= LAG_AGE_SECONDS
        ]
        return float(fresh[0]) if fresh and fresh[0] >= 0 else None  # -1: replication has stopped
