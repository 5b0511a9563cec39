"""What happens to leases, for audits and logs: subscribe to the bus that a `Lease` was given."""

from dataclasses import dataclass

from seawall.events import Event

__all__ = ["LeaseAcquired", "LeaseEnded", "LeaseRenewalFailed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseAcquired(Event):
    """The lease called `source` was acquired."""

    holder: str
    fence: int
    store: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRenewalFailed(Event):
    """A renewal was not answered. The lease is held until its time is over, or one is."""

    holder: str
    fence: int
    because: str
    remaining_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseEnded(Event):
    """The lease is not held any more. Once for each that was acquired, unless its process was killed."""

    holder: str
    fence: int
    because: str
    lost: bool
    """Whether it was lost, and not released."""
