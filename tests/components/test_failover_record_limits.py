"""What a `FailoverRecord` allows just inside of its limits, and the objectives that no TTL can meet."""

from typing import Any

import pytest

import pulumi_seawall
from failover_args import ABSENT, TOPIC, changed
from pulumi_seawall._failover_plan import plan_failover
from seawall.errors import ObjectiveNotMet


def test_a_recovery_time_that_no_ttl_can_meet_names_the_inputs_to_change(deploy, deployment):
    """Detection alone takes 40 s; the line says so instead of asking for a TTL below zero."""
    with pytest.raises(ObjectiveNotMet) as refused:
        deploy(lambda: pulumi_seawall.FailoverRecord("shop", changed({"objectives.recovery_time_seconds": 39})))
    assert refused.value.violations[-1] == (
        "recovery_time_seconds = 39: at least 100 (region failure, reads), because the worst case is 3 checks x 10 s + "
        "6 s time-out + 4 s aggregation (assumed) + 60 s TTL + 0 s client caches (assumed); change interval_seconds, "
        "failure_threshold, protocol, ttl_seconds, client_cache_seconds or recovery_time_seconds"
    )
    assert deployment.made == []


JUST_INSIDE: dict[str, dict[str, Any]] = {
    "interval 30": {"primary.health_check.interval_seconds": 30, "objectives": ABSENT},
    "interval as other languages send it": {"primary.health_check.interval_seconds": 10.0},
    "threshold 1": {"primary.health_check.failure_threshold": 1},
    "threshold 10": {"primary.health_check.failure_threshold": 10, "objectives": ABSENT},
    "the largest ttl that the recovery time affords": {"ttl_seconds": 50},
    "ttl 60 without objectives": {"ttl_seconds": 60, "objectives": ABSENT},
    "ttl 0": {"ttl_seconds": 0},
    "three checker regions": {"primary.health_check.checker_regions": ["us-east-1", "eu-west-1", "sa-east-1"]},
    "the failover name as a Host header": {
        "primary.health_check.fqdn": "shop.example.com",
        "primary.health_check.ip_address": "192.0.2.10",
    },
    "a label of 63": {"name": f"{'a' * 63}.example.com"},
    "a name of 253": {"name": ".".join(["a" * 60, "a" * 60, "a" * 60, "a" * 58, "example.com"])},
    "the zone's own name": {"name": "example.com", "zone_name": "Example.com."},
    "five topics": {"alarm_actions": [f"{TOPIC}{number}" for number in range(5)]},
    "a wildcard whose regions have names": {"name": "*.example.com", "primary.regional_name": "tokyo.example.com"},
    "a path of 255": {"primary.health_check.path": "/" + "a" * 254},
    "the record to adopt": {"import_ids": {"primary_a": "Z0123456789ABC_shop.example.com_A_primary"}},
    "absent values": {"ttl_seconds": None, "primary.set_identifier": None},
}


@pytest.mark.parametrize("case", JUST_INSIDE, ids=list(JUST_INSIDE))
def test_what_is_just_inside_a_limit_is_allowed(case):
    """A limit that refuses one value too many sends people looking for ways around it."""
    plan = plan_failover(changed(JUST_INSIDE[case]))
    assert plan.records


def test_the_default_ttl_is_the_largest_that_the_recovery_time_affords():
    """One set of numbers: the TTL follows from the objective instead of standing beside it."""
    assert plan_failover(changed({})).ttl_seconds == 50
    assert plan_failover(changed({"client_cache_seconds": ABSENT})).ttl_seconds == 20
    assert plan_failover(changed({"objectives": ABSENT})).ttl_seconds == 60
