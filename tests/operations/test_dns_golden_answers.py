"""Answers that AWS's documentation describes; each test names the page. The cases are AWS's, not derived from our code.

"Guide" is the Amazon Route 53 Developer Guide.
"""

from fractions import Fraction

import pytest

from dns_zones import ANYWHERE, endpoint_check, health, only, record, shares
from seawall.errors import InvalidInput
from seawall_ops.dns import (
    CheckKind,
    Client,
    Failover,
    GeoLocation,
    HealthCheck,
    InsufficientData,
    Latency,
    Multivalue,
    Rule,
    Signal,
    Simple,
    Weighted,
    Zone,
    answer,
    considered,
)

THREE = ["first", "second", "third"]


def weighted(third_checked: bool = True) -> Zone:
    """Three weighted records of 10, 20 and 20."""
    weights = (10, 20, 20)
    return Zone(
        [
            record(Weighted(weight), value, check=value if value != "third" or third_checked else None)
            for weight, value in zip(weights, THREE, strict=True)
        ]
    )


def test_an_unhealthy_weighted_record_is_left_out_of_the_sum_of_the_weights():
    """Guide, "How health checks work in simple Amazon Route 53 configurations": 10 of 50 becomes 10 of 30."""
    assert shares(weighted(), health(THREE))[("first",)] == Fraction(10, 50)
    assert shares(weighted(), health(THREE, ["third"])) == {("second",): Fraction(20, 30), ("first",): Fraction(10, 30)}


def test_a_weighted_record_without_a_check_is_answered_whatever_becomes_of_it():
    """Guide, "How health checks work in simple Amazon Route 53 configurations": it is treated as healthy."""
    assert only(weighted(third_checked=False), health(["first", "second"], ["first", "second"])) == "third"


def test_when_all_three_fail_all_three_are_answered_again():
    """Guide, "How Amazon Route 53 averts failover problems": the mode of last resort, against cascading failures."""
    assert shares(weighted(), health(THREE, THREE)) == shares(weighted(), health(THREE))


def two_regions(**changes: object) -> Zone:
    """Latency aliases to two weighted records in each of us-east-1 and ap-southeast-2, as in the guide's figures."""
    east_check = changes.get("alias_check")
    missing = changes.get("without_check")
    records = [
        record(
            Latency("us-east-1"),
            alias="us-east-1-www.example.com.",
            check=str(east_check) if east_check else None,
            evaluate=bool(changes.get("evaluate", True)),
        ),
        record(Latency("ap-southeast-2"), alias="ap-southeast-2-www.example.com."),
    ]
    for region in ("us-east-1", "ap-southeast-2"):
        for value in (f"{region}-a", f"{region}-b"):
            check = None if value == missing else value
            records.append(record(Weighted(1), value, name=f"{region}-www.example.com.", check=check))
    return Zone(records)


FOUR = ["us-east-1-a", "us-east-1-b", "ap-southeast-2-a", "ap-southeast-2-b"]
EAST = Client("us-east-1")


def test_a_branch_without_a_healthy_record_is_left_for_the_next_nearest_region():
    """Guide, "How health checks work in complex Amazon Route 53 configurations", figure with both instances failed."""
    found = shares(two_regions(), health(FOUR, ["us-east-1-a", "us-east-1-b", "ap-southeast-2-a"]), EAST)
    assert found == {("ap-southeast-2-b",): 1}


def test_one_healthy_record_keeps_its_branch():
    """Guide, the same page: the alias counts as healthy while at least one of its target's records is."""
    assert shares(two_regions(), health(FOUR, ["us-east-1-b"]), EAST) == {("us-east-1-a",): 1}


def test_a_failed_check_on_an_alias_closes_its_branch_although_all_beneath_is_healthy():
    """Guide, the same page, "What happens when you associate a health check with an alias record?"."""
    zone = two_regions(alias_check="east")
    assert set(shares(zone, health([*FOUR, "east"], ["east"]), EAST)) == {("ap-southeast-2-a",), ("ap-southeast-2-b",)}
    both = health([*FOUR, "east"], ["us-east-1-a", "us-east-1-b"])
    assert set(shares(zone, both, EAST)) == {("ap-southeast-2-a",), ("ap-southeast-2-b",)}


