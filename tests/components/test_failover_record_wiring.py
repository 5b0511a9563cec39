"""What a `FailoverRecord` registers. Pulumi's mocks turn integers into floats."""

from typing import Any

import pulumi
import pytest

import pulumi_seawall
from failover_args import CHECK, TOPIC, alarm_check

EXISTING = "11111111-2222-3333-4444-555555555555"


def side(region: str, *addresses: Any, **more: Any) -> dict[str, Any]:
    """One side with a name of its own and a check."""
    return {
        "region": region,
        "addresses": list(addresses),
        "regional_name": f"{region}.shop.example.com",
        "health_check": CHECK,
        **more,
    }


def balancer(region: str, **more: Any) -> dict[str, Any]:
    """One side that is a load balancer."""
    target = {"dns_name": f"shop.{region}.elb.amazonaws.com", "zone_id": f"Z{region[:2].upper()}", **more}
    return {"region": region, "load_balancer": target}


def shop(**more: Any) -> Any:
    """A right pair."""
    return {
        "zone_id": "Z0123456789ABC",
        "name": "Shop.example.com.",
        "primary": side("ap-northeast-1", "192.0.2.10"),
        "secondary": side("us-west-2", "198.51.100.10"),
        **more,
    }


def test_the_pair_has_role_based_set_identifiers_checks_and_one_ttl(deploy):
    """Set identifiers by role make a moved region an update in place, so the name is never without a record."""
    records = deploy(lambda: pulumi_seawall.FailoverRecord("shop", shop(ttl_seconds=30))).of("Record")
    assert records["shop-primary-a"].inputs == {
        "zoneId": "Z0123456789ABC",
        "name": "shop.example.com",
        "type": "A",
        "ttl": 30,
        "records": ["192.0.2.10"],
        "setIdentifier": "primary",
        "failoverRoutingPolicies": [{"type": "PRIMARY"}],
        "healthCheckId": "shop-ap-northeast-1-id",
        "allowOverwrite": False,
    }
    assert records["shop-secondary-a"].inputs == {
        "zoneId": "Z0123456789ABC",
        "name": "shop.example.com",
        "type": "A",
        "ttl": 30,
        "records": ["198.51.100.10"],
        "setIdentifier": "secondary",
        "failoverRoutingPolicies": [{"type": "SECONDARY"}],
        "healthCheckId": "shop-us-west-2-id",
        "allowOverwrite": False,
    }


def test_each_check_probes_its_regions_own_name_which_is_declared_beside_the_pair(deploy):
    """A check on the failover name would turn healthy as soon as the failover works."""
    deployment = deploy(lambda: pulumi_seawall.FailoverRecord("shop", shop()))
    checks = deployment.of("healthCheck:HealthCheck")
    records = deployment.of("Record")
    for region, address in (("ap-northeast-1", "192.0.2.10"), ("us-west-2", "198.51.100.10")):
        assert checks[f"shop-{region}"].inputs["fqdn"] == f"{region}.shop.example.com"
        assert records[f"shop-{region}-a"].inputs == {
            "zoneId": "Z0123456789ABC",
            "name": f"{region}.shop.example.com",
            "type": "A",
            "ttl": 60,
            "records": [address],
            "allowOverwrite": False,
        }


def test_sides_that_change_places_change_the_failover_records_alone(deploy):
    """After a failover is adopted each region keeps its check, its own record and its alarm; one change per record moves
    clients, so that at no moment a dead region is answered because the other one is well."""
    sides = side("ap-northeast-1", "192.0.2.10"), side("us-west-2", "198.51.100.10")

    def made(primary: Any, secondary: Any) -> dict[tuple[str, str], Any]:
        before = len(deploy(lambda: None).made)
        args = shop(primary=primary, secondary=secondary, alarm_actions=[TOPIC])
        deployment = deploy(lambda: pulumi_seawall.FailoverRecord("shop", args))
        return {(one.type, one.name): one.inputs for one in deployment.made[before:]}

    first, second = made(*sides), made(*reversed(sides))
    changed = {name for (kind, name), inputs in first.items() if second.get((kind, name)) != inputs}
    assert set(first) == set(second)
    assert changed == {"shop-primary-a", "shop-secondary-a", "shop-both-unhealthy"}


