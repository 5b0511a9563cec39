"""What a `ReplicatedDatabase` registers. Pulumi's mocks turn integers into floats."""

import json
from typing import Any

import pulumi
import pytest

import pulumi_seawall
from database_args import (
    OREGON,
    PASSWORD,
    SECRET,
    TOKYO,
    VPCS,
    key_of,
    member,
    shop,
    topic_of,
)


@pytest.fixture
def declare(deploy):
    """Deploy a database called `shop`."""
    return lambda **more: deploy(lambda: pulumi_seawall.ReplicatedDatabase("shop", shop(**more)))


def test_the_writer_is_created_whole_encrypted_protected_and_with_a_second_zone(declare):
    """Each of these is a trap when it is left out: no replica without backups, no data after a mistake."""
    made = declare().of("Instance")["shop-tokyo"]
    assert made.inputs == {
        "region": TOKYO,
        "identifier": "seawall-test-shop-tokyo",
        "engine": "postgres",
        "engineVersion": "17",
        "username": "shop",
        "dbName": "shop",
        "password": SECRET,
        "instanceClass": "db.r6g.large",
        "allocatedStorage": 100,
        "storageType": "gp3",
        "storageEncrypted": True,
        "kmsKeyId": "arn:aws:kms:ap-northeast-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "port": 5432,
        "publiclyAccessible": False,
        "multiAz": True,
        "backupRetentionPeriod": 7,
        "deletionProtection": True,
        "deleteAutomatedBackups": False,
        "copyTagsToSnapshot": True,
        "skipFinalSnapshot": False,
        "finalSnapshotIdentifier": "seawall-test-shop-tokyo-final-0-1234abcd",
        "autoMinorVersionUpgrade": True,
        "allowMajorVersionUpgrade": False,
        "applyImmediately": True,
        "dbSubnetGroupName": "seawall-test-shop-tokyo",
        "parameterGroupName": "seawall-test-shop-tokyo-postgres17",
        "vpcSecurityGroupIds": ["shop-tokyo-id"],
        "tags": {"Name": "shop", "seawall:component": "shop", "seawall:member": "tokyo"},
    }


def test_a_replica_names_its_source_by_arn_and_has_nothing_that_rds_refuses_on_one(declare):
    """A replica with a user, a database, a final snapshot or a version is an error; its key is of its own region."""
    made = declare().of("Instance")["shop-oregon"].inputs
    assert made["replicateSourceDb"] == "arn:aws:test:::shop-tokyo"
    assert made["kmsKeyId"].startswith("arn:aws:kms:us-west-2:")
    assert (made["region"], made["multiAz"], made["skipFinalSnapshot"]) == (OREGON, False, True)
    assert not {
        "engine", "engineVersion", "username", "dbName", "password", "allocatedStorage", "finalSnapshotIdentifier",
        "backupRetentionPeriod",
    } & set(made)  # fmt: skip


def test_each_member_has_its_own_key_networks_and_parameters_in_its_region(declare):
    """Nothing of one region is used in another."""
    deployment = declare(parameters={"log_min_duration_statement": "500"})
    for name, region in (("tokyo", TOKYO), ("oregon", OREGON)):
        key = deployment.of("key:Key")[f"shop-{name}"].inputs
        assert (key["region"], key["enableKeyRotation"], key["deletionWindowInDays"]) == (region, True, 30)
        alias = deployment.of("Alias")[f"shop-{name}"].inputs
        assert (alias["region"], alias["name"]) == (region, f"alias/seawall-test-shop-{name}")
        subnets = deployment.of("SubnetGroup")[f"shop-{name}"].inputs
        assert (subnets["region"], subnets["subnetIds"]) == (region, [f"subnet-{region}-a", f"subnet-{region}-b"])
        group = deployment.of("SecurityGroup")[f"shop-{name}"].inputs
        assert (group["region"], group["vpcId"]) == (region, VPCS[region])
        assert group["ingress"] == [
            {
                "protocol": "tcp",
                "fromPort": 5432,
                "toPort": 5432,
                "cidrBlocks": ["10.0.0.0/16"],
                "description": "Networks that may connect",
            }
        ]
        parameters = deployment.of("ParameterGroup")[f"shop-{name}"].inputs
        assert (parameters["region"], parameters["family"]) == (region, "postgres17")
        assert parameters["parameters"] == [
            {"name": "log_min_duration_statement", "value": "500", "applyMethod": "pending-reboot"},
            {"name": "max_connections", "value": "500", "applyMethod": "pending-reboot"},
            {"name": "rds.force_ssl", "value": "1", "applyMethod": "immediate"},
        ]


