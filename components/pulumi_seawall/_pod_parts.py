"""What pods of every kind are made of: an image, resources, variables, secrets, and the strictest profile.

Sources: Kubernetes API reference, `PodSpec`; "Pod Security Standards", profile restricted.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from pulumi_seawall import _quantities
from pulumi_seawall._inputs import checked_keys, line, whole
from pulumi_seawall._kubernetes_target import object_name
from pulumi_seawall._rollout_args import ContainerResourcesArgs, SecretKeyArgs
from seawall.contract import (
    ENVIRONMENT_VARIABLE,
    LIVE_REGION_VARIABLE,
    LIVE_SOURCE_VARIABLE,
    SERVICE_VARIABLE,
    TOPOLOGY_PATH_VARIABLE,
    declared_config_map,
)
from seawall.errors import InvalidInput
from seawall.topology import refuse_secrets

REGION_VARIABLE: Final = "AWS_REGION"
OWN_PREFIX: Final = "SEAWALL_"
LONGEST_KEY: Final = 253  # characters of a key in a Secret or ConfigMap, as Kubernetes takes them
LONGEST_VALUE: Final = 32_768  # characters of an environment variable; more belongs into a file
LARGEST_ID: Final = 2**31 - 1  # Kubernetes, of users and groups
EXIT_SECONDS: Final = 5  # after the last request, before the kubelet kills
RUN_AS_USER: Final = 10_001  # above the ids that images and hosts use
VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
KEY: Final = re.compile(r"[A-Za-z0-9._-]{1,253}")
# As the container runtimes' reference grammar, without the rarer forms: [host[:port]/]path[:tag][@digest]
IMAGE: Final = re.compile(
    r"[a-z0-9][a-zA-Z0-9._-]*(:\d+)?(/[a-z0-9][a-z0-9._-]*)*(:(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?"
    r"(@(?P<digest>sha256:[0-9a-f]{64}))?"
)
CONTAINER_SECURITY: Final[Mapping[str, Any]] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}
"""Of every container: the profile's, and a root file system that nobody writes to."""
TOPOLOGY_FOLDER: Final = "/etc/seawall/topology"
# A folder: Kubernetes never updates a file that is mounted by subPath.
TOPOLOGY_MOUNT: Final[Mapping[str, Any]] = {"name": "topology", "mountPath": TOPOLOGY_FOLDER, "readOnly": True}


def image_that_is(why_one: str) -> Callable[[str, str], str]:
    """A check that an image is one and no other.

    Args:
        why_one: Why it has to be, for the refusal.
    """

    def check(name: str, value: str) -> str:
        match = IMAGE.fullmatch(value)
        if match is None or not (match["digest"] or (match["tag"] and match["tag"] != "latest")):
            allowed = "an image with a tag other than latest, or with a digest"
            raise InvalidInput(name, value, allowed=allowed, because=why_one)
        return value

    return check


def plan_resources(args: object) -> tuple[dict[str, str], dict[str, str]]:
    """Requests and limits of `ContainerResourcesArgs`, in canonical form.

    Raises:
        InvalidInput: A quantity is none, or a limit is below its request.
    """
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


def plan_user(given: Mapping[str, Any]) -> int:
    """The user and group of `run_as_user`; never root.

    Raises:
        InvalidInput: It is none.
    """
    return whole("run_as_user", given.get("run_as_user", RUN_AS_USER), 1, LARGEST_ID)


def plan_env(given: object, taken: Callable[[str], bool]) -> dict[str, str]:
    """Variables with their values, none of which is a secret.

    Args:
        given: By name.
        taken: Whether the component sets a variable itself.

    Raises:
        InvalidInput: A name or a value is not allowed, or one looks like a secret.
    """
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
        name = _variable("env", variable, value, taken)
        if not isinstance(value, str) or len(value) > LONGEST_VALUE:
            raise InvalidInput(f"env[{name}]", value, allowed=f"a string of at most {LONGEST_VALUE} characters")
        env[name] = value
    return env


