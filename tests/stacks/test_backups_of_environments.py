"""The `backups` section: what it says reaches the components, and what is wrong in it is said in the file's own words."""

import copy
import json
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime import mocks

import pulumi_seawall as components
from seawall.errors import InvalidInput, ObjectiveNotMet
from stacks import backup_settings as settings
from stacks.data import declare_data, plan_data
from stacks.environment import Environment, parse_environment
from stacks.recovery import declare_recovery, plan_recovery, topic_policy

ROOT = Path(__file__).resolve().parents[2]
KEY = "seawall:database_password"
TOKYO, OREGON = "ap-northeast-1", "us-west-2"
TOPICS = {region: f"arn:aws:sns:{region}:123456789012:alarms" for region in (TOKYO, OREGON, "us-east-1")}
OF_THE_STACK = {"vaults", "sources", "resource_types", "objectives", "tags", "keep_backups"}

PAIRS: dict[str, tuple[Any, Any, set[str], set[str]]] = {
    "backups": (
        settings.BackupSettings,
        components.BackupPlanArgs,
        {"vaults", "replication", "notifications", "source_import_ids"},
        OF_THE_STACK | {"backup_role_arn", "restore_role_arn"},
    ),
    "rules": (settings.RuleSettings, components.BackupRuleArgs, set(), set()),
    "copies": (settings.CopySettings, components.BackupCopyArgs, {"regions"}, set()),
    "vaults": (settings.VaultSettings, components.BackupVaultArgs, set(), set()),
    "lock": (settings.LockSettings, components.VaultLockArgs, set(), set()),
    "restore_testing": (settings.RestoreTestingSettings, components.RestoreTestingArgs, set(), set()),
    "recovery": (settings.BackupRecoverySettings, components.BackupRecoveryArgs, set(), set()),
    "replication": (
        settings.ReplicationSettings,
        components.BackupReplicationArgs,
        {"regions"},
        {
            "region",
            *(
                "source_arn",
                "source_region",
                "alarm_actions",
                "objectives",
                "waivers",
                "restore_seconds",
                "keep_backups",
            ),
            *("import_ids", "tags"),
        },
    ),
}


@pytest.mark.parametrize("section", PAIRS)
def test_a_section_has_the_components_names(section: str) -> None:
    """A key that only one of the two knows is either refused in the file or refused by the component."""
    model, args, only_in_the_file, not_in_the_file = PAIRS[section]
    keys = set(args.__required_keys__) | set(args.__optional_keys__)
    assert set(model.model_fields) - only_in_the_file == keys - not_in_the_file
    required = {name for name, field in model.model_fields.items() if field.is_required()}
    assert required - only_in_the_file == set(args.__required_keys__) - not_in_the_file


def environment_of(stack: str, **backups: Any) -> Environment:
    """A committed file, with changes in its `backups` section."""
    config = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))["config"]
    config = copy.deepcopy(config) | {KEY: "correct-horse-battery"}
    config["seawall:backups"] |= backups
    text = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    return parse_environment(text, stack=stack, secrets=(KEY,))


def after_a_failover(stack: str, writer: str) -> Environment:
    """A committed file whose writer another member has become, as `seawall failover adopt` changes it."""
    config = environment_of(stack).model_dump()
    config["database"] |= {"writer": writer}
    return Environment.model_validate({**config, "epoch": 1, "database_password": "correct-horse-battery"})


@pytest.fixture
def planned(pulumi_loop: object) -> Any:
    """Plans an environment's backups."""

    def plan(environment: Environment) -> Any:
        return plan_recovery(environment, plan_data(environment))

    return plan


class Recorder(mocks.Mocks):
    """Keeps what was asked for."""

    def __init__(self) -> None:
        self.made: dict[str, dict[str, Any]] = {}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"backups call no functions, but {args.token}")

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        kind, region = args.typ.rpartition(":")[2], args.inputs.get("region", "")
        self.made[f"{kind}::{args.name}"] = args.inputs
        told = {"arn": f"arn:aws:rds:{region}:123456789012:db:{args.name}"}
        if kind == "Key":
            told["arn"] = f"arn:aws:kms:{region}:123456789012:key/{args.name}"
        if kind == "Instance":
            told["address"] = f"{args.name}.rds.amazonaws.com"
        prefix = {"Vpc": "vpc", "Subnet": "subnet", "SecurityGroup": "sg"}.get(kind, kind)
        return f"{prefix}-{args.name}", {**args.inputs, **told}


