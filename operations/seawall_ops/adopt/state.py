"""Look at an export of a Pulumi state (`pulumi stack export`): what another program declared. Secrets are not read."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from seawall.errors import InvalidInput
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

__all__ = ["look_at_state", "resources_of"]

STATE_VERSIONS: Final = (3, 4)
POLICIES: Final = {
    "failoverRoutingPolicies": "failover",
    "weightedRoutingPolicies": "weighted",
    "latencyRoutingPolicies": "latency",
    "geolocationRoutingPolicies": "geolocation",
    "geoproximityRoutingPolicy": "geoproximity",
    "cidrRoutingPolicy": "ip-based",
    "multivalueAnswerRoutingPolicy": "multivalue",
}
TERRAFORM: Final = "terraform_version"

Properties = Mapping[str, Any]


def resources_of(text: str, name: str) -> list[dict[str, Any]]:
    """The resources of an exported state.

    Args:
        text: The file's content.
        name: What messages call it.

    Raises:
        InvalidInput: It is no such export.
    """
    allowed = "the output of: pulumi stack export"
    try:
        content: Any = json.loads(text)
    except ValueError:
        raise InvalidInput(name, "no JSON", allowed=allowed) from None
    if isinstance(content, dict) and TERRAFORM in content:
        raise InvalidInput(name, "a Terraform state", allowed=allowed, because="look at the account instead")
    known: Any = cast("dict[str, Any]", content) if isinstance(content, dict) else {}
    if known.get("version") not in STATE_VERSIONS or not isinstance(known.get("deployment"), dict):
        raise InvalidInput(name, "another JSON document", allowed=allowed)
    resources = cast("list[dict[str, Any]]", known["deployment"].get("resources") or [])
    return [resource for resource in resources if not resource.get("delete")]


def look_at_state(text: str, name: str = "state") -> Estate:
    """See what a state holds of what an adoption may concern.

    Args:
        text: The file's content.
        name: What messages call it.

    Raises:
        InvalidInput: It is no such export.
    """
    resources = resources_of(text, name)
    groups = {
        (str(outputs.get("name")), _region(outputs)): str(outputs.get("arn"))
        for _, outputs in _of(resources, "aws:rds/subnetGroup:SubnetGroup")
    }
    zones: list[Zone] = []
    owners: list[tuple[str, str]] = []
    records: list[Record] = []
    checks: list[Check] = []
    instances: list[Instance] = []
    for urn, outputs in _of(resources, "aws:route53/zone:Zone"):
        zones.append(Zone(_text(outputs, "zoneId") or "", plain_name(outputs["name"]), bool(outputs.get("vpcs"))))
        owners.append((zones[-1].id, urn))
    for urn, outputs in _of(resources, "aws:route53/record:Record"):
        records.append(_record(outputs))
        owners.append((records[-1].import_id, urn))
    for urn, outputs in _of(resources, "aws:route53/healthCheck:HealthCheck"):
        checks.append(_check(outputs))
        owners.append((checks[-1].id, urn))
    for urn, outputs in _of(resources, "aws:rds/instance:Instance"):
        instances.append(_instance(outputs, groups))
        owners.append((instances[-1].identifier, urn))
    alarms = [_alarm(outputs) for _, outputs in _of(resources, "aws:cloudwatch/metricAlarm:MetricAlarm")]
    for _, outputs in _of(resources, "aws:cloudwatch/compositeAlarm:CompositeAlarm"):
        actions = _texts(outputs, "alarmActions")
        alarms.append(Alarm(outputs["alarmName"], _region(outputs), actions=actions, rule=_text(outputs, "alarmRule")))
    backups = [
        BackupObject(kind, outputs["name"], _region(outputs))
        for kind in ("vault", "plan")
        for _, outputs in _of(resources, f"aws:backup/{kind}:{kind.capitalize()}")
    ]
    return Estate(
        tuple(zones),
        tuple(records),
        tuple(checks),
        tuple(instances),
        tuple(alarms),
        tuple(backups),
        tuple(owners),
    )


def _of(resources: Sequence[Properties], type_: str) -> Iterator[tuple[str, Properties]]:
    """URN and outputs of each resource of a type; an id beside them, for where an output has none."""
    for resource in resources:
        if resource.get("type") == type_:
            outputs = cast("Properties", resource.get("outputs") or {})
            yield str(resource.get("urn")), {"id": resource.get("id"), **outputs}


def _text(outputs: Properties, key: str) -> str | None:
    """A text output; what is empty, or kept as a secret, counts as absent."""
    value = outputs.get(key)
    return value if isinstance(value, str) and value else None


def _number(outputs: Properties, key: str) -> int | None:
    """A whole number above 0; the provider writes 0 for what is not set."""
    value = outputs.get(key)
    return int(value) if isinstance(value, int | float) and value else None


def _texts(outputs: Properties, key: str) -> tuple[str, ...]:
    return tuple(str(value) for value in cast("Sequence[Any]", outputs.get(key) or []))


def _region(outputs: Properties) -> str:
    """Of the resource itself, or of its ARN."""
    arn = _text(outputs, "arn")
    return _text(outputs, "region") or (arn.split(":")[3] if arn else "")


def _record(outputs: Properties) -> Record:
    aliases = cast("Sequence[Properties]", outputs.get("aliases") or [])
    failovers = cast("Sequence[Properties]", outputs.get("failoverRoutingPolicies") or [])
    return Record(
        str(outputs["zoneId"]),
        plain_name(_text(outputs, "fqdn") or outputs["name"]),
        outputs["type"],
        next((policy for key, policy in POLICIES.items() if outputs.get(key)), "simple"),
        _text(outputs, "setIdentifier"),
        str(failovers[0]["type"]).lower() if failovers else None,
        None if aliases else _number(outputs, "ttl"),
        _texts(outputs, "records"),
        Target(plain_name(aliases[0]["name"]), aliases[0]["zoneId"], bool(aliases[0].get("evaluateTargetHealth")))
        if aliases
        else None,
        _text(outputs, "healthCheckId"),
    )


def _check(outputs: Properties) -> Check:
    fqdn = _text(outputs, "fqdn")
    return Check(
        str(outputs["id"]),
        outputs["type"],
        plain_name(fqdn) if fqdn else None,
        _text(outputs, "ipAddress"),
        _number(outputs, "port"),
        _text(outputs, "resourcePath"),
        _text(outputs, "searchString"),
        _number(outputs, "requestInterval"),
        _number(outputs, "failureThreshold"),
        _texts(outputs, "regions"),
        bool(outputs.get("measureLatency")),
        bool(outputs.get("invertHealthcheck")),
        bool(outputs.get("disabled")),
        bool(outputs.get("enableSni", True)),
    )


def _instance(outputs: Properties, groups: Mapping[tuple[str, str], str]) -> Instance:
    region = _region(outputs)
    source = _text(outputs, "replicateSourceDb")
    group = _text(outputs, "dbSubnetGroupName")
    account = (_text(outputs, "arn") or ":::::").split(":")[4]
    arn = groups.get((group, region), f"arn:aws:rds:{region}:{account}:subgrp:{group}") if group else None
    return Instance(
        identifier=outputs["identifier"],
        region=region,
        engine=outputs["engine"],
        engine_version=_text(outputs, "engineVersionActual") or outputs["engineVersion"],
        instance_class=outputs["instanceClass"],
        status=_text(outputs, "status") or "available",
        storage_gib=_number(outputs, "allocatedStorage") or 0,
        storage_limit_gib=_number(outputs, "maxAllocatedStorage"),
        storage_type=_text(outputs, "storageType") or "",
        multi_az=bool(outputs.get("multiAz")),
        encrypted=bool(outputs.get("storageEncrypted")),
        kms_key_arn=_text(outputs, "kmsKeyId"),
        host=_text(outputs, "address"),
        port=_number(outputs, "port"),
        username=_text(outputs, "username"),
        database_name=_text(outputs, "dbName"),
        password_managed=bool(outputs.get("manageMasterUserPassword")),
        subnet_group_arn=arn,
        security_group_ids=_texts(outputs, "vpcSecurityGroupIds"),
        parameter_group_name=_text(outputs, "parameterGroupName"),
        backup_retention_days=_number(outputs, "backupRetentionPeriod") or 0,
        publicly_accessible=bool(outputs.get("publiclyAccessible")),
        source=source.rpartition(":")[2] if source else None,
        cluster=None,
    )


def _alarm(outputs: Properties) -> Alarm:
    dimensions = cast("Mapping[str, str]", outputs.get("dimensions") or {})
    return Alarm(
        outputs["name"],
        _region(outputs),
        _text(outputs, "namespace"),
        _text(outputs, "metricName"),
        tuple(dimensions.items()),
        _texts(outputs, "alarmActions"),
    )
