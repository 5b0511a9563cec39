"""What a `ReplicatedDatabase` refuses: one line each, before any child is registered."""

from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pulumi_seawall
from database_args import OREGON, TOKYO, member, shop
from pulumi_seawall import DatabaseEngine, plan_database
from pulumi_seawall._database_names import identifier, major_version, network
from seawall.errors import InvalidInput, ObjectiveNotMet

OBJECTIVES = {
    "availability": 0.999,
    "latency_p95_seconds": 0.5,
    "error_rate": 0.001,
    "recovery_time_seconds": 6 * 3600,
    "recovery_point_seconds": 60,
}


def without(key: str) -> dict[str, Any]:
    return {key: None}


def tokyo(**more: Any) -> dict[str, Any]:
    return {"members": [member("tokyo", TOKYO) | more, member("oregon", OREGON)]}


def oregon(**more: Any) -> dict[str, Any]:
    return {"members": [member("tokyo", TOKYO), member("oregon", OREGON) | more]}


def alarms(**more: Any) -> dict[str, Any]:
    return {"alarms": {"missing_data": "breaching", **more}}


def name(**more: Any) -> dict[str, Any]:
    return {"writer_name": {"name": "db.shop.internal", "zone_id": "Z1", **more}}


def rebuilt(**more: Any) -> dict[str, Any]:
    return {"writer": "oregon", "unprotected": ["tokyo"], "rebuild_as_replica": {"tokyo": "oregon"}, **more}


KEY = "arn:aws:kms:us-west-2:123456789012:key/1234"
GROUP = "arn:aws:rds:ap-northeast-1:123456789012:subgrp:shop"

