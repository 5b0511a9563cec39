"""The terms of a DNS failover: detection, what resolvers keep, what clients keep.

Sources of the documented numbers:

- Route 53 developer guide, "How Amazon Route 53 determines whether a health check is healthy": time-outs, the 18 % rule,
  checkers that do not coordinate with one another.
- Route 53 API reference, `HealthCheckConfig`: intervals, thresholds, IPv4 only for names.
- Route 53 developer guide, "Choosing between alias and non-alias records": an alias to a load balancer answers with 60 s.
- OpenJDK's `java.security`: `networkaddress.cache.ttl` is 30 s without a security manager.

AWS documents no figure for how long checkers' verdicts take to reach its DNS servers, nor for metric delivery: those
terms are assumed, say so, and never pass an objective silently.
"""

import math
from collections.abc import Sequence
from enum import Enum
from fractions import Fraction
from typing import Final

from seawall.errors import InvalidInput
from seawall.timing._model import FailureClass, Source, Term, arithmetic, check_seconds, exact_worst_sum

CHECK_INTERVALS_SECONDS: Final = (10, 30)  # Route 53 offers no others
LARGEST_FAILURE_THRESHOLD: Final = 10  # Route 53: 1 to 10 consecutive checks
HEALTHY_SHARE: Final = 0.18  # Route 53 calls an endpoint unhealthy when at most this share of checkers still passes
CONNECT_SECONDS: Final = 4.0  # HTTP(S): the TCP connection stands within 4 s,
ANSWER_SECONDS: Final = 2.0  # then the status code arrives within 2 s,
BODY_SECONDS: Final = 2.0  # and with a search string the body within 2 s more
TCP_CONNECT_SECONDS: Final = 10.0  # TCP checks: 10 s to connect
AGGREGATION_SECONDS: Final = (2.0, 4.0)  # typical and worst, assumed: AWS documents none
METRIC_DELIVERY_SECONDS: Final = (60.0, 120.0)  # typical and worst, assumed: a minute's datapoint arrives after its end
SHORTEST_ALARM_PERIOD_SECONDS: Final = 60  # Route 53 follows standard-resolution metrics only
ALIAS_TTL_SECONDS: Final = 60  # an alias to a load balancer; it cannot be changed
LARGEST_FAILOVER_TTL_SECONDS: Final = 60  # what AWS advises for records with health checks
LARGEST_DNS_TTL_SECONDS: Final = 2**31 - 1  # RFC 2181, section 8
JVM_CACHE_SECONDS: Final = 30.0  # networkaddress.cache.ttl without a security manager
DEFAULT_CHECK: Final = (30, 3)  # interval and threshold of a check whose settings nobody stated
LOAD_BALANCER_CHECK: Final = (30, 2, 5)  # an ALB target group's own defaults: interval, unhealthy count, time-out


class HealthCheckProtocol(Enum):
    """What a Route 53 endpoint check speaks."""

    HTTP = "HTTP"
    HTTPS = "HTTPS"
    TCP = "TCP"


def probe_timeout_seconds(protocol: HealthCheckProtocol, *, search: bool = False) -> float:
    """Seconds after which a Route 53 checker gives up one check.

    HTTP(S): 4 s to connect, 2 s for the status code, and with a search string 2 s more for the body. TCP: 10 s.
    """
    if protocol is HealthCheckProtocol.TCP:
        return TCP_CONNECT_SECONDS
    return CONNECT_SECONDS + ANSWER_SECONDS + (BODY_SECONDS if search else 0.0)


