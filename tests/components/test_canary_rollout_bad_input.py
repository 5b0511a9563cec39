"""`CanaryRollout`: what cannot work is one exact line before anything is registered."""

from typing import Any

import pulumi
import pytest

import pulumi_seawall
from rollout_args import ADOPTING, IMAGE, ONE_CLUSTER, rollout_args
from seawall.errors import InvalidInput

HIDDEN_ENV = "because env stands in the state: name a Secret in secrets"
ONE_RELEASE = (
    "an image with a tag other than latest, or with a digest, because the same text twice is the same release to Argo"
)
OWN = "no such variable, because the component sets it from what is declared"
POD_ONLY = "only without deployment, which keeps the pods' template"

BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no image": ({"image": ...}, "image is missing: required without deployment"),
    "an arbiter that pods run beside": (
        {"topology": {"environment": "prod", "live_region": "eu-west-1"}},
        (
            "topology.live_region = eu-west-1: a region other than eu-west-1, us-east-1, because it has to be reached when "
            "any of these is lost or cut off"
        ),
    ),
    "an arbiter that nobody follows": (
        {"topology": {"environment": "prod", "follow_live": False, "live_region": "eu-north-1"}},
        "topology.live_region = eu-north-1: only with topology.follow_live",
    ),
    "an image without a tag": (
        {"image": "registry.example.com/shop"},
        f"image = registry.example.com/shop: {ONE_RELEASE}",
    ),
    "whatever is the latest": (
        {"image": "registry.example.com:5000/shop:latest"},
        f"image = registry.example.com:5000/shop:latest: {ONE_RELEASE}",
    ),
    "no resources": ({"resources": ...}, "resources is missing: required without deployment"),
    "memory in milli": (
        {"resources__memory": "512m"},
        "resources.memory = 512m: bytes as text, e.g. 512Mi or 2Gi; at least 4Mi",
    ),
    "cpu as a number": (
        {"resources__cpu": 0.5},
        "resources.cpu = 0.5: CPUs as text, e.g. 500m or 2; at least 1m",
    ),
    "a limit below the request": (
        {"resources__cpu_limit": "250m"},
        "resources.cpu_limit = 250m: at least resources.cpu, 500m",
    ),
    "a misspelled key": ({"imag": IMAGE}, f"imag = {IMAGE}: did you mean image?"),
    "a name too long for Argo": ({"name": "s" * 46}, f"name = {'s' * 46}: a string of 1 to 45 characters"),
    "a name in capitals": (
        {"name": "Shop"},
        "name = Shop: lower-case letters, digits and hyphens, a letter first, no hyphen last",
    ),
    "no cluster": (
        {"monitoring__clusters": [], "monitoring__regions": ["eu-west-1"]},
        "monitoring.clusters = []: at least one cluster, in which the release runs",
    ),
    "a region that is left out": (
        {"order": ["eu-west-1"]},
        "order = eu-west-1: each cluster's region once: eu-west-1, us-east-1",
    ),
    "a region twice": (
        {"order": ["eu-west-1", "us-east-1", "eu-west-1"]},
        "order = eu-west-1, us-east-1, eu-west-1: each cluster's region once: eu-west-1, us-east-1",
    ),
    "two regions in one cluster": (
        {"monitoring__clusters__1__context": "eu"},
        (
            "monitoring.clusters = eu-west-1, us-east-1: another cluster for each region, because both are eu, and one "
            "release would be two at once"
        ),
    ),
    "a Deployment in two regions": (
        {key: value for key, value in ADOPTING.items() if key != "monitoring__clusters"},
        (
            "deployment.name = shop: one cluster, but there are eu-west-1, us-east-1, because who changes a Deployment in "
            "every region releases to all of them at once: adopt one region at a time"
        ),
    ),
    "two routers": (
        {"router__istio": {"virtual_service": "shop"}},
        "router = alb, istio: at most one of alb, istio and gateway_api",
    ),
    "a retired router": (
        {"router": {"nginx": {}}},
        "router.nginx = {}: not offered, because ingress-nginx was retired in March 2026: use the Gateway API",
    ),
    "stable pods that go early": (
        {"dynamic_stable_scale": True},
        (
            "dynamic_stable_scale = True: not offered, because stable pods go while requests are still on their way to them: "
            "503s (argo-rollouts#4347, #4595)"
        ),
    ),
    "an Ingress in capitals": (
        {"router__alb__ingress": "Shop"},
        "router.alb.ingress = Shop: lower-case letters, digits, inner dots and hyphens",
    ),
    "clients that stay for ever": (
        {"router__alb__stickiness_seconds": 604801},
        "router.alb.stickiness_seconds = 604801: 1 to 604800 seconds",
    ),
    "neither a route nor a Gateway": (
        {"router": {"gateway_api": {}}},
        "router.gateway_api = {}: exactly one of http_route and gateway",
    ),
    "names of a route that exists": (
        {"router": {"gateway_api": {"http_route": "shop", "hostnames": ["shop.example.com"]}}},
        "router.gateway_api.hostnames = ['shop.example.com']: only with gateway, for which a route is declared",
    ),
    "no steps": ({"steps": []}, "steps = []: at least one step, because a release without one is no canary"),
    "a weight that falls": (
        {"steps": [{"weight": 50, "pause_seconds": 60}, {"weight": 25, "pause_seconds": 60}]},
        "steps[1].weight = 25: above 50, the step before it",
    ),
    "more than everything": (
        {"steps": [{"weight": 101, "pause_seconds": 60}]},
        "steps[0].weight = 101: 1 to 100 percent",
    ),
    "a pause without an end": (
        {"steps": [{"weight": 10, "pause_seconds": 0}]},
        (
            "steps[0].pause_seconds = 0: 1 to 86400 seconds, because a pause without an end would hold up every later region"
        ),
    ),
    "a share smaller than a pod": (
        {"router": ...},
        (
            "steps[0].weight = 10: at least 34 percent, or a router, or more than 3 pods, because without a router a share is "
            "rounded up to whole pods, and one of 3 is 33 percent"
        ),
    ),
    "a single pod": (
        {"replicas": 1},
        "replicas = 1: at least 2 pods, because a single one is down whenever its node is",
    ),
    "two that set the number": (
        {"replicas": 3, "autoscaling": {"minimum_replicas": 3, "maximum_replicas": 6}},
        "replicas = 3: not with autoscaling, because each would undo the other's number",
    ),
    "a maximum below the minimum": (
        {"autoscaling": {"minimum_replicas": 3, "maximum_replicas": 2}},
        "autoscaling.maximum_replicas = 2: at least 3 pods, because the minimum is that",
    ),
    "percent in place of a ratio": (
        {"autoscaling": {"minimum_replicas": 3, "maximum_replicas": 6, "cpu_ratio": 60}},
        "autoscaling.cpu_ratio = 60: a ratio above 0 and at most 1",
    ),
    "a drain that takes all": (
        {"most_unavailable": 3},
        "most_unavailable = 3: 1 to 2 pods, because of 3 at least one must stay",
    ),
    "nothing more and nothing less": (
        {"max_surge": "0"},
        "max_unavailable = 0: above 0 where max_surge is 0, because no pod could be replaced",
    ),
    "more than all": ({"max_surge": "101%"}, "max_surge = 101%: a number of pods, e.g. 1, or a percentage, e.g. 25%"),
    "a port beyond the last": ({"port": 65536}, "port = 65536: 1 to 65535"),
    "a relative path": ({"metrics_path": "metrics"}, "metrics_path = metrics: an absolute path, e.g. /metrics"),
    "a password in the state": (
        {"env": {"DB_PASSWORD": "x"}},
        f"env.DB_PASSWORD = (hidden): no such key, {HIDDEN_ENV}",
    ),
    "a password in an address": (
        {"env": {"DB": "postgres://shop:pw@db/shop"}},
        f"env.DB = (hidden): no text that looks like a URL with a user, {HIDDEN_ENV}",
    ),
    "a number for a text": ({"env": {"WORKERS": 4}}, "env[WORKERS] = 4: a string of at most 32768 characters"),
    "a variable with a hyphen": (
        {"env": {"A-B": "x"}},
        "env[A-B] = x: a variable's name: letters, digits and _, no digit first",
    ),
    "another region": ({"env": {"AWS_REGION": "eu-west-2"}}, f"env[AWS_REGION] = eu-west-2: {OWN}"),
    "another drain": (
        {"env": {"SEAWALL_DRAIN_SECONDS": "60"}},
        f"env[SEAWALL_DRAIN_SECONDS] = 60: {OWN}",
    ),
    "another topology": (
        {"env": {"SEAWALL_SERVICE": "stock"}, "topology": {"environment": "prod"}},
        f"env[SEAWALL_SERVICE] = stock: {OWN}",
    ),
    "a variable twice": (
        {"env": {"DB": "x"}, "secrets": {"DB": {"secret": "db", "key": "url"}}},
        "secrets[DB] = DB: a variable that is not in env too",
    ),
    "a secret itself": (
        {"secrets": {"DB": "correct-horse"}},
        "secrets[DB] = (hidden): secret and key of an existing Secret",
    ),
    "an environment that is a path": (
        {"topology": {"environment": "a/b"}},
        "topology.environment = a/b: 1 to 100 letters, digits, `_`, `.` and `-`",
    ),
    "root": ({"run_as_user": 0}, "run_as_user = 0: 1 to 2147483647"),
    "everything writable": (
        {"writable_paths": ["/"]},
        "writable_paths[0] = /: an absolute path of a folder that is not /",
    ),
    "a folder over the topology": (
        {"writable_paths": ["/etc/seawall/topology"]},
        "writable_paths[0] = /etc/seawall/topology: a folder elsewhere, because the topology is mounted there",
    ),
    "gone before anybody knows": (
        {"drain_seconds": 9},
        "drain_seconds = 9: 10 to 600 seconds, because readiness is asked every 5 s and must fail 2 times",
    ),
    "nobody drains": ({"drain_by": "kubelet"}, "drain_by = kubelet: app or pre_stop"),
    "a scrape of another job": (
        {"monitoring__selector": {"job": "web"}},
        (
            "monitoring.selector[job] = web: shop, which the pods' series in eu-west-1 have, because the analysis would find "
            "nothing"
        ),
    ),
    "a scrape of another namespace": (
        {"monitoring__selector": {"job": "shop", "namespace": "web"}},
        (
            "monitoring.selector[namespace] = web: shop, which the pods' series in eu-west-1 have, because the analysis would "
            "find nothing"
        ),
    ),
    "a label that nobody gives": (
        {"monitoring__selector": {"job": "shop", "app": "shop"}},
        (
            "monitoring.selector[app] = shop: job and namespace, which the pods' series in eu-west-1 have, because the analysis "
            "would find nothing"
        ),
    ),
    "an image beside a Deployment": ({**ADOPTING, "image": IMAGE}, f"image = {IMAGE}: {POD_ONLY}"),
    "an autoscaler beside a Deployment": (
        {**ADOPTING, "autoscaling": {"minimum_replicas": 3, "maximum_replicas": 6}},
        (
            "autoscaling = with deployment: replicas while a Deployment is adopted, because a Rollout that leaves its number to "
            "an autoscaler begins with one pod, and the Deployment's would go"
        ),
    ),
    "a Deployment without labels": (
        {**ADOPTING, "deployment__labels": {}},
        "deployment.labels = {}: at least one label",
    ),
    "nothing said about silence": ({"analysis__no_data": ...}, "analysis.no_data is missing: required"),
}


