"""RDS and KMS, asked about snapshots in one region or another."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast, final

from seawall.errors import InvalidInput, StepRefused
from seawall.topology import Member
from seawall_ops.failover.plans.rds_api import RdsApi, Refused
from seawall_ops.failover.plans.rds_waiting import ARN, region_of
from seawall_ops.recovery.snapshots import Snapshot

__all__ = ["Key", "SnapshotApi", "refuse_key_of_another_region"]

NO_SNAPSHOT: Final = frozenset({"DBSnapshotNotFound", "DBSnapshotNotFoundFault"})
NO_KEY: Final = "NotFoundException"
ENABLED: Final = "Enabled"
SYMMETRIC: Final = "SYMMETRIC_DEFAULT"  # RDS encrypts with no other kind
RESTORE: Final = "restore"  # the attribute that names whom a snapshot is shared with


@dataclass(frozen=True, slots=True)
class Key:
    """A key of KMS.

    Args:
        arn: In full.
        state: KMS's word; only `Enabled` encrypts and decrypts.
        spec: Its kind.
    """

    arn: str
    state: str
    spec: str = SYMMETRIC

    @property
    def usable(self) -> bool:
        """Whether RDS can use it now."""
        return self.state == ENABLED and self.spec == SYMMETRIC

    @property
    def shown(self) -> str:
        """In one line."""
        return f"{self.arn} is {self.state}" + ("" if self.spec == SYMMETRIC else f" and {self.spec}, not symmetric")


def refuse_key_of_another_region(key: str, region: str) -> None:
    """A key by its ARN says where it is; `SnapshotApi.key` is asked about the rest.

    Raises:
        InvalidInput: It is in another region.
    """
    if key.startswith(ARN) and region_of(key) != region:
        raise InvalidInput(
            "--kms-key", key, allowed=f"a key of {region}", because="a copy is encrypted where it goes to"
        )


@final
@dataclass(frozen=True, slots=True)
class SnapshotApi:
    """Asks and changes snapshots; each call names its region.

    All methods raise `MemberUnreachable` where there was no answer, and `StepRefused` where AWS said no.

    Args:
        rds: How AWS is asked.
    """

    rds: RdsApi

    def instance(self, region: str, identifier: str) -> Mapping[str, Any] | None:
        """RDS's description; `None`: there is none. Instances of a cluster are refused: their snapshots are the cluster's."""
        return self.rds.instance(_in(region), identifier)

    def find(self, region: str, name: str) -> Snapshot | None:
        """The snapshot of that name; `None`: there is none."""
        try:
            found = self.rds.ask(_in(region), "rds", "DescribeDBSnapshots", DBSnapshotIdentifier=name)["DBSnapshots"]
        except Refused as error:
            if error.code in NO_SNAPSHOT:
                return None
            raise
        return Snapshot.of(region, found[0]) if found else None

    def existing(self, region: str, name: str) -> Snapshot:
        """One that has to be there, and to be this tool's own.

        Raises:
            StepRefused: Also where it is not.
        """
        found = self.find(region, name)
        if found is None:
            raise StepRefused(f"there is no snapshot {name} in {region}")
        if not found.ours:
            raise StepRefused(f"{name} in {region} was not made by `seawall snapshot`: it is left to whoever made it")
        return found

    def every(self, region: str) -> list[Snapshot]:
        """All manual snapshots of the region, whoever made them."""
        said = self.rds.every(_in(region), "rds", "DescribeDBSnapshots", "DBSnapshots", SnapshotType="manual")
        return [Snapshot.of(region, each) for each in said]

    def shared_with(self, region: str, name: str) -> tuple[str, ...] | None:
        """Accounts that may restore it; `all`: everybody; `None`: there is none of that name."""
        try:
            said = self.rds.ask(_in(region), "rds", "DescribeDBSnapshotAttributes", DBSnapshotIdentifier=name)
        except Refused as error:
            if error.code in NO_SNAPSHOT:
                return None
            raise
        attributes = cast(
            "list[Mapping[str, Any]]", said["DBSnapshotAttributesResult"].get("DBSnapshotAttributes") or []
        )
        named = [each for each in attributes if each.get("AttributeName") == RESTORE]
        return tuple(str(account) for each in named for account in each.get("AttributeValues") or ())

    def key(self, region: str, key: str) -> Key | None:
        """A key by its ARN, id or alias; `None`: there is none in that region."""
        try:
            said = self.rds.ask(_in(region), "kms", "DescribeKey", KeyId=key)["KeyMetadata"]
        except Refused as error:
            if error.code == NO_KEY:
                return None
            raise
        return Key(str(said["Arn"]), str(said.get("KeyState", "unknown")), str(said.get("KeySpec", SYMMETRIC)))

    def create(self, region: str, instance: str, name: str, tags: Mapping[str, str]) -> None:
        """Begin a snapshot."""
        self.rds.ask(
            _in(region),
            "rds",
            "CreateDBSnapshot",
            DBInstanceIdentifier=instance,
            DBSnapshotIdentifier=name,
            Tags=_listed(tags),
        )

    def copy(self, source: Snapshot, region: str, name: str, tags: Mapping[str, str], kms_key: str | None) -> None:
        """Begin a copy, asked for where it goes to. Tags are given one by one: `CopyTags` would copy a drill's mark."""
        given: dict[str, Any] = {} if kms_key is None else {"KmsKeyId": kms_key}
        if source.region != region:
            given["SourceRegion"] = source.region
        self.rds.ask(
            _in(region),
            "rds",
            "CopyDBSnapshot",
            SourceDBSnapshotIdentifier=source.arn,
            TargetDBSnapshotIdentifier=name,
            Tags=_listed(tags),
            **given,
        )

    def delete(self, region: str, name: str) -> None:
        """Begin to delete one. One that is not there is left at that."""
        try:
            self.rds.ask(_in(region), "rds", "DeleteDBSnapshot", DBSnapshotIdentifier=name)
        except Refused as error:
            if error.code not in NO_SNAPSHOT:
                raise


def _in(region: str) -> Member:
    """A region, in the form in which `RdsApi` is asked; errors name it."""
    return Member(name=f"rds.{region}", region=region, identifier="snapshots", host=f"rds.{region}")


def _listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
