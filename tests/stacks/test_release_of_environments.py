"""Releases of an environment: what the files say, what is declared, and the line that each mistake gets."""

import time
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks
from shop.settings import Settings

from seawall.contract import DRAIN_SECONDS_VARIABLE
from seawall.errors import InvalidInput, SeawallError
from stack_files import file_of, parsed
from stacks.release import declare_release, plan_release
from stacks.workload import declare_workload, plan_topology

RELEASE = "seawall:release"
LONGEST_PREVIEW_SECONDS = 5.0


@pytest.mark.parametrize(
    ("stack", "order"),
    [("dev", ("us-west-2", "ap-northeast-1")), ("prod", ("us-east-1", "eu-central-1", "eu-west-1"))],
)
def test_both_files_release_to_readers_first_and_to_the_primary_last(stack: str, order: tuple[str, ...]) -> None:
    """What only one environment uses is never tried before the day that it is needed."""
    plan = plan_release(parsed(file_of(stack), stack))
    assert plan is not None
    assert plan.order == order
    assert plan.pod is not None
    assert (plan.pod.environment, plan.pod.follow_live) == (stack, True)
    assert plan.pod.live_region == file_of(stack)["seawall:arbiter"]["region"]
    assert {plan.monitoring.clusters[region].namespace for region in order} == {"shop"}
    assert plan.router.kind == {"dev": "gateway_api", "prod": "alb"}[stack]


def test_another_order_may_be_asked_for() -> None:
    """Somebody may know better where a canary hurts least."""
    config = file_of("dev")
    config[RELEASE]["order"] = ["ap-northeast-1", "us-west-2"]
    plan = plan_release(parsed(config))
    assert plan is not None
    assert plan.order == ("ap-northeast-1", "us-west-2")


def test_an_environment_without_the_section_releases_nothing() -> None:
    """Whoever has other pipelines keeps them."""
    config = file_of("dev")
    del config[RELEASE]
    assert plan_release(parsed(config)) is None


def test_pods_without_a_role_read_the_declared_topology_alone() -> None:
    """A source that they may not read would keep them from starting."""
    config = file_of("dev")
    del config["seawall:identity"]
    plan = plan_release(parsed(config))
    assert plan is not None
    assert plan.pod is not None
    assert (plan.pod.follow_live, plan.pod.live_region) == (False, None)


class Recorder(mocks.Mocks):
    """Keeps what was asked for."""

    def __init__(self) -> None:
        self.made: dict[str, dict[str, Any]] = {}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.made.setdefault(args.typ.rpartition(":")[2], {})[args.name] = args.inputs
        return f"{args.name}-id", {**args.inputs, "arn": f"arn:aws:mock:::{args.name}"}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"releases ask nothing, but {args.token}")


def declared(stack: str) -> tuple[Recorder, dict[str, Any]]:
    """What an environment's release registers, and the stack's outputs of it."""
    recorder, outputs, environment = Recorder(), dict[str, Any](), parsed(file_of(stack), stack)
    mocks.set_mocks(recorder, project="seawall", stack=stack, preview=False)

    @pulumi.runtime.test
    def main() -> pulumi.Output[None]:
        options = pulumi.ResourceOptions()
        workload = declare_workload(environment, plan_topology(environment, None), None, options)
        release = declare_release(environment, plan_release(environment), workload, options)
        assert release is not None
        return pulumi.Output.from_input(dict(release.outputs)).apply(outputs.update)

    main()
    return recorder, outputs


@pytest.mark.usefixtures("pulumi_loop")
@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_each_cluster_has_one_provider_and_one_rollout_and_each_is_claimed(stack: str) -> None:
    """What is not claimed is not read back, and each further provider is a process more in every deployment."""
    recorder, outputs = declared(stack)
    clusters = [region["name"] for region in file_of(stack)["seawall:regions"] if "cluster" in region]
    assert len(recorder.made["kubernetes"]) == len(recorder.made["Rollout"]) == len(clusters)
    assert {claim["region"] for claim in outputs["releases"]} == set(clusters)
    for claim in outputs["releases"]:
        assert claim["image"] == file_of(stack)[RELEASE]["image"]
        assert claim["weights"] == [10, 25, 50, 100]
    assert outputs["release_wait_seconds"] > outputs["release_region_seconds"] >= 4 * 300


