"""Record sets through the plugin: each policy's whole life, changes in place, and what Route 53 would refuse."""

import itertools
from typing import Any

import pytest

from localcloud.provider.aws import record_rules
from localcloud.provider.aws.record_rules import TYPES

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("provider")]

ZONE = "aws:route53/zone:Zone"
RECORD = "aws:route53/record:Record"
CHECK = "aws:route53/healthCheck:HealthCheck"
ELB_ZONE = "Z32O12XQLNTSW2"  # eu-west-1's load balancers
NAMES = (f"n{number}" for number in itertools.count())
ALIAS = [{"name": "lb.eu-west-1.elb.amazonaws.com", "zoneId": ELB_ZONE, "evaluateTargetHealth": True}]


@pytest.fixture
async def zone(lab: Any) -> Any:
    return await lab.create(ZONE, "zone", {"name": f"z{lab.prefix}.test", "forceDestroy": True})


@pytest.fixture
async def check(lab: Any) -> Any:
    inputs = {"type": "TCP", "fqdn": "a.test", "port": 443, "requestInterval": 10, "failureThreshold": 3}
    return await lab.create(CHECK, "check", inputs)


def simple(zone: Any, **changes: Any) -> dict[str, Any]:
    given = {"zoneId": zone.id, "name": f"www.{zone.state['name']}", "type": "A", "ttl": 60, "records": ["192.0.2.1"]}
    return {name: value for name, value in (given | changes).items() if value is not None}


POLICIES = {
    "simple": {},
    "failover": {"setIdentifier": "b", "failoverRoutingPolicies": [{"type": "SECONDARY"}]},
    "weighted": {"setIdentifier": "b", "weightedRoutingPolicies": [{"weight": 10}]},
    "weighted with nothing": {"setIdentifier": "b", "weightedRoutingPolicies": [{"weight": 0}]},
    "latency": {"setIdentifier": "b", "latencyRoutingPolicies": [{"region": "eu-west-1"}]},
    "a country": {"setIdentifier": "b", "geolocationRoutingPolicies": [{"country": "US", "subdivision": "CA"}]},
    "a continent": {"setIdentifier": "b", "geolocationRoutingPolicies": [{"continent": "EU"}]},
    "anywhere": {"setIdentifier": "b", "geolocationRoutingPolicies": [{"country": "*"}]},
    "multivalue": {"setIdentifier": "b", "multivalueAnswerRoutingPolicy": True},
    "alias": {"ttl": None, "records": None, "aliases": ALIAS},
    "AAAA": {"type": "AAAA", "records": ["2001:DB8:0:0::1"]},
    "CNAME": {"type": "CNAME", "records": ["other.test."]},
    "MX": {"type": "MX", "records": ["20 b.test", "10 a.test"]},
    "TXT": {"type": "TXT", "records": ['v=spf1 -all""more', "second"]},
    "a wildcard": {"wild": True},
}


@pytest.mark.parametrize("policy", POLICIES)
async def test_a_record_of_each_kind_lives_its_whole_life(lab: Any, zone: Any, policy: str) -> None:
    """Made, unchanged by a refresh, without a difference, imported by its id alone, removed."""
    changes = dict(POLICIES[policy])
    inputs = simple(zone, **changes) if not changes.pop("wild", False) else simple(zone, name=f"*.{zone.state['name']}")
    record = await lab.create(RECORD, "record", inputs)
    before = record.state
    assert before["fqdn"] == inputs["name"]
    assert (await record.diff(inputs)).changes == 1  # none
    assert await record.refresh()
    assert record.state == before
    assert record.inputs == inputs

    imported = type(record)(lab, RECORD, "record", record.id, None, None)
    assert await imported.refresh()
    assert (await imported.diff(inputs)).changes == 1
    await record.delete()
    assert not await record.refresh()


@pytest.mark.parametrize("changes", [{"setIdentifier": "other"}, {"type": "AAAA", "records": ["2001:db8::1"]}])
async def test_type_and_set_identifier_change_in_place(lab: Any, zone: Any, changes: dict[str, Any]) -> None:
    """By one batch: with a replacement the name would have no record, or two."""
    inputs = simple(zone, **POLICIES["weighted"])
    record = await lab.create(RECORD, "record", inputs)
    difference = await record.diff(inputs | changes)
    assert (difference.changes, list(difference.replaces)) == (2, [])
    await record.update(inputs | changes)
    found = lab.client("route53").list_resource_record_sets(HostedZoneId=zone.id)["ResourceRecordSets"]
    mine = [one for one in found if one["Type"] not in ("NS", "SOA")]
    assert [(one["Type"], one["SetIdentifier"]) for one in mine] == [
        (changes.get("type", "A"), changes.get("setIdentifier", "b"))
    ]
    assert await record.refresh()
    assert (await record.diff(inputs | changes)).changes == 1
    await record.delete()
    assert not await record.refresh()


@pytest.mark.parametrize("name", ["zoneId", "name"])
async def test_zone_and_name_alone_ask_for_a_new_record(lab: Any, zone: Any, name: str) -> None:
    """The new one first: nothing says that the old one must go before it."""
    record = await lab.create(RECORD, "record", simple(zone))
    difference = await record.diff(simple(zone, **{name: "elsewhere"}))
    assert list(difference.replaces) == [name]
    assert not difference.deleteBeforeReplace


