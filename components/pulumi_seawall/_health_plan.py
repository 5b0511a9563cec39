"""What a `HealthCheck` will declare: every check and all arithmetic, before anything is registered.

Sources: Route 53 API reference, `HealthCheckConfig` and `AlarmIdentifier`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi

from pulumi_seawall._control_check import control_arn, control_settings, control_terms
from pulumi_seawall._dns import dns_name, public_address
from pulumi_seawall._health_args import (
    AlarmCheckArgs,
    AlarmComparison,
    AlarmDefinitionArgs,
    AlarmStatistic,
    CalculatedCheckArgs,
    CalculatedRule,
    DetectionArgs,
    EndpointCheckArgs,
    HealthCheckArgs,
    InsufficientData,
)
from pulumi_seawall._inputs import (
    checked_keys,
    flag,
    is_plain,
    line,
    listed,
    member,
    number,
    text,
    whole,
)
from pulumi_seawall._naming import LONGEST_ALARM_NAME, checked_tags, plan_actions
from pulumi_seawall._regions import CHECKER_REGIONS, ROUTE53_METRICS_REGION, checker_regions, known_region
from seawall import timing
from seawall.errors import MISSING, InvalidInput
from seawall.timing import FailureClass, HealthCheckProtocol, Term

KINDS: Final = ("endpoint", "calculated", "alarm", "routing_control_arn", "health_check_id")
DEFAULT_PORTS: Final = {HealthCheckProtocol.HTTP: 80, HealthCheckProtocol.HTTPS: 443}
DEFAULT_INTERVAL_SECONDS: Final = 10  # the shorter of the two: a failover waits for it
DEFAULT_FAILURE_THRESHOLD: Final = 3  # Route 53's own default
LONGEST_PATH: Final = 255  # characters, Route 53
LONGEST_SEARCH_STRING: Final = 255  # characters, Route 53
LONGEST_CHECK_ID: Final = 64  # characters, Route 53
MOST_CHILDREN: Final = 255  # Route 53, quotas: checks that a calculated check can monitor
NOT_FOLLOWED: Final = {
    "extended_statistic": "Route 53 follows no percentiles",
    "metric_queries": "Route 53 follows no metric math",
    "metric_query": "Route 53 follows no metric math",
    "threshold_metric_id": "Route 53 follows no anomaly detection",
}
DISABLED: Final = {"disabled": "a disabled check always counts as healthy; use inverted to force a failover"}


@dataclass(frozen=True, slots=True)
class CheckPlan:
    """A Route 53 check to declare.

    Args:
        settings: Arguments of `aws.route53.HealthCheck`, by name; without tags.
        detection: How long it takes, when a lost region or a dead alarm is what fails.
        endpoint_detection: The same when only the endpoint dies; equal for other kinds.
        fqdn: The name that it resolves, when it resolves one.
    """

    settings: Mapping[str, Any]
    detection: tuple[Term, ...]
    endpoint_detection: tuple[Term, ...]
    fqdn: pulumi.Input[str] | None = None


@dataclass(frozen=True, slots=True)
class HealthCheckPlan:
    """What a `HealthCheck` declares: a check, or the id of one that exists, and the alarm on its status."""

    check: CheckPlan | None
    health_check_id: pulumi.Input[str] | None
    detection: tuple[Term, ...]
    endpoint_detection: tuple[Term, ...]
    import_id: str | None = None
    status_alarm: bool = True
    status_alarm_import_id: str | None = None
    alarm_actions: tuple[pulumi.Input[str], ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict[str, str])


def plan_health_check(args: HealthCheckArgs, where: str = "") -> HealthCheckPlan:
    """Check the arguments of a `HealthCheck` and work out what it declares.

    Args:
        args: As given to the component.
        where: Prefix for names in messages; empty at the top.

    Raises:
        InvalidInput: A value is not allowed; nothing has been registered.
    """
    given = checked_keys(where, args, HealthCheckArgs, DISABLED)
    kinds = [kind for kind in KINDS if kind in given]
    if len(kinds) != 1:
        raise InvalidInput(
            f"{where}kind",
            " and ".join(kinds) if kinds else MISSING,
            allowed=f"exactly one of {', '.join(KINDS[:-1])} and {KINDS[-1]}",
        )
    detection = plan_detection(f"{where}detection.", given["detection"]) if "detection" in given else None
    if detection is not None and kinds[0] not in ("calculated", "health_check_id"):
        raise InvalidInput(
            f"{where}detection",
            given.get("detection"),
            allowed="only with health_check_id or calculated",
            because="it follows from the settings otherwise",
        )
    check: CheckPlan | None = None
    health_check_id: pulumi.Input[str] | None = None
    if "endpoint" in given:
        check = plan_endpoint(given["endpoint"], f"{where}endpoint.")
    elif "calculated" in given:
        check = _plan_calculated(given["calculated"], f"{where}calculated.", detection)
    elif "alarm" in given:
        check = plan_alarm(given["alarm"], f"{where}alarm.")
    elif "routing_control_arn" in given:
        arn = control_arn(f"{where}routing_control_arn", given["routing_control_arn"])
        check = CheckPlan(control_settings(arn), control_terms(), control_terms())
    elif "health_check_id" in given:
        health_check_id = check_id(f"{where}health_check_id", given["health_check_id"])
    import_id = given.get("import_id")
    if import_id is not None:
        if check is None:
            raise InvalidInput(
                f"{where}import_id",
                import_id,
                allowed="only with endpoint, calculated, alarm or routing_control_arn",
                because="health_check_id is used as it is and owned elsewhere",
            )
        import_id = line(f"{where}import_id", import_id, LONGEST_CHECK_ID)
    status_alarm = flag(f"{where}status_alarm", given.get("status_alarm", True))
    alarm_import_id = given.get("status_alarm_import_id")
    if alarm_import_id is not None:
        line(f"{where}status_alarm_import_id", alarm_import_id, LONGEST_ALARM_NAME)
    if not status_alarm:
        for name in ("alarm_actions", "status_alarm_import_id"):
            if given.get(name):
                raise InvalidInput(f"{where}{name}", given.get(name), allowed="only with status_alarm = true")
    known = check.detection if check else detection or timing.undeclared_detection()
    return HealthCheckPlan(
        check,
        health_check_id,
        known,
        check.endpoint_detection if check else known,
        import_id,
        status_alarm,
        alarm_import_id,
        plan_alarm_actions(f"{where}alarm_actions", given.get("alarm_actions", [])),
        checked_tags(where, given.get("tags")),
    )


def plan_alarm_actions(name: str, given: object) -> tuple[pulumi.Input[str], ...]:
    """Topics that an alarm in us-east-1 can notify.

    Raises:
        InvalidInput: One is no topic of us-east-1, or there are more than five.
    """
    return plan_actions(name, ROUTE53_METRICS_REGION, given, "Route 53's metrics and so their alarms are there, and ")


def plan_detection(where: str, args: DetectionArgs) -> tuple[Term, ...]:
    """Times that the owner of a check states.

    Raises:
        InvalidInput: One is negative or not finite, or the worst is below the typical one.
    """
    given = checked_keys(where, args, DetectionArgs)
    return timing.declared_detection(
        typical_seconds=number(f"{where}typical_seconds", given["typical_seconds"]),
        worst_seconds=number(f"{where}worst_seconds", given["worst_seconds"]),
    )


def stated_detection(terms: Sequence[Term]) -> DetectionArgs:
    """Terms that are known, as `plan_detection` takes them."""
    return {
        "typical_seconds": sum(term.typical_seconds for term in terms),
        "worst_seconds": sum(term.worst_seconds for term in terms),
    }


def check_id(name: str, value: pulumi.Input[str]) -> pulumi.Input[str]:
    """The id of an existing check.

    Raises:
        InvalidInput: It is empty or too long.
    """
    return text(name, value, lambda label, known: line(label, known, LONGEST_CHECK_ID))


def plan_endpoint(args: EndpointCheckArgs, where: str) -> CheckPlan:
    """A check that checkers make over the internet.

    Raises:
        InvalidInput: A value is not allowed.
    """
    given = checked_keys(where, args, EndpointCheckArgs, DISABLED)
    protocol = member(f"{where}protocol", given["protocol"], HealthCheckProtocol)
    http = protocol is not HealthCheckProtocol.TCP
    fqdn = text(f"{where}fqdn", given["fqdn"], _resolvable) if "fqdn" in given else None
    ip_address = text(f"{where}ip_address", given["ip_address"], public_address) if "ip_address" in given else None
    if fqdn is None and ip_address is None:
        raise InvalidInput(f"{where}fqdn", MISSING, allowed="a name, or ip_address", because="the check needs a target")
    interval = whole(f"{where}interval_seconds", given.get("interval_seconds", DEFAULT_INTERVAL_SECONDS), 1, None)
    timing.check_interval(f"{where}interval_seconds", interval)
    threshold = whole(f"{where}failure_threshold", given.get("failure_threshold", DEFAULT_FAILURE_THRESHOLD), 0, None)
    timing.check_threshold(f"{where}failure_threshold", threshold)
    search = _plan_http_only(given, where, http=http)
    settings: dict[str, Any] = {
        "type": f"{protocol.value}_STR_MATCH" if search is not None else protocol.value,
        "fqdn": fqdn,
        "ip_address": ip_address,
        "port": _plan_port(given, where, protocol),
        "resource_path": given.get("path"),
        "search_string": search,
        "request_interval": interval,
        "failure_threshold": threshold,
        "regions": list(
            checker_regions(
                f"{where}checker_regions",
                listed(f"{where}checker_regions", given.get("checker_regions", CHECKER_REGIONS)),
            )
        ),
        "measure_latency": flag(f"{where}measure_latency", given.get("measure_latency", False)),
        "invert_healthcheck": flag(f"{where}inverted", given.get("inverted", False)),
        "enable_sni": _plan_sni(given, where, protocol),
    }

    def detection(failure_class: FailureClass) -> tuple[Term, ...]:
        return timing.endpoint_detection(
            protocol=protocol,
            interval_seconds=interval,
            failure_threshold=threshold,
            search=search is not None,
            failure_class=failure_class,
        )

    return CheckPlan(
        {name: value for name, value in settings.items() if value is not None},
        detection(FailureClass.REGION),
        detection(FailureClass.ENDPOINT),
        fqdn,
    )


def _plan_port(given: EndpointCheckArgs, where: str, protocol: HealthCheckProtocol) -> int:
    port = given.get("port", DEFAULT_PORTS.get(protocol))
    if port is None:
        raise InvalidInput(f"{where}port", MISSING, allowed="1 to 65535", because="TCP has no port of its own")
    return whole(f"{where}port", port, 1, 65535)


def _plan_http_only(given: EndpointCheckArgs, where: str, *, http: bool) -> str | None:
    """Check `path` and `search_string`; returns the latter."""
    path = given.get("path")
    search = given.get("search_string")
    if not http:
        for name in ("path", "search_string"):
            if given.get(name) is not None:
                raise InvalidInput(f"{where}{name}", given.get(name), allowed="only with HTTP or HTTPS")
        return None
    if path is None:
        raise InvalidInput(
            f"{where}path",
            MISSING,
            allowed="a path such as /livez",
            because="a page that asks dependencies which both regions share fails both at once",
        )
    if not path.startswith("/"):
        raise InvalidInput(f"{where}path", path, allowed=f"a path that starts with a slash, e.g. /{path.strip()}")
    if any(character.isspace() or not character.isprintable() for character in path):
        raise InvalidInput(f"{where}path", path, allowed="a path without blanks")
    line(f"{where}path", path, LONGEST_PATH)
    return line(f"{where}search_string", search, LONGEST_SEARCH_STRING) if search is not None else None


def _plan_sni(given: EndpointCheckArgs, where: str, protocol: HealthCheckProtocol) -> bool | None:
    if protocol is not HealthCheckProtocol.HTTPS:
        if "enable_sni" in given:
            raise InvalidInput(f"{where}enable_sni", given["enable_sni"], allowed="only with HTTPS")
        return None
    named = "fqdn" in given
    wanted = flag(f"{where}enable_sni", given.get("enable_sni", named))
    if wanted and not named:
        raise InvalidInput(f"{where}enable_sni", wanted, allowed="only with fqdn", because="it sends that name")
    return wanted


def _resolvable(name: str, value: str) -> str:
    return dns_name(name, value)


def _plan_calculated(args: CalculatedCheckArgs, where: str, detection: tuple[Term, ...] | None) -> CheckPlan:
    given = checked_keys(where, args, CalculatedCheckArgs, DISABLED)
    children = listed(f"{where}children", given["children"])
    if not 1 <= len(children) <= MOST_CHILDREN:
        raise InvalidInput(f"{where}children", len(children), allowed=f"1 to {MOST_CHILDREN} checks")
    known = [child for child in children if is_plain(child)]
    for child in known:
        if known.count(child) > 1:
            raise InvalidInput(f"{where}children", child, allowed="each check once", because="it would count twice")
    threshold = _plan_threshold(given, where, len(children))
    terms = timing.calculated_detection(detection or timing.undeclared_detection())
    return CheckPlan(
        {
            "type": "CALCULATED",
            "child_healthchecks": [check_id(f"{where}children[{place}]", id_) for place, id_ in enumerate(children)],
            "child_health_threshold": threshold,
            "invert_healthcheck": flag(f"{where}inverted", given.get("inverted", False)),
        },
        terms,
        terms,
    )


def _plan_threshold(given: CalculatedCheckArgs, where: str, children: int) -> int:
    """How many of the children must be healthy."""
    if "healthy_threshold" not in given:
        rule = member(f"{where}rule", given.get("rule", CalculatedRule.MAJORITY), CalculatedRule)
        return {
            CalculatedRule.ALL: children,
            CalculatedRule.MAJORITY: children // 2 + 1,
            CalculatedRule.ANY: 1,
            CalculatedRule.ALWAYS_HEALTHY: 0,
        }[rule]
    threshold = given["healthy_threshold"]
    if "rule" in given:
        raise InvalidInput(f"{where}healthy_threshold", threshold, allowed="not together with rule")
    if threshold == 0:
        raise InvalidInput(
            f"{where}healthy_threshold",
            0,
            allowed=f"1 to {children}, or rule = always_healthy",
            because="0 is always healthy",
        )
    return whole(f"{where}healthy_threshold", threshold, 1, children, because="more than all children is never healthy")


def plan_alarm(args: AlarmCheckArgs, where: str) -> CheckPlan:
    """A check that follows a CloudWatch alarm.

    Raises:
        InvalidInput: A value is not allowed, or Route 53 cannot follow such an alarm.
    """
    given = checked_keys(where, args, AlarmCheckArgs, DISABLED)
    inner = f"{where}definition."
    definition = checked_keys(inner, given["definition"], AlarmDefinitionArgs, NOT_FOLLOWED)
    statistic = member(f"{inner}statistic", definition["statistic"], AlarmStatistic)
    comparison = member(f"{inner}comparison", definition["comparison"], AlarmComparison)
    period = whole(f"{inner}period_seconds", definition["period_seconds"], 1, None)
    if period % timing.SHORTEST_ALARM_PERIOD_SECONDS:
        raise InvalidInput(
            f"{inner}period_seconds",
            period,
            allowed="a multiple of 60 seconds",
            because="Route 53 follows standard-resolution metrics only",
        )
    periods = whole(f"{inner}evaluation_periods", definition["evaluation_periods"], 1, None)
    datapoints = whole(f"{inner}datapoints_to_alarm", definition.get("datapoints_to_alarm", periods), 1, periods)
    terms = timing.alarm_detection(period_seconds=period, datapoints_to_alarm=datapoints)
    dimensions = definition.get("dimensions", {})
    triggers: dict[str, pulumi.Input[str]] = {
        "namespace": line(f"{inner}namespace", definition["namespace"], 255),
        "metric_name": line(f"{inner}metric_name", definition["metric_name"], 255),
        "statistic": statistic.value,
        "comparison": comparison.value,
        "threshold": json.dumps(number(f"{inner}threshold", definition["threshold"])),
        "period_seconds": str(period),
        "evaluation_periods": str(periods),
        "datapoints_to_alarm": str(datapoints),
        **{f"dimension {key}": value for key, value in sorted(dimensions.items())},
    }
    return CheckPlan(
        {
            "type": "CLOUDWATCH_METRIC",
            "cloudwatch_alarm_name": text(f"{where}name", given["name"], lambda name, value: line(name, value, 256)),
            "cloudwatch_alarm_region": known_region(f"{where}region", given["region"]),
            "insufficient_data_health_status": member(
                f"{where}insufficient_data", given["insufficient_data"], InsufficientData
            ).value,
            "invert_healthcheck": flag(f"{where}inverted", given.get("inverted", False)),
            "triggers": triggers,
        },
        terms,
        terms,
    )
