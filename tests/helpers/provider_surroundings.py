"""What samples of AWS types stand on in the local cloud: zones, networks, roles, vaults."""

import re
import uuid
from typing import Any

from localcloud.provider.clients import Clients

TRUST = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"},'
    ' "Action": "sts:AssumeRole"}]}'
)
ALLOWS = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ssm:GetParameter",'
    ' "Resource": "arn:aws:ssm:us-east-1:123456789012:parameter/shop"}]}'
)


class Surroundings:
    """What samples stand on, made when one asks for it and for one test only: a zone, a check, a network, ..."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._made: dict[str, str] = {}
        self.name = f"s{uuid.uuid4().hex[:8]}"

    def get(self, name: str) -> str:
        if name == "name":
            return self.name
        if name not in self._made:
            is_subnet = name in ("subnet_a", "subnet_b", "subnet_c")
            self._made[name] = self._subnet(name[-1]) if is_subnet else getattr(self, f"_{name}")()
        return self._made[name]

    @staticmethod
    def pretended(value: Any) -> Any:
        """The sample with a word in place of `{zone}` and the like, for what asks no server."""
        if isinstance(value, str):
            return re.sub(r"\{(\w+)\}", "pretended", value)
        if isinstance(value, dict):
            return {key: Surroundings.pretended(item) for key, item in value.items()}
        return [Surroundings.pretended(item) for item in value] if isinstance(value, list) else value

    def filled(self, value: Any) -> Any:
        """The sample with `{zone}` and the like replaced."""
        if isinstance(value, str):
            return re.sub(r"\{(\w+)\}", lambda match: self.get(match[1]), value)
        if isinstance(value, dict):
            return {key: self.filled(item) for key, item in value.items()}
        return [self.filled(item) for item in value] if isinstance(value, list) else value

    def _zone_name(self) -> str:
        return f"{self.name}.test"

    def _zone(self) -> str:
        route53 = self._clients.get("route53", "us-east-1")
        made = route53.create_hosted_zone(Name=self.get("zone_name"), CallerReference=self.name)
        return made["HostedZone"]["Id"].rsplit("/", 1)[-1]

    def _check(self) -> str:
        configuration = {
            "Type": "TCP", "FullyQualifiedDomainName": "a.test", "Port": 443, "RequestInterval": 10,
            "FailureThreshold": 3,
        }  # fmt: skip
        route53 = self._clients.get("route53", "us-east-1")
        return route53.create_health_check(CallerReference=self.name, HealthCheckConfig=configuration)["HealthCheck"][
            "Id"
        ]

    def _vpc(self) -> str:
        return self._clients.get("ec2", "us-east-1").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]

    def _group(self, name: str = "group") -> str:
        ec2 = self._clients.get("ec2", "us-east-1")
        return ec2.create_security_group(GroupName=name, Description="x", VpcId=self.get("vpc"))["GroupId"]

    def _other_group(self) -> str:
        return self._group("other")

    def _subnet(self, zone: str) -> str:
        block = {"a": "10.0.1.0/24", "b": "10.0.2.0/24", "c": "10.0.3.0/24"}[zone]
        made = self._clients.get("ec2", "us-east-1").create_subnet(
            VpcId=self.get("vpc"), CidrBlock=block, AvailabilityZone=f"us-east-1{zone}"
        )
        return made["Subnet"]["SubnetId"]

    def _subnet_group(self) -> str:
        subnets = [self.get("subnet_a"), self.get("subnet_b")]
        name = f"group-{self.name}"
        self._clients.get("rds", "us-east-1").create_db_subnet_group(
            DBSubnetGroupName=name, DBSubnetGroupDescription="x", SubnetIds=subnets
        )
        return name

    def _parameter_group(self) -> str:
        name = f"parameters-{self.name}"
        self._clients.get("rds", "us-east-1").create_db_parameter_group(
            DBParameterGroupName=name, DBParameterGroupFamily="postgres17", Description="x"
        )
        return name

    def _key(self) -> str:
        return self._clients.get("kms", "us-east-1").create_key()["KeyMetadata"]["Arn"]

    _other_key = _key

    def _role(self) -> str:
        iam = self._clients.get("iam", "us-east-1")
        return iam.create_role(RoleName=f"role-{self.name}", AssumeRolePolicyDocument=TRUST)["Role"]["RoleName"]

    def _policy(self) -> str:
        iam = self._clients.get("iam", "us-east-1")
        return iam.create_policy(PolicyName=f"policy-{self.name}", PolicyDocument=ALLOWS)["Policy"]["Arn"]

    def _bucket(self) -> str:
        self._clients.get("s3", "us-west-2").create_bucket(
            Bucket=f"bucket-{self.name}", CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
        )
        return f"bucket-{self.name}"

    def _private_zone(self) -> str:
        ec2 = self._clients.get("ec2", "us-east-1")
        vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        zone = self._clients.get("route53", "us-east-1").create_hosted_zone(
            Name=f"{self.name}.internal",
            CallerReference=self.name,
            VPC={"VPCId": vpc, "VPCRegion": "us-east-1"},
            HostedZoneConfig={"PrivateZone": True},
        )
        return zone["HostedZone"]["Id"].rpartition("/")[2]

    def _topic(self) -> str:
        return self._clients.get("sns", "us-east-1").create_topic(Name=self.name)["TopicArn"]

    def _vault(self) -> str:
        backup = self._clients.get("backup", "us-east-1")
        return backup.create_backup_vault(BackupVaultName=f"vault-{self.name}")["BackupVaultName"]

    def _other_vault(self) -> str:
        backup = self._clients.get("backup", "eu-west-1")
        return backup.create_backup_vault(BackupVaultName=f"vault-{self.name}")["BackupVaultArn"]

    def _plan(self) -> str:
        rule = {"RuleName": "daily", "TargetBackupVaultName": self.get("vault")}
        backup = self._clients.get("backup", "us-east-1")
        made = backup.create_backup_plan(BackupPlan={"BackupPlanName": f"plan-{self.name}", "Rules": [rule]})
        return made["BackupPlanId"]

    def _testing_plan(self) -> str:
        chosen = {"Algorithm": "LATEST_WITHIN_WINDOW", "IncludeVaults": ["*"], "RecoveryPointTypes": ["SNAPSHOT"]}
        plan = {
            "RestoreTestingPlanName": f"plan_{self.name}", "ScheduleExpression": "cron(0 9 ? * SUN *)",
            "RecoveryPointSelection": chosen,
        }  # fmt: skip
        backup = self._clients.get("backup", "us-east-1")
        return backup.create_restore_testing_plan(RestoreTestingPlan=plan)["RestoreTestingPlanName"]

    def _instance(self) -> str:
        made = self._clients.get("rds", "us-east-1").create_db_instance(
            DBInstanceIdentifier=self.name, DBInstanceClass="db.t4g.micro", Engine="postgres", AllocatedStorage=20,
            MasterUsername="shop", MasterUserPassword="hunter2hunter2", BackupRetentionPeriod=7,
        )  # fmt: skip
        return made["DBInstance"]["DBInstanceArn"]
