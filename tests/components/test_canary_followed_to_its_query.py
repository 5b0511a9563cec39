"""The canary's hash from the pod to the query, and the whole Rollout as Argo Rollouts itself reads it."""

import json
import re
import subprocess
from typing import Any

import pytest

import pulumi_seawall
from canary_samples import metrics_of
from pulumi_seawall import _rollout_manifests as manifests
from pulumi_seawall._argo_rollouts import POD_HASH, POD_HASH_LABEL
from rollout_args import IMAGE, rollout_args

REGION = "eu-west-1"
HASH = "79c8bd6d7f"
ROUTERS: dict[str, dict[str, Any]] = {
    "alb": {"alb": {"ingress": "shop"}},
    "istio": {"istio": {"virtual_service": "shop"}},
    "gateway_api": {"gateway_api": {"http_route": "shop"}},
    "none": {},
}


def plan_of(**changes: Any) -> pulumi_seawall.RolloutPlan:
    """A release's plan."""
    return pulumi_seawall.plan_canary_rollout(rollout_args(**changes))


def target_labels(monitor: dict[str, Any], pod: dict[str, str]) -> dict[str, str]:
    """Labels that a pod's series get by a PodMonitor: prometheus-operator writes each copied label with underscores for all that
    a label's name has not, and its own job before the monitor's relabelings."""
    named = {
        re.sub(r"[^a-zA-Z0-9_]", "_", label): pod[label] for label in monitor["spec"]["podTargetLabels"] if label in pod
    }
    meta = monitor["metadata"]
    named |= {"namespace": meta["namespace"], "job": f"{meta['namespace']}/{meta['name']}"}
    for rule in monitor["spec"]["podMetricsEndpoints"][0]["relabelings"]:
        named[rule["targetLabel"]] = rule["replacement"]
    return named


def test_the_hash_is_followed_from_the_pod_to_the_query():
    """Argo labels the pod, the PodMonitor copies the label, Argo fills the same hash into the query: one and the same series."""
    plan = plan_of()
    rollout = manifests.rollout(plan, REGION, IMAGE)
    pod = {**rollout["spec"]["template"]["metadata"]["labels"], POD_HASH_LABEL: HASH}  # as Argo's controller adds it
    monitor = manifests.pod_monitor(plan, REGION)
    assert monitor["spec"]["selector"]["matchLabels"].items() <= pod.items()
    labels = target_labels(monitor, pod)
    assert labels[POD_HASH] == HASH
    canary = rollout["spec"]["strategy"]["canary"]
    judged = [canary["analysis"], *(step["analysis"] for step in canary["steps"] if "analysis" in step)]
    for each in judged:
        assert {"name": "canary-hash", "valueFrom": {"podTemplateHashValue": "Latest"}} in each["args"]
    analysis = plan.analyses[REGION]
    asked = [query for query in analysis.queries if query.metric != "error-budget"]
    assert len(asked) == 4
    for query in asked:
        selectors = re.findall(r"http_server_request_duration_seconds_\w+\{([^}]*)\}", query.of(HASH))
        assert selectors
        for selector in selectors:
            wanted = dict(re.findall(r'(\w+)="([^"]*)"', selector))
            wanted.pop("le", None)
            assert wanted[POD_HASH] == HASH
            assert wanted.items() <= labels.items()


def test_what_the_app_itself_tells_apart_may_select_the_series():
    """A service that promises something for one of its routes is judged by that route's requests."""
    plan = plan_of(monitoring__selector={"job": "shop", "http_route": "/orders"})
    asked = [query for query in plan.analyses[REGION].queries if query.metric != "error-budget"]
    assert all('http_route="/orders"' in query.expr for query in asked)
    assert len(asked) == 4


def test_the_background_begins_with_the_first_pause():
    """The starting step is an index: that of the first pause, when the canary has had its weight and Argo waits."""
    plan = plan_of()
    canary = manifests.rollout(plan, REGION, IMAGE)["spec"]["strategy"]["canary"]
    steps = [next(iter(step)) for step in canary["steps"]]
    assert steps[:4] == ["analysis", "setWeight", "pause", "analysis"]
    assert steps[canary["analysis"]["startingStep"]] == "pause"
    first = int(canary["steps"][2]["pause"]["duration"].removesuffix("s"))
    assert plan.analyses[REGION].initial_delay_seconds <= first


def linted(program, folder, documents) -> list[str]:
    """What Argo finds wrong."""
    path = folder / "objects.yaml"
    path.write_text("\n---\n".join(map(json.dumps, documents)), encoding="utf-8")
    command = [str(program), "lint", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout.splitlines() if done.returncode else []


def documents_of(plan: pulumi_seawall.RolloutPlan) -> list[dict[str, Any]]:
    """What Argo looks at of a region."""
    return [
        manifests.rollout(plan, REGION, IMAGE),
        *manifests.services(plan, REGION).values(),
        *manifests.analysis_templates(plan, REGION).values(),
    ]


@pytest.mark.parametrize("router", ROUTERS)
def test_argo_finds_nothing_wrong_with_a_rollout(router, argocheck, tmp_path):
    """Argo Rollouts' own validation, with the Services and templates that the Rollout names."""
    assert linted(argocheck, tmp_path, documents_of(plan_of(router=ROUTERS[router] or ..., replicas=10))) == []


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        ("background ends never", "runs indefinitely"),
        ("no hash", "args.canary-hash was not resolved"),
        ("no template", "names AnalysisTemplate shop-step, which is in none of the files"),
        ("weight", "SetWeight needs to be between 0 and 100"),
        ("service", 'has unmatch label "app"'),
    ],
)
def test_argo_would_say_what_is_wrong(broken, fault, argocheck, tmp_path):
    """The check above is worth something: Argo refuses each of these."""
    plan = plan_of()
    rollout, *others = json.loads(json.dumps(documents_of(plan)))
    steps = rollout["spec"]["strategy"]["canary"]["steps"]
    if broken == "background ends never":
        steps[3]["analysis"]["templates"][0]["templateName"] = plan.analyses[REGION].background
    elif broken == "no hash":
        steps[3]["analysis"]["args"] = []
    elif broken == "no template":
        others = [each for each in others if each["metadata"]["name"] != "shop-step"]
    elif broken == "weight":
        steps[1]["setWeight"] = 101
    else:
        others[-4]["spec"]["selector"]["app"] = "blog"
    assert any(fault in line for line in linted(argocheck, tmp_path, [rollout, *others]))


def test_every_region_is_judged_alike_and_by_its_own_budget():
    """Only the region's name differs."""
    plan = plan_of()
    gates = {
        region: metrics_of(analysis, analysis.gate)["error-budget"]["provider"]["prometheus"]["query"]
        for region, analysis in plan.analyses.items()
    }
    assert len(gates) == 2
    for region, query in gates.items():
        assert f'region="{region}"' in query
    assert len({query.replace(region, "") for region, query in gates.items()}) == 1
