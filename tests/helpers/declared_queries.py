"""Every question to Prometheus in what the environments declare: rules, analyses, dashboards, whichever component's."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

Manifests = Mapping[str, Mapping[str, Any]]
DURATIONS = re.compile(r"\$\{?__(rate_interval|interval|range)\}?")
VARIABLE = re.compile(r"\$\{?\w+(:\w+)?\}?")


def questions(manifests: Manifests, pod_hash: str) -> Iterator[tuple[str, str]]:
    """Where each stands, and its PromQL with values in the places of Argo's and Grafana's."""
    for name, manifest in manifests.items():
        match manifest["kind"]:
            case "PrometheusRule":
                for group in manifest["spec"]["groups"]:
                    for rule in group["rules"]:
                        yield f"{name}: {rule.get('alert') or rule['record']}", rule["expr"]
            case "AnalysisTemplate":
                for metric in manifest["spec"]["metrics"]:
                    query = metric["provider"]["prometheus"]["query"]
                    yield f"{name}: {metric['name']}", re.sub(r"\{\{ ?args\.[\w-]+ ?\}\}", pod_hash, query)
            case "ConfigMap":
                for key, text in manifest.get("data", {}).items():
                    if key.endswith(".json") and "topology" not in key:
                        for place, expr in enumerate(_exprs(json.loads(text))):
                            yield f"{name}: {key}[{place}]", VARIABLE.sub(".*", DURATIONS.sub("1m", expr))
            case _:
                pass


def _exprs(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        if isinstance(node.get("expr"), str):
            yield node["expr"]
        for each in node.values():
            yield from _exprs(each)
    elif isinstance(node, list):
        for each in node:
            yield from _exprs(each)