BAD: dict[str, tuple[dict[str, Any], str]] = {
    # what the issue asks for
    "a key of the wrong region": (
        tokyo(kms_key_arn=KEY),
        f"members[0].kms_key_arn = {KEY}: a key of ap-northeast-1, because a member's storage is encrypted with a key of its own region",
    ),
    "an alias for a key": (tokyo(kms_key_arn="alias/shop"), "members[0].kms_key_arn = alias/shop: the ARN of a KMS key, not of an alias"),
    "an identifier too long": (oregon(identifier="a" * 64), f"members[1].identifier = {'a' * 64}: at most 63 characters, not 64"),
    "an identifier ending in a hyphen": (
        oregon(identifier="shop-"),
        "members[1].identifier = shop-: a name that does not end in a hyphen",
    ),
    "an identifier with two hyphens": (
        oregon(identifier="shop--db"),
        "members[1].identifier = shop--db: lower-case letters, digits and single hyphens between them, a letter first",
    ),
    "a managed master password": (
        {"manage_master_user_password": True},
        "manage_master_user_password = True: not offered, because RDS makes no replicas of a source whose master password it manages",
    ),
    "no backups": (
        {"backup_retention_days": 0},
        "backup_retention_days = 0: 1 to 35 days, because RDS makes replicas only from a source with automated backups",
    ),
    "a replica in the writer's subnet group": (
        {"members": [member("tokyo", TOKYO, subnet_ids=None, subnet_group_arn=GROUP), member("oregon", OREGON, subnet_ids=None, subnet_group_arn=GROUP)]},
        f"members[1].subnet_group_arn = {GROUP}: a subnet group of us-west-2, because a subnet group has subnets of one region only, and this is tokyo's",
    ),
    "a replica in the writer's subnets": (
        oregon(subnet_ids=["subnet-ap-northeast-1-a", "subnet-us-west-2-b"]),
        "members[1].subnet_ids[0] = subnet-ap-northeast-1-a: a subnet of us-west-2, because it is in tokyo's subnet group, and a subnet group has subnets of one region only",
    ),
    "Aurora": (
        {"engine": "aurora-postgresql"},
        "engine = aurora-postgresql: postgres, mysql or mariadb, because Aurora replicates by clusters",
    ),
    "another engine": ({"engine": "oracle-ee"}, "engine = oracle-ee: postgres, mysql or mariadb"),
    "an unknown writer": ({"writer": "tokio"}, "writer = tokio: a member: tokyo, oregon; did you mean tokyo?"),
    "a region twice": (oregon(region=TOKYO), "members[1].region = ap-northeast-1: each region once, because one region's loss would take both"),
    "a name twice": (oregon(name="tokyo"), "members[1].name = tokyo: each name once, because resources are named after it"),
    "an unknown region": (oregon(region="us-wset-2"), "members[1].region = us-wset-2: an AWS region; did you mean us-west-2?"),
    "a mistyped key": ({"databse_name": "shop"}, "databse_name = shop: did you mean database_name?"),
    "a mistyped key of a member": (oregon(subnets=["subnet-1"]), "members[1].subnets = ['subnet-1']: did you mean subnet_ids?"),
    "a role in a member": (oregon(role="replica"), "members[1].role = replica: not offered, because writer names the member that writes"),
    # asked for by name
    "a database created where no member is": (
        {"created_in": "ireland"},
        "created_in = ireland: one of tokyo, oregon, or nothing at all, because the database lives where it was created",
    ),
    "a writer that may be deleted": ({"unprotected": ["tokyo"]}, "unprotected = tokyo: not the writer, because its data would be lost"),
    "an unknown member that may be deleted": ({"unprotected": ["oregn"]}, "unprotected[0] = oregn: a member: tokyo, oregon; did you mean oregon?"),
    "rebuilding the writer": (
        rebuilt(rebuild_as_replica={"oregon": "oregon"}),
        "rebuild_as_replica.oregon = oregon: not for the writer, because its data would be lost",
    ),
    "rebuilding from a former writer": (
        rebuilt(rebuild_as_replica={"tokyo": "tokyo"}),
        "rebuild_as_replica.tokyo = tokyo: oregon, which writes, because each rebuilding is asked for by name; take old ones out",
    ),
    "rebuilding what is protected": (
        rebuilt(unprotected=[]),
        "rebuild_as_replica.tokyo = oregon: only with tokyo in unprotected, deployed before, because RDS refuses to delete a protected instance",
    ),
    "rebuilding what no member is": (rebuilt(rebuild_as_replica={"tokio": "oregon"}), "rebuild_as_replica.tokio = tokio: a member: "),
    "a list of what is rebuilt": (rebuilt(rebuild_as_replica=["tokyo"]), "rebuild_as_replica = ['tokyo']: a dictionary from members to the writer"),
    "rebuilding what is adopted": (
        rebuilt(**tokyo(import_id="shop", kms_key_arn=KEY.replace(OREGON, TOKYO))),
        "members[0].import_id = shop: not for a member that is rebuilt",
    ),
    # members
    "no members": ({"members": []}, "members = none: at least one member"),
    "members that are no list": ({"members": "tokyo"}, "members = tokyo: a list"),
    "no instance class": (oregon(instance_class="r6g.large"), "members[1].instance_class = r6g.large: an instance class, e.g. db.r6g.large"),
    "one subnet": (oregon(subnet_ids=["subnet-1"]), "members[1].subnet_ids = 1: at least 2 subnets, because a subnet group covers two zones"),
    "a subnet twice": (oregon(subnet_ids=["subnet-1", "subnet-1"]), "members[1].subnet_ids[1] = subnet-1: each once"),
    "no subnet": (oregon(subnet_ids=["vpc-1", "subnet-1"]), "members[1].subnet_ids[0] = vpc-1: an id that begins with subnet-"),
    "neither subnets nor a group": (oregon(subnet_ids=None), "members[1].subnet_ids is missing: exactly one of subnet_ids and subnet_group_arn"),
    "subnets and a group": (oregon(subnet_group_arn=GROUP), "members[1].subnet_ids = given beside subnet_group_arn: exactly one of"),
    "a subnet group's name": (oregon(subnet_ids=None, subnet_group_arn="shop"), "members[1].subnet_group_arn = shop: the ARN of an RDS subnet group"),
    "no networks": (oregon(allowed_cidrs=[]), "members[1].allowed_cidrs = none: at least one network"),
    "the whole internet": (oregon(allowed_cidrs=["0.0.0.0/0"]), "members[1].allowed_cidrs[0] = 0.0.0.0/0: a smaller network, because it is the whole internet"),
    "an address of a network": (oregon(allowed_cidrs=["10.0.0.1/16"]), "members[1].allowed_cidrs[0] = 10.0.0.1/16: a network as CIDR, e.g. 10.0.0.0/16"),
    "networks and groups": (oregon(security_group_ids=["sg-1"]), "members[1].allowed_cidrs = given beside security_group_ids: exactly one of"),
    "neither networks nor groups": (oregon(allowed_cidrs=None), "members[1].allowed_cidrs is missing: exactly one of allowed_cidrs and security_group_ids"),
    "no security groups": (oregon(allowed_cidrs=None, security_group_ids=[]), "members[1].security_group_ids = none: at least one security group"),
    "networks without a VPC": (oregon(vpc_id=None), "members[1].vpc_id is missing: required with allowed_cidrs"),
    "a writer in one zone": (tokyo(multi_az=False), "members[0].multi_az = False: true, because the writer always has a second zone"),
    "a topic of another region": (
        oregon(alarm_actions=["arn:aws:sns:eu-west-1:123456789012:oncall"]),
        "members[1].alarm_actions[0] = arn:aws:sns:eu-west-1:123456789012:oncall: an SNS topic in us-west-2, because an alarm notifies topics of its own region only",
    ),
    "six topics": (oregon(alarm_actions=["arn:aws:sns:us-west-2:123456789012:oncall"] * 6), "members[1].alarm_actions = 6: at most 5 topics"),
    "adoption under another identifier": (
        tokyo(import_id="shop", identifier="shop-prod", kms_key_arn=KEY.replace(OREGON, TOKYO)),
        "members[0].identifier = shop-prod: shop, as import_id says",
    ),
    "adoption without its key": (tokyo(import_id="shop"), "members[0].kms_key_arn is missing: required with import_id, because the instance has its key already"),
    "a public database": (oregon(publicly_accessible=True), "members[1].publicly_accessible = True: not offered, because a database is reached from its networks only"),
    # the whole
    "a minor version": (
        {"engine_version": "17.4"},
        "engine_version = 17.4: the major version only, e.g. 17, because RDS upgrades minor versions by itself, and a pinned one would be a downgrade then",
    ),
    "a minor version of MySQL": ({"engine": "mysql", "engine_version": "8.4.3"}, "engine_version = 8.4.3: the major version only, e.g. 8.4"),
    "a reserved user": ({"username": "admin"}, "username = admin: another name, because it is reserved"),
    "a user too long for MySQL": ({"engine": "mysql", "engine_version": "8.4", "username": "s" * 17}, f"username = {'s' * 17}: 1 to 16 letters"),
    "a database's name with a hyphen": ({"database_name": "shop-db"}, "database_name = shop-db: 1 to 63 letters, digits and underscores, a letter first"),
    "a short password": ({"password": "hunter2"}, 'password = (secret): 8 to 128 printable ASCII characters without /, ", @ and spaces'),
    "a password with a slash": ({"password": "hunter2/hunter2"}, "password = (secret): 8 to 128 printable"),
    "a password too long for MySQL": ({"engine": "mysql", "engine_version": "8.4", "password": "h" * 42}, "password = (secret): 8 to 41 printable"),
    "a password that is a number": ({"password": 12345678}, "password = (secret): a string"),
    "a mistyped password": ({"pasword": "hunter2hunter2"}, "pasword = (secret): did you mean password?"),
    "no password": (without("password"), "password is missing: required"),
    "too little storage": ({"storage_gib": 10}, "storage_gib = 10: 20 to 65536 GiB"),
    "a limit below what autoscaling wants": (
        {"storage_limit_gib": 105},
        "storage_limit_gib = 105: 110 to 65536 GiB, because RDS wants the limit at least a tenth above storage_gib",
    ),
    "too few connections": ({"max_connections": 1}, "max_connections = 1: 6 to 100000 connections"),
    "a low port": ({"port": 80}, "port = 80: 1150 to 65535"),
    "a parameter that has an argument": ({"parameters": {"max_connections": "9"}}, "parameters.max_connections = 9: not here, because max_connections has its own argument"),
    "plain connections": ({"parameters": {"rds.force_ssl": "0"}}, "parameters.rds.force_ssl = 0: not here, because connections are always encrypted"),
    "parameters that are no dictionary": ({"parameters": ["x"]}, "parameters = ['x']: a dictionary of parameters"),
    "an epoch below 0": ({"epoch": -1}, "epoch = -1: at least 0"),
    "a second zone for all": ({"multi_az": True}, "multi_az = True: not offered, because the writer always has a second zone"),
    # alarms
    "no choice for missing data": ({"alarms": {}}, "alarms.missing_data is missing: required"),
    "another choice": (alarms(missing_data="ok"), "alarms.missing_data = ok: breaching, notBreaching, ignore or missing"),
    "positions of MySQL": ({"engine": "mysql", "engine_version": "8.4", **alarms(lag="position")}, "alarms.lag = position: heartbeat, because CloudWatch has no positions of mysql"),
    "bytes for a heartbeat": (alarms(lag="heartbeat", lag_limit_bytes=1), "alarms.lag_limit_bytes = 1: only with lag = position"),
    "no lag at all": (alarms(lag_limit_seconds=0), "alarms.lag_limit_seconds = 0: above 0 seconds"),
    "a percentage": (alarms(cpu_ratio=90), "alarms.cpu_ratio = 90: a ratio above 0 and at most 1"),
    # the writer's name
    "a long-lived name": (
        name(ttl_seconds=60),
        "writer_name.ttl_seconds = 60: 0 to 30 seconds, because after a promotion clients go on to the old writer for that long",
    ),
    "two zones": (name(zone_name="shop.internal"), "writer_name.zone_id = given beside zone_name: exactly one of zone_id and zone_name"),
    "no zone": (name(zone_id=None), "writer_name.zone_id is missing: exactly one of"),
    "a name outside its zone": (name(zone_id=None, zone_name="other.internal"), "writer_name.name = db.shop.internal: a name in the zone other.internal"),
    "the zone's own name": (name(zone_id=None, zone_name="db.shop.internal"), "writer_name.name = db.shop.internal: a name below the zone's, because a zone's own name takes no CNAME"),
    "a zone without a network": (
        name(zone_id=None, zone_name="shop.internal") | oregon(vpc_id=None, allowed_cidrs=None, security_group_ids=["sg-1"]),
        "members[1].vpc_id is missing: required with writer_name.zone_name, because a private zone answers its VPCs only",
    ),
    # objectives
    "no lost write at all": (
        {"objectives": {**OBJECTIVES, "recovery_point_seconds": 0}},
        "recovery_point_seconds = 0: above 0 seconds, because replicas across regions are asynchronous",
    ),
    "an exception that excepts nothing": (
        {"objectives": {**OBJECTIVES, "exceptions": [{"failure_class": "region"}]}},
        "objectives.exceptions[0].recovery_time_seconds = None: a limit, here or as recovery_point_seconds",
    ),
    "waivers of nothing": ({"waivers": [{"key": "x", "until": "2999-12-31", "reason": "y"}]}, "waivers = 1 waivers: only with objectives"),
    "a waiver without a date": (
        {"objectives": OBJECTIVES, "waivers": [{"key": "x", "until": "soon", "reason": "y"}]},
        "waivers[0].until = soon: a date, e.g. 2027-03-31",
    ),
    "a span the wrong way round": (
        {"recovery": {"promotion_seconds": {"typical_seconds": 60, "worst_seconds": 30}}},
        "recovery.promotion_seconds.worst_seconds = 30: at least typical 60",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD, ids=list(BAD))
def test_bad_input_gets_one_line_with_name_value_and_what_is_allowed(case):
    """One line that a tired person can act on, and never a secret in it."""
    changes, line = BAD[case]
    with pytest.raises(InvalidInput) as caught:
        plan_database(shop(**changes))
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_nothing_is_registered_when_something_is_refused(deploy):
    """A database half declared is worse than none."""

    def program() -> None:
        with pytest.raises(InvalidInput):
            pulumi_seawall.ReplicatedDatabase("shop", shop(writer="nobody"))

    assert deploy(program).made == []


UNMET: dict[str, tuple[dict[str, Any], str]] = {
    "a recovery point below the lag limit": (
        alarms(lag_limit_seconds=120) | {"objectives": OBJECTIVES},
        "recovery_point_seconds = 60: at least 120 (region failure, writes), because the worst case is 120 s replication lag (assumed)",
    ),
    "a recovery time below a promotion": (
        {"objectives": {**OBJECTIVES, "recovery_time_seconds": 900, "exceptions": [{"failure_class": "corruption", "recovery_time_seconds": 86400}]}},
        "recovery_time_seconds = 900: at least 2495 (region failure, writes), because the worst case is ",
    ),
    "one region only": (
        {"members": [member("tokyo", TOKYO)], "objectives": OBJECTIVES},
        "region failure, reads: nothing recovers from it, because there is no replica and no copy outside the writer's region",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", UNMET, ids=list(UNMET))
def test_an_objective_that_replication_cannot_meet_is_refused_with_the_arithmetic(case):
    """Asynchronous replication loses what is under way; promising less is a lie that an outage finds."""
    changes, line = UNMET[case]
    with pytest.raises(ObjectiveNotMet) as caught:
        plan_database(shop(**changes))
    assert any(one.startswith(line) for one in caught.value.violations), caught.value.violations


def test_a_right_database_is_not_refused():
    """Each mistake above is one change away from this."""
    plan = plan_database(shop(objectives=OBJECTIVES, **name(), storage_limit_gib=110))
    assert (plan.writer.name, [one.name for one in plan.replicas]) == ("tokyo", ["oregon"])


@given(st.text("abcxyz019-", min_size=1, max_size=70))
def test_an_identifier_is_taken_exactly_when_rds_takes_it(value):
    """A letter first, letters, digits and single hyphens, no hyphen last, at most 63 characters."""
    right = value[0].isalpha() and value[-1] != "-" and "--" not in value and len(value) <= 63
    try:
        assert identifier("identifier", value) == value
        assert right
    except InvalidInput:
        assert not right


def computed(project: str, stack: str, component: str, member: str) -> str:
    with (
        mock.patch("pulumi.get_project", return_value=project),
        mock.patch("pulumi.get_stack", return_value=stack),
    ):
        return pulumi_seawall.instance_identifier(component, member)


@given(st.lists(st.text("abcXYZ019-_. ", min_size=1, max_size=40), min_size=4, max_size=4))
def test_a_computed_identifier_is_always_one_that_rds_takes(parts):
    """Whatever the project, stack, component and member are called; and the same in every run."""
    name = computed(*parts)
    assert identifier("identifier", name) == name == computed(*parts)


def test_names_that_differ_only_in_what_rds_does_not_take_stay_apart():
    """`Shop_1` and `shop-1` would otherwise be one instance."""
    assert len({computed("seawall", "test", "shop", one) for one in ("eu_1", "eu-1", "EU-1", "eu.1")}) == 4


@pytest.mark.parametrize(("engine", "version"), [("postgres", "17"), ("mysql", "8.0"), ("mariadb", "10.11")])
def test_major_versions_of_each_engine_are_taken(engine, version):
    """PostgreSQL's is one number, the others' are two."""
    assert major_version("engine_version", version, DatabaseEngine(engine)) == version


@pytest.mark.parametrize("block", ["10.0.0.0/8", "fd00::/8", "192.168.1.1/32"])
def test_networks_of_both_families_are_taken(block):
    """A VPC may have both."""
    assert network("allowed_cidrs[0]", block) == block
