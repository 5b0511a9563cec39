"""`CanaryRollout`: what each cluster gets, in which order, and which trap each field is there for."""

import json
import re
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
from pulumi.runtime import mocks

import pulumi_seawall
from pulumi_seawall import _rollout_manifests as manifests
from rollout_args import ADOPTING, IMAGE, ONE_CLUSTER, canary_of, planned, pod_of, rollout_args, rollout_of

REGIONS = ("eu-west-1", "us-east-1")


def declared(**changes: Any) -> Callable[[], pulumi_seawall.CanaryRollout]:
    """A program that declares a release."""
    return lambda: pulumi_seawall.CanaryRollout("shop", rollout_args(**changes))


def test_each_cluster_gets_every_object(deploy):
    """Whatever is missing in one region is found out when that region is needed."""
    deployed = deploy(declared(autoscaling={"minimum_replicas": 3, "maximum_replicas": 9}))
    for kind, each in {
        "Rollout": 1,
        "Service": 3,
        "PodMonitor": 1,
        "PodDisruptionBudget": 1,
        "HorizontalPodAutoscaler": 1,
        "ServiceAccount": 1,
        "NamespacePatch": 1,
    }.items():
        assert len(deployed.of(kind)) == each * len(REGIONS), kind
    namespaces = {
        made.inputs["metadata"].get("namespace", "shop") for made in deployed.made if "metadata" in made.inputs
    }
    assert namespaces == {"shop"}
    assert deployed.outputs["rollouts"] == dict.fromkeys(REGIONS, "shop/shop")
    assert deployed.outputs["order"] == list(REGIONS)


class Dependencies(mocks.Mocks):
    """Nothing but answers: what depends on what is in the requests."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        return f"{args.name}-id", args.inputs

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        raise AssertionError(args.token)


class Requests(mocks.MockMonitor):
    """Keeps each request as the engine gets it."""

    def __init__(self) -> None:
        super().__init__(Dependencies())
        self.requests: dict[str, Any] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 -- gRPC's name
        self.requests[request.name if request.custom else f"{request.name} (component)"] = request
        return super().RegisterResource(request)


@pytest.fixture
def requests(pulumi_loop: object) -> Callable[..., dict[str, Any]]:
    """Runs a program; gives each registration's request by name."""

    def run(program: Callable[[], object]) -> dict[str, Any]:
        monitor = Requests()
        pulumi.runtime.set_mocks(monitor.mocks, project="seawall", stack="test", preview=False, monitor=monitor)

        @pulumi.runtime.test
        def main() -> None:
            program()

        main()
        return monitor.requests

    return run


def names_of(urns: Any) -> set[str]:
    """The names at the ends of URNs."""
    return {urn.rpartition("::")[2] for urn in urns}


def test_a_region_begins_only_after_the_one_before_it(requests):
    """Never two at once: the engine creates and updates what depends on something only after that has succeeded."""
    made = requests(declared(order=["us-east-1", "eu-west-1"]))
    assert "shop-us-east-1-rollout" in names_of(made["shop-eu-west-1-rollout"].dependencies)
    assert "shop-eu-west-1-rollout" not in names_of(made["shop-us-east-1-rollout"].dependencies)


def test_everything_that_a_rollout_refers_to_is_there_before_it(requests):
    """Argo calls a Rollout invalid whose Services or templates are missing; pods without scraping are judged blindly."""
    made = requests(declared())
    needed = names_of(made["shop-eu-west-1-rollout"].dependencies)
    plan = planned()
    assert {f"shop-eu-west-1-{name}" for name in plan.analyses["eu-west-1"].templates} <= needed
    services = {"shop-eu-west-1-shop", "shop-eu-west-1-shop-ping", "shop-eu-west-1-shop-pong"}
    assert services | {"shop-eu-west-1-pod-monitor", "shop-eu-west-1-account", "shop-eu-west-1-namespace"} <= needed


def test_a_deployment_waits_as_long_as_a_release_may_take(requests):
    """The provider's own ten minutes end before the second step."""
    plan = planned()
    made = requests(declared())["shop-eu-west-1-rollout"]
    assert made.customTimeouts.create == made.customTimeouts.update == f"{plan.wait_seconds}s"
    steps = 4 * 300
    assert steps <= plan.region_seconds < plan.wait_seconds
    assert plan.wait_seconds >= plan.region_seconds + 5 * 600  # each of four steps and the gate may wait for pods


def waited_for(manifest: dict[str, Any]) -> dict[str, str]:
    """What the provider waits for: value by path."""
    conditions = json.loads(manifest["metadata"]["annotations"]["pulumi.com/waitFor"])
    found = [re.fullmatch(r"jsonpath=\{(\.[a-zA-Z.]+)\}=([^=]+)", condition) for condition in conditions]
    return {match[1]: match[2] for match in found if match}


