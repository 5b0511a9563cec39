"""The pods of a release: what runs in them, how they start, how they are asked, and how they leave.

Sources: Kubernetes API reference, `PodSpec`; Seawall's manual, health.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import pulumi

from pulumi_seawall._inputs import checked_keys, flag, line, listed, member, text, whole
from pulumi_seawall._pod_parts import (
    CONTAINER_SECURITY,
    EXIT_SECONDS,
    LONGEST_VALUE,
    OWN_PREFIX,
    REGION_VARIABLE,
    TOPOLOGY_MOUNT,
    image_that_is,
    plan_env,
    plan_resources,
    plan_secrets,
    plan_user,
    pod_security,
    refuse_twice,
    topology_variables,
    topology_volume,
    variables,
)
from pulumi_seawall._regions import region_outside
from pulumi_seawall._rollout_args import DrainBy, MountedTopologyArgs
from seawall.contract import DRAIN_SECONDS, DRAIN_SECONDS_VARIABLE, checked_environment
from seawall.errors import InvalidInput

CONTAINER: Final = "app"
PORT_NAME: Final = "http"
OWN_VARIABLES: Final = (REGION_VARIABLE, DRAIN_SECONDS_VARIABLE)
PROBE_SECONDS: Final = 5  # between two looks of the kubelet at a start and at readiness
READINESS_FAILURES: Final = 2  # in a row, before a pod gets no more requests
LIVENESS_SECONDS: Final = (
    10  # rarer and more patient than readiness: a restart heals only what is wrong with the process
)
LIVENESS_FAILURES: Final = 3
PROBE_TIMEOUT_SECONDS: Final = 1  # the runtime answers within 0.9 s, whatever its checks do
STARTUP_SECONDS: Final = 120  # an image to pull, an interpreter, the first connections
SHUTDOWN_SECONDS: Final = 10  # as the shop gives its server for requests under way
LONGEST_SECONDS: Final = 3600  # of a start or a shutdown: beyond an hour it is a typing error
LONGEST_DRAIN_SECONDS: Final = 600
SHORTEST_STARTUP_SECONDS: Final = 2 * PROBE_SECONDS
FOLDER: Final = re.compile(r"(/[A-Za-z0-9._-]+)+")


@dataclass(frozen=True, slots=True)
class PodPlan:
    """What runs in a pod.

    Args:
        image: Of the release.
        requests: CPU and memory, canonical.
        limits: Memory, and CPU where it is limited.
        command: In place of the image's; empty for the image's own.
        env: Variables, plain.
        secrets: Variables, each a Secret's name and key.
        environment: Of the topology that is mounted; None for no topology.
        follow_live: Whether failovers are followed.
        live_region: Whose live document counts; None for each pod's own region's.
        run_as: User and group.
        writable: Folders that may be written to.
    """

    image: pulumi.Input[str]
    requests: Mapping[str, str]
    limits: Mapping[str, str]
    command: tuple[str, ...]
    env: Mapping[str, str]
    secrets: Mapping[str, tuple[str, str]]
    environment: str | None
    follow_live: bool
    live_region: str | None
    run_as: int
    writable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Times:
    """How long pods take.

    Args:
        startup_seconds: To start, at most.
        drain_seconds: Between being told to stop and stopping.
        drain_by: Who waits that long.
        shutdown_seconds: For requests under way after that.
    """

    startup_seconds: int
    drain_seconds: int
    drain_by: DrainBy
    shutdown_seconds: int

    @property
    def grace_seconds(self) -> int:
        """What the kubelet waits before it kills: all of it."""
        return self.drain_seconds + self.shutdown_seconds + EXIT_SECONDS


def plan_times(given: Mapping[str, Any]) -> Times:
    """How long pods take, checked.

    Raises:
        InvalidInput: A value is not allowed, or a pod would stop before anybody has noticed.
    """
    noticed = PROBE_SECONDS * READINESS_FAILURES
    return Times(
        whole(
            "startup_seconds",
            given.get("startup_seconds", STARTUP_SECONDS),
            SHORTEST_STARTUP_SECONDS,
            LONGEST_SECONDS,
            "seconds",
        ),
        whole(
            "drain_seconds",
            given.get("drain_seconds", DRAIN_SECONDS),
            noticed,
            LONGEST_DRAIN_SECONDS,
            "seconds",
            f"readiness is asked every {PROBE_SECONDS} s and must fail {READINESS_FAILURES} times",
        ),
        member("drain_by", given.get("drain_by", DrainBy.APP), DrainBy),
        whole("shutdown_seconds", given.get("shutdown_seconds", SHUTDOWN_SECONDS), 1, LONGEST_SECONDS, "seconds"),
    )


def plan_pod(given: Mapping[str, Any], regions: Sequence[str]) -> PodPlan:
    """What runs in a pod, checked.

    Args:
        given: The release's arguments.
        regions: In which it runs.

    Raises:
        InvalidInput: A value is not allowed, or looks like a secret.
    """
    requests, limits = plan_resources(given["resources"])
    environment, follow_live, live_region = _topology(given.get("topology"), regions)
    env = plan_env(
        given.get("env", {}),
        lambda variable: variable in OWN_VARIABLES or (environment is not None and variable.startswith(OWN_PREFIX)),
    )
    secrets = plan_secrets(given.get("secrets", {}), OWN_VARIABLES.__contains__)
    refuse_twice(env, secrets)
    writable = tuple(
        _folder(f"writable_paths[{place}]", path)
        for place, path in enumerate(listed("writable_paths", given.get("writable_paths", ["/tmp"])))  # noqa: S108 -- the pod's
    )
    if len(set(writable)) < len(writable):
        raise InvalidInput("writable_paths", ", ".join(writable), allowed="each folder once")
    return PodPlan(
        text("image", given["image"], image_that_is("the same text twice is the same release to Argo")),
        requests,
        limits,
        tuple(
            line(f"command[{place}]", part, LONGEST_VALUE)
            for place, part in enumerate(listed("command", given.get("command", [])))
        ),
        env,
        secrets,
        environment,
        follow_live,
        live_region,
        plan_user(given),
        writable,
    )


def pod_template(
    pod: PodPlan, times: Times, image: str, *, service: str, region: str, labels: Mapping[str, str], port: int
) -> dict[str, Any]:
    """The template's `metadata` and `spec`, without where pods are put.

    Args:
        pod: What runs in it.
        times: How long it takes.
        image: The release, once it is known.
        service: The service's name.
        region: In which it runs.
        labels: By which pods are found.
        port: On which it serves.
    """
    volumes: list[dict[str, Any]] = [
        {"name": f"writable-{place}", "emptyDir": {}} for place in range(len(pod.writable))
    ]
    mounts: list[dict[str, Any]] = [
        {"name": f"writable-{place}", "mountPath": path} for place, path in enumerate(pod.writable)
    ]
    if pod.environment is not None:
        volumes.append(topology_volume(service))
        mounts.append(dict(TOPOLOGY_MOUNT))
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": image,
        "ports": [{"name": PORT_NAME, "containerPort": port, "protocol": "TCP"}],
        "env": _variables(pod, times, service, region),
        "resources": {"requests": dict(pod.requests), "limits": dict(pod.limits)},
        "startupProbe": _probe("/startupz", PROBE_SECONDS, math.ceil(times.startup_seconds / PROBE_SECONDS)),
        "livenessProbe": _probe("/livez", LIVENESS_SECONDS, LIVENESS_FAILURES),
        "readinessProbe": _probe("/readyz", PROBE_SECONDS, READINESS_FAILURES),
        "securityContext": dict(CONTAINER_SECURITY),
        "volumeMounts": mounts,
    }
    if pod.command:
        container["command"] = list(pod.command)
    if times.drain_by is DrainBy.PRE_STOP:
        container["lifecycle"] = {"preStop": {"sleep": {"seconds": times.drain_seconds}}}
    return {
        "metadata": {"labels": dict(labels)},
        "spec": {
            "automountServiceAccountToken": False,
            "containers": [container],
            "securityContext": pod_security(pod.run_as),
            "terminationGracePeriodSeconds": times.grace_seconds,
            "volumes": volumes,
        },
    }


def _probe(path: str, period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": PORT_NAME, "scheme": "HTTP"},
        "periodSeconds": period,
        "timeoutSeconds": PROBE_TIMEOUT_SECONDS,
        "failureThreshold": failures,
    }


def _variables(pod: PodPlan, times: Times, service: str, region: str) -> list[dict[str, Any]]:
    plain = {REGION_VARIABLE: region, **pod.env}
    # Where the kubelet waits before the signal, the app need not wait after it.
    plain[DRAIN_SECONDS_VARIABLE] = str(times.drain_seconds if times.drain_by is DrainBy.APP else 0)
    if pod.environment is not None:
        plain |= topology_variables(service, pod.environment, follow_live=pod.follow_live, live_region=pod.live_region)
    return variables(plain, pod.secrets)


def _topology(args: object, regions: Sequence[str]) -> tuple[str | None, bool, str | None]:
    if args is None:
        return None, False, None
    given = cast("dict[str, Any]", checked_keys("topology.", args, MountedTopologyArgs))
    environment = checked_environment("topology.environment", given["environment"])
    follow = flag("topology.follow_live", given.get("follow_live", True))
    if "live_region" not in given:
        return environment, follow, None
    if not follow:
        raise InvalidInput("topology.live_region", given["live_region"], allowed="only with topology.follow_live")
    return environment, follow, region_outside("topology.live_region", given["live_region"], regions)


def _folder(name: str, value: object) -> str:
    if not isinstance(value, str) or not FOLDER.fullmatch(value) or ".." in value.split("/"):
        raise InvalidInput(name, value, allowed="an absolute path of a folder that is not /")
    if f"{value}/".startswith("/etc/seawall/"):
        raise InvalidInput(name, value, allowed="a folder elsewhere", because="the topology is mounted there")
    return value
