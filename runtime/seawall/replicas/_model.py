"""What a replica router can be told, and what it answers when asked how things stand."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, Protocol, cast

from seawall._numbers import number
from seawall.errors import InvalidInput
from seawall.selector._model import check_weight, whole

__all__ = [
    "Bounded",
    "ChoiceReason",
    "Consistency",
    "DatabaseServer",
    "EpochLease",
    "FallbackPolicy",
    "Fault",
    "Gauge",
    "LagPolicy",
    "Observation",
    "ReadYourWrites",
    "ReaderState",
    "ReplicaSnapshot",
    "RouterSnapshot",
    "StatementKind",
    "WriterOnly",
    "fault_of",
]

ROUNDS_IN_A_BOUND: Final = 2  # a replica is measured, and then measured against: what is known is up to that old


@dataclass(frozen=True, slots=True)
class DatabaseServer:
    """One server of a database. Which one is the writer changes over time and is not part of it.

    Raises:
        InvalidInput: an empty name, or a weight outside 0 to 65,535.
    """

    name: str
    """Unique within its router; in a topology, the member's name."""
    address: str = ""
    """`host:port`; only adapters look at it."""
    region: str | None = None
    weight: int = 1
    """Share of the reads, beside the other readers' weights. 0: no reads, whatever happens."""

    def __post_init__(self) -> None:
        if not isinstance(cast("object", self.name), str) or not self.name:
            raise InvalidInput("name", self.name, allowed="a text that is not empty")
        check_weight(self.weight)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What a server said of itself, once."""

    in_recovery: bool
    """Whether it replays another server's log, so that nothing can be written to it."""
    system_id: int | None = None
    """The cluster; `None` where the engine has no such thing."""
    timeline: int | None = None
    """The history that it is in; of a replica perhaps an earlier one, where it cannot say."""
    position: int | None = None
    """Bytes of log: of a writer those written, of a replica those replayed. `None` where positions do not compare."""
    fork: int | None = None
    """Of a promoted server that has not been restarted since: where its timeline began."""
    lag_seconds: float | None = None
    """Of a replica without positions: how far behind it says that it is. `None`: it cannot say."""


class Gauge(Protocol):
    """Asks servers how they are. Each server is asked in a thread of its own, one measurement at a time."""

    def measure(self, server: DatabaseServer, timeout_seconds: float) -> Observation:
        """What it says now. Raises, within about `timeout_seconds`, when it does not answer or answers nonsense."""
        ...

    def forget(self, server: DatabaseServer) -> None:
        """Close the gauge's own connection to it, if there is one."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterOnly:
    """Reads go to the writer, too: for what must never be a moment old, or while replicas are being introduced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounded:
    """Reads go to replicas that are at most so far behind; nothing is promised about one's own writes."""

    max_lag_seconds: float
    """Above 0; the router asks for at least two intervals of its `LagPolicy`."""
    when_writer_lost: Literal["serve", "refuse"] = "serve"
    """While nobody reaches the writer, how old a replica is cannot be known. `"serve"`: those that had replayed everything
    the writer was last seen to have written go on. `"refuse"`: reads raise `NoReaderAvailable`."""

    def __post_init__(self) -> None:
        number("max_lag_seconds", self.max_lag_seconds, above=0.0)
        if self.when_writer_lost not in ("serve", "refuse"):
            raise InvalidInput("when_writer_lost", self.when_writer_lost, allowed='"serve" or "refuse"')


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadYourWrites:
    """Reads see what the same session has written: a replica that is behind it is waited for, else the writer reads."""

    wait_seconds: float = 0.05
    """The longest that one read waits for a replica. 0: not at all."""

    def __post_init__(self) -> None:
        number("wait_seconds", self.wait_seconds, at_least=0.0)


Consistency = WriterOnly | Bounded | ReadYourWrites


