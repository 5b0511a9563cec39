"""One rebuild of an old writer on RDS: putting it aside, and making a replica in its place; see `rds_rebuild` for the order."""

from collections.abc import Callable, Mapping
from typing import Any, Final, final

from seawall.errors import StepRefused
from seawall.topology import Member
from seawall_ops.failover.plans.rds_api import INVALID_STATE, RdsApi, Refused
from seawall_ops.failover.plans.rds_settings import (
    closed_off,
    creation,
    is_replaced,
    marks,
    noted_name,
    replaced,
    settled,
    storage_of,
    unsettled,
)
from seawall_ops.failover.plans.rds_waiting import (
    AVAILABLE,
    Judgment,
    Progress,
    ended_badly,
    renaming,
    replica,
    source_of,
    status_of,
    tags_of,
    wait_for,
)
from seawall_ops.failover.plans.rebuilder import RebuildFailed

__all__ = ["CLOSED_GROUP", "Replacing", "closed_group"]

POLL_SECONDS: Final = 15.0  # a copy takes hours, and RDS throttles the whole account
SEEN_SECONDS: Final = 120.0  # until RDS shows an instance under one of its names, in the middle of a renaming
CLOSED_GROUP: Final = "seawall-closed"
GROUP_EXISTS: Final = "InvalidGroup.Duplicate"
INSTANCE_EXISTS: Final = frozenset({"DBInstanceAlreadyExists", "DBInstanceAlreadyExistsFault"})
PENDING_REBOOT: Final = "pending-reboot"
QUOTAS: Final = ("DBInstances", "AllocatedStorage")  # of `DescribeAccountAttributes`; the second is in GiB
ALIKE: Final = ("Engine", "MasterUsername", "DBName")  # what a writer and its replicas share


def closed_group(api: RdsApi, member: Member, instance: Mapping[str, Any]) -> str | None:
    """Id of the security group without inbound rules in an instance's VPC; `None`: it is not made yet.

    Raises:
        StepRefused: Somebody has given it a rule.
        MemberUnreachable: No answer.
    """
    filters = [
        {"Name": "vpc-id", "Values": [str(instance["DBSubnetGroup"]["VpcId"])]},
        {"Name": "group-name", "Values": [CLOSED_GROUP]},
    ]
    found = api.every(member, "ec2", "DescribeSecurityGroups", "SecurityGroups", Filters=filters)
    if not found:
        return None
    if found[0].get("IpPermissions"):
        raise StepRefused(f"{found[0]['GroupId']} ({CLOSED_GROUP}) is to let nobody in, and has an inbound rule")
    return str(found[0]["GroupId"])


