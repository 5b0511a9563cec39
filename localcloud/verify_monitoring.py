"""Hold the alert rules of each cluster, as they were rendered, against what the program says that it declared."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from localcloud.findings import Finding
from localcloud.provider.kubernetes.manifests import Manifest
from localcloud.rendered import Claim, held_against, labels

API_VERSION: Final = "monitoring.coreos.com/v1"
KIND: Final = "PrometheusRule"


def alert_rules(outputs: Mapping[str, Any], manifests: Path) -> Iterator[Finding]:
    """Each PrometheusRule: selected by its Prometheus, with every alert, and a runbook for each.

    Args:
        outputs: The program's: `monitoring` (region, namespace, name, labels and alerts of each) and `clusters` (context by
            region).
        manifests: Folder with a folder per cluster.
    """
    yield from held_against("monitoring", outputs, manifests, API_VERSION, KIND, "alert rules", _judged)


def _judged(claim: Claim, found: Manifest) -> tuple[str, Mapping[str, tuple[object, object]]]:
    rules = [rule for group in found["spec"]["groups"] for rule in group["rules"]]
    alerts = [rule for rule in rules if "alert" in rule]
    runbooks = {rule["alert"] for rule in alerts if rule["annotations"].get("runbook_url")}
    return f"{len(alerts)} alerts, {len(rules) - len(alerts)} recordings", {
        "alerts": (claim["alerts"], [rule["alert"] for rule in alerts]),
        "labels": labels(claim, found),
        "region": ({claim["region"]}, {rule["labels"]["region"] for rule in rules}),
        "alerts with a runbook": (set(claim["alerts"]), runbooks),
    }
