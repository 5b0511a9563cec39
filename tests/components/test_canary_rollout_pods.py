"""`CanaryRollout`: the pods of a release: how they start, are asked, scraped, spread and counted, and how they leave."""

import pytest

from pulumi_seawall import _rollout_manifests as manifests
from pulumi_seawall._argo_rollouts import POD_HASH_LABEL
from rollout_args import container_of, planned, pod_of, rollout_of
from seawall.health._openapi import PATHS


def test_with_an_autoscaler_nobody_else_says_how_many():
    """Each deployment would undo what the load asked for (argo-rollouts#2857, #3849)."""
    scaling = {"minimum_replicas": 3, "maximum_replicas": 9, "cpu_ratio": 0.7}
    assert "replicas" not in rollout_of(autoscaling=scaling)["spec"]
    assert rollout_of()["spec"]["replicas"] == 3
    autoscaler = manifests.autoscaler(planned(autoscaling=scaling), "eu-west-1")
    assert autoscaler is not None
    spec = autoscaler["spec"]
    assert spec["scaleTargetRef"] == {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "shop"}
    assert (spec["minReplicas"], spec["maxReplicas"]) == (3, 9)
    assert spec["metrics"][0]["resource"]["target"] == {"type": "Utilization", "averageUtilization": 70}
    assert spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 300


def test_the_budget_for_disruptions_covers_both_releases():
    """With a budget for each, a drain takes a pod of both at the same time (argo-rollouts#2419)."""
    budget = manifests.disruption_budget(planned(), "eu-west-1")["spec"]
    assert budget["selector"]["matchLabels"].items() <= rollout_of()["spec"]["template"]["metadata"]["labels"].items()
    assert POD_HASH_LABEL not in budget["selector"]["matchLabels"]
    assert budget["maxUnavailable"] == 1


def test_pods_are_scraped_with_the_hash_of_their_template():
    """Without it a query for the canary finds nothing, and without the labels the operator ignores the monitor."""
    monitor = manifests.pod_monitor(planned(pod_monitor_labels={"team": "shop"}), "eu-west-1")
    assert monitor["metadata"]["labels"]["team"] == "shop"
    spec = monitor["spec"]
    assert spec["podTargetLabels"] == ["rollouts-pod-template-hash"]
    assert spec["selector"]["matchLabels"] == planned().labels
    endpoint = spec["podMetricsEndpoints"][0]
    assert (endpoint["portNumber"], endpoint["path"], endpoint["interval"]) == (8000, "/metrics", "15s")
    assert endpoint["relabelings"] == [{"targetLabel": "job", "replacement": "shop", "action": "replace"}]
    assert manifests.pod_monitor(planned(), "eu-west-1")["metadata"]["labels"]["release"] == "prometheus"


def test_a_scrape_gives_up_before_the_next_one():
    """The operator refuses a monitor whose time-out, 10 s by default, is above its interval."""
    endpoint = manifests.pod_monitor(planned(monitoring__scrape_interval_seconds=5), "eu-west-1")["spec"][
        "podMetricsEndpoints"
    ][0]
    assert (endpoint["interval"], endpoint["scrapeTimeout"]) == ("5s", "5s")


