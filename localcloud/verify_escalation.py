"""Hold the routes of each cluster's alerts, as they were rendered, against what the program says that it declared."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from localcloud.findings import Finding
from localcloud.provider.kubernetes.manifests import Manifest
from localcloud.rendered import Claim, held_against, labels
from seawall.escalation import AlertLevel

API_VERSION: Final = "monitoring.coreos.com/v1alpha1"
KIND: Final = "AlertmanagerConfig"


def escalations(outputs: Mapping[str, Any], manifests: Path) -> Iterator[Finding]:
    """Each AlertmanagerConfig: selected by its Alertmanager, with a route for each level, and receivers that exist.

    Args:
        outputs: The program's: `escalation` (region, namespace, name, labels, service and receivers of each) and `clusters`
            (context by region).
        manifests: Folder with a folder per cluster.
    """
    yield from held_against("escalation", outputs, manifests, API_VERSION, KIND, "alert routes", _judged)


def _judged(claim: Claim, found: Manifest) -> tuple[str, Mapping[str, tuple[object, object]]]:
    spec = found["spec"]
    routes = list(_routes(spec["route"]))
    levels = {each["value"] for route in routes for each in route.get("matchers", []) if each["name"] == "level"}
    services = [each["value"] for each in spec["route"].get("matchers", []) if each["name"] == "service"]
    return f"{len(routes)} routes to {len(spec['receivers'])} receivers", {
        "receivers": (claim["receivers"], [receiver["name"] for receiver in spec["receivers"]]),
        "receivers of routes": (set(claim["receivers"]), {route["receiver"] for route in routes}),
        "labels": labels(claim, found),
        "levels": ({level.value for level in AlertLevel}, levels),
        "service": ([claim["service"]], services),
    }


def _routes(route: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield route
    for child in route.get("routes", []):
        yield from _routes(child)
