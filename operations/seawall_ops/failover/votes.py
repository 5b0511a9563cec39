"""What observers say: healthy, unhealthy or unknown, and how their words are counted. Pure.

What holds at all times:

1. What is not known never counts as unhealthy, nor as healthy: a check that failed for the observer's own reasons, a vote
   that nobody has seen change, an observer that has lost the network, two observers of one domain that disagree.
2. A failure domain has one voice, however many observers run in it.
3. No clock of another machine is compared with ours: the age of a vote is how long it has not been seen to change, on the
   monotonic clock of who reads. A vote that was read once has no age, and does not count.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, final

from seawall.clock import Clock
from seawall.errors import InvalidInput

__all__ = [
    "Evidence",
    "Health",
    "Judge",
    "MemberState",
    "Observation",
    "Seen",
    "Subject",
    "Tally",
    "Verdict",
    "Vote",
    "Watch",
    "tally",
]

LONGEST_BECAUSE: Final = 200  # characters; a vote has to stay small where it is kept
MOST_VERDICTS: Final = 64  # per vote: endpoints and members of one service, some of them twice


class Health(StrEnum):
    """What an observer says of a subject."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    UNKNOWN = "unknown"
    """The observer cannot tell. Never counts as unhealthy."""


class Evidence(StrEnum):
    """How a subject was looked at. Evidence of one kind never stands for another."""

    SERVICE = "service"
    """A region's service answers `/regionz`."""
    DATABASE = "database"
    """A member of the database was connected to and asked."""
    STATUS = "status"
    """What AWS says of a member's instance."""


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """What a verdict is about: an endpoint or a member, by its name in the topology, and by which evidence."""

    evidence: Evidence
    name: str

    def __str__(self) -> str:
        return f"{self.evidence}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> "Subject":
        """The subject of a text like `database/tokyo`.

        Raises:
            InvalidInput: It is none.
        """
        evidence, separator, name = text.partition("/")
        if not separator or not name or evidence not in list(Evidence):
            raise InvalidInput("subject", text, allowed=f"{', '.join(Evidence)}, then / and a name")
        return cls(Evidence(evidence), name)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberState:
    """What a member of the database said of itself, as far as it decides who may take over."""

    writable: bool
    """It is not in recovery, and takes writes."""
    same_lineage: bool | None = None
    """Whether it replays the writer's own history; `None`: nobody can tell."""
    lag_seconds: float | None = None
    """How far it was behind the writer when this observer last saw the writer; `None`: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one check found."""

    subject: Subject
    health: Health
    because: str = ""
    """One line for people."""
    state: MemberState | None = None
    """Of a member that answered."""
    at_work: bool = False
    """AWS says that it is changing the instance: what is seen meanwhile ends by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What an observer thinks of a subject after its last checks."""

    subject: Subject
    judged: Health
    """With hysteresis: from `Judge`."""
    latest: Health
    """What the last check alone found."""
    because: str = ""
    state: MemberState | None = None
    at_work: bool = False
    proven: bool = False
    """The observer has seen it healthy before, in this life or an earlier one."""

    @property
    def standing(self) -> Health:
        """What counts: the judgment, while the last check agrees with it.

        A writer that has just come back is not voted out by the checks that it failed before, and one that has just failed
        a check is not vouched for by those that it passed.
        """
        return self.judged if self.judged is self.latest else Health.UNKNOWN


@final
class Judge:
    """Hysteresis over the checks of one subject by one observer.

    Unhealthy once `failures_to_trip` of the last `window` checks were; healthy once `successes_to_clear` in a row were. A
    check that could not tell takes a place in the window and is no failure. In the beginning nothing is known.

    What was never seen healthy is not called unhealthy: an observer whose security group, name or password is wrong would
    vote against a healthy writer for ever.

    Args:
        failures_to_trip: Of the last `window` checks. At least 1.
        window: Checks that are remembered. At least `failures_to_trip`.
        successes_to_clear: In a row. At least 1.
        proven: Whether it was healthy before this process began.

    Raises:
        InvalidInput: A number is outside of that.
    """

    __slots__ = ("_clear", "_healthy_in_a_row", "_judged", "_proven", "_recent", "_trip", "_window")

    def __init__(self, *, failures_to_trip: int, window: int, successes_to_clear: int, proven: bool = False) -> None:
        check_hysteresis(failures_to_trip, window, successes_to_clear)
        self._trip: Final = failures_to_trip
        self._window: Final = window
        self._clear: Final = successes_to_clear
        self._recent: tuple[bool, ...] = ()  # newest last; whether the check failed
        self._healthy_in_a_row = 0
        self._judged = Health.UNKNOWN
        self._proven = proven

    def note(self, observation: Observation) -> Verdict:
        """Take the next check into account."""
        bad = observation.health is Health.UNHEALTHY
        self._recent = (*self._recent, bad)[-self._window :]
        self._healthy_in_a_row = self._healthy_in_a_row + 1 if observation.health is Health.HEALTHY else 0
        if self._proven and sum(self._recent) >= self._trip:
            self._judged = Health.UNHEALTHY
        elif self._healthy_in_a_row >= self._clear:
            self._judged = Health.HEALTHY
            self._proven = True
        return Verdict(
            subject=observation.subject,
            judged=self._judged,
            latest=observation.health,
            because=observation.because[:LONGEST_BECAUSE],
            state=observation.state,
            at_work=observation.at_work,
            proven=self._proven,
        )


