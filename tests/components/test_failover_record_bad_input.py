"""Each bad input of a `FailoverRecord` is one exact line, and nothing has been registered when it comes."""

from typing import Any

import pytest

import pulumi_seawall
from failover_args import ABSENT, BALANCER, TOPIC, changed
from seawall.errors import InvalidInput

BAD: dict[str, tuple[dict[str, Any], str]] = {
    "interval": (
        {"primary.health_check.interval_seconds": 15},
        "primary.health_check.interval_seconds = 15: 10 or 30 seconds, because Route 53 offers no other interval",
    ),
    "threshold zero": (
        {"secondary.health_check.failure_threshold": 0},
        "secondary.health_check.failure_threshold = 0: 1 to 10 checks, because Route 53 offers no other threshold",
    ),
    "threshold eleven": (
        {"secondary.health_check.failure_threshold": 11},
        "secondary.health_check.failure_threshold = 11: 1 to 10 checks, because Route 53 offers no other threshold",
    ),
    "ttl beyond the recovery time": (
        {"ttl_seconds": 3600},
        (
            "ttl_seconds = 3600: at most 50, because recovery_time_seconds = 90 leaves 50 after detection "
            "(3 checks x 10 s + 6 s time-out + 4 s aggregation (assumed))"
        ),
    ),
    "ttl beyond the recovery time with client caches": (
        {"ttl_seconds": 21, "client_cache_seconds": 30},
        (
            "ttl_seconds = 21: at most 20, because recovery_time_seconds = 90 leaves 20 after detection "
            "(3 checks x 10 s + 6 s time-out + 4 s aggregation (assumed)) and 30 s client caches (assumed)"
        ),
    ),
    "ttl without objectives": (
        {"ttl_seconds": 61, "objectives": ABSENT},
        "ttl_seconds = 61: at most 60, because clients keep a dead address for that long",
    ),
    "waivers of nothing": (
        {"objectives": ABSENT, "waivers": [{"key": "x", "until": "2999-12-31", "reason": "y"}]},
        "waivers = 1 waivers: only with objectives",
    ),
    "negative ttl": ({"ttl_seconds": -1}, "ttl_seconds = -1: at least 0"),
    "ttl of two aliases": (
        {
            "ttl_seconds": 60,
            "objectives": ABSENT,
            "primary.addresses": ABSENT,
            "primary.load_balancer": {**BALANCER, "dns_name": "shop.ap-northeast-1.elb.amazonaws.com"},
            "secondary.addresses": ABSENT,
            "secondary.load_balancer": BALANCER,
        },
        "ttl_seconds = 60: not with two load balancers, because an alias answers with its own 60 s",
    ),
    "path without slash": (
        {"primary.health_check.path": "livez"},
        "primary.health_check.path = livez: a path that starts with a slash, e.g. /livez",
    ),
    "no path": (
        {"primary.health_check.path": ABSENT},
        (
            "primary.health_check.path is missing: a path such as /livez, because a page that asks dependencies which both "
            "regions share fails both at once"
        ),
    ),
    "probing the failover name": (
        {"primary.health_check.fqdn": "shop.example.com"},
        (
            "primary.health_check.fqdn = shop.example.com: a name of the region alone, e.g. primary.regional_name, because "
            "the failover name answers with the other region once this one fails"
        ),
    ),
    "probing the failover name in disguise": (
        {"primary.health_check.fqdn": "Shop.Example.COM."},
        (
            "primary.health_check.fqdn = Shop.Example.COM.: a name of the region alone, e.g. primary.regional_name, because "
            "the failover name answers with the other region once this one fails"
        ),
    ),
    "regional name is the failover name": (
        {"primary.regional_name": "SHOP.example.com."},
        "primary.regional_name = shop.example.com: a name of this region alone, because it is the failover name itself",
    ),
    "regional names the same": (
        {"secondary.regional_name": "ap-northeast-1.shop.example.com"},
        "secondary.regional_name = ap-northeast-1.shop.example.com: another than the primary's",
    ),
    "probing the other side": (
        {"primary.health_check.fqdn": "us-west-2.shop.example.com"},
        (
            "primary.health_check.fqdn = us-west-2.shop.example.com: a name of its own region, because that is the "
            "secondary's"
        ),
    ),
    "nothing to probe": (
        {"primary.regional_name": ABSENT},
        "primary.health_check.fqdn is missing: a name of the region, an ip_address, or primary.regional_name",
    ),
    "two primaries": (
        {"primary": [{"region": "us-west-2"}, {"region": "us-east-1"}]},
        "primary = 2 targets: exactly one target",
    ),
    "no primary": ({"primary": ABSENT}, "primary is missing: required"),
    "no secondary": ({"secondary": ABSENT}, "secondary is missing: required"),
    "a region twice": (
        {"secondary.region": "ap-northeast-1"},
        "secondary.region = ap-northeast-1: another region than the primary's, because one region's loss would take both",
    ),
    "unknown region": (
        {"primary.region": "ap-northeast1"},
        "primary.region = ap-northeast1: an AWS region; did you mean ap-northeast-1?",
    ),
    "two checker regions": (
        {"primary.health_check.checker_regions": ["us-east-1", "eu-west-1"]},
        (
            "primary.health_check.checker_regions = ['us-east-1', 'eu-west-1']: at least 3 regions, because fewer cannot tell "
            "a dead endpoint from a checker that is cut off"
        ),
    ),
    "region without checkers": (
        {"primary.health_check.checker_regions": ["us-east-1", "eu-west-1", "eu-central-1"]},
        (
            "primary.health_check.checker_regions[2] = eu-central-1: one of ap-northeast-1, ap-southeast-1, ap-southeast-2, "
            "eu-west-1, sa-east-1, us-east-1, us-west-1, us-west-2"
        ),
    ),
    "checker region twice": (
        {"primary.health_check.checker_regions": ["us-east-1", "eu-west-1", "us-east-1"]},
        "primary.health_check.checker_regions = ['us-east-1', 'eu-west-1', 'us-east-1']: each region once",
    ),
    "unknown key": ({"ttl": 30}, "ttl = 30: did you mean ttl_seconds?"),
    "unknown nested key": (
        {"primary.health_check.treshold": 3},
        "primary.health_check.treshold = 3: did you mean failure_threshold?",
    ),
    "overwriting": (
        {"allow_overwrite": True},
        "allow_overwrite = True: not offered, because it takes over a record that is not owned here; adopt it with import_ids",
    ),
    "disabling": (
        {"primary.health_check.disabled": True},
        (
            "primary.health_check.disabled = True: not offered, because a disabled check always counts as healthy; use "
            "inverted to force a failover"
        ),
    ),
    "no target": (
        {"primary.addresses": ABSENT},
        "primary.target is missing: exactly one of addresses, load_balancer, group and kubernetes",
    ),
    "two targets": (
        {"primary.load_balancer": BALANCER},
        "primary.target = addresses and load_balancer: exactly one of addresses, load_balancer, group and kubernetes",
    ),
    "no addresses": ({"primary.addresses": []}, "primary.addresses = []: at least one address"),
    "a string for addresses": ({"primary.addresses": "192.0.2.1"}, "primary.addresses = 192.0.2.1: a list"),
    "no address": (
        {"primary.addresses": ["192.0.2.300"]},
        "primary.addresses[0] = 192.0.2.300: an IPv4 or IPv6 address",
    ),
    "an address twice": (
        {"primary.addresses": ["192.0.2.1", "192.0.2.1"]},
        "primary.addresses[1] = 192.0.2.1: each address once",
    ),
    "the same address on both sides": (
        {"secondary.addresses": ["192.0.2.10"]},
        "secondary.addresses = 192.0.2.10: other addresses than the primary's",
    ),
    "a family without standby": (
        {"primary.addresses": ["192.0.2.10", "2001:db8::10"]},
        "secondary = IPv4: IPv4 and IPv6 as the primary, because clients of the other family would have no standby",
    ),
    "a name probed that has IPv6 only": (
        {"primary.addresses": ["2001:db8::10"], "secondary.addresses": ["2001:db8::20"]},
        (
            "primary.health_check.fqdn = ap-northeast-1.shop.example.com: an ip_address, because names are probed by IPv4 "
            "only and this region has IPv6 addresses only"
        ),
    ),
    "the same load balancer on both sides": (
        {
            "primary.addresses": ABSENT,
            "primary.load_balancer": BALANCER,
            "secondary.addresses": ABSENT,
            "secondary.load_balancer": BALANCER,
        },
        "secondary.load_balancer.dns_name = shop.us-west-2.elb.amazonaws.com: another than the primary's",
    ),
    "CloudFront": (
        {"primary.addresses": ABSENT, "primary.load_balancer": {**BALANCER, "dns_name": "d1.cloudfront.net"}},
        (
            "primary.load_balancer.dns_name = d1.cloudfront.net: a load balancer of the region, because CloudFront has no "
            "region and no health of its own"
        ),
    ),
    "a primary without a check": (
        {"primary.health_check": ABSENT},
        (
            "primary.health_check is missing: one of health_check, alarm_check and health_check_id, because without one "
            "Route 53 always answers the primary"
        ),
    ),
    "two checks for one side": (
        {"primary.health_check_id": "11111111-2222-3333-4444-555555555555"},
        "primary.health_check = health_check and health_check_id: at most one of them",
    ),
    "detection of a check that is declared here": (
        {"primary.detection": {"typical_seconds": 1, "worst_seconds": 2}},
        "primary.detection = {'typical_seconds': 1, 'worst_seconds': 2}: only with health_check_id",
    ),
    "set identifiers the same": (
        {"secondary.set_identifier": "primary"},
        "secondary.set_identifier = primary: another than the primary's",
    ),
    "a name outside the zone": (
        {"name": "shop.example.org"},
        "name = shop.example.org: a name in the zone example.com",
    ),
    "a name that only ends like the zone": (
        {"name": "shop.notexample.com"},
        "name = shop.notexample.com: a name in the zone example.com",
    ),
    "a regional name outside the zone": (
        {"primary.regional_name": "tokyo.example.org"},
        "primary.regional_name = tokyo.example.org: a name in the zone example.com",
    ),
    "a label too long": (
        {"name": f"{'a' * 64}.example.com"},
        f"name = {'a' * 64}.example.com: labels of at most 63 characters, not 64",
    ),
    "a name too long": (
        {"name": ".".join(["a" * 63] * 4)},
        f"name = {'.'.join(['a' * 63] * 4)[:119]}…: at most 253 characters, not 255",
    ),
    "a label that ends in a hyphen": (
        {"name": "shop-.example.com"},
        "name = shop-.example.com: labels of letters, digits and inner hyphens, unlike 'shop-'",
    ),
    "a bare label": ({"name": "shop"}, "name = shop: a fully qualified DNS name, e.g. shop.example.com"),
    "an address for a name": (
        {"name": "192.0.2.1"},
        "name = 192.0.2.1: a fully qualified DNS name, e.g. shop.example.com",
    ),
    "an inner wildcard": (
        {"name": "shop.*.example.com"},
        "name = shop.*.example.com: labels of letters, digits and inner hyphens, unlike '*'",
    ),
    "a topic of another region": (
        {"alarm_actions": ["arn:aws:sns:ap-northeast-1:123456789012:oncall"]},
        (
            "alarm_actions[0] = arn:aws:sns:ap-northeast-1:123456789012:oncall: an SNS topic in us-east-1, because Route 53's "
            "metrics and so their alarms are there, and an alarm notifies topics of its own region only"
        ),
    ),
    "no topic": ({"alarm_actions": ["oncall"]}, "alarm_actions[0] = oncall: the ARN of an SNS topic"),
    "six topics": ({"alarm_actions": [TOPIC] * 6}, "alarm_actions = 6: at most 5 topics"),
    "actions without alarms": (
        {"status_alarms": False},
        "alarm_actions = 1 topics: only with status_alarms = true",
    ),
    "an import id of another record": (
        {"import_ids": {"primary_a": "Z0123456789ABC_shop.example.com_A_tokyo"}},
        (
            "import_ids.primary_a = Z0123456789ABC_shop.example.com_A_tokyo: ZONEID_shop.example.com_A_primary, because name, "
            "type and set identifier must be those declared here"
        ),
    ),
    "an import id for a record that is not declared": (
        {"import_ids": {"primary_aaaa": "Z0123456789ABC_shop.example.com_AAAA_primary"}},
        "import_ids.primary_aaaa = Z0123456789ABC_shop.example.com_AAAA_primary: only for a record that is declared",
    ),
    "an import id for a check that is not declared": (
        {"secondary.health_check": ABSENT, "import_ids": {"secondary_health_check": "abc"}},
        "import_ids.secondary_health_check = abc: only with secondary.health_check or secondary.alarm_check",
    ),
    "an import id for an alarm that is not declared": (
        {"secondary.health_check": ABSENT, "import_ids": {"secondary_status_alarm": "abc"}},
        "import_ids.secondary_status_alarm = abc: only with a check on the secondary",
    ),
    "an import id for a pair alarm that is not declared": (
        {"secondary.health_check": ABSENT, "import_ids": {"both_unhealthy_alarm": "abc"}},
        "import_ids.both_unhealthy_alarm = abc: only with alarm_actions, status_alarms and a check on both sides",
    ),
    "client caches that never expire": (
        {"client_cache_seconds": float("inf")},
        "client_cache_seconds = inf: a finite number of seconds, at least 0",
    ),
    "availability of a hundred percent": (
        {"objectives.availability": 1},
        "availability = 1: a ratio above 0 and below 1, because nothing is available always or never",
    ),
    "an objective missing": ({"objectives.error_rate": ABSENT}, "objectives.error_rate is missing: required"),
    "no dictionary": ({"primary": "ap-northeast-1"}, "primary = ap-northeast-1: one dictionary of arguments"),
}


@pytest.mark.parametrize("case", BAD, ids=list(BAD))
def test_bad_input_is_one_exact_line_before_anything_is_registered(case, deploy, deployment):
    """A mistake costs one line, not a half-made environment."""
    changes, message = BAD[case]
    with pytest.raises(InvalidInput) as refused:
        deploy(lambda: pulumi_seawall.FailoverRecord("shop", changed(changes)))
    assert str(refused.value) == message
    assert "\n" not in message
    assert deployment.made == []
