"""What happens in a selector that somebody may want to hear of. Nothing per pick, nothing per success."""

from dataclasses import dataclass

from seawall.events import Event

__all__ = [
    "ActiveChanged",
    "EndpointEjected",
    "EndpointHealthChanged",
    "EndpointRestored",
    "EndpointsChanged",
    "PanicChanged",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointEjected(Event):
    """Outlier detection took an endpoint out for a time."""

    endpoint: str
    reason: str
    """`consecutive failures` or `failure rate`."""
    seconds: float
    """How long, unless the maximum ends it sooner."""
    ejections: int
    """The n of this ejection, see `OutlierDetection`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRestored(Event):
    """An ejected endpoint is in use again."""

    endpoint: str
    reason: str
    """`time` or `maximum`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointHealthChanged(Event):
    """The probes' verdict on an endpoint changed."""

    endpoint: str
    healthy: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveChanged(Event):
    """`ActivePassive` uses another endpoint."""

    previous: str | None
    current: str | None
    """`None`: no endpoint has a weight."""
    reason: str
    """`failover`, `failback` or `endpoints changed`."""
    cause: str = ""
    """Of a failover: what was wrong with the previous one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PanicChanged(Event):
    """Too few endpoints are available now, or enough of them again; see `PanicPolicy`."""

    panicking: bool
    available: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointsChanged(Event):
    """Endpoints were added, taken away or changed while the selector was in use."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
