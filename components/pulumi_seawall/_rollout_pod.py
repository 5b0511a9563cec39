"""The pods of a release: what runs in them, how they start, how they are asked, and how they leave.

Sources: Kubernetes API reference, `PodSpec`; "Pod Security Standards", profile restricted; Seawall's manual, health.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import pulumi

from pulumi_seawall import _quantities
from pulumi_seawall._inputs import checked_keys, flag, line, listed, member, text, whole
from pulumi_seawall._kubernetes_target import object_name
from pulumi_seawall._regions import region_outside
from pulumi_seawall._rollout_args import ContainerResourcesArgs, DrainBy, MountedTopologyArgs, SecretKeyArgs
from seawall.contract import (
    DRAIN_SECONDS,
    DRAIN_SECONDS_VARIABLE,
    ENVIRONMENT_VARIABLE,
    LIVE_REGION_VARIABLE,
    LIVE_SOURCE_VARIABLE,
    SERVICE_VARIABLE,
    TOPOLOGY_PATH_VARIABLE,
    checked_environment,
    declared_config_map,
)
from seawall.errors import InvalidInput
from seawall.topology import refuse_secrets

CONTAINER: Final = "app"
PORT_NAME: Final = "http"
TOPOLOGY_FOLDER: Final = "/etc/seawall/topology"
REGION_VARIABLE: Final = "AWS_REGION"
OWN_PREFIX: Final = "SEAWALL_"
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
LONGEST_KEY: Final = 253  # characters of a key in a Secret, as Kubernetes takes them
EXIT_SECONDS: Final = 5  # after the last request, before the kubelet kills
LONGEST_VALUE: Final = 32_768  # characters of an environment variable; more belongs into a file
LARGEST_ID: Final = 2**31 - 1  # Kubernetes, of users and groups
RUN_AS_USER: Final = 10_001  # above the ids that images and hosts use
VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
KEY: Final = re.compile(r"[A-Za-z0-9._-]{1,253}")
FOLDER: Final = re.compile(r"(/[A-Za-z0-9._-]+)+")
# As the container runtimes' reference grammar, without the rarer forms: [host[:port]/]path[:tag][@digest]
IMAGE: Final = re.compile(
    r"[a-z0-9][a-zA-Z0-9._-]*(:\d+)?(/[a-z0-9][a-z0-9._-]*)*(:(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?"
    r"(@(?P<digest>sha256:[0-9a-f]{64}))?"
)


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
    requests, limits = _resources(given["resources"])
    environment, follow_live, live_region = _topology(given.get("topology"), regions)
    env = _env(given.get("env", {}), reserved=environment is not None)
    secrets = _secrets(given.get("secrets", {}))
    for variable in secrets:
        if variable in env:
            raise InvalidInput(f"secrets[{variable}]", variable, allowed="a variable that is not in env too")
    writable = tuple(
        _folder(f"writable_paths[{place}]", path)
        for place, path in enumerate(listed("writable_paths", given.get("writable_paths", ["/tmp"])))  # noqa: S108 -- the pod's
    )
    if len(set(writable)) < len(writable):
        raise InvalidInput("writable_paths", ", ".join(writable), allowed="each folder once")
    return PodPlan(
        text("image", given["image"], checked_image),
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
        whole("run_as_user", given.get("run_as_user", RUN_AS_USER), 1, LARGEST_ID),
        writable,
    )


def checked_image(name: str, value: str) -> str:
    """An image that is one release and no other.

    Raises:
        InvalidInput: It is none, or has neither a tag nor a digest, or the tag `latest`.
    """
    match = IMAGE.fullmatch(value)
    if match is None or not (match["digest"] or (match["tag"] and match["tag"] != "latest")):
        raise InvalidInput(
            name,
            value,
            allowed="an image with a tag other than latest, or with a digest",
            because="the same text twice is the same release to Argo",
        )
    return value


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
        volumes.append({"name": "topology", "configMap": {"name": declared_config_map(service)}})
        # A folder: Kubernetes never updates a file that is mounted by subPath.
        mounts.append({"name": "topology", "mountPath": TOPOLOGY_FOLDER, "readOnly": True})
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": image,
        "ports": [{"name": PORT_NAME, "containerPort": port, "protocol": "TCP"}],
        "env": _variables(pod, times, service, region),
        "resources": {"requests": dict(pod.requests), "limits": dict(pod.limits)},
        "startupProbe": _probe("/startupz", PROBE_SECONDS, math.ceil(times.startup_seconds / PROBE_SECONDS)),
        "livenessProbe": _probe("/livez", LIVENESS_SECONDS, LIVENESS_FAILURES),
        "readinessProbe": _probe("/readyz", PROBE_SECONDS, READINESS_FAILURES),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
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
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": pod.run_as,
                "runAsGroup": pod.run_as,
                "fsGroup": pod.run_as,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
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
    """By name, so that the order of the arguments is no new release."""
    plain = {REGION_VARIABLE: region, **pod.env}
    # Where the kubelet waits before the signal, the app need not wait after it.
    plain[DRAIN_SECONDS_VARIABLE] = str(times.drain_seconds if times.drain_by is DrainBy.APP else 0)
    if pod.environment is not None:
        plain |= {
            TOPOLOGY_PATH_VARIABLE: TOPOLOGY_FOLDER,
            SERVICE_VARIABLE: service,
            ENVIRONMENT_VARIABLE: pod.environment,
            **({LIVE_SOURCE_VARIABLE: "ssm"} if pod.follow_live else {}),
            **({LIVE_REGION_VARIABLE: pod.live_region} if pod.live_region is not None else {}),
        }
    variables: dict[str, dict[str, Any]] = {name: {"name": name, "value": value} for name, value in plain.items()}
    for name, (secret, key) in pod.secrets.items():
        variables[name] = {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
    return [variables[name] for name in sorted(variables)]


def _resources(args: object) -> tuple[dict[str, str], dict[str, str]]:
    given = cast("dict[str, Any]", checked_keys("resources.", args, ContainerResourcesArgs))
    requests = {
        "cpu": _quantities.cpu("resources.cpu", given["cpu"]),
        "memory": _quantities.memory("resources.memory", given["memory"]),
    }
    limits = {"memory": requests["memory"]}
    if "cpu_limit" in given:
        limit = _quantities.cpu("resources.cpu_limit", given["cpu_limit"])
        if _quantities.amount_of(limit) < _quantities.amount_of(requests["cpu"]):
            raise InvalidInput("resources.cpu_limit", limit, allowed=f"at least resources.cpu, {requests['cpu']}")
        limits["cpu"] = limit
    return requests, limits


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


def _variable(name: str, variable: object, value: object, *, reserved: bool) -> str:
    if not isinstance(variable, str) or not VARIABLE.fullmatch(variable):
        raise InvalidInput(
            f"{name}[{variable}]", value, allowed="a variable's name: letters, digits and _, no digit first"
        )
    if variable in (REGION_VARIABLE, DRAIN_SECONDS_VARIABLE) or (reserved and variable.startswith(OWN_PREFIX)):
        raise InvalidInput(
            f"{name}[{variable}]",
            value,
            allowed="no such variable",
            because="the component sets it from what is declared",
        )
    return variable


def _env(given: object, *, reserved: bool) -> dict[str, str]:
    if not isinstance(given, Mapping):
        raise InvalidInput("env", given, allowed="a dictionary of variables")
    entries = cast("Mapping[object, object]", given)
    try:
        refuse_secrets("env", entries)
    except InvalidInput as error:
        raise InvalidInput(
            error.name, error.value, allowed=error.allowed, because="env stands in the state: name a Secret in secrets"
        ) from None
    env: dict[str, str] = {}
    for variable, value in entries.items():
        name = _variable("env", variable, value, reserved=reserved)
        if not isinstance(value, str) or len(value) > LONGEST_VALUE:
            raise InvalidInput(f"env[{name}]", value, allowed=f"a string of at most {LONGEST_VALUE} characters")
        env[name] = value
    return env


def _secrets(given: object) -> dict[str, tuple[str, str]]:
    if not isinstance(given, Mapping):
        raise InvalidInput("secrets", "(hidden)", allowed="a dictionary of variables")
    secrets: dict[str, tuple[str, str]] = {}
    for variable, value in cast("Mapping[object, object]", given).items():
        name = _variable("secrets", variable, "(hidden)", reserved=False)
        where = f"secrets[{name}]."
        if not isinstance(value, Mapping):
            raise InvalidInput(f"secrets[{name}]", "(hidden)", allowed="secret and key of an existing Secret")
        entry = cast("dict[str, Any]", checked_keys(where, cast("object", value), SecretKeyArgs))
        key = line(f"{where}key", entry["key"], LONGEST_KEY)
        if not KEY.fullmatch(key):
            raise InvalidInput(f"{where}key", key, allowed="letters, digits, `.`, `_` and `-`")
        secrets[name] = object_name(f"{where}secret", entry["secret"]), key
    return secrets


def _folder(name: str, value: object) -> str:
    if not isinstance(value, str) or not FOLDER.fullmatch(value) or ".." in value.split("/"):
        raise InvalidInput(name, value, allowed="an absolute path of a folder that is not /")
    if f"{value}/".startswith("/etc/seawall/"):
        raise InvalidInput(name, value, allowed="a folder elsewhere", because="the topology is mounted there")
    return value