@final
class Replacing:
    """One rebuild, of one member by one process.

    Args:
        api: AWS.
        member: What is rebuilt.
        operation: Id of the operation.
        kept: The name under which the old instance is kept.
        check: Called before each write beyond the first, and before each look while something is waited for.
        seconds: The longest that it takes.
    """

    def __init__(
        self, api: RdsApi, member: Member, operation: str, kept: str, check: Callable[[], None], seconds: float
    ) -> None:
        self._api: Final = api
        self._member: Final = member
        self._identifier: Final = str(member.identifier)
        self._operation: Final = operation
        self._kept: Final = kept
        self._check: Final = check
        self._ends: Final = api.clock.monotonic() + seconds
        self._changed = False

    def run(self, writer: Member) -> None:
        """All of it, or what is left of it.

        Raises:
            StepRefused: It cannot be done as things are; nothing was changed.
            RebuildFailed: It ended badly in the middle, or is not done in time.
            MemberUnreachable: No answer; what was asked may have happened.
        """
        try:
            source = self._source(writer)
            there, old = self._found()
            if there is not None and self._is_old(there, old, source):
                old = self._put_aside(there, source)
            if old is not None:
                self._changed = self._changed or there is None  # by whoever has put it aside
                self._close_off(old)
                self._create(old, source)
                self._settle(old)
            self._await_replica(source)
        except StepRefused as error:
            if self._changed:
                raise RebuildFailed(self._member.name, error.because) from error
            raise

    # What there is

    def _source(self, writer: Member) -> Mapping[str, Any]:
        source = self._api.existing(writer)
        status, follows = status_of(source), source_of(source)
        if follows is not None:
            raise StepRefused(f"{writer.name} follows {follows}: there is nobody to follow")
        if ended_badly(status):
            raise StepRefused(f"{writer.name} is {status}: there is nobody to follow")
        if not source.get("BackupRetentionPeriod"):
            raise StepRefused(f"{writer.name} has no automated backups, without which RDS makes no replica of it")
        return source

    def _found(self) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
        """What has the declared name, and what had it. In a renaming RDS may show neither for a moment."""
        seen: list[Mapping[str, Any] | None] = [None, None]

        def look() -> Judgment:
            listed = self._api.every(self._member, "rds", "DescribeDBInstances", "DBInstances")
            there, old = self._api.instance(self._member), replaced(self._identifier, listed)
            seen[:] = [there, old]
            ours = old is not None and old["DBInstanceIdentifier"] == self._kept
            both = there is not None and old is not None and there.get("DbiResourceId") == old.get("DbiResourceId")
            whole = not both and (there is not None or ours)
            return Judgment(Progress.DONE if whole else Progress.UNDER_WAY, f"{self._identifier} is being renamed")

        self._wait(look, SEEN_SECONDS)
        there, old = seen
        if there is None and old is None:
            raise StepRefused(
                f"there is no RDS instance {self._identifier} in {self._member.region}, and none that was put aside: "
                "nothing says what a replica is to be like"
            )
        return there, old

    def _is_old(self, there: Mapping[str, Any], old: Mapping[str, Any] | None, source: Mapping[str, Any]) -> bool:
        """Whether what has the declared name is the old writer, rather than the replica in its place."""
        if old is not None and old["DBInstanceIdentifier"] == self._kept:
            return False
        judged = replica(there, str(source["DBInstanceArn"]))
        if ended_badly(status_of(there)):
            raise StepRefused(f"{self._identifier}: {judged.shown}; it has to be {AVAILABLE}, or to be taken away")
        return judged.progress is Progress.FAILED or is_replaced(there)

    # Putting the old one aside

    def _put_aside(self, old: Mapping[str, Any], source: Mapping[str, Any]) -> Mapping[str, Any]:
        for key in ALIKE:
            if old.get(key) != source.get(key):
                raise StepRefused(
                    f"{self._identifier} is another database than its writer: {key} is {old.get(key)}, not {source.get(key)}"
                )
        noted = marks(self._identifier, self._operation, old)
        self._require_key(old, source)
        creation(self._identifier, old, source, self._member.region)
        self._require_quotas(old, source)
        known = tags_of(old)
        if any(known.get(key) != value for key, value in noted.items()):
            tags = [{"Key": key, "Value": value} for key, value in noted.items()]
            self._change("rds", "AddTagsToResource", ResourceName=old["DBInstanceArn"], Tags=tags)
        self._close_off(old)
        return self._rename(old, noted_name(noted))

    def _require_key(self, old: Mapping[str, Any], source: Mapping[str, Any]) -> None:
        encrypted = bool(old.get("StorageEncrypted"))
        if encrypted != bool(source.get("StorageEncrypted")):
            which = self._identifier if encrypted else source["DBInstanceIdentifier"]
            raise StepRefused(
                f"only {which} is encrypted, of {self._identifier} and its writer: RDS makes no such replica"
            )
        if not encrypted:
            return
        key = str(old.get("KmsKeyId"))
        if f":kms:{self._member.region}:" not in key:
            raise StepRefused(f"the key of {self._identifier} is not in {self._member.region}: {key}")
        state = self._api.ask(self._member, "kms", "DescribeKey", KeyId=key)["KeyMetadata"]["KeyState"]
        if state != "Enabled":
            raise StepRefused(f"the key of {self._identifier} is {state}, and has to be Enabled: {key}")

    def _require_quotas(self, old: Mapping[str, Any], source: Mapping[str, Any]) -> None:
        """Room for one more instance, before anything is renamed for it."""
        needed = dict(zip(QUOTAS, (1, storage_of(old, source)), strict=True))
        for each in self._api.ask(self._member, "rds", "DescribeAccountAttributes")["AccountQuotas"]:
            more = needed.get(each["AccountQuotaName"], 0)
            if each["Used"] + more > each["Max"]:
                raise StepRefused(
                    f"the account's quota {each['AccountQuotaName']} in {self._member.region} has no room for a replica "
                    f"beside the old writer: {each['Used']} of {each['Max']} are used, and {more} needed"
                )

    def _close_off(self, old: Mapping[str, Any]) -> None:
        """Until its only security group is the one that lets nobody in."""
        group = closed_group(self._api, self._member, old)
        if group is None:
            group = self._make_group(str(old["DBSubnetGroup"]["VpcId"]))
        name = str(old["DBInstanceIdentifier"])

        def look() -> Judgment:
            return closed_off(self._existing(name), group)

        self._until(
            look, name, "ModifyDBInstance", VpcSecurityGroupIds=[group], DeletionProtection=True, ApplyImmediately=True
        )

    def _make_group(self, vpc: str) -> str:
        try:
            made = self._change(
                "ec2", "CreateSecurityGroup", GroupName=CLOSED_GROUP, VpcId=vpc, Description="Seawall: lets nobody in"
            )
        except Refused as error:
            if error.code != GROUP_EXISTS:
                raise
            found = closed_group(self._api, self._member, {"DBSubnetGroup": {"VpcId": vpc}})
            if found is None:
                raise
            return found
        return str(made["GroupId"])

    def _rename(self, old: Mapping[str, Any], kept: str) -> Mapping[str, Any]:
        def look() -> Judgment:
            before = self._api.instance(self._member)
            return renaming(str(old["DbiResourceId"]), before, self._api.instance(self._member, kept))

        self._until(look, self._identifier, "ModifyDBInstance", NewDBInstanceIdentifier=kept, ApplyImmediately=True)
        return self._existing(kept)

    # The replica

    def _create(self, old: Mapping[str, Any], source: Mapping[str, Any]) -> None:
        if self._api.instance(self._member) is None:
            self._require_key(old, source)
            given = creation(self._identifier, old, source, self._member.region)

            def ask() -> Judgment:
                try:
                    self._change("rds", "CreateDBInstanceReadReplica", **given)
                except Refused as error:
                    if error.code in INVALID_STATE:  # of the writer: a backup of it, for instance
                        return Judgment(Progress.UNDER_WAY, error.because)
                    if error.code not in INSTANCE_EXISTS:
                        raise
                return Judgment(Progress.DONE, "")

            self._finish(ask)
        self._await_replica(source)

    def _await_replica(self, source: Mapping[str, Any]) -> None:
        arn = str(source["DBInstanceArn"])
        self._finish(lambda: replica(self._api.instance(self._member), arn))

    def _settle(self, old: Mapping[str, Any]) -> None:
        there = self._existing(self._identifier)
        missing = unsettled(there, old)
        if missing:

            def given() -> Judgment:
                now = self._existing(self._identifier)
                left = ", ".join(unsettled(now, old))
                return Judgment(
                    Progress.UNDER_WAY if left else Progress.DONE, f"{status_of(now)}, without its {left or 'nothing'}"
                )

            self._until(given, self._identifier, "ModifyDBInstance", ApplyImmediately=True, **missing)
        asked = False

        def look() -> Judgment:
            nonlocal asked
            now = self._existing(self._identifier)
            seen = settled(now, old)
            waits = any(
                each.get("ParameterApplyStatus") == PENDING_REBOOT for each in now.get("DBParameterGroups") or ()
            )
            if waits and not asked and status_of(now) == AVAILABLE:
                asked = self._taken("RebootDBInstance", self._identifier)
            return Judgment(Progress.FAILED, seen.shown) if ended_badly(status_of(now)) else seen

        self._finish(look)

    # Parts

    def _existing(self, name: str) -> Mapping[str, Any]:
        found = self._api.instance(self._member, name)
        if found is None:
            raise StepRefused(f"there is no RDS instance {name} in {self._member.region} any more")
        return found

    def _change(self, service: str, operation: str, **given: Any) -> Mapping[str, Any]:
        if self._changed:
            self._check()
        answer = self._api.ask(self._member, service, operation, **given)
        self._changed = True
        return answer

    def _taken(self, operation: str, name: str, **given: Any) -> bool:
        """Whether RDS took it; `False`: it is at work on something, and is asked again."""
        try:
            self._change("rds", operation, DBInstanceIdentifier=name, **given)
        except Refused as error:
            if error.code in INVALID_STATE:
                return False
            raise
        return True

    def _until(self, look: Callable[[], Judgment], name: str, operation: str, **given: Any) -> None:
        """Ask once, as soon as the instance is available and unless it is done; then wait for its end."""
        asked = False

        def once() -> Judgment:
            nonlocal asked
            seen = look()
            if seen.progress is not Progress.UNDER_WAY or asked:
                return seen
            now = self._api.instance(self._member, name)
            if now is None:
                return seen
            if ended_badly(status_of(now)):
                return Judgment(Progress.FAILED, f"{name} is {status_of(now)}")
            if status_of(now) == AVAILABLE:
                asked = self._taken(operation, name, **given)
            return seen

        self._finish(once)

    def _finish(self, look: Callable[[], Judgment]) -> None:
        seen = self._wait(look, max(0.0, self._ends - self._api.clock.monotonic()))
        if seen.progress is Progress.DONE:
            return
        if seen.progress is Progress.FAILED:
            if not self._changed:
                raise StepRefused(f"{self._member.name} cannot be rebuilt: {seen.shown}")
            raise RebuildFailed(self._member.name, seen.shown)
        raise RebuildFailed(self._member.name, f"not done in time: {seen.shown}")

    def _wait(self, look: Callable[[], Judgment], seconds: float) -> Judgment:
        def checked() -> Judgment:
            self._check()
            return look()

        clock, sleep = self._api.clock, self._api.sleep
        return wait_for(checked, seconds=seconds, clock=clock, sleep=sleep, poll_seconds=POLL_SECONDS)
