"""Route 53 health checks of all types."""

import uuid
from collections.abc import Iterator
from typing import Any, Final

from localcloud.errors import LocalCloudError
from localcloud.provider.adapter import TAGS_ALL, Adapter, Properties, as_set
from localcloud.provider.aws import tags
from localcloud.provider.clients import PARTITION, Cloud
from localcloud.provider.values import UNKNOWN
from seawall.errors import InvalidInput

ENDPOINT_TYPES: Final = ("HTTP", "HTTPS", "HTTP_STR_MATCH", "HTTPS_STR_MATCH", "TCP")
TYPES: Final = (*ENDPOINT_TYPES, "CALCULATED", "CLOUDWATCH_METRIC", "RECOVERY_CONTROL")
INTERVALS: Final = (10, 30)  # seconds
GREATEST_FAILURE_THRESHOLD: Final = 10
GREATEST_CHILD_THRESHOLD: Final = 256
MOST_CHILDREN: Final = 255
GREATEST_PORT: Final = 65_535
LONGEST_SEARCH: Final = 255  # characters
LONGEST_PATH: Final = 255  # characters
FEWEST_REGIONS: Final = 3
REGIONS: Final = (
    *("us-east-1", "us-west-1", "us-west-2", "eu-west-1"),
    *("ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "sa-east-1"),
)
INSUFFICIENT_DATA: Final = ("Healthy", "Unhealthy", "LastKnownStatus")
LONGEST_REFERENCE: Final = 27  # characters of referenceName, as in the real provider; AWS allows 64 with the rest

# Input to the API's member, by which types it goes to.
_COMMON: Final = {"disabled": "Disabled", "invertHealthcheck": "Inverted"}
_ENDPOINT: Final = {
    "enableSni": "EnableSNI",
    "failureThreshold": "FailureThreshold",
    "fqdn": "FullyQualifiedDomainName",
    "ipAddress": "IPAddress",
    "measureLatency": "MeasureLatency",
    "port": "Port",
    "regions": "Regions",
    "requestInterval": "RequestInterval",
    "resourcePath": "ResourcePath",
    "searchString": "SearchString",
}
_CALCULATED: Final = {"childHealthThreshold": "HealthThreshold", "childHealthchecks": "ChildHealthChecks"}
_ALARM: Final = {"insufficientDataHealthStatus": "InsufficientDataHealthStatus"}
_NOT_UPDATABLE: Final = ("MeasureLatency", "RequestInterval")  # a change of them replaces
_RESETTABLE: Final = {  # removed by a request of its own; nothing else can be taken away
    "ChildHealthChecks": "ChildHealthChecks",
    "FullyQualifiedDomainName": "FullyQualifiedDomainName",
    "Regions": "Regions",
    "ResourcePath": "ResourcePath",
}


def _members(type_: str) -> dict[str, str]:
    if type_ in ENDPOINT_TYPES:
        return _COMMON | _ENDPOINT
    return _COMMON | {"CALCULATED": _CALCULATED, "CLOUDWATCH_METRIC": _ALARM}.get(type_, {})


def _config(inputs: Properties) -> dict[str, Any]:
    """What the API takes for both creating and updating."""
    wire = {
        member: inputs[name] for name, member in _members(inputs["type"]).items() if inputs.get(name) not in (None, "")
    }
    if inputs["type"] == "CLOUDWATCH_METRIC":
        wire["AlarmIdentifier"] = {"Name": inputs["cloudwatchAlarmName"], "Region": inputs["cloudwatchAlarmRegion"]}
    return wire


def _create(cloud: Cloud, inputs: Properties, reference: str) -> str:
    _refuse_unknown_children(cloud, inputs)
    config = {"Type": inputs["type"], **_config(inputs)}
    if inputs["type"] == "RECOVERY_CONTROL":
        config["RoutingControlArn"] = inputs["routingControlArn"]
    answer = cloud.client("route53").create_health_check(
        CallerReference=_caller_reference(inputs, reference), HealthCheckConfig=config
    )
    return answer["HealthCheck"]["Id"]


def _caller_reference(inputs: Properties, reference: str) -> str:
    """Unique: AWS answers a repeated one with the check that has it already, deleted ones included."""
    return f"{inputs['referenceName']}-{reference}" if inputs.get("referenceName") else reference


def _find(cloud: Cloud, inputs: Properties, reference: str) -> str | None:
    del inputs
    for page in cloud.client("route53").get_paginator("list_health_checks").paginate():
        for check in page["HealthChecks"]:
            if check["CallerReference"].endswith(reference):
                return check["Id"]
    return None


def _refuse_unknown_children(cloud: Cloud, inputs: Properties) -> None:
    for child in inputs.get("childHealthchecks") or []:
        try:
            cloud.client("route53").get_health_check(HealthCheckId=child)
        except cloud.client("route53").exceptions.NoSuchHealthCheck as error:
            raise LocalCloudError(f"childHealthchecks = {child}: there is no such health check") from error


def _finish(cloud: Cloud, id_: str, inputs: Properties) -> None:
    tags.route53_write(cloud, "healthcheck", id_, inputs)


def _read(cloud: Cloud, id_: str, known: Properties) -> Properties:
    del known
    check = cloud.client("route53").get_health_check(HealthCheckId=id_)["HealthCheck"]
    config = check["HealthCheckConfig"]
    told: Properties = {
        name: config[member]
        for name, member in _members(config["Type"]).items()
        if config.get(member) not in (None, "")
    }
    alarm = config.get("AlarmIdentifier")
    if alarm:
        told |= {"cloudwatchAlarmName": alarm["Name"], "cloudwatchAlarmRegion": alarm["Region"]}
    if config.get("RoutingControlArn"):
        told["routingControlArn"] = config["RoutingControlArn"]
    name, _, unique = check["CallerReference"].rpartition("-")
    if name and _is_reference(unique):
        told["referenceName"] = name
    return told | {
        "type": config["Type"],
        "arn": f"arn:{PARTITION}:route53:::healthcheck/{id_}",
        TAGS_ALL: tags.route53_read(cloud, "healthcheck", id_),
    }


def _is_reference(text: str) -> bool:
    try:
        return uuid.UUID(text).hex == text
    except ValueError:
        return False


def _update(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    if bool(state.get("ipAddress")) != bool(inputs.get("ipAddress")):
        raise LocalCloudError(
            f"health check {id_}: ipAddress cannot be added or removed; declare a new check, move the records to it,"
            " then remove this one"
        )
    _refuse_unknown_children(cloud, inputs)
    wire = {member: value for member, value in _config(inputs).items() if member not in _NOT_UPDATABLE}
    removed = [
        _RESETTABLE[member]
        for name, member in _members(inputs["type"]).items()
        if member in _RESETTABLE and state.get(name) and not inputs.get(name) and name not in HEALTH_CHECK.keeps
    ]
    for member in removed:
        wire.pop(member, None)
    if removed:
        wire["ResetElements"] = removed
    cloud.client("route53").update_health_check(HealthCheckId=id_, **wire)
    _finish(cloud, id_, inputs)


def _delete(cloud: Cloud, id_: str, state: Properties) -> None:
    del state
    cloud.client("route53").delete_health_check(HealthCheckId=id_)


def _refusals(inputs: Properties) -> Iterator[InvalidInput]:
    type_ = inputs["type"]
    if type_ is UNKNOWN:
        return
    if type_ not in TYPES:
        yield InvalidInput("type", type_, allowed=f"one of {', '.join(TYPES)}")
        return
    yield from _misplaced(type_, inputs)
    if type_ in ENDPOINT_TYPES:
        yield from _endpoint_refusals(type_, inputs)
    if type_ == "CALCULATED":
        yield from _range(inputs, "childHealthThreshold", 0, GREATEST_CHILD_THRESHOLD)
        children = inputs.get("childHealthchecks")
        if children is not UNKNOWN and len(children or []) > MOST_CHILDREN:
            yield InvalidInput("childHealthchecks", len(children or []), allowed=f"at most {MOST_CHILDREN} checks")
    if type_ == "CLOUDWATCH_METRIC":
        yield from _missing(type_, inputs, "cloudwatchAlarmName", "cloudwatchAlarmRegion")
        status = inputs.get("insufficientDataHealthStatus")
        if isinstance(status, str) and status not in INSUFFICIENT_DATA:
            yield InvalidInput("insufficientDataHealthStatus", status, allowed=f"one of {', '.join(INSUFFICIENT_DATA)}")
    if type_ == "RECOVERY_CONTROL":
        yield from _missing(type_, inputs, "routingControlArn")
    if len(inputs.get("referenceName") or "") > LONGEST_REFERENCE:
        yield InvalidInput("referenceName", inputs["referenceName"], allowed=f"at most {LONGEST_REFERENCE} characters")


def _misplaced(type_: str, inputs: Properties) -> Iterator[InvalidInput]:
    """Inputs that say nothing to a check of this type."""
    of_alarm = ("cloudwatchAlarmName", "cloudwatchAlarmRegion", "insufficientDataHealthStatus")
    own = {"CLOUDWATCH_METRIC": of_alarm, "RECOVERY_CONTROL": ("routingControlArn",)}
    mine = {*_members(type_), *own.get(type_, ()), "type", "tags", "triggers", "referenceName", "measureLatency"}
    for name, value in inputs.items():
        if name not in mine and value not in (None, False, "", [], {}):
            yield InvalidInput(name, value, allowed=f"none on a check of type {type_}")


def _endpoint_refusals(type_: str, inputs: Properties) -> Iterator[InvalidInput]:
    if not inputs.get("fqdn") and not inputs.get("ipAddress"):
        yield InvalidInput("fqdn", "missing", allowed="a name or an ipAddress to check")
    if type_ == "TCP" and not inputs.get("port"):
        yield InvalidInput("port", "missing", allowed=f"1 to {GREATEST_PORT} on a check of type TCP")
    interval = inputs.get("requestInterval")
    if isinstance(interval, int) and interval not in INTERVALS:
        yield InvalidInput("requestInterval", interval, allowed="10 or 30 seconds")
    yield from _range(inputs, "failureThreshold", 1, GREATEST_FAILURE_THRESHOLD)
    yield from _range(inputs, "port", 1, GREATEST_PORT)
    path, search, regions = inputs.get("resourcePath"), inputs.get("searchString"), inputs.get("regions")
    if isinstance(path, str) and len(path) > LONGEST_PATH:
        yield InvalidInput("resourcePath", path, allowed=f"at most {LONGEST_PATH} characters")
    if type_.endswith("_STR_MATCH") != bool(search):
        allowed = f"1 to {LONGEST_SEARCH} characters" if type_.endswith("_STR_MATCH") else f"none on type {type_}"
        yield InvalidInput("searchString", "(given)" if search else "missing", allowed=allowed)
    if isinstance(search, str) and len(search) > LONGEST_SEARCH:
        yield InvalidInput("searchString", f"({len(search)} characters)", allowed=f"at most {LONGEST_SEARCH}")
    if isinstance(regions, list) and regions and UNKNOWN not in regions:
        strange = [region for region in regions if region not in REGIONS]
        if strange or len(set(regions)) < FEWEST_REGIONS:
            allowed = f"at least {FEWEST_REGIONS} of {', '.join(REGIONS)}"
            yield InvalidInput("regions", ", ".join(regions), allowed=allowed)


def _range(inputs: Properties, name: str, least: int, most: int) -> Iterator[InvalidInput]:
    value = inputs.get(name)
    if isinstance(value, int) and not least <= value <= most:
        yield InvalidInput(name, value, allowed=f"{least} to {most}")


def _missing(type_: str, inputs: Properties, *names: str) -> Iterator[InvalidInput]:
    for name in names:
        if not inputs.get(name):
            yield InvalidInput(name, "missing", allowed=f"a text, because a check of type {type_} needs it")


HEALTH_CHECK: Final = Adapter(
    resource_type="aws:route53/healthCheck:HealthCheck",
    regional=False,
    inputs={
        "type": str,
        "childHealthThreshold": int,
        "childHealthchecks": [str],
        "cloudwatchAlarmName": str,
        "cloudwatchAlarmRegion": str,
        "disabled": bool,
        "enableSni": bool,
        "failureThreshold": int,
        "fqdn": str,
        "insufficientDataHealthStatus": str,
        "invertHealthcheck": bool,
        "ipAddress": str,
        "measureLatency": bool,
        "port": int,
        "referenceName": str,
        "regions": [str],
        "requestInterval": int,
        "resourcePath": str,
        "routingControlArn": str,
        "searchString": str,
        "tags": dict,
        "triggers": dict,
    },
    required=frozenset({"type"}),
    defaults={"disabled": False, "measureLatency": False},
    replaces=frozenset({"type", "requestInterval", "measureLatency", "referenceName", "routingControlArn"}),
    keeps=frozenset({"enableSni", "failureThreshold", "regions", "triggers", "port", "requestInterval"}),
    write_only=frozenset(
        # The triggers are the program's alone; the rest depends on what the local server knows of such checks.
        {"triggers", "referenceName", "cloudwatchAlarmName", "cloudwatchAlarmRegion", "insufficientDataHealthStatus"}
        | {"routingControlArn"}
    ),
    computed=frozenset({"arn"}),
    normalizers={"childHealthchecks": as_set, "regions": as_set},
    absent_codes=frozenset({"NoSuchHealthCheck"}),
    refusals=_refusals,
    create=_create,
    finish=_finish,
    find=_find,
    read=_read,
    update=_update,
    delete=_delete,
)
