"""Snapshots of RDS and keys of KMS beside `fake_rds`: statuses by a script, quotas, and what RDS refuses and moto lets pass.

An operation's phases run in threads of their own: so the clients here ask whichever account was last made current.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

from fake_rds import ACCOUNT, BEGAN, Change, FakeAws, aws_error, client_of

MANUAL_QUOTA = 100  # RDS user guide, of a region
COPIES_QUOTA = 5

TAKING: Sequence[Change] = (
    (30.0, {"PercentProgress": 40}),
    (90.0, {"Status": "available", "PercentProgress": 100}),
)
DELETED_SECONDS = 20.0


@dataclass
class SnapshotAws(FakeAws):
    """An account with snapshots. Time passes only while somebody sleeps."""

    current: ClassVar["SnapshotAws | None"] = None
    made: ClassVar[dict[tuple[str, str], Any]] = {}

    snapshots: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    shared: dict[str, list[str]] = field(default_factory=dict)
    """Accounts, by the snapshot's name."""
    taking: Sequence[Change] = TAKING
    """What becomes of a new snapshot: seconds from its call, and changes; `Status` `None`: it is gone."""
    copying: Sequence[Change] = TAKING
    listed_after: float = 0.0
    manual_quota: int = MANUAL_QUOTA
    given: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    """Operation, region and parameters of each call that changes something."""

    def client(self, service: str, region: str) -> Any:
        SnapshotAws.current = self
        if (service, region) not in self.made:
            self.made[service, region] = client_of(service, region, _current)
        return self.made[service, region]

    def add_key(self, region: str, name: str = "1", **more: Any) -> str:
        """An enabled key; its ARN."""
        arn = f"arn:aws:kms:{region}:{ACCOUNT}:key/{name}"
        self.keys[arn] = {"KeyId": name, "Arn": arn, "KeyState": "Enabled", "KeySpec": "SYMMETRIC_DEFAULT", **more}
        return arn

    def add_snapshot(self, region: str, name: str, **more: Any) -> dict[str, Any]:
        """A manual one that is available, made an hour ago."""
        snapshot = {
            "DBSnapshotIdentifier": name,
            "DBSnapshotArn": f"arn:aws:rds:{region}:{ACCOUNT}:snapshot:{name}",
            "DBInstanceIdentifier": "shop",
            "Status": "available",
            "PercentProgress": 100,
            "SnapshotType": "manual",
            "SnapshotCreateTime": BEGAN - timedelta(hours=1),
            "AllocatedStorage": 20,
            "Encrypted": False,
            "TagList": [],
            "due": [],
            "listed_at": 0.0,
            **more,
        }
        self.snapshots[region, name] = snapshot
        return snapshot

    def names(self, region: str) -> list[str]:
        """Of all that is there, listed yet or not."""
        self._catch_up()
        return sorted(name for place, name in self.snapshots if place == region)

    def tags_of(self, region: str, name: str) -> dict[str, str]:
        return {each["Key"]: each["Value"] for each in self.snapshots[region, name]["TagList"]}

    # What AWS does

    def _catch_up(self) -> None:
        now = self.clock.monotonic()
        for place, snapshot in list(self.snapshots.items()):
            for at, changes in list(snapshot["due"]):
                if at <= now:
                    snapshot["due"].remove((at, changes))
                    if "Status" in changes and changes["Status"] is None:
                        del self.snapshots[place]
                        break
                    snapshot.update(changes)
                    if changes.get("Status") == "available":
                        snapshot.setdefault("SnapshotCreateTime", BEGAN + timedelta(seconds=at))

    def _begin(self, region: str, name: str, script: Sequence[Change], **more: Any) -> dict[str, Any]:
        now = self.clock.monotonic()
        snapshot = self.add_snapshot(region, name, Status="creating", PercentProgress=0, **more)
        if more.get("SnapshotCreateTime") is None:
            del snapshot["SnapshotCreateTime"]
        snapshot["due"] = [(now + after, changes) for after, changes in script]
        snapshot["listed_at"] = now + self.listed_after
        return {"DBSnapshot": _described(snapshot)}

    def _snapshot(self, region: str, name: str, operation: str) -> dict[str, Any]:
        self._catch_up()
        found = self.snapshots.get((region, name))
        if found is None or found["listed_at"] > self.clock.monotonic():
            raise aws_error("DBSnapshotNotFound", operation)
        return found

    def _refuse_new(self, region: str, name: str, operation: str) -> None:
        self._catch_up()
        if (region, name) in self.snapshots:
            raise aws_error("DBSnapshotAlreadyExists", operation)
        if sum(place == region for place, _ in self.snapshots) >= self.manual_quota:
            raise aws_error("SnapshotQuotaExceeded", operation)

    def _on_describedbsnapshots(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        if "DBSnapshotIdentifier" in given:
            found = self._snapshot(region, given["DBSnapshotIdentifier"], "DescribeDBSnapshots")
            return {"DBSnapshots": [_described(found)]}
        self._catch_up()
        return {
            "DBSnapshots": [
                _described(each)
                for (place, _), each in self.snapshots.items()
                if place == region and each["SnapshotType"] == given.get("SnapshotType", each["SnapshotType"])
            ]
        }

    def _on_createdbsnapshot(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        instance = self._instance(region, given["DBInstanceIdentifier"])
        name = given["DBSnapshotIdentifier"]
        self._refuse_new(region, name, "CreateDBSnapshot")
        if instance["DBInstanceStatus"] != "available":
            raise aws_error("InvalidDBInstanceState", "CreateDBSnapshot")
        self.given.append(("CreateDBSnapshot", region, given))
        key = instance.get("KmsKeyId")
        more = {"Encrypted": key is not None, "KmsKeyId": key, "TagList": given["Tags"]}
        return self._begin(
            region,
            name,
            self.taking,
            DBInstanceIdentifier=instance["DBInstanceIdentifier"],
            SnapshotCreateTime=None,
            **more,
        )

    def _on_copydbsnapshot(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        arn, name = given["SourceDBSnapshotIdentifier"], given["TargetDBSnapshotIdentifier"]
        source = self._snapshot(arn.split(":")[3], arn.rpartition(":")[2], "CopyDBSnapshot")
        self._refuse_new(region, name, "CopyDBSnapshot")
        if source["Status"] != "available":
            raise aws_error("InvalidDBSnapshotState", "CopyDBSnapshot")
        key = given.get("KmsKeyId")
        if source["Encrypted"] and key is None:
            raise aws_error("InvalidParameterCombination", "CopyDBSnapshot")
        if key is not None and self.keys.get(key, {}).get("KeyState") != "Enabled":
            raise aws_error("KMSKeyNotAccessibleFault", "CopyDBSnapshot")
        under_way = [
            each for (place, _), each in self.snapshots.items() if place == region and each["Status"] == "creating"
        ]
        if sum("SourceDBSnapshotIdentifier" in each for each in under_way) >= COPIES_QUOTA:
            raise aws_error("CrossRegionSnapshotCopyLimitExceeded", "CopyDBSnapshot")
        self.given.append(("CopyDBSnapshot", region, given))
        return self._begin(
            region,
            name,
            self.copying,
            DBInstanceIdentifier=source["DBInstanceIdentifier"],
            SourceDBSnapshotIdentifier=arn,
            OriginalSnapshotCreateTime=source["SnapshotCreateTime"],
            SnapshotCreateTime=None,
            Encrypted=key is not None,
            KmsKeyId=key,
            TagList=given["Tags"],
        )

    def _on_deletedbsnapshot(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        found = self._snapshot(region, given["DBSnapshotIdentifier"], "DeleteDBSnapshot")
        if found["Status"] not in ("available", "failed"):
            raise aws_error("InvalidDBSnapshotState", "DeleteDBSnapshot")
        self.given.append(("DeleteDBSnapshot", region, given))
        found["Status"] = "deleting"
        found["due"] = [(self.clock.monotonic() + DELETED_SECONDS, {"Status": None})]
        return {"DBSnapshot": _described(found)}

    def _on_describedbsnapshotattributes(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        name = given["DBSnapshotIdentifier"]
        self._snapshot(region, name, "DescribeDBSnapshotAttributes")
        attributes = [{"AttributeName": "restore", "AttributeValues": self.shared.get(name, [])}]
        return {"DBSnapshotAttributesResult": {"DBSnapshotIdentifier": name, "DBSnapshotAttributes": attributes}}

    def _on_describekey(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        found = self.keys.get(given["KeyId"])
        if found is None or f":{region}:" not in found["Arn"]:
            raise aws_error("NotFoundException", "DescribeKey")
        return {"KeyMetadata": found}


def _described(snapshot: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in snapshot.items() if key not in ("due", "listed_at") and value is not None}


def _current() -> SnapshotAws:
    assert SnapshotAws.current is not None
    return SnapshotAws.current