def test_a_record_without_a_check_keeps_its_branch_and_is_answered():
    """Guide, the same page, "What happens when you omit health checks?": Route 53 assumes that the resource is healthy."""
    zone = two_regions(without_check="us-east-1-b")
    assert shares(zone, health(FOUR, ["us-east-1-a"]), EAST) == {("us-east-1-b",): 1}


def test_an_alias_that_does_not_evaluate_its_target_is_not_left():
    """Guide, the same page, "What happens when you set Evaluate Target Health to No?": one of the failing ones is given."""
    zone = two_regions(evaluate=False)
    assert set(shares(zone, health(FOUR, FOUR[:2]), EAST)) == {("us-east-1-a",), ("us-east-1-b",)}


@pytest.mark.parametrize(
    ("unhealthy", "answered"),
    [
        ([], {("one",): Fraction(1, 2), ("two",): Fraction(1, 2)}),
        (["one"], {("two",): 1}),
        (["one", "two"], {("spare",): 1}),
        (["one", "two", "spare"], {("one",): Fraction(1, 2), ("two",): Fraction(1, 2)}),
    ],
)
def test_records_of_weight_zero_are_answered_when_all_others_are_unhealthy(unhealthy, answered):
    """Guide, "How Amazon Route 53 chooses records when health checking is configured", and "Active-active and
    active-passive failover", with weighted records; when nothing is healthy the choice is as if all were."""
    zone = Zone([record(Weighted(weight), one, check=one) for one, weight in (("one", 5), ("two", 5), ("spare", 0))])
    assert shares(zone, health(["one", "two", "spare"], unhealthy)) == answered


def test_when_all_weights_are_zero_every_record_is_answered_equally_often():
    """API reference, ResourceRecordSet, Weight; and Guide, "Values specific for weighted alias records"."""
    zone = Zone([record(Weighted(0), one) for one in THREE])
    assert set(shares(zone, health()).values()) == {Fraction(1, 3)}


@pytest.mark.parametrize(
    ("unhealthy", "answered"),
    [([], "p"), (["s"], "p"), (["p"], "s"), (["p", "s"], "p")],
    ids=["both well", "secondary dead", "primary dead", "both dead"],
)
def test_a_failover_pair_answers_the_primary_unless_only_the_secondary_is_healthy(unhealthy, answered):
    """Guide, "How Amazon Route 53 chooses records when health checking is configured", failover records."""
    zone = Zone([record(Failover(True), "p", check="p"), record(Failover(False), "s", check="s")])
    assert only(zone, health(["p", "s"], unhealthy)) == answered


def test_a_secondary_without_a_check_is_always_answered_when_the_primary_fails():
    """The same page: this holds even when the secondary is unhealthy, which nobody looks at."""
    zone = Zone([record(Failover(True), "p", check="p"), record(Failover(False), "s")])
    found = answer(zone, "example.com", "A", ANYWHERE, health(["p"], ["p"]))
    assert (found.endpoints, found.outcomes[0].rule) == ({"s"}, Rule.SECONDARY)


@pytest.mark.parametrize(("unhealthy", "answered"), [(["p1"], {"p2"}), (["p1", "p2"], {"s1", "s2"})])
def test_a_primary_of_several_resources_is_healthy_while_one_of_them_is(unhealthy, answered):
    """Guide, "Active-active and active-passive failover", with multiple primary and secondary resources."""
    zone = Zone(
        [
            record(Failover(True), alias="failover-primary.example.com."),
            record(Failover(False), alias="failover-secondary.example.com."),
            *(record(Weighted(1), one, name="failover-primary.example.com.", check=one) for one in ("p1", "p2")),
            *(record(Weighted(1), one, name="failover-secondary.example.com.", check=one) for one in ("s1", "s2")),
        ]
    )
    found = shares(zone, health(["p1", "p2", "s1", "s2"], unhealthy))
    assert {end for ends in found for end in ends} == answered