def test_the_kubelet_asks_the_runtimes_own_paths():
    """A renamed path would restart every pod."""
    container = container_of()
    asked = {container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    assert asked == {"/startupz", "/livez", "/readyz"}
    assert asked <= set(PATHS)
    assert container_of(startup_seconds=61)["startupProbe"]["failureThreshold"] == 13
    assert rollout_of()["spec"]["progressDeadlineSeconds"] == 600
    assert rollout_of()["spec"]["progressDeadlineAbort"] is True


@pytest.mark.parametrize(("changes", "slept"), [({}, None), ({"drain_by": "pre_stop"}, 15)], ids=str)
def test_a_pod_is_killed_only_after_it_has_drained_and_answered(changes, slept):
    """The kubelet's patience covers the drain, the requests under way and the exit, whoever waits."""
    pod = pod_of(**changes)
    assert pod["terminationGracePeriodSeconds"] == 15 + 10 + 5
    lifecycle = pod["containers"][0].get("lifecycle", {})
    assert lifecycle.get("preStop", {}).get("sleep", {}).get("seconds") == slept
    env = {each["name"]: each.get("value") for each in pod["containers"][0]["env"]}
    assert int(env["SEAWALL_DRAIN_SECONDS"]) + (slept or 0) == 15  # waited for once, by one of them
    readiness = pod["containers"][0]["readinessProbe"]
    assert readiness["periodSeconds"] * readiness["failureThreshold"] <= 15


def test_pods_are_as_restricted_as_kubernetes_own_strictest_profile():
    """The profile `restricted`, and a file system that is read-only but for what is named."""
    pod, container = (
        pod_of(writable_paths=["/var/spool", "/cache"]),
        container_of(writable_paths=["/var/spool", "/cache"]),
    )
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "fsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/var/spool", "/cache"]


def test_each_release_spreads_over_zones_and_nodes_by_itself():
    """Counted together, the old release's pods put the new one's all into one zone."""
    zones, nodes = pod_of()["topologySpreadConstraints"]
    assert (zones["topologyKey"], zones["whenUnsatisfiable"]) == ("topology.kubernetes.io/zone", "DoNotSchedule")
    assert (nodes["topologyKey"], nodes["whenUnsatisfiable"]) == ("kubernetes.io/hostname", "ScheduleAnyway")
    assert zones["matchLabelKeys"] == nodes["matchLabelKeys"] == [POD_HASH_LABEL]
    assert pod_of(zone_spread="preferred")["topologySpreadConstraints"][0]["whenUnsatisfiable"] == "ScheduleAnyway"


def test_amounts_are_written_as_they_come_back():
    """`1000m` is `1` to the API server; the difference would be a release."""
    resources = container_of(resources={"cpu": "1000m", "memory": "1024Mi", "cpu_limit": "2.0"})["resources"]
    assert resources == {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi", "cpu": "2"}}


def test_the_order_of_variables_is_no_release():
    """A dictionary of another order is the same dictionary."""
    first, second = {"A": "1", "B": "2"}, {"B": "2", "A": "1"}
    assert rollout_of(env=first) == rollout_of(env=second)


def test_pods_find_the_topology_and_their_region():
    """The runtime loads it without an argument, from a folder that Kubernetes keeps up to date."""
    container = container_of(topology={"environment": "prod"}, secrets={"PW": {"secret": "db", "key": "password"}})
    env = {each["name"]: each.get("value", each.get("valueFrom")) for each in container["env"]}
    assert env == {
        "AWS_REGION": "eu-west-1",
        "PW": {"secretKeyRef": {"name": "db", "key": "password"}},
        "SEAWALL_DRAIN_SECONDS": "15",
        "SEAWALL_ENVIRONMENT": "prod",
        "SEAWALL_LIVE_SOURCE": "ssm",
        "SEAWALL_SERVICE": "shop",
        "SEAWALL_TOPOLOGY_PATH": "/etc/seawall/topology",
    }
    assert {"name": "topology", "mountPath": "/etc/seawall/topology", "readOnly": True} in container["volumeMounts"]
    volumes = pod_of(topology={"environment": "prod"})["volumes"]
    assert {"name": "topology", "configMap": {"name": "shop-topology"}} in volumes
    arbiter = container_of(topology={"environment": "prod", "live_region": "eu-north-1"})["env"]
    assert {"name": "SEAWALL_LIVE_REGION", "value": "eu-north-1"} in arbiter
    declared_only = container_of(topology={"environment": "prod", "follow_live": False})["env"]
    assert "SEAWALL_LIVE_SOURCE" not in {each["name"] for each in declared_only}