@pytest.mark.usefixtures("pulumi_loop")
@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_the_shop_starts_with_what_its_pods_are_given(stack: str) -> None:
    """Its own settings read the pod's variables: region, address, port, and a drain that the kubelet waits for."""
    recorder, _ = declared(stack)
    for name, made in recorder.made["Rollout"].items():
        pod = made["spec"]["template"]["spec"]
        container = pod["containers"][0]
        environ = {each["name"]: each.get("value", "a-secret-of-16-bytes") for each in container["env"]}
        settings = Settings.from_environ(environ)
        assert settings.region in name
        assert settings.host == "0.0.0.0"  # noqa: S104 -- what a pod listens on
        assert settings.port == container["ports"][0]["containerPort"]
        assert settings.drain_seconds is None  # the runtime's own variable counts
        assert float(environ[DRAIN_SECONDS_VARIABLE]) < pod["terminationGracePeriodSeconds"]
        assert settings.database is not None


@pytest.mark.usefixtures("pulumi_loop")
def test_a_preview_of_prods_releases_takes_a_moment() -> None:
    """Whoever waits for a preview stops reading it."""
    began = time.perf_counter()
    recorder, _ = declared("prod")
    assert time.perf_counter() - began < LONGEST_PREVIEW_SECONDS
    assert sum(len(each) for each in recorder.made.values()) > 30


BAD: dict[str, tuple[tuple[str, ...], Any, str]] = {
    "whatever is the latest": (
        (RELEASE, "image"),
        "registry.seawall.test/shop:latest",
        (
            "seawall:release.image = registry.seawall.test/shop:latest: an image with a tag other than latest, or with a digest, "
            "because the same text twice is the same release to Argo"
        ),
    ),
    "a weight that falls": (
        (RELEASE, "steps"),
        [{"weight": 50, "pause_seconds": 60}, {"weight": 10, "pause_seconds": 60}],
        "seawall:release.steps[1].weight = 10: above 50, the step before it",
    ),
    "a region that is left out": (
        (RELEASE, "order"),
        ["us-west-2"],
        "seawall:release.order = us-west-2: each cluster's region once: ap-northeast-1, us-west-2",
    ),
    "a scrape of another job": (
        ("seawall:monitoring", "selector"),
        {"job": "web"},
        (
            "seawall:monitoring.selector[job] = web: shop, which the pods' series in ap-northeast-1 have, because the analysis "
            "would find nothing"
        ),
    ),
    "another service account": (
        (RELEASE, "service_account"),
        "web",
        ("seawall:release.service_account = web: shop, because seawall:identity.app gives the app's role to that one"),
    ),
    "a misspelled key": (
        (RELEASE, "imag"),
        "x",
        "seawall:release.imag = x: no such key; did you mean image?",
    ),
    "a password in the state": (
        (RELEASE, "env"),
        {"DB_PASSWORD": "x"},
        "seawall:release.env.DB_PASSWORD = (hidden): no such key, because env stands in the state: name a Secret in secrets",
    ),
    "nothing said about silence": (
        (RELEASE, "analysis"),
        {"prometheus_url": "http://prometheus-operated.monitoring:9090"},
        "seawall:release.analysis.no_data is missing: required",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_each_mistake_in_the_file_is_one_line_that_names_its_key(case: str) -> None:
    """The name is that of the key in the file, not that of a component's argument."""
    path, value, line = BAD[case]
    config = file_of("dev")
    target: Any = config
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = value
    with pytest.raises(SeawallError) as caught:
        plan_release(parsed(config))
    assert isinstance(caught.value, InvalidInput)
    assert str(caught.value) == line


def test_a_release_that_nobody_watches_is_refused() -> None:
    """Its analysis would find nothing."""
    config = file_of("dev")
    del config["seawall:monitoring"]
    with pytest.raises(InvalidInput) as caught:
        plan_release(parsed(config))
    assert str(caught.value) == (
        "seawall:monitoring is missing: required with seawall:release, whose releases it judges"
    )
