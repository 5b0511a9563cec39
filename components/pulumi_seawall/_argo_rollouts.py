"""Names that are Argo Rollouts', in one place: they are not ours, and may change with a release of it.

Source: Argo Rollouts v1.8 to v1.10, `controller/metrics/prommetrics.go` and `rollouts.go`: `rollout_info` is 1, with the
labels namespace, name, strategy, traffic_router and phase. Its documentation names phases that the controller never shows.
"""

from typing import Final

POD_HASH_LABEL: Final = "rollouts-pod-template-hash"
"""Label that Argo gives to each pod; a PodMonitor copies it to the pod's series, where it tells canary from stable."""
POD_HASH: Final = POD_HASH_LABEL.replace("-", "_")
"""The same in Prometheus, where a label's name has no hyphens."""
ROLLOUT_INFO: Final = "rollout_info"
NAME: Final = "name"
PHASE: Final = "phase"
NAMESPACES: Final = ("namespace", "exported_namespace")
"""The label that holds the Rollout's namespace. A scrape without `honorLabels` gives `namespace` to the controller's pod, and
renames the metric's own."""
GOES_ON: Final = ("Completed", "Progressing", "Paused")
ENDED: Final = ("Abort", "Timeout", "Error", "InvalidSpec")
"""Phases in which a release does not go on by itself."""
