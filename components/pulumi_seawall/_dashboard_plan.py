"""What `Dashboards` will declare: every check, and every dashboard, before anything is registered."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from pulumi_seawall._clusters import plan_namespace
from pulumi_seawall._dashboard_args import DashboardsArgs
from pulumi_seawall._dashboard_data import data_dashboard
from pulumi_seawall._dashboard_model import Dashboard
from pulumi_seawall._dashboard_release import release_dashboard
from pulumi_seawall._dashboard_resilience import resilience_dashboard
from pulumi_seawall._dashboard_scope import DashboardScope
from pulumi_seawall._dashboard_service import service_dashboard
from pulumi_seawall._inputs import checked_keys, line, plain_string, whole
from pulumi_seawall._kubernetes_target import OBJECT_NAME
from pulumi_seawall._monitoring_args import MonitoringArgs
from pulumi_seawall._monitoring_plan import (
    KEY,
    LABEL,
    MonitoringPlan,
    plan_labels,
    plan_limits,
    plan_monitoring,
    plan_slos,
)
from pulumi_seawall._naming import HASH_LENGTH, physical_name
from pulumi_seawall._objectives import plan_objectives
from seawall.contract import checked_environment
from seawall.errors import InvalidInput
from seawall.slo import NoData

LONGEST_UID: Final = 40  # characters; Grafana
LONGEST_FOLDER: Final = 100  # characters; Grafana takes 189
LONGEST_PATH: Final = 4096  # characters of a path, as Linux takes them
LONGEST_ROLLOUT: Final = 63  # characters; Kubernetes' labels, which have it as a value
LARGEST_BYTES: Final = 256 * 1024
"""Of one dashboard. A ConfigMap takes 1 MiB, but annotations 256 KiB, and a client-side apply keeps the whole in one."""
REFRESH_SECONDS: Final = (5, 3600)
DEFAULT_REFRESH_SECONDS: Final = 30
SPAN_SECONDS: Final = (300, 7 * 86400)
DEFAULT_SPAN_SECONDS: Final = 3 * 3600
FOLDER_ANNOTATION: Final = (
    "grafana_folder"  # what the charts of Grafana and kube-prometheus-stack use in their examples
)
FILES_PATH: Final = "/var/lib/grafana/dashboards"
UID: Final = re.compile(r"[A-Za-z0-9_-]+")  # Grafana


@dataclass(frozen=True, slots=True)
class DashboardsPlan:
    """What a `Dashboards` declares.

    Args:
        monitoring: The service, and where it is watched.
        scope: What is asked about.
        dashboards: In the order in which one opens them.
        files: Grafana's JSON, by a dashboard's key.
        uids: By a dashboard's key.
        labels: Of each ConfigMap, those for the sidecar.
        annotations: Of each ConfigMap.
        namespace: Of the ConfigMaps; None for each cluster's.
        provider: Grafana's provisioning file.
    """

    monitoring: MonitoringPlan
    scope: DashboardScope
    dashboards: tuple[Dashboard, ...]
    files: Mapping[str, str]
    uids: Mapping[str, str]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    namespace: str | None
    provider: str

    def config_map(self, key: str) -> str:
        """Name of a dashboard's ConfigMap, and of its file without `.json`."""
        return f"{self.monitoring.service}-dashboard-{key}"

    def namespace_in(self, region: str) -> str:
        """Of the ConfigMaps of a region."""
        return self.namespace or self.monitoring.clusters[region].namespace


def plan_dashboards(args: DashboardsArgs) -> DashboardsPlan:
    """Check the arguments of `Dashboards` and make every dashboard.

    Raises:
        InvalidInput: A value is not allowed, or a dashboard is too large for a ConfigMap.
    """
    given = cast("dict[str, Any]", checked_keys("", args, DashboardsArgs))
    environment = checked_environment("environment", given["environment"])
    scope, monitoring = _scope(given, environment)
    dashboards = (
        service_dashboard(scope),
        resilience_dashboard(scope),
        data_dashboard(scope),
        release_dashboard(scope),
    )
    uids = {each.key: dashboard_uid(monitoring.service, environment, each.key) for each in dashboards}
    refresh = whole(
        "refresh_seconds", given.get("refresh_seconds", DEFAULT_REFRESH_SECONDS), *REFRESH_SECONDS, "seconds"
    )
    span = whole("span_seconds", given.get("span_seconds", DEFAULT_SPAN_SECONDS), *SPAN_SECONDS, "seconds")
    labels = plan_labels("sidecar_labels", given["sidecar_labels"])
    annotations = _annotations(given)
    namespace = plan_namespace("namespace", given["namespace"]) if "namespace" in given else None
    provider = _provider(given, monitoring.service, environment)

    from pulumi_seawall._dashboard_json import Page, grafana_json  # heavy: not before a dashboard is made

    titles = {each.key: f"{monitoring.service} {environment}: {each.title.lower()}" for each in dashboards}
    page = Page(scope=scope, uids=uids, titles=titles, refresh_seconds=refresh, span_seconds=span)
    files = {each.key: _fitting(each.key, grafana_json(each, page)) for each in dashboards}
    return DashboardsPlan(
        monitoring=monitoring,
        scope=scope,
        dashboards=dashboards,
        files=files,
        uids=uids,
        labels=labels,
        annotations=annotations,
        namespace=namespace,
        provider=provider,
    )


