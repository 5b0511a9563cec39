"""What clients are answered by the names that components declare, under failures: by AWS's rules, not by ours.

The rules are those of `seawall_ops.dns`, whose golden cases come from AWS's documentation. What `docs/dns-failover.md` says
in its table of behavior is what is asserted here.
"""

from collections.abc import Callable
from typing import Any

import pytest

import pulumi_seawall
from declared_dns import answered, world
from seawall_ops.dns import Client, World, every_situation, things_of

HOME, AWAY, THIRD = "eu-west-1", "us-east-1", "ap-northeast-1"
ADDRESSES = {HOME: "192.0.2.10", AWAY: "198.51.100.10", THIRD: "203.0.113.10"}
NAME = "shop.example.com"


def place(region: str, **more: Any) -> dict[str, Any]:
    """A region by its address, with a check of its own name."""
    return {
        "region": region,
        "addresses": [ADDRESSES[region]],
        "regional_name": f"{region}.shop.example.com",
        "health_check": {"protocol": "HTTPS", "path": "/regionz"},
        **more,
    }


def balancer(region: str) -> dict[str, Any]:
    """A region by its load balancer, whose targets Route 53 judges."""
    return {
        "region": region,
        "load_balancer": {"dns_name": f"shop.{region}.elb.amazonaws.com", "zone_id": "ZELB"},
    }


def pair(**more: Any) -> Any:
    return {"zone_id": "Z1", "name": NAME, "primary": place(HOME), "secondary": place(AWAY), **more}


@pytest.fixture
def declare(deploy: Any) -> Callable[[str, Any], World]:
    """The world after a component was declared."""

    def declare(component: str, args: Any) -> World:
        deployment = deploy(lambda: getattr(pulumi_seawall, component)("shop", args))
        return world(deployment.made, {address: region for region, address in ADDRESSES.items()})

    return declare


def test_a_warm_standby_is_answered_when_the_primarys_region_is_lost_and_left_when_it_is_back(declare):
    """The ordinary failover, and that nothing else moves clients."""
    shop = declare("FailoverRecord", pair())
    assert answered(shop, NAME).answer.endpoints == {ADDRESSES[HOME]}
    assert answered(shop, NAME, f"region={HOME}").answer.endpoints == {ADDRESSES[AWAY]}
    assert answered(shop, NAME, f"region={AWAY}").answer.endpoints == {ADDRESSES[HOME]}


def test_with_both_sides_unhealthy_the_primary_is_answered_as_the_output_says(declare, deployment):
    """Route 53's rule: whoever debugs at night must not look for a fault in the configuration."""
    shop = declare("FailoverRecord", pair())
    assert deployment.outputs["both_unhealthy_answers"] == "primary"
    assert answered(shop, NAME, f"region={HOME}", f"region={AWAY}").answer.endpoints == {ADDRESSES[HOME]}


def test_a_secondary_without_a_check_is_answered_then_as_the_output_says(declare, deployment):
    """An unchecked record counts as healthy: the page that says sorry."""
    secondary = {key: value for key, value in place(AWAY).items() if key != "health_check"}
    shop = declare("FailoverRecord", pair(secondary=secondary))
    assert deployment.outputs["both_unhealthy_answers"] == "secondary"
    assert answered(shop, NAME, f"region={HOME}", f"region={AWAY}").answer.endpoints == {ADDRESSES[AWAY]}


def test_a_pilot_light_is_not_answered_before_it_is_scaled_up(declare):
    """A standby scaled to zero has no healthy targets: the dead primary stays the answer until somebody scales it."""
    shop = declare("FailoverRecord", pair(primary=balancer(HOME), secondary=balancer(AWAY)))
    home, away = (f"shop.{region}.elb.amazonaws.com." for region in (HOME, AWAY))
    unlit = f"endpoint={away}"
    assert answered(shop, NAME, unlit).answer.endpoints == {home}
    dead = answered(shop, NAME, unlit, f"endpoint={home}")
    assert dead.answer.endpoints == {home}
    assert not dead.live
    assert answered(shop, NAME, f"endpoint={home}").answer.endpoints == {away}


@pytest.mark.parametrize("form", [{"object": {}}, {"routing_control": {}}])
def test_a_thrown_switch_moves_clients_though_the_primary_is_well(declare, form):
    """The standby takes over primary; with the standby dead as well the primary stays."""
    shop = declare("FailoverRecord", pair(switch=form))
    thrown = f"check=shop-switch-{HOME}-id"
    assert answered(shop, NAME).answer.endpoints == {ADDRESSES[HOME]}
    assert answered(shop, NAME, thrown).answer.endpoints == {ADDRESSES[AWAY]}
    assert answered(shop, NAME, thrown, f"region={AWAY}").answer.endpoints == {ADDRESSES[HOME]}
    assert answered(shop, NAME, f"region={HOME}").answer.endpoints == {ADDRESSES[AWAY]}


def test_a_lost_standby_cannot_throw_the_switch(declare):
    """The object that switches the primary off is in the standby's region: when it cannot be seen, the primary stays."""
    shop = declare("FailoverRecord", pair(switch={"object": {}}))
    assert shop.checks[f"shop-switch-{HOME}-id"].host == f"made-up-bucket.s3.{AWAY}.amazonaws.com."
    assert answered(shop, NAME, f"region={AWAY}").answer.endpoints == {ADDRESSES[HOME]}