@pytest.fixture
def declared(pulumi_loop: object) -> Any:
    """Declares an environment's database and backups; what was registered, and the outputs."""

    def declare(environment: Environment, topics: dict[str, str] = TOPICS) -> tuple[dict[str, Any], dict[str, Any]]:
        recorder, outputs = Recorder(), {}
        mocks.set_mocks(recorder, project="seawall", stack="dev", preview=False)

        @pulumi.runtime.test
        def main() -> pulumi.Output[None] | None:
            options = pulumi.ResourceOptions(protect=False)
            plan = plan_data(environment)
            data = declare_data(environment, plan, topics, options)
            recovery = declare_recovery(environment, plan_recovery(environment, plan), data, topics, options)
            if recovery is None:
                return None
            return pulumi.Output.all(**recovery.outputs).apply(lambda known: outputs.update(copy.deepcopy(known)))

        main()
        return recorder.made, outputs

    return declare


def test_the_writer_is_backed_up_where_it_is_and_its_alarms_reach_the_topic(declared: Any) -> None:
    """The ARN is the instance's own, known only during the deployment; the topic is the region's."""
    made, outputs = declared(environment_of("dev"))
    arn = f"arn:aws:rds:{TOKYO}:123456789012:db:shop-dev-{TOKYO}"
    assert made[f"Selection::shop-dev-{TOKYO}"]["resources"] == [arn]
    assert made[f"MetricAlarm::shop-dev-{TOKYO}-backup-missing-rds"]["alarmActions"] == [TOPICS[TOKYO]]
    assert outputs["backups"]["rules"] == {"daily": "cron(0 5 * * ? *)"}
    assert outputs["backups"]["locks"] == {TOKYO: [14, 14]}
    assert outputs["backups"]["resources"] == {TOKYO: [arn]}


def test_the_replication_uses_the_members_own_key_in_the_other_region(declared: Any) -> None:
    """A key more would be a key more to pay for, and to lose."""
    made, outputs = declared(environment_of("dev"))
    replication = made["InstanceAutomatedBackupsReplication::shop-dev"]
    assert replication["kmsKeyId"] == f"arn:aws:kms:{OREGON}:123456789012:key/shop-dev-{OREGON}"
    assert replication["region"] == OREGON
    assert "Key::shop-dev" not in made
    assert outputs["backups"]["replication"]["source"].endswith(f":db:shop-dev-{TOKYO}")


def test_a_declared_topic_lets_aws_backup_publish_and_a_given_one_is_left_alone(declared: Any) -> None:
    """AWS Backup takes a topic that it may not write to, and then writes nothing; a policy of others is not ours."""
    made, _ = declared(environment_of("dev"))
    policy = json.loads(made[f"TopicPolicy::shop-dev-backups-{TOKYO}"]["policy"])
    assert policy["Statement"][1]["Principal"] == {"Service": "backup.amazonaws.com"}
    config = environment_of("dev").model_dump()
    given = Environment.model_validate({**config, "alarms": {"topic_arns": {TOKYO: TOPICS[TOKYO]}}})
    made, _ = declared(given)
    assert not [name for name in made if name.startswith(("TopicPolicy", "VaultNotifications"))]


def test_the_topics_policy_is_for_one_account(declared: Any) -> None:
    """Without the account's id anybody's backup vault could write into it."""
    statements = json.loads(topic_policy(TOPICS[TOKYO]))["Statement"]
    assert [one["Condition"]["StringEquals"] for one in statements] == [
        {"aws:SourceOwner": "123456789012"},
        {"aws:SourceAccount": "123456789012"},
    ]


def test_after_a_failover_the_backups_follow_the_writer(declared: Any) -> None:
    """Adopting a failover changes `writer` and nothing else; backups of an instance that stands alone help nobody."""
    made, _ = declared(after_a_failover("dev", OREGON))
    assert f"Selection::shop-dev-{OREGON}" in made
    assert f"Plan::shop-dev-{TOKYO}" not in made
    replication = made["InstanceAutomatedBackupsReplication::shop-dev"]
    assert (replication["region"], replication["sourceDbInstanceArn"].split(":")[3]) == (TOKYO, OREGON)
    assert replication["kmsKeyId"].split(":")[3] == TOKYO


