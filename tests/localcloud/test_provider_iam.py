"""IAM's roles, policies and OpenID Connect providers, over the plugin's protocol."""

import json
from typing import Any

import pytest

from localcloud.provider.aws import ADAPTERS
from localcloud.provider.aws.iam import LARGEST_INLINE_POLICIES, LARGEST_TRUST_POLICY, size_without_space
from localcloud.provider.aws.iam_policy import LARGEST_POLICY, MOST_VERSIONS
from localcloud.provider.sweep import sweep
from provider_surroundings import ALLOWS, TRUST

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("provider")]

ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
POLICY = "aws:iam/policy:Policy"
PROVIDER = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"


def of_size(characters: int) -> str:
    """A policy that IAM counts as that large, with white space that it does not count."""
    document = json.loads(ALLOWS)
    document["Statement"][0]["Sid"] = ""
    empty = size_without_space(json.dumps(document))
    document["Statement"][0]["Sid"] = "x" * (characters - empty)
    return json.dumps(document, indent=4)


def allowing(action: str) -> str:
    return ALLOWS.replace("ssm:GetParameter", action)


async def role(lab: Any, name: str, **changes: Any) -> Any:
    return await lab.create(ROLE, name, {"name": f"{lab.prefix}-{name}", "assumeRolePolicy": TRUST, **changes})


@pytest.mark.parametrize(
    ("type_", "name", "largest"),
    [
        (POLICY, "policy", LARGEST_POLICY),
        (ROLE_POLICY, "policy", LARGEST_INLINE_POLICIES),
        (ROLE, "assumeRolePolicy", LARGEST_TRUST_POLICY),
    ],
)
async def test_a_document_is_held_to_iams_size_without_its_white_space(
    lab: Any, type_: str, name: str, largest: int
) -> None:
    """IAM refuses a larger one during the deployment, when half of it is done; here it is refused before."""
    others = {"role": "shop"} if type_ == ROLE_POLICY else {}
    assert not await lab.failures(type_, {name: of_size(largest), **others})
    refused = await lab.failures(type_, {name: of_size(largest + 1), **others})
    assert f"{name} = {largest + 1} characters: at most {largest} without white space" in refused[name]


async def test_the_oldest_version_makes_room_for_a_sixth(lab: Any) -> None:
    """IAM keeps five versions of a policy, and refuses a sixth."""
    policy = await lab.create(POLICY, "versions", {"name": f"{lab.prefix}-versions", "policy": ALLOWS})
    for number in range(MOST_VERSIONS + 1):
        news = {"name": f"{lab.prefix}-versions", "policy": allowing(f"ssm:GetParameter{number}")}
        assert json.loads((await policy.update(news))["policy"]) == json.loads(news["policy"])
    versions = lab.client("iam").list_policy_versions(PolicyArn=policy.id)["Versions"]
    assert len(versions) == MOST_VERSIONS
    await policy.delete()
    assert not await policy.refresh()


async def test_a_role_that_still_has_policies_goes_only_when_that_is_asked_for(lab: Any) -> None:
    """As IAM: somebody else's policy in a role stops its deletion, unless `forceDetachPolicies` was given."""
    kept, forced = await role(lab, "kept"), await role(lab, "forced", forceDetachPolicies=True)
    policy = await lab.create(POLICY, "shared", {"policy": ALLOWS})
    for each in (kept, forced):
        await lab.create(ROLE_POLICY, f"in-{each.name}", {"role": each.id, "policy": ALLOWS})
        await lab.create(ATTACHMENT, f"to-{each.name}", {"role": each.id, "policyArn": policy.id})
    with pytest.raises(Exception, match="DeleteConflict"):
        await kept.delete()
    await forced.delete()
    assert not await forced.refresh()
    await policy.refresh()
    assert policy.state["attachmentCount"] == 1


async def test_an_attachment_that_somebody_took_away_is_found_missing(lab: Any) -> None:
    """Otherwise a role without rights looks complete for ever."""
    made = await role(lab, "bare")
    policy = await lab.create(POLICY, "away", {"policy": ALLOWS})
    attachment = await lab.create(ATTACHMENT, "away", {"role": made.id, "policyArn": policy.id})
    assert await attachment.refresh()
    lab.client("iam").detach_role_policy(RoleName=made.id, PolicyArn=policy.id)
    assert not await attachment.refresh()


async def test_the_same_trust_in_another_order_is_no_difference(lab: Any) -> None:
    """IAM hands documents back in its own words; a changed principal is one, in place."""
    made = await role(lab, "trust")
    reordered = json.dumps(dict(reversed(json.loads(TRUST).items())), indent=2)
    inputs = {"name": f"{lab.prefix}-trust", "assumeRolePolicy": reordered}
    assert not (await made.diff(inputs)).diffs
    changed = await made.diff({**inputs, "assumeRolePolicy": TRUST.replace("ec2", "backup")})
    assert list(changed.diffs) == ["assumeRolePolicy"]
    assert not changed.replaces


