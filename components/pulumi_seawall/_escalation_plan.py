"""What an `Escalation` will declare: every check, every route and receiver, before anything is registered.

Alertmanager knows no acknowledgement. What it can do by time is `group_wait`: a later party's route waits as long as the
level's earlier parties have to answer, counted from the alert's firing, and tells nobody of what has ended or was silenced by
then. A silence is the acknowledgement. With `incidents` the later parties are told by `seawall incident serve`, which has the
same numbers from `seawall.escalation`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypedDict, cast

from pulumi_seawall._alertmanager import (
    EVERY_LABEL,
    InhibitRule,
    Integration,
    Matcher,
    Receiver,
    Route,
    Timing,
    config_of,
    spec_of,
)
from pulumi_seawall._clusters import plan_namespace
from pulumi_seawall._escalation_args import (
    EscalationArgs,
    EscalationReceiversArgs,
    HeartbeatArgs,
    LevelPolicyArgs,
    MatcherStrategy,
)
from pulumi_seawall._escalation_receivers import plan_receiver, plan_secret, plan_webhook
from pulumi_seawall._inputs import checked_keys, listed, member, number
from pulumi_seawall._monitoring_plan import MonitoringPlan, plan_labels, plan_monitoring
from pulumi_seawall._watchdog_rules import NAME as WATCHDOG
from pulumi_seawall._watchdog_rules import heartbeat_receiver, heartbeat_route
from pulumi_seawall._watched import plan_absolute, plan_heartbeat, plan_url_file
from seawall.errors import MISSING, InvalidInput
from seawall.escalation import LADDER, STANDARD_LEVELS, AlertLevel, EscalationPolicy, LevelPolicy, Party

NOBODY: Final = "nobody"
INCIDENTS: Final = "incidents"
ALERTMANAGER: Final = "alertmanager"
PURPOSE: Final = "escalation"
SECRETS_FOLDER: Final = "/etc/alertmanager/secrets"
GROUPED_BY: Final = ("alertname", "service", "region")
WAIT_SHARE: Final = 1 / 30
"""Of a level's time: what the first notification waits for alerts of the same group. Of SEV1 it is Alertmanager's own 30 s."""
INTERVAL_SHARE: Final = 1 / 3
"""Of a level's time: between looks at a group that was told. Of SEV1 it is Alertmanager's own 5 min."""
INCIDENTS_INTERVAL_SECONDS: Final = (
    60.0  # soon, for what is over must not be escalated; each alert is a group of its own
)
EXPLAINS: Final = "ServiceDown"
"""While nothing answers, the service's milder alerts of the region say nothing new."""
NEVER_EXPLAINED: Final = ("BackupMissing", "LostWrites")
"""What is about data: processes that are down do not explain it."""


class PredictedStep(TypedDict):
    """When a party is told of alerts of a level, in seconds from their firing."""

    level: str
    """SEV1, SEV2 or SEV3."""
    party: str
    """on_call, manager or team."""
    by: str
    """`alertmanager`, or `incidents`: by `seawall incident serve`, and only while nobody has acknowledged."""
    typical_seconds: float
    """Of the first alert of its name in the region."""
    worst_seconds: float
    """Of one that joins others: it waits for the next look at them."""
    repeat_seconds: float
    """Between two notifications of the same, while nobody has silenced it and it has not ended; at most a third more, for
    Alertmanager looks at a group three times in it."""


@dataclass(frozen=True, slots=True)
class EscalationPlan:
    """What an `Escalation` declares.

    Args:
        monitoring: The service, and where it is watched.
        labels: Of each AlertmanagerConfig.
        namespaces: By region with a cluster, that of the AlertmanagerConfig.
        specs: By region with a cluster, its `spec`.
        configs: By region, a whole configuration of a plain Alertmanager.
        steps: Who is told when.
    """

    monitoring: MonitoringPlan
    labels: Mapping[str, str]
    namespaces: Mapping[str, str]
    specs: Mapping[str, Mapping[str, Any]]
    configs: Mapping[str, Mapping[str, Any]]
    steps: tuple[PredictedStep, ...]

    @property
    def object_name(self) -> str:
        """Of each AlertmanagerConfig."""
        return f"{self.monitoring.service}-{PURPOSE}"


def timing_of(response_seconds: float, after_seconds: float = 0) -> Timing:
    """When a party is told of alerts of a level.

    Args:
        response_seconds: The level's time.
        after_seconds: From the firing; 0 for the first party.
    """
    wait = after_seconds or response_seconds * WAIT_SHARE
    return Timing(wait, response_seconds * INTERVAL_SHARE, response_seconds)


