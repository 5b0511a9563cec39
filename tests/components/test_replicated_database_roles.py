"""What happens to a `ReplicatedDatabase` that exists: promoted, rebuilt, adopted, moved."""

import re
from typing import Any

import pytest

import pulumi_seawall
from database_args import OREGON, TOKYO, key_of, member, of_name, plan_of, shop
from pulumi_seawall._database_instance import ignored_inputs, instance_settings


@pytest.fixture
def declare(deploy):
    """Deploy a database called `shop`."""
    return lambda **more: deploy(lambda: pulumi_seawall.ReplicatedDatabase("shop", shop(**more)))


def test_a_promoted_member_keeps_its_urn_and_only_loses_its_source(deploy):
    """The adoption of a failover is a change of `writer`: no resource appears, none vanishes, none is renamed."""
    before = deploy(lambda: pulumi_seawall.ReplicatedDatabase("shop", shop()))
    urns, made = list(before.urns), {one.name: one for one in before.made if one.type.endswith("Instance")}
    before.made.clear()
    before.urns.clear()
    after = deploy(lambda: pulumi_seawall.ReplicatedDatabase("shop", shop(writer="oregon", epoch=1)))
    assert after.urns == urns
    promoted = after.of("Instance")["shop-oregon"].inputs
    old = made["shop-oregon"].inputs
    assert set(old) - set(promoted) == {"replicateSourceDb"}
    assert {name for name in promoted if promoted[name] != old.get(name)} == {
        "allocatedStorage",
        "allowMajorVersionUpgrade",
        "backupRetentionPeriod",
        "engineVersion",
        "finalSnapshotIdentifier",
        "multiAz",
        "password",
        "skipFinalSnapshot",
    }
    assert promoted["finalSnapshotIdentifier"] == "seawall-test-shop-oregon-final-1-1234abcd"
    assert not {"engine", "username", "dbName"} & set(promoted)  # they replace an instance


REPLACES = {"engine", "username", "dbName", "kmsKeyId", "storageEncrypted", "identifier"}  # the AWS provider's own list


def test_what_a_role_gives_is_ignored_on_a_member_that_does_not_have_it():
    """The former writer keeps all that it had as a writer: nothing on it changes because another one writes."""
    plan = plan_of(writer="oregon")
    former = of_name(plan, "tokyo")
    as_writer = instance_settings(plan_of(), of_name(plan_of(), "tokyo"))
    as_replica = instance_settings(plan, former)
    differing = {
        name for name in {*as_writer, *as_replica, "replicate_source_db", "final_snapshot_identifier"}
        if as_writer.get(name) != as_replica.get(name) or name.endswith(("_db", "_identifier"))
    }  # fmt: skip
    wire = {name.split("_")[0] + "".join(part.title() for part in name.split("_")[1:]) for name in differing}
    assert wire <= set(ignored_inputs(plan, former))


@pytest.mark.parametrize("writer", ["tokyo", "oregon"])
def test_nothing_that_replaces_an_instance_follows_the_program_once_it_exists(writer):
    """What only a creation decides is ignored on every member, in every role."""
    plan = plan_of(writer=writer)
    for one in plan.members:
        assert set(ignored_inputs(plan, one)) >= REPLACES
        assert ("region" in ignored_inputs(plan, one)) is one.writes  # a replica may move, the data may not


def test_a_replica_that_is_asked_for_a_second_zone_gets_it():
    """Only what nobody stated is left alone."""
    plan = plan_of(members=[member("tokyo", TOKYO), member("oregon", OREGON, multi_az=True)])
    assert instance_settings(plan, of_name(plan, "oregon"))["multi_az"] is True
    assert "multiAz" not in ignored_inputs(plan, of_name(plan, "oregon"))
    assert "multiAz" in ignored_inputs(plan_of(), of_name(plan_of(), "oregon"))


def test_a_version_changes_only_when_that_is_asked_for(deployment, declare):
    """An adopted 17.2 stays one, whatever RDS means by 17 today; 16 becomes 17 in a deployment that says so."""
    plan = plan_of()
    assert "engineVersion" in ignored_inputs(plan, of_name(plan, "tokyo"))
    upgrade = plan_of(allow_major_version_upgrade=True)
    assert "engineVersion" not in ignored_inputs(upgrade, of_name(upgrade, "tokyo"))
    deployment.answers["Instance::shop-tokyo"] = {"engineVersionActual": "16.4"}
    made = declare(allow_major_version_upgrade=True).of("Instance")["shop-tokyo"].inputs
    assert (made["engineVersion"], made["allowMajorVersionUpgrade"]) == ("17", True)


