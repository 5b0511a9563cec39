"""What clients get when things fail: which endpoint is where, which check sees what, and whose fault a dead answer is."""

from typing import Any

import pytest

from dns_zones import NAME, endpoint_check, only, record
from seawall.errors import InvalidInput
from seawall_ops.dns import (
    Alias,
    CheckKind,
    Client,
    Failover,
    GeoLocation,
    Health,
    HealthCheck,
    InsufficientData,
    Latency,
    Multivalue,
    Record,
    Rule,
    Simple,
    Situation,
    Thing,
    ThingKind,
    Unsupported,
    Weighted,
    World,
    Zone,
    answer,
    every_situation,
    regions_of,
    situation,
    things_of,
)

EU, US = "eu-west-1", "us-east-1"
TOKYO = Client("ap-northeast-1")
DEAD_EU = Thing(ThingKind.REGION, EU)
DEAD_US = Thing(ThingKind.REGION, US)


def pair(*checks: HealthCheck, primary: str | None = "eu", secondary: str | None = "us") -> World:
    """A failover pair in two regions, each side with a name of its own that its check probes."""
    zone = Zone(
        [
            record(Failover(True), "203.0.113.10", check=primary, set_identifier="primary"),
            record(Failover(False), "198.51.100.10", check=secondary, set_identifier="secondary"),
            record(Simple(), "203.0.113.10", name=f"{EU}.example.com."),
            record(Simple(), "198.51.100.10", name=f"{US}.example.com."),
        ]
    )
    own = [endpoint_check("eu", f"{EU}.example.com."), endpoint_check("us", f"{US}.example.com.")]
    return World(zone, {check.id: check for check in (*own, *checks)}, regions_of(zone))


def ask(world: World, *failed: Thing, client: Client = TOKYO, no_data: tuple[str, ...] = ()) -> Situation:
    return situation(world, NAME, "A", client, failed, no_data)


def blame(world: World, *failed: Thing, **more: Any) -> Rule:
    """The one rule behind every avoidable dead answer."""
    (rule,) = {fault.rule for fault in ask(world, *failed, **more).faults}
    return rule


def test_a_lost_region_takes_its_endpoint_and_what_its_check_sees():
    """The names tell the regions, and each check is found to look at the region's own name."""
    world = pair()
    assert world.regions == {"203.0.113.10": EU, "198.51.100.10": US}
    assert ask(world).answer.endpoints == {"203.0.113.10"}
    assert ask(world, DEAD_EU).answer.endpoints == {"198.51.100.10"}
    assert ask(world, DEAD_EU, DEAD_US).answer.endpoints == {"203.0.113.10"}
    assert ask(world, DEAD_EU, DEAD_US).faults == (), "nothing lives, so no answer is wrong"


def test_a_false_alarm_on_the_standby_makes_a_dead_primary_the_answer():
    """The trap of a failover pair: both unhealthy means the primary, and the line says so."""
    (fault,) = ask(pair(), DEAD_EU, Thing(ThingKind.CHECK, "us")).faults
    assert fault.rule is Rule.BOTH_UNHEALTHY
    assert fault.line == (
        "answers 203.0.113.10, which is dead, while 198.51.100.10 lives: when both sides of a failover are unhealthy the "
        "primary is answered (secondary lives, but check us gets no good answer from us-east-1.example.com) "
        "[Developer Guide, How Amazon Route 53 chooses records when health checking is configured]"
    )


def test_an_endpoint_can_be_dead_alone():
    """One address dies while its region lives."""
    assert ask(pair(), Thing(ThingKind.ENDPOINT, "203.0.113.10")).answer.endpoints == {"198.51.100.10"}


def test_a_switch_is_calm_until_it_is_thrown_and_then_the_standby_answers():
    """An inverted check on an object that is not there is healthy; thrown, the primary's calculated check is not."""
    switch = endpoint_check("switch", "shop-switch.s3.us-east-1.amazonaws.com.", inverted=True)
    both = HealthCheck("both", CheckKind.CALCULATED, children=("eu", "switch"), threshold=2)
    world = pair(switch, both, primary="both")
    thrown = Thing(ThingKind.CHECK, "switch")
    assert ask(world).answer.endpoints == {"203.0.113.10"}
    assert ask(world, thrown).answer.endpoints == {"198.51.100.10"}
    assert set(things_of(world, NAME, "A")) == {DEAD_EU, DEAD_US, thrown}
    # Thrown by mistake while the standby is dead: both sides are unhealthy, and the primary, which lives, is answered.
    assert ask(world, thrown, DEAD_US).answer.endpoints == {"203.0.113.10"}


