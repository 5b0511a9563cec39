"""What differs between the shop's instances, from environment variables.

Where the topology is read from, seawall's own variables say: `SEAWALL_TOPOLOGY_PATH`, `SEAWALL_TOPOLOGY`, or
`SEAWALL_SERVICE` and `SEAWALL_ENVIRONMENT` for SSM (with `AWS_ENDPOINT_URL` for a local cloud).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from seawall.errors import MISSING, InvalidInput
from seawall.replicas import EpochLease

__all__ = ["DatabaseSettings", "Settings"]

LEASE = "SHOP_EPOCH_LEASE_SECONDS"
MARGIN_RATIO = 0.1  # of a lease, as `EpochLease` has it: for what is under way when it ends
SHORTEST_KEY_BYTES = 16  # of `seawall.replicas.TokenSigner`


@dataclass(frozen=True, kw_only=True)
class DatabaseSettings:
    """How to log in to the topology's database."""

    user: str
    """`SHOP_DATABASE_USER`. Without it no order is kept."""
    password: str = field(repr=False)
    """`SHOP_DATABASE_PASSWORD`."""
    token_key: bytes = field(repr=False)
    """Signs what clients carry from a write to their next read: `SHOP_TOKEN_KEY`, the same for all instances."""
    addresses: Mapping[str, str] = field(default_factory=dict[str, str])
    """Members that are not where the topology says: `SHOP_DATABASE_ADDRESSES`, as in
    `eu-west-1=127.0.0.1:5433;us-west-2=127.0.0.1:5434`."""
    lease: EpochLease | None = None
    """How long one sight of the topology's epoch lets it write: `SHOP_EPOCH_LEASE_SECONDS`, and how much earlier it stops:
    `SHOP_EPOCH_MARGIN_SECONDS`, a tenth of that. `None`: it does not fence itself."""
    secure_cookies: bool = True
    """Whether cookies need TLS: not if `SHOP_INSECURE_COOKIES` is set."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "DatabaseSettings | None":
        """The settings that the environment names; `None`: no database is to be used.

        Raises:
            InvalidInput: the password or the key is missing, or a value is not what it must be.
        """
        user = environ.get("SHOP_DATABASE_USER")
        if not user:
            return None
        key = environ.get("SHOP_TOKEN_KEY", "").encode()
        if len(key) < SHORTEST_KEY_BYTES:
            raise InvalidInput(
                "SHOP_TOKEN_KEY",
                f"{len(key)} bytes" if key else MISSING,
                allowed=f"a secret of at least {SHORTEST_KEY_BYTES} bytes, the same for all instances",
            )
        password = environ.get("SHOP_DATABASE_PASSWORD")
        if password is None:
            raise InvalidInput("SHOP_DATABASE_PASSWORD", MISSING, allowed=f"the password of {user}")
        return cls(
            user=user,
            password=password,
            token_key=key,
            addresses=_addresses(environ.get("SHOP_DATABASE_ADDRESSES", "")),
            lease=_lease(environ),
            secure_cookies=not environ.get("SHOP_INSECURE_COOKIES"),
        )


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
    drain_seconds: float | None = None
    """How long to serve on after SIGTERM: `SHOP_DRAIN_SECONDS`; `None`: as Seawall has it, `SEAWALL_DRAIN_SECONDS` or 15."""
    topology_seconds: float = 30.0
    """How often to read the topology: `SHOP_TOPOLOGY_SECONDS`."""
    health_token: str | None = field(default=None, repr=False)
    """Who shows it sees why a check fails: `SHOP_HEALTH_TOKEN`."""
    database: DatabaseSettings | None = None
    """Where orders are kept; `None`: nowhere."""

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
            drain_seconds=_number(environ, "SHOP_DRAIN_SECONDS", 0.0) if environ.get("SHOP_DRAIN_SECONDS") else None,
            topology_seconds=_number(environ, "SHOP_TOPOLOGY_SECONDS", 30.0),
            health_token=environ.get("SHOP_HEALTH_TOKEN") or None,
            database=DatabaseSettings.from_environ(environ),
        )


def _number(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name, "")
    try:
        return float(text) if text else default
    except ValueError:
        raise InvalidInput(name, text, allowed="a number") from None


def _lease(environ: Mapping[str, str]) -> EpochLease | None:
    if not environ.get(LEASE):
        return None
    seconds = _number(environ, LEASE, 0.0)
    margin = _number(environ, "SHOP_EPOCH_MARGIN_SECONDS", seconds * MARGIN_RATIO)
    try:
        return EpochLease(ttl_seconds=seconds, margin_seconds=margin)
    except InvalidInput as error:
        name = LEASE if error.name == "ttl_seconds" else "SHOP_EPOCH_MARGIN_SECONDS"
        raise InvalidInput(name, error.value, allowed=error.allowed, because=error.because) from None


def _instances(text: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for part in filter(None, text.split(";")):
        region, _, urls = part.partition("=")
        if not urls:
            raise InvalidInput("SHOP_INSTANCES", text, allowed="region=url,url;region=url,...")
        found[region.strip()] = tuple(url.strip() for url in urls.split(","))
    return found


def _addresses(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in filter(None, text.split(";")):
        member, _, address = part.partition("=")
        if not address.rpartition(":")[2].isdigit():
            raise InvalidInput("SHOP_DATABASE_ADDRESSES", text, allowed="member=host:port;member=host:port;...")
        found[member.strip()] = address.strip()
    return found