@pytest.mark.parametrize("case", BAD)
def test_each_bad_input_is_one_exact_line_before_anything_is_registered(case, deploy, deployment):
    """Nothing half-declared, in one cluster and not in the other."""
    changes, line = BAD[case]
    with pytest.raises(InvalidInput) as caught:
        deploy(lambda: pulumi_seawall.CanaryRollout("shop", rollout_args(**changes)))
    assert str(caught.value) == line
    assert deployment.made == []


def test_an_image_that_is_known_only_later_is_checked_then(deploy):
    """The digest of an image that the same program builds."""
    later = pulumi.Output.from_input("registry.example.com/shop:latest")
    # Pulumi wraps what is raised while inputs are awaited: ours is the last line.
    with pytest.raises(ValueError, match=r"image = registry\.example\.com/shop:latest: an image with a tag other than"):
        deploy(lambda: pulumi_seawall.CanaryRollout("shop", rollout_args(image=later)))


JUST_INSIDE: list[dict[str, Any]] = [
    {"image": f"shop@sha256:{'0' * 64}"},
    {"image": "registry.example.com:5000/team/shop:v1"},
    {"name": "s" * 45},
    {"replicas": 2},
    {"router": ..., "replicas": 10},
    {"router": ..., "steps": [{"weight": 34, "pause_seconds": 60}]},
    {"steps": [{"weight": 100, "pause_seconds": 86400}]},
    {"max_surge": "0", "max_unavailable": "1"},
    {"max_surge": 1, "max_unavailable": "100%"},
    {"most_unavailable": 2},
    {"drain_seconds": 10},
    {"port": 65535, "service_port": 1},
    {"env": {"SEAWALL_SERVICE": "stock"}},
    {"autoscaling": {"minimum_replicas": 2, "maximum_replicas": 2, "cpu_ratio": 1}},
    {"monitoring__selector": {"job": "shop", "namespace": "shop"}},
    {"order": ["us-east-1", "eu-west-1"]},
    {"monitoring__clusters": ONE_CLUSTER},
    ADOPTING,
]


@pytest.mark.parametrize("changes", JUST_INSIDE, ids=str)
def test_what_is_just_inside_a_limit_is_taken(changes):
    """A limit that refuses its own value is another limit than it says."""
    assert pulumi_seawall.plan_canary_rollout(rollout_args(**changes))
