"""Look at an AWS account. Reads only; what is not asked for here is not seen.

Needs `route53:ListHostedZones`, `ListResourceRecordSets`, `ListHealthChecks`; in each region `rds:DescribeDBInstances`,
`DescribeDBSubnetGroups`, `DescribeDBParameters`, `cloudwatch:DescribeAlarms`, `backup:ListBackupVaults` and
`ListBackupPlans`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, cast

from seawall_ops.adopt.dns import ROUTE53_REGION, balancer_region, zone_of
from seawall_ops.adopt.observed import (
    Alarm,
    BackupObject,
    Check,
    Estate,
    Instance,
    Record,
    Target,
    Zone,
    plain_name,
)
from seawall_ops.clients import asking, client

__all__ = ["look_at_account"]

POLICIES: Final = {
    "Failover": "failover",
    "Weight": "weighted",
    "Region": "latency",
    "GeoLocation": "geolocation",
    "GeoProximityLocation": "geoproximity",
    "CidrRoutingConfig": "ip-based",
    "MultiValueAnswer": "multivalue",
}
AWS_VAULTS: Final = ("Default", "aws/")  # made by AWS itself: beginnings of names

MakeClient = Callable[..., Any]


def look_at_account(name: str, regions: Sequence[str], make_client: MakeClient = client) -> Estate:
    """See all that an adoption of a name may concern.

    Args:
        name: The failover name.
        regions: Where to look for databases and alarms, beside where the name's load balancers are.
        make_client: `seawall_ops.clients.client`, or a test's own.

    Raises:
        CloudUnavailable: AWS could not be asked.
        InvalidInput: No public zone holds the name.
    """
    route53 = make_client("route53", ROUTE53_REGION)
    zones = tuple(_zone(zone) for zone in _pages(route53, "list_hosted_zones", "HostedZones"))
    wanted = [zone_of(name, zones), *(zone for zone in zones if zone.private)]
    records = tuple(
        _record(zone.id, record)
        for zone in wanted
        for record in _pages(route53, "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=zone.id)
    )
    checks = tuple(_check(check) for check in _pages(route53, "list_health_checks", "HealthChecks"))
    of_balancers = (balancer_region(record) for record in records if record.name == name)
    where = dict.fromkeys([*regions, *(region for region in of_balancers if region is not None)])
    instances: list[Instance] = []
    alarms: list[Alarm] = []
    backups: list[BackupObject] = []
    for region in where:
        instances += _instances(make_client("rds", region), region)
        backups += _backups(make_client("backup", region), region)
    for region in dict.fromkeys((ROUTE53_REGION, *where)):
        alarms += _alarms(make_client("cloudwatch", region), region)
    return Estate(zones, records, checks, tuple(instances), tuple(alarms), tuple(backups))


def _pages(caller: Any, operation: str, key: str, **arguments: Any) -> Iterator[dict[str, Any]]:
    """Each item of all pages."""
    with asking(operation):
        for page in caller.get_paginator(operation).paginate(**arguments):
            yield from cast("Iterable[dict[str, Any]]", page.get(key, []))


def _zone(zone: dict[str, Any]) -> Zone:
    private = bool(zone.get("Config", {}).get("PrivateZone"))
    return Zone(zone["Id"].rpartition("/")[2], plain_name(zone["Name"]), private)


def _record(zone_id: str, record: dict[str, Any]) -> Record:
    alias = record.get("AliasTarget")
    failover = record.get("Failover")
    return Record(
        zone_id,
        plain_name(record["Name"]),
        record["Type"],
        next((policy for key, policy in POLICIES.items() if _says(record.get(key))), "simple"),
        record.get("SetIdentifier"),
        failover.lower() if failover else None,
        record.get("TTL"),
        tuple(value["Value"] for value in record.get("ResourceRecords", [])),
        Target(plain_name(alias["DNSName"]), alias["HostedZoneId"], bool(alias.get("EvaluateTargetHealth")))
        if alias
        else None,
        record.get("HealthCheckId"),
    )


def _says(value: object) -> bool:
    """A weight of 0 is a weight."""
    return value is not None and value is not False


def _check(check: dict[str, Any]) -> Check:
    config = check["HealthCheckConfig"]
    return Check(
        check["Id"],
        config["Type"],
        plain_name(config["FullyQualifiedDomainName"]) if config.get("FullyQualifiedDomainName") else None,
        config.get("IPAddress"),
        config.get("Port"),
        config.get("ResourcePath"),
        config.get("SearchString"),
        config.get("RequestInterval"),
        config.get("FailureThreshold"),
        tuple(config.get("Regions", [])),
        bool(config.get("MeasureLatency")),
        bool(config.get("Inverted")),
        bool(config.get("Disabled")),
        bool(config.get("EnableSNI", True)),
    )


def _instances(rds: Any, region: str) -> Iterator[Instance]:
    groups = {
        group["DBSubnetGroupName"]: group["DBSubnetGroupArn"]
        for group in _pages(rds, "describe_db_subnet_groups", "DBSubnetGroups")
    }
    for instance in _pages(rds, "describe_db_instances", "DBInstances"):
        parameter_group = next((one["DBParameterGroupName"] for one in instance.get("DBParameterGroups", [])), None)
        endpoint: dict[str, Any] = instance.get("Endpoint") or {}
        group: dict[str, Any] = instance.get("DBSubnetGroup") or {}
        source = instance.get("ReadReplicaSourceDBInstanceIdentifier")
        yield Instance(
            identifier=instance["DBInstanceIdentifier"],
            region=region,
            engine=instance["Engine"],
            engine_version=instance["EngineVersion"],
            instance_class=instance["DBInstanceClass"],
            status=instance["DBInstanceStatus"],
            storage_gib=int(instance["AllocatedStorage"]),
            storage_limit_gib=instance.get("MaxAllocatedStorage"),
            storage_type=instance.get("StorageType", ""),
            multi_az=bool(instance.get("MultiAZ")),
            encrypted=bool(instance.get("StorageEncrypted")),
            kms_key_arn=instance.get("KmsKeyId"),
            host=endpoint.get("Address"),
            port=endpoint.get("Port"),
            username=instance.get("MasterUsername"),
            database_name=instance.get("DBName"),
            password_managed="MasterUserSecret" in instance,
            subnet_group_arn=groups.get(group.get("DBSubnetGroupName", "")),
            security_group_ids=tuple(one["VpcSecurityGroupId"] for one in instance.get("VpcSecurityGroups", [])),
            parameter_group_name=parameter_group,
            max_connections=_max_connections(rds, parameter_group),
            backup_retention_days=int(instance.get("BackupRetentionPeriod", 0)),
            publicly_accessible=bool(instance.get("PubliclyAccessible")),
            source=source.rpartition(":")[2] if source else None,
            cluster=instance.get("DBClusterIdentifier"),
        )


def _max_connections(rds: Any, parameter_group: str | None) -> int | None:
    """As somebody set it; `None` where RDS computes it from the instance's memory."""
    if parameter_group is None or parameter_group.startswith("default."):
        return None
    parameters = _pages(
        rds, "describe_db_parameters", "Parameters", DBParameterGroupName=parameter_group, Source="user"
    )
    for parameter in parameters:
        value = str(parameter.get("ParameterValue", ""))
        if parameter["ParameterName"] == "max_connections" and value.isdecimal():
            return int(value)
    return None