def test_when_the_switchs_own_region_is_lost_it_counts_as_not_thrown():
    """Its object cannot be seen then, which an inverted check takes for healthy: the primary stays."""
    switch = endpoint_check("switch", "shop-switch.s3.us-east-1.amazonaws.com.", inverted=True)
    both = HealthCheck("both", CheckKind.CALCULATED, children=("eu", "switch"), threshold=2)
    assert ask(pair(switch, both, primary="both"), DEAD_US).answer.endpoints == {"203.0.113.10"}


def test_a_routing_control_that_is_turned_off_moves_clients():
    """The paid form of the switch."""
    both = HealthCheck("both", CheckKind.CALCULATED, children=("eu", "arc"), threshold=2)
    world = pair(HealthCheck("arc", CheckKind.ROUTING_CONTROL), both, primary="both")
    assert ask(world, Thing(ThingKind.CHECK, "arc")).answer.endpoints == {"198.51.100.10"}


@pytest.mark.parametrize(
    ("setting", "answered"),
    [(InsufficientData.UNHEALTHY, "198.51.100.10"), (InsufficientData.LAST_KNOWN, "203.0.113.10")],
)
def test_an_alarm_is_lost_with_its_region_and_says_what_is_set(setting, answered):
    """With the last known status a lost region stays healthy, and clients are sent to it."""
    alarm = HealthCheck("alarm", CheckKind.ALARM, host=EU, insufficient_data=setting)
    found = ask(pair(alarm, primary="alarm"), DEAD_EU)
    assert found.answer.endpoints == {answered}
    assert [fault.rule for fault in found.faults] == ([Rule.NO_DATA] if setting is InsufficientData.LAST_KNOWN else [])


def test_an_alarm_rings_when_the_endpoints_of_its_records_die():
    """A private target is watched by an alarm: its death moves clients."""
    alarm = HealthCheck("alarm", CheckKind.ALARM, host="eu-central-1")
    found = ask(pair(alarm, primary="alarm"), Thing(ThingKind.ENDPOINT, "203.0.113.10"))
    assert found.answer.endpoints == {"198.51.100.10"}
    unknown = ask(pair(alarm, primary="alarm"), no_data=("alarm",))
    assert "has no data, and was healthy" in "\n".join(unknown.answer.outcomes[0].lines)


BALANCER = "shop-1.eu-west-1.elb.amazonaws.com."
BUCKET = "s3-website.us-east-1.amazonaws.com."


def latency(**east: Any) -> World:
    """Two regions by latency; `east` changes the alias of us-east-1, which is two weighted records."""
    zone = Zone(
        [
            record(Latency(US), alias="east.example.com.", **east),
            record(Latency(EU), "203.0.113.10", check="eu"),
            record(Weighted(1), "10.0.0.1", name="east.example.com.", check="a"),
            record(Weighted(1), "10.0.0.2", name="east.example.com.", check="b"),
        ]
    )
    hosts = {"eu": "203.0.113.10", "a": "10.0.0.1", "b": "10.0.0.2"}
    return World(zone, {id_: endpoint_check(id_, host) for id_, host in hosts.items()}, regions_of(zone))


NEAR_US = Client(US)


def test_the_region_of_an_endpoint_follows_from_the_latency_record_above_it():
    """Nothing needs to be given where the zone says it."""
    assert latency().regions == {"10.0.0.1": US, "10.0.0.2": US, "203.0.113.10": EU}
    assert ask(latency(), DEAD_US, client=NEAR_US).answer.endpoints == {"203.0.113.10"}


@pytest.mark.parametrize(
    ("world", "failed", "rule"),
    [
        (pair(primary=None), (DEAD_EU,), Rule.NO_HEALTH_CHECK),
        (latency(evaluate=False), (DEAD_US,), Rule.TARGET_NOT_EVALUATED),
        (pair(endpoint_check("eu", f"{EU}.example.com.", disabled=True)), (DEAD_EU,), Rule.DISABLED),
        (pair(endpoint_check("eu", "elsewhere.example.net.")), (DEAD_EU,), Rule.CHECK_PROBES),
        (
            pair(HealthCheck("any", CheckKind.CALCULATED, children=("eu", "us"), threshold=1), primary="any"),
            (DEAD_EU,),
            Rule.THRESHOLD,
        ),
        (
            pair(HealthCheck("any", CheckKind.CALCULATED, children=("eu",)), primary="any"),
            (DEAD_EU,),
            Rule.THRESHOLD_ZERO,
        ),
        (latency(), (DEAD_US, Thing(ThingKind.CHECK, "eu")), Rule.ALL_UNHEALTHY),
    ],
    ids=["no check", "not evaluated", "disabled", "looks elsewhere", "threshold", "threshold 0", "last resort"],
)
def test_the_rule_behind_a_dead_answer_is_named(world, failed, rule):
    """Each is a mistake that looks harmless while all is well."""
    assert ask(world, client=NEAR_US).faults == ()
    assert blame(world, *failed, client=NEAR_US) is rule


