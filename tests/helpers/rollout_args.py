"""Arguments of a `CanaryRollout`, changed by path as those of the components that watch."""

import copy
from typing import Any

from monitoring_args import MONITORING, OBJECTIVES, changed

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
