"""IAM roles, the policies written into them, and the managed policies attached to them."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from localcloud.provider.adapter import TAGS_ALL, Adapter, Autoname, Properties
from localcloud.provider.aws import tags
from localcloud.provider.aws.json_text import json_normal, json_refusals
from localcloud.provider.clients import Cloud
from localcloud.provider.values import UNKNOWN
from seawall.errors import InvalidInput

LONGEST_ROLE_NAME: Final = 64  # characters
LONGEST_POLICY_NAME: Final = 128  # characters
LONGEST_DESCRIPTION: Final = 1000  # characters
SESSION_SECONDS: Final = (3600, 43_200)  # one hour to twelve
DEFAULT_SESSION_SECONDS: Final = 3600
LARGEST_TRUST_POLICY: Final = 2048  # characters without white space; IAM's default quota per role
LARGEST_INLINE_POLICIES: Final = 10_240  # characters without white space, all of one role's together
ABSENT: Final = "NoSuchEntity"
ARN_LIKE: Final = "arn:"

_NAME: Final = re.compile(r"[\w+=,.@-]+", re.ASCII)
_PATH: Final = re.compile(r"/|/[\x21-\x7e]+/")


def size_without_space(document: str) -> int:
    """Characters that IAM counts: white space is free."""
    return sum(not character.isspace() for character in document)


def name_refusals(inputs: Properties, longest: int) -> Iterator[InvalidInput]:
    """Errors of the name and the path of something in IAM."""
    name, path = inputs.get("name"), inputs.get("path")
    if isinstance(name, str) and (len(name) > longest or not _NAME.fullmatch(name)):
        yield InvalidInput("name", name, allowed=f"1 to {longest} letters, digits and + = , . @ _ -")
    if isinstance(path, str) and not _PATH.fullmatch(path):
        yield InvalidInput("path", path, allowed="/, or a path that begins and ends with /")


def document_refusals(inputs: Properties, name: str, largest: int) -> Iterator[InvalidInput]:
    """Errors of a policy document: it is JSON, and no larger than IAM takes."""
    yield from json_refusals(inputs, name)
    document = inputs.get(name)
    if isinstance(document, str) and (size := size_without_space(document)) > largest:
        yield InvalidInput(name, f"{size} characters", allowed=f"at most {largest} without white space")


def description_refusals(inputs: Properties) -> Iterator[InvalidInput]:
    """An error of a description that is longer than IAM takes."""
    description = inputs.get("description")
    if isinstance(description, str) and len(description) > LONGEST_DESCRIPTION:
        yield InvalidInput("description", f"{len(description)} characters", allowed=f"at most {LONGEST_DESCRIPTION}")


def compact(document: Any) -> str:
    """A document as text; botocore hands it over parsed."""
    return document if isinstance(document, str) else json.dumps(document)


# Roles


def _create_role(cloud: Cloud, inputs: Properties, reference: str) -> str:
    request: dict[str, Any] = {
        "RoleName": inputs["name"],
        "Path": inputs["path"],
        "AssumeRolePolicyDocument": inputs["assumeRolePolicy"],
        "Description": inputs.get("description", ""),
        "MaxSessionDuration": inputs["maxSessionDuration"],
        "Tags": tags.as_list({tags.REFERENCE_TAG: reference}),
    }
    if inputs.get("permissionsBoundary"):
        request["PermissionsBoundary"] = inputs["permissionsBoundary"]
    return cloud.client("iam").create_role(**request)["Role"]["RoleName"]


def _role_labels(client: Any, name: str) -> dict[str, str]:
    return tags.as_map(client.list_role_tags(RoleName=name)["Tags"])


def _find_role(cloud: Cloud, inputs: Properties, reference: str) -> str | None:
    client = cloud.client("iam")
    return tags.marked([inputs["name"]], lambda name: _role_labels(client, name), reference, {ABSENT})


def _finish_role(cloud: Cloud, id_: str, inputs: Properties) -> None:
    client = cloud.client("iam")
    tags.bring(
        _role_labels(client, id_),
        inputs,
        lambda changed: client.tag_role(RoleName=id_, Tags=tags.as_list(changed)),
        lambda removed: client.untag_role(RoleName=id_, TagKeys=removed),
    )


def _read_role(cloud: Cloud, id_: str, known: Properties) -> Properties | None:
    del known
    client = cloud.client("iam")
    role = client.get_role(RoleName=id_)["Role"]
    return {
        "name": role["RoleName"],
        "path": role["Path"],
        "assumeRolePolicy": compact(role["AssumeRolePolicyDocument"]),
        "description": role.get("Description", ""),
        "maxSessionDuration": role.get("MaxSessionDuration", DEFAULT_SESSION_SECONDS),
        "permissionsBoundary": (role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn"),
        "arn": role["Arn"],
        "createDate": role["CreateDate"].isoformat(),
        "uniqueId": role["RoleId"],
        TAGS_ALL: tags.without_reference(_role_labels(client, id_)),
    }


def _update_role(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    client = cloud.client("iam")
    if json_normal(inputs["assumeRolePolicy"]) != json_normal(state.get("assumeRolePolicy")):
        client.update_assume_role_policy(RoleName=id_, PolicyDocument=inputs["assumeRolePolicy"])
    client.update_role(
        RoleName=id_,
        Description=inputs.get("description", ""),
        MaxSessionDuration=inputs["maxSessionDuration"],
    )
    if inputs.get("permissionsBoundary"):
        client.put_role_permissions_boundary(RoleName=id_, PermissionsBoundary=inputs["permissionsBoundary"])
    elif state.get("permissionsBoundary"):
        client.delete_role_permissions_boundary(RoleName=id_)
    _finish_role(cloud, id_, inputs)


def _delete_role(cloud: Cloud, id_: str, state: Properties) -> None:
    client = cloud.client("iam")
    if state.get("forceDetachPolicies"):
        for name in client.list_role_policies(RoleName=id_)["PolicyNames"]:
            client.delete_role_policy(RoleName=id_, PolicyName=name)
        for policy in client.list_attached_role_policies(RoleName=id_)["AttachedPolicies"]:
            client.detach_role_policy(RoleName=id_, PolicyArn=policy["PolicyArn"])
    client.delete_role(RoleName=id_)


def _role_refusals(inputs: Properties) -> Iterator[InvalidInput]:
    yield from name_refusals(inputs, LONGEST_ROLE_NAME)
    yield from document_refusals(inputs, "assumeRolePolicy", LARGEST_TRUST_POLICY)
    seconds = inputs.get("maxSessionDuration")
    shortest, longest = SESSION_SECONDS
    if isinstance(seconds, int) and not shortest <= seconds <= longest:
        yield InvalidInput("maxSessionDuration", seconds, allowed=f"{shortest} to {longest} seconds")
    yield from description_refusals(inputs)


ROLE: Final = Adapter(
    resource_type="aws:iam/role:Role",
    inputs={
        "assumeRolePolicy": str,
        "description": str,
        "forceDetachPolicies": bool,
        "maxSessionDuration": int,
        "name": str,
        "path": str,
        "permissionsBoundary": str,
        "tags": dict,
    },
    required=frozenset({"assumeRolePolicy"}),
    regional=False,
    defaults={"forceDetachPolicies": False, "maxSessionDuration": DEFAULT_SESSION_SECONDS, "path": "/"},
    autoname=Autoname(longest=LONGEST_ROLE_NAME),
    replaces=frozenset({"name", "path"}),
    write_only=frozenset({"forceDetachPolicies"}),
    computed=frozenset({"arn", "createDate", "uniqueId"}),
    normalizers={"assumeRolePolicy": json_normal},
    absent_codes=frozenset({ABSENT}),
    refusals=_role_refusals,
    create=_create_role,
    finish=_finish_role,
    find=_find_role,
    read=_read_role,
    update=_update_role,
    delete=_delete_role,
)


# Policies written into a role. The id is `role:name`; neither may have a colon.


def _write_role_policy(cloud: Cloud, inputs: Properties) -> None:
    cloud.client("iam").put_role_policy(
        RoleName=inputs["role"], PolicyName=inputs["name"], PolicyDocument=inputs["policy"]
    )


def _create_role_policy(cloud: Cloud, inputs: Properties, reference: str) -> str:
    del reference  # writing the same again does no harm
    _write_role_policy(cloud, inputs)
    return f"{inputs['role']}:{inputs['name']}"


def _read_role_policy(cloud: Cloud, id_: str, known: Properties) -> Properties | None:
    del known
    role, _, name = id_.partition(":")
    found = cloud.client("iam").get_role_policy(RoleName=role, PolicyName=name)
    return {"role": role, "name": name, "policy": compact(found["PolicyDocument"])}


def _update_role_policy(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    del id_, state
    _write_role_policy(cloud, inputs)


def _delete_role_policy(cloud: Cloud, id_: str, state: Properties) -> None:
    del state
    role, _, name = id_.partition(":")
    cloud.client("iam").delete_role_policy(RoleName=role, PolicyName=name)


def _role_policy_refusals(inputs: Properties) -> Iterator[InvalidInput]:
    yield from name_refusals(inputs, LONGEST_POLICY_NAME)
    yield from document_refusals(inputs, "policy", LARGEST_INLINE_POLICIES)


ROLE_POLICY: Final = Adapter(
    resource_type="aws:iam/rolePolicy:RolePolicy",
    inputs={"name": str, "policy": str, "role": str},
    required=frozenset({"policy", "role"}),
    regional=False,
    autoname=Autoname(longest=LONGEST_POLICY_NAME),
    replaces=frozenset({"name", "role"}),
    normalizers={"policy": json_normal},
    absent_codes=frozenset({ABSENT}),
    refusals=_role_policy_refusals,
    create=_create_role_policy,
    read=_read_role_policy,
    update=_update_role_policy,
    delete=_delete_role_policy,
)


# Managed policies attached to a role. The id is `role/arn`, as `pulumi import` wants it.


def _create_attachment(cloud: Cloud, inputs: Properties, reference: str) -> str:
    del reference  # attaching twice is attaching once
    cloud.client("iam").attach_role_policy(RoleName=inputs["role"], PolicyArn=inputs["policyArn"])
    return f"{inputs['role']}/{inputs['policyArn']}"


def _read_attachment(cloud: Cloud, id_: str, known: Properties) -> Properties | None:
    del known
    role, _, arn = id_.partition("/")
    pages = cloud.client("iam").get_paginator("list_attached_role_policies").paginate(RoleName=role)
    attached = {policy["PolicyArn"] for page in pages for policy in page["AttachedPolicies"]}
    return {"role": role, "policyArn": arn} if arn in attached else None


def _update_attachment(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    """Attach it again: every input replaces, so this is only for what a killed run left."""
    del id_, state
    cloud.client("iam").attach_role_policy(RoleName=inputs["role"], PolicyArn=inputs["policyArn"])


def _delete_attachment(cloud: Cloud, id_: str, state: Properties) -> None:
    del state
    role, _, arn = id_.partition("/")
    cloud.client("iam").detach_role_policy(RoleName=role, PolicyArn=arn)


def _attachment_refusals(inputs: Properties) -> Iterator[InvalidInput]:
    arn = inputs.get("policyArn")
    if arn is not None and arn is not UNKNOWN and not str(arn).startswith(ARN_LIKE):
        yield InvalidInput("policyArn", arn, allowed="a managed policy's ARN")


ROLE_POLICY_ATTACHMENT: Final = Adapter(
    resource_type="aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    inputs={"policyArn": str, "role": str},
    required=frozenset({"policyArn", "role"}),
    regional=False,
    replaces=frozenset({"policyArn", "role"}),
    absent_codes=frozenset({ABSENT}),
    refusals=_attachment_refusals,
    create=_create_attachment,
    read=_read_attachment,
    update=_update_attachment,
    delete=_delete_attachment,
)
