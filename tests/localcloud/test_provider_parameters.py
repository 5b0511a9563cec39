"""SSM parameters and the functions that read them, and KMS keys, over the plugin's protocol."""

from typing import Any

import pytest

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("provider")]

PARAMETER = "aws:ssm/parameter:Parameter"
KEY = "aws:kms/key:Key"
STANDARD_BYTES, ADVANCED_BYTES = 4096, 8192


def named(lab: Any, name: str, **changes: Any) -> dict[str, Any]:
    return {"name": f"/{lab.prefix}/{name}", "type": "String", "value": "{}", **changes}


async def refused(lab: Any, inputs: dict[str, Any], match: str) -> None:
    with pytest.raises(Exception, match=match) as caught:
        await lab.create(PARAMETER, "refused", inputs)
    assert "\n" not in str(caught.value)
    assert "x" * 100 not in str(caught.value)


async def test_a_value_is_held_to_its_tiers_size(lab: Any) -> None:
    """4 KB in a standard parameter, 8 KB in an advanced one: a topology that is too large must fail here too."""
    assert (await lab.create(PARAMETER, "full", named(lab, "full", value="x" * STANDARD_BYTES))).state["version"] == 1
    await refused(lab, named(lab, "over", value="x" * (STANDARD_BYTES + 1)), "maximum parameter value of 4096")
    advanced = {"tier": "Advanced", "value": "x" * ADVANCED_BYTES}
    assert (await lab.create(PARAMETER, "advanced", named(lab, "advanced", **advanced))).state["tier"] == "Advanced"
    advanced["value"] += "x"
    await refused(lab, named(lab, "beyond", **advanced), "maximum parameter value of 8192")


async def test_an_advanced_parameter_is_made_anew_to_become_a_standard_one(lab: Any) -> None:
    """AWS has no way back; the way up is an update."""
    made = await lab.create(PARAMETER, "tier", named(lab, "tier", tier="Standard"))
    up = named(lab, "tier", tier="Advanced")
    assert not (await made.diff(up)).replaces
    await made.update(up)
    assert list((await made.diff(named(lab, "tier", tier="Standard"))).replaces) == ["tier"]
    assert not (await made.diff(named(lab, "tier"))).diffs  # left out, it stays as it is


async def test_intelligent_tiering_is_no_difference_whatever_it_chose(lab: Any) -> None:
    """The service answers with the tier that it chose, which must not plan an update for ever."""
    inputs = named(lab, "clever", tier="Intelligent-Tiering")
    made = await lab.create(PARAMETER, "clever", inputs)
    assert await made.refresh()
    assert not (await made.diff(inputs)).diffs
    large = {**inputs, "value": "x" * (STANDARD_BYTES + 1)}
    await made.update(large)
    details = lab.client("ssm", "eu-west-1").describe_parameters(
        ParameterFilters=[{"Key": "Name", "Values": [inputs["name"]]}]
    )
    assert details["Parameters"][0]["Tier"] == "Advanced"


async def test_a_version_is_written_only_when_something_differs(lab: Any) -> None:
    """Readers that follow versions must not be woken by a changed tag."""
    made = await lab.create(PARAMETER, "version", named(lab, "version"))
    assert (await made.update(named(lab, "version", tags={"a": "1"})))["version"] == 1
    assert (await made.update(named(lab, "version", value="[]", tags={"a": "1"})))["version"] == 2


async def test_a_parameter_that_somebody_else_made_is_refused(lab: Any) -> None:
    """Unless the program says that it may be overwritten."""
    name = f"/{lab.prefix}/taken"
    lab.client("ssm", "eu-west-1").put_parameter(Name=name, Value="theirs", Type="String")
    await refused(lab, named(lab, "taken"), "ParameterAlreadyExists")
    made = await lab.create(PARAMETER, "taken", named(lab, "taken", overwrite=True))
    assert made.state["value"] == "{}"
    assert made.state["version"] == 2


