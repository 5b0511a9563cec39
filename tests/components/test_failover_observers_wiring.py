"""`FailoverObservers`: what each failure domain gets, and that the command, the runtime and libpq read it."""

import shlex
from typing import Any

import pulumi
import pulumi_kubernetes
import pytest
import typer

from observers_args import (
    ACTING,
    ARBITER,
    AWAY,
    HOME,
    IMAGE,
    container_of,
    observers_args,
    planned,
    pod_of,
    variables_of,
)
from pulumi_seawall import FailoverObservers, _observers_manifests, _observers_plan
from seawall.topology import LiveFromSsm, default_source, dump
from seawall_ops.failover import command
from seawall_ops.failover.plans import acting
from seawall_ops.places import STATE_VARIABLE
from topology_documents import shop

CERTIFICATE: dict[str, Any] = {"config_map": "rds-authorities", "key": "global-bundle.pem"}
OWN_CLUSTERS = [{"region": region, "context": region} for region in (HOME, AWAY, ARBITER)]


def parsed(**changes: Any) -> dict[str, Any]:
    """What the command makes of the words that the pod runs it with."""
    words = container_of(**changes)["command"]
    assert words[:3] == ["seawall", "failover", "observe"]
    group: Any = typer.main.get_command(command.app)
    return group.commands["observe"].make_context("observe", words[3:]).params


@pytest.mark.parametrize("changes", [{}, ACTING], ids=["watching", "acting"])
def test_the_pod_runs_a_command_that_there_is(changes, monkeypatch):
    """An option that was renamed would end every observer at once."""
    monkeypatch.delenv("AWS_REGION", raising=False)
    given = parsed(**changes)
    assert given["act"] is bool(changes)
    assert given["domain"] == HOME
    assert given["name"] == planned().observer(HOME) == f"shop-observer-{HOME}"
    mounted = {mount["mountPath"]: mount for mount in container_of()["volumeMounts"]}
    assert mounted[str(given["settings"])]["subPath"] in _observers_manifests.config_map(planned(), HOME)["data"]
    folder = str(given["alive"].parent)
    assert not mounted[folder].get("readOnly", False)
    assert variables_of(**changes)[STATE_VARIABLE] == folder  # what one that acts keeps for itself


def test_an_observer_reads_the_live_document_of_the_arbiter():
    """By the variables as the runtime takes them; its own region's copy only while that one does not answer."""
    environ = {name: value for name, value in variables_of().items() if isinstance(value, str)}
    source = default_source(environ)
    assert isinstance(source, LiveFromSsm)
    assert source.live_region == ARBITER == planned().settings.arbiter
    other = variables_of(settings__arbiter="ap-south-1")
    assert other["SEAWALL_LIVE_REGION"] == "ap-south-1"
    volumes = {volume["name"]: volume for volume in pod_of()["volumes"]}
    assert volumes["topology"]["configMap"] == {"name": "shop-topology"}
    assert environ["SEAWALL_TOPOLOGY_PATH"] in [mount["mountPath"] for mount in container_of()["volumeMounts"]]


def test_no_value_of_a_secret_stands_in_a_manifest():
    """Only where it is; and no PGPASSFILE, since libpq refuses one that its group can read."""
    variables = variables_of(database__root_certificate=CERTIFICATE)
    assert {name: value for name, value in variables.items() if name.startswith("PG")} == {
        "PGUSER": {"secretKeyRef": {"name": "shop-observer", "key": "username"}},
        "PGPASSWORD": {"secretKeyRef": {"name": "shop-observer", "key": "password"}},
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": "/etc/seawall/database/global-bundle.pem",
    }
    assert variables_of()["PGSSLMODE"] == "require"
    assert not [name for name in variables_of(database=...) if name.startswith("PG")]


@pytest.mark.parametrize(
    ("where", "volume"),
    [
        ("config_map", {"configMap": {"name": "authorities"}}),
        ("secret", {"secret": {"secretName": "authorities"}}),
    ],
)
def test_certificates_are_mounted_from_either_kind(where, volume):
    """RDS's are public, a private authority's may be kept as a Secret."""
    pod = pod_of(database__root_certificate={where: "authorities", "key": "ca.pem"})
    ((kind, source),) = volume.items()
    items = {"items": [{"key": "ca.pem", "path": "ca.pem"}]}
    assert {"name": "certificates", kind: {**source, **items}} in pod["volumes"]
    mount = {"name": "certificates", "mountPath": "/etc/seawall/database", "readOnly": True}
    assert mount in pod["containers"][0]["volumeMounts"]


def test_pods_are_as_restricted_as_kubernetes_own_strictest_profile():
    """The profile `restricted`; nothing to write to but the observer's own state, and no token of the cluster's."""
    pod, container = pod_of(run_as_user=20000), container_of()
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 20000
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False  # a Service called seawall-live would set variables of ours
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert [mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")] == [
        "/var/lib/seawall"
    ]


