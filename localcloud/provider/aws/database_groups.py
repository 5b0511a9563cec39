"""RDS subnet groups and parameter groups."""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from localcloud.provider.adapter import TAGS_ALL, Adapter, Autoname, Properties, as_set
from localcloud.provider.aws import tags
from localcloud.provider.clients import Cloud
from localcloud.provider.values import UNKNOWN, is_known
from seawall.errors import InvalidInput

LONGEST_NAME: Final = 255  # characters
MANAGED: Final = "Managed by Pulumi"
APPLY_METHODS: Final = ("immediate", "pending-reboot")
MOST_PARAMETERS: Final = 20  # in one ModifyDBParameterGroup or ResetDBParameterGroup
_SUBNET_GROUP_NAME: Final = re.compile(r"(?!default$)[a-z0-9 ._-]+")
_PARAMETER_GROUP_NAME: Final = re.compile(r"(?!.*--)[a-z][a-z0-9-]*(?<!-)")


def write_tags(cloud: Cloud, arn: str, inputs: Properties) -> None:
    """Bring the tags of something in RDS to `tagsAll`."""
    client = cloud.client("rds")
    tags.bring(
        read_tags(cloud, arn),
        inputs,
        lambda changed: client.add_tags_to_resource(ResourceName=arn, Tags=tags.as_list(changed)),
        lambda removed: client.remove_tags_from_resource(ResourceName=arn, TagKeys=removed),
    )


def read_tags(cloud: Cloud, arn: str) -> dict[str, str]:
    """Tags of something in RDS, without the one of its creation."""
    answer = cloud.client("rds").list_tags_for_resource(ResourceName=arn)
    return tags.without_reference(tags.as_map(answer["TagList"]))


def _labels(reference: str) -> list[dict[str, str]]:
    return tags.as_list({tags.REFERENCE_TAG: reference})


def _find(operation: str, listed: str, kind: str) -> Callable[[Cloud, Properties, str], str | None]:
    """How a group that a killed run made is found: by the tag of its creation.

    Args:
        operation: That describes all groups of the kind.
        listed: Their list in its answer.
        kind: How the names of their fields begin.
    """

    def find(cloud: Cloud, inputs: Properties, reference: str) -> str | None:
        del inputs
        client = cloud.client("rds")
        for page in client.get_paginator(operation).paginate():
            for group in page[listed]:
                answer = client.list_tags_for_resource(ResourceName=group[f"{kind}Arn"])
                if tags.as_map(answer["TagList"]).get(tags.REFERENCE_TAG) == reference:
                    return group[f"{kind}Name"]
        return None

    return find


# Subnet groups


def _subnet_group(cloud: Cloud, name: str) -> Properties:
    return cloud.client("rds").describe_db_subnet_groups(DBSubnetGroupName=name)["DBSubnetGroups"][0]


def _create_subnet_group(cloud: Cloud, inputs: Properties, reference: str) -> str:
    answer = cloud.client("rds").create_db_subnet_group(
        DBSubnetGroupName=inputs["name"],
        DBSubnetGroupDescription=inputs["description"],
        SubnetIds=inputs["subnetIds"],
        Tags=_labels(reference),
    )
    return answer["DBSubnetGroup"]["DBSubnetGroupName"]


def _finish_subnet_group(cloud: Cloud, id_: str, inputs: Properties) -> None:
    write_tags(cloud, _subnet_group(cloud, id_)["DBSubnetGroupArn"], inputs)


def _read_subnet_group(cloud: Cloud, id_: str, known: Properties) -> Properties:
    del known
    group = _subnet_group(cloud, id_)
    return {
        "name": group["DBSubnetGroupName"],
        "description": group["DBSubnetGroupDescription"],
        "subnetIds": sorted(subnet["SubnetIdentifier"] for subnet in group["Subnets"]),
        "vpcId": group["VpcId"],
        "supportedNetworkTypes": group.get("SupportedNetworkTypes") or ["IPV4"],
        "arn": group["DBSubnetGroupArn"],
        TAGS_ALL: read_tags(cloud, group["DBSubnetGroupArn"]),
    }


