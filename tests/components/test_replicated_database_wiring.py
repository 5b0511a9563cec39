"""What a `ReplicatedDatabase` registers. Pulumi's mocks turn integers into floats."""

import json
import re
from typing import Any

import pulumi
import pytest

import pulumi_seawall
from pulumi_seawall._database_alarms import member_alarms
from pulumi_seawall._database_instance import ignored_inputs, instance_settings

PASSWORD = "correct-horse-battery"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": PASSWORD}  # on the wire
TOKYO, OREGON, IRELAND = "ap-northeast-1", "us-west-2", "eu-west-1"
VPCS = {TOKYO: "vpc-1", OREGON: "vpc-2", IRELAND: "vpc-3"}


def key_of(region: str, id_: str = "k") -> str:
    return f"arn:aws:kms:{region}:123456789012:key/{id_}"


def topic_of(region: str) -> str:
    return f"arn:aws:sns:{region}:123456789012:oncall"


def member(name: str, region: str, **more: Any) -> dict[str, Any]:
    """A member whose resources are all declared."""
    return {
        "name": name,
        "region": region,
        "instance_class": "db.r6g.large",
        "vpc_id": VPCS[region],
        "subnet_ids": [f"subnet-{region}-a", f"subnet-{region}-b"],
        "allowed_cidrs": ["10.0.0.0/16"],
        **more,
    }


def shop(**more: Any) -> Any:
    """A right database: Tokyo writes, Oregon follows."""
    return {
        "engine": "postgres",
        "engine_version": "17",
        "members": [member("tokyo", TOKYO), member("oregon", OREGON)],
        "writer": "tokyo",
        "created_in": "tokyo",
        "database_name": "shop",
        "username": "shop",
        "password": PASSWORD,
        "storage_gib": 100,
        "max_connections": 500,
        "alarms": {"missing_data": "breaching"},
        **more,
    }


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


def plan_of(**more: Any) -> pulumi_seawall.DatabasePlan:
    return pulumi_seawall.plan_database(shop(**more))


def of_name(plan: pulumi_seawall.DatabasePlan, name: str) -> pulumi_seawall.DatabaseMemberPlan:
    return next(one for one in plan.members if one.name == name)


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


def alarm_of(plan_args: dict[str, Any], name: str) -> dict[str, Any]:
    plan = plan_of(**plan_args)
    one = of_name(plan, name)
    alarms = member_alarms(plan.limits, plan.engine, writes=one.writes, replicas=len(plan.replicas))
    return {alarm.purpose: alarm for alarm in alarms}


def test_alarms_live_in_the_members_region_watch_its_instance_and_say_what_missing_data_means(declare):
    """An alarm elsewhere sees nothing; one without a choice is silent when the metric is."""
    deployment = declare(members=[member("tokyo", TOKYO, alarm_actions=[topic_of(TOKYO)]), member("oregon", OREGON)])
    alarm = deployment.of("MetricAlarm")["shop-tokyo-cpu"].inputs
    assert alarm == {
        "region": TOKYO,
        "name": "seawall-test-shop-tokyo-cpu",
        "alarmDescription": "tokyo of shop uses more than 90 % of its CPU.",
        "namespace": "AWS/RDS",
        "metricName": "CPUUtilization",
        "dimensions": {"DBInstanceIdentifier": "seawall-test-shop-tokyo"},
        "statistic": "Average",
        "comparisonOperator": "GreaterThanThreshold",
        "threshold": 90,
        "period": 60,
        "evaluationPeriods": 5,
        "datapointsToAlarm": 5,
        "treatMissingData": "breaching",
        "alarmActions": [topic_of(TOKYO)],
        "okActions": [topic_of(TOKYO)],
        "insufficientDataActions": [topic_of(TOKYO)],
        "tags": {"Name": "shop", "seawall:component": "shop", "seawall:member": "tokyo"},
    }
    thresholds = {name: made.inputs["threshold"] for name, made in deployment.of("MetricAlarm").items()}
    assert thresholds["shop-tokyo-storage"] == 10 * 2**30  # a tenth of 100 GiB
    assert thresholds["shop-tokyo-connections"] == 400  # four fifths of 500
    assert deployment.of("MetricAlarm")["shop-oregon-lag"].inputs["region"] == OREGON