def test_one_observer_at_a_time_is_selected_by_nothing_of_the_app():
    """Two of one name would end each other, and a Service that selects the app's name must not send it requests."""
    spec = _observers_manifests.deployment(planned(), HOME)["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    labels = spec["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"] == labels
    assert labels["app.kubernetes.io/name"] == "shop-observer"
    policy = _observers_manifests.network_policy(planned(), HOME)
    assert policy is not None
    assert policy["spec"] == {"podSelector": {"matchLabels": labels}, "policyTypes": ["Ingress"]}
    assert _observers_manifests.network_policy(planned(deny_ingress=False), HOME) is None


def test_a_stuck_observer_is_started_anew_once_it_has_no_voice():
    """Not before: to start costs it the rounds that it needs to vouch for anybody."""
    container = container_of(settings__interval_seconds=20, settings__timeout_seconds=2.5)
    probe = container["livenessProbe"]
    assert probe["exec"]["command"][-2:] == ["/var/lib/seawall/heartbeat", "50"]  # two rounds with their time-outs
    assert container_of(settings__stale_after_seconds=300)["livenessProbe"]["exec"]["command"][-1] == "300"
    start = container["startupProbe"]
    assert start["exec"] == probe["exec"]
    assert start["periodSeconds"] * start["failureThreshold"] == 120
    assert "readinessProbe" not in container  # nobody sends it requests


def test_who_is_stopped_may_end_its_round_and_its_step():
    """The vote is taken back, and an operation stops where another observer can go on."""
    assert pod_of()["terminationGracePeriodSeconds"] == 4 * 5 + 5
    assert pod_of(**ACTING)["terminationGracePeriodSeconds"] == 4 * 5 + 30 + 5
    assert acting.STOP_SECONDS == _observers_plan.LAST_STEP_SECONDS


def test_other_settings_start_the_observer_anew_and_the_same_ones_do_not():
    """It reads its file once."""

    def mark(**changes: Any) -> str:
        template = _observers_manifests.deployment(planned(**changes), HOME)["spec"]["template"]
        return template["metadata"]["annotations"]["seawall/settings"]

    assert mark() == mark(resources={"cpu": "200m", "memory": "512Mi"})
    assert mark() != mark(settings__interval_seconds=20)


def test_what_is_asked_for_is_in_the_pod():
    """Resources, priority, proxies, an account of one's own."""
    changes = {
        "resources": {"cpu": "0.2", "memory": "512Mi"},
        "priority_class": "system-cluster-critical",
        "env": {"HTTPS_PROXY": "http://proxy.example.com:3128"},
        "secrets": {"PROXY_USER": {"secret": "proxy", "key": "user"}},
        "service_account": "watcher",
    }
    pod = pod_of(**changes)
    assert pod["containers"][0]["resources"] == {
        "requests": {"cpu": "200m", "memory": "512Mi"},
        "limits": {"memory": "512Mi"},
    }
    assert (pod["priorityClassName"], pod["serviceAccountName"]) == ("system-cluster-critical", "watcher")
    assert variables_of(**changes)["HTTPS_PROXY"] == "http://proxy.example.com:3128"
    assert variables_of(**changes)["PROXY_USER"] == {"secretKeyRef": {"name": "proxy", "key": "user"}}
    assert _observers_manifests.service_account(planned(**changes), HOME) is None
    assert pod_of()["serviceAccountName"] == "shop-observer"
    assert [container_of(**each)["resources"]["limits"]["memory"] for each in ({}, ACTING)] == ["256Mi", "768Mi"]
    assert "priorityClassName" not in pod_of()


def test_a_domain_outside_of_the_services_regions_gets_the_topology_with_its_settings(deploy, deployment):
    """Nobody has published it there."""
    document = dump(shop())

    def program() -> FailoverObservers:
        args = observers_args(clusters=OWN_CLUSTERS, document=pulumi.Output.from_input(document))
        return FailoverObservers("shop", args)

    deploy(program)
    maps = {name: made.inputs["data"] for name, made in deployment.of("ConfigMap").items()}
    assert maps[f"shop-{ARBITER}-settings"]["topology.json"] == document
    assert set(maps[f"shop-{HOME}-settings"]) == {"failover.yaml"}
    pod = deployment.of("Deployment")[f"shop-{ARBITER}-observer"].inputs["spec"]["template"]["spec"]
    topology = next(volume["configMap"] for volume in pod["volumes"] if volume["name"] == "topology")
    assert topology == {"name": "shop-observer", "items": [{"key": "topology.json", "path": "topology.json"}]}
    assert deployment.outputs["elsewhere"] == []


def test_each_cluster_has_its_observer_and_the_rest_is_named(deploy, deployment):
    """Who has to run one in the third region is the reader's question."""
    deploy(lambda: FailoverObservers("shop", observers_args()))
    assert deployment.outputs["deployments"] == {HOME: "shop/shop-observer", AWAY: "shop/shop-observer"}
    assert deployment.outputs["observers"] == {region: f"shop-observer-{region}" for region in (HOME, AWAY)}
    assert deployment.outputs["elsewhere"] == [ARBITER]
    assert deployment.outputs["warnings"] == []
    for region in (HOME, AWAY):
        made = deployment.of("Deployment")[f"shop-{region}-observer"].inputs
        assert made["metadata"]["namespace"] == "shop"
        container = made["spec"]["template"]["spec"]["containers"][0]
        assert container["image"] == IMAGE
        assert region in shlex.join(container["command"])
        assert {"name": "AWS_REGION", "value": region} in container["env"]
    providers = deployment.of("kubernetes")
    assert {each.inputs["enableConfigMapMutable"] for each in providers.values()} == {"true"}


def test_the_programs_own_providers_are_used(deploy, deployment):
    """One for each cluster is enough."""

    def program() -> FailoverObservers:
        providers = {region: pulumi_kubernetes.Provider(f"own-{region}") for region in (HOME, AWAY)}
        return FailoverObservers("shop", observers_args(), providers=providers)

    deploy(program)
    assert set(deployment.of("kubernetes")) == {f"own-{HOME}", f"own-{AWAY}"}


def test_a_forced_mode_is_said_during_the_deployment(deploy, deployment):
    """And not only in a page that nobody reads."""
    deploy(lambda: FailoverObservers("shop", observers_args(settings__domains=[HOME, AWAY])))
    (line,) = deployment.outputs["warnings"]
    assert any(line in each for each in deployment.log)