async def test_the_kinds_of_value_exclude_each_other(lab: Any) -> None:
    """One of value and insecureValue; a secret is never the insecure one."""
    assert await lab.failures(PARAMETER, named(lab, "both", insecureValue="{}"))
    assert await lab.failures(PARAMETER, {"name": "none", "type": "String"})
    secret = {"name": "s", "type": "SecureString", "insecureValue": "x"}
    assert "insecureValue" in await lab.failures(PARAMETER, secret)
    assert "type" in await lab.failures(PARAMETER, named(lab, "kind", type="Text"))
    insecure = {"name": f"/{lab.prefix}/plain", "type": "String", "insecureValue": "{}"}
    made = await lab.create(PARAMETER, "plain", insecure)
    assert await made.refresh()
    assert not (await made.diff(insecure)).diffs
    assert "value" not in made.state
    await made.update(named(lab, "plain"))  # the same value, as a secret from now on
    assert not (await made.diff(named(lab, "plain"))).diffs
    assert "insecureValue" not in made.state


async def test_an_imported_parameter_is_known_by_its_value(lab: Any) -> None:
    """As the real provider reads one that it does not know: a program that gives `insecureValue` differs in that."""
    made = await lab.create(PARAMETER, "made", named(lab, "adopted", description="ours"))
    imported = type(made)(lab, PARAMETER, "adopted", f"/{lab.prefix}/adopted@eu-west-1", None, None)
    assert await imported.refresh()
    assert not (await imported.diff(named(lab, "adopted", description="ours"))).diffs
    insecure = named(lab, "adopted", description="ours", insecureValue="{}")
    del insecure["value"]
    assert list((await imported.diff(insecure)).diffs) == ["insecureValue"]


async def test_a_secure_parameter_is_read_back_decrypted(lab: Any) -> None:
    """Otherwise each refresh would find drift, and write the ciphertext back."""
    inputs = named(lab, "secure", type="SecureString", value="hunter2")
    made = await lab.create(PARAMETER, "secure", inputs, hidden={("value",)})
    assert await made.refresh()
    assert made.state["value"] == "hunter2"
    assert not (await made.diff(inputs)).diffs


async def test_functions_read_what_is_there(lab: Any) -> None:
    """By name, where a missing one is an error; by path, where it is not, in the region that is asked for."""
    ssm = lab.client("ssm", "us-east-1")
    for name in ("b", "a", "deeper/c"):
        ssm.put_parameter(Name=f"/{lab.prefix}/{name}", Value=f"value of {name}", Type="String")
    one = await lab.invoke("aws:ssm/getParameter:getParameter", name=f"/{lab.prefix}/a", region="us-east-1")
    assert (one["value"], one["type"], one["version"]) == ("value of a", "String", 1)
    token = "aws:ssm/getParametersByPath:getParametersByPath"
    found = await lab.invoke(token, path=f"/{lab.prefix}", region="us-east-1", withDecryption=False)
    assert found["names"] == [f"/{lab.prefix}/a", f"/{lab.prefix}/b"]
    assert found["values"] == ["value of a", "value of b"]
    assert found["types"] == ["String", "String"]
    assert all(arn.startswith("arn:aws:ssm:us-east-1:") for arn in found["arns"])
    deep = await lab.invoke(token, path=f"/{lab.prefix}", region="us-east-1", recursive=True)
    assert f"/{lab.prefix}/deeper/c" in deep["names"]
    assert (await lab.invoke(token, path=f"/{lab.prefix}"))["names"] == []
    with pytest.raises(Exception, match="ParameterNotFound"):
        await lab.invoke("aws:ssm/getParameter:getParameter", name=f"/{lab.prefix}/none")


async def test_a_key_that_waits_for_its_deletion_is_gone(lab: Any) -> None:
    """KMS keeps it for days; neither a refresh nor a second delete may take it for a key."""
    key = await lab.create(KEY, "key", {"deletionWindowInDays": 7})
    await key.delete()
    metadata = lab.client("kms", "eu-west-1").describe_key(KeyId=key.id)["KeyMetadata"]
    assert metadata["KeyState"] == "PendingDeletion"
    assert (metadata["DeletionDate"] - metadata["CreationDate"]).days in (6, 7)
    assert not await key.refresh()
    await key.delete()


async def test_what_a_key_cannot_be_is_refused(lab: Any) -> None:
    """One line each, before anything is made."""
    for name, value in (("deletionWindowInDays", 5), ("keyUsage", "ANY"), ("policy", "{")):
        assert list(await lab.failures(KEY, {name: value})) == [name]
    for name in ("shop", "alias/aws/rds", "alias/a b"):
        assert "name" in await lab.failures("aws:kms/alias:Alias", {"name": name, "targetKeyId": "k"})
