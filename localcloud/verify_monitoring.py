"""Hold the alert rules of each cluster, as they were rendered, against what the program says that it declared."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from localcloud.findings import GONE, Finding, unlike
from localcloud.provider.kubernetes.manifests import folder_name, path_of, read

API_VERSION: Final = "monitoring.coreos.com/v1"
KIND: Final = "PrometheusRule"


def alert_rules(outputs: Mapping[str, Any], manifests: Path) -> Iterator[Finding]:
    """Each PrometheusRule: selected by its Prometheus, with every alert, and a runbook for each.

    Args:
        outputs: The program's: `monitoring` (region, namespace, name, labels and alerts of each) and `clusters` (context by
            region).
        manifests: Folder with a folder per cluster.
    """
    for claim in outputs.get("monitoring", []):
        context = outputs["clusters"][claim["region"]]
        metadata = {"name": claim["name"], "namespace": claim["namespace"]}
        wanted = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata}
        found = read(manifests / folder_name(context) / path_of(wanted))
        title = f"{claim['namespace']}/{claim['name']} in {context}"
        if found is None:
            yield Finding("alert rules", title, "missing", GONE)
            continue
        rules = [rule for group in found["spec"]["groups"] for rule in group["rules"]]
        alerts = [rule for rule in rules if "alert" in rule]
        labels = found["metadata"].get("labels", {})
        runbooks = {rule["alert"] for rule in alerts if rule["annotations"].get("runbook_url")}
        yield Finding(
            "alert rules",
            title,
            f"rendered: {len(alerts)} alerts, {len(rules) - len(alerts)} recordings",
            unlike(
                {
                    "alerts": (claim["alerts"], [rule["alert"] for rule in alerts]),
                    "labels": (claim["labels"], {key: labels.get(key) for key in claim["labels"]}),
                    "region": ({claim["region"]}, {rule["labels"]["region"] for rule in rules}),
                    "alerts with a runbook": (set(claim["alerts"]), runbooks),
                }
            ),
        )