def test_both_families_get_a_pair_each(deploy):
    """Clients of either family have a standby."""
    args = shop(
        primary=side("ap-northeast-1", "192.0.2.10", "2001:DB8::10"),
        secondary=side("us-west-2", "2001:db8::20", "198.51.100.10"),
    )
    records = deploy(lambda: pulumi_seawall.FailoverRecord("shop", args)).of("Record")
    assert {name: (made.inputs["type"], made.inputs["records"]) for name, made in records.items()} == {
        "shop-primary-a": ("A", ["192.0.2.10"]),
        "shop-primary-aaaa": ("AAAA", ["2001:db8::10"]),
        "shop-ap-northeast-1-a": ("A", ["192.0.2.10"]),
        "shop-ap-northeast-1-aaaa": ("AAAA", ["2001:db8::10"]),
        "shop-secondary-a": ("A", ["198.51.100.10"]),
        "shop-secondary-aaaa": ("AAAA", ["2001:db8::20"]),
        "shop-us-west-2-a": ("A", ["198.51.100.10"]),
        "shop-us-west-2-aaaa": ("AAAA", ["2001:db8::20"]),
    }


def test_an_alias_follows_its_load_balancer_and_has_no_ttl(deploy):
    """With a `ttl` or `records` Route 53 refuses an alias; without `evaluate_target_health` it never fails over."""
    args = shop(primary=balancer("ap-northeast-1", dual_stack=True), secondary=balancer("us-west-2", dual_stack=True))
    deployment = deploy(lambda: pulumi_seawall.FailoverRecord("shop", args))
    records = deployment.of("Record")
    assert records["shop-primary-aaaa"].inputs == {
        "zoneId": "Z0123456789ABC",
        "name": "shop.example.com",
        "type": "AAAA",
        "aliases": [{"name": "shop.ap-northeast-1.elb.amazonaws.com", "zoneId": "ZAP", "evaluateTargetHealth": True}],
        "setIdentifier": "primary",
        "failoverRoutingPolicies": [{"type": "PRIMARY"}],
        "allowOverwrite": False,
    }
    assert set(records) == {"shop-primary-a", "shop-primary-aaaa", "shop-secondary-a", "shop-secondary-aaaa"}
    assert deployment.outputs["ttl_seconds"] == 60
    assert deployment.outputs["both_unhealthy_answers"] == "primary"


def test_a_load_balancer_may_stand_in_for_a_primary_with_addresses(deploy):
    """Targets need not be of one kind; the TTL counts for the side that fails."""
    args = shop(secondary=balancer("us-west-2"), ttl_seconds=20)
    outputs = deploy(lambda: pulumi_seawall.FailoverRecord("shop", args)).outputs
    assert outputs["ttl_seconds"] == 20
    assert outputs["recovery_time_worst_seconds"] == 40 + 20 + 30


def test_two_checks_and_a_topic_give_an_alarm_on_both_being_unhealthy(deploy):
    """Then Route 53 answers the primary although it is dead, and nothing else says so."""
    deployment = deploy(lambda: pulumi_seawall.FailoverRecord("shop", shop(alarm_actions=[TOPIC])))
    both = deployment.of("CompositeAlarm")["shop-both-unhealthy"]
    assert both.inputs["region"] == "us-east-1"
    assert both.inputs["alarmName"] == "seawall-test-shop-both-unhealthy"
    assert both.inputs["alarmRule"] == (
        'ALARM("seawall-test-shop-ap-northeast-1-unhealthy") AND ALARM("seawall-test-shop-us-west-2-unhealthy")'
    )
    assert both.inputs["alarmActions"] == both.inputs["okActions"] == [TOPIC]
    assert deployment.outputs["alarm_names"] == [
        "seawall-test-shop-ap-northeast-1-unhealthy",
        "seawall-test-shop-us-west-2-unhealthy",
        "seawall-test-shop-both-unhealthy",
    ]


