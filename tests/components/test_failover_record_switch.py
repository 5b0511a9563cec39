"""How a `FailoverRecord` obeys an operator's switch, and what the switch leaves as it was."""

from typing import Any

import pytest

import pulumi_seawall
from pulumi_seawall import plan_failover
from seawall.errors import InvalidInput

TOPIC = "arn:aws:sns:us-east-1:123456789012:oncall"


def side(region: str, address: str, **more: Any) -> dict[str, Any]:
    return {
        "region": region,
        "addresses": [address],
        "regional_name": f"{region}.shop.example.com",
        "health_check": {"protocol": "HTTPS", "path": "/regionz"},
        **more,
    }


def shop(**more: Any) -> Any:
    """A pair with a switch."""
    return {
        "zone_id": "Z0123456789ABC",
        "name": "shop.example.com",
        "primary": side("ap-northeast-1", "192.0.2.10"),
        "secondary": side("us-west-2", "198.51.100.10"),
        "switch": {"object": {}},
        **more,
    }


def test_the_records_of_a_switched_pair_follow_the_endpoint_and_the_switch(deploy):
    """Both must be well: a calculated check of rule all, per side, on each record."""
    deployment = deploy(lambda: pulumi_seawall.FailoverRecord("shop", shop()))
    checks, records = deployment.of("healthCheck:HealthCheck"), deployment.of("Record")
    for role, region in (("primary", "ap-northeast-1"), ("secondary", "us-west-2")):
        counted = checks[f"shop-{region}-in-service"].inputs
        assert counted["childHealthchecks"] == [f"shop-{region}-id", f"shop-switch-{region}-id"]
        assert counted["childHealthThreshold"] == 2
        assert records[f"shop-{role}-a"].inputs["healthCheckId"] == f"shop-{region}-in-service-id"
    assert deployment.outputs["primary_health_check_id"] == "shop-ap-northeast-1-id"
    assert deployment.outputs["primary_record_check_id"] == "shop-ap-northeast-1-in-service-id"
    assert deployment.outputs["throw_commands"][0].startswith("aws s3api put-object --region us-west-2 ")


def test_a_pair_without_a_switch_is_what_it_was(deploy):
    """The switch is an addition: it renames nothing and changes no record of those who do not ask for it."""
    with_switch = deploy(lambda: pulumi_seawall.FailoverRecord("shop", shop()))
    urns = set(with_switch.urns)
    made = {(one.type, one.name): one.inputs for one in with_switch.made}
    args = shop()
    args.pop("switch")
    before = len(with_switch.made)
    without = deploy(lambda: pulumi_seawall.FailoverRecord("shop", args))
    plain = {(one.type, one.name): one.inputs for one in without.made[before:]}
    assert {urn for urn in urns if "switch" not in urn and "in-service" not in urn} >= {
        urn for urn in without.urns if urn not in urns
    }
    changed = {name for key, inputs in plain.items() if made[key] != inputs for name in (key[1],)}
    assert changed == {"shop-primary-a", "shop-secondary-a"}
    assert without.outputs["throw_commands"] == []


def test_a_switch_that_is_not_armed_is_declared_and_not_obeyed(deploy):
    """A new inverted check counts as unhealthy at first: a name that serves gets its switch in two deployments."""
    args = shop(switch={"object": {}, "armed": False})
    deployment = deploy(lambda: pulumi_seawall.FailoverRecord("shop", args))
    assert deployment.of("Record")["shop-primary-a"].inputs["healthCheckId"] == "shop-ap-northeast-1-id"
    assert "shop-ap-northeast-1-in-service" in deployment.of("healthCheck:HealthCheck")


@pytest.mark.parametrize("form", [{"object": {}}, {"routing_control": {}}])
def test_sides_of_a_switched_pair_that_change_places_change_the_failover_records_alone(deploy, form):
    """After a failover is adopted no new check begins as unhealthy and nothing is made in the region that was lost."""
    sides = side("ap-northeast-1", "192.0.2.10"), side("us-west-2", "198.51.100.10")

    def made(primary: Any, secondary: Any) -> dict[tuple[str, str], Any]:
        before = len(deploy(lambda: None).made)
        args = shop(primary=primary, secondary=secondary, alarm_actions=[TOPIC], switch=form)
        deployment = deploy(lambda: pulumi_seawall.FailoverRecord("shop", args))
        return {(one.type, one.name): one.inputs for one in deployment.made[before:]}

    first, second = made(*sides), made(*reversed(sides))
    assert set(first) == set(second)
    changed = {name for (kind, name), inputs in first.items() if second[kind, name] != inputs}
    assert changed == {"shop-primary-a", "shop-secondary-a", "shop-both-unhealthy"}


def test_an_alias_without_a_check_of_its_own_follows_the_switch_directly(deploy):
    """`evaluate_target_health` counts the load balancer's health beside the record's check anyway."""
    balancers = {
        role: {"region": region, "load_balancer": {"dns_name": f"{region}.elb.amazonaws.com", "zone_id": "Z1"}}
        for role, region in (("primary", "ap-northeast-1"), ("secondary", "us-west-2"))
    }
    deployment = deploy(lambda: pulumi_seawall.FailoverRecord("shop", shop(**balancers)))
    assert deployment.of("Record")["shop-primary-a"].inputs["healthCheckId"] == "shop-switch-ap-northeast-1-id"
    assert deployment.outputs["in_service_check_ids"] == []


def test_the_alarm_on_both_sides_counts_the_switch(deploy):
    """Thrown, and the standby dead: Route 53 has nobody healthy, although the primary's own check is well."""
    deployment = deploy(lambda: pulumi_seawall.FailoverRecord("shop", shop(alarm_actions=[TOPIC])))
    alarms = deployment.of("MetricAlarm")
    names = [alarms[f"shop-{region}-in-service-status"].inputs["name"] for region in ("ap-northeast-1", "us-west-2")]
    rule = deployment.of("CompositeAlarm")["shop-both-unhealthy"].inputs["alarmRule"]
    assert rule == " AND ".join(f'ALARM("{name}")' for name in names)


def test_counting_the_switch_takes_one_aggregation_more():
    """What it costs is in the prediction, and the TTL pays for it."""
    args = shop(client_cache_seconds=0)
    terms = [term.name for term in plan_failover(args).predictions[1].terms]
    assert "second aggregation" in terms
    args.pop("switch")
    assert "second aggregation" not in [term.name for term in plan_failover(args).predictions[1].terms]


BAD_IN_RECORD: dict[str, tuple[Any, str]] = {
    "a bad switch": (
        shop(switch={"object": {"interval_seconds": 20}}),
        "switch.object.interval_seconds = 20: 10 or 30 seconds, because Route 53 offers no other interval",
    ),
    "a switch without a form": (
        shop(switch={}),
        "switch.form is missing: exactly one of object and routing_control",
    ),
    "armed by a word": (
        shop(switch={"object": {}, "armed": "yes"}),
        "switch.armed = yes: true or false",
    ),
    "an in-service check to adopt without a switch": (
        {
            **{key: value for key, value in shop().items() if key != "switch"},
            "import_ids": {"primary_in_service_check": "x"},
        },
        "import_ids.primary_in_service_check = x: only with switch and a check on the primary",
    ),
}


@pytest.mark.parametrize("what", BAD_IN_RECORD)
def test_a_bad_switch_of_a_record_is_named_as_it_was_written(what):
    """The key in the line is the key in the file."""
    args, expected = BAD_IN_RECORD[what]
    with pytest.raises(InvalidInput) as caught:
        plan_failover(args)
    assert str(caught.value) == expected