@pytest.mark.parametrize(("stack", "writer"), [("dev", OREGON), ("prod", "eu-central-1")])
def test_a_failover_takes_no_vault_no_policy_and_no_lock_away(stack: str, writer: str, declared: Any) -> None:
    """They are protected, and hold the only backups from before; an adoption that deletes one cannot be deployed."""
    kinds = ("Vault::", "VaultLockConfiguration::", "VaultPolicy::")  # a vault names its key
    topics = {region: f"arn:aws:sns:{region}:123456789012:alarms" for region in (*TOPICS, "eu-west-1", "eu-central-1")}
    before, _ = declared(environment_of(stack), topics)
    after, _ = declared(after_a_failover(stack, writer), topics)
    kept = {name: inputs for name, inputs in before.items() if name.startswith(kinds)}
    assert kept
    assert {name: after.get(name) for name in kept} == kept


def test_production_copies_to_the_standby_and_to_another_account(planned: Any) -> None:
    """The committed example shows both, with the locks of both vaults."""
    plan = planned(environment_of("prod")).backups
    (rule,) = plan.rules
    assert [(copy.region, copy.account) for copy in rule.copies] == [
        ("eu-central-1", None),
        ("eu-west-1", "210987654321"),
    ]
    assert plan.testing is not None
    assert plan.testing.overrides == {"RDS": {"dbSubnetGroupName": "shop-restore-tests"}}


def test_the_committed_files_switch_no_restore_test_off(planned: Any) -> None:
    """Opting out is somebody's decision, with a reason, and not an example's."""
    for stack in ("dev", "prod"):
        assert planned(environment_of(stack)).backups.testing is not None


def test_backups_need_a_database(planned: Any) -> None:
    """Nothing else of an environment has data."""
    config = environment_of("dev").model_dump()
    alone = Environment.model_validate({**config, "database": None, "database_password": None})
    with pytest.raises(InvalidInput) as caught:
        plan_recovery(alone, None)
    assert str(caught.value) == (
        "seawall:backups = given: only with seawall:database, because nothing else is backed up"
    )


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            {"vaults": [{"region": TOKYO, "name": "s"}]},
            "seawall:backups.vaults[ap-northeast-1].name = s: 2 to 50 letters, digits, hyphens and underscores",
        ),
        (
            {"rules": [{"name": "daily", "schedule": "rate(5 minutes)", "delete_after_days": 14}]},
            (
                "seawall:backups.rules[0].schedule = rate(5 minutes): at most hourly, because AWS Backup offers no shorter "
                "interval"
            ),
        ),
        (
            {"replication": {"regions": [TOKYO], "missing_data": "breaching"}},
            (
                "seawall:backups.replication.regions = ap-northeast-1: another region than source_region, because RDS keeps them "
                "there anyway"
            ),
        ),
        (
            {"source_import_ids": {"plan": ""}},
            "seawall:backups.source_import_ids.plan = '': a string of 1 to 1024 characters",
        ),
    ],
)
def test_what_is_wrong_is_said_in_the_words_of_the_file(planned: Any, change: dict[str, Any], line: str) -> None:
    """Whoever reads the line looks into Pulumi.<env>.yaml, not into a component's arguments."""
    with pytest.raises(InvalidInput) as caught:
        planned(environment_of("dev", **change))
    assert str(caught.value) == line


def test_an_objective_that_the_backups_miss_ends_the_program_before_anything_is_registered(planned: Any) -> None:
    """A weekly backup cannot keep a day's objective, whatever the database promises."""
    weekly = {
        "name": "weekly",
        "schedule": "cron(0 5 ? * MON,THU *)",
        "start_window_minutes": 60,
        "delete_after_days": 14,
    }
    away = environment_of("dev").backups
    assert away is not None
    copies = [away.rules[0].copies[0].model_dump(exclude_none=True)]
    with pytest.raises(
        ObjectiveNotMet, match="recovery_point_seconds = 108000: at least 360000 \\(account failure, writes"
    ):
        planned(environment_of("dev", rules=[{**weekly, "copies": copies}]))


def test_what_backups_cover_is_not_warned_of_by_the_database(pulumi_loop: object) -> None:
    """Two components about one failure: the one that recovers from it says so, the other is silent."""
    environment = environment_of("dev")
    data = plan_data(environment)
    assert data is not None
    assert not [one for one in data.warnings if "account" in one.key]
    without = Environment.model_validate({**environment.model_dump(), "backups": None})
    alone = plan_data(without)
    assert alone is not None
    assert [one.key for one in alone.warnings if "account" in one.key] == [
        "uncovered/account/reads",
        "uncovered/account/writes",
    ]