def check_hysteresis(failures_to_trip: int, window: int, successes_to_clear: int) -> None:
    """Refuse what is no hysteresis.

    Raises:
        InvalidInput: A number is below 1, or the window does not hold the failures.
    """
    for name, value in (("failures_to_trip", failures_to_trip), ("successes_to_clear", successes_to_clear)):
        if value < 1:
            raise InvalidInput(name, value, allowed="at least 1")
    if window < failures_to_trip:
        raise InvalidInput("window", window, allowed=f"at least failures_to_trip = {failures_to_trip}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """What one observer says of everything that it watches, in one writing.

    Raises:
        InvalidInput: A name is empty, the sequence number is below 1, or there are too many verdicts.
    """

    observer: str
    """Unique on the board."""
    domain: str
    """Failure domain that it runs in, e.g. a region."""
    boot: str
    """Another one each time that the process starts."""
    sequence: int
    """One more with each vote; a restart goes on from what is on the board."""
    epoch: int
    """Of the topology that it watches by: an observer that looks at yesterday's writer says nothing of today's."""
    verdicts: tuple[Verdict, ...] = ()
    isolated: str | None = None
    """Why the observer cannot tell anything: it has lost the network itself. `None`: it has not."""
    watched: tuple[tuple[str, float], ...] = ()
    """How many seconds it has watched an entry of the ledger, restarts left out: a lower bound of the entry's age."""
    thinks: str = ""
    """What it last decided, in one line, for people."""

    def __post_init__(self) -> None:
        for name in ("observer", "domain", "boot"):
            if not getattr(self, name):
                raise InvalidInput(name, getattr(self, name), allowed="a name")
        if self.sequence < 1:
            raise InvalidInput("sequence", self.sequence, allowed="at least 1")
        if len(self.verdicts) > MOST_VERDICTS:
            raise InvalidInput("verdicts", len(self.verdicts), allowed=f"at most {MOST_VERDICTS}")

    def verdict(self, subject: Subject) -> Verdict | None:
        """What it says of a subject; `None`: nothing."""
        return next((each for each in self.verdicts if each.subject == subject), None)


@dataclass(frozen=True, slots=True)
class Seen:
    """A vote as it was read, and how long it has not changed before our eyes."""

    vote: Vote
    age_seconds: float | None
    """`None`: it was never seen to change, so that nobody knows how old it is."""

    def stale(self, after_seconds: float) -> bool:
        """Whether it says nothing any more."""
        return self.age_seconds is None or self.age_seconds > after_seconds


@final
class Watch:
    """Ages by observed change, on our own monotonic clock. One per process that reads the board.

    Args:
        clock: Monotonic time.
    """

    __slots__ = ("_clock", "_entries", "_votes")

    def __init__(self, clock: Clock) -> None:
        self._clock: Final = clock
        self._votes: dict[
            str, tuple[tuple[str, int], float | None, float]
        ] = {}  # by observer: mark, changed, first read
        self._entries: dict[
            str, tuple[float, float]
        ] = {}  # by key: seconds known when it was first read, when that was

    def votes(self, read: Iterable[Vote]) -> tuple[Seen, ...]:
        """The votes of one reading of the board, with their ages."""
        now = self._clock.monotonic()
        before, self._votes = self._votes, {}
        seen: list[Seen] = []
        for vote in read:
            mark = (vote.boot, vote.sequence)
            known = before.get(vote.observer)
            changed = None if known is None else known[1] if known[0] == mark else now
            first = known[2] if known is not None and known[0] == mark else now
            self._votes[vote.observer] = mark, changed, first
            seen.append(Seen(vote, None if changed is None else now - changed))
        return tuple(seen)

    def unchanged_seconds(self, observer: str) -> float:
        """For how long the observer's vote has been the one that it is, as far as we saw: a lower bound."""
        known = self._votes.get(observer)
        return 0.0 if known is None else self._clock.monotonic() - known[2]

    def ages(self, keys: Iterable[str], votes: Iterable[Vote]) -> dict[str, float]:
        """For how many seconds entries of the ledger are known to be as they are: lower bounds of their ages.

        The longest that any observer has watched one, and we ourselves. What observers have watched is in their votes and
        survives their restarts, so that neither a restart nor a wrong clock begins a cool-down anew or ends it.

        Args:
            keys: The entries that there are; all others are forgotten.
            votes: Of the same reading.
        """
        now = self._clock.monotonic()
        told: dict[str, float] = {}
        for vote in votes:
            for key, seconds in vote.watched:
                told[key] = max(told.get(key, 0.0), seconds)
        before, self._entries = self._entries, {}
        for key in keys:
            known, since = before.get(key, (0.0, now))
            if told.get(key, 0.0) > known + (now - since):
                known, since = told[key], now
            self._entries[key] = known, since
        return {key: known + (now - since) for key, (known, since) in self._entries.items()}


@dataclass(frozen=True, slots=True)
class Tally:
    """What the failure domains say of a subject: each domain once, in one of the three."""

    subject: Subject
    healthy: tuple[str, ...]
    unhealthy: tuple[str, ...]
    unknown: tuple[tuple[str, str], ...]
    """The domain, and why it is not known."""

    @property
    def line(self) -> str:
        """One line for people and for the audit."""
        parts = [
            f"{len(names)} {word} ({', '.join(names)})"
            for names, word in ((self.unhealthy, "unhealthy"), (self.healthy, "healthy"))
            if names
        ]
        if self.unknown:
            parts.append(f"{len(self.unknown)} unknown ({'; '.join(f'{name}: {why}' for name, why in self.unknown)})")
        return f"{self.subject}: {', '.join(parts) or 'nobody is asked'}"


def tally(
    subject: Subject, seen: Sequence[Seen], domains: Sequence[str], *, epoch: int, stale_after_seconds: float
) -> Tally:
    """Count the domains' voices on a subject.

    Args:
        subject: Of what.
        seen: Every vote that was read. Those of domains that are not listed do not count.
        domains: The failure domains that have a voice.
        epoch: Of the topology: votes by another one are unknown.
        stale_after_seconds: A vote that has not changed for longer is unknown.
    """
    standings: Mapping[str, list[tuple[Health, str]]] = {domain: [] for domain in domains}
    for each in seen:
        if each.vote.domain in standings:
            standings[each.vote.domain].append(_standing(each, subject, epoch, stale_after_seconds))
    by_health: dict[Health, list[str]] = {health: [] for health in Health}
    unknown: list[tuple[str, str]] = []
    for domain in domains:
        voice, because = _voice(standings[domain])
        by_health[voice].append(domain)
        if voice is Health.UNKNOWN:
            unknown.append((domain, because))
    return Tally(subject, tuple(by_health[Health.HEALTHY]), tuple(by_health[Health.UNHEALTHY]), tuple(unknown))


def _standing(seen: Seen, subject: Subject, epoch: int, stale_after_seconds: float) -> tuple[Health, str]:
    """What one vote says, and why where it says nothing."""
    vote = seen.vote
    if seen.age_seconds is None:
        return Health.UNKNOWN, "not seen to change yet"
    if seen.stale(stale_after_seconds):
        return Health.UNKNOWN, f"no vote for {seen.age_seconds:.0f} s"
    if vote.epoch != epoch:
        return Health.UNKNOWN, f"watches by epoch {vote.epoch}"
    if vote.isolated is not None:
        return Health.UNKNOWN, f"has lost its own network: {vote.isolated}"
    verdict = vote.verdict(subject)
    if verdict is None:
        return Health.UNKNOWN, "does not watch it"
    if verdict.standing is Health.UNKNOWN:
        doubt = f"judged {verdict.judged}, last check {verdict.latest}"
        return Health.UNKNOWN, f"{doubt}: {verdict.because}" if verdict.because else doubt
    return verdict.standing, verdict.because


def _voice(standings: Sequence[tuple[Health, str]]) -> tuple[Health, str]:
    """What a domain says: what all of its observers say that can tell."""
    if not standings:
        return Health.UNKNOWN, "no observer"
    known = {health for health, _ in standings if health is not Health.UNKNOWN}
    if len(known) == 1:
        return known.pop(), ""
    if known:
        return Health.UNKNOWN, "its observers disagree"
    return Health.UNKNOWN, standings[0][1]