def test_a_branch_that_is_kept_open_by_a_record_without_a_check_is_blamed_on_that_record():
    """The alias above is healthy only because of it: the reason is the record's, not the alias's."""
    zone = Zone([*latency().zone.records, record(Weighted(1), "10.0.0.3", name="east.example.com.")])
    world = World(zone, latency().checks, regions_of(zone))
    assert blame(world, DEAD_US, client=NEAR_US) is Rule.NO_HEALTH_CHECK


def test_a_dead_bucket_is_answered_because_its_health_says_nothing():
    """Evaluating a bucket's health changes nothing: it needs a check of its own."""
    zone = Zone([record(Failover(True), alias=BUCKET), record(Failover(False), alias=BALANCER)])
    world = World(zone, {}, regions_of(zone))
    assert world.regions == {BUCKET: US, BALANCER: EU}
    assert blame(world, DEAD_US) is Rule.RESOURCE_HAS_NO_HEALTH


def test_a_record_with_several_values_answers_the_dead_ones_too():
    """Simple records have no health per value; multivalue records do."""
    simple = World(Zone([Record(NAME, "A", Simple(), ("10.0.0.1", "10.0.0.2"))]))
    gone = Thing(ThingKind.ENDPOINT, "10.0.0.1")
    assert blame(simple, gone) is Rule.ALL_VALUES
    several = [record(Multivalue(), one, check=one if one != "10.0.0.3" else None) for one in ("10.0.0.1", "10.0.0.3")]
    world = World(Zone(several), {"10.0.0.1": endpoint_check("10.0.0.1", "10.0.0.1")})
    assert ask(world, gone).faults == ()
    assert blame(world, Thing(ThingKind.ENDPOINT, "10.0.0.3")) is Rule.NO_HEALTH_CHECK


def test_locations_do_not_help_each_other_and_a_client_without_one_gets_nothing():
    """Geolocation without a default record: one dead country is dead, and elsewhere there is no answer at all."""
    zone = Zone(
        [
            record(GeoLocation(continent="EU"), "203.0.113.10", check="eu"),
            record(GeoLocation(continent="NA"), "198.51.100.10", check="us"),
        ]
    )
    checks = {"eu": endpoint_check("eu", "203.0.113.10"), "us": endpoint_check("us", "198.51.100.10")}
    world = World(zone, checks)
    dead = Thing(ThingKind.ENDPOINT, "203.0.113.10")
    assert blame(world, dead, client=Client(EU)) is Rule.OTHER_LOCATIONS
    assert blame(world, client=TOKYO) is Rule.NO_LOCATION


def test_nearness_beyond_the_clients_own_region_is_marked_as_assumed_unless_it_is_given():
    """AWS does not publish its measurements: what stands in for them is never shown as knowledge."""

    def path(client: Client) -> str:
        return "\n".join(ask(latency(), client=client).answer.outcomes[0].lines)

    assert "us-east-1, the client's own region" in path(NEAR_US)
    assert "eu-west-1, assumed by distance" in path(Client("eu-central-1"))
    assert "us-east-1, as given" in path(Client("eu-central-1", nearest=(US,)))
    assert "the client's region is not given" in path(Client())


def test_a_cname_is_followed_within_the_zone_and_shown_where_it_leads_out_of_it():
    """The resolver goes on by itself; its TTL is the shorter of the two."""
    zone = Zone(
        [
            Record("www.example.com.", "CNAME", Simple(), ("example.com",), None, 20),
            Record("out.example.com.", "CNAME", Simple(), ("shop.example.net",), None, 20),
            record(Simple(), "203.0.113.10"),
        ]
    )
    (inside,) = answer(zone, "www.example.com", "A", TOKYO, Health()).outcomes
    assert (inside.endpoints, inside.ttl_seconds) == (("203.0.113.10",), 20)
    assert only(zone, Health(), name="out.example.com.") == "shop.example.net."


def test_a_wildcard_answers_names_that_do_not_exist_and_no_others():
    """RFC 4592: a name that exists, with whatever type, hides the wildcard."""
    zone = Zone(
        [record(Simple(), "10.0.0.1", name="*.example.com."), record(Simple(), "10.0.0.2", name="a.b.example.com.")]
    )
    assert only(zone, Health(), name="x.example.com") == "10.0.0.1"
    assert answer(zone, "b.example.com", "A", TOKYO, Health()).because == "the zone has no A records for b.example.com"
    assert answer(zone, "x.b.example.com", "A", TOKYO, Health()).outcomes == ()


