"""Each bad input of a `HealthCheck` is one exact line, and nothing has been registered when it comes."""

from typing import Any

import pytest

import pulumi_seawall
from pulumi_seawall._health_plan import plan_health_check
from seawall.errors import InvalidInput

ID = "11111111-2222-3333-4444-555555555555"


def https(**more: Any) -> dict[str, Any]:
    """An endpoint check that is right, with more or other entries."""
    return {"endpoint": {"protocol": "HTTPS", "fqdn": "tokyo.example.com", "path": "/livez", **more}}


def tcp(**more: Any) -> dict[str, Any]:
    """A TCP check that is right, with more or other entries."""
    return {"endpoint": {"protocol": "TCP", "ip_address": "192.0.2.1", "port": 5432, **more}}


def alarm(**more: Any) -> dict[str, Any]:
    """An alarm's check that is right, with more or other entries in the alarm's definition."""
    definition = {
        "namespace": "AWS/ApplicationELB",
        "metric_name": "HealthyHostCount",
        "statistic": "Minimum",
        "comparison": "LessThanThreshold",
        "threshold": 1,
        "period_seconds": 60,
        "evaluation_periods": 3,
        **more,
    }
    return {
        "alarm": {
            "name": "tokyo-hosts",
            "region": "ap-northeast-1",
            "insufficient_data": "Unhealthy",
            "definition": definition,
        }
    }


def without(args: dict[str, Any], kind: str, key: str) -> dict[str, Any]:
    """The arguments without one entry."""
    del args[kind][key]
    return args


