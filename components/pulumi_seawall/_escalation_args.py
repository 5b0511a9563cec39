"""Arguments of `Escalation`. TypedDicts and Enums only, for schema inference. No secret's value stands in any of them."""

from enum import Enum
from typing import NotRequired, TypedDict

from pulumi_seawall._monitoring_args import MonitoringArgs
from seawall.escalation import AlertLevel, Party


class MatcherStrategy(Enum):
    """Which alerts an AlertmanagerConfig sees: `alertmanagerConfigMatcherStrategy` of the operator's Alertmanager."""

    ON_NAMESPACE = "OnNamespace"
    """Those with its own namespace as a label: the operator's default."""
    ON_NAMESPACE_EXCEPT_ALERTMANAGERS = "OnNamespaceExceptForAlertmanagerNamespace"
    """The same, but all alerts where it is in Alertmanager's namespace."""
    NONE = "None"
    """All alerts."""


class ReceiverSecretArgs(TypedDict):
    """Where a secret is: never what it is."""

    name: str
    """Of a Kubernetes Secret in the AlertmanagerConfig's namespace. When it is not there, the operator ignores the whole
    AlertmanagerConfig."""
    key: str
    """In that Secret."""


class WebhookArgs(TypedDict):
    """Whoever takes Alertmanager's webhook, e.g. `seawall incident serve`. Either an address or a secret with it."""

    url: NotRequired[str]
    """An http or https address that is no secret."""
    url_secret: NotRequired[ReceiverSecretArgs]
    """An address that whoever knows it can write to."""
    token: NotRequired[ReceiverSecretArgs]
    """Sent as bearer token."""


class OpsgenieArgs(TypedDict):
    """Opsgenie. Its maker ends it in April 2027."""

    api_key: ReceiverSecretArgs
    """Of an API integration."""
    api_url: NotRequired[str]
    """Default that of the United States; `https://api.eu.opsgenie.com/` for Europe."""


class SlackArgs(TypedDict):
    """A channel of Slack."""

    url: ReceiverSecretArgs
    """Of an incoming webhook."""
    channel: str
    """E.g. `#incidents`."""


class EmailArgs(TypedDict):
    """Mail, by a server that speaks TLS."""

    to: str
    """Addresses, separated by commas."""
    sender: str
    """The address that it comes from."""
    smarthost: str
    """`host:port` of the server."""
    username: NotRequired[str]
    """For the server, with `password`; default none."""
    password: NotRequired[ReceiverSecretArgs]
    """The user's."""


class ReceiverArgs(TypedDict):
    """How a party is told; each way that is given, at least one."""

    webhooks: NotRequired[list[WebhookArgs]]
    """Alertmanager's webhooks."""
    pagerduty: NotRequired[ReceiverSecretArgs]
    """The routing key of PagerDuty's Events API v2."""
    opsgenie: NotRequired[OpsgenieArgs]
    """Opsgenie."""
    slack: NotRequired[SlackArgs]
    """Slack."""
    email: NotRequired[EmailArgs]
    """Mail."""


class EscalationReceiversArgs(TypedDict):
    """The parties: each that a level comes to is required, and any other is refused."""

    on_call: NotRequired[ReceiverArgs]
    """Whoever is on call."""
    manager: NotRequired[ReceiverArgs]
    """Who is told next; not beside `incidents`, which tells of what nobody has answered."""
    team: NotRequired[ReceiverArgs]
    """Everybody. Also told of alerts of the service that have no level."""


class LevelPolicyArgs(TypedDict):
    """What a level asks for, where it is to differ from the standard."""

    level: AlertLevel
    """SEV1, SEV2 or SEV3."""
    response_seconds: NotRequired[float]
    """Within which somebody must have answered, 60 to 86400; default 900, 3600, 14400. No worse level's may be longer."""
    first: NotRequired[Party]
    """Who is told first; default on-call, and of SEV3 the team. The ladder goes on from there: on-call, manager, team."""


class HeartbeatArgs(TypedDict):
    """Where the Watchdog's heartbeat goes: the switch outside. At least one of the two addresses."""

    url_file: NotRequired[str]
    """The `Watchdog`'s own file, for a plain Alertmanager."""
    url_secret: NotRequired[ReceiverSecretArgs]
    """The same address for the AlertmanagerConfig. Without it the heartbeat is left to Alertmanager's own configuration."""
    heartbeat_seconds: NotRequired[int]
    """As the `Watchdog` has it: seconds between two heartbeats, 30 to 3600; default 60."""


class EscalationArgs(TypedDict):
    """Who is told of which alerts, and who next."""

    monitoring: MonitoringArgs
    """The same as of the rules: the service, and where it is watched."""
    config_selector_labels: dict[str, str]
    """Labels of each AlertmanagerConfig: what Alertmanager's `alertmanagerConfigSelector` asks for. Without them it loads
    nothing, and says nothing."""
    receivers: EscalationReceiversArgs
    """How each party is told."""
    incidents: NotRequired[WebhookArgs]
    """`seawall incident serve`: sees every alert, and tells the later parties when nobody has acknowledged. Without it
    Alertmanager tells them by time."""
    levels: NotRequired[list[LevelPolicyArgs]]
    """Levels that are to differ from the standard; default none."""
    heartbeat: NotRequired[HeartbeatArgs]
    """Where the Watchdog's heartbeat goes; default to nobody from here."""
    secrets_folder: NotRequired[str]
    """Where a plain Alertmanager sees the Secrets, a folder for each and a file for each key; default
    `/etc/alertmanager/secrets`, where the operator mounts those of an Alertmanager, too."""
    namespace: NotRequired[str]
    """Of each AlertmanagerConfig; default that of the rules. Another one only with a `matcher_strategy` that lets it see their
    alerts."""
    matcher_strategy: NotRequired[MatcherStrategy]
    """What Alertmanager is configured with; default `OnNamespace`."""
