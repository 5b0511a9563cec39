"""`seawall adopt`: the failover name, its checks and alarms. What is proposed is valid, and what is not said why."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from seawall.errors import InvalidInput
from seawall_ops.adopt import Estate, Wishes, propose
from seawall_ops.adopt.observed import Alarm, BackupObject, Check, Record, Target, Zone, plain_name
from stacks.backup_settings import BackupSettings, VaultSettings
from stacks.edge import plan_edge
from stacks.environment import parse_environment

NAME = "shop.example.com"
ZONE = Zone("Z1", "example.com")
TOPIC = "arn:aws:sns:us-east-1:123456789012:pager"
WISHES = Wishes(
    name=NAME,
    service="shop",
    regions={"primary": "eu-west-1", "secondary": "eu-central-1"},
    today=date(2026, 11, 25),
)


def check(id_: str, region: str, **changes: Any) -> Check:
    base = Check(
        id_, "HTTPS", f"{region}.{NAME}", port=443, path="/up", interval_seconds=30, failure_threshold=2
    )  # fmt: skip
    return replace(base, **changes)


def pair(**changes: Any) -> tuple[Record, Record]:
    base = Record("Z1", NAME, "A", "failover", ttl_seconds=60)
    base = replace(base, **changes)
    return (
        replace(
            base, set_identifier="primary", failover="primary", values=("203.0.113.10",), health_check_id="check-1"
        ),
        replace(
            base, set_identifier="secondary", failover="secondary", values=("198.51.100.10",), health_check_id="check-2"
        ),
    )


def regional(region: str, value: str, **changes: Any) -> Record:
    return replace(Record("Z1", f"{region}.{NAME}", "A", ttl_seconds=60, values=(value,)), **changes)


def status_alarm(name: str, id_: str, metric: str = "HealthCheckStatus", topic: str = TOPIC) -> Alarm:
    return Alarm(name, "us-east-1", "AWS/Route53", metric, (("HealthCheckId", id_),), (topic,))


BASE = Estate(
    zones=(ZONE, Zone("Z2", "internal", private=True)),
    records=(*pair(), regional("eu-west-1", "203.0.113.10"), regional("eu-central-1", "198.51.100.10")),
    checks=(check("check-1", "eu-west-1"), check("check-2", "eu-central-1")),
)


def planned(estate: Estate, wishes: Wishes = WISHES) -> Any:
    """The proposal, and the plan that the program makes of it: whatever is proposed must be valid."""
    proposal = propose(estate, wishes)
    environment = parse_environment(proposal.configuration, stack="prod")
    return proposal, plan_edge(environment)


def test_a_pair_with_its_checks_is_adopted_by_ids_and_nothing_is_said_about_it():
    """The plain case: everything that exists has its import id, and nobody has to read on."""
    proposal, plan = planned(BASE)
    assert (proposal.refusals, proposal.notes, proposal.imports) == ((), (), ())
    assert {record.suffix: record.import_id for record in plan.records} == {
        "primary-a": f"Z1_{NAME}_A_primary",
        "secondary-a": f"Z1_{NAME}_A_secondary",
        "eu-west-1-a": f"Z1_eu-west-1.{NAME}_A",
        "eu-central-1-a": f"Z1_eu-central-1.{NAME}_A",
    }
    assert [side.health_check.import_id for side in plan.sides] == ["check-1", "check-2"]
    assert proposal.configuration["seawall:dns"]["zone_id"] == "Z1"
    assert "set_identifiers" not in proposal.configuration["seawall:dns"]
    assert proposal.commands == (
        "pulumi stack init prod",
        "pulumi preview --diff --stack prod",
        "pulumi up --stack prod",
    )


def test_the_zone_is_taken_over_only_when_asked_for():
    """A zone that others share must not go with this environment."""
    proposal, _ = planned(BASE, replace(WISHES, own_zone=True))
    dns = proposal.configuration["seawall:dns"]
    assert (dns["zone_import_id"], "zone_id" in dns) == ("Z1", False)


def test_the_recovery_time_is_what_the_name_needs_as_it_stands():
    """2 x 30 s, 6 s and 4 s, a TTL of 60 s, clients' 30 s: 160 s, so 180 s is proposed and the preview is not refused."""
    proposal, plan = planned(BASE)
    assert max(prediction.worst_seconds for prediction in plan.predictions) == 160
    assert proposal.configuration["seawall:objectives"]["recovery_time_seconds"] == 180


