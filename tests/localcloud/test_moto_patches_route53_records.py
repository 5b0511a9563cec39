"""Route 53 records as AWS answers them, against the patched server: what components rely on must not be made easier."""

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.moto_patches.route53_records import Record, Refused, apply_batch, record_from
from route53_zone import NAME, Zone, failover, new_check, simple


@pytest.fixture
def zone(route53: Any) -> Zone:
    return Zone(route53)


@pytest.fixture
def check(route53: Any) -> str:
    """An endpoint check's id."""
    return new_check(route53)["Id"]


def test_delete_removes_exactly_the_record_that_was_named(zone: Zone, check: str):
    """moto removed every record with that set identifier in the zone, and all of a name without one."""
    other = {**failover("PRIMARY", check), "Name": "api.example.com."}
    zone.change(("CREATE", failover("PRIMARY", check)), ("CREATE", failover("SECONDARY", None)), ("CREATE", other))
    zone.change(("DELETE", failover("PRIMARY", check)))
    assert [(record["Name"], record["SetIdentifier"]) for record in zone.records()] == [
        ("api.example.com.", "primary"),
        (NAME, "secondary"),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        simple(ttl=61),
        simple(value="192.0.2.2"),
        {**simple(), "ResourceRecords": [{"Value": "192.0.2.1"}, {"Value": "192.0.2.2"}]},
    ],
    ids=["ttl", "value", "one value more"],
)
def test_delete_needs_all_the_same_values(zone: Zone, wrong: dict[str, Any]):
    """AWS protects against deleting what somebody else has changed meanwhile; drift must show."""
    zone.change(("CREATE", simple()))
    code, message = zone.refused(("DELETE", wrong))
    assert code == "InvalidChangeBatch"
    assert "values provided do not match the current values" in message
    zone.change(("DELETE", simple()))


def test_delete_of_what_is_not_there_says_so(zone: Zone):
    """The plugin tells "gone already" from other refusals by this line."""
    code, message = zone.refused(("DELETE", simple()))
    assert code == "InvalidChangeBatch"
    assert message == "[Tried to delete resource record set [name='shop.example.com.', type='A'] but it was not found]"


def test_delete_compares_values_in_any_order_and_names_in_any_case(zone: Zone):
    """Route 53 keeps a set of values, and names in lower case with a final dot."""
    values = [{"Value": "192.0.2.1"}, {"Value": "192.0.2.2"}]
    zone.change(("CREATE", {**simple("Shop.Example.com"), "ResourceRecords": values}))
    assert zone.records()[0]["Name"] == NAME
    zone.change(("DELETE", {**simple("SHOP.example.com."), "ResourceRecords": values[::-1]}))
    assert zone.records() == []


def test_a_deleted_record_can_be_made_again(zone: Zone):
    """moto remembered the creation for ever and answered "already exists"."""
    for _ in range(2):
        zone.change(("CREATE", simple()))
        zone.change(("DELETE", simple()))
    zone.change(("CREATE", simple()))
    zone.change(("DELETE", simple()), ("CREATE", simple(value="192.0.2.9")))
    assert zone.records()[0]["ResourceRecords"] == [{"Value": "192.0.2.9"}]


def test_create_of_a_record_that_exists_is_refused(zone: Zone):
    """Overwriting a record that another stack owns takes UPSERT, on purpose."""
    zone.change(("CREATE", simple()))
    for record in (simple(), simple(value="192.0.2.2")):
        code, message = zone.refused(("CREATE", record))
        assert code == "InvalidChangeBatch"
        assert (
            "Tried to create resource record set [name='shop.example.com.', type='A'] but it already exists" in message
        )


def test_a_batch_is_made_as_a_whole_or_not_at_all(zone: Zone):
    """moto kept what stood before the change that failed."""
    zone.change(("CREATE", simple()))
    good = ("CREATE", simple("api.example.com."))
    for bad in (("CREATE", simple()), ("DELETE", simple("gone.example.com.")), ("CREATE", simple("shop.other.org."))):
        code, _ = zone.refused(("DELETE", simple()), good, bad, bad)
        assert code == "InvalidChangeBatch"


