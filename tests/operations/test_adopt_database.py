"""`seawall adopt`: RDS instances. What is proposed is valid, and what cannot be adopted says why and what to do."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from seawall.errors import InvalidInput
from seawall_ops.adopt import Estate, Wishes, propose
from seawall_ops.adopt.observed import Alarm, Check, Instance, Record, Zone
from stacks.data import plan_data
from stacks.environment import parse_environment

pytestmark = pytest.mark.usefixtures("pulumi_loop")  # a plan of the database makes outputs

HOME, AWAY, FAR = "eu-west-1", "eu-central-1", "us-east-1"
NAME = "shop.example.com"
WISHES = Wishes(name=NAME, service="shop", regions={"primary": HOME, "secondary": AWAY}, today=date(2026, 11, 25))
PASSWORD = {"seawall:database_password": "long-enough-1"}


def instance(identifier: str, region: str, **changes: Any) -> Instance:
    base = Instance(
        identifier, region, "postgres", "17.4", "db.r7g.large", storage_gib=100, encrypted=True, multi_az=True,
        kms_key_arn=f"arn:aws:kms:{region}:123456789012:key/1234", host=f"{identifier}.{region}.rds.amazonaws.com",
        port=5432, username="owner", database_name="orders", max_connections=400, backup_retention_days=14,
        subnet_group_arn=f"arn:aws:rds:{region}:123456789012:subgrp:data", security_group_ids=("sg-1",),
        parameter_group_name="tuned",
    )  # fmt: skip
    return replace(base, **changes)


WRITER = instance("orders", HOME)
REPLICA = instance("orders-far", AWAY, source="orders", multi_az=False, backup_retention_days=0)
EDGE = Estate(
    zones=(Zone("Z1", "example.com"), Zone("Z2", "orders.internal", private=True)),
    records=tuple(
        Record("Z1", NAME, "A", "failover", role, role, 60, (address,), health_check_id=role)
        for role, address in (("primary", "203.0.113.10"), ("secondary", "198.51.100.10"))
    ),
    checks=tuple(
        Check(role, "HTTPS", f"{region}.{NAME}", path="/up", interval_seconds=10, failure_threshold=3)
        for role, region in (("primary", HOME), ("secondary", AWAY))
    ),
)


def planned(*instances: Instance, wishes: Wishes = WISHES, **more: Any) -> Any:
    """The proposal, and the plan that the program makes of it: whatever is proposed must be valid."""
    estate = replace(EDGE, instances=instances, **more)
    proposal = propose(estate, wishes)
    configuration = {**proposal.configuration}
    if "seawall:database" in configuration:
        configuration |= PASSWORD
    environment = parse_environment(configuration, stack="prod", secrets=list(PASSWORD))
    return proposal, plan_data(environment)


def test_a_writer_and_its_replica_become_members_with_what_they_have():
    """Keys, networks and groups are theirs, and stay; nothing may be created empty."""
    proposal, plan = planned(WRITER, REPLICA)
    assert (proposal.refusals, proposal.notes) == ((), ())
    assert (plan.writer.import_id, [one.import_id for one in plan.replicas]) == ("orders", ["orders-far"])
    assert plan.created_in is None
    assert plan.writer.kms_key_arn == WRITER.kms_key_arn
    assert "pulumi config set --secret seawall:database_password --stack prod" in proposal.commands
    assert "database_password" not in str(proposal.configuration)


def test_what_the_objectives_do_not_meet_is_waived_until_a_day_by_the_programs_own_keys():
    """The preview warns; without the waivers it would be refused, and a quarter later it is."""
    proposal, plan = planned(WRITER, REPLICA)
    waivers = proposal.configuration["seawall:database"]["waivers"]
    assert {waiver["until"] for waiver in waivers} == {"2027-02-23"}
    waived = [warning for warning in plan.warnings if warning.line.startswith("waived until 2027-02-23")]
    assert [warning.key for warning in waived] == [waiver["key"] for waiver in waivers]
    assert not [warning for warning in plan.warnings if "waives nothing" in warning.line]


def test_a_replica_in_a_further_region_makes_that_region_a_reader():
    """The file names each region that the database has."""
    proposal, plan = planned(WRITER, REPLICA, instance("orders-us", FAR, source="orders"))
    assert proposal.configuration["seawall:regions"][2] == {"name": FAR, "role": "reader"}
    assert len(plan.members) == 3


def test_what_changes_once_the_ids_are_taken_out_is_said_before():
    """A second zone doubles a bill, and a public address that goes may be somebody's way in."""
    writer = replace(WRITER, multi_az=False, storage_type="gp2", backup_retention_days=0, publicly_accessible=True)
    proposal, _ = planned(writer, replace(REPLICA, storage_type="io1"))
    writer_note, replica_note = proposal.notes
    assert writer_note.removeprefix("instance orders, once import_id is taken out: ").split(", ") == [
        "gets a second zone (and costs twice as much)",
        "keeps automated backups for 7 days",
        "moves from gp2 to gp3 storage",
        "is reached from its networks only",
    ]
    assert replica_note == "instance orders-far, once import_id is taken out: moves from io1 to gp3 storage"


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "engine": ({"engine": "oracle-se2"}, "its engine is oracle-se2; there are postgres, mysql, mariadb"),
    "busy": ({"status": "modifying"}, "it is modifying: look again when it is available"),
    "plain": ({"encrypted": False, "kms_key_arn": None}, "it is not encrypted, and encrypting replaces it"),
    "managed password": ({"password_managed": True}, "RDS manages its master password and makes no replicas"),
    "reserved user": ({"username": "admin"}, "its master user is admin, a reserved name"),
    "no network": ({"subnet_group_arn": None}, "it is in no VPC"),
    "aurora": ({"cluster": "orders-cluster"}, "it belongs to the Aurora cluster orders-cluster"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_writer_that_cannot_be_adopted_leaves_the_database_out_and_says_why(what: str):
    """Half a database would be worse than none."""
    changes, why = REFUSED[what]
    proposal, plan = planned(replace(WRITER, **changes))
    assert plan is None
    assert proposal.refusals[0].what == "instance orders"
    assert proposal.refusals[0].because.startswith(why)


def test_replicas_that_cannot_be_members_stay_outside():
    """One per region, following the writer itself, encrypted; the others are named."""
    others = (
        instance("near", HOME, source="orders"),
        instance("chained", FAR, source="orders-far"),
        instance("plain", FAR, source="orders", encrypted=False),
    )
    proposal, plan = planned(WRITER, REPLICA, *others)
    assert [one.import_id for one in plan.members] == ["orders", "orders-far"]
    assert [str(refusal).partition(",")[0] for refusal in proposal.refusals] == [
        "instance near: eu-west-1 has a member already",
        "instance chained: it replicates a replica (orders-far)",
        "instance plain: it is not encrypted",
    ]


def test_other_databases_are_left_alone_and_of_several_writers_one_has_to_be_named():
    """The one with replicas is meant, where only one has them."""
    other = instance("reports", HOME)
    proposal, plan = planned(WRITER, REPLICA, other)
    assert plan.writer.import_id == "orders"
    assert proposal.notes == ("instance reports is not the database's writer: it is left alone",)
    with pytest.raises(InvalidInput, match="--database with one of orders, reports"):
        planned(WRITER, other)
    _, plan = planned(WRITER, other, wishes=replace(WISHES, database="reports"))
    assert plan.writer.import_id == "reports"
    with pytest.raises(InvalidInput, match="database = orders-far: an instance that is no replica: orders"):
        planned(WRITER, REPLICA, wishes=replace(WISHES, database="orders-far"))


def test_what_rds_does_not_say_is_asked_for():
    """A computed number of connections, and a database without a name."""
    quiet = replace(WRITER, max_connections=None, database_name=None)
    proposal, plan = planned(quiet)
    assert (plan.database_name, proposal.configuration["seawall:database"]["max_connections"]) == ("postgres", 100)
    assert [note.partition(":")[0] for note in proposal.notes] == ["database_name", "max_connections"]
    proposal, _ = planned(quiet, wishes=replace(WISHES, max_connections=450))
    assert proposal.configuration["seawall:database"]["max_connections"] == 450


def follower(**changes: Any) -> Record:
    base = Record("Z2", "db.orders.internal", "CNAME", ttl_seconds=5, values=(f"{WRITER.host}.",))
    return replace(base, **changes)


def test_the_name_that_follows_the_writer_goes_into_the_import_file():
    """The component has no import id for it: `pulumi import` puts it under the component before the first deployment."""
    proposal, plan = planned(WRITER, records=(*EDGE.records, follower()))
    assert (plan.writer_name.name, plan.writer_name.zone_id, plan.writer_name.ttl_seconds) == (
        "db.orders.internal",
        "Z2",
        5,
    )
    assert proposal.as_import_file()["resources"] == [
        {"type": "seawall:index:ReplicatedDatabase", "name": "shop-prod", "component": True},
        {
            "type": "aws:route53/record:Record",
            "name": "shop-prod-writer",
            "id": "Z2_db.orders.internal_CNAME",
            "parent": "shop-prod",
        },
    ]
    assert "pulumi import --file adopt-import.json --generate-code=false --stack prod" in proposal.commands


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([follower(ttl_seconds=300)], "note: the TTL of db.orders.internal becomes 30 s, in place (found: 300)"),
        ([follower(policy="weighted")], "the name that follows the writer is a simple CNAME"),
        ([follower(), follower(name="pg.orders.internal")], "db.orders.internal follows the writer already"),
    ],
)
def test_other_names_for_the_writer_are_said(records: list[Record], said: str):
    """A second name would be forgotten at the next failover."""
    proposal, _ = planned(WRITER, records=(*EDGE.records, *records))
    assert said in [*(f"note: {note}" for note in proposal.notes), *(one.because for one in proposal.refusals)]


def test_alarms_of_the_database_are_named_and_their_topics_used():
    """Seawall's have names of their own; who was paged before is paged after."""
    topic = f"arn:aws:sns:{HOME}:123456789012:pager"
    alarm = Alarm("cpu", HOME, "AWS/RDS", "CPUUtilization", (("DBInstanceIdentifier", "orders"),), (topic,))
    proposal, _ = planned(WRITER, REPLICA, alarms=(alarm, replace(alarm, name="other", region=AWAY)))
    assert [str(refusal) for refusal in proposal.refusals] == [
        "alarm cpu: Seawall declares its own on orders: delete it when those are up"
    ]
    assert proposal.configuration["seawall:alarms"] == {"topic_arns": {HOME: topic}}


def test_what_another_stack_owns_has_to_leave_its_state():
    """Two programs that manage one instance undo each other."""
    urn = "urn:pulumi:old::shop::aws:rds/instance:Instance::orders"
    proposal, _ = planned(WRITER, owners=(("orders", urn), ("elsewhere", "urn:x")))
    assert proposal.notes == (f"another stack owns orders; after the adoption: pulumi state delete '{urn}' there",)