@pytest.mark.parametrize(
    ("engine", "version", "family", "port"),
    [("mysql", "8.4", "mysql8.4", 3306), ("mariadb", "11.4", "mariadb11.4", 3306)],
)
def test_mysql_and_mariadb_have_their_own_family_port_and_encryption_parameter(engine, version, family, port, declare):
    """`rds.force_ssl` is PostgreSQL's alone."""
    deployment = declare(engine=engine, engine_version=version)
    group = deployment.of("ParameterGroup")["shop-tokyo"].inputs
    assert group["family"] == family
    assert group["name"] == f"seawall-test-shop-tokyo-{family.replace('.', '-')}"
    assert {one["name"] for one in group["parameters"]} == {"max_connections", "require_secure_transport"}
    assert deployment.of("Instance")["shop-tokyo"].inputs["port"] == port


def test_what_exists_is_used_and_not_declared_again(declare):
    """An environment with networks, keys and groups of its own keeps them."""
    given = {
        "region": TOKYO,
        "name": "tokyo",
        "instance_class": "db.r6g.large",
        "subnet_group_arn": f"arn:aws:rds:{TOKYO}:123456789012:subgrp:old",
        "security_group_ids": ["sg-1"],
        "parameter_group_name": "old-parameters",
        "kms_key_arn": key_of(TOKYO),
        "identifier": "old-database",
    }
    deployment = declare(members=[given])
    made = deployment.of("Instance")["shop-tokyo"].inputs
    assert made["identifier"] == "old-database"
    assert made["dbSubnetGroupName"] == "old"
    assert made["vpcSecurityGroupIds"] == ["sg-1"]
    assert made["parameterGroupName"] == "old-parameters"
    assert made["kmsKeyId"] == key_of(TOKYO)
    assert made["finalSnapshotIdentifier"] == "old-database-final-0"
    assert {one.type.rpartition(":")[2] for one in deployment.made} == {"ReplicatedDatabase", "Instance", "MetricAlarm"}


def test_a_short_lived_name_follows_the_writer_in_a_zone_of_all_its_networks(declare):
    """Clients of every region find the writer by one name, and follow it within seconds."""
    deployment = declare(writer_name={"name": "db.shop.internal", "zone_name": "shop.internal"})
    assert deployment.of("Record")["shop-writer"].inputs == {
        "zoneId": "ZPRIVATE",
        "name": "db.shop.internal",
        "type": "CNAME",
        "ttl": 5,
        "records": ["seawall-test-shop-tokyo.abc.ap-northeast-1.rds.amazonaws.com"],
        "allowOverwrite": False,
    }
    assert deployment.of("Zone")["shop"].inputs["vpcs"] == [
        {"vpcId": VPCS[region], "vpcRegion": region} for region in (TOKYO, OREGON)
    ]
    assert deployment.outputs["writer_host"] == "db.shop.internal"
    assert deployment.outputs["zone_id"] == "ZPRIVATE"
    assert deployment.outputs["writer_ttl_seconds"] == 5


def test_a_name_in_a_zone_that_exists_declares_none(declare):
    """Most services have a private zone already."""
    deployment = declare(writer_name={"name": "db.shop.internal", "zone_id": "Z1", "ttl_seconds": 0})
    assert deployment.of("Zone") == {}
    assert deployment.of("Record")["shop-writer"].inputs["zoneId"] == "Z1"