def plan_secrets(given: object, taken: Callable[[str], bool]) -> dict[str, tuple[str, str]]:
    """Variables, each with the name and the key of a Secret.

    Args:
        given: By name.
        taken: Whether the component sets a variable itself.

    Raises:
        InvalidInput: A name is not allowed, or an entry names no key of a Secret.
    """
    if not isinstance(given, Mapping):
        raise InvalidInput("secrets", "(hidden)", allowed="a dictionary of variables")
    secrets: dict[str, tuple[str, str]] = {}
    for variable, value in cast("Mapping[object, object]", given).items():
        name = _variable("secrets", variable, "(hidden)", taken)
        secrets[name] = plan_secret_key(f"secrets[{name}]", value)
    return secrets


def refuse_twice(env: Mapping[str, str], secrets: Mapping[str, tuple[str, str]]) -> None:
    """Refuse a variable that has a value and is a Secret's.

    Raises:
        InvalidInput: There is one.
    """
    for variable in secrets:
        if variable in env:
            raise InvalidInput(f"secrets[{variable}]", variable, allowed="a variable that is not in env too")


def plan_secret_key(name: str, args: object) -> tuple[str, str]:
    """Name and key of `SecretKeyArgs`. Messages never show what else stands there.

    Raises:
        InvalidInput: It names no key of a Secret.
    """
    if not isinstance(args, Mapping):
        raise InvalidInput(name, "(hidden)", allowed="secret and key of an existing Secret")
    entry = cast("dict[str, Any]", checked_keys(f"{name}.", cast("object", args), SecretKeyArgs))
    key = key_of(f"{name}.key", entry["key"])
    return object_name(f"{name}.secret", entry["secret"]), key


def key_of(name: str, value: object) -> str:
    """A key of a Secret or a ConfigMap.

    Raises:
        InvalidInput: It is none.
    """
    key = line(name, value, LONGEST_KEY)
    if not KEY.fullmatch(key):
        raise InvalidInput(name, key, allowed="letters, digits, `.`, `_` and `-`")
    return key


def variables(plain: Mapping[str, str], secrets: Mapping[str, tuple[str, str]]) -> list[dict[str, Any]]:
    """A container's `env`, by name, so that another order of arguments is no other pod."""
    found: dict[str, dict[str, Any]] = {name: {"name": name, "value": value} for name, value in plain.items()}
    for name, (secret, key) in secrets.items():
        found[name] = {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
    return [found[name] for name in sorted(found)]


def topology_variables(
    service: str, environment: str, *, follow_live: bool, live_region: str | None = None
) -> dict[str, str]:
    """Where the runtime finds the topology that is mounted, and the live document.

    Args:
        service: Whose topology it is.
        environment: The environment's name.
        follow_live: Whether the live document in SSM is read.
        live_region: Whose live document counts; None for the pod's own region's.
    """
    return {
        TOPOLOGY_PATH_VARIABLE: TOPOLOGY_FOLDER,
        SERVICE_VARIABLE: service,
        ENVIRONMENT_VARIABLE: environment,
        **({LIVE_SOURCE_VARIABLE: "ssm"} if follow_live else {}),
        **({LIVE_REGION_VARIABLE: live_region} if live_region is not None else {}),
    }


def topology_volume(service: str) -> dict[str, Any]:
    """The ConfigMap that `PublishedTopology` has made of a service's topology."""
    return {"name": "topology", "configMap": {"name": declared_config_map(service)}}


def pod_security(user: int) -> dict[str, Any]:
    """A pod's `securityContext`: the profile's, as one user and group."""
    return {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "fsGroup": user,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def _variable(name: str, variable: object, value: object, taken: Callable[[str], bool]) -> str:
    if not isinstance(variable, str) or not VARIABLE.fullmatch(variable):
        raise InvalidInput(
            f"{name}[{variable}]", value, allowed="a variable's name: letters, digits and _, no digit first"
        )
    if taken(variable):
        raise InvalidInput(
            f"{name}[{variable}]",
            value,
            allowed="no such variable",
            because="the component sets it from what is declared",
        )
    return variable