def test_primary_and_secondary_can_change_places_in_one_batch(zone: Zone, check: str):
    """The pair is judged after the batch: between the two changes there are two PRIMARYs."""
    zone.change(("CREATE", failover("PRIMARY", check, "eu")), ("CREATE", failover("SECONDARY", check, "us")))
    zone.change(("UPSERT", failover("PRIMARY", check, "us")), ("UPSERT", failover("SECONDARY", check, "eu")))
    assert {record["SetIdentifier"]: record["Failover"] for record in zone.records()} == {
        "us": "PRIMARY",
        "eu": "SECONDARY",
    }


def test_records_that_aws_refuses_are_refused(zone: Zone, check: str):
    """moto took each of these; the first `up` on a real account would have failed in the middle."""
    zone.change(("CREATE", failover("PRIMARY", check)), ("CREATE", simple("www.example.com.")))
    pair = failover("SECONDARY", None)
    cases = {
        "two primaries": ("InvalidChangeBatch", failover("PRIMARY", check, "second"), "Failover PRIMARY"),
        "no set identifier": ("InvalidInput", {**simple(), "Failover": "SECONDARY"}, "Missing field 'SetIdentifier'"),
        "third role": ("InvalidInput", failover("TERTIARY", check), "'TERTIARY' is not facet-valid"),
        "two policies": ("InvalidInput", {**pair, "Weight": 1}, "but found more than one"),
        "identifier alone": ("InvalidInput", {**simple(), "SetIdentifier": "x"}, "but found none"),
        "another policy": ("InvalidChangeBatch", {**simple(), "SetIdentifier": "x", "Weight": 1}, "another routing policy"),
        "simple beside a set": ("InvalidChangeBatch", simple(), "another routing policy"),
        "set beside a simple": ("InvalidChangeBatch", {**pair, "Name": "www.example.com."}, "another routing policy"),
        "unknown check": ("NoSuchHealthCheck", failover("SECONDARY", "no-such-check"), "no-such-check"),
        "primary unchecked": ("InvalidChangeBatch", {**failover("PRIMARY", None), "Name": "new.example.com."}, "needs a health"),
        "not an address": ("InvalidChangeBatch", simple("x.example.com.", "shop"), "ARRDATAIllegalIPv4Address"),
        "alias with a ttl": ("InvalidInput", {**simple("x.example.com."), **alias("lb.example.net", "Z2")}, "more than one"),
        "no values": ("InvalidInput", {"Name": "x.example.com.", "Type": "A", "TTL": 60}, "but found none"),
        "alias to nothing here": (
            "InvalidChangeBatch",
            {"Name": "x.example.com.", "Type": "A", **alias("none.example.com", zone.id)},
            "that target was not found",
        ),
        "cname beside others": ("InvalidChangeBatch", simple("www.example.com.", "a.b", kind="CNAME"), "conflicts with other"),
        "cname at the apex": ("InvalidChangeBatch", simple("example.com.", "a.b", kind="CNAME"), "not permitted at apex"),
        "another zone's name": ("InvalidChangeBatch", simple("shop.notexample.com."), "is not permitted in zone"),
        "weight of 256": ("InvalidInput", {**simple("x.example.com."), "SetIdentifier": "a", "Weight": 256}, "Weight"),
    }  # fmt: skip
    for case, (code, record, message) in cases.items():
        found_code, found_message = zone.refused(("CREATE", record))
        assert (case, found_code) == (case, code)
        assert message in found_message, case


def alias(name: str, zone_id: str) -> dict[str, Any]:
    return {"AliasTarget": {"HostedZoneId": zone_id, "DNSName": name, "EvaluateTargetHealth": True}}


