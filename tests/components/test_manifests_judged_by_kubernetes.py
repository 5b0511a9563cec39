"""Every manifest of both environments and of each example is what the API server takes, with all its strictness.

The judge is Kubernetes' own code, and the schemas are those of Argo Rollouts, prometheus-operator, the Gateway API and
Istio (`make tools ARGS=manifestcheck`).
"""

import copy
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from changing import ABSENT, put
from localcloud import mocked
from localcloud.sandbox import ROOT

EXAMPLES = sorted(
    path for path in (ROOT / "examples" / "components").glob("*.py") if '"context"' in path.read_text(encoding="utf-8")
)
"""Those that declare something in a cluster."""
LIMIT_SECONDS = 120  # for all manifests at once, which takes two
Manifest = dict[str, Any]


def judged(program: Path, folder: Path, manifests: dict[str, Manifest]) -> tuple[int, list[str]]:
    """Exit code and lines, without the folder's name."""
    files = []
    for name, manifest in manifests.items():
        files.append(folder / f"{name.replace('/', '_')}.json")
        files[-1].write_text(json.dumps(manifest), encoding="utf-8")
    done = subprocess.run([program, *files], capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
    lines = [line.removeprefix(f"{folder}/") for line in (done.stdout + done.stderr).splitlines()]
    return done.returncode, lines


def of_environment(stack: str) -> dict[str, Manifest]:
    return mocked.manifests(mocked.declare_environment(stack))


def of_example(path: Path) -> dict[str, Manifest]:
    code = compile(path.read_text(encoding="utf-8"), str(path), "exec")
    return mocked.manifests(mocked.run(lambda: exec(code, {"__name__": "__main__"}), mocked.Recorder())[0])  # noqa: S102  # our own file


def changed(manifest: Manifest, path: tuple[Any, ...], value: object) -> Manifest:
    """A copy with one value changed; `...` takes it out."""
    made = copy.deepcopy(manifest)
    put(made, [str(part) for part in path], ABSENT if value is ... else value)
    return made


def kinds(manifests: dict[str, Manifest]) -> set[str]:
    return {manifest["kind"] for manifest in manifests.values()}


@pytest.mark.parametrize("stack", ["dev", "prod"])
@pytest.mark.usefixtures("pulumi_loop")
def test_the_api_server_takes_what_an_environment_declares(stack, manifestcheck, tmp_path):
    """A field that it does not know is pruned in silence, and what it was for does not happen."""
    found = of_environment(stack)
    assert {"ConfigMap", "PrometheusRule"} <= kinds(found)
    assert judged(manifestcheck, tmp_path, found) == (0, [f"{len(found)} objects are valid"])


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.usefixtures("pulumi_loop")
def test_the_api_server_takes_what_an_example_declares(path, manifestcheck, tmp_path):
    """Examples are copied."""
    found = of_example(path)
    assert found
    assert judged(manifestcheck, tmp_path, found) == (0, [f"{len(found)} objects are valid"])


@pytest.mark.usefixtures("pulumi_loop")
def test_a_field_too_many_fails_in_each_kind_that_is_declared(manifestcheck, tmp_path):
    """A judge that lets everything pass would be worse than none."""
    whole = {**of_environment("dev"), **of_environment("prod")}
    one_each = {manifest["kind"]: manifest for manifest in whole.values()}
    broken: dict[str, Manifest] = {}
    for kind, manifest in one_each.items():
        inside = {"spec": {**manifest["spec"], "surplus": 1}} if "spec" in manifest else {"surplus": 1}
        broken[f"{kind}-inside"] = {**manifest, **inside}
        broken[f"{kind}-metadata"] = {**manifest, "metadata": {**manifest["metadata"], "lables": {"a": "b"}}}
    code, lines = judged(manifestcheck, tmp_path, broken)
    assert code == 1
    assert len(lines) == len(broken)
    for name, manifest in broken.items():
        field = "metadata.lables" if name.endswith("-metadata") else "surplus"
        field = "spec.surplus" if field == "surplus" and "spec" in manifest else field
        line = next(line for line in lines if line.startswith(f"{name}.json: "))
        assert line.endswith(f'unknown field "{field}"')


SERVICE: Manifest = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "shop", "namespace": "shop"},
    "spec": {"ports": [{"name": "http", "port": 80, "targetPort": "http"}], "selector": {"app": "shop"}},
}
BUDGET: Manifest = {
    "apiVersion": "policy/v1",
    "kind": "PodDisruptionBudget",
    "metadata": {"name": "shop", "namespace": "shop"},
    "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "shop"}}},
}
AUTOSCALER: Manifest = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "shop", "namespace": "shop"},
    "spec": {
        "scaleTargetRef": {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "shop"},
        "minReplicas": 2,
        "maxReplicas": 4,
    },
}
ROLLOUT: Manifest = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Rollout",
    "metadata": {"name": "shop", "namespace": "shop"},
    "spec": {
        "selector": {"matchLabels": {"app": "shop"}},
        "strategy": {"canary": {"maxSurge": "25%", "steps": [{"setWeight": 10}, {"pause": {"duration": "5m"}}]}},
        "template": {
            "metadata": {"labels": {"app": "shop"}},
            "spec": {
                "containers": [
                    {
                        "name": "shop",
                        "image": "registry.example.com/shop:1.0",
                        "ports": [{"name": "http", "containerPort": 8080}],
                        "resources": {"limits": {"cpu": "250m", "memory": "256Mi"}},
                        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}},
                    }
                ]
            },
        },
    },
}
TEMPLATE: Manifest = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "AnalysisTemplate",
    "metadata": {"name": "shop", "namespace": "shop"},
    "spec": {
        "metrics": [
            {
                "name": "errors",
                "interval": "1m",
                "successCondition": "result[0] < 0.05",
                "provider": {"prometheus": {"address": "http://prometheus:9090", "query": "vector(0)"}},
            }
        ]
    },
}
MONITOR: Manifest = {
    "apiVersion": "monitoring.coreos.com/v1",
    "kind": "PodMonitor",
    "metadata": {"name": "shop", "namespace": "shop"},
    "spec": {
        "selector": {"matchLabels": {"app": "shop"}},
        "podMetricsEndpoints": [{"port": "http", "interval": "15s"}],
    },
}
RULE: Manifest = {
    "apiVersion": "monitoring.coreos.com/v1",
    "kind": "PrometheusRule",
    "metadata": {"name": "shop", "namespace": "shop"},
    "spec": {
        "groups": [{"name": "shop", "interval": "30s", "rules": [{"alert": "Down", "expr": "up == 0", "for": "1m"}]}]
    },
}
ROUTES: Manifest = {
    "apiVersion": "monitoring.coreos.com/v1alpha1",
    "kind": "AlertmanagerConfig",
    "metadata": {"name": "shop", "namespace": "shop"},
    "spec": {
        "route": {"receiver": "pager", "groupBy": ["alertname"], "groupWait": "30s"},
        "receivers": [{"name": "pager", "webhookConfigs": [{"urlSecret": {"name": "pager", "key": "url"}}]}],
    },
}
HTTP_ROUTE: Manifest = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {"name": "shop", "namespace": "shop"},
    "spec": {
        "parentRefs": [{"name": "gateway"}],
        "rules": [{"backendRefs": [{"name": "shop", "port": 80, "weight": 100}]}],
    },
}
RIGHT = [SERVICE, BUDGET, AUTOSCALER, ROLLOUT, TEMPLATE, MONITOR, RULE, ROUTES, HTTP_ROUTE]
CONTAINER = ("spec", "template", "spec", "containers", 0)
Change = tuple[Manifest, tuple[Any, ...], Any, str]
WRONG: dict[str, Change] = {
    "a name in capitals": (SERVICE, ("metadata", "name"), "Shop", "metadata.name: Invalid value"),
    "another type": (SERVICE, ("spec", "ports", 0, "port"), "80", "cannot unmarshal string into Go struct field"),
    "a port that is none": (SERVICE, ("spec", "ports", 0, "port"), 80000, "spec.ports[0].port: Invalid value: 80000"),
    "neither an integer nor a name": (SERVICE, ("spec", "ports", 0, "targetPort"), "h_t", "targetPort: Invalid value"),
    "both budgets": (BUDGET, ("spec", "minAvailable"), 1, "minAvailable and maxUnavailable cannot be both set"),
    "no percentage": (BUDGET, ("spec", "maxUnavailable"), "a few", "spec.maxUnavailable: Invalid value"),
    "fewer than the least": (AUTOSCALER, ("spec", "maxReplicas"), 1, "must be greater than or equal to `minReplicas`"),
    "no quantity": (
        ROLLOUT,
        (*CONTAINER, "resources", "limits", "cpu"),
        "a quarter",
        "its pods: quantities must match",
    ),
    "a misspelled probe": (ROLLOUT, (*CONTAINER, "readynessProbe"), {}, 'unknown field "'),
    "a probe of no port": (
        ROLLOUT,
        (*CONTAINER, "readinessProbe", "httpGet", "port"),
        0,
        "httpGet.port: Invalid value: 0",
    ),
    "a surplus in a step": (ROLLOUT, ("spec", "strategy", "canary", "steps", 0, "weight"), 1, 'steps[0].weight"'),
    "a weight of words": (
        ROLLOUT,
        ("spec", "strategy", "canary", "steps", 0, "setWeight"),
        "ten",
        "setWeight in body must be",
    ),
    "a share that is neither": (ROLLOUT, ("spec", "strategy", "canary", "maxSurge"), {}, "maxSurge in body must be"),
    "no name of a metric": (TEMPLATE, ("spec", "metrics", 0, "name"), ..., "metrics[0].name: Required value"),
    "a condition that is a number": (TEMPLATE, ("spec", "metrics", 0, "successCondition"), 1, "must be of type string"),
    "an unknown provider": (TEMPLATE, ("spec", "metrics", 0, "provider", "promethius"), {}, 'provider.promethius"'),
    "a scrape that takes months": (MONITOR, ("spec", "podMetricsEndpoints", 0, "interval"), "3months", "should match"),
    "no selector": (MONITOR, ("spec", "selector"), ..., "spec.selector: Required value"),
    "a field of Prometheus' files": (RULE, ("spec", "groups", 0, "rules", 0, "runbook"), "x", 'rules[0].runbook"'),
    "no expression": (RULE, ("spec", "groups", 0, "rules", 0, "expr"), ..., "rules[0].expr: Required value"),
    "two groups of one name": (
        RULE,
        ("spec", "groups"),
        [{"name": "shop"}, {"name": "shop"}],
        'spec.groups[1]: Duplicate value: {"name":"shop"}',
    ),
    "a receiver without a name": (ROUTES, ("spec", "receivers", 0, "name"), "", "receivers[0].name"),
    "an address that is a secret's": (
        ROUTES,
        ("spec", "receivers", 0, "webhookConfigs", 0, "urlSecret", "key"),
        ...,
        "key: Required",
    ),
    "a weight beyond the scale": (
        HTTP_ROUTE,
        ("spec", "rules", 0, "backendRefs", 0, "weight"),
        1000001,
        "less than or equal to",
    ),
    "a rule in CEL": (
        HTTP_ROUTE,
        ("spec", "rules", 0, "backendRefs", 0, "port"),
        ...,
        "Must have port for Service reference",
    ),
    "a kind that nobody knows": (SERVICE, ("kind",), "Srevice", "nobody here judges Srevice of v1"),
    "a version that is gone": (
        BUDGET,
        ("apiVersion",),
        "policy/v1beta1",
        "nobody here judges PodDisruptionBudget of policy/v1beta1",
    ),
}


