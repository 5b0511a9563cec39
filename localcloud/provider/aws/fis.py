"""Experiment templates of FIS. Experiments can be started on the local server, and touch nothing there."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from localcloud.provider.adapter import TAGS_ALL, Adapter, Properties
from localcloud.provider.aws import tags
from localcloud.provider.clients import Cloud
from localcloud.provider.values import UNKNOWN, is_known
from seawall.errors import InvalidInput

LONGEST_DESCRIPTION: Final = 512  # characters
MOST_ACTIONS: Final = 20
MOST_STOP_CONDITIONS: Final = 5
ALARM: Final = "aws:cloudwatch:alarm"
NO_CONDITION: Final = "none"
ACCOUNT_TARGETING: Final = ("single-account", "multi-account")
EMPTY_TARGETS: Final = ("fail", "skip")
DEFAULT_OPTIONS: Final = {"accountTargeting": ACCOUNT_TARGETING[0], "emptyTargetResolutionMode": EMPTY_TARGETS[0]}
_SELECTION: Final = re.compile(r"ALL|COUNT\([1-9]\d*\)|PERCENT\(([1-9]\d?|100)\)")


def _without_empty(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, {}, [], "")}


def _by_key(pairs: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    return {pair["key"]: pair["value"] for pair in pairs or ()}


def _pairs(values: Mapping[str, str] | None) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in sorted((values or {}).items())]


def _action(action: Properties) -> dict[str, Any]:
    target = action.get("target")
    return _without_empty(
        {
            "actionId": action["actionId"],
            "description": action.get("description"),
            "parameters": _by_key(action.get("parameters")),
            "startAfter": action.get("startAfters"),
            "targets": {target["key"]: target["value"]} if target else None,
        }
    )


def _target(target: Properties) -> dict[str, Any]:
    return _without_empty(
        {
            "resourceType": target["resourceType"],
            "resourceArns": target.get("resourceArns"),
            "resourceTags": _by_key(target.get("resourceTags")),
            "filters": target.get("filters"),
            "parameters": target.get("parameters"),
            "selectionMode": target["selectionMode"],
        }
    )


def _log(configuration: Properties | None) -> dict[str, Any]:
    if not configuration:
        return {}
    cloudwatch = configuration.get("cloudwatchLogsConfiguration")
    return _without_empty(
        {
            "logSchemaVersion": configuration["logSchemaVersion"],
            "cloudWatchLogsConfiguration": cloudwatch,
            "s3Configuration": _without_empty(configuration.get("s3Configuration") or {}),
        }
    )


def _request(inputs: Properties) -> dict[str, Any]:
    return {
        "description": inputs["description"],
        "roleArn": inputs["roleArn"],
        "actions": {action["name"]: _action(action) for action in inputs["actions"]},
        "targets": {target["name"]: _target(target) for target in inputs.get("targets") or []},
        "stopConditions": [_without_empty(condition) for condition in inputs["stopConditions"]],
        "logConfiguration": _log(inputs.get("logConfiguration")),
    }


def _create(cloud: Cloud, inputs: Properties, reference: str) -> str:
    request = _request(inputs)
    if not request["logConfiguration"]:
        del request["logConfiguration"]
    made = cloud.client("fis").create_experiment_template(
        clientToken=reference,  # FIS answers a repeated token with the template that has it
        experimentOptions={**DEFAULT_OPTIONS, **(inputs.get("experimentOptions") or {})},
        tags=inputs.get(TAGS_ALL, {}),
        **request,
    )
    return made["experimentTemplate"]["id"]


def _read(cloud: Cloud, id_: str, known: Properties) -> Properties | None:
    del known
    found = cloud.client("fis").get_experiment_template(id=id_)["experimentTemplate"]
    return {
        "description": found["description"],
        "roleArn": found["roleArn"],
        "actions": [_told_action(name, action) for name, action in sorted(found["actions"].items())],
        "targets": [_told_target(name, target) for name, target in sorted(found.get("targets", {}).items())],
        "stopConditions": found["stopConditions"],
        "experimentOptions": {**DEFAULT_OPTIONS, **(found.get("experimentOptions") or {})},
        "logConfiguration": _told_log(found.get("logConfiguration")),
        TAGS_ALL: dict(found.get("tags", {})),
    }


def _told_action(name: str, action: Mapping[str, Any]) -> Properties:
    targets = [{"key": key, "value": value} for key, value in action.get("targets", {}).items()]
    return _without_empty(
        {
            "name": name,
            "actionId": action["actionId"],
            "description": action.get("description"),
            "parameters": _pairs(action.get("parameters")),
            "startAfters": action.get("startAfter"),
            "target": targets[0] if targets else None,
        }
    )


def _told_target(name: str, target: Mapping[str, Any]) -> Properties:
    told = {**target, "name": name, "resourceTags": _pairs(target.get("resourceTags"))}
    return _without_empty(told)


def _told_log(configuration: Mapping[str, Any] | None) -> Properties | None:
    if not configuration:
        return None
    return _without_empty(
        {
            "logSchemaVersion": configuration["logSchemaVersion"],
            "cloudwatchLogsConfiguration": configuration.get("cloudWatchLogsConfiguration"),
            "s3Configuration": configuration.get("s3Configuration"),
        }
    )


def _update(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    del state
    client = cloud.client("fis")
    options = {**DEFAULT_OPTIONS, **(inputs.get("experimentOptions") or {})}
    template = client.update_experiment_template(
        id=id_,
        experimentOptions={"emptyTargetResolutionMode": options["emptyTargetResolutionMode"]},
        **_request(inputs),
    )["experimentTemplate"]
    tags.bring(
        template.get("tags", {}),
        inputs,
        lambda changed: client.tag_resource(resourceArn=template["arn"], tags=changed),
        lambda removed: client.untag_resource(resourceArn=template["arn"], tagKeys=removed),
    )


def _delete(cloud: Cloud, id_: str, state: Properties) -> None:
    del state
    cloud.client("fis").delete_experiment_template(id=id_)


def _normal(entries: Any) -> Any:
    """Normalizer of lists in which order does not count, at any depth; what is empty counts as left out."""
    return json.dumps(_sorted(entries), sort_keys=True) if is_known(entries) else entries


def _sorted(value: Any) -> Any:
    if isinstance(value, list):
        return sorted((_sorted(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    return _without_empty({key: _sorted(item) for key, item in value.items()}) if isinstance(value, dict) else value


def _options_normal(options: Any) -> Any:
    return {**DEFAULT_OPTIONS, **options} if isinstance(options, dict) else options


def _replaces(name: str, old: Any, new: Any) -> bool:
    """Whether an experiment spans accounts is fixed when its template is made."""
    targeting = "accountTargeting"
    return (
        name == "experimentOptions" and _options_normal(old or {})[targeting] != _options_normal(new or {})[targeting]
    )


def _refusals(inputs: Properties) -> Iterator[InvalidInput]:
    description = inputs.get("description")
    if isinstance(description, str) and not 1 <= len(description) <= LONGEST_DESCRIPTION:
        yield InvalidInput("description", f"{len(description)} characters", allowed=f"1 to {LONGEST_DESCRIPTION}")
    for name, most in (("actions", MOST_ACTIONS), ("stopConditions", MOST_STOP_CONDITIONS)):
        entries = inputs.get(name)
        if isinstance(entries, list) and not 1 <= len(entries) <= most:
            yield InvalidInput(name, len(entries), allowed=f"1 to {most}")
    yield from _target_refusals(inputs)
    for condition in inputs["stopConditions"] if isinstance(inputs.get("stopConditions"), list) else ():
        source, value = condition.get("source"), condition.get("value")
        if source not in (ALARM, NO_CONDITION, UNKNOWN):
            yield InvalidInput("stopConditions", source, allowed=f"{ALARM} or {NO_CONDITION}")
        elif source == ALARM and value is None:
            yield InvalidInput("stopConditions", source, allowed="with the alarm's ARN as value")


def _target_refusals(inputs: Properties) -> Iterator[InvalidInput]:
    targets = inputs.get("targets") if isinstance(inputs.get("targets"), list) else []
    for target in targets or ():
        mode, by_arn, by_tag = (target.get(name) for name in ("selectionMode", "resourceArns", "resourceTags"))
        if isinstance(mode, str) and not _SELECTION.fullmatch(mode):
            yield InvalidInput("targets", mode, allowed="ALL, COUNT(n) or PERCENT(n)")
        if bool(by_arn) == bool(by_tag):
            yield InvalidInput("targets", target.get("name"), allowed="either resourceArns or resourceTags")
    names = {target.get("name") for target in targets or ()}
    for action in inputs["actions"] if isinstance(inputs.get("actions"), list) else ():
        wanted = (action.get("target") or {}).get("value") if action.get("target") is not UNKNOWN else None
        if wanted is not None and wanted is not UNKNOWN and wanted not in names:
            yield InvalidInput("actions", wanted, allowed="the name of one of targets")


EXPERIMENT_TEMPLATE: Final = Adapter(
    resource_type="aws:fis/experimentTemplate:ExperimentTemplate",
    inputs={
        "actions": [
            {
                "actionId": str,
                "description": str,
                "name": str,
                "parameters": [{"key": str, "value": str}],
                "startAfters": [str],
                "target": {"key": str, "value": str},
            }
        ],
        "description": str,
        "experimentOptions": {"accountTargeting": str, "emptyTargetResolutionMode": str},
        "logConfiguration": {
            "logSchemaVersion": int,
            "cloudwatchLogsConfiguration": {"logGroupArn": str},
            "s3Configuration": {"bucketName": str, "prefix": str},
        },
        "roleArn": str,
        "stopConditions": [{"source": str, "value": str}],
        "tags": dict,
        "targets": [
            {
                "filters": [{"path": str, "values": [str]}],
                "name": str,
                "parameters": dict,
                "resourceArns": [str],
                "resourceTags": [{"key": str, "value": str}],
                "resourceType": str,
                "selectionMode": str,
            }
        ],
    },
    required=frozenset({"actions", "description", "roleArn", "stopConditions"}),
    replaces_when=_replaces,
    keeps=frozenset({"experimentOptions"}),
    normalizers={
        "actions": _normal,
        "experimentOptions": _options_normal,
        "stopConditions": _normal,
        "targets": _normal,
    },
    absent_codes=frozenset({"ResourceNotFoundException"}),
    refusals=_refusals,
    create=_create,
    read=_read,
    update=_update,
    delete=_delete,
)