BAD: dict[str, tuple[Any, str]] = {
    "no form": (
        {},
        "kind is missing: exactly one of endpoint, calculated, alarm, routing_control_arn and health_check_id",
    ),
    "two forms": (
        {**https(), "health_check_id": ID},
        "kind = endpoint and health_check_id: exactly one of endpoint, calculated, alarm, routing_control_arn and health_check_id",
    ),
    "a routing control that is none": (
        {"routing_control_arn": "arn:aws:route53-recovery-control::123456789012:cluster/one"},
        (
            "routing_control_arn = arn:aws:route53-recovery-control::123456789012:cluster/one: an ARN such as "
            "arn:aws:route53-recovery-control:::controlpanel/..."
        ),
    ),
    "detection of a routing control": (
        {
            "routing_control_arn": "arn:aws:route53-recovery-control::123456789012:controlpanel/a/routingcontrol/b",
            "detection": {"typical_seconds": 1, "worst_seconds": 2},
        },
        (
            "detection = {'typical_seconds': 1, 'worst_seconds': 2}: only with health_check_id or calculated, because it "
            "follows from the settings otherwise"
        ),
    ),
    "a rule and a number": (
        {"calculated": {"children": [ID], "healthy_threshold": 1, "rule": "all"}},
        "calculated.healthy_threshold = 1: not together with rule",
    ),
    "a rule that is none": (
        {"calculated": {"children": [ID], "rule": "most"}},
        "calculated.rule = most: all, majority, any or always_healthy",
    ),
    "no dictionary": (None, "args = None: one dictionary of arguments"),
    "disabled": (
        {**https(), "disabled": True},
        "disabled = True: not offered, because a disabled check always counts as healthy; use inverted to force a failover",
    ),
    "unknown protocol": ({"endpoint": {"protocol": "ICMP"}}, "endpoint.protocol = ICMP: HTTP, HTTPS or TCP"),
    "interval as text": (https(interval_seconds="10"), "endpoint.interval_seconds = 10: a whole number without quotes"),
    "interval between": (
        https(interval_seconds=20),
        "endpoint.interval_seconds = 20: 10 or 30 seconds, because Route 53 offers no other interval",
    ),
    "private address": (
        tcp(ip_address="10.0.0.1"),
        (
            "endpoint.ip_address = 10.0.0.1: a public address, or an alarm's check for a private target, because Route 53's "
            "checkers are outside the VPC"
        ),
    ),
    "shared address space": (
        tcp(ip_address="100.64.0.1"),
        (
            "endpoint.ip_address = 100.64.0.1: a public address, or an alarm's check for a private target, because Route 53's "
            "checkers are outside the VPC"
        ),
    ),
    "unique local address": (
        tcp(ip_address="fd00::1"),
        (
            "endpoint.ip_address = fd00::1: a public address, or an alarm's check for a private target, because Route 53's "
            "checkers are outside the VPC"
        ),
    ),
    "a name for an address": (
        tcp(ip_address="tokyo.example.com"),
        "endpoint.ip_address = tokyo.example.com: an IPv4 or IPv6 address",
    ),
    "an address for a name": (
        https(fqdn="192.0.2.1"),
        "endpoint.fqdn = 192.0.2.1: a fully qualified DNS name, e.g. shop.example.com",
    ),
    "no target": (
        without(https(), "endpoint", "fqdn"),
        "endpoint.fqdn is missing: a name, or ip_address, because the check needs a target",
    ),
    "TCP without a port": (
        without(tcp(), "endpoint", "port"),
        "endpoint.port is missing: 1 to 65535, because TCP has no port of its own",
    ),
    "port zero": (tcp(port=0), "endpoint.port = 0: 1 to 65535"),
    "port too high": (tcp(port=65536), "endpoint.port = 65536: 1 to 65535"),
    "port as truth": (tcp(port=True), "endpoint.port = True: a whole number"),
    "TCP with a path": (tcp(path="/livez"), "endpoint.path = /livez: only with HTTP or HTTPS"),
    "TCP with a search string": (tcp(search_string="ok"), "endpoint.search_string = ok: only with HTTP or HTTPS"),
    "TCP with SNI": (tcp(enable_sni=True), "endpoint.enable_sni = True: only with HTTPS"),
    "SNI without a name": (
        {"endpoint": {"protocol": "HTTPS", "ip_address": "192.0.2.1", "path": "/livez", "enable_sni": True}},
        "endpoint.enable_sni = True: only with fqdn, because it sends that name",
    ),
    "path too long": (
        https(path="/" + "a" * 255),
        f"endpoint.path = /{'a' * 118}…: a string of 1 to 255 characters",
    ),
    "path with a blank": (https(path="/live z"), "endpoint.path = /live z: a path without blanks"),
    "no search string": (https(search_string=""), "endpoint.search_string = '': a string of 1 to 255 characters"),
    "search string too long": (
        https(search_string="a" * 256),
        f"endpoint.search_string = {'a' * 119}…: a string of 1 to 255 characters",
    ),
    "inverted as text": (https(inverted="yes"), "endpoint.inverted = yes: true or false"),
    "no children": ({"calculated": {"children": []}}, "calculated.children = 0: 1 to 255 checks"),
    "too many children": (
        {"calculated": {"children": [f"check-{number}" for number in range(256)]}},
        "calculated.children = 256: 1 to 255 checks",
    ),
    "a child twice": (
        {"calculated": {"children": [ID, ID]}},
        f"calculated.children = {ID}: each check once, because it would count twice",
    ),
    "a threshold that is always healthy": (
        {"calculated": {"children": [ID], "healthy_threshold": 0}},
        "calculated.healthy_threshold = 0: 1 to 1, or rule = always_healthy, because 0 is always healthy",
    ),
    "a threshold that is never healthy": (
        {"calculated": {"children": [ID], "healthy_threshold": 2}},
        "calculated.healthy_threshold = 2: 1 to 1, because more than all children is never healthy",
    ),
    "no choice for missing data": (
        without(alarm(), "alarm", "insufficient_data"),
        "alarm.insufficient_data is missing: required",
    ),
    "an unknown choice for missing data": (
        {"alarm": {**alarm()["alarm"], "insufficient_data": "Ignore"}},
        "alarm.insufficient_data = Ignore: Healthy, Unhealthy or LastKnownStatus",
    ),
    "an alarm's unknown region": (
        {"alarm": {**alarm()["alarm"], "region": "tokyo"}},
        "alarm.region = tokyo: an AWS region",
    ),
    "a percentile": (
        alarm(statistic="p99"),
        "alarm.definition.statistic = p99: Average, Minimum, Maximum, Sum or SampleCount",
    ),
    "an extended statistic": (
        alarm(extended_statistic="p99"),
        "alarm.definition.extended_statistic = p99: not offered, because Route 53 follows no percentiles",
    ),
    "metric math": (
        alarm(metric_queries=["m1 / m2"]),
        "alarm.definition.metric_queries = ['m1 / m2']: not offered, because Route 53 follows no metric math",
    ),
    "a high-resolution metric": (
        alarm(period_seconds=10),
        (
            "alarm.definition.period_seconds = 10: a multiple of 60 seconds, because Route 53 follows standard-resolution "
            "metrics only"
        ),
    ),
    "more datapoints than periods": (
        alarm(datapoints_to_alarm=4),
        "alarm.definition.datapoints_to_alarm = 4: 1 to 3",
    ),
    "an import of what is used as it is": (
        {"health_check_id": ID, "import_id": ID},
        (
            f"import_id = {ID}: only with endpoint, calculated, alarm or routing_control_arn, because health_check_id is used as it is and owned "
            "elsewhere"
        ),
    ),
    "detection that follows from the settings": (
        {**https(), "detection": {"typical_seconds": 1, "worst_seconds": 2}},
        (
            "detection = {'typical_seconds': 1, 'worst_seconds': 2}: only with health_check_id or calculated, because it "
            "follows from the settings otherwise"
        ),
    ),
    "detection backwards": (
        {"health_check_id": ID, "detection": {"typical_seconds": 2, "worst_seconds": 1}},
        "detection.worst_seconds = 1: at least typical 2",
    ),
    "actions without an alarm": (
        {**https(), "status_alarm": False, "alarm_actions": ["arn:aws:sns:us-east-1:123456789012:oncall"]},
        "alarm_actions = ['arn:aws:sns:us-east-1:123456789012:oncall']: only with status_alarm = true",
    ),
    "too many tags": (
        {**https(), "tags": {f"key{number}": "" for number in range(9)}},
        "tags = 9: at most 10, with Name and seawall:component among them",
    ),
    "a reserved tag": (
        {**https(), "tags": {"aws:team": "web"}},
        "tags[aws:team] = web: a key of 1 to 128 characters, not beginning with aws:",
    ),
}