async def test_a_relative_name_stays_as_it_was_written(lab: Any, zone: Any) -> None:
    """The real provider appends the zone and keeps the input; a changed input would replace the record."""
    record = await lab.create(RECORD, "record", simple(zone, name="WWW"))
    assert record.state["fqdn"] == f"www.{zone.state['name']}"
    assert await record.refresh()
    assert (await record.diff(simple(zone, name="WWW"))).changes == 1


async def test_a_record_that_exists_is_not_taken_over(lab: Any, zone: Any) -> None:
    """It may be somebody else's (terraform-provider-aws#4493); the second attempt is refused as well."""
    change = {
        "Name": f"www.{zone.state['name']}", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}],
    }  # fmt: skip
    batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": change}]}
    lab.client("route53").change_resource_record_sets(HostedZoneId=zone.id, ChangeBatch=batch)
    for _ in range(2):
        with pytest.raises(Exception, match=r"already exists and is not this stack's; import it as \w+_www"):
            await lab.create(RECORD, "record", simple(zone))
    taken = await lab.create(RECORD, "record", simple(zone, allowOverwrite=True, ttl=5))
    assert taken.state["ttl"] == 5


async def test_a_record_that_is_gone_is_made_again_by_an_update(lab: Any, zone: Any) -> None:
    """It was removed behind the engine's back and no refresh came between."""
    record = await lab.create(RECORD, "record", simple(zone))
    await record.delete()
    await record.update(simple(zone, ttl=30))
    assert await record.refresh()


async def test_what_route_53_refuses_is_refused_beside_others(lab: Any, zone: Any, check: Any) -> None:
    """Two primaries, mixed policies, a taken region, an unknown health check: the local server must not be kinder."""
    primary = {"setIdentifier": "a", "failoverRoutingPolicies": [{"type": "PRIMARY"}], "healthCheckId": check.id}
    await lab.create(RECORD, "first", simple(zone, **primary))
    for changes, line in (
        ({**primary, "setIdentifier": "b"}, "already has the role PRIMARY"),
        ({"setIdentifier": "b", "weightedRoutingPolicies": [{"weight": 1}]}, "share one routing policy"),
        ({}, "share one routing policy"),
        ({"type": "CNAME", "records": ["b.test"]}, "a CNAME stands alone"),
        ({**POLICIES["failover"], "healthCheckId": "12345678-none"}, "there is no health check 12345678-none"),
    ):
        with pytest.raises(Exception, match=line) as caught:
            await lab.create(RECORD, "second", simple(zone, **changes))
        assert "\n" not in str(caught.value)
    await lab.create(RECORD, "second", simple(zone, **POLICIES["failover"]))


@pytest.mark.parametrize(
    ("changes", "property_", "line"),
    [
        ({"type": "B"}, "type", "one of A, AAAA"),
        ({"ttl": -1}, "ttl", "0 to"),
        ({"ttl": None}, "ttl", "needs ttl and records, or aliases"),
        ({"aliases": ALIAS}, "ttl", "none beside aliases"),
        ({"records": ["shop.test"]}, "records", "an IPv4 address"),
        ({"type": "AAAA"}, "records", "an IPv6 address"),
        ({"type": "CNAME", "records": ["a.test", "b.test"]}, "records", "one name"),
        ({"setIdentifier": "b"}, "setIdentifier", "none without a routing policy"),
        ({"weightedRoutingPolicies": [{"weight": 1}]}, "setIdentifier", "because weightedRoutingPolicies needs it"),
        ({"setIdentifier": "b", "weightedRoutingPolicies": [{"weight": 256}]}, "weightedRoutingPolicies.weight", "0 to 255"),
        ({"setIdentifier": "b", "failoverRoutingPolicies": [{"type": "TERTIARY"}]}, "failoverRoutingPolicies.type", "PRIMARY or"),
        ({"setIdentifier": "b", "failoverRoutingPolicies": [{"type": "PRIMARY"}]}, "healthCheckId", "PRIMARY that is no alias"),
        ({**POLICIES["weighted"], **POLICIES["latency"]}, "latencyRoutingPolicies", "one routing policy"),
        ({"aliases": [{"nam": "x"}]}, "aliases[0].nam", "did you mean name"),
        ({"ttl": "soon"}, "ttl", "a whole number"),
    ],
)  # fmt: skip
async def test_a_record_that_is_wrong_by_itself_is_refused_in_a_preview(
    lab: Any, zone: Any, changes: dict[str, Any], property_: str, line: str
) -> None:
    """One line at the input that is wrong, before anything is created."""
    failures = await lab.failures(RECORD, simple(zone, **changes))
    assert property_ in failures
    assert line in failures[property_]
    assert "\n" not in failures[property_]


def test_a_cname_at_the_zones_own_name_is_refused() -> None:
    """It would hide the zone's NS and SOA."""
    wire = {"Name": "shop.test.", "Type": "CNAME", "ResourceRecords": [{"Value": "a.test"}], "TTL": 60}
    assert list(record_rules.conflicts(wire, [], "shop.test.")) == [
        "a CNAME cannot stand at the zone's own name; use an alias"
    ]


@pytest.mark.parametrize("type_", TYPES)
async def test_an_id_is_read_for_each_type_even_with_underscores_around(lab: Any, zone: Any, type_: str) -> None:
    """`_dmarc` begins with what parts an id, and a set identifier may hold it too."""
    from localcloud.provider.aws.record import _key

    assert _key(f"Z1__dmarc.a_A.test_{type_}_blue_A", {}) == ("Z1", "_dmarc.a_A.test", type_, "blue_A")
    assert _key(f"Z1_a.test_{type_}", {}) == ("Z1", "a.test", type_, None)