def test_what_another_zone_answers_is_not_claimed():
    """Below a delegation this zone knows nothing."""
    zone = Zone(
        [Record("sub.example.com.", "NS", Simple(), ("ns.example.net",)), record(Simple(), "10.0.0.1")], name=NAME
    )
    assert (
        answer(zone, "a.sub.example.com", "A", TOKYO, Health()).because
        == "sub.example.com is delegated to another zone"
    )
    assert only(zone, Health()) == "10.0.0.1"


def test_every_combination_of_the_things_is_there_for_each_client():
    """Two to the n, the fewest failures first."""
    world = pair()
    things = things_of(world, NAME, "A", list(ThingKind))
    found = list(every_situation(world, NAME, "A", [TOKYO, NEAR_US], things))
    assert [str(thing) for thing in things] == [
        "region eu-west-1", "region us-east-1", "endpoint 203.0.113.10", "endpoint 198.51.100.10", "check eu", "check us",
    ]  # fmt: skip
    assert len(found) == 2**6 * 2
    assert len({(one.failed, str(one.client)) for one in found}) == len(found)
    assert [len(one.failed) for one in found] == sorted(len(one.failed) for one in found)


@pytest.mark.parametrize(
    ("failed", "message"),
    [
        (Thing(ThingKind.REGION, "eu-north-1"), "failed region = eu-north-1: one of eu-west-1, us-east-1"),
        (Thing(ThingKind.ENDPOINT, "192.0.2.1"), "failed endpoint = 192.0.2.1: a value or an alias target of the zone"),
        (
            Thing(ThingKind.CHECK, "nobody"),
            "failed check = nobody: the id of a check that is not calculated from others",
        ),
        (Thing(ThingKind.CHECK, "sum"), "failed check = sum: the id of a check that is not calculated from others"),
    ],
)
def test_what_is_not_there_cannot_fail(failed, message):
    """A typing error must not look like an outage that was survived."""
    world = pair(HealthCheck("sum", CheckKind.CALCULATED, children=("eu",), threshold=1))
    with pytest.raises(InvalidInput) as refused:
        ask(world, failed)
    assert str(refused.value) == message


def test_only_an_alarm_can_be_without_data():
    """Checks of endpoints have no such state."""
    with pytest.raises(InvalidInput, match="check without data = eu: the id of a check that follows an alarm"):
        ask(pair(), no_data=("eu",))


def test_more_things_than_anyone_reads_are_refused_and_the_most_are_not():
    """Each doubles the combinations."""
    values = [f"10.0.0.{at}" for at in range(11)]
    world = World(Zone([record(Weighted(1), one) for one in values]))
    things = things_of(world, NAME, "A")
    with pytest.raises(InvalidInput, match="things that fail = 11: at most 10"):
        next(every_situation(world, NAME, "A", [TOKYO], things))
    assert len(next(every_situation(world, NAME, "A", [TOKYO], things[:10])).answer.outcomes) == 11


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([record(Simple(), alias="gone.example.com.")], "a name with A records in the zone"),
        ([record(Unsupported("geoproximity"), "10.0.0.1")], "geoproximity: a routing policy that is modeled"),
        ([record(Simple(), alias=NAME)], "alias"),
    ],
    ids=["alias to nothing", "policy not modeled", "alias to itself"],
)
def test_what_is_broken_or_not_modeled_is_said_and_not_guessed(records, message):
    """An invented answer is worse than none."""
    with pytest.raises(InvalidInput, match=message):
        answer(Zone(records, id="Z1") if records[0].alias is None else _own(records), NAME, "A", TOKYO, Health())


def _own(records: list[Record]) -> Zone:
    """The same, with aliases that are known to point into the zone."""
    own = [
        Record(one.name, one.type, one.policy, (), Alias(one.alias.name, True, "Z1"), None, one.set_identifier)
        for one in records
        if one.alias is not None
    ]
    return Zone(own, id="Z1")


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([record(Weighted(256), "a")], "weight = 256: 0 to 255"),
        ([record(Weighted(1), "a"), record(Simple(), "b")], "one routing policy for a name and type"),
        ([record(Failover(True), "a"), record(Failover(True), "b")], "each side of a failover, once"),
        ([Record(NAME, "A")], "either values or an alias"),
    ],
)
def test_records_that_route_53_would_refuse_are_refused(records, message):
    """A file written by hand may hold anything."""
    with pytest.raises(InvalidInput, match=message):
        Zone(records)


def test_a_calculated_check_of_calculated_checks_is_refused():
    """Route 53 refuses it too."""
    inner = HealthCheck("inner", CheckKind.CALCULATED, children=("eu",), threshold=1)
    outer = HealthCheck("outer", CheckKind.CALCULATED, children=("inner",), threshold=1)
    with pytest.raises(InvalidInput, match="a check that is not calculated"):
        ask(pair(inner, outer, primary="outer"))
