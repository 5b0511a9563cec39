"""Each bad input of a `WeightedRecord` or `LatencyRecord` is one exact line; just inside each limit is allowed."""

import copy
from typing import Any

import pytest

import pulumi_seawall
from failover_args import OBJECTIVES, TOPIC, alarm_check
from pulumi_seawall import plan_failover, plan_latency, plan_weighted
from seawall.errors import InvalidInput, ObjectiveNotMet

CHECK = {"protocol": "HTTPS", "path": "/regionz"}
BALANCER = {"dns_name": "shop.eu-west-1.elb.amazonaws.com", "zone_id": "Z32O12XQLNTSW2"}


def target(region: str, *addresses: str, **more: Any) -> dict[str, Any]:
    """Addresses with a name of their own and a check."""
    return {
        "region": region,
        "addresses": list(addresses),
        "regional_name": f"{addresses[0].rpartition('.')[2]}.shop.example.com",
        "health_check": dict(CHECK),
        **more,
    }


def weighted(**changes: Any) -> Any:
    """A group that is right: one entry with all of the weight, and one that waits."""
    return {
        "zone_id": "Z0123456789ABC",
        "zone_name": "example.com",
        "name": "shop.example.com",
        "entries": [
            {"name": "blue", "weight": 255, "target": target("eu-west-1", "192.0.2.10")},
            {"name": "green", "weight": 0, "target": target("eu-west-1", "198.51.100.20")},
        ],
        **changes,
    }


def latency(**changes: Any) -> Any:
    """Two regions that are right."""
    return {
        "zone_id": "Z0123456789ABC",
        "zone_name": "example.com",
        "name": "reads.example.com",
        "entries": [
            {"name": "eu-west-1", "target": target("eu-west-1", "192.0.2.10")},
            {"name": "us-east-1", "target": target("us-east-1", "198.51.100.20")},
        ],
        **changes,
    }


def entry(place: int, changes: dict[str, Any], args: Any) -> Any:
    """The arguments with values at dotted paths of one entry replaced; `None` removes."""
    for path, value in changes.items():
        *parents, key = path.split(".")
        inside = args["entries"][place]
        for parent in parents:
            inside = inside[parent]
        inside[key] = copy.deepcopy(value)
    return args