@pytest.mark.parametrize("case", BAD, ids=list(BAD))
def test_bad_input_is_one_exact_line_before_anything_is_registered(case, deploy, deployment):
    """A mistake costs one line, not a half-made environment."""
    args, message = BAD[case]
    with pytest.raises(InvalidInput) as refused:
        deploy(lambda: pulumi_seawall.HealthCheck("tokyo", args))
    assert str(refused.value) == message
    assert "\n" not in message
    assert deployment.made == []


JUST_INSIDE: dict[str, Any] = {
    "port 1": tcp(port=1),
    "port 65535": tcp(port=65535),
    "an address of the documentation ranges": tcp(ip_address="203.0.113.7"),
    "a public IPv6 address": tcp(ip_address="2600:1f14::1"),
    "path of 255": https(path="/" + "a" * 254),
    "path with a query": https(path="/livez?deep=no"),
    "search string of 255": https(search_string="a" * 255),
    "a routing control": {
        "routing_control_arn": "arn:aws:route53-recovery-control::123456789012:controlpanel/a/routingcontrol/b"
    },
    "a threshold of 0 by its name": {"calculated": {"children": [ID], "rule": "always_healthy"}},
    "255 children": {"calculated": {"children": [f"check-{number}" for number in range(255)]}},
    "all children": {"calculated": {"children": [ID, "other"], "healthy_threshold": 2}},
    "datapoints as many as periods": alarm(datapoints_to_alarm=3),
    "a period of two minutes": alarm(period_seconds=120),
    "eight tags": {**https(), "tags": {f"key{number}": "" for number in range(8)}},
    "enum members": {
        "endpoint": {
            "protocol": pulumi_seawall.HealthCheckProtocol.HTTP,
            "fqdn": "tokyo.example.com",
            "path": "/livez",
        }
    },
}


@pytest.mark.parametrize("case", JUST_INSIDE, ids=list(JUST_INSIDE))
def test_what_is_just_inside_a_limit_is_allowed(case):
    """A limit that refuses one value too many sends people looking for ways around it."""
    assert plan_health_check(JUST_INSIDE[case]).check is not None


@pytest.mark.parametrize(("children", "threshold"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3)])
def test_a_calculated_check_needs_more_than_half_of_its_children_by_default(children, threshold):
    """The number follows the children, so that adding one cannot leave a threshold behind."""
    plan = plan_health_check({"calculated": {"children": [f"check-{number}" for number in range(children)]}})
    assert plan.check is not None
    assert plan.check.settings["child_health_threshold"] == threshold
