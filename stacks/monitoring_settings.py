"""The `monitoring` section of `Pulumi.<env>.yaml`. Limits: see the components that it is for."""

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
    dashboards: DashboardSettings | None = None
    """Without them nothing is shown."""