BAD_WEIGHTED: dict[str, tuple[Any, str]] = {
    "a weight above 255": (
        entry(0, {"weight": 256}, weighted()),
        "entries[0].weight = 256: 0 to 255, because Route 53 offers no other weight",
    ),
    "a weight below 0": (
        entry(0, {"weight": -1}, weighted()),
        "entries[0].weight = -1: 0 to 255, because Route 53 offers no other weight",
    ),
    "a weight in percent": (
        entry(0, {"weight": "50"}, weighted()),
        "entries[0].weight = 50: a whole number without quotes",
    ),
    "all weights 0": (
        entry(0, {"weight": 0}, weighted()),
        (
            "entries = 2 of weight 0: at least one weight above 0, because Route 53 answers all alike when every weight is "
            "0; give equal weights to mean that"
        ),
    ),
    "no entries": (weighted(entries=[]), "entries = 0: 1 to 100 entries"),
    "101 entries": (weighted(entries=[{}] * 101), "entries = 101: 1 to 100 entries"),
    "a name twice": (
        entry(1, {"name": "blue"}, weighted()),
        "entries[1].name = blue: another than that of entries[0]",
    ),
    "a set identifier twice": (
        entry(1, {"target.set_identifier": "blue"}, weighted()),
        "entries[1].target.set_identifier = blue: another than that of entries[0]",
    ),
    "a regional name twice": (
        entry(1, {"target.regional_name": "10.shop.example.com"}, weighted()),
        "entries[1].target.regional_name = 10.shop.example.com: another than that of entries[0]",
    ),
    "a name that is none": (
        entry(0, {"name": "Blue"}, weighted()),
        "entries[0].name = Blue: 1 to 63 lower-case letters, digits and inner hyphens, e.g. blue",
    ),
    "addresses without a check": (
        entry(0, {"target.health_check": None}, weighted()),
        (
            "entries[0].target.health_check is missing: one of health_check, alarm_check and health_check_id, because "
            "without one its share of the answers points there also when it is dead"
        ),
    ),
    "families that differ": (
        entry(1, {"target.addresses": ["198.51.100.20", "2001:db8::20"]}, weighted()),
        (
            "entries[1].target = IPv4 and IPv6: IPv4 as entries[0], because clients of the other family would get other "
            "answers"
        ),
    ),
    "probing the name itself": (
        entry(0, {"target.health_check.fqdn": "shop.example.com"}, weighted()),
        (
            "entries[0].target.health_check.fqdn = shop.example.com: a name of the region alone, e.g. "
            "entries[0].target.regional_name, because the name that clients resolve answers with another entry once this "
            "one fails"
        ),
    ),
    "a ttl above 60": (
        weighted(ttl_seconds=61),
        "ttl_seconds = 61: at most 60, because clients keep a dead address for that long",
    ),
    "a ttl that the recovery time cannot afford": (
        weighted(ttl_seconds=51, client_cache_seconds=0, objectives=OBJECTIVES),
        (
            "ttl_seconds = 51: at most 50, because recovery_time_seconds = 90 leaves 50 after detection (3 checks x 10 s + "
            "6 s time-out + 4 s aggregation (assumed))"
        ),
    ),
    "a ttl of aliases alone": (
        weighted(
            ttl_seconds=60,
            entries=[{"name": "blue", "weight": 1, "target": {"region": "eu-west-1", "load_balancer": BALANCER}}],
        ),
        "ttl_seconds = 60: not with aliases alone, because an alias answers with its target's",
    ),
    "a check over the internet in a private zone": (
        weighted(private_zone=True),
        (
            "entries[0].target.health_check = endpoint: alarm_check, or a health_check with a public ip_address, because "
            "Route 53's checkers are outside the VPC and cannot reach a private target"
        ),
    ),
    "a check over the internet of a private address": (
        entry(0, {"target.addresses": ["10.0.0.10"]}, weighted()),
        (
            "entries[0].target.health_check = endpoint: alarm_check, or a health_check with a public ip_address, because "
            "Route 53's checkers are outside the VPC and cannot reach a private target"
        ),
    ),
    "a name outside the zone": (
        weighted(name="shop.example.org"),
        "name = shop.example.org: a name in the zone example.com",
    ),
    "overwriting": (
        weighted(allow_overwrite=True),
        "allow_overwrite = True: not offered, because it takes over a record that is not owned here; adopt it with import_ids",
    ),
    "an import id of another record": (
        entry(0, {"import_ids": {"a": "Z0123456789ABC_shop.example.com_A_green"}}, weighted()),
        (
            "entries[0].import_ids.a = Z0123456789ABC_shop.example.com_A_green: ZONEID_shop.example.com_A_blue, because "
            "name, type and set identifier must be those declared here"
        ),
    ),
    "an import id for a record that is not declared": (
        entry(0, {"import_ids": {"aaaa": "Z_shop.example.com_AAAA_blue"}}, weighted()),
        "entries[0].import_ids.aaaa = Z_shop.example.com_AAAA_blue: only for a record that is declared",
    ),
    "an import id for a check that is not declared": (
        entry(
            0,
            {"import_ids": {"health_check": "abc"}, "target": {"region": "eu-west-1", "load_balancer": BALANCER}},
            weighted(),
        ),
        (
            "entries[0].import_ids.health_check = abc: only with entries[0].target.health_check or "
            "entries[0].target.alarm_check"
        ),
    ),
    "an unknown key": (
        entry(0, {"wieght": 1}, weighted()),
        "entries[0].wieght = 1: did you mean weight?",
    ),
    "actions without alarms": (
        weighted(alarm_actions=[TOPIC], status_alarms=False),
        "alarm_actions = 1 topics: only with status_alarms = true",
    ),
}

BAD_LATENCY: dict[str, tuple[Any, str]] = {
    "one region": (latency(entries=latency()["entries"][:1]), "entries = 1: 2 to 100 entries"),
    "a region twice": (
        entry(1, {"target.region": "eu-west-1"}, latency()),
        (
            "entries[1].target.region = eu-west-1: another than that of entries[0], because Route 53 has one latency record "
            "a region"
        ),
    ),
    "an unknown region": (
        entry(1, {"target.region": "us-east1"}, latency()),
        "entries[1].target.region = us-east1: an AWS region; did you mean us-east-1?",
    ),
    "a weight": (
        entry(0, {"weight": 1}, latency()),
        "entries[0].weight = 1: no such key; there are import_ids, name, status_alarm, target",
    ),
    "a regional name that is the name itself": (
        entry(0, {"target.regional_name": "reads.example.com"}, latency()),
        (
            "entries[0].target.regional_name = reads.example.com: a name of this region alone, because it is the name that "
            "clients resolve itself"
        ),
    ),
}


@pytest.mark.parametrize("what", BAD_WEIGHTED)
def test_a_bad_input_of_a_weighted_name_is_one_exact_line(what):
    """Name, value, what is allowed, and why: in the words of whoever wrote the arguments."""
    args, expected = BAD_WEIGHTED[what]
    with pytest.raises(InvalidInput) as caught:
        plan_weighted(args)
    assert str(caught.value) == expected


@pytest.mark.parametrize("what", BAD_LATENCY)
def test_a_bad_input_of_a_latency_based_name_is_one_exact_line(what):
    """As for weighted names."""
    args, expected = BAD_LATENCY[what]
    with pytest.raises(InvalidInput) as caught:
        plan_latency(args)
    assert str(caught.value) == expected