def endpoint_detection(
    *,
    protocol: HealthCheckProtocol,
    interval_seconds: int,
    failure_threshold: int,
    search: bool = False,
    failure_class: FailureClass = FailureClass.REGION,
) -> tuple[Term, ...]:
    """From an endpoint's death until Route 53's DNS servers know.

    The worst case dies right after a passed check: `threshold` intervals, then the last check's whole time-out. The
    typical case follows from the 18 % rule. Checkers do not coordinate, so at any moment they are spread evenly over the
    interval; unhealthy needs all but 18 % of them, and that many have seen the first failure after 82 % of an interval.
    A lost region swallows packets (a check fails when connecting times out); a dead endpoint refuses at once.

    Raises:
        InvalidInput: The interval is not 10 or 30 s, or the threshold is outside 1 to 10.
    """
    check_interval("interval_seconds", interval_seconds)
    check_threshold("failure_threshold", failure_threshold)
    timeout = probe_timeout_seconds(protocol, search=search)
    silent = TCP_CONNECT_SECONDS if protocol is HealthCheckProtocol.TCP else CONNECT_SECONDS
    return (
        Term(
            "failed checks",
            interval_seconds * (failure_threshold - 1 + (1 - HEALTHY_SHARE)),
            float(interval_seconds * failure_threshold),
            Source.COMPUTED,
            "interval x threshold; typically all but 18 % of the checkers must have seen it",
            formula=f"{failure_threshold} check{'' if failure_threshold == 1 else 's'} x {interval_seconds} s",
            inputs=("interval_seconds", "failure_threshold"),
        ),
        Term(
            "time-out",
            0.0 if failure_class is FailureClass.ENDPOINT else silent,
            timeout,
            Source.DOCUMENTED,
            "the last check runs into its time-out"
            + ("" if protocol is HealthCheckProtocol.TCP else f" ({'4 + 2 + 2' if search else '4 + 2'} s)"),
            inputs=("protocol",),
        ),
        _aggregation("aggregation", "checkers' verdicts reach the DNS servers; AWS documents no figure"),
    )


def alarm_detection(*, period_seconds: int, datapoints_to_alarm: int) -> tuple[Term, ...]:
    """From a failure until a CloudWatch alarm's check is unhealthy in Route 53's DNS servers.

    The period in which the failure begins may pass as good (half of it averages out), so the worst case counts one
    period more than the datapoints that must breach; typically half a period more.

    Raises:
        InvalidInput: The period is no multiple of 60 s, or there are no datapoints.
    """
    if period_seconds < SHORTEST_ALARM_PERIOD_SECONDS or period_seconds % SHORTEST_ALARM_PERIOD_SECONDS:
        raise InvalidInput(
            "period_seconds",
            period_seconds,
            allowed="a multiple of 60 seconds",
            because="Route 53 follows standard-resolution metrics only",
        )
    if datapoints_to_alarm < 1:
        raise InvalidInput("datapoints_to_alarm", datapoints_to_alarm, allowed="at least 1")
    typical, worst = METRIC_DELIVERY_SECONDS
    return (
        Term(
            "alarm datapoints",
            period_seconds * (datapoints_to_alarm + 0.5),
            float(period_seconds * (datapoints_to_alarm + 1)),
            Source.COMPUTED,
            "the datapoints that must breach, and the period in which the failure began",
            formula=f"({datapoints_to_alarm} + 1) periods x {period_seconds} s",
            inputs=("period_seconds", "datapoints_to_alarm"),
        ),
        Term(
            "metric delivery",
            typical,
            worst,
            Source.ASSUMED,
            "a datapoint reaches CloudWatch after its period ends; AWS documents no figure",
        ),
        _aggregation("aggregation", "the alarm's verdict reaches the DNS servers; AWS documents no figure"),
    )


def calculated_detection(slowest_child: Sequence[Term]) -> tuple[Term, ...]:
    """A check of checks: the slowest child that counts, and one aggregation more."""
    return (
        *slowest_child,
        _aggregation("second aggregation", "the parent counts its children's verdicts; AWS documents no figure"),
    )


def load_balancer_detection() -> tuple[Term, ...]:
    """An alias that follows its load balancer's own health (`evaluate_target_health`), with target-group defaults."""
    interval, threshold, timeout = LOAD_BALANCER_CHECK
    return (
        Term(
            "target checks",
            float(interval * (threshold - 0.5)),
            float(interval * threshold + timeout),
            Source.ASSUMED,
            "the target group's own checks at an ALB's defaults; a health check of its own makes this a known figure",
            formula=f"{threshold} target checks x {interval} s + {timeout} s time-out",
            inputs=("health_check",),
        ),
        _aggregation("aggregation", "the load balancer's verdict reaches the DNS servers; AWS documents no figure"),
    )


def declared_detection(*, typical_seconds: float, worst_seconds: float) -> tuple[Term, ...]:
    """A check that exists already, with the times its owner states. Assumed: nobody here can compute them.

    Raises:
        InvalidInput: A time is negative or not finite, or the worst is below the typical one.
    """
    check_seconds("detection.typical_seconds", typical_seconds)
    check_seconds("detection.worst_seconds", worst_seconds)
    if worst_seconds < typical_seconds:
        raise InvalidInput("detection.worst_seconds", worst_seconds, allowed=f"at least typical {typical_seconds:g}")
    reason = "stated by whoever declared the check"
    return (
        Term(
            "detection",
            float(typical_seconds),
            float(worst_seconds),
            Source.ASSUMED,
            reason,
            inputs=("detection.worst_seconds",),
        ),
    )