def test_the_last_releases_health_is_not_taken_for_this_ones():
    """Right after a change the status is still that of before; the mark is there only once Argo acts by the new spec."""
    before, after = rollout_of(), rollout_of(image="registry.example.com/shop:1.4.3")
    for manifest in (before, after):
        waits = waited_for(manifest)
        assert waits == {".status.restartedAt": manifest["spec"]["restartAt"], ".status.phase": "Healthy"}
    stale = {".status.restartedAt": before["spec"]["restartAt"], ".status.phase": "Healthy"}
    assert waited_for(after) != stale


@pytest.mark.parametrize(
    "changes",
    [{"replicas": 4}, {"steps": [{"weight": 50, "pause_seconds": 60}]}, {"env": {"A": "1"}}, {"startup_seconds": 300}],
    ids=str,
)
def test_every_change_of_the_spec_has_its_own_mark(changes):
    """Also one that releases nothing: what is waited for is always this spec."""
    assert rollout_of(**changes)["spec"]["restartAt"] != rollout_of()["spec"]["restartAt"]


def test_the_mark_restarts_nothing_and_depends_on_nothing_else():
    """Argo restarts pods that are older than it: none is. The same program twice is no change."""
    mark = rollout_of()["spec"]["restartAt"]
    assert mark == rollout_of()["spec"]["restartAt"]
    assert re.fullmatch(r"19[89]\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", mark)  # as Go writes it, so that the texts are equal


def test_an_image_that_is_known_later_makes_the_same_rollout(deploy):
    """The digest of an image that is built in the same program."""
    later = pulumi.Output.from_input(IMAGE)
    made = deploy(declared(image=later)).of("Rollout")["shop-eu-west-1-rollout"].inputs
    wanted = json.loads(json.dumps(rollout_of()))
    assert made["metadata"] == wanted["metadata"]
    assert made["spec"] == wanted["spec"]


def test_what_argo_owns_is_ignored(requests):
    """A deployment that puts a selector back sends all requests to the wrong pods (argo-rollouts#3281, #3854)."""
    made = requests(declared(router={"gateway_api": {"gateway": "public"}}))
    assert list(made["shop-eu-west-1-shop-stable"].ignoreChanges) == ["spec.selector"]
    assert list(made["shop-eu-west-1-shop-canary"].ignoreChanges) == ["spec.selector"]
    assert list(made["shop-eu-west-1-shop"].ignoreChanges) == []
    assert list(made["shop-eu-west-1-route"].ignoreChanges) == ["spec.rules"]
    assert list(made["shop-eu-west-1-rollout"].ignoreChanges) == []
    scaled = requests(declared(autoscaling={"minimum_replicas": 3, "maximum_replicas": 9}))
    assert list(scaled["shop-eu-west-1-rollout"].ignoreChanges) == ["spec.replicas"]


def test_no_service_is_waited_for():
    """The provider waits ten minutes for a Service's pods, which only the Rollout after it makes."""
    for service in manifests.services(planned(), "eu-west-1").values():
        assert service["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true"}


def test_each_share_is_set_waited_for_and_judged_after_the_budget_was_asked():
    """The order is the promise: nothing is released while the budget is gone, and no share is passed unjudged."""
    plan = planned()
    analysis, steps = plan.analyses["eu-west-1"], canary_of()["steps"]
    assert [next(iter(step)) for step in steps] == ["analysis", *["setWeight", "pause", "analysis"] * 4]
    used = [step["analysis"]["templates"] for step in steps if "analysis" in step]
    assert used == [[{"templateName": analysis.gate}], *[[{"templateName": analysis.step}]] * 4]
    assert [step["setWeight"] for step in steps if "setWeight" in step] == [10, 25, 50, 100]
    assert {step["pause"]["duration"] for step in steps if "pause" in step} == {"300s"}


def test_the_background_analysis_begins_with_the_canarys_traffic():
    """Before it there is nothing to find, and an empty result aborts (argo-rollouts#1700)."""
    canary = canary_of()
    background = canary["analysis"]
    assert background["templates"] == [{"templateName": planned().analyses["eu-west-1"].background}]
    before = canary["steps"][: background["startingStep"]]
    assert any("setWeight" in step for step in before)
    hashes = [argument.get("valueFrom", {}).get("podTemplateHashValue") for argument in background["args"]]
    assert "Latest" in hashes


def test_an_alb_takes_turns_and_waits_for_its_targets():
    """A Service whose pods change is a target group whose old targets still get requests: 503s."""
    canary = canary_of()
    assert canary["pingPong"] == {"pingService": "shop-ping", "pongService": "shop-pong"}
    assert "stableService" not in canary
    assert canary["trafficRouting"] == {"alb": {"ingress": "shop", "servicePort": 80, "rootService": "shop"}}
    assert canary["abortScaleDownDelaySeconds"] == canary["scaleDownDelaySeconds"] == 30
    assert not canary.get("dynamicStableScale", False)
    labels = manifests.namespace_labels(planned(), "eu-west-1")
    assert labels is not None
    assert labels["metadata"]["labels"] == {"elbv2.k8s.aws/pod-readiness-gate-inject": "enabled"}