@pytest.mark.parametrize("component", ["WeightedRecord", "LatencyRecord"])
def test_nothing_is_registered_when_an_input_is_bad(component, deploy, deployment):
    """A half-declared group is a name that answers with a part of it."""
    args = weighted(ttl_seconds=61) if component == "WeightedRecord" else latency(ttl_seconds=61)
    with pytest.raises(InvalidInput):
        deploy(lambda: getattr(pulumi_seawall, component)("shop", args))
    assert deployment.made == []


def test_objectives_that_no_ttl_can_meet_are_refused():
    """With detection and client caches alone above the recovery time no TTL helps: it is said before anything is made."""
    with pytest.raises(ObjectiveNotMet, match="recovery_time_seconds = 30"):
        plan_weighted(weighted(objectives={**OBJECTIVES, "recovery_time_seconds": 30}))


INSIDE: dict[str, Any] = {
    "weight 255 beside weight 0": weighted(),
    "one entry": weighted(entries=weighted()["entries"][:1]),
    "100 entries": weighted(
        entries=[
            {"name": f"e{place}", "weight": 1, "target": {"region": "eu-west-1", "load_balancer": BALANCER}}
            for place in range(100)
        ]
    ),
    "a ttl of 60": weighted(ttl_seconds=60),
    "the largest ttl that is affordable": weighted(ttl_seconds=50, client_cache_seconds=0, objectives=OBJECTIVES),
    "a private zone whose checks follow alarms": weighted(
        private_zone=True,
        entries=[
            {
                "name": "blue",
                "weight": 1,
                "target": {
                    "region": "eu-west-1",
                    "addresses": ["10.0.0.10"],
                    "alarm_check": alarm_check("healthy-hosts", "eu-west-1"),
                },
            }
        ],
    ),
    "a private zone whose check asks a public address": entry(
        1,
        {"target.health_check.ip_address": "198.51.100.20"},
        entry(0, {"target.health_check.ip_address": "192.0.2.10"}, weighted(private_zone=True)),
    ),
}


@pytest.mark.parametrize("what", INSIDE)
def test_just_inside_each_limit_is_allowed(what):
    """A limit that is off by one refuses somebody's good group."""
    plan_weighted(INSIDE[what])


def group_side(**group: Any) -> dict[str, Any]:
    return {"region": "eu-west-1", "group": {"name": "eu.shop.example.com", **group}}


def pair_of_groups(**changes: Any) -> Any:
    """A failover pair whose sides are weighted groups."""
    return {
        "zone_id": "Z0123456789ABC",
        "zone_name": "example.com",
        "name": "shop.example.com",
        "primary": group_side(),
        "secondary": {"region": "us-east-1", "group": {"name": "us.shop.example.com"}},
        **changes,
    }


BAD_GROUP_SIDES: dict[str, tuple[Any, str]] = {
    "the failover name itself": (
        pair_of_groups(primary=group_side(name="Shop.example.com.")),
        "primary.group.name = Shop.example.com.: another name, because an alias to itself has no answer",
    ),
    "a group of another zone": (
        pair_of_groups(primary=group_side(name="eu.shop.example.org")),
        "primary.group.name = eu.shop.example.org: a name in the zone example.com",
    ),
    "the same group on both sides": (
        pair_of_groups(secondary={"region": "us-east-1", "group": {"name": "eu.shop.example.com"}}),
        "secondary.group.name = eu.shop.example.com: another than the primary's",
    ),
    "a ttl of two groups": (
        pair_of_groups(ttl_seconds=30),
        "ttl_seconds = 30: not with two aliases, because an alias answers with its target's",
    ),
    "a regional name for a group": (
        pair_of_groups(primary={**group_side(), "regional_name": "x.example.com"}),
        "primary.regional_name = x.example.com: not with group, because the group has a name of its own",
    ),
    "a ttl of the group above 60": (
        pair_of_groups(primary=group_side(ttl_seconds=61)),
        "primary.group.ttl_seconds = 61: 0 to 60, because clients keep a dead address for that long",
    ),
    "a group and addresses": (
        pair_of_groups(primary={**group_side(), "addresses": ["192.0.2.1"]}),
        "primary.target = addresses and group: exactly one of addresses, load_balancer, group and kubernetes",
    ),
}


@pytest.mark.parametrize("what", BAD_GROUP_SIDES)
def test_a_bad_side_that_is_a_group_is_one_exact_line(what):
    """An alias to nothing, to itself or to the other side would be found by Route 53 or by nobody."""
    args, expected = BAD_GROUP_SIDES[what]
    with pytest.raises(InvalidInput) as caught:
        plan_failover(args)
    assert str(caught.value) == expected


def test_a_pair_of_groups_keeps_the_groups_answers_for_the_groups_ttl():
    """An alias into the zone answers with its target's TTL, and not with a load balancer's 60 s."""
    plan = plan_failover(pair_of_groups(primary=group_side(ttl_seconds=20)))
    assert [term.worst_seconds for term in plan.predictions[1].terms if term.name == "TTL"] == [20]
    assert plan.ttl_seconds is None
