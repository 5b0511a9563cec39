"""SSM parameters."""

from collections.abc import Iterator
from typing import Any, Final

from localcloud.provider.adapter import TAGS_ALL, Adapter, Autoname, Properties
from localcloud.provider.aws import tags
from localcloud.provider.clients import Cloud
from localcloud.provider.values import UNKNOWN
from seawall.errors import InvalidInput

TYPES: Final = ("String", "StringList", "SecureString")
INTELLIGENT: Final = "Intelligent-Tiering"
TIERS: Final = ("Standard", "Advanced", INTELLIGENT)
DATA_TYPES: Final = ("text", "aws:ec2:image", "aws:ssm:integration")
LONGEST_NAME: Final = 2048  # characters
LONGEST_DESCRIPTION: Final = 1024  # characters
VALUES: Final = ("value", "insecureValue")  # exactly one is given

_FIELDS: Final = {
    "allowedPattern": "AllowedPattern",
    "dataType": "DataType",
    "description": "Description",
    "keyId": "KeyId",
    "tier": "Tier",
    "type": "Type",
}


def _request(inputs: Properties) -> dict[str, Any]:
    fields = {field: inputs[name] for name, field in _FIELDS.items() if inputs.get(name) is not None}
    value = inputs["value"] if inputs.get("value") is not None else inputs["insecureValue"]
    return {"Name": inputs["name"], "Value": value, **fields}


def _create(cloud: Cloud, inputs: Properties, reference: str) -> str:
    del reference  # the name is the parameter's only identity
    cloud.client("ssm").put_parameter(**_request(inputs), Overwrite=bool(inputs.get("overwrite")))
    return inputs["name"]


def _find(cloud: Cloud, inputs: Properties, reference: str) -> str | None:
    """A parameter of that name with that very value; another one is somebody else's."""
    del reference
    name = inputs.get("name")
    if not name or not any(other in inputs for other in VALUES):  # a sweep knows only the name
        return name if name and _described(cloud, name) else None
    try:
        found = cloud.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]
    except cloud.client("ssm").exceptions.ParameterNotFound:
        return None
    return name if found["Value"] == _request(inputs)["Value"] else None


def _finish(cloud: Cloud, id_: str, inputs: Properties) -> None:
    client = cloud.client("ssm")
    resource = {"ResourceType": "Parameter", "ResourceId": id_}
    tags.bring(
        tags.as_map(client.list_tags_for_resource(**resource)["TagList"]),
        inputs,
        lambda changed: client.add_tags_to_resource(**resource, Tags=tags.as_list(changed)),
        lambda removed: client.remove_tags_from_resource(**resource, TagKeys=removed),
    )


def _described(cloud: Cloud, name: str) -> Properties | None:
    filters = [{"Key": "Name", "Option": "Equals", "Values": [name]}]
    found = cloud.client("ssm").describe_parameters(ParameterFilters=filters)["Parameters"]
    return found[0] if found else None


def _read(cloud: Cloud, id_: str, known: Properties) -> Properties | None:
    client = cloud.client("ssm")
    parameter = client.get_parameter(Name=id_, WithDecryption=True)["Parameter"]
    details = _described(cloud, id_)
    if details is None:
        return None
    secure = parameter["Type"] == "SecureString"
    plainly = "insecureValue" in known and known.get("value") is None and not secure
    return {
        **{name: details.get(field) for name, field in _FIELDS.items()},
        "keyId": details.get("KeyId") if secure else None,
        "tier": INTELLIGENT if known.get("tier") == INTELLIGENT else details.get("Tier"),  # what it chose is no drift
        "name": parameter["Name"],
        "insecureValue" if plainly else "value": parameter["Value"],
        "arn": parameter.get("ARN") or cloud.arn("ssm", f"parameter/{id_.lstrip('/')}"),
        "version": parameter["Version"],
        TAGS_ALL: tags.as_map(client.list_tags_for_resource(ResourceType="Parameter", ResourceId=id_)["TagList"]),
    }


def _update(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    request = _request(inputs)
    if "Description" not in request and state.get("description"):
        request["Description"] = ""
    if "AllowedPattern" not in request and state.get("allowedPattern"):
        request["AllowedPattern"] = ""
    before = {field: state.get(name) for name, field in _FIELDS.items()}
    before["Value"] = state.get("value", state.get("insecureValue"))
    before["Name"] = id_
    if any(before.get(field) != value for field, value in request.items()):  # each write is a version
        cloud.client("ssm").put_parameter(**request, Overwrite=True)
    _finish(cloud, id_, inputs)


def _delete(cloud: Cloud, id_: str, state: Properties) -> None:
    del state
    cloud.client("ssm").delete_parameter(Name=id_)


def _replaces(name: str, old: Any, new: Any) -> bool:
    """An advanced parameter becomes a standard one only by being made anew."""
    return name == "tier" and old == "Advanced" and new == "Standard"


def _refusals(inputs: Properties) -> Iterator[InvalidInput]:
    given = [name for name in VALUES if inputs.get(name) is not None]
    if len(given) != 1:
        yield InvalidInput("value", "(given)" if given else None, allowed=f"exactly one of {' and '.join(VALUES)}")
    if inputs.get("type") == "SecureString" and inputs.get("insecureValue") is not None:
        yield InvalidInput("insecureValue", "(given)", allowed="not with type SecureString")
    for name, allowed in (("type", TYPES), ("tier", TIERS), ("dataType", DATA_TYPES)):
        value = inputs.get(name)
        if value is not None and value is not UNKNOWN and value not in allowed:
            yield InvalidInput(name, value, allowed=f"one of {', '.join(allowed)}")
    for name, longest in (("name", LONGEST_NAME), ("description", LONGEST_DESCRIPTION)):
        value = inputs.get(name)
        if isinstance(value, str) and len(value) > longest:
            yield InvalidInput(name, f"{len(value)} characters", allowed=f"at most {longest} characters")


PARAMETER: Final = Adapter(
    resource_type="aws:ssm/parameter:Parameter",
    inputs={
        "allowedPattern": str,
        "dataType": str,
        "description": str,
        "insecureValue": str,
        "keyId": str,
        "name": str,
        "overwrite": bool,
        "tags": dict,
        "tier": str,
        "type": str,
        "value": str,
    },
    required=frozenset({"type"}),
    autoname=Autoname(longest=LONGEST_NAME),
    replaces=frozenset({"dataType", "name"}),
    replaces_when=_replaces,
    keeps=frozenset({"dataType", "keyId", "tier", *VALUES}),
    write_only=frozenset({"overwrite"}),
    computed=frozenset({"arn", "version"}),
    absent_codes=frozenset({"ParameterNotFound"}),
    refusals=_refusals,
    create=_create,
    finish=_finish,
    find=_find,
    read=_read,
    update=_update,
    delete=_delete,
)
