"""An estate that somebody made by hand, and what `seawall adopt` says of it.

A zone with other names in it, a failover pair called after its regions, with a check on each side and an alarm on one, a
PostgreSQL writer with an encrypted replica in another region, and a private name that follows the writer.
"""

import contextlib
import copy
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from route53_zone import failover, new_check, simple
from seawall_ops import cli

HOME, AWAY = "eu-west-1", "eu-central-1"
NAME = "shop.example.com"
PASSWORD = "by-Hand-2026"


@dataclass
class Estate:
    """Ids of what was made by hand."""

    zone: str
    checks: list[str] = field(default_factory=list[str])
    topic: str = ""


def database_network(lab: Any, region: str, block: str) -> dict[str, Any]:
    """What an instance needs around it, as somebody would click it together."""
    ec2, rds, kms = (lab.client(service, region) for service in ("ec2", "rds", "kms"))
    vpc = ec2.create_vpc(CidrBlock=f"{block}.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"{block}.{place}.0/24", AvailabilityZone=f"{region}{zone}")["Subnet"]["SubnetId"]
        for place, zone in enumerate("ab")
    ]  # fmt: skip
    rds.create_db_subnet_group(DBSubnetGroupName="data", DBSubnetGroupDescription="by hand", SubnetIds=subnets)
    rds.create_db_parameter_group(
        DBParameterGroupName="tuned", DBParameterGroupFamily="postgres17", Description="by hand"
    )
    group = ec2.create_security_group(GroupName="data", Description="by hand", VpcId=vpc)["GroupId"]
    return {
        "DBSubnetGroupName": "data",
        "VpcSecurityGroupIds": [group],
        "KmsKeyId": kms.create_key(Description="by hand")["KeyMetadata"]["Arn"],
    }


def make_database(lab: Any) -> str:
    """A writer, its replica in another region, and the private name that follows it; the writer's host."""
    home, away = lab.client("rds", HOME), lab.client("rds", AWAY)
    writer = home.create_db_instance(
        DBInstanceIdentifier="orders-db", Engine="postgres", EngineVersion="17", DBInstanceClass="db.r7g.large",
        AllocatedStorage=100, StorageType="gp2", MasterUsername="owner", MasterUserPassword=PASSWORD, DBName="orders",
        BackupRetentionPeriod=14, StorageEncrypted=True, DBParameterGroupName="tuned",
        **database_network(lab, HOME, "10.1"),
    )["DBInstance"]  # fmt: skip
    away.create_db_instance_read_replica(
        DBInstanceIdentifier="orders-db-far", SourceDBInstanceIdentifier=writer["DBInstanceArn"],
        DBInstanceClass="db.r7g.large", **database_network(lab, AWAY, "10.2"),
    )  # fmt: skip
    away.modify_db_instance(DBInstanceIdentifier="orders-db-far", DBParameterGroupName="tuned")
    return writer["Endpoint"]["Address"]


def make_estate(lab: Any) -> Estate:
    """Everything by boto3, with no tag of ours."""
    route53 = lab.client("route53")
    made = route53.create_hosted_zone(Name="example.com", CallerReference="by hand")
    estate = Estate(made["HostedZone"]["Id"].rpartition("/")[2])
    estate.topic = lab.client("sns", "us-east-1").create_topic(Name="pager")["TopicArn"]
    records = [simple("www.example.com.", "192.0.2.99")]
    for role, region, address in (("PRIMARY", HOME, "203.0.113.10"), ("SECONDARY", AWAY, "198.51.100.10")):
        check = new_check(
            route53, Type="HTTPS", FullyQualifiedDomainName=f"{region}.{NAME}", ResourcePath="/up", Port=443,
            RequestInterval=30, FailureThreshold=2,
        )["Id"]  # fmt: skip
        estate.checks.append(check)
        records += [simple(f"{region}.{NAME}.", address), failover(role, check, region, address)]
    changes = [{"Action": "CREATE", "ResourceRecordSet": record} for record in records]
    route53.change_resource_record_sets(HostedZoneId=estate.zone, ChangeBatch={"Changes": changes})
    lab.client("cloudwatch", "us-east-1").put_metric_alarm(
        AlarmName="shop down", Namespace="AWS/Route53", MetricName="HealthCheckStatus", Statistic="Minimum",
        Dimensions=[{"Name": "HealthCheckId", "Value": estate.checks[0]}], Period=60, EvaluationPeriods=3,
        Threshold=1, ComparisonOperator="LessThanThreshold", AlarmActions=[estate.topic],
    )  # fmt: skip
    host = make_database(lab)
    vpc = lab.client("ec2", HOME).describe_vpcs(Filters=[{"Name": "cidr", "Values": ["10.1.0.0/16"]}])["Vpcs"][0][
        "VpcId"
    ]
    private = route53.create_hosted_zone(
        Name="orders.internal", CallerReference="private", VPC={"VPCRegion": HOME, "VPCId": vpc},
        HostedZoneConfig={"PrivateZone": True},
    )["HostedZone"]["Id"]  # fmt: skip
    record = {"Name": "db.orders.internal.", "Type": "CNAME", "TTL": 5, "ResourceRecords": [{"Value": host}]}
    route53.change_resource_record_sets(
        HostedZoneId=private, ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
    )
    return estate


@dataclass
class Adopted:
    """The estate, and what the command said of it."""

    lab: Any
    estate: Estate
    code: int
    configuration: dict[str, Any]
    text: str
    errors: str

    def edit(self, config: dict[str, Any]) -> None:
        """The dev environment becomes what was proposed; its password stays, as somebody would set one."""
        kept = {key: config[key] for key in ("seawall:database_password",)}
        config.clear()
        config.update(copy.deepcopy(self.configuration), **kept)
        config["seawall:protect"] = False


@contextlib.contextmanager
def surroundings(lab: Any, edit: Any = None) -> Iterator[Path]:
    """This process as a shell in the lab's project, over the configuration as changed by `edit`; the project's folder."""
    lab.configure(edit)
    lab.sandbox.prepare()
    with pytest.MonkeyPatch.context() as patch:
        for key, value in lab.variables().items():
            patch.setenv(key, value)
        yield lab.sandbox.project


def captured(arguments: list[str]) -> tuple[int, str, str]:
    """Exit code and both streams of the command, in this process."""
    out, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        code = cli.main(arguments)
    return code, out.getvalue(), errors.getvalue()


def adopt_by_command(lab: Any, folder: Path) -> Adopted:
    """Make the estate, run the command on it as a user would, and import what it says is to be imported."""
    init = lab.pulumi("stack", "init")  # starts the cloud too
    assert init.code == 0, init.last_lines
    estate = make_estate(lab)
    import_file = folder / "adopt-import.json"
    arguments = [
        "adopt", "--name", NAME, "--environment", "dev", "--primary-region", HOME, "--standby-region", AWAY,
        "--max-connections", "400", "--import-file", str(import_file),
    ]  # fmt: skip
    with surroundings(lab):
        code, text, errors = captured(arguments)
    adopted = Adopted(lab, estate, code, yaml.safe_load(text)["config"], text, errors)
    imported = lab.pulumi("import", "--file", str(import_file), "--generate-code=false", "--yes", edit=adopted.edit)
    assert imported.code == 0, imported.last_lines
    return adopted