def test_load_balancers_say_their_regions():
    """Nobody types what the name of an ALB or NLB says."""
    records = tuple(
        replace(record, ttl_seconds=None, values=(), alias=Target(name, "ZELB", evaluates_health=True))
        for record, name in zip(
            (*pair(), *pair(type="AAAA")),
            ("a.eu-west-1.elb.amazonaws.com", "n.elb.eu-central-1.amazonaws.com") * 2,
            strict=True,
        )
    )
    checks = tuple(check(f"check-{place}", "x", fqdn=f"up{place}.elsewhere.net") for place in (1, 2))
    estate = replace(BASE, records=records, checks=checks)
    proposal, plan = planned(estate, replace(WISHES, regions={"primary": None, "secondary": None}))
    assert [side.region for side in plan.sides] == ["eu-west-1", "eu-central-1"]
    assert len(plan.records) == 4
    assert all(region["load_balancer"]["dual_stack"] for region in proposal.configuration["seawall:regions"])


REFERRED: dict[str, tuple[dict[str, Any], str]] = {
    "another interval": ({"interval_seconds": 10}, "it differs from the primary's in interval_seconds"),
    "another path and port": ({"path": "/x", "port": 8443}, "it differs from the primary's in path, port"),
    "an address": ({"ip_address": "198.51.100.10"}, "it probes the address 198.51.100.10"),
    "calculated": ({"type": "CALCULATED", "fqdn": None}, "it is of type CALCULATED"),
    "inverted": ({"inverted": True}, "it is inverted"),
    "disabled": ({"disabled": True}, "it is disabled, which counts as healthy"),
    "no name sent": ({"sends_name": False}, "it sends no name in the TLS handshake"),
    "no name": ({"fqdn": None}, "it has no name to probe"),
    "a name elsewhere": ({"fqdn": "eu.elsewhere.net"}, "it probes eu.elsewhere.net, which is not in the zone"),
}


@pytest.mark.parametrize("what", REFERRED)
def test_a_check_that_the_file_cannot_say_is_used_by_its_id_and_left_as_it_is(what: str):
    """Adopting it would replace it; its own pace still stands in the predictions."""
    changes, why = REFERRED[what]
    proposal, plan = planned(
        replace(BASE, checks=(check("check-1", "eu-west-1"), check("check-2", "eu-central-1", **changes)))
    )
    assert proposal.refusals == ()
    assert f"health check check-2 of the secondary is used as it is and not taken over: {why}" in proposal.notes[0]
    primary, standby = (side.health_check for side in plan.sides)
    assert (primary.import_id, standby.import_id, standby.health_check_id) == ("check-1", None, "check-2")
    region = proposal.configuration["seawall:regions"][1]
    assert region["detection"]["worst_seconds"] >= region["detection"]["typical_seconds"] > 0


@pytest.mark.parametrize(
    ("records", "why"),
    [
        ([regional("eu-west-1", "192.0.2.66")], "answers something else than the primary"),
        ([regional("eu-west-1", "x", type="CNAME")], "is no simple record with the primary's own target"),
        ([regional("eu-west-1", "203.0.113.10", policy="weighted")], "is no simple record"),
    ],
)
def test_a_regional_name_that_is_something_else_stays_out(records: list[Record], why: str):
    """Taking it over would change what it answers."""
    proposal, plan = planned(replace(BASE, records=(*pair(), *records)))
    assert why in proposal.notes[0]
    assert plan.primary.regional_name is None


def test_a_regional_name_without_a_record_gets_one():
    """The check probes a name that answers from elsewhere or not at all: the record is declared beside the pair."""
    _, plan = planned(replace(BASE, records=pair()))
    assert [record.import_id for record in plan.records if not record.failover] == [None, None]


def test_a_check_of_the_failover_name_itself_is_named_and_replaced_by_a_right_one():
    """It would find the other region healthy, and never fail over: the classic mistake."""
    proposal, plan = planned(replace(BASE, checks=(check("check-1", "", fqdn=NAME), check("check-2", "eu-central-1"))))
    assert [refusal.what for refusal in proposal.refusals] == ["health check check-1"]
    assert f"it probes {NAME} itself" in proposal.refusals[0].because
    assert plan.primary.health_check.import_id is None
    assert plan.primary.regional_name == f"eu-west-1.{NAME}"


def test_a_side_without_a_check_gets_one_and_one_that_is_gone_is_named():
    """Route 53 takes a record whose check was deleted for healthy."""
    primary, secondary = pair()
    estate = replace(BASE, records=(primary, replace(secondary, health_check_id=None)))
    proposal, _ = planned(estate)
    assert proposal.notes == (f"the secondary has no health check: one is declared, on eu-central-1.{NAME}",)
    proposal, _ = planned(replace(BASE, records=(replace(primary, health_check_id=None), secondary), checks=()))
    objectives = proposal.configuration["seawall:objectives"]
    assert objectives["recovery_time_seconds"] == 150, "a new check: 3 x 10 s, 6 and 4 s, a TTL of 60 s, caches of 30 s"
    proposal, _ = planned(replace(BASE, checks=BASE.checks[:1]))
    assert str(proposal.refusals[0]) == "health check check-2: the secondary names it, and it does not exist"