def test_a_member_is_rebuilt_only_by_name_and_then_from_the_new_writer(declare):
    """A rebuilding deletes an instance: it is asked for, with the source that is meant, and first unprotected."""
    deployment = declare(
        writer="oregon", unprotected=["tokyo"], rebuild_as_replica={"tokyo": "oregon"}, created_in="tokyo"
    )
    made = deployment.of("Instance")["shop-tokyo"].inputs
    assert made["replicateSourceDb"] == "arn:aws:test:::shop-oregon"
    assert made["deletionProtection"] is False
    assert not {"engine", "username", "dbName", "password"} & set(made)
    plan = plan_of(writer="oregon", unprotected=["tokyo"], rebuild_as_replica={"tokyo": "oregon"})
    assert ignored_inputs(plan, of_name(plan, "tokyo")) == []
    assert [one.name for one in plan.members if one.rebuilt] == ["tokyo"]


def test_a_writer_is_created_empty_only_where_that_is_said():
    """A new name under `writer` must not make an empty database and point the clients at it."""
    plan = plan_of(writer="oregon")
    assert "engine" not in instance_settings(plan, of_name(plan, "oregon"))  # RDS refuses to create it
    settings = instance_settings(plan_of(), of_name(plan_of(), "tokyo"))
    assert (settings["engine"], settings["db_name"], settings["username"]) == ("postgres", "shop", "shop")


def test_an_existing_instance_is_adopted_as_it_is(declare):
    """Taking over must change nothing: neither a password nor a zone, and least of all the instance itself."""
    given = member("tokyo", TOKYO, import_id="shop-prod", kms_key_arn=key_of(TOKYO))
    deployment = declare(members=[given])
    made = deployment.of("Instance")["shop-tokyo"]
    assert made.import_id == "shop-prod@ap-northeast-1"
    assert made.inputs["identifier"] == "shop-prod"
    assert (
        deployment.of("SubnetGroup")["shop-tokyo"].inputs["name"] == "seawall-test-shop-tokyo"
    )  # its own may be taken
    plan = plan_of(members=[given])
    assert set(made.inputs) <= set(ignored_inputs(plan, of_name(plan, "tokyo")))


MOVED: dict[str, tuple[dict[str, Any], str]] = {
    "a writer's region": (
        {"Instance::shop-tokyo": {"region": OREGON}},
        r"members\[0\]\.region = ap-northeast-1: us-west-2, where tokyo is deployed, because a change would replace",
    ),
    "a replica's key": (
        {"Instance::shop-oregon": {"kmsKeyId": key_of(OREGON, "old")}},
        r"members\[1\]\.kms_key_arn = .*: arn:aws:kms:us-west-2:123456789012:key/old, where oregon is deployed, .*lose its data; name it in rebuild_as_replica instead",
    ),
    "an identifier": (
        {"Instance::shop-tokyo": {"identifier": "shop-prod"}},
        r"members\[0\]\.identifier = seawall-test-shop-tokyo: shop-prod, where tokyo is deployed",
    ),
    "a network": (
        {"SecurityGroup::shop-oregon": {"vpcId": "vpc-old"}},
        r"members\[1\]\.vpc_id = vpc-2: vpc-old, where oregon is deployed, because a change would replace the instance",
    ),
    "a major version": (
        {"Instance::shop-tokyo": {"engineVersionActual": "16.4"}},
        r"engine_version = 17: that of 16\.4, which is deployed; or allow_major_version_upgrade, because RDS upgrades",
    ),
    "an instance that is not encrypted": (
        {"Instance::shop-tokyo": {"kmsKeyId": ""}},
        r"members\[0\]\.kms_key_arn = .*: an encrypted instance, because tokyo is not encrypted",
    ),
}


@pytest.mark.parametrize("case", MOVED, ids=list(MOVED))
def test_a_change_that_would_lose_data_is_refused_once_the_instance_says_where_it_is(case, deployment, declare):
    """The engine ignores such a change, so that nothing is lost; silence would leave the wish forgotten."""
    answers, message = MOVED[case]
    deployment.answers.update(answers)
    with pytest.raises(ValueError, match=message):
        declare()
    assert [re.match(message, line) for line in deployment.log if re.match(message, line)]


def test_no_name_follows_a_writer_that_is_not_where_it_should_be(deployment, declare):
    """Clients must not be sent to an instance that is refused a moment later."""
    deployment.answers["Instance::shop-tokyo"] = {"region": OREGON}
    with pytest.raises(ValueError, match="where tokyo is deployed"):
        declare(writer_name={"name": "db.shop.internal", "zone_id": "Z1"})
    assert deployment.of("Record") == {}
    assert [made.name for made in deployment.made if made.type.endswith("Instance")] == ["shop-tokyo"]