def plan_escalation(args: EscalationArgs) -> EscalationPlan:
    """Check the arguments of an `Escalation` and work out its routes.

    Raises:
        InvalidInput: A value is not allowed, an alert would reach nobody, or the AlertmanagerConfig would see none.
    """
    given = cast("dict[str, Any]", checked_keys("", args, EscalationArgs))
    monitoring = plan_monitoring(given["monitoring"])
    labels = plan_labels("config_selector_labels", given["config_selector_labels"])
    folder = plan_absolute("secrets_folder", given.get("secrets_folder", SECRETS_FOLDER)).rstrip("/")
    policy = _policy(given)
    incidents = plan_webhook("incidents.", given["incidents"], folder) if "incidents" in given else None
    receivers = _receivers(given, policy, incidents, folder)
    inhibited = (_inhibited(monitoring.service),)
    url_file, secret, beat = _heartbeat(given)
    namespaces = _namespaces(given, monitoring)
    specs: dict[str, Mapping[str, Any]] = {}
    configs: dict[str, Mapping[str, Any]] = {}
    for region in monitoring.regions:
        scope = monitoring.scope(region)
        beats = heartbeat_route(scope, beat)
        silent = replace(beats, receiver=NOBODY)
        if region in monitoring.clusters:
            route = _service_route(monitoring.service, policy, incidents, beats if secret else silent)
            specs[region] = spec_of(
                route, [*receivers, *([secret_receiver(beats.receiver, secret)] if secret else [])], inhibited
            )
        route = _service_route(monitoring.service, policy, incidents, beats if url_file else silent)
        root = replace(route, matchers=(), routes=(route,))
        listening = [heartbeat_receiver(scope, url_file)] if url_file else []
        configs[region] = config_of(root, [*receivers, *listening], inhibited)
    return EscalationPlan(monitoring, labels, namespaces, specs, configs, tuple(_steps(policy, incidents is not None)))


def secret_receiver(name: str, secret: Mapping[str, str]) -> Receiver:
    """The switch outside, for an AlertmanagerConfig. It is never told that the heartbeat has ended: that is its own work."""
    return Receiver(name, (Integration("webhook", {"urlSecret": dict(secret), "sendResolved": False}, {}),))


def _policy(given: Mapping[str, Any]) -> EscalationPolicy:
    levels = dict(STANDARD_LEVELS)
    stated: set[AlertLevel] = set()
    for place, entry in enumerate(listed("levels", given.get("levels", []))):
        where = f"levels[{place}]."
        own = cast("dict[str, Any]", checked_keys(where, entry, LevelPolicyArgs))
        level = member(f"{where}level", own["level"], AlertLevel)
        if level in stated:
            raise InvalidInput(f"{where}level", level, allowed="each level once")
        stated.add(level)
        seconds = number(f"{where}response_seconds", own.get("response_seconds", levels[level].response_seconds))
        first = member(f"{where}first", own.get("first", levels[level].first), Party)
        try:
            levels[level] = LevelPolicy(seconds, first)
        except InvalidInput as error:
            raise InvalidInput(
                f"{where}{error.name}", error.value, allowed=error.allowed, because=error.because
            ) from None
    return EscalationPolicy(levels)


def _receivers(
    given: Mapping[str, Any], policy: EscalationPolicy, incidents: Integration | None, folder: str
) -> list[Receiver]:
    """Those that some route leads to, and nobody. The team is always one: it has what bears no level."""
    parties = cast("dict[str, Any]", checked_keys("receivers.", given["receivers"], EscalationReceiversArgs))
    wanted = {Party.TEAM: "it is told of the service's alerts that have no level"}
    for level in reversed(AlertLevel):
        for step in policy.steps(level)[: 1 if incidents else None]:
            wanted[step.party] = f"{level} comes to it after {step.after_seconds:g} s"
    for party in LADDER:
        if party in wanted and party not in parties:
            raise InvalidInput(f"receivers.{party}", MISSING, allowed="required", because=wanted[party])
        if party in parties and party not in wanted:
            raise InvalidInput(
                f"receivers.{party}",
                "given",
                allowed="only who is told by Alertmanager",
                because="`incidents` tells the later parties" if incidents else "no level comes to it",
            )
    made = [plan_receiver(f"receivers.{party}.", party, parties[party], folder) for party in LADDER if party in wanted]
    return [*made, *([Receiver(INCIDENTS, (incidents,))] if incidents else []), Receiver(NOBODY)]