def test_a_secondary_without_a_check_is_always_the_answer_when_the_primary_fails(deploy):
    """The two forms differ when both sides are dead; the output says which one it is."""
    secondary = side("us-west-2", "198.51.100.10")
    del secondary["health_check"]
    deployment = deploy(lambda: pulumi_seawall.FailoverRecord("shop", shop(secondary=secondary, alarm_actions=[TOPIC])))
    assert "healthCheckId" not in deployment.of("Record")["shop-secondary-a"].inputs
    assert deployment.of("CompositeAlarm") == {}
    assert deployment.outputs["secondary_health_check_id"] is None
    assert deployment.outputs["both_unhealthy_answers"] == "secondary"
    assert "The secondary is not checked." in deployment.outputs["predictions"][0]["not_included"]


def test_a_check_that_exists_is_attached_and_its_stated_detection_counts(deploy):
    """Adopting an environment must not make a second check beside the one that works."""
    primary = {
        "region": "ap-northeast-1",
        "addresses": ["192.0.2.10"],
        "health_check_id": EXISTING,
        "detection": {"typical_seconds": 20, "worst_seconds": 25},
    }
    deployment = deploy(lambda: pulumi_seawall.FailoverRecord("shop", shop(primary=primary, client_cache_seconds=0)))
    assert set(deployment.of("healthCheck:HealthCheck")) == {"shop-us-west-2"}
    assert deployment.of("Record")["shop-primary-a"].inputs["healthCheckId"] == EXISTING
    assert deployment.outputs["primary_health_check_id"] == EXISTING
    assert deployment.outputs["recovery_time_worst_seconds"] == 25 + 60


def test_a_private_target_is_watched_by_an_alarm_and_timed_by_it(deploy):
    """Checkers cannot reach a private address; an alarm's check can, and takes minutes, which the prediction says."""
    by_alarm = alarm_check("tokyo-hosts", "ap-northeast-1")
    primary = {"region": "ap-northeast-1", "addresses": ["10.0.0.10"], "alarm_check": by_alarm}
    deployment = deploy(lambda: pulumi_seawall.FailoverRecord("shop", shop(primary=primary)))
    assert deployment.of("healthCheck:HealthCheck")["shop-ap-northeast-1"].inputs["type"] == "CLOUDWATCH_METRIC"
    # (2 + 1) periods x 60 s + 120 s delivery + 4 s aggregation + 60 s TTL + 30 s client caches
    assert deployment.outputs["recovery_time_worst_seconds"] == 394


def test_existing_records_checks_and_alarms_are_adopted_by_import(deploy):
    """Adoption takes over what is there, each by its own id, and replaces nothing."""
    args = shop(
        alarm_actions=[TOPIC],
        primary=side("ap-northeast-1", "192.0.2.10", set_identifier="tokyo"),
        import_ids={
            "primary_a": "Z0123456789ABC_shop.example.com_A_tokyo",
            "primary_regional_a": "Z0123456789ABC_ap-northeast-1.shop.example.com_A",
            "primary_health_check": EXISTING,
            "primary_status_alarm": "tokyo-down",
            "both_unhealthy_alarm": "shop-down",
        },
    )
    deployment = deploy(lambda: pulumi_seawall.FailoverRecord("shop", args))
    assert {made.name: made.import_id for made in deployment.made if made.import_id} == {
        "shop-primary-a": "Z0123456789ABC_shop.example.com_A_tokyo",
        "shop-ap-northeast-1-a": "Z0123456789ABC_ap-northeast-1.shop.example.com_A",
        "shop-ap-northeast-1": EXISTING,
        "shop-ap-northeast-1-status": "tokyo-down@us-east-1",
        "shop-both-unhealthy": "shop-down@us-east-1",
    }
    assert deployment.of("Record")["shop-primary-a"].inputs["setIdentifier"] == "tokyo"
    assert deployment.of("CompositeAlarm")["shop-both-unhealthy"].inputs["alarmName"] == "shop-down"


def test_predictions_are_outputs_with_their_terms_and_what_they_leave_out(deploy):
    """Whoever reads the stack's outputs sees what a figure is made of and what was assumed."""
    outputs = deploy(lambda: pulumi_seawall.FailoverRecord("shop", shop())).outputs
    assert [(p["failure_class"], p["path"]) for p in outputs["predictions"]] == [
        ("endpoint", "reads"),
        ("region", "reads"),
    ]
    for prediction in outputs["predictions"]:
        assert sum(term["worst_seconds"] for term in prediction["terms"]) == prediction["worst_seconds"] == 130
        assert prediction["assumed"] == ["aggregation", "client caches"]
        assert prediction["not_included"]
    assert outputs["recovery_time_worst_seconds"] == 130
    assert outputs["recovery_time_typical_seconds"] == pytest.approx(64.2)


