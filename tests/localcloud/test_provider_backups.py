"""AWS Backup's types over the plugin's protocol: adoption by import, and what the real provider refuses at plan time."""

from typing import Any

import pytest
from pulumi.runtime import proto

from localcloud.provider.aws import ADAPTERS
from localcloud.provider.values import UNKNOWN
from provider_samples import SAMPLES
from provider_surroundings import Surroundings

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("provider")]

MINE = sorted(type_ for type_ in ADAPTERS if type_.startswith("aws:backup/") or "AutomatedBackups" in type_)
SELECTION = "aws:backup/selection:Selection"
PLAN = "aws:backup/plan:Plan"
VAULT = "aws:backup/vault:Vault"
LOCK = "aws:backup/vaultLockConfiguration:VaultLockConfiguration"
TESTING = "aws:backup/restoreTestingPlan:RestoreTestingPlan"
REPLICATION = "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication"
POLICY = "aws:backup/vaultPolicy:VaultPolicy"
UNTOLD = {"forceDestroy": False}  # inputs that no service tells: the provider's defaults


@pytest.mark.parametrize("type_", MINE)
async def test_what_exists_is_adopted_by_its_import_id_without_a_difference(type_: str, lab: Any) -> None:
    """The id of `pulumi import` with its region must tell every input, or the next preview replaces a vault."""
    inputs = Surroundings(lab.clients).filled(SAMPLES[type_][0])
    made = await lab.create(type_, "adopted", inputs)
    bare = f"{inputs['planId']}|{made.id}" if type_ == SELECTION else made.id
    imported = type(made)(lab, type_, "adopted", f"{bare}@{inputs['region']}", None, None)
    answer = await lab.call("Read", proto.ReadRequest(id=imported.id, urn=imported.urn))
    assert answer.id == bare
    imported.id, imported.wire_inputs, imported.wire_state = answer.id, answer.inputs, answer.properties
    difference = await imported.diff(made.inputs)
    assert set(difference.diffs) <= set(UNTOLD), list(difference.diffs)
    assert not difference.replaces
    if type_ == SELECTION:
        await imported.delete()
        assert not await made.refresh()


@pytest.mark.parametrize(
    ("type_", "inputs", "refused"),
    [
        (VAULT, {"name": "s"}, {"name": "2 to 50 letters, digits, hyphens and underscores"}),
        (VAULT, {"name": "shop", "kmsKeyArn": "alias/shop"}, {"kmsKeyArn": "a key's ARN"}),
        (LOCK, {"backupVaultName": "shop", "minRetentionDays": 0}, {"minRetentionDays": "1 to 36500 days"}),
        (
            LOCK,
            {"backupVaultName": "shop", "minRetentionDays": 8, "maxRetentionDays": 7},
            {"minRetentionDays": "at most maxRetentionDays = 7"},
        ),
        (LOCK, {"backupVaultName": "shop", "changeableForDays": 2}, {"changeableForDays": "3 to 36500 days"}),
        (POLICY, {"backupVaultName": "shop", "policy": "{"}, {"policy": "JSON"}),
        (PLAN, {"rules": []}, {"rules": "at least one rule"}),
        (
            PLAN,
            {"rules": [{"ruleName": "daily", "targetVaultName": "shop", "startWindow": 59}]},
            {"rules[0].startWindow": "at least 60 minutes"},
        ),
        (
            PLAN,
            {
                "rules": [
                    {
                        "ruleName": "r" * 51,
                        "targetVaultName": "shop",
                        "lifecycle": {"coldStorageAfter": 1, "deleteAfter": 90},
                    }
                ]
            },
            {"rules[0].ruleName": "1 to 50 characters", "rules[0].lifecycle.deleteAfter": "at least 91 days"},
        ),
        (
            TESTING,
            {"name": "with-hyphen", "scheduleExpression": "cron(0 9 ? * SUN *)", "recoveryPointSelection": {}},
            {"name": "1 to 50 letters, digits and underscores"},
        ),
        (
            REPLICATION,
            {"sourceDbInstanceArn": "shop", "retentionPeriod": 36},
            {"retentionPeriod": "1 to 35 days", "sourceDbInstanceArn": "the ARN of an instance"},
        ),
    ],
)
async def test_what_the_real_provider_refuses_at_plan_time_is_refused_there(
    type_: str, inputs: dict[str, Any], refused: dict[str, str], lab: Any
) -> None:
    """A mistake that only AWS finds would pass every preview of the dev environment."""
    failures = await lab.failures(type_, {"region": "us-east-1", **inputs})
    assert failures.keys() == refused.keys()
    for name, allowed in refused.items():
        assert allowed in failures[name]


async def test_a_lock_is_replaced_and_not_changed(lab: Any) -> None:
    """As the real provider does it: the program must delete first, or the deletion of the old one unlocks the vault."""
    inputs = Surroundings(lab.clients).filled(SAMPLES[LOCK][0])
    made = await lab.create(LOCK, "lock", inputs)
    assert list((await made.diff({**inputs, "minRetentionDays": 8})).replaces) == ["minRetentionDays"]


async def test_what_a_rule_leaves_out_is_what_aws_fills_in(lab: Any) -> None:
    """Windows and the time zone have defaults: spelled out they are no change."""
    inputs = Surroundings(lab.clients).filled(SAMPLES[PLAN][0])
    made = await lab.create(PLAN, "plan", inputs)
    whole = {"startWindow": 480, "completionWindow": 10_080, "scheduleExpressionTimezone": "Etc/UTC"}
    spelled = [inputs["rules"][1] | whole, inputs["rules"][0] | {"enableContinuousBackup": False}]
    assert not (await made.diff({**inputs, "rules": spelled})).diffs
    changed = [inputs["rules"][1] | whole | {"startWindow": 60}, inputs["rules"][0]]
    assert list((await made.diff({**inputs, "rules": changed})).diffs) == ["rules"]


async def test_the_engine_may_ask_with_a_list_that_it_does_not_know(lab: Any) -> None:
    """Before it deletes something first, it asks what that does to all that depends on it: with unknown inputs."""
    inputs = Surroundings(lab.clients).filled(SAMPLES[SELECTION][0])
    made = await lab.create(SELECTION, "selection", inputs)
    assert list((await made.diff({**inputs, "resources": UNKNOWN})).replaces) == ["resources"]
