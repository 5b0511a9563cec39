"""Arguments of a `CanaryRollout`, changed by path as those of the components that watch."""

import copy
from typing import Any

import pulumi_seawall
from monitoring_args import MONITORING, OBJECTIVES, changed
from pulumi_seawall import _rollout_manifests as manifests

IMAGE = "registry.example.com/shop:1.4.2"
ROLLOUT: dict[str, Any] = {
    "monitoring": {**MONITORING, "scrape_interval_seconds": 15},
    "objectives": OBJECTIVES,
    "analysis": {"no_data": "pause", "prometheus_url": "http://prometheus-operated.monitoring:9090"},
    "image": IMAGE,
    "resources": {"cpu": "500m", "memory": "512Mi"},
    "router": {"alb": {"ingress": "shop"}},
}
ONE_CLUSTER = [{"region": "eu-west-1", "context": "eu", "namespace": "shop"}]
ADOPTING: dict[str, Any] = {
    "deployment": {"name": "shop", "labels": {"app": "shop"}},
    "monitoring__clusters": ONE_CLUSTER,
    "image": ...,
    "resources": ...,
}
"""Changes that take over a Deployment in one cluster."""


def rollout_args(**changes: Any) -> Any:
    """The arguments with each path set, or removed where the value is `...`."""
    own = {path: copy.deepcopy(value) if isinstance(value, dict | list) else value for path, value in changes.items()}
    return changed(ROLLOUT, own)


def planned(**changes: Any) -> pulumi_seawall.RolloutPlan:
    """What such a program would declare."""
    return pulumi_seawall.plan_canary_rollout(rollout_args(**changes))


def rollout_of(region: str = "eu-west-1", image: str = IMAGE, **changes: Any) -> dict[str, Any]:
    """The Rollout of a region, as it is sent."""
    return manifests.rollout(planned(**changes), region, image)


def canary_of(**changes: Any) -> dict[str, Any]:
    """Its strategy."""
    return rollout_of(**changes)["spec"]["strategy"]["canary"]


def pod_of(**changes: Any) -> dict[str, Any]:
    """Its pods' `spec`."""
    return rollout_of(**changes)["spec"]["template"]["spec"]


def container_of(**changes: Any) -> dict[str, Any]:
    """Its one container."""
    return pod_of(**changes)["containers"][0]
