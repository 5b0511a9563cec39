"""RDS as `fake_rds`, where instances are renamed, modified and replicated, too; and what belongs to that of EC2 and KMS."""

from dataclasses import dataclass, field
from typing import Any

from fake_rds import ACCOUNT, FakeAws, aws_error
from fake_rds_pair import AWAY, HOME, REBOOT

KEY = f"arn:aws:kms:{HOME}:123456789012:key/one"
OPEN = [{"VpcSecurityGroupId": "sg-1", "Status": "active"}, {"VpcSecurityGroupId": "sg-2", "Status": "active"}]


@dataclass
class RebuildingAws(FakeAws):
    """An account in which replicas are made. What a call brings about comes after `takes_seconds`."""

    takes_seconds: float = 40.0
    groups: list[dict[str, Any]] = field(default_factory=list)
    quotas: dict[str, tuple[int, int]] = field(default_factory=lambda: {"DBInstances": (2, 40)})
    """By name: used, and the most."""
    creation_ends: str = "available"
    made: list[dict[str, Any]] = field(default_factory=list)
    """The parameters of every replica."""

    def _on_addtagstoresource(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        instance = self._instance(region, given["ResourceName"].rpartition(":")[2])
        new = {each["Key"] for each in given["Tags"]}
        instance["TagList"] = [each for each in instance.get("TagList", []) if each["Key"] not in new] + given["Tags"]
        return {}

    def _on_modifydbinstance(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        name = given["DBInstanceIdentifier"]
        instance = self._instance(region, name)
        if instance["DBInstanceStatus"] != "available":
            raise aws_error("InvalidDBInstanceState", "ModifyDBInstance")
        after: dict[str, Any] = {"DBInstanceStatus": "available"}
        if "VpcSecurityGroupIds" in given:
            after["VpcSecurityGroups"] = [
                {"VpcSecurityGroupId": each, "Status": "active"} for each in given["VpcSecurityGroupIds"]
            ]
        if "DBParameterGroupName" in given:
            after["DBParameterGroups"] = [
                {"DBParameterGroupName": given["DBParameterGroupName"], "ParameterApplyStatus": "pending-reboot"}
            ]
        after |= {key: given[key] for key in ("DeletionProtection", "PreferredMaintenanceWindow") if key in given}
        new = given.get("NewDBInstanceIdentifier")
        if new is not None:
            if (region, new) in self.instances:
                raise aws_error("DBInstanceAlreadyExists", "ModifyDBInstance")
            after["DBInstanceIdentifier"] = new
            after["DBInstanceArn"] = f"arn:aws:rds:{region}:{ACCOUNT}:db:{new}"
        # It begins late: what is said of it right after the call is from before.
        self.script(
            "ModifyDBInstance",
            (self.takes_seconds / 4, {"DBInstanceStatus": "modifying" if new is None else "renaming"}),
            (self.takes_seconds, after),
        )
        self._follow("ModifyDBInstance", instance)
        return {"DBInstance": dict(instance)}

    def _settle(self) -> None:
        super()._settle()
        self.instances = {(region, each["DBInstanceIdentifier"]): each for (region, _), each in self.instances.items()}
        for each in self.instances.values():
            if each["DBInstanceStatus"] == "rebooting":
                for group in each.get("DBParameterGroups", ()):
                    group["ParameterApplyStatus"] = "in-sync"

    def _on_createdbinstancereadreplica(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        name = given["DBInstanceIdentifier"]
        if (region, name) in self.instances:
            raise aws_error("DBInstanceAlreadyExists", "CreateDBInstanceReadReplica")
        self.made.append(given)
        group = given["DBSubnetGroupName"]
        found = [each["DBSubnetGroup"] for (place, _), each in self.instances.items() if place == region]
        told = ("DBInstanceClass", "MultiAZ", "DeletionProtection", "StorageType", "KmsKeyId")
        instance = self.add(
            name,
            region,
            [],
            DBInstanceStatus="creating",
            DBSubnetGroup=next(each for each in found if each["DBSubnetGroupName"] == group),
            DbiResourceId=f"db-{len(self.made)}",
            BackupRetentionPeriod=0,
            TagList=given["Tags"],
            VpcSecurityGroups=[
                {"VpcSecurityGroupId": each, "Status": "active"} for each in given["VpcSecurityGroupIds"]
            ],
            DBParameterGroups=[{"DBParameterGroupName": "default.postgres17", "ParameterApplyStatus": "in-sync"}],
            **{key: given[key] for key in told if key in given},
        )
        source = given["SourceDBInstanceIdentifier"]
        self.script(
            "CreateDBInstanceReadReplica",
            (self.takes_seconds, {"ReadReplicaSourceDBInstanceIdentifier": source}),
            (2 * self.takes_seconds, {"DBInstanceStatus": self.creation_ends}),
        )
        self._follow("CreateDBInstanceReadReplica", instance)
        return {"DBInstance": dict(instance)}

    def _on_describeaccountattributes(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        del region, given
        return {
            "AccountQuotas": [
                {"AccountQuotaName": name, "Used": used, "Max": most} for name, (used, most) in self.quotas.items()
            ]
        }

    def _on_describekey(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        del region
        return {"KeyMetadata": {"KeyId": given["KeyId"], **self.keys[given["KeyId"]]}}

    def _on_describesecuritygroups(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        wanted = {each["Name"]: each["Values"] for each in given["Filters"]}
        return {
            "SecurityGroups": [
                each
                for each in self.groups
                if each["region"] == region
                and each["VpcId"] in wanted["vpc-id"]
                and each["GroupName"] in wanted["group-name"]
            ]
        }

    def _on_createsecuritygroup(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        if any((each["VpcId"], each["GroupName"]) == (given["VpcId"], given["GroupName"]) for each in self.groups):
            raise aws_error("InvalidGroup.Duplicate", "CreateSecurityGroup")
        group = {
            "GroupId": f"sg-made-{len(self.groups)}",
            "GroupName": given["GroupName"],
            "VpcId": given["VpcId"],
            "IpPermissions": [],
            "region": region,
        }
        self.groups.append(group)
        return {"GroupId": group["GroupId"]}


def account() -> RebuildingAws:
    """A fenced old writer in one region, and the writer that has replaced it in another."""
    made = RebuildingAws()
    common = {"MasterUsername": "shop", "DBName": "shop", "StorageEncrypted": True, "AllocatedStorage": 100}
    made.add(
        "shop-ireland",
        HOME,
        ["subnet-1"],
        **common,
        DBSubnetGroup={
            "DBSubnetGroupName": "data",
            "VpcId": "vpc-1",
            "Subnets": [{"SubnetIdentifier": "subnet-1"}],
        },
        DBInstanceClass="db.r6g.large",
        VpcSecurityGroups=OPEN,
        DBParameterGroups=[{"DBParameterGroupName": "shop-17", "ParameterApplyStatus": "in-sync"}],
        OptionGroupMemberships=[{"OptionGroupName": "default:postgres-17", "Status": "in-sync"}],
        KmsKeyId=KEY,
        StorageType="gp3",
        Iops=3000,
        StorageThroughput=125,
        MaxAllocatedStorage=500,
        MultiAZ=True,
        MonitoringInterval=60,
        MonitoringRoleArn="arn:aws:iam::123456789012:role/monitoring",
        PerformanceInsightsEnabled=True,
        PerformanceInsightsKMSKeyId=KEY,
        PerformanceInsightsRetentionPeriod=7,
        CACertificateIdentifier="rds-ca-rsa2048-g1",
        EnabledCloudwatchLogsExports=["postgresql"],
        DeletionProtection=False,
        IAMDatabaseAuthenticationEnabled=True,
        AutoMinorVersionUpgrade=True,
        PubliclyAccessible=False,
        CopyTagsToSnapshot=True,
        PreferredMaintenanceWindow="sun:03:00-sun:04:00",
        TagList=[{"Key": "team", "Value": "shop"}, {"Key": "aws:cloudformation:stack-id", "Value": "x"}],
    )
    made.add("shop-frankfurt", AWAY, ["subnet-3"], **common, KmsKeyId=KEY.replace(HOME, AWAY))
    made.add_acl("acl-1", HOME, ["subnet-1"])
    made.keys[KEY] = {"KeyState": "Enabled"}
    made.lags["shop-ireland"] = [(30.0, 2.5)]
    made.script("RebootDBInstance", *REBOOT)
    return made