def _heartbeat(given: Mapping[str, Any]) -> tuple[str | None, Mapping[str, str] | None, int]:
    """The switch's address for a plain Alertmanager, that for the operator, and the seconds between two heartbeats."""
    if "heartbeat" not in given:
        return None, None, plan_heartbeat("heartbeat.", {})
    own = cast("dict[str, Any]", checked_keys("heartbeat.", given["heartbeat"], HeartbeatArgs))
    if "url_file" not in own and "url_secret" not in own:
        raise InvalidInput("heartbeat.url_file", MISSING, allowed="url_file, url_secret or both")
    file = plan_url_file("heartbeat.url_file", own["url_file"]) if "url_file" in own else None
    secret = plan_secret("heartbeat.url_secret.", own["url_secret"]).manifest() if "url_secret" in own else None
    return file, secret, plan_heartbeat("heartbeat.", own)


def _namespaces(given: Mapping[str, Any], monitoring: MonitoringPlan) -> dict[str, str]:
    """Of each AlertmanagerConfig: one in which it sees the alerts."""
    strategy = member("matcher_strategy", given.get("matcher_strategy", MatcherStrategy.ON_NAMESPACE), MatcherStrategy)
    if "namespace" not in given:
        return {region: reach.namespace for region, reach in monitoring.clusters.items()}
    namespace = plan_namespace("namespace", given["namespace"])
    for reach in monitoring.clusters.values():
        if namespace != reach.namespace and strategy is MatcherStrategy.ON_NAMESPACE:
            raise InvalidInput(
                "namespace",
                namespace,
                allowed=reach.namespace,
                because=f"the operator lets it see alerts with namespace={namespace} only, and the rules' have "
                f"namespace={reach.namespace}; with another matcher_strategy it sees them",
            )
    return dict.fromkeys(monitoring.clusters, namespace)


def _service_route(service: str, policy: EscalationPolicy, incidents: Integration | None, heartbeat: Route) -> Route:
    """Everything of the service. The order matters: the first child that matches takes an alert, unless it lets it go on."""
    rest = timing_of(policy.levels[AlertLevel.SEV3].response_seconds)
    return Route(
        Party.TEAM,
        (Matcher("service", service),),
        rest,
        GROUPED_BY,
        routes=(
            heartbeat,
            Route(NOBODY, (Matcher("alertname", WATCHDOG),)),  # of another region, whose own Alertmanager passes it on
            *([_incidents_route(policy)] if incidents else []),
            *(route for level in AlertLevel for route in _level_routes(level, policy, by_time=incidents is None)),
            Route(Party.TEAM),  # no level that we know: a child matched `incidents`, so the parent would not be asked
        ),
    )


def _incidents_route(policy: EscalationPolicy) -> Route:
    """Every alert by itself and at once; repeated within the shortest time, for a server that has lost its record."""
    shortest = policy.levels[AlertLevel.SEV1].response_seconds
    timing = Timing(0, min(INCIDENTS_INTERVAL_SECONDS, shortest), shortest)
    return Route(INCIDENTS, (), timing, (EVERY_LABEL,), goes_on=True)


def _level_routes(level: AlertLevel, policy: EscalationPolicy, *, by_time: bool) -> Iterator[Route]:
    steps = policy.steps(level)[: None if by_time else 1]
    for step in steps:
        yield Route(
            step.party,
            (Matcher("level", level),),
            timing_of(policy.levels[level].response_seconds, step.after_seconds),
            goes_on=step is not steps[-1],
        )


def _inhibited(service: str) -> InhibitRule:
    of_the_service = Matcher("service", service)
    milder = "|".join(level for level in AlertLevel if level is not AlertLevel.SEV1)
    return InhibitRule(
        (of_the_service, Matcher("alertname", EXPLAINS)),
        (of_the_service, Matcher("level", milder, "=~"), Matcher("alertname", "|".join(NEVER_EXPLAINED), "!~")),
        ("service", "region"),
    )


def _steps(policy: EscalationPolicy, incidents: bool) -> Iterator[PredictedStep]:
    for level in AlertLevel:
        for place, step in enumerate(policy.steps(level)):
            timing = timing_of(policy.levels[level].response_seconds, step.after_seconds)
            yield {
                "level": level.value,
                "party": step.party.value,
                "by": INCIDENTS if incidents and place else ALERTMANAGER,
                "typical_seconds": timing.wait,
                "worst_seconds": max(timing.wait, timing.interval),
                "repeat_seconds": timing.repeat,
            }