def _update_subnet_group(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    changed = as_set(state.get("subnetIds") or []) != as_set(inputs["subnetIds"])
    if changed or state.get("description") != inputs["description"]:
        cloud.client("rds").modify_db_subnet_group(
            DBSubnetGroupName=id_, DBSubnetGroupDescription=inputs["description"], SubnetIds=inputs["subnetIds"]
        )
    _finish_subnet_group(cloud, id_, inputs)


def _delete_subnet_group(cloud: Cloud, id_: str, state: Properties) -> None:
    del state
    cloud.client("rds").delete_db_subnet_group(DBSubnetGroupName=id_)


def _subnet_group_refusals(inputs: Properties) -> Iterator[InvalidInput]:
    name = inputs.get("name")
    if isinstance(name, str) and not (_SUBNET_GROUP_NAME.fullmatch(name) and len(name) <= LONGEST_NAME):
        allowed = f"1 to {LONGEST_NAME} lowercase letters, digits, spaces, . _ and -, not the word default"
        yield InvalidInput("name", name, allowed=allowed)


SUBNET_GROUP: Final = Adapter(
    resource_type="aws:rds/subnetGroup:SubnetGroup",
    inputs={"description": str, "name": str, "subnetIds": [str], "tags": dict},
    required=frozenset({"subnetIds"}),
    defaults={"description": MANAGED},
    autoname=Autoname(longest=LONGEST_NAME),
    replaces=frozenset({"name"}),
    computed=frozenset({"arn", "supportedNetworkTypes", "vpcId"}),
    normalizers={"subnetIds": lambda ids: as_set(ids) if is_known(ids) else ids},
    absent_codes=frozenset({"DBSubnetGroupNotFoundFault"}),
    refusals=_subnet_group_refusals,
    create=_create_subnet_group,
    finish=_finish_subnet_group,
    find=_find("describe_db_subnet_groups", "DBSubnetGroups", "DBSubnetGroup"),
    read=_read_subnet_group,
    update=_update_subnet_group,
    delete=_delete_subnet_group,
)


# Parameter groups


def _parameter_group(cloud: Cloud, name: str) -> Properties:
    return cloud.client("rds").describe_db_parameter_groups(DBParameterGroupName=name)["DBParameterGroups"][0]


def _create_parameter_group(cloud: Cloud, inputs: Properties, reference: str) -> str:
    answer = cloud.client("rds").create_db_parameter_group(
        DBParameterGroupName=inputs["name"],
        DBParameterGroupFamily=inputs["family"],
        Description=inputs["description"],
        Tags=_labels(reference),
    )
    return answer["DBParameterGroup"]["DBParameterGroupName"]


def _parameters(cloud: Cloud, name: str) -> list[Properties]:
    """What was set on the group, by name; not what its family says."""
    pages = cloud.client("rds").get_paginator("describe_db_parameters").paginate(DBParameterGroupName=name)
    found = [
        {
            "name": one["ParameterName"].lower(),
            "value": one["ParameterValue"],
            "applyMethod": one.get("ApplyMethod", "immediate"),
        }
        for page in pages
        for one in page["Parameters"]
        if one.get("ParameterValue") is not None
    ]
    return sorted(found, key=lambda one: one["name"])


def _normal_parameters(given: Any) -> Any:
    """Normalizer: by name, with the method that is the default."""
    if not isinstance(given, list) or not is_known(given):
        return given
    return sorted((one["name"].lower(), one["value"].lower(), one.get("applyMethod") or "immediate") for one in given)


def _finish_parameter_group(cloud: Cloud, id_: str, inputs: Properties) -> None:
    client, current = cloud.client("rds"), {one[0]: one for one in _normal_parameters(_parameters(cloud, id_))}
    wanted = inputs.get("parameters") or []
    named = {one["name"].lower() for one in wanted}
    coming = [
        {
            "ParameterName": one["name"],
            "ParameterValue": one["value"],
            "ApplyMethod": one.get("applyMethod") or "immediate",
        }
        for one in wanted
        if current.get(one["name"].lower()) != _normal_parameters([one])[0]
    ]
    leaving = [{"ParameterName": name, "ApplyMethod": one[2]} for name, one in current.items() if name not in named]
    for batch in _batches(coming):
        client.modify_db_parameter_group(DBParameterGroupName=id_, Parameters=batch)
    for batch in _batches(leaving):
        client.reset_db_parameter_group(DBParameterGroupName=id_, Parameters=batch)
    write_tags(cloud, _parameter_group(cloud, id_)["DBParameterGroupArn"], inputs)


def _batches(changes: list[dict[str, str]]) -> Iterator[list[dict[str, str]]]:
    for start in range(0, len(changes), MOST_PARAMETERS):
        yield changes[start : start + MOST_PARAMETERS]


def _read_parameter_group(cloud: Cloud, id_: str, known: Properties) -> Properties:
    del known
    group = _parameter_group(cloud, id_)
    return {
        "name": group["DBParameterGroupName"],
        "family": group["DBParameterGroupFamily"],
        "description": group["Description"],
        "parameters": _parameters(cloud, id_),
        "arn": group["DBParameterGroupArn"],
        TAGS_ALL: read_tags(cloud, group["DBParameterGroupArn"]),
    }


def _update_parameter_group(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    del state
    _finish_parameter_group(cloud, id_, inputs)


def _delete_parameter_group(cloud: Cloud, id_: str, state: Properties) -> None:
    if not state.get("skipDestroy"):
        cloud.client("rds").delete_db_parameter_group(DBParameterGroupName=id_)


def _parameter_group_refusals(inputs: Properties) -> Iterator[InvalidInput]:
    name = inputs.get("name")
    if isinstance(name, str) and not (_PARAMETER_GROUP_NAME.fullmatch(name) and len(name) <= LONGEST_NAME):
        allowed = f"a lowercase letter, then letters, digits and single hyphens, up to {LONGEST_NAME}, no hyphen last"
        yield InvalidInput("name", name, allowed=allowed)
    parameters = inputs.get("parameters")
    for index, one in enumerate(parameters if isinstance(parameters, list) else []):
        if one is UNKNOWN:
            continue
        for field in ("name", "value"):
            if one.get(field) is None:
                yield InvalidInput(f"parameters[{index}].{field}", None, allowed="given")
        method = one.get("applyMethod")
        if isinstance(method, str) and method not in APPLY_METHODS:
            where, allowed = f"parameters[{index}].applyMethod", f"one of {', '.join(APPLY_METHODS)}"
            yield InvalidInput(where, method, allowed=allowed)


PARAMETER_GROUP: Final = Adapter(
    resource_type="aws:rds/parameterGroup:ParameterGroup",
    inputs={
        "description": str,
        "family": str,
        "name": str,
        "parameters": [{"applyMethod": str, "name": str, "value": str}],
        "skipDestroy": bool,
        "tags": dict,
    },
    required=frozenset({"family"}),
    defaults={"description": MANAGED, "skipDestroy": False},
    autoname=Autoname(longest=LONGEST_NAME),
    replaces=frozenset({"description", "family", "name"}),
    write_only=frozenset({"skipDestroy"}),
    computed=frozenset({"arn"}),
    normalizers={"parameters": _normal_parameters},
    absent_codes=frozenset({"DBParameterGroupNotFound"}),
    refusals=_parameter_group_refusals,
    create=_create_parameter_group,
    finish=_finish_parameter_group,
    find=_find("describe_db_parameter_groups", "DBParameterGroups", "DBParameterGroup"),
    read=_read_parameter_group,
    update=_update_parameter_group,
    delete=_delete_parameter_group,
)
