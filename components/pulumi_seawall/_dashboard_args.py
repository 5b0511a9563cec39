"""Arguments of `Dashboards`. TypedDicts only, for schema inference."""

from typing import NotRequired, TypedDict

from pulumi_seawall._failover_args import ObjectivesArgs
from pulumi_seawall._monitoring_args import MonitoringArgs


class DashboardsArgs(TypedDict):
    """What is shown of a service, and where Grafana finds it."""

    monitoring: MonitoringArgs
    """The service, and where it is watched."""
    objectives: ObjectivesArgs
    """Lines in the charts, and the SLOs whose budgets are shown."""
    environment: str
    """Its name, e.g. `prod`: with the service's it makes the dashboards' addresses, which never change."""
    sidecar_labels: dict[str, str]
    """Labels of each ConfigMap: what the Grafana sidecar asks for, e.g. `{"grafana_dashboard": "1"}`. Without them it loads
    nothing, and says nothing."""
    folder: NotRequired[str]
    """Grafana's folder, 1 to 100 characters; default where the sidecar puts what says nothing."""
    folder_annotation: NotRequired[str]
    """The annotation by which the sidecar learns the folder (its `folderAnnotation`); default `grafana_folder`."""
    namespace: NotRequired[str]
    """Of the ConfigMaps, where the sidecar does not look into every namespace; default each cluster's."""
    region_label: NotRequired[str]
    """Label of the scraped series that says their region, where a data source has those of several regions (Thanos, Mimir);
    default none: each data source has its own region only. Its values are those of `monitoring.clusters`."""
    rollout: NotRequired[str]
    """Name of the Rollout; default the service."""
    error_ratio: NotRequired[float]
    """Share of failed requests at which HighErrorRate fires, as `AlertRules` is told; default 0.05."""
    latency_p95_seconds: NotRequired[float]
    """Seconds at which HighLatency fires, as `AlertRules` is told; default 1."""
    replica_lag_seconds: NotRequired[float]
    """Seconds at which ReplicaLag fires, as `AlertRules` is told; default the recovery point. Required where that is 0."""
    period_seconds: NotRequired[float]
    """Seconds over which the budgets are counted, as `ServiceLevelObjective` is told; default 30 days."""
    refresh_seconds: NotRequired[int]
    """Seconds between two looks, 5 to 3600; default 30."""
    span_seconds: NotRequired[int]
    """How many seconds of the past are shown at first, 300 to 604800; default three hours."""
    files_path: NotRequired[str]
    """Where a Grafana without the sidecar finds the files, as it sees them; default `/var/lib/grafana/dashboards`."""
