"""What a `WeightedRecord` and a `LatencyRecord` register, and how they answer. Pulumi's mocks turn integers into floats."""

from typing import Any

import pytest

import pulumi_seawall
from pulumi_seawall import plan_weighted

CHECK = {"protocol": "HTTPS", "path": "/regionz"}
EXISTING = "11111111-2222-3333-4444-555555555555"


def target(region: str, address: str, **more: Any) -> dict[str, Any]:
    return {
        "region": region,
        "addresses": [address],
        "regional_name": f"{region}.shop.example.com",
        "health_check": CHECK,
        **more,
    }


def balancer(region: str, **more: Any) -> dict[str, Any]:
    return {"region": region, "load_balancer": {"dns_name": f"{region}.elb.amazonaws.com", "zone_id": "ZELB"}, **more}


def entries(*weights: int) -> list[Any]:
    """Load balancers with these weights, called a, b, c."""
    return [
        {"name": name, "weight": weight, "target": balancer("eu-west-1", set_identifier=name)}
        for name, weight in zip("abcdef", weights, strict=False)
    ]


def shop(*given: Any, **more: Any) -> Any:
    return {"zone_id": "Z0123456789ABC", "name": "shop.example.com", "entries": list(given), **more}


def test_a_weighted_entry_has_its_own_identifier_weight_and_check(deploy):
    """Set identifiers by the entry's name make a moved entry an update in place."""
    args = shop(
        {"name": "blue", "weight": 3, "target": target("eu-west-1", "192.0.2.10")},
        {"name": "green", "weight": 0, "target": balancer("us-east-1")},
    )
    records = deploy(lambda: pulumi_seawall.WeightedRecord("shop", args)).of("Record")
    assert records["shop-blue-a"].inputs == {
        "zoneId": "Z0123456789ABC",
        "name": "shop.example.com",
        "type": "A",
        "ttl": 60,
        "records": ["192.0.2.10"],
        "setIdentifier": "blue",
        "weightedRoutingPolicies": [{"weight": 3}],
        "healthCheckId": "shop-blue-id",
        "allowOverwrite": False,
    }
    assert records["shop-green-a"].inputs == {
        "zoneId": "Z0123456789ABC",
        "name": "shop.example.com",
        "type": "A",
        "aliases": [{"name": "us-east-1.elb.amazonaws.com", "zoneId": "ZELB", "evaluateTargetHealth": True}],
        "setIdentifier": "green",
        "weightedRoutingPolicies": [{"weight": 0}],
        "allowOverwrite": False,
    }
    assert records["shop-blue-regional-a"].inputs["name"] == "eu-west-1.shop.example.com"


def test_a_latency_entry_names_its_region_and_takes_a_check_that_exists(deploy):
    """A region that already has a check of a failover pair needs no second one."""
    args = shop(
        {
            "name": "eu-west-1",
            "target": {"region": "eu-west-1", "addresses": ["192.0.2.10"], "health_check_id": EXISTING},
        },
        {"name": "us-east-1", "target": target("us-east-1", "198.51.100.20")},
    )
    deployment = deploy(lambda: pulumi_seawall.LatencyRecord("reads", args))
    records = deployment.of("Record")
    assert records["reads-eu-west-1-a"].inputs["latencyRoutingPolicies"] == [{"region": "eu-west-1"}]
    assert records["reads-eu-west-1-a"].inputs["healthCheckId"] == EXISTING
    assert set(deployment.of("healthCheck:HealthCheck")) == {"reads-us-east-1"}
    assert deployment.outputs["health_check_ids"] == {"eu-west-1": EXISTING, "us-east-1": "reads-us-east-1-id"}
    assert deployment.outputs["all_unhealthy_answers"] == ["eu-west-1", "us-east-1"]
    assert deployment.outputs["record_names"] == ["shop.example.com", "us-east-1.shop.example.com"]


@pytest.mark.parametrize(
    ("weights", "shares", "last_resorts", "all_unhealthy"),
    [
        ((1,), {"a": 1.0}, [], ["a"]),
        ((3, 1), {"a": 0.75, "b": 0.25}, [], ["a", "b"]),
        ((255, 0), {"a": 1.0, "b": 0.0}, ["b"], ["a"]),
        ((1, 1, 0), {"a": 0.5, "b": 0.5, "c": 0.0}, ["c"], ["a", "b"]),
    ],
)
def test_what_the_weights_mean_is_said(deploy, weights, shares, last_resorts, all_unhealthy):
    """Weight 0 is a last resort and not off; with none healthy Route 53 answers by weight as if all were."""
    args = shop(*entries(*weights))
    outputs = deploy(lambda: pulumi_seawall.WeightedRecord("shop", args)).outputs
    assert outputs["shares"] == shares
    assert outputs["last_resorts"] == last_resorts
    assert outputs["all_unhealthy_answers"] == all_unhealthy


