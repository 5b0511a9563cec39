"""A heartbeat that stops when data stops, and who listens to it. Pure.

A `vector(1)` proves that Alertmanager can be reached, not that anything is scraped. This one fires while at least one
instance of the service has answered a scrape lately. A region that is dead cannot say so: something outside it must
notice that the heartbeat has stopped.
"""

from typing import Any, Final

from pulumi_seawall._alert_timing import firing_terms
from pulumi_seawall._alertmanager import Integration, Matcher, Receiver, Route, Timing
from pulumi_seawall._promql import literal, series
from pulumi_seawall._rule_groups import Alert, RuleGroup, Scope
from pulumi_seawall._service_alerts import UP
from seawall.escalation import AlertLevel

NAME: Final = "Watchdog"
NOBODY: Final = "none"
"""Its severity and level: it must match no route that tells people."""
SCRAPES_THAT_MAY_FAIL: Final = 3
BEATS_THAT_MAY_BE_MISSED: Final = 3
"""By the receiver outside, before it tells somebody: one may be lost on the way, one may be late."""


def fresh_seconds(scope: Scope) -> float:
    """How old the newest scrape may be. Prometheus itself shows a value for five minutes after its last scrape."""
    return scope.scrape_seconds * SCRAPES_THAT_MAY_FAIL


def watchdog_rules(scope: Scope) -> RuleGroup:
    """The heartbeat."""
    up = series(UP, *scope.matchers)
    fresh = f"time() - timestamp({up}) <= {literal(fresh_seconds(scope))}"
    alert = Alert(
        NAME,
        f"count({up} == 1 and {fresh}) > 0",
        AlertLevel.SEV3,
        f"Fresh data of {scope.service} arrives",
        "{{ $value }} instances answer. This alert always fires; what is wrong is its silence.",
        firing_terms(scope),
        "the first instance answers",
        dict.fromkeys(("severity", "level"), NOBODY),
    )
    return RuleGroup(f"seawall-watchdog-{scope.service}-{scope.region}", (alert,), scope)


def silent_after_seconds(scope: Scope, beat_seconds: float) -> float:
    """What the switch outside waits without a heartbeat before it tells somebody: the longest of a healthy silence."""
    return beat_seconds * BEATS_THAT_MAY_BE_MISSED + fresh_seconds(scope) + scope.evaluation_seconds


def heartbeat_route(scope: Scope, beat_seconds: float) -> Route:
    """The heartbeat's way to a switch outside. First among the routes: an earlier one that matches would take it away.

    Args:
        scope: The service and its region.
        beat_seconds: Between two heartbeats.
    """
    chosen = (Matcher("alertname", NAME), Matcher("region", scope.region), Matcher("service", scope.service))
    return Route(_receiver_name(scope), chosen, Timing(0, beat_seconds, beat_seconds))


def heartbeat_receiver(scope: Scope, url_file: str) -> Receiver:
    """The switch outside, for a plain Alertmanager.

    Args:
        scope: The service and its region.
        url_file: File, as Alertmanager sees it, with the switch's address: whoever knows that can keep it quiet.
    """
    return Receiver(
        _receiver_name(scope), (Integration("webhook", {}, {"url_file": url_file, "send_resolved": False}),)
    )


def receiver_config(scope: Scope, *, beat_seconds: float, url_file: str) -> dict[str, Any]:
    """The part of Alertmanager's configuration that sends the heartbeat to a switch outside."""
    return {
        "route": heartbeat_route(scope, beat_seconds).config(),
        "receiver": heartbeat_receiver(scope, url_file).config(),
    }


def _receiver_name(scope: Scope) -> str:
    return f"watchdog-{scope.service}-{scope.region}"