def undeclared_detection() -> tuple[Term, ...]:
    """A check that exists already and whose settings nobody stated: Route 53's defaults, assumed."""
    interval, threshold = DEFAULT_CHECK
    known = endpoint_detection(protocol=HealthCheckProtocol.TCP, interval_seconds=interval, failure_threshold=threshold)
    return (
        Term(
            "detection",
            math.fsum(term.typical_seconds for term in known),
            math.fsum(term.worst_seconds for term in known),
            Source.ASSUMED,
            f"settings unknown: Route 53's defaults, {arithmetic(known[:2])} + {known[2].arithmetic}",
            inputs=("detection",),
        ),
    )


def record_ttl(ttl_seconds: int) -> Term:
    """Resolvers keep the old answer: on average for half a TTL, at worst for all of it.

    Raises:
        InvalidInput: The TTL is negative or above what DNS allows.
    """
    if not 0 <= ttl_seconds <= LARGEST_DNS_TTL_SECONDS:
        raise InvalidInput("ttl_seconds", ttl_seconds, allowed=f"0 to {LARGEST_DNS_TTL_SECONDS} seconds")
    return Term(
        "TTL",
        ttl_seconds / 2,
        float(ttl_seconds),
        Source.COMPUTED,
        "resolvers keep an answer for its TTL; on average half of it is left",
        inputs=("ttl_seconds",),
    )


def alias_ttl() -> Term:
    """An alias to a load balancer answers with a fixed TTL of 60 s."""
    return Term(
        "alias TTL",
        ALIAS_TTL_SECONDS / 2,
        float(ALIAS_TTL_SECONDS),
        Source.DOCUMENTED,
        "an alias to a load balancer answers with 60 s, which cannot be changed; on average half of it is left",
    )


def client_caches(cache_seconds: float | None = None) -> Term:
    """What clients keep after the TTL, because they do not see it: a JVM holds an answer for 30 s of its own.

    Args:
        cache_seconds: The longest that your clients keep an answer, when you know; `None` assumes JVM clients at their
            default. Clients that use Seawall's endpoint selector keep none: 0. Either way the term is an assumption,
            because nothing here can see the clients.

    Raises:
        InvalidInput: The time is negative or not finite.
    """
    stated = cache_seconds is not None
    worst = JVM_CACHE_SECONDS if cache_seconds is None else float(cache_seconds)
    check_seconds("client_cache_seconds", worst)
    return Term(
        "client caches",
        worst / 2 if stated else 0.0,
        worst,
        Source.ASSUMED,
        "stated: the longest that clients keep an answer" if stated else "none typically, 30 s in a JVM at its default",
        inputs=("client_cache_seconds",),
    )


def largest_ttl_affordable(recovery_time_seconds: float, other_terms: Sequence[Term]) -> int:
    """The largest whole TTL, in seconds, with which the worst case still meets a recovery time; negative when none does.

    Exact: with this TTL the sum is within the objective, with one second more it is not.

    Raises:
        InvalidInput: The recovery time is negative or not finite.
    """
    check_seconds("recovery_time_seconds", recovery_time_seconds)
    return math.floor(Fraction(recovery_time_seconds) - exact_worst_sum(other_terms))


def check_interval(name: str, seconds: float) -> None:
    """Refuse an interval that Route 53 does not offer.

    Raises:
        InvalidInput: It is not 10 or 30 s.
    """
    if seconds not in CHECK_INTERVALS_SECONDS:
        raise InvalidInput(name, seconds, allowed="10 or 30 seconds", because="Route 53 offers no other interval")


def check_threshold(name: str, checks: int) -> None:
    """Refuse a failure threshold that Route 53 does not offer.

    Raises:
        InvalidInput: It is outside 1 to 10.
    """
    if not 1 <= checks <= LARGEST_FAILURE_THRESHOLD:
        raise InvalidInput(name, checks, allowed="1 to 10 checks", because="Route 53 offers no other threshold")


def _aggregation(name: str, reason: str) -> Term:
    typical, worst = AGGREGATION_SECONDS
    return Term(name, typical, worst, Source.ASSUMED, reason)