def test_both_families_get_a_record_an_entry(deploy):
    """Clients of either family meet the same shares."""
    dual = {
        "region": "eu-west-1",
        "load_balancer": {"dns_name": "x.elb.amazonaws.com", "zone_id": "Z", "dual_stack": True},
    }
    args = shop({"name": "blue", "weight": 1, "target": dual})
    records = deploy(lambda: pulumi_seawall.WeightedRecord("shop", args)).of("Record")
    assert {name: made.inputs["type"] for name, made in records.items()} == {
        "shop-blue-a": "A",
        "shop-blue-aaaa": "AAAA",
    }


def test_existing_resources_of_an_entry_are_adopted(deploy):
    """A group made by hand is taken over: record, region's own record, check and alarm."""
    import_ids = {
        "a": "Z0123456789ABC_shop.example.com_A_old",
        "regional_a": "Z0123456789ABC_eu-west-1.shop.example.com_A",
        "health_check": EXISTING,
        "status_alarm": "old-alarm",
    }
    where = target("eu-west-1", "192.0.2.10", set_identifier="old")
    args = shop({"name": "blue", "weight": 1, "target": where, "import_ids": import_ids})
    deployment = deploy(lambda: pulumi_seawall.WeightedRecord("shop", args))
    assert {made.name: made.import_id for made in deployment.made if made.import_id} == {
        "shop-blue": EXISTING,
        "shop-blue-a": import_ids["a"],
        "shop-blue-regional-a": import_ids["regional_a"],
        "shop-blue-status": "old-alarm@us-east-1",
    }


def test_a_failover_pair_of_weighted_groups_follows_the_groups_health(deploy):
    """Route 53 takes a group for healthy while any of its entries is; the alias says to look."""

    def program() -> pulumi_seawall.FailoverRecord:
        sides: dict[str, Any] = {}
        for role, region in (("primary", "eu-west-1"), ("secondary", "us-east-1")):
            entry: Any = {"name": "blue", "weight": 1, "target": target(region, "192.0.2.10")}
            name = f"{role}.shop.example.com"
            args: Any = shop(entry, name=name, ttl_seconds=20)
            group = pulumi_seawall.WeightedRecord(role, args)
            sides[role] = {"region": region, "group": group.as_group()}
        args: Any = {"zone_id": "Z0123456789ABC", "name": "shop.example.com", **sides}
        return pulumi_seawall.FailoverRecord("shop", args)

    deployment = deploy(program)
    assert deployment.of("Record")["shop-primary-a"].inputs == {
        "zoneId": "Z0123456789ABC",
        "name": "shop.example.com",
        "type": "A",
        "aliases": [{"name": "primary.shop.example.com", "zoneId": "Z0123456789ABC", "evaluateTargetHealth": True}],
        "setIdentifier": "primary",
        "failoverRoutingPolicies": [{"type": "PRIMARY"}],
        "allowOverwrite": False,
    }
    assert deployment.outputs["ttl_seconds"] == 20
    assert deployment.outputs["both_unhealthy_answers"] == "primary"


def test_the_group_itself_is_known_as_failed_when_its_slowest_entry_is():
    """A group fails as a whole only after all of its entries: the pair above waits for the slowest."""
    quick = target("eu-west-1", "192.0.2.10", health_check={**CHECK, "failure_threshold": 1})
    slow = target("us-east-1", "198.51.100.20", health_check={**CHECK, "interval_seconds": 30})
    plan = plan_weighted(shop({"name": "a", "weight": 1, "target": quick}, {"name": "b", "weight": 1, "target": slow}))
    assert plan.detection[0].formula == "3 checks x 30 s"
    assert [prediction.failure_class.value for prediction in plan.predictions] == ["endpoint", "region"]


def test_a_group_in_one_region_promises_nothing_about_that_regions_loss():
    """No entry is left then: a prediction would be a lie."""
    plan = plan_weighted(shop(*entries(1, 1)))
    assert [prediction.failure_class.value for prediction in plan.predictions] == ["endpoint"]


@pytest.mark.parametrize(
    ("rule", "children", "threshold"),
    [("all", 4, 4), ("majority", 4, 3), ("majority", 5, 3), ("any", 4, 1), ("always_healthy", 4, 0)],
)
def test_a_calculated_checks_threshold_follows_from_its_rule_and_children(deploy, rule, children, threshold):
    """A child that is added later is counted; 0, which is always healthy, comes by its name only."""
    args: Any = {"calculated": {"children": [f"check-{place}" for place in range(children)], "rule": rule}}
    checks = deploy(lambda: pulumi_seawall.HealthCheck("all", args)).of("healthCheck:HealthCheck")
    assert checks["all"].inputs["childHealthThreshold"] == threshold