def _alarms(cloudwatch: Any, region: str) -> Iterator[Alarm]:
    kinds = ["MetricAlarm", "CompositeAlarm"]
    with asking("cloudwatch DescribeAlarms"):
        for page in cloudwatch.get_paginator("describe_alarms").paginate(AlarmTypes=kinds):
            for alarm in page.get("MetricAlarms", []):
                dimensions = tuple((one["Name"], one["Value"]) for one in alarm.get("Dimensions", []))
                yield Alarm(
                    alarm["AlarmName"],
                    region,
                    alarm.get("Namespace"),
                    alarm.get("MetricName"),
                    dimensions,
                    tuple(alarm.get("AlarmActions", [])),
                )
            for alarm in page.get("CompositeAlarms", []):
                yield Alarm(
                    alarm["AlarmName"],
                    region,
                    actions=tuple(alarm.get("AlarmActions", [])),
                    rule=alarm.get("AlarmRule"),
                )


def _backups(backup: Any, region: str) -> Iterator[BackupObject]:
    for vault in _pages(backup, "list_backup_vaults", "BackupVaultList"):
        if not vault["BackupVaultName"].startswith(AWS_VAULTS):
            yield BackupObject("vault", vault["BackupVaultName"], region)
    for plan in _pages(backup, "list_backup_plans", "BackupPlansList"):
        yield BackupObject("plan", plan["BackupPlanName"], region)