@pytest.mark.parametrize("switch", [None, {"object": {}}, {"routing_control": {}}])
def test_no_combination_of_failures_answers_a_dead_side_while_the_other_serves_but_by_a_false_alarm(declare, switch):
    """All 2^n combinations: a dead endpoint is answered while another lives only when a switch took that other one out."""
    shop = declare("FailoverRecord", pair(**({"switch": switch} if switch else {})))
    things = things_of(shop, NAME, "A")
    situations = list(every_situation(shop, NAME, "A", [Client(HOME)], things))
    assert len(situations) == 2 ** len(things)
    for one in situations:
        if one.faults:
            assert any("switch" in thing.name for thing in one.failed)


def entries(**weights: int) -> list[Any]:
    regions = dict(zip(weights, (HOME, AWAY, THIRD), strict=False))
    return [{"name": name, "weight": weight, "target": place(regions[name])} for name, weight in weights.items()]


def test_weight_0_is_answered_only_once_every_weighted_entry_is_unhealthy(declare, deployment):
    """A last resort, and not off: what is drained comes back when all else fails."""
    shop = declare("WeightedRecord", {"zone_id": "Z1", "name": NAME, "entries": entries(a=3, b=1, c=0)})
    assert deployment.outputs["last_resorts"] == ["c"]
    well = answered(shop, NAME).answer
    assert {outcome.endpoints[0]: float(outcome.share) for outcome in well.outcomes} == {
        ADDRESSES[HOME]: 0.75,
        ADDRESSES[AWAY]: 0.25,
    }
    assert deployment.outputs["shares"] == {"a": 0.75, "b": 0.25, "c": 0.0}
    assert answered(shop, NAME, f"region={HOME}").answer.endpoints == {ADDRESSES[AWAY]}
    assert answered(shop, NAME, f"region={HOME}", f"region={AWAY}").answer.endpoints == {ADDRESSES[THIRD]}


def test_with_every_entry_unhealthy_the_weights_decide_as_the_output_says(declare, deployment):
    """Route 53 takes all for healthy then: the entry of weight 0 is not answered after all."""
    shop = declare("WeightedRecord", {"zone_id": "Z1", "name": NAME, "entries": entries(a=3, b=1, c=0)})
    dead = answered(shop, NAME, *(f"region={region}" for region in ADDRESSES)).answer
    assert dead.endpoints == {ADDRESSES[HOME], ADDRESSES[AWAY]}
    assert deployment.outputs["all_unhealthy_answers"] == ["a", "b"]


def test_a_latency_based_name_goes_to_the_next_region_and_by_latency_when_all_are_unhealthy(declare, deployment):
    """Each client keeps its nearest healthy region; with none, its nearest one."""
    regions = [{"name": region, "target": place(region)} for region in (HOME, AWAY, THIRD)]
    shop = declare("LatencyRecord", {"zone_id": "Z1", "name": NAME, "entries": regions})
    for client in (HOME, AWAY, THIRD):
        assert answered(shop, NAME, client=client).answer.endpoints == {ADDRESSES[client]}
        everything = [f"region={region}" for region in ADDRESSES]
        assert answered(shop, NAME, *everything, client=client).answer.endpoints == {ADDRESSES[client]}
        left = answered(shop, NAME, f"region={client}", client=client).answer.endpoints
        assert left
        assert left <= {address for region, address in ADDRESSES.items() if region != client}
    assert deployment.outputs["all_unhealthy_answers"] == [HOME, AWAY, THIRD]


def test_a_pair_of_weighted_groups_fails_over_when_all_of_a_group_failed(deploy):
    """One entry of the primary's group that lives keeps the clients there; with none the secondary's group answers."""
    blue, green, away = "192.0.2.1", "192.0.2.2", "198.51.100.1"

    def program() -> pulumi_seawall.FailoverRecord:
        def group(name: str, region: str, **addresses: str) -> dict[str, Any]:
            members: list[Any] = [
                {
                    "name": member,
                    "weight": 1,
                    "target": {
                        "region": region,
                        "addresses": [address],
                        "regional_name": f"{member}.{name}.example.com",
                        "health_check": {"protocol": "HTTPS", "path": "/regionz"},
                    },
                }
                for member, address in addresses.items()
            ]
            args: Any = {"zone_id": "Z1", "name": f"{name}.example.com", "entries": members}
            return {"region": region, "group": pulumi_seawall.WeightedRecord(name, args).as_group()}

        args: Any = {
            "zone_id": "Z1",
            "name": NAME,
            "primary": group("home", HOME, blue=blue, green=green),
            "secondary": group("away", AWAY, only=away),
        }
        return pulumi_seawall.FailoverRecord("shop", args)

    made = list(deploy(program).made)
    for one in made:  # the pair's aliases lead into their own zone
        for alias in one.inputs.get("aliases", []):
            assert alias["evaluateTargetHealth"] is True
    shop = world(made, {blue: HOME, green: HOME, away: AWAY})
    assert answered(shop, NAME).answer.endpoints == {blue, green}
    assert answered(shop, NAME, f"endpoint={blue}").answer.endpoints == {green}
    assert answered(shop, NAME, f"endpoint={blue}", f"endpoint={green}").answer.endpoints == {away}
    assert answered(shop, NAME, f"region={AWAY}", f"endpoint={blue}").answer.endpoints == {green}