def test_long_ttls_are_shortened_in_place_and_said():
    """A TTL above 60 s is no failover; lowering it replaces nothing."""
    primary, secondary = pair()
    records = (replace(primary, ttl_seconds=300), replace(secondary, ttl_seconds=60))
    proposal, plan = planned(replace(BASE, records=records))
    assert plan.ttl_seconds == 60
    assert proposal.notes == ("the records' TTL becomes 60 s, in place (found: 60, 300; at most 60, the same for all)",)


def test_alarms_and_their_topic_are_taken_over_and_further_ones_are_named():
    """One alarm per check becomes Seawall's; whatever else watches it goes on as it is."""
    other = TOPIC.replace("pager", "chat")
    alarms = (
        status_alarm("down", "check-1"),
        status_alarm("slow", "check-1", "ConnectionTime"),
        status_alarm("also down", "check-1"),
        status_alarm("far down", "check-2", topic=other),
        Alarm("both", "us-east-1", rule='ALARM("down") AND ALARM("far down")'),
    )
    proposal, plan = planned(replace(BASE, alarms=alarms))
    assert {key: id_ for key, id_ in plan.import_ids.items() if key.endswith("_alarm")} == {
        "primary_status_alarm": "down",
        "secondary_status_alarm": "far down",
        "both_unhealthy_alarm": "both",
    }
    assert proposal.configuration["seawall:alarms"] == {"topic_arn": TOPIC}
    assert [refusal.what for refusal in proposal.refusals] == ["alarm slow", "alarm also down"]
    assert f"alarms notify {TOPIC} from then on, and not {other}" in proposal.notes


def test_records_that_no_failover_can_be_are_named():
    """Each with its reason; the rest is adopted."""
    others = (
        Record("Z1", NAME, "CNAME", "failover", "primary", "primary"),
        Record("Z1", NAME, "AAAA", "weighted", "w"),
    )
    proposal, _ = planned(replace(BASE, records=(*BASE.records, *others)))
    assert [str(refusal) for refusal in proposal.refusals] == [
        f"record {NAME} CNAME: failover records are A and AAAA: answer addresses or an alias instead",
        f"record {NAME} AAAA: its routing is weighted, not failover",
    ]


def test_backups_that_exist_are_named_with_the_keys_that_would_take_them():
    """They go on; nobody should believe that they are Seawall's, and which rules are meant is nobody's guess."""
    backups = (BackupObject("vault", "old", "eu-west-1"), BackupObject("plan", "nightly", "eu-west-1"))
    proposal, _ = planned(replace(BASE, backups=backups))
    assert [refusal.what for refusal in proposal.refusals] == [
        "backup vault old in eu-west-1",
        "backup plan nightly in eu-west-1",
    ]
    vault, plan = (refusal.because for refusal in proposal.refusals)
    assert {"existing_arn", "import_ids"} <= set(VaultSettings.model_fields)
    assert "existing_arn" in vault
    assert "source_import_ids" in BackupSettings.model_fields
    assert "seawall:backups.source_import_ids" in plan
    assert f"# Not adopted: backup vault old in eu-west-1: {vault}\n" in proposal.as_yaml()


@pytest.mark.parametrize(
    ("estate", "wishes", "line"),
    [
        (replace(BASE, zones=()), WISHES, f"name = {NAME}: a name in one public hosted zone; there is none"),
        (
            replace(BASE, zones=(ZONE, Zone("Z9", "example.com"))),
            WISHES,
            f"name = {NAME}: a name in one public hosted zone; there is example.com (Z1), example.com (Z9)",
        ),
        (
            replace(BASE, records=(replace(pair()[0], policy="simple", failover=None),)),
            WISHES,
            f"name = {NAME}: a name with a primary failover record; it has A simple",
        ),
        (
            replace(BASE, records=pair()[:1]),
            WISHES,
            f"name = {NAME}: a name with a secondary failover record; it has A failover",
        ),
        (
            replace(BASE, records=(*pair(), pair(type="AAAA")[0])),
            WISHES,
            f"name = {NAME}: the same record types on both sides",
        ),
        (
            BASE,
            replace(WISHES, regions={"primary": "eu-west-1", "secondary": None}),
            "--standby-region is missing: an AWS region, because what secondary answers does not say its region",
        ),
    ],
)
def test_what_cannot_be_guessed_is_asked_for_in_one_line(estate: Estate, wishes: Wishes, line: str):
    """Nothing is proposed on a guess."""
    with pytest.raises(InvalidInput) as caught:
        propose(estate, wishes)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("written", "name"), [("Shop.Example.com.", NAME), ("\\052.example.com.", "*.example.com")])
def test_names_are_read_as_people_write_them(written: str, name: str):
    """Route 53 writes a wildcard as an octal code, and a dot at the end."""
    assert plain_name(written) == name