def dashboard_uid(service: str, environment: str, key: str) -> str:
    """A dashboard's id in Grafana, and its address: the same for the same names, and within Grafana's limits."""
    parts = (service, environment, key)
    if all(UID.fullmatch(part) for part in parts):
        return physical_name(*parts, longest=LONGEST_UID)
    # An environment may have dots in its name. What is put in their place must not make two names one.
    replaced = re.sub(r"[^A-Za-z0-9_-]", "_", environment)
    digest = hashlib.sha256(environment.encode()).hexdigest()[:HASH_LENGTH]
    return physical_name(service, f"{replaced}_{digest}", key, longest=LONGEST_UID)


def _scope(given: Mapping[str, Any], environment: str) -> tuple[DashboardScope, MonitoringPlan]:
    monitoring = plan_monitoring(cast(MonitoringArgs, given["monitoring"]))
    objectives = plan_objectives(given["objectives"])
    scope = DashboardScope(
        service=monitoring.service,
        environment=environment,
        selector=monitoring.selector,
        region_label=_region_label(given, monitoring.selector),
        scrape_seconds=monitoring.scrape_seconds,
        runbook_url=monitoring.runbook_url,
        objectives=objectives,
        limits=plan_limits(given, monitoring, objectives),
        slos=plan_slos({**given, "no_data": NoData.PASS}, objectives),  # nothing is judged here
        rollout=_rollout(given, monitoring.service),
    )
    return scope, monitoring


def _region_label(given: Mapping[str, Any], selector: Mapping[str, str]) -> str | None:
    if "region_label" not in given:
        return None
    label = plain_string("region_label", given["region_label"])
    if not LABEL.fullmatch(label) or label.startswith("__"):
        raise InvalidInput("region_label", label, allowed="a label's name")
    if label in selector:
        raise InvalidInput(
            "region_label",
            label,
            allowed="a label that is not in monitoring.selector",
            because="that one has one value",
        )
    return label


def _rollout(given: Mapping[str, Any], service: str) -> str:
    name = line("rollout", given.get("rollout", service), LONGEST_ROLLOUT)
    if not OBJECT_NAME.fullmatch(name):
        raise InvalidInput(
            "rollout", name, allowed="lower-case letters, digits, hyphens and dots, a letter or digit at each end"
        )
    return name


def _annotations(given: Mapping[str, Any]) -> dict[str, str]:
    if "folder" not in given:
        if "folder_annotation" in given:
            raise InvalidInput("folder_annotation", given["folder_annotation"], allowed="only with folder")
        return {}
    folder = line("folder", given["folder"], LONGEST_FOLDER)
    if folder != folder.strip("/ ") or ".." in folder or not folder.isprintable():
        raise InvalidInput(
            "folder", folder, allowed="no slash or space at an end, and no ..", because="the sidecar makes a path of it"
        )
    key = plain_string("folder_annotation", given.get("folder_annotation", FOLDER_ANNOTATION))
    if not KEY.fullmatch(key):
        raise InvalidInput("folder_annotation", key, allowed="an annotation's name")
    return {key: folder}


def _provider(given: Mapping[str, Any], service: str, environment: str) -> str:
    """Grafana's provisioning file. JSON, which is YAML too."""
    path = line("files_path", given.get("files_path", FILES_PATH), LONGEST_PATH)
    if not path.startswith("/"):
        raise InvalidInput("files_path", path, allowed="an absolute path, as Grafana sees it")
    provider: dict[str, object] = {
        "name": f"seawall-{service}-{environment}",
        "type": "file",
        "allowUiUpdates": False,
        "options": {"path": path},
    }
    if "folder" in given:
        provider["folder"] = given["folder"]
    return json.dumps({"apiVersion": 1, "providers": [provider]}, indent=2, sort_keys=True) + "\n"


def _fitting(key: str, text: str) -> str:
    size = len(text.encode())
    if size > LARGEST_BYTES:
        raise InvalidInput(
            f"the dashboard {key!r}",
            f"{size} bytes",
            allowed=f"at most {LARGEST_BYTES}",
            because="a ConfigMap takes no more when it is applied; shorten monitoring.selector or monitoring.runbook_url",
        )
    return text
