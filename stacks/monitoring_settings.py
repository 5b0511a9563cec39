"""The `monitoring` section of `Pulumi.<env>.yaml`. Limits: see the components that it is for."""

from pulumi_seawall import MatcherStrategy
from seawall.escalation import AlertLevel, Party
from seawall.slo import NoData
from stacks.section import Section


class SloSettings(Section):
    """See `pulumi_seawall.ServiceLevelObjectiveArgs`."""

    no_data: NoData
    retention_seconds: float
    period_seconds: float | None = None
    minimum_requests: int | None = None
    group_by: tuple[str, ...] | None = None


class AlertSettings(Section):
    """See `pulumi_seawall.AlertRulesArgs`."""

    error_ratio: float | None = None
    latency_p95_seconds: float | None = None
    replica_lag_seconds: float | None = None
    minimum_requests: int | None = None


class WatchdogSettings(Section):
    """See `pulumi_seawall.WatchdogArgs`."""

    url_file: str
    heartbeat_seconds: int | None = None


class SecretSettings(Section):
    """See `pulumi_seawall.ReceiverSecretArgs`: a Secret's name and key in Kubernetes, never its value."""

    name: str
    key: str


class WebhookSettings(Section):
    """See `pulumi_seawall.WebhookArgs`."""

    url: str | None = None
    url_secret: SecretSettings | None = None
    token: SecretSettings | None = None


class OpsgenieSettings(Section):
    """See `pulumi_seawall.OpsgenieArgs`."""

    api_key: SecretSettings
    api_url: str | None = None


class SlackSettings(Section):
    """See `pulumi_seawall.SlackArgs`."""

    url: SecretSettings
    channel: str


class EmailSettings(Section):
    """See `pulumi_seawall.EmailArgs`."""

    to: str
    sender: str
    smarthost: str
    username: str | None = None
    password: SecretSettings | None = None


class ReceiverSettings(Section):
    """See `pulumi_seawall.ReceiverArgs`."""

    webhooks: tuple[WebhookSettings, ...] | None = None
    pagerduty: SecretSettings | None = None
    opsgenie: OpsgenieSettings | None = None
    slack: SlackSettings | None = None
    email: EmailSettings | None = None


class ReceiversSettings(Section):
    """See `pulumi_seawall.EscalationReceiversArgs`."""

    on_call: ReceiverSettings | None = None
    manager: ReceiverSettings | None = None
    team: ReceiverSettings | None = None


class LevelSettings(Section):
    """See `pulumi_seawall.LevelPolicyArgs`."""

    level: AlertLevel
    response_seconds: float | None = None
    first: Party | None = None


class EscalationSettings(Section):
    """See `pulumi_seawall.EscalationArgs`; the heartbeat's file and seconds are those of `watchdog`."""

    config_selector_labels: dict[str, str]
    receivers: ReceiversSettings
    incidents: WebhookSettings | None = None
    levels: tuple[LevelSettings, ...] | None = None
    heartbeat_secret: SecretSettings | None = None
    """The switch's address for the operator, in the rules' namespace. Without it the heartbeat is left to Alertmanager's own
    configuration."""
    secrets_folder: str | None = None
    namespace: str | None = None
    matcher_strategy: MatcherStrategy | None = None


class DashboardSettings(Section):
    """See `pulumi_seawall.DashboardsArgs`; limits and period are those of `alerts` and `slo`."""

    sidecar_labels: dict[str, str]
    folder: str | None = None
    folder_annotation: str | None = None
    namespace: str | None = None
    region_label: str | None = None
    rollout: str | None = None
    refresh_seconds: int | None = None
    span_seconds: int | None = None
    files_path: str | None = None


class MonitoringSettings(Section):
    """Who watches the service, and what is told to whom. The first six: see `pulumi_seawall.MonitoringArgs`."""

    selector: dict[str, str]
    rule_selector_labels: dict[str, str]
    runbook_url: str
    scrape_interval_seconds: int | None = None
    evaluation_interval_seconds: int | None = None
    buckets_seconds: tuple[float, ...] | None = None
    slo: SloSettings
    alerts: AlertSettings = AlertSettings()
    watchdog: WatchdogSettings
    escalation: EscalationSettings | None = None
    """Without it nobody is told anything from here."""
    dashboards: DashboardSettings | None = None
    """Without them nothing is shown."""