def test_a_primary_alias_needs_no_health_check(zone: Zone):
    """Its target's health is evaluated instead."""
    record = {"Name": NAME, "Type": "A", "SetIdentifier": "primary", "Failover": "PRIMARY"}
    zone.change(("CREATE", {**record, **alias("lb.eu-west-1.elb.amazonaws.com", "Z32O12XQLNTSW2")}))
    assert zone.records()[0]["AliasTarget"]["DNSName"] == "lb.eu-west-1.elb.amazonaws.com."


def test_the_zones_own_records_cannot_be_deleted(zone: Zone):
    """A zone without NS or SOA answers nothing."""
    listed = zone.route53.list_resource_record_sets(HostedZoneId=zone.id)["ResourceRecordSets"]
    assert {record["Type"] for record in listed} == {"NS", "SOA"}
    assert all(isinstance(value["Value"], str) for record in listed for value in record["ResourceRecords"])
    for record in listed:
        code, message = zone.refused(("DELETE", record))
        assert (code, f"at least one {record['Type']} record" in message) == ("InvalidChangeBatch", True)


def test_a_listing_goes_on_inside_one_set(zone: Zone):
    """With more records than fit a page, a reader that follows the next identifiers sees each exactly once."""
    weighted = [{**simple(), "SetIdentifier": f"w{number}", "Weight": number} for number in range(7)]
    zone.change(*(("CREATE", record) for record in weighted))
    pages = zone.route53.get_paginator("list_resource_record_sets").paginate(
        HostedZoneId=zone.id, PaginationConfig={"PageSize": 3}
    )
    seen = [record.get("SetIdentifier") for page in pages for record in page["ResourceRecordSets"]]
    assert sorted(filter(None, seen)) == [f"w{number}" for number in range(7)]
    assert len(seen) == 9


ROLES = st.sampled_from(["PRIMARY", "SECONDARY"])
SETS = st.sampled_from(["a", "b", "c"])
RECORDS = st.one_of(
    st.builds(lambda name, value: simple(f"{name}.example.com.", value), SETS, st.sampled_from(["192.0.2.1", "192.0.2.2"])),
    st.builds(
        lambda name, role, identifier: {**failover(role, "check", identifier), "Name": f"{name}.example.com."},
        SETS, ROLES, SETS,
    ),
    st.builds(
        lambda name, identifier, weight: {**simple(f"{name}.example.com."), "SetIdentifier": identifier, "Weight": weight},
        SETS, SETS, st.integers(0, 255),
    ),
)  # fmt: skip
BATCHES = st.lists(
    st.lists(st.tuples(st.sampled_from(["CREATE", "UPSERT", "DELETE"]), RECORDS), min_size=1, max_size=4), max_size=8
)


@settings(max_examples=150)
@given(BATCHES)
def test_whatever_is_sent_the_zone_stays_one_that_aws_could_hold(batches: list[list[tuple[str, dict[str, Any]]]]):
    """After any batches: one policy per name and type, at most one record per failover role, and unique keys.

    A refused batch changes nothing, since the function returns the records or raises.
    """
    own = [
        simple("example.com.", "ns.example.net", kind="NS"),
        simple("example.com.", "ns. admin. 1 1 1 1 1", kind="SOA"),
    ]
    records: list[Record] = [record_from(record) for record in own]
    for batch in batches:
        changes = [{"Action": action, "ResourceRecordSet": record} for action, record in batch]
        with contextlib.suppress(Refused):
            records = apply_batch("example.com.", "Z1", records, changes, {"check"})
    assert len({record.key for record in records}) == len(records)
    for name in {record.name for record in records}:
        group = [record for record in records if (record.name, record.type) == (name, "A")]
        assert len({record.policy[0][0] if record.policy else None for record in group}) <= 1
        roles = [record.policy[0][1] for record in group if record.policy and record.policy[0][0] == "Failover"]
        assert len(roles) == len(set(roles))