def test_the_judge_takes_what_is_right_and_names_what_is_wrong(manifestcheck: Path, tmp_path: Path) -> None:
    """Types, names, quantities, integers or strings, required fields, keys of lists, CEL: each by a fault of its own."""
    right = {f"right-{manifest['kind']}": manifest for manifest in RIGHT}
    assert judged(manifestcheck, tmp_path, right) == (0, [f"{len(RIGHT)} objects are valid"])
    wrong = {name.replace(" ", "-"): changed(base, path, value) for name, (base, path, value, _) in WRONG.items()}
    code, lines = judged(manifestcheck, tmp_path, wrong)
    assert code == 1
    found = {name: [line for line in lines if line.startswith(f"{name.replace(' ', '-')}.json: ")] for name in WRONG}
    missed = {
        name: found[name] for name, (*_, fault) in WRONG.items() if not any(fault in line for line in found[name])
    }
    assert missed == {}


def test_a_key_that_stands_twice_fails(manifestcheck: Path, tmp_path: Path) -> None:
    """YAML takes the last, and the first is lost."""
    path = tmp_path / "twice.yaml"
    path.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shop, name: other}\n", encoding="utf-8")
    done = subprocess.run([manifestcheck, path], capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
    assert done.returncode == 1
    assert 'key "name" already set in map' in done.stdout
