"""What a selector can be told, and what it answers when asked how things stand. Vocabulary: Envoy's."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, cast

from seawall._numbers import number
from seawall.errors import InvalidInput

__all__ = [
    "ActivePassive",
    "Endpoint",
    "EndpointSnapshot",
    "EndpointState",
    "FailbackPolicy",
    "OutlierDetection",
    "PanicPolicy",
    "Policy",
    "PowerOfTwoChoices",
    "RegionAffinity",
    "SelectorSnapshot",
    "SlowStart",
    "WeightedRoundRobin",
    "counts_as_failure",
]

LARGEST_WEIGHT: Final = 65_535  # keeps the order of any two deadlines exact, see `_weighted`


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One place that can serve a call.

    Raises:
        InvalidInput: an empty name, a weight outside 0 to 65,535, or an unknown role.
    """

    name: str
    """Unique within its selector; shown in events and metrics."""
    url: str = ""
    """Base URL or `host:port`; only transports and probers look at it."""
    region: str | None = None
    role: Literal["primary", "standby"] = "primary"
    """`ActivePassive` prefers primaries; other policies do not look at it."""
    weight: int = 1
    """Share of the calls, beside the other endpoints' weights. 0: no calls, whatever happens."""
    health_url: str | None = None
    """What an HTTP probe asks; `None`: the base URL with the probe's path."""

    def __post_init__(self) -> None:
        if not isinstance(cast("object", self.name), str) or not self.name:
            raise InvalidInput("name", self.name, allowed="a text that is not empty")
        check_weight(self.weight)
        if self.role not in ("primary", "standby"):
            raise InvalidInput("role", self.role, allowed='"primary" or "standby"')


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivePassive:
    """All calls go to one endpoint, the active one; another takes over when it fails.

    Preferred are primaries, then those in the region of `RegionAffinity`, then the order given. `FailbackPolicy` says
    when a preferred endpoint is used again.
    """

    failure_threshold: int = 3
    """Failed calls in a row after which the next endpoint becomes active. At least 1. `OutlierDetection`'s failure rate
    counts, too; its maximum does not, since one endpoint always stays in use."""

    def __post_init__(self) -> None:
        whole("failure_threshold", self.failure_threshold)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedRoundRobin:
    """Calls in proportion to weight, evenly mixed: as many as the weights say within each full cycle, and at no time a
    whole call more or less than an endpoint's share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerOfTwoChoices:
    """Of two endpoints drawn at random, the one with fewer calls under way for its weight; of two that are equally busy,
    one by weight.

    Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing" (2001).
    """

    peak_ewma_seconds: float | None = None
    """Weigh calls under way by latency: a moving average that jumps to each peak and decays with this time constant
    (Finagle's "peak EWMA"; 10 s is its default). Of two, the one wins whose latency times calls, over weight, is lower.
    `None`: count calls only."""

    def __post_init__(self) -> None:
        if self.peak_ewma_seconds is not None:
            number("peak_ewma_seconds", self.peak_ewma_seconds, above=0.0)


Policy = ActivePassive | WeightedRoundRobin | PowerOfTwoChoices


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlierDetection:
    """Which endpoints are judged by their calls to be bad, and for how long they get none (ejection).

    The n-th ejection lasts `ejection_seconds * n`, at most `max_ejection_seconds`; n falls by one for each
    `ejection_seconds` without an ejection.
    """

    consecutive_failures: int = 5
    """Failures in a row that eject. At least 1. `ActivePassive` has its own threshold instead."""
    failure_rate_threshold: float | None = 0.5
    """Ratio of failures in the window that ejects: a flapping endpoint never fails often enough in a row. Above 0, at
    most 1; `None`: not looked at."""
    minimum_calls: int = 20
    """Calls of an endpoint in the window before its rate means anything. At least 1."""
    window_seconds: float = 30.0
    """The window of the failure rate."""
    ejection_seconds: float = 30.0
    max_ejection_seconds: float = 300.0
    jitter_ratio: float = 0.1
    """An ejection is longer by a random part of up to this ratio, so that many clients do not return in step."""
    max_ejected_ratio: float = 0.5
    """The most endpoints ejected at a time, of those with a weight: never more than `floor(ratio * endpoints)`, at no
    moment. When endpoints are taken away, the ejections that end soonest end at once."""
    record: tuple[type[Exception], ...] = (Exception,)
    """Exceptions that count as failures of the endpoint when they leave a `with selector.pick()` block. Cancellation,
    interrupts and `CallNotPermitted` never do."""
    ignore: tuple[type[Exception], ...] = ()
    """Exceptions, out of `record`, that do not count."""

    def __post_init__(self) -> None:
        whole("consecutive_failures", self.consecutive_failures)
        if self.failure_rate_threshold is not None:
            number("failure_rate_threshold", self.failure_rate_threshold, above=0.0, at_most=1.0)
        whole("minimum_calls", self.minimum_calls)
        number("window_seconds", self.window_seconds, above=0.0)
        number("ejection_seconds", self.ejection_seconds, above=0.0)
        number("max_ejection_seconds", self.max_ejection_seconds, above=0.0)
        if self.max_ejection_seconds < self.ejection_seconds:
            raise InvalidInput(
                "max_ejection_seconds",
                self.max_ejection_seconds,
                allowed=f"at least {self.ejection_seconds:g}",
                because=f"the first ejection already lasts ejection_seconds = {self.ejection_seconds:g}",
            )
        number("jitter_ratio", self.jitter_ratio, at_least=0.0, at_most=1.0)
        number("max_ejected_ratio", self.max_ejected_ratio, at_least=0.0, at_most=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PanicPolicy:
    """What to do when too few endpoints are available to carry the load."""

    threshold_ratio: float = 0.0
    """Panic while fewer than this ratio of the endpoints with a weight are available; 0: only when none is. Envoy's own
    default is 0.5, which keeps the survivors from being overrun where each carries much. `ActivePassive` needs one
    endpoint only, and panics when none is available."""
    action: Literal["all", "fail"] = "all"
    """`"all"`: use all endpoints as if they were well, since what is known about them may be wrong. `"fail"`:
    `pick` raises `NoEndpointAvailable` at once."""

    def __post_init__(self) -> None:
        number("threshold_ratio", self.threshold_ratio, at_least=0.0, at_most=1.0)
        if self.action not in ("all", "fail"):
            raise InvalidInput("action", self.action, allowed='"all" or "fail"')


@dataclass(frozen=True, slots=True, kw_only=True)
class FailbackPolicy:
    """When `ActivePassive` goes back to an endpoint that it prefers to the active one: after enough good probes, and
    not before the hold is over.

    The hold begins with each change of the active endpoint. It is `minimum_hold_seconds`, doubled for each failover that
    follows the last failback within `max_hold_seconds`, at most `max_hold_seconds`; then longer by a random part of up to
    `jitter_ratio`. When the active endpoint fails, nothing holds the next one back.
    """

    good_probes: int = 3
    """Good probes in a row. 0: the hold is enough, which is for apps without a `HealthProber`; with more and no prober
    nothing goes back by itself."""
    minimum_hold_seconds: float = 60.0
    max_hold_seconds: float = 600.0
    jitter_ratio: float = 0.1

    def __post_init__(self) -> None:
        whole("good_probes", self.good_probes, at_least=0)
        number("minimum_hold_seconds", self.minimum_hold_seconds, at_least=0.0)
        number("max_hold_seconds", self.max_hold_seconds, at_least=0.0)
        if self.max_hold_seconds < self.minimum_hold_seconds:
            raise InvalidInput(
                "max_hold_seconds", self.max_hold_seconds, allowed=f"at least {self.minimum_hold_seconds:g}"
            )
        number("jitter_ratio", self.jitter_ratio, at_least=0.0, at_most=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionAffinity:
    """Prefer endpoints in one region; others get what it cannot carry."""

    region: str
    spill_over_below_ratio: float = 0.7
    """All calls stay in the region while at least this ratio of its weight is available; below, the region keeps
    `available / total / spill_over_below_ratio` of them (Envoy's over-provisioning factor is 1.4, so 0.71)."""

    def __post_init__(self) -> None:
        if not isinstance(cast("object", self.region), str) or not self.region:
            raise InvalidInput("region", self.region, allowed="a region's name")
        number("spill_over_below_ratio", self.spill_over_below_ratio, above=0.0, at_most=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowStart:
    """An endpoint that comes (back) into use gets a tenth of its weight, then a tenth more with each tenth of the time.

    Not for `ActivePassive`.
    """

    seconds: float = 30.0

    def __post_init__(self) -> None:
        number("seconds", self.seconds, above=0.0)


class EndpointState(StrEnum):
    """How an endpoint stands. The values are the names in metrics."""

    AVAILABLE = "available"
    RECOVERING = "recovering"
    """Available, but has not yet had the good probes that `FailbackPolicy` asks for."""
    UNHEALTHY = "unhealthy"
    """Its probes fail."""
    EJECTED = "ejected"
    """Outlier detection took it out for a time."""
    FAILED = "failed"
    """`ActivePassive` left it because its calls failed."""
    DRAINED = "drained"
    """Its weight is 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSnapshot:
    """An endpoint at one moment. Totals grow from the time it was added."""

    endpoint: Endpoint
    state: EndpointState
    share_ratio: float
    """What slow start leaves of its weight: 0.1 to 1."""
    outstanding: int
    """Calls under way; counted by `PowerOfTwoChoices` only, else 0."""
    failures_in_a_row: int
    ejections: int
    """The n of the last ejection, see `OutlierDetection`."""
    ejected_for_seconds: float
    """What is left of the ejection, 0 when not ejected."""
    total_picks: int
    total_failed: int
    total_ejections: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectorSnapshot:
    """A selector at one moment."""

    name: str
    active: str | None
    """The endpoint that `ActivePassive` uses; else `None`."""
    panicking: bool
    switches: int
    """Changes of the active endpoint since the selector was made: failovers and failbacks."""
    endpoints: tuple[EndpointSnapshot, ...]
    """In the order in which they were given."""


def counts_as_failure(
    error: BaseException, *, record: tuple[type[Exception], ...], ignore: tuple[type[Exception], ...]
) -> bool:
    """Whether what a call raised speaks against its endpoint. Of a group, one of its members is enough."""
    if isinstance(error, BaseExceptionGroup):
        members = cast("BaseExceptionGroup[BaseException]", error).exceptions
        return any(counts_as_failure(each, record=record, ignore=ignore) for each in members)
    return isinstance(error, record) and not isinstance(error, ignore)


def check_weight(weight: object) -> None:
    """Raise unless `weight` may be an endpoint's weight."""
    whole("weight", weight, at_least=0, at_most=LARGEST_WEIGHT)


def whole(name: str, value: object, *, at_least: int = 1, at_most: int | None = None) -> None:
    """Raise unless `value` is a whole number within the bounds."""
    if (
        not isinstance(value, int)
        or isinstance(value, bool)
        or value < at_least
        or (at_most is not None and value > at_most)
    ):
        most = "" if at_most is None else f" and at most {at_most:,}"
        raise InvalidInput(name, value, allowed=f"a whole number, at least {at_least}{most}")