def test_assumptions_that_an_objective_rests_on_are_shown_and_exported(deploy):
    """An assumed term never passes an objective silently."""
    objectives = {
        "availability": 0.999,
        "latency_p95_seconds": 0.5,
        "error_rate": 0.01,
        "recovery_time_seconds": 300,
        "recovery_point_seconds": 60,
    }
    deployment = deploy(lambda: pulumi_seawall.FailoverRecord("shop", shop(objectives=objectives)))
    assert deployment.log == deployment.outputs["warnings"]
    assert len(deployment.log) == 2
    assert all("only if the assumed terms hold" in line for line in deployment.log)


def test_every_name_is_an_output(deploy):
    """What verifies an environment asks for names, not for conventions."""
    outputs = deploy(lambda: pulumi_seawall.FailoverRecord("shop", shop())).outputs
    assert outputs["fqdn"] == "shop.example.com"
    assert outputs["record_names"] == [
        "shop.example.com",
        "ap-northeast-1.shop.example.com",
        "us-west-2.shop.example.com",
    ]


LATE: dict[str, tuple[dict[str, Any], str]] = {
    "an IPv6 address": (
        {"primary": lambda: side("ap-northeast-1", pulumi.Output.from_input("2001:db8::1"))},
        r"primary\.addresses\[0\] = 2001:db8::1: an IPv4 address",
    ),
    "the failover name as what is probed": (
        {
            "primary": lambda: side(
                "ap-northeast-1",
                "192.0.2.10",
                health_check={**CHECK, "fqdn": pulumi.Output.from_input("SHOP.example.com")},
            )
        },
        r"primary\.health_check\.fqdn = SHOP\.example\.com: a name of the region alone",
    ),
    "a zone that does not hold the name": (
        {"zone_name": lambda: pulumi.Output.from_input("example.org")},
        r"name = shop\.example\.com: a name in the zone example\.org",
    ),
    "a topic of another region": (
        {"alarm_actions": lambda: [pulumi.Output.from_input(TOPIC.replace("us-east-1", "eu-west-1"))]},
        r"alarm_actions\[0\] = arn:aws:sns:eu-west-1:123456789012:oncall: an SNS topic in us-east-1",
    ),
}


@pytest.mark.parametrize("case", LATE, ids=list(LATE))
def test_what_is_known_only_during_the_deployment_is_refused_then(case, deploy):
    """A value that arrives late is checked late, not never."""
    changes, message = LATE[case]

    def program() -> pulumi_seawall.FailoverRecord:
        args = shop(**{key: make() for key, make in changes.items()})
        return pulumi_seawall.FailoverRecord("shop", args)

    with pytest.raises(ValueError, match=message):
        deploy(program)


def test_values_known_only_during_the_deployment_arrive(deploy):
    """Addresses and zones usually come from other resources."""

    def program() -> pulumi_seawall.FailoverRecord:
        args = shop(
            zone_id=pulumi.Output.from_input("Z0123456789ABC"),
            zone_name=pulumi.Output.from_input("example.com"),
            primary=side("ap-northeast-1", pulumi.Output.from_input("192.0.2.10")),
        )
        return pulumi_seawall.FailoverRecord("shop", args)

    record = deploy(program).of("Record")["shop-primary-a"]
    assert (record.inputs["zoneId"], record.inputs["records"]) == ("Z0123456789ABC", ["192.0.2.10"])


def test_a_preview_with_unknown_values_works(deploy):
    """In a preview nothing that is made yet has an address."""

    def program() -> pulumi_seawall.FailoverRecord:
        unknown: Any = pulumi.Output.from_input(pulumi.UNKNOWN)
        return pulumi_seawall.FailoverRecord(
            "shop", shop(zone_id=unknown, zone_name=unknown, primary=side("ap-northeast-1", unknown))
        )

    assert len(deploy(program, preview=True).of("Record")) == 4
