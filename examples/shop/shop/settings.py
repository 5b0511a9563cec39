"""What differs between the shop's instances, from environment variables.

Where the topology is read from, seawall's own variables say: `SEAWALL_TOPOLOGY_PATH`, `SEAWALL_TOPOLOGY`, or
`SEAWALL_SERVICE` and `SEAWALL_ENVIRONMENT` for SSM (with `AWS_ENDPOINT_URL` for a local cloud).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from seawall.errors import MISSING, InvalidInput

__all__ = ["Settings"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One instance's settings."""

    region: str
    """The region that it runs in: `SHOP_REGION`, else `AWS_REGION`."""
    host: str = "127.0.0.1"
    """`SHOP_HOST`."""
    port: int = 8000
    """`SHOP_PORT`."""
    payments_url: str | None = None
    """Where payments are charged: `SHOP_PAYMENTS_URL`. Without it every order waits for its payment."""
    instances: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """URLs of a region's instances, where no load balancer stands before them: `SHOP_INSTANCES`, as in
    `eu-west-1=http://127.0.0.1:8001,http://127.0.0.1:8002;us-west-2=http://127.0.0.1:8003`."""
    drain_seconds: float = 15.0
    """How long to serve on after SIGTERM: `SHOP_DRAIN_SECONDS`."""
    topology_seconds: float = 30.0
    """How often to read the topology: `SHOP_TOPOLOGY_SECONDS`."""
    health_token: str | None = field(default=None, repr=False)
    """Who shows it sees why a check fails: `SHOP_HEALTH_TOKEN`."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ, **given: str | int | None) -> "Settings":
        """The settings that the environment names; what is `given` (on a command line) counts instead.

        Raises:
            InvalidInput: the region is missing, or a value is not what it must be.
        """
        region = given.get("region") or environ.get("SHOP_REGION") or environ.get("AWS_REGION")
        if not region:
            raise InvalidInput("SHOP_REGION", MISSING, allowed="a region's name, e.g. eu-west-1")
        port = given.get("port")
        return cls(
            region=str(region),
            host=str(given.get("host") or environ.get("SHOP_HOST", "127.0.0.1")),
            port=int(_number(environ, "SHOP_PORT", 8000) if port is None else port),
            payments_url=environ.get("SHOP_PAYMENTS_URL") or None,
            instances=_instances(environ.get("SHOP_INSTANCES", "")),
            drain_seconds=_number(environ, "SHOP_DRAIN_SECONDS", 15.0),
            topology_seconds=_number(environ, "SHOP_TOPOLOGY_SECONDS", 30.0),
            health_token=environ.get("SHOP_HEALTH_TOKEN") or None,
        )


def _number(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name, "")
    try:
        return float(text) if text else default
    except ValueError:
        raise InvalidInput(name, text, allowed="a number") from None


def _instances(text: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for part in filter(None, text.split(";")):
        region, _, urls = part.partition("=")
        if not urls:
            raise InvalidInput("SHOP_INSTANCES", text, allowed="region=url,url;region=url,...")
        found[region.strip()] = tuple(url.strip() for url in urls.split(","))
    return found