async def test_everything_in_iam_is_known_by_the_id_that_an_import_gives(lab: Any) -> None:
    """Adoption: the id of `pulumi import` alone must tell every input."""
    made = await role(lab, "adopted", path="/shop/")
    policy = await lab.create(POLICY, "adopted", {"name": f"{lab.prefix}-adopted", "policy": ALLOWS})
    inputs = {"url": f"https://{lab.prefix}.example.com", "clientIdLists": ["sts.amazonaws.com"]}
    provider = await lab.create(PROVIDER, "adopted", inputs)
    inside = await lab.create(ROLE_POLICY, "adopted", {"role": made.id, "name": "reads", "policy": ALLOWS})
    attached = await lab.create(ATTACHMENT, "adopted", {"role": made.id, "policyArn": policy.id})
    ids = {
        made: f"{lab.prefix}-adopted",
        policy: f"arn:aws:iam::123456789012:policy/{lab.prefix}-adopted",
        provider: f"arn:aws:iam::123456789012:oidc-provider/{lab.prefix}.example.com",
        inside: f"{lab.prefix}-adopted:reads",
        attached: f"{lab.prefix}-adopted/arn:aws:iam::123456789012:policy/{lab.prefix}-adopted",
    }
    for resource, id_ in ids.items():
        imported = type(resource)(lab, resource.type, resource.name, id_, None, None)
        assert await imported.refresh()
        assert not (await imported.diff(resource.inputs)).diffs


async def test_the_address_of_a_provider_is_the_same_with_and_without_its_scheme(lab: Any) -> None:
    """IAM drops `https://`; taken for a change, it would replace the provider that every role trusts."""
    url = f"{lab.prefix}.ci.example.com/org"
    made = await lab.create(PROVIDER, "ci", {"url": f"https://{url}", "clientIdLists": ["sts.amazonaws.com"]})
    assert made.id == f"arn:aws:iam::123456789012:oidc-provider/{url}"
    assert not (await made.diff({"url": url, "clientIdLists": ["sts.amazonaws.com"]})).diffs
    moved = await made.diff({"url": f"https://{url}/other", "clientIdLists": ["sts.amazonaws.com"]})
    assert list(moved.replaces) == ["url"]


async def test_an_audience_is_added_and_removed_without_an_error_when_it_is_so_already(lab: Any) -> None:
    """moto lacks both operations; AWS takes each twice, so a run that is taken up again goes through."""
    url = f"https://{lab.prefix}.audiences.example.com"
    made = await lab.create(PROVIDER, "audiences", {"url": url, "clientIdLists": ["one"]})
    iam = lab.client("iam")
    for _ in range(2):
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=made.id, ClientID="two")
    assert iam.get_open_id_connect_provider(OpenIDConnectProviderArn=made.id)["ClientIDList"] == ["one", "two"]
    for _ in range(2):
        iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=made.id, ClientID="one")
    await made.refresh()
    assert made.state["clientIdLists"] == ["two"]


@pytest.mark.parametrize(
    ("type_", "name", "value", "allowed"),
    [
        (ROLE, "name", "x" * 65, "1 to 64 letters"),
        (ROLE, "name", "with space", "1 to 64 letters"),
        (ROLE, "path", "shop/", "begins and ends with /"),
        (ROLE, "maxSessionDuration", 43_201, "3600 to 43200 seconds"),
        (ROLE, "description", "x" * 1001, "at most 1000"),
        (ROLE, "assumeRolePolicy", "{", "JSON"),
        (POLICY, "name", "x" * 129, "1 to 128 letters"),
        (POLICY, "description", "x" * 1001, "at most 1000"),
        (ROLE_POLICY, "policy", "{", "JSON"),
        (ATTACHMENT, "policyArn", "ReadOnlyAccess", "a managed policy's ARN"),
        (PROVIDER, "url", "http://ci.example.com", "an https:// address"),
        (PROVIDER, "clientIdLists", [], "1 to 100 client ids"),
        (PROVIDER, "clientIdLists", ["x" * 256], "1 to 255 characters"),
        (PROVIDER, "thumbprintLists", ["ab"], "40 hexadecimal digits"),
        (PROVIDER, "thumbprintLists", ["0" * 40] * 6, "at most 5"),
    ],
)
async def test_what_iam_does_not_take_is_refused_in_one_line(
    lab: Any, type_: str, name: str, value: Any, allowed: str
) -> None:
    """Before anything is made, and naming the input."""
    complete: dict[str, dict[str, Any]] = {
        ROLE: {"assumeRolePolicy": TRUST},
        POLICY: {"policy": ALLOWS},
        ROLE_POLICY: {"role": "shop", "policy": ALLOWS},
        ATTACHMENT: {"role": "shop", "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
        PROVIDER: {"url": "https://ci.example.com", "clientIdLists": ["sts.amazonaws.com"]},
    }
    assert not await lab.failures(type_, complete[type_])
    refused = await lab.failures(type_, {**complete[type_], name: value})
    assert list(refused) == [name]
    assert allowed in refused[name]
    assert "\n" not in refused[name]


async def test_a_role_that_a_killed_run_left_goes_with_its_policies(lab: Any) -> None:
    """A sweep deletes what no state knows; the role's own policy must not be in its way."""
    made = await role(lab, "orphan")
    inside = await lab.create(ROLE_POLICY, "orphan", {"role": made.id, "policy": ALLOWS})
    removed = sweep(lab.journal, ADAPTERS, lab.clients, {})
    assert {entry.type for entry in removed} >= {ROLE}
    assert not await made.refresh()
    assert not await inside.refresh()