def test_an_alb_without_turns_has_a_stable_and_a_canary_service(deploy):
    """For controllers that are too old for them; and a namespace that somebody else labels stays as it is."""
    changes = {"router": {"alb": {"ingress": "shop", "ping_pong": False, "readiness_gates": False}}}
    canary = canary_of(**changes)
    assert (canary["stableService"], canary["canaryService"]) == ("shop-stable", "shop-canary")
    assert "pingPong" not in canary
    assert deploy(declared(**changes)).of("NamespacePatch") == {}


def test_an_alb_may_keep_clients_and_have_its_own_prefix():
    """What is asked for arrives."""
    router = {"alb": {"ingress": "shop", "stickiness_seconds": 60, "annotation_prefix": "alb.example.com"}}
    alb = canary_of(router=router)["trafficRouting"]["alb"]
    assert alb["stickinessConfig"] == {"enabled": True, "durationSeconds": 60}
    assert alb["annotationPrefix"] == "alb.example.com"


def test_istio_is_told_its_virtual_service():
    """And the routes in it."""
    routing = canary_of(router={"istio": {"virtual_service": "shop", "routes": ["all"]}})["trafficRouting"]
    assert routing == {"istio": {"virtualService": {"name": "shop", "routes": ["all"]}}}


def test_the_gateway_apis_plugin_is_told_its_route():
    """In the namespace of the Rollout."""
    routing = canary_of(router={"gateway_api": {"http_route": "public"}})["trafficRouting"]
    assert routing == {"plugins": {"argoproj-labs/gatewayAPI": {"httpRoute": "public", "namespace": "shop"}}}
    assert manifests.route(planned(router={"gateway_api": {"http_route": "public"}}), "eu-west-1") is None


def test_a_route_is_declared_with_everything_at_the_stable_release():
    """Both Services are backends from the beginning: the plugin changes weights only."""
    gateway = {"gateway": "public", "gateway_namespace": "edge", "hostnames": ["*.example.com"]}
    route = manifests.route(planned(router={"gateway_api": gateway}), "eu-west-1")
    assert route is not None
    assert route["spec"]["parentRefs"] == [{"name": "public", "namespace": "edge"}]
    assert route["spec"]["hostnames"] == ["*.example.com"]
    assert route["spec"]["rules"] == [
        {
            "backendRefs": [
                {"name": "shop-stable", "port": 80, "weight": 100},
                {"name": "shop-canary", "port": 80, "weight": 0},
            ]
        }
    ]


def test_without_a_router_nothing_is_said_that_needs_one():
    """Argo calls a Rollout invalid that delays scaling down, or scales the canary, without a router."""
    canary = canary_of(router=..., replicas=10)
    assert not {"trafficRouting", "scaleDownDelaySeconds", "dynamicStableScale"} & set(canary)
    assert not any("setCanaryScale" in step for step in canary["steps"])
    assert (canary["stableService"], canary["canaryService"]) == ("shop-stable", "shop-canary")
    assert (canary["maxSurge"], canary["maxUnavailable"]) == ("25%", 0)


def test_going_back_takes_no_steps_and_asks_no_budget():
    """When the budget is gone, the release that helps is the one before."""
    assert rollout_of()["spec"]["rollbackWindow"] == {"revisions": 3}
    assert rollout_of()["spec"]["revisionHistoryLimit"] > 3
    assert "rollbackWindow" not in rollout_of(rollback_revisions=0)["spec"]


def test_an_existing_deployment_keeps_its_template(deploy):
    """Its pods are taken over as they are, and go as the Rollout's become ready."""
    deployed = deploy(declared(**ADOPTING))
    spec = deployed.of("Rollout")["shop-eu-west-1-rollout"].inputs["spec"]
    assert spec["workloadRef"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "shop",
        "scaleDown": "progressively",
    }
    assert not {"template", "selector"} & set(spec)
    assert {service.inputs["spec"]["selector"]["app"] for service in deployed.of("Service").values()} == {"shop"}
    assert deployed.of("ServiceAccount") == {}


def test_an_existing_service_account_is_used_and_not_declared(deploy):
    """Somebody else owns it."""
    changes = {"service_account": "existing", "monitoring__clusters": ONE_CLUSTER}
    assert pod_of(**changes)["serviceAccountName"] == "existing"
    assert deploy(declared(**changes)).of("ServiceAccount") == {}


def test_names_stay_short_enough_for_everything_that_is_derived_from_them(deploy):
    """Argo adds a hash and a revision, Kubernetes another hash, and 63 characters is the end (argo-rollouts#795)."""
    deployed = deploy(declared(name="s" * 45))
    names = [made.inputs["metadata"]["name"] for made in deployed.made if "metadata" in made.inputs]
    assert max(map(len, names)) <= 63


def test_the_programs_own_providers_are_used(deploy):
    """One provider per cluster, however many components there are."""

    def program() -> pulumi.ComponentResource:
        providers = {"eu-west-1": kubernetes.Provider("eu", context="eu")}
        return pulumi_seawall.CanaryRollout("shop", rollout_args(), providers=providers)

    assert sorted(deploy(program).of("kubernetes")) == ["eu", "shop-us-east-1"]