@pytest.mark.parametrize(("unhealthy", "answered"), [([], {"a", "b", "c"}), (["a"], {"b", "c"}), (["a", "b"], {"c"})])
def test_a_multivalue_answer_holds_the_healthy_values_and_those_without_a_check(unhealthy, answered):
    """API reference, ResourceRecordSet, MultiValueAnswer; `c` has no check."""
    zone = Zone([record(Multivalue(), one, check=one if one != "c" else None) for one in ("a", "b", "c")])
    found = answer(zone, "example.com", "A", ANYWHERE, health(["a", "b"], unhealthy))
    assert (found.endpoints, found.outcomes[0].rule) == (answered, Rule.UP_TO_EIGHT)


def test_a_multivalue_answer_of_unhealthy_records_holds_up_to_eight_of_them():
    """The same entry: when all records are unhealthy up to eight unhealthy ones are answered."""
    names = [f"10.0.0.{at}" for at in range(10)]
    zone = Zone([record(Multivalue(), one, check=one) for one in names])
    outcome = answer(zone, "example.com", "A", ANYWHERE, health(names, names)).outcomes[0]
    assert (set(outcome.endpoints), outcome.rule) == (set(names), Rule.ALL_UNHEALTHY)
    assert "8 of 10 at a time" in "\n".join(outcome.lines)


STATE, US, NORTH_AMERICA, DEFAULT = (
    GeoLocation(country="US", subdivision="VA"),
    GeoLocation(country="US"),
    GeoLocation(continent="NA"),
    GeoLocation(country="*"),
)


@pytest.mark.parametrize("failed", range(4))
def test_an_unhealthy_location_gives_way_to_the_next_larger_one(failed):
    """API reference, ResourceRecordSet, HealthCheckId, "Geolocation routing": state, country, continent, default."""
    order = ["state", "us", "na", "default"]
    places = (STATE, US, NORTH_AMERICA, DEFAULT)
    zone = Zone([record(place, one, check=one) for place, one in zip(places, order, strict=True)])
    client = Client(location=GeoLocation("NA", "US", "VA"))
    assert only(zone, health(order, order[:failed]), client) == order[failed]


def test_a_location_without_a_record_has_no_answer_unless_there_is_a_default():
    """Guide, "Choosing a routing policy", geolocation: a "no answer" response."""
    zone = Zone([record(NORTH_AMERICA, "na")])
    found = answer(zone, "example.com", "A", Client(location=GeoLocation("EU", "DE")), health())
    assert (found.endpoints, found.outcomes[0].rule) == (frozenset(), Rule.NO_LOCATION)
    with_default = Zone([record(NORTH_AMERICA, "na"), record(DEFAULT, "default")])
    assert only(with_default, health(), Client(location=GeoLocation("EU", "DE"))) == "default"


def test_in_a_private_zone_the_clients_location_is_that_of_its_region():
    """Guide, "Geolocation routing in private hosted zones": us-east-1 is Virginia; unhealthy, the default is given."""
    zone = Zone([record(STATE, "1.1.1.1", check="va"), record(DEFAULT, "2.2.2.2", check="default")])
    assert only(zone, health(["va", "default"]), EAST) == "1.1.1.1"
    assert only(zone, health(["va", "default"], ["va"]), EAST) == "2.2.2.2"


@pytest.mark.parametrize(("nearest", "answered"), [("us-west-2", "oregon"), ("ap-southeast-1", "singapore")])
def test_latency_decides_not_distance_where_it_is_known(nearest, answered):
    """Guide, "Choosing a routing policy", latency: a user in London gets whichever region is quicker to reach."""
    zone = Zone([record(Latency("us-west-2"), "oregon"), record(Latency("ap-southeast-1"), "singapore")])
    assert only(zone, health(), Client("eu-west-2", nearest=(nearest,))) == answered


@pytest.mark.parametrize(
    ("threshold", "unhealthy", "healthy"),
    [(1, ["a", "b"], True), (2, ["a"], True), (2, ["a", "b"], False), (0, ["a", "b", "c"], True), (4, [], False)],
)
def test_a_calculated_check_counts_its_healthy_children(threshold, unhealthy, healthy):
    """Guide, "Values that you specify when you create or update health checks": 0 is always healthy, too many never."""
    parent = HealthCheck("parent", CheckKind.CALCULATED, children=("a", "b", "c"), threshold=threshold)
    state = health(["a", "b", "c", parent], unhealthy)
    assert considered("parent", state.checks, state.signals).healthy is healthy


