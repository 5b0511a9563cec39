"""When a failover is decided: the numbers, in one place, checked, with what they promise. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Final

from seawall._failover import DAYS, FEWEST_DOMAINS, LONGEST_NAME, shortest_staleness_seconds, too_few
from seawall._numbers import number
from seawall.errors import InvalidInput
from seawall.timing import DEFAULT_LAG_LIMIT_SECONDS, FailureClass, Source, Term
from seawall_ops.failover.votes import Judge, check_hysteresis

__all__ = ["FEWEST_DOMAINS", "MaintenanceWindow", "Mode", "Policy", "decision_terms"]

DAY_SECONDS: Final = 86_400.0
HOUR_SECONDS: Final = 3_600.0


class Mode(StrEnum):
    """What a decision may lead to."""

    AUTOMATIC = "automatic"
    """It acts, where all conditions for that are met."""
    RECOMMEND = "recommend"
    """It never acts; it says what it would do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceWindow:
    """A pause that comes back every week, in UTC, e.g. RDS's own maintenance window.

    Raises:
        InvalidInput: The day is none, the start has no time of day, or the length is not above 0 or above a day.
    """

    day: str
    """`mon` to `sun`."""
    start: str
    """Time of day in UTC, e.g. `03:30`."""
    minutes: int
    why: str = "maintenance window"

    def __post_init__(self) -> None:
        if self.day not in DAYS:
            raise InvalidInput("day", self.day, allowed=", ".join(DAYS))
        self._start()
        if not 1 <= self.minutes <= DAY_SECONDS / 60:
            raise InvalidInput("minutes", self.minutes, allowed="1 to 1440")

    def covers(self, now: datetime) -> bool:
        """Whether it is open at a time in UTC."""
        week = timedelta(days=7)
        at = self._start()
        since_monday = timedelta(days=now.weekday(), hours=now.hour, minutes=now.minute, seconds=now.second)
        opened = timedelta(days=DAYS.index(self.day), hours=at.hour, minutes=at.minute)
        return (since_monday - opened) % week < timedelta(minutes=self.minutes)

    def __str__(self) -> str:
        return f"{self.why}, {self.day} {self.start} UTC for {self.minutes} min"

    def _start(self) -> time:
        try:
            return time.fromisoformat(self.start)
        except ValueError:
            raise InvalidInput("start", self.start, allowed="a time of day, e.g. 03:30") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """When a failover of one cluster is decided.

    Raises:
        InvalidInput: A value is not allowed, or two contradict each other.
    """

    cluster: str
    """Name of what fails over as one, e.g. `shop-prod`."""
    domains: tuple[str, ...]
    """Failure domains with a voice, each once, e.g. regions. Below three nothing is ever acted on."""
    mode: Mode = Mode.AUTOMATIC
    interval_seconds: float = 30.0
    """From the start of a round of checks to the start of the next."""
    timeout_seconds: float = 5.0
    """Of each check, and of each reading and writing of the board."""
    failures_to_trip: int = 3
    window: int = 3
    """Of so many checks, `failures_to_trip` have to fail."""
    successes_to_clear: int = 6
    """In a row, before a subject is healthy again; more than `failures_to_trip`."""
    decision_interval_seconds: float = 10.0
    stale_after_seconds: float | None = None
    """A vote that has not changed for so long is unknown; `None`: two rounds, each with its time-outs."""
    lag_limit_seconds: float = DEFAULT_LAG_LIMIT_SECONDS
    """A replica that was further behind when the writer was last seen is no candidate."""
    cool_down_seconds: float = HOUR_SECONDS
    """After an operation has ended, nothing is acted on for so long."""
    most_operations: int = 1
    """Automatic operations within `operations_window_seconds`: what fails again is not healed by moving it again."""
    operations_window_seconds: float = DAY_SECONDS
    act_on: frozenset[FailureClass] = frozenset({FailureClass.WRITER, FailureClass.REGION})
    """Classes that are acted on. An endpoint alone is moved by Route 53's own health checks, without us."""
    windows: tuple[MaintenanceWindow, ...] = ()

    def __post_init__(self) -> None:
        for name, value in (("cluster", self.cluster), *(("domains", domain) for domain in self.domains)):
            if not 1 <= len(value) <= LONGEST_NAME or not value.isprintable():
                raise InvalidInput(name, value, allowed=f"a name of 1 to {LONGEST_NAME} characters")
        if not self.domains or len(set(self.domains)) != len(self.domains):
            raise InvalidInput("domains", ", ".join(self.domains) or "none", allowed="at least one, each once")
        number("interval_seconds", self.interval_seconds, above=0)
        number("timeout_seconds", self.timeout_seconds, above=0, at_most=self.interval_seconds / 2)
        check_hysteresis(self.failures_to_trip, self.window, self.successes_to_clear)
        if self.successes_to_clear <= self.failures_to_trip:
            raise InvalidInput(
                "successes_to_clear",
                self.successes_to_clear,
                allowed=f"more than failures_to_trip = {self.failures_to_trip}",
                because="what flaps has to stay out for longer than it took to notice",
            )
        number("decision_interval_seconds", self.decision_interval_seconds, above=0)
        number("stale_after_seconds", self.staleness_seconds, at_least=self.shortest_staleness_seconds)
        number("lag_limit_seconds", self.lag_limit_seconds, above=0)
        number("cool_down_seconds", self.cool_down_seconds, at_least=self.staleness_seconds)
        if self.most_operations < 1:
            raise InvalidInput("most_operations", self.most_operations, allowed="at least 1, or mode = recommend")
        number("operations_window_seconds", self.operations_window_seconds, at_least=self.cool_down_seconds)
        unknown = self.act_on - {FailureClass.WRITER, FailureClass.REGION, FailureClass.ENDPOINT}
        if unknown:
            raise InvalidInput(
                "act_on", ", ".join(sorted(each.value for each in unknown)), allowed="writer, region, endpoint"
            )

    @property
    def shortest_staleness_seconds(self) -> float:
        """Two rounds, each with the time-out of its checks and of the board: one lost vote is no lost observer."""
        return shortest_staleness_seconds(self.interval_seconds, self.timeout_seconds)

    @property
    def staleness_seconds(self) -> float:
        """After how many seconds without a change a vote is unknown."""
        return self.shortest_staleness_seconds if self.stale_after_seconds is None else self.stale_after_seconds

    @property
    def quorum(self) -> int:
        """Domains that have to agree: more than half of those with a voice, at least two."""
        return max(2, len(self.domains) // 2 + 1)

    @property
    def most_dissenting(self) -> int:
        """Domains that may see as healthy what the quorum does not: 0 of 3 or 4, 1 of 5 or 6."""
        return max(0, (len(self.domains) - FEWEST_DOMAINS) // 2)

    @property
    def never_acts_because(self) -> str | None:
        """Why nothing is ever acted on, in one line; `None`: it may be."""
        if self.mode is Mode.RECOMMEND:
            return "the policy says mode = recommend"
        return too_few(self.domains)

    def check_domain(self, domain: str) -> None:
        """Refuse an observer in a domain without a voice.

        Raises:
            InvalidInput: It is none of `domains`.
        """
        if domain not in self.domains:
            raise InvalidInput("domain", domain, allowed=", ".join(self.domains))

    def judge(self, *, proven: bool = False) -> Judge:
        """The hysteresis of one subject.

        Args:
            proven: Whether the observer has seen it healthy before.
        """
        return Judge(
            failures_to_trip=self.failures_to_trip,
            window=self.window,
            successes_to_clear=self.successes_to_clear,
            proven=proven,
        )


def decision_terms(policy: Policy, failure_class: FailureClass = FailureClass.REGION) -> tuple[Term, ...]:
    """From a failure until the decision to act, while observers run and nothing holds it back.

    For `seawall.timing.predict_database(detection=..., decision_seconds=...)`, and for what a game day measures.

    Args:
        policy: The numbers.
        failure_class: What fails. A lost region swallows packets; what dies on a living host refuses at once.
    """
    failures = policy.failures_to_trip
    silent = policy.timeout_seconds if failure_class is FailureClass.REGION else 0.0
    return (
        Term(
            "failed checks",
            policy.interval_seconds * (failures - 0.5),
            policy.interval_seconds * failures,
            Source.COMPUTED,
            "the failure begins right after a passed check at worst, half an interval after one typically",
            formula=f"{failures} checks x {policy.interval_seconds:g} s",
            inputs=("interval_seconds", "failures_to_trip"),
        ),
        Term(
            "time-out",
            silent,
            policy.timeout_seconds,
            Source.COMPUTED,
            "the last check runs into its time-out",
            inputs=("timeout_seconds",),
        ),
        Term(
            "vote",
            0.0,
            policy.timeout_seconds,
            Source.COMPUTED,
            "the vote is written to the board; what takes longer is given up",
            inputs=("timeout_seconds",),
        ),
        Term(
            "decision interval",
            policy.decision_interval_seconds / 2,
            policy.decision_interval_seconds + policy.timeout_seconds,
            Source.COMPUTED,
            "an observer reads the board next, within the board's time-out",
            formula=f"{policy.decision_interval_seconds:g} s + {policy.timeout_seconds:g} s decision interval",
            inputs=("decision_interval_seconds", "timeout_seconds"),
        ),
    )


def window_open(windows: Sequence[MaintenanceWindow], now: datetime) -> MaintenanceWindow | None:
    """The first window that is open at a time in UTC; `None`: none is."""
    return next((window for window in windows if window.covers(now)), None)