def test_lag_by_position_is_watched_on_the_writer_and_has_no_data_on_a_replica():
    """An idle PostgreSQL reports five minutes of lag in seconds, and none in bytes."""
    writer, replica = alarm_of({}, "tokyo")["lag"], alarm_of({}, "oregon")["lag"]
    assert (writer.metric, writer.threshold) == ("OldestReplicationSlotLag", 2 * 64 * 2**20)
    assert (writer.missing_data.value, replica.missing_data.value) == ("breaching", "notBreaching")
    alone = alarm_of({"members": [member("tokyo", TOKYO)]}, "tokyo")["lag"]
    assert alone.missing_data.value == "notBreaching"


def test_lag_by_heartbeat_is_watched_on_the_replicas_and_has_no_data_on_the_writer():
    """A writer has no lag; a replica without a figure is a replica that is gone."""
    given = {"alarms": {"missing_data": "breaching", "lag": "heartbeat", "lag_limit_seconds": 20}}
    writer, replica = alarm_of(given, "tokyo")["lag"], alarm_of(given, "oregon")["lag"]
    assert (replica.metric, replica.threshold) == ("ReplicaLag", 20)
    assert (writer.missing_data.value, replica.missing_data.value) == ("notBreaching", "breaching")
    assert "replication" not in alarm_of(given, "oregon")


def test_a_mysql_replica_that_has_stopped_is_noticed():
    """It then reports -1, which is below every limit."""
    stopped = alarm_of({"engine": "mysql", "engine_version": "8.4"}, "oregon")["replication"]
    assert (stopped.metric, stopped.comparison, stopped.threshold) == ("ReplicaLag", "LessThanThreshold", 0)


def test_a_change_of_roles_changes_alarms_in_place():
    """Neither is one deleted nor one made: the same alarms exist in every role."""
    for lag in ("position", "heartbeat"):
        alarms = {"missing_data": "missing", "lag": lag}
        assert list(alarm_of({"alarms": alarms}, "tokyo")) == list(alarm_of({"alarms": alarms}, "oregon"))


def test_predictions_are_outputs_per_failure_and_path(declare):
    """Whoever reads the stack's outputs sees that a region's loss costs minutes of writes, and which."""
    predictions = {
        (one["measure"], one["failure_class"], one["path"]): one
        for one in declare(
            recovery={"promotion_seconds": {"typical_seconds": 200, "worst_seconds": 400}, "client_cache_seconds": 0},
            writer_name={"name": "db.shop.internal", "zone_id": "Z1", "ttl_seconds": 7},
        ).outputs["predictions"]
    }
    region = predictions["recovery_time_seconds", "region", "writes"]
    terms = {term["name"]: term["worst_seconds"] for term in region["terms"]}
    assert (terms["promotion"], terms["writer name's TTL"], terms["client caches"]) == (400, 7, 0)
    assert predictions["recovery_point_seconds", "region", "writes"]["worst_seconds"] == 30
    assert predictions["recovery_point_seconds", "writer", "writes"]["worst_seconds"] == 0


OBJECTIVES = {
    "availability": 0.999,
    "latency_p95_seconds": 0.5,
    "error_rate": 0.001,
    "recovery_time_seconds": 300,
    "recovery_point_seconds": 20,
    "exceptions": [
        {"failure_class": "region", "path": "writes", "recovery_time_seconds": 3600},
        {"failure_class": "corruption", "recovery_time_seconds": 6 * 3600},
    ],
}


def test_the_lag_limit_follows_from_the_objectives_and_assumptions_are_shown(declare):
    """What may be lost with a region is what the alarm rings at; what nobody measured is said."""
    deployment = declare(objectives=OBJECTIVES)
    assert deployment.log == deployment.outputs["warnings"]
    assert any("20 s replication lag" in line for line in deployment.log)
    assert all("assumed" in line or "nothing recovers" in line for line in deployment.log)


def test_a_waived_objective_is_a_warning_with_its_date(declare):
    """An environment that is taken over starts with what it has."""
    waivers = [{"key": "recovery_time_seconds/region/writes", "until": "2999-12-31", "reason": "drill in May"}]
    objectives = {**OBJECTIVES, "exceptions": OBJECTIVES["exceptions"][1:]}
    log = declare(objectives=objectives, waivers=waivers).log
    assert any(line.startswith("waived until 2999-12-31 (drill in May)") for line in log)
