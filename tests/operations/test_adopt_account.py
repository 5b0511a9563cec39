"""`seawall adopt`: what is asked of an account, and how the answers are read. The e2e test asks the local cloud."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from seawall.errors import CloudUnavailable
from seawall_ops.adopt.account import look_at_account

NAME = "shop.example.com"
ANSWERS: dict[tuple[str, str, str], list[dict[str, Any]]] = {
    ("route53", "us-east-1", "list_hosted_zones"): [
        {"HostedZones": [{"Id": "/hostedzone/Z1", "Name": "example.com."}]},
        {"HostedZones": [
            {"Id": "/hostedzone/Z2", "Name": "internal.", "Config": {"PrivateZone": True}},
            {"Id": "/hostedzone/Z3", "Name": "unrelated.net."},
        ]},
    ],
    ("route53", "us-east-1", "list_resource_record_sets"): [{"ResourceRecordSets": [
        {"Name": f"{NAME}.", "Type": "A", "SetIdentifier": "primary", "Failover": "PRIMARY", "HealthCheckId": "c",
         "AliasTarget": {"DNSName": "dualstack.a.eu-west-1.elb.amazonaws.com.", "HostedZoneId": "ZELB", "EvaluateTargetHealth": True}},
        {"Name": "any.example.com.", "Type": "A", "SetIdentifier": "x", "MultiValueAnswer": True, "TTL": 30,
         "ResourceRecords": [{"Value": "192.0.2.1"}]},
        {"Name": "share.example.com.", "Type": "A", "SetIdentifier": "x", "Weight": 0, "TTL": 30},
    ]}],
    ("route53", "us-east-1", "list_health_checks"): [{"HealthChecks": [
        {"Id": "c", "HealthCheckConfig": {"Type": "HTTPS", "FullyQualifiedDomainName": "EU.Example.com", "EnableSNI": False}}
    ]}],
    ("rds", "eu-west-1", "describe_db_instances"): [{"DBInstances": [{
        "DBInstanceIdentifier": "orders", "Engine": "postgres", "EngineVersion": "17.4", "DBInstanceClass": "db.r7g.large",
        "DBInstanceStatus": "creating", "AllocatedStorage": 100, "MasterUserSecret": {"SecretArn": "arn:secret"},
        "DBSubnetGroup": {"DBSubnetGroupName": "data"}, "DBParameterGroups": [{"DBParameterGroupName": "tuned"}],
    }]}],
    ("rds", "eu-west-1", "describe_db_subnet_groups"): [{"DBSubnetGroups": [{"DBSubnetGroupName": "data", "DBSubnetGroupArn": "arn:group"}]}],
    ("rds", "eu-west-1", "describe_db_parameters"): [{"Parameters": [{"ParameterName": "max_connections", "ParameterValue": "300"}]}],
    ("backup", "eu-west-1", "list_backup_vaults"): [{"BackupVaultList": [
        {"BackupVaultName": "Default"}, {"BackupVaultName": "aws/efs/automatic-backup-vault"}, {"BackupVaultName": "old"}
    ]}],
    ("backup", "eu-west-1", "list_backup_plans"): [{"BackupPlansList": [{"BackupPlanName": "nightly"}]}],
    ("cloudwatch", "us-east-1", "describe_alarms"): [{"CompositeAlarms": [{"AlarmName": "both", "AlarmRule": "ALARM(a)"}]}],
}  # fmt: skip


class Client:
    """Answers from the table, page by page, and counts what it was asked."""

    def __init__(self, service: str, region: str | None, asked: list[tuple[str, str, str, str]]) -> None:
        self._key, self._asked = (service, str(region)), asked

    def get_paginator(self, operation: str) -> Any:
        return _Paginator((*self._key, operation), self._asked)


class _Paginator:
    def __init__(self, key: tuple[str, str, str], asked: list[tuple[str, str, str, str]]) -> None:
        self._key, self._asked = key, asked

    def paginate(self, **arguments: Any) -> Iterator[dict[str, Any]]:
        self._asked.append((*self._key, str(next(iter(arguments.values()), ""))))
        if arguments.get("HostedZoneId") == "Z2":
            return iter(())
        return iter(ANSWERS.get(self._key, [{}]))


def test_pages_policies_and_groups_are_read_and_other_zones_are_not():
    """Only the name's own zone and private ones are listed; the region comes from the load balancer's name."""
    asked: list[tuple[str, str, str, str]] = []
    estate = look_at_account(NAME, [], lambda service, region: Client(service, region, asked))
    listed = [what for *_, operation, what in asked if operation == "list_resource_record_sets"]
    assert listed == ["Z1", "Z2"]
    assert {region for _, region, *_ in asked} == {"us-east-1", "eu-west-1"}
    assert [record.policy for record in estate.records] == ["failover", "multivalue", "weighted"]
    assert estate.records[0].alias is not None
    assert estate.records[0].alias.dns_name == "dualstack.a.eu-west-1.elb.amazonaws.com"
    assert (estate.checks[0].fqdn, estate.checks[0].sends_name) == ("eu.example.com", False)
    (instance,) = estate.instances
    assert (instance.password_managed, instance.subnet_group_arn, instance.max_connections) == (True, "arn:group", 300)
    assert [(one.kind, one.name) for one in estate.backups] == [("vault", "old"), ("plan", "nightly")]
    assert [alarm.rule for alarm in estate.alarms] == ["ALARM(a)"]


def test_what_the_account_refuses_is_one_error_of_ours():
    """A missing permission names the call."""

    class Denied:
        def get_paginator(self, operation: str) -> Any:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, operation)

    with pytest.raises(CloudUnavailable, match=r"list_hosted_zones\): AccessDenied: no"):
        look_at_account(NAME, [], lambda service, region: Denied())
