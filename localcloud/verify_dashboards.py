"""Hold the dashboards of each cluster, as they were rendered, against what the program says that it declared."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from localcloud.findings import Finding
from localcloud.provider.kubernetes.manifests import Manifest
from localcloud.rendered import Claim, held_against, labels

ROW = "row"  # Grafana's heading between panels, which is a panel to it


def dashboards(outputs: Mapping[str, Any], manifests: Path) -> Iterator[Finding]:
    """Each dashboard's ConfigMap: found by the sidecar, and holding the dashboard under its id.

    Args:
        outputs: The program's: `dashboards` (region, namespace, name, labels, uid and panels of each) and `clusters`
            (context by region).
        manifests: Folder with a folder per cluster.
    """
    yield from held_against("dashboards", outputs, manifests, "v1", "ConfigMap", "dashboard", _judged)


def _judged(claim: Claim, found: Manifest) -> tuple[str, Mapping[str, tuple[object, object]]]:
    data = found["data"]
    dashboard: dict[str, Any] = json.loads(data.get(f"{claim['name']}.json", "{}"))
    panels = [each for each in dashboard.get("panels", []) if each["type"] != ROW]
    return f"{dashboard.get('uid')}, {len(panels)} panels", {
        "labels": labels(claim, found),
        "files": ([f"{claim['name']}.json"], list(data)),
        "uid": (claim["uid"], dashboard.get("uid")),
        "panels": (claim["panels"], [each["title"] for each in panels]),
    }
