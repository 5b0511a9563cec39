"""Where the two topology documents are kept: SSM parameters, ConfigMaps, keys and environment variables.

`declared` is what Pulumi owns, `live` is what operations write at a failover; see `seawall.topology`.
"""

import re
from typing import Final

from seawall.errors import InvalidInput

__all__ = [
    "DECLARED_KEY",
    "DRAIN_SECONDS",
    "DRAIN_SECONDS_VARIABLE",
    "ENVIRONMENT_VARIABLE",
    "LIVE_KEY",
    "LIVE_PATH_VARIABLE",
    "LIVE_REGION_VARIABLE",
    "LIVE_SOURCE_VARIABLE",
    "SERVICE_VARIABLE",
    "TOPOLOGY_PATH_VARIABLE",
    "TOPOLOGY_VARIABLE",
    "checked_environment",
    "checked_service",
    "declared_config_map",
    "declared_parameter",
    "live_config_map",
    "live_parameter",
]

SERVICE: Final = re.compile(r"[a-z][a-z0-9-]{0,30}[a-z0-9]")  # also fits a Kubernetes name, with our suffixes
ENVIRONMENT: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")  # a Pulumi stack's name, and what SSM lets stand in a path

DECLARED_KEY: Final = "topology.json"
"""Key of the declared document in its ConfigMap, and its file's name in a mounted folder."""
LIVE_KEY: Final = "live.json"
"""Key of the live document in its ConfigMap, and its file's name in a mounted folder."""

TOPOLOGY_PATH_VARIABLE: Final = "SEAWALL_TOPOLOGY_PATH"
"""Environment variable: file of the declared document, or the folder that holds it as `DECLARED_KEY`."""
TOPOLOGY_VARIABLE: Final = "SEAWALL_TOPOLOGY"
"""Environment variable: the declared document itself, as JSON."""
LIVE_PATH_VARIABLE: Final = "SEAWALL_LIVE_PATH"
"""Environment variable: file of the live document."""
LIVE_SOURCE_VARIABLE: Final = "SEAWALL_LIVE_SOURCE"
"""Environment variable: `ssm` to follow the live document there, wherever the declared one comes from."""
LIVE_REGION_VARIABLE: Final = "SEAWALL_LIVE_REGION"
"""Environment variable: region whose live document in SSM counts, outside of what may fail over; by default the app's own."""
SERVICE_VARIABLE: Final = "SEAWALL_SERVICE"
"""Environment variable: name of the service, for SSM."""
ENVIRONMENT_VARIABLE: Final = "SEAWALL_ENVIRONMENT"
"""Environment variable: name of the environment (the Pulumi stack), for SSM."""

DRAIN_SECONDS_VARIABLE: Final = "SEAWALL_DRAIN_SECONDS"
"""Environment variable: seconds between an instance's being told to stop and its stopping, which the pod's own patience covers."""
DRAIN_SECONDS: Final = 15
"""Those seconds when nobody says: three looks of a load balancer, and what it takes to hear of them."""


def checked_service(name: str, value: object) -> str:
    """A service's name.

    Raises:
        InvalidInput: It is not 2 to 32 lower-case letters, digits and hyphens, a letter first and no hyphen last.
    """
    if not isinstance(value, str) or not SERVICE.fullmatch(value):
        raise InvalidInput(
            name,
            value,
            allowed="2 to 32 lower-case letters, digits and hyphens, a letter first, no hyphen last",
        )
    return value


def checked_environment(name: str, value: object) -> str:
    """An environment's name: that of its Pulumi stack, without organization and project.

    Raises:
        InvalidInput: It is not 1 to 100 letters, digits, `_`, `.` and `-`.
    """
    if not isinstance(value, str) or not ENVIRONMENT.fullmatch(value):
        raise InvalidInput(name, value, allowed="1 to 100 letters, digits, `_`, `.` and `-`")
    return value


def declared_parameter(service: str, environment: str) -> str:
    """Name of the SSM parameter, in every region, that holds the declared document.

    Raises:
        InvalidInput: `service` or `environment` is no such name.
    """
    return f"{_folder(service, environment)}/topology"


def live_parameter(service: str, environment: str) -> str:
    """Name of the SSM parameter, in every region, that holds the live document.

    Raises:
        InvalidInput: `service` or `environment` is no such name.
    """
    return f"{_folder(service, environment)}/live"


def declared_config_map(service: str) -> str:
    """Name of the ConfigMap, in every cluster, that holds the declared document under `DECLARED_KEY`.

    Raises:
        InvalidInput: `service` is no such name.
    """
    return f"{checked_service('service', service)}-topology"


def live_config_map(service: str) -> str:
    """Name of the ConfigMap, in every cluster, that holds the live document under `LIVE_KEY`.

    Raises:
        InvalidInput: `service` is no such name.
    """
    return f"{checked_service('service', service)}-live"


def _folder(service: str, environment: str) -> str:
    return f"/seawall/{checked_service('service', service)}/{checked_environment('environment', environment)}"
