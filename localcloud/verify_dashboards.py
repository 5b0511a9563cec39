"""Hold the dashboards of each cluster, as they were rendered, against what the program says that it declared."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from localcloud.findings import GONE, Finding, unlike
from localcloud.provider.kubernetes.manifests import folder_name, path_of, read

ROW = "row"  # Grafana's heading between panels, which is a panel to it


def dashboards(outputs: Mapping[str, Any], manifests: Path) -> Iterator[Finding]:
    """Each dashboard's ConfigMap: found by the sidecar, and holding the dashboard under its id.

    Args:
        outputs: The program's: `dashboards` (region, namespace, name, labels, uid and panels of each) and `clusters`
            (context by region).
        manifests: Folder with a folder per cluster.
    """
    for claim in outputs.get("dashboards", []):
        context = outputs["clusters"][claim["region"]]
        metadata = {"name": claim["name"], "namespace": claim["namespace"]}
        wanted = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
        found = read(manifests / folder_name(context) / path_of(wanted))
        title = f"{claim['namespace']}/{claim['name']} in {context}"
        if found is None:
            yield Finding("dashboard", title, "missing", GONE)
            continue
        labels, data = found["metadata"].get("labels", {}), found["data"]
        dashboard: dict[str, Any] = json.loads(data.get(f"{claim['name']}.json", "{}"))
        panels = [each for each in dashboard.get("panels", []) if each["type"] != ROW]
        yield Finding(
            "dashboard",
            title,
            f"rendered: {dashboard.get('uid')}, {len(panels)} panels",
            unlike(
                {
                    "labels": (claim["labels"], {key: labels.get(key) for key in claim["labels"]}),
                    "files": ([f"{claim['name']}.json"], list(data)),
                    "uid": (claim["uid"], dashboard.get("uid")),
                    "panels": (claim["panels"], [each["title"] for each in panels]),
                }
            ),
        )
