"""What a lease is made of: its terms, its record where it is kept, and what such a place has to be able to do."""

from dataclasses import dataclass
from typing import Final, Protocol

from seawall._failover import check_ttl
from seawall._numbers import number
from seawall_ops.lease._domains import Location

__all__ = ["FREE", "NEVER_SEEN", "REQUEST_TIMEOUT_SECONDS", "LeaseRecord", "LeaseStore", "LeaseTerms", "Stored"]

FREE: Final = ""
"""As holder: nobody; the lease may be taken at once."""
NEVER_SEEN: Final = "(unknown)"
"""As holder: the record was missing and has been made anew, so that somebody may hold it who is not in it."""

REQUEST_TIMEOUT_SECONDS: Final = 5.0  # the default of terms and of stores


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseTerms:
    """How long a lease is good for. The same for all that contend for it.

    Raises:
        InvalidInput: A number is out of its bounds, or two renewals that time out would already lose the lease.
    """

    ttl_seconds: float = 30.0
    """Who watches a record for so long without seeing it change may take it over. Patroni's default."""
    margin_seconds: float = 3.0
    """The holder stops so much earlier: for what is under way, and for clocks that run at different speeds."""
    renew_every_seconds: float = 8.0
    request_timeout_seconds: float = REQUEST_TIMEOUT_SECONDS
    """Of one request to the store; it counts as not answered then, and may have happened."""
    retry_seconds: float = 1.0
    """From a renewal that was not answered to the next one."""
    jitter_ratio: float = 0.1
    """Each wait is shorter by a random part of up to this ratio, so that contenders do not ask in step."""

    def __post_init__(self) -> None:
        number("ttl_seconds", self.ttl_seconds, above=0.0)
        number("margin_seconds", self.margin_seconds, at_least=0.0)
        number("renew_every_seconds", self.renew_every_seconds, above=0.0)
        number("request_timeout_seconds", self.request_timeout_seconds, above=0.0)
        number("retry_seconds", self.retry_seconds, above=0.0)
        number("jitter_ratio", self.jitter_ratio, at_least=0.0, at_most=1.0)
        check_ttl(
            "ttl_seconds",
            self.ttl_seconds,
            margin_seconds=self.margin_seconds,
            renew_every_seconds=self.renew_every_seconds,
            request_timeout_seconds=self.request_timeout_seconds,
            retry_seconds=self.retry_seconds,
        )

    @property
    def usable_seconds(self) -> float:
        """From the beginning of a renewal until its holder stops."""
        return self.ttl_seconds - self.margin_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRecord:
    """What stands in a store about one lease."""

    holder: str
    """Who; unique to one run of one process. `FREE` or `NEVER_SEEN` are nobody."""
    fence: int
    """Of this holder, or of the last one. Never goes back."""
    ttl_seconds: float
    """How long the holder counts on being left alone after each of its writes."""
    write: str
    """Unique to each write, so that whoever got no answer finds out whether it was its own."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A record as it was read, and the version that a write over it has to name."""

    record: LeaseRecord
    version: str
    """The store's own; no two writes have the same, not even after a record was deleted and made anew."""


class LeaseStore(Protocol):
    """Where leases are kept. Reads are consistent, writes conditional; everything ends within the store's own time-out.

    No method retries a write by itself. Every one raises `LeaseUnavailable` when the store does not answer, refuses or is
    broken; a write may have happened then.
    """

    @property
    def where(self) -> str:
        """For messages and audits, e.g. `DynamoDB table leases in eu-north-1`. Never a secret."""
        ...

    @property
    def location(self) -> Location:
        """Where it would fail."""
        ...

    def read(self, name: str) -> Stored | None:
        """The latest record; `None` when there is none."""
        ...

    def create(self, name: str, record: LeaseRecord) -> None:
        """Make a record where there is none; does nothing where there is one.

        Its fence is at least that of `record`, and beyond every one that this store has ever given to that name, as far as
        the store can know after the record was deleted.
        """
        ...

    def replace(self, name: str, record: LeaseRecord, over: Stored) -> Stored | None:
        """Write a record, if the version is still that of `over`; `None` when it is not, and then nothing was written.

        A store that remembers a higher fence than the record has may write a still higher one, and answers with it.
        """
        ...