def test_outputs_tell_hosts_identifiers_and_alarms_by_member_and_no_secret(declare):
    """They go into the topology and into logs."""
    outputs = declare().outputs
    assert outputs["writer"] == "tokyo"
    assert outputs["port"] == 5432
    assert outputs["writer_host"] == outputs["hosts"]["tokyo"]
    assert outputs["hosts"]["oregon"] == "seawall-test-shop-oregon.abc.us-west-2.rds.amazonaws.com"
    assert outputs["identifiers"] == {name: f"seawall-test-shop-{name}" for name in ("tokyo", "oregon")}
    assert outputs["regions"] == {"tokyo": TOKYO, "oregon": OREGON}
    assert outputs["arns"]["oregon"] == "arn:aws:test:::shop-oregon"
    assert outputs["security_group_ids"]["oregon"] == ["shop-oregon-id"]
    assert outputs["alarm_names"]["tokyo"] == [
        f"seawall-test-shop-tokyo-{purpose}" for purpose in ("cpu", "storage", "connections", "lag")
    ]
    assert PASSWORD not in json.dumps(outputs)


@pytest.mark.parametrize("late", [False, True])
def test_the_password_is_a_secret_wherever_it_came_from(late, deploy):
    """A plain string in the program must not be plain in the state, nor in a plan that somebody logs."""

    def program() -> pulumi_seawall.ReplicatedDatabase:
        password = pulumi.Output.from_input(PASSWORD) if late else PASSWORD
        args = shop(members=[member("tokyo", TOKYO)], password=password)
        assert PASSWORD not in repr(pulumi_seawall.plan_database(args))
        return pulumi_seawall.ReplicatedDatabase("shop", args)

    assert deploy(program).of("Instance")["shop-tokyo"].inputs["password"] == SECRET


def test_a_preview_with_unknown_values_works(deploy):
    """In a preview nothing that is made yet has an id."""

    def program() -> pulumi_seawall.ReplicatedDatabase:
        unknown: Any = pulumi.Output.from_input(pulumi.UNKNOWN)
        given = member("tokyo", TOKYO, vpc_id=unknown, subnet_ids=[unknown, unknown], allowed_cidrs=[unknown])
        given |= {"kms_key_arn": unknown, "alarm_actions": [unknown]}
        name = {"name": "db.shop.internal", "zone_id": unknown}
        return pulumi_seawall.ReplicatedDatabase("shop", shop(members=[given], password=unknown, writer_name=name))

    assert set(deploy(program, preview=True).of("Instance")) == {"shop-tokyo"}


LATE: dict[str, tuple[dict[str, Any], str]] = {
    "a key of another region": (
        {"kms_key_arn": key_of(OREGON)},
        r"members\[0\]\.kms_key_arn = .*: a key of ap-northeast-1",
    ),
    "a network of IPv6": (
        {"allowed_cidrs": "fd00::/8"},
        r"members\[0\]\.allowed_cidrs\[0\] = fd00::/8: an IPv4 network",
    ),
    "a topic of another region": (
        {"alarm_actions": topic_of(OREGON)},
        r"members\[0\]\.alarm_actions\[0\] = .*: an SNS topic in ap-northeast-1",
    ),
}


@pytest.mark.parametrize("case", LATE, ids=list(LATE))
def test_what_is_known_only_during_the_deployment_is_refused_then(case, deploy):
    """A value that arrives late is checked late, not never."""
    changes, message = LATE[case]

    def program() -> pulumi_seawall.ReplicatedDatabase:
        late = {key: pulumi.Output.from_input(value) for key, value in changes.items()}
        more = {key: value if key == "kms_key_arn" else [value] for key, value in late.items()}
        return pulumi_seawall.ReplicatedDatabase("shop", shop(members=[member("tokyo", TOKYO, **more)]))

    with pytest.raises(ValueError, match=message):
        deploy(program)


def test_a_password_that_arrives_late_and_is_wrong_is_refused_without_being_shown(deploy):
    """The message ends in logs that many can read."""

    def program() -> pulumi_seawall.ReplicatedDatabase:
        args = shop(members=[member("tokyo", TOKYO)], password=pulumi.Output.from_input("hunter2 "))
        return pulumi_seawall.ReplicatedDatabase("shop", args)

    with pytest.raises(ValueError, match=r"password = \(secret\): 8 to 128") as caught:
        deploy(program)
    assert "hunter2" not in str(caught.value)