@pytest.mark.parametrize(
    ("setting", "last_known", "healthy"),
    [
        (InsufficientData.HEALTHY, False, True),
        (InsufficientData.UNHEALTHY, True, False),
        (InsufficientData.LAST_KNOWN, True, True),
        (InsufficientData.LAST_KNOWN, False, False),
        (InsufficientData.LAST_KNOWN, None, True),
    ],
)
def test_an_alarm_without_data_says_what_is_set_for_it(setting, last_known, healthy):
    """Guide, "How Amazon Route 53 determines whether a health check is healthy"; a new check's last status is healthy."""
    check = HealthCheck("alarm", CheckKind.ALARM, insufficient_data=setting)
    known = {} if last_known is None else {"alarm": last_known}
    verdict = considered("alarm", {"alarm": check}, {"alarm": Signal.NO_DATA}, known)
    assert (verdict.healthy, verdict.rule) == (healthy, Rule.NO_DATA)


@pytest.mark.parametrize(
    ("disabled", "inverted", "signal", "healthy"),
    [
        (False, False, Signal.UNHEALTHY, False),
        (False, True, Signal.UNHEALTHY, True),
        (False, True, Signal.HEALTHY, False),
        (True, False, Signal.UNHEALTHY, True),
        (True, True, Signal.HEALTHY, False),
    ],
)
def test_a_disabled_check_is_healthy_and_an_inverted_one_the_opposite(disabled, inverted, signal, healthy):
    """API reference, HealthCheckConfig, Disabled and Inverted: to stop traffic in spite of Disabled, change Inverted."""
    check = endpoint_check("one", disabled=disabled, inverted=inverted)
    assert considered("one", {"one": check}, {"one": signal}).healthy is healthy


def test_a_routing_control_that_is_off_is_unhealthy():
    """ARC Developer Guide, "Routing control in ARC": the health check follows the control's state."""
    check = HealthCheck("arc", CheckKind.ROUTING_CONTROL)
    assert considered("arc", {"arc": check}, {}).healthy
    assert not considered("arc", {"arc": check}, {"arc": Signal.UNHEALTHY}).healthy


def test_a_load_balancer_without_healthy_targets_is_left_and_a_bucket_never_is():
    """API reference, AliasTarget, EvaluateTargetHealth: buckets are highly available by design, so nothing is seen."""
    balancer, bucket = "shop-1.eu-west-1.elb.amazonaws.com.", "s3-website.eu-central-1.amazonaws.com."
    zone = Zone([record(Failover(True), alias=balancer), record(Failover(False), alias=bucket)])
    assert only(zone, health(targets=[balancer])) == bucket
    zone = Zone([record(Failover(True), alias=bucket), record(Failover(False), alias=balancer)])
    assert only(zone, health(targets=[bucket])) == bucket


def test_nothing_is_promised_for_a_record_whose_check_was_deleted():
    """API reference, DeleteHealthCheck: its future status cannot be predicted, so neither do we."""
    with pytest.raises(InvalidInput, match="health check = gone: one that exists"):
        answer(Zone([record(Simple(), "a", check="gone")]), "example.com", "A", ANYWHERE, health())


@pytest.mark.parametrize("nested", [False, True])
def test_a_check_of_the_name_that_it_decides_is_called_unpredictable(nested):
    """API reference, ResourceRecordSet, HealthCheckId, "Specifying the Health Check Endpoint by Domain Name"."""
    own = endpoint_check("own", "example.com.")
    used = HealthCheck("sum", CheckKind.CALCULATED, children=("own",), threshold=1) if nested else own
    zone = Zone([record(Failover(True), "p", check=used.id), record(Failover(False), "s", check="s")])
    lines = answer(zone, "example.com", "A", ANYWHERE, health([own, used, "s"])).outcomes[0].lines
    assert "unpredictable" in lines[1]
    assert "unpredictable" not in lines[2]