@dataclass(frozen=True, slots=True, kw_only=True)
class LagPolicy:
    """How lag is measured, and from which on a replica gets no reads, whatever the consistency asked for."""

    max_lag_seconds: float = 10.0
    """At least two intervals."""
    max_lag_bytes: int | None = None
    """Of log not yet replayed; `None`: not looked at."""
    interval_seconds: float = 1.0
    """From one measurement of a server to the next."""
    timeout_seconds: float = 1.0
    """A measurement that takes longer has failed."""
    verdict_ttl_seconds: float = 5.0
    """How long the last verdict stands while measurements fail; then it is unknown, and unknown is not fresh."""
    hurry_seconds: float = 0.005
    """Between two measurements of a replica that somebody waits for."""
    jitter_ratio: float = 0.1
    """Each interval is shorter by a random part of up to this ratio, so that many clients do not ask in step."""

    def __post_init__(self) -> None:
        number("interval_seconds", self.interval_seconds, above=0.0)
        number("timeout_seconds", self.timeout_seconds, above=0.0)
        number("hurry_seconds", self.hurry_seconds, above=0.0)
        number("jitter_ratio", self.jitter_ratio, at_least=0.0, at_most=1.0)
        number("max_lag_seconds", self.max_lag_seconds, above=0.0)
        self.check_bound(self.max_lag_seconds)
        if self.max_lag_bytes is not None:
            whole("max_lag_bytes", self.max_lag_bytes)
        number("verdict_ttl_seconds", self.verdict_ttl_seconds, above=0.0)
        least = self.interval_seconds + self.timeout_seconds
        if self.verdict_ttl_seconds < least:
            raise InvalidInput(
                "verdict_ttl_seconds",
                self.verdict_ttl_seconds,
                allowed=f"at least {least:g}",
                because="the next measurement comes after interval_seconds and may take timeout_seconds",
            )

    def check_bound(self, max_lag_seconds: float) -> None:
        """Raise `InvalidInput` unless this much lag can be told from none."""
        least = ROUNDS_IN_A_BOUND * self.interval_seconds
        if max_lag_seconds < least:
            raise InvalidInput(
                "max_lag_seconds",
                max_lag_seconds,
                allowed=f"at least {least:g}",
                because=f"lag is measured every interval_seconds = {self.interval_seconds:g}, so that much always seems old",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackPolicy:
    """How much of the reads that replicas should serve may fall on the writer when they cannot.

    Both limits hold. Beyond them a read raises `NoReaderAvailable`: a writer that drowns in reads serves nobody.
    """

    max_share_ratio: float = 1.0
    """Of the reads in the window, fallbacks included. 0: never; 1: no such limit, which is right for a writer that can carry
    all reads for a while: what drowns it is work at the same time, and that has a limit of its own."""
    always_allowed: int = 20
    """Fallbacks per window that are let through whatever their share: at a low rate a share means nothing."""
    window_seconds: float = 10.0
    max_concurrent: int | None = 50
    """Units of work that read at the writer as a fallback, at a time. `None`: no such limit."""

    def __post_init__(self) -> None:
        number("max_share_ratio", self.max_share_ratio, at_least=0.0, at_most=1.0)
        whole("always_allowed", self.always_allowed, at_least=0)
        number("window_seconds", self.window_seconds, above=0.0)
        if self.max_concurrent is not None:
            whole("max_concurrent", self.max_concurrent)


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochLease:
    """Self-fencing: this process writes only while it has lately seen that its epoch is the present one.

    A promotion elsewhere then only has to wait `ttl_seconds` to know that nobody who cannot be told writes to the old
    writer any more. The time counts from when the reading of the live topology *began*, by the monotonic clock.
    """

    ttl_seconds: float = 30.0
    """How long one sight of the epoch allows to write."""
    margin_seconds: float = 3.0
    """Writing ends so much earlier: for what is under way, and for clocks that run at different speeds."""
    trust_own_regions: bool = False
    """Let a live document in one of the topology's own regions renew it, too: where somebody else sees to it that a region
    which is cut off from the others cannot read its own."""

    def __post_init__(self) -> None:
        number("ttl_seconds", self.ttl_seconds, above=0.0)
        number("margin_seconds", self.margin_seconds, at_least=0.0)
        if self.margin_seconds >= self.ttl_seconds:
            raise InvalidInput(
                "margin_seconds", self.margin_seconds, allowed=f"below ttl_seconds = {self.ttl_seconds:g}"
            )


class StatementKind(StrEnum):
    """What a statement does, as far as its sender can tell."""

    READ = "read"
    WRITE = "write"
    UNKNOWN = "unknown"
    """Goes where writes go; inside of `read_only()` where reads go, in a transaction that the server keeps read-only."""


class Fault(StrEnum):
    """What a driver's error means for the server that it came from."""

    READ_ONLY = "read-only"
    """The server takes no writes: it is a replica now. Nothing of the statement was done."""
    SHUTTING_DOWN = "shutting down"
    CONNECTION_LOST = "connection lost"
    POOL_FULL = "pool full"
    """No connection was free in time; says nothing about the server. Nothing was sent."""
    OTHER = "other"
    """The application's own: a constraint, a syntax error, a deadlock."""


_READ_ONLY_STATES: Final = frozenset({"25006"})  # read_only_sql_transaction
_SHUTDOWN_STATES: Final = frozenset(
    {"57P01", "57P02", "57P03"}  # admin_shutdown, crash_shutdown, cannot_connect_now
)
_CONNECTION_CLASS: Final = "08"  # connection_exception and its kind


def fault_of(sqlstate: str | None, *, connection_lost: bool) -> Fault:
    """What an error means, by its SQLSTATE (PostgreSQL's documentation, appendix A).

    Args:
        sqlstate: Five characters, or `None` when the error came from the client's side.
        connection_lost: Whether the driver says that the connection cannot be used any more.
    """
    if sqlstate in _READ_ONLY_STATES:
        return Fault.READ_ONLY
    if sqlstate in _SHUTDOWN_STATES:
        return Fault.SHUTTING_DOWN
    if connection_lost or (sqlstate is not None and sqlstate.startswith(_CONNECTION_CLASS)):
        return Fault.CONNECTION_LOST
    return Fault.OTHER


class ReaderState(StrEnum):
    """How a server stands as a reader. The values are the names in metrics."""

    FRESH = "fresh"
    LAGGING = "lagging"
    UNKNOWN = "unknown"
    """It was not measured lately; or it was the writer, is none any more, and nobody has taken over."""
    DIVERGED = "diverged"
    """It has, or may have, replayed a history that the writer does not have: it follows an old writer."""
    FOREIGN = "foreign"
    """It belongs to another cluster altogether."""
    WRITER = "writer"
    """It is the writer."""
    STRAY = "stray"
    """It takes writes, but is not the writer: never written to, and not read from."""


class ChoiceReason(StrEnum):
    """Why a server was chosen. The values are the names in metrics."""

    NEAREST = "nearest"
    """A reader, by the selector's rules."""
    WAITED = "waited"
    """A reader, after a wait for it to catch up with the session's own write."""
    WRITE = "write"
    """The writer, for a write or for what follows it in its unit of work."""
    ASKED = "asked"
    """The writer, by `use_writer()`, `start_on="writer"` or `WriterOnly()`."""
    BEHIND = "behind"
    """The writer, because no reader has caught up with the session's own write."""
    NO_READER = "no_reader"
    """The writer, because no reader is fit."""
    ELSEWHERE = "elsewhere"
    """Another reader, or the writer, because the first one failed or had no free connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaSnapshot:
    """One server at one moment."""

    server: DatabaseServer
    state: ReaderState
    lag_seconds: float
    """How old at most what it shows is; infinite when unknown, 0 for the writer."""
    lag_bytes: int | None
    """Of log not yet replayed, at the last measurement; `None` when unknown."""
    failures: int
    """Measurements that failed in a row."""
    last_error: str | None
    """Of the last measurement, when it failed; one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterSnapshot:
    """A router at one moment. Totals grow from the time it was made."""

    name: str
    writer: str | None
    """`None`: there is nobody to write to now."""
    trouble: str | None
    """Why not."""
    epoch: int
    generation: int
    """Changes of the writer so far."""
    lease_seconds: float
    """What is left of the epoch's lease; infinite without one."""
    servers: tuple[ReplicaSnapshot, ...]
    choices: tuple[tuple[str, ChoiceReason, int], ...]
    """How often each server was chosen for which reason."""
    waits: int
    """Reads that waited for a replica."""
    waits_in_vain: int
    """Of these, those that went to the writer in the end."""
    refused_reads: int
    refused_writes: int
    lost_writes: int
    """`WriteLost` raised."""

    @property
    def fallbacks(self) -> int:
        """Reads that fell on the writer because no reader could serve them."""
        fell = (ChoiceReason.BEHIND, ChoiceReason.NO_READER)
        return sum(count for _, reason, count in self.choices if reason in fell)
