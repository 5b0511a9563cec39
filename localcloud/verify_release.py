"""Hold the release of each cluster, as it was rendered, against what the program says that it declared."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from localcloud.findings import Finding
from localcloud.provider.kubernetes.manifests import Manifest
from localcloud.rendered import Claim, Rendered, folder_of, held_against

ARGO_VERSION: Final = "argoproj.io/v1alpha1"
HASH_LABEL: Final = "rollouts-pod-template-hash"


def releases(outputs: Mapping[str, Any], manifests: Path) -> Iterator[Finding]:
    """Each Rollout: of the declared image and steps, with everything that it refers to, and pods that are scraped.

    Args:
        outputs: The program's: `releases` (region, namespace, name, image, weights, services, templates, grace_seconds) and
            `clusters` (context by region).
        manifests: Folder with a folder per cluster.
    """

    def judged(claim: Claim, found: Manifest) -> tuple[str, Mapping[str, tuple[object, object]]]:
        cluster = Rendered(folder_of(claim, outputs, manifests), claim["namespace"])
        pod, canary = found["spec"]["template"]["spec"], found["spec"]["strategy"]["canary"]
        weights = [step["setWeight"] for step in canary["steps"] if "setWeight" in step]
        waits = json.loads(found["metadata"]["annotations"]["pulumi.com/waitFor"])
        return f"{pod['containers'][0]['image']}, {', '.join(map(str, weights))} %", {
            "image": (claim["image"], pod["containers"][0]["image"]),
            "weights": (claim["weights"], weights),
            "grace seconds": (claim["grace_seconds"], pod["terminationGracePeriodSeconds"]),
            "waited for": (True, f"jsonpath={{.status.restartedAt}}={found['spec']['restartAt']}" in waits),
            "services": (set(claim["services"]), cluster.among("v1", "Service", claim["services"])),
            "templates that steps name": (set(claim["templates"]), _templates_named(canary)),
            "templates": (
                set(claim["templates"]),
                cluster.among(ARGO_VERSION, "AnalysisTemplate", claim["templates"]),
            ),
            "pods scraped with their hash": (True, _scraped(cluster, claim["name"], found)),
            "topology to mount": (True, cluster.has_config_maps_of(pod)),
        }

    yield from held_against("releases", outputs, manifests, ARGO_VERSION, "Rollout", "release", judged)


def _templates_named(canary: Mapping[str, Any]) -> set[str]:
    """Every AnalysisTemplate that a Rollout's strategy refers to."""
    judged = [canary["analysis"], *(step["analysis"] for step in canary["steps"] if "analysis" in step)]
    return {template["templateName"] for each in judged for template in each["templates"]}


def _scraped(cluster: Rendered, name: str, rollout: Manifest) -> bool:
    """Whether a PodMonitor selects the Rollout's pods and keeps the hash of their template."""
    monitor = cluster.object("monitoring.coreos.com/v1", "PodMonitor", name)
    if monitor is None:
        return False
    wanted = monitor["spec"]["selector"]["matchLabels"]
    labels = rollout["spec"]["template"]["metadata"]["labels"]
    return HASH_LABEL in monitor["spec"]["podTargetLabels"] and wanted.items() <= labels.items()
