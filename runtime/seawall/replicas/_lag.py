"""How old what a replica shows can be, and whether it may be read from. Pure.

Lag in seconds is measured against the writer's own positions over time: a replica that has replayed what the writer had
written at 12:00:00 shows the data of 12:00:00 or later, whoever is idle. (`pg_last_xact_replay_timestamp()` grows without
end on an idle writer, and equals "no lag" on a replica that lost its connection.)
"""

import math
from collections import deque
from dataclasses import dataclass
from typing import Final, final

from seawall.replicas._lineage import Held, Lineage
from seawall.replicas._model import LagPolicy, Observation, ReaderState
from seawall.replicas._roles import Seen

__all__ = ["Reading", "Trail", "judge"]

MOST_SAMPLES: Final = 4096
SPARE_SAMPLES: Final = 4


@final
class Trail:
    """Where the writer was, when. The caller locks.

    Args:
        policy: How long it has to reach back, and how often there is a sample.
    """

    __slots__ = ("_samples",)

    def __init__(self, policy: LagPolicy) -> None:
        wanted = (
            math.ceil(policy.max_lag_seconds / policy.interval_seconds / (1.0 - policy.jitter_ratio / 2))
            + SPARE_SAMPLES
        )
        self._samples: Final[deque[tuple[float, int]]] = deque(maxlen=min(MOST_SAMPLES, wanted))

    def note(self, began: float, position: int) -> None:
        """The writer had written up to `position` at `began`, or a moment later."""
        if self._samples and self._samples[-1][1] >= position:
            self._samples.pop()  # idle: of equal positions only the latest time says anything
        self._samples.append((began, position))

    def clear(self) -> None:
        """Another writer, another history."""
        self._samples.clear()

    @property
    def last(self) -> int | None:
        """How far the writer is known to have written."""
        return self._samples[-1][1] if self._samples else None

    @property
    def began(self) -> float:
        """How far it reaches back, in the clock's seconds; infinite while it is empty."""
        return self._samples[0][0] if self._samples else math.inf

    def fresh_as_of(self, position: int) -> float:
        """A time, in the clock's seconds, of which everything written before is replayed at `position`."""
        for began, written in reversed(self._samples):
            if written <= position:
                return began
        return -math.inf


@final
@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of a server as a reader."""

    state: ReaderState
    position: int = -1
    """Bytes of log replayed; -1 where positions do not compare, or are not sure any more."""
    fresh_as_of: float = -math.inf
    """Everything that was written before this time of the clock is shown."""
    lag_bytes: int | None = None
    expires: float = math.inf
    """When this verdict means nothing any more."""
    writer_lost: bool = False
    """Fresh only in that it has all that the writer was last seen to have."""

    @property
    def fit(self) -> bool:
        """Whether it may be read from."""
        return self.state is ReaderState.FRESH


def judge(
    seen: Seen,
    *,
    policy: LagPolicy,
    trail: Trail,
    lineage: Lineage | None,
    now: float,
    writer_lost: bool,
    furthest: int | None,
) -> Reading:
    """What to think of a server that is not the writer.

    Args:
        seen: What is known of it.
        policy: The limits.
        trail: The writer's positions.
        lineage: The writer's history; `None` while nobody knows it.
        now: The clock's time.
        writer_lost: Whether nobody reaches the writer.
        furthest: How far any replica is known to have replayed: the measure where the writer never was seen.
    """
    observation = seen.observation
    expires = seen.began + policy.verdict_ttl_seconds
    if observation is None or now > expires or seen.suspected:
        return Reading(ReaderState.UNKNOWN)
    if not observation.in_recovery:
        return Reading(ReaderState.STRAY)
    alien = _alien(observation, lineage)
    if alien is not None:
        return Reading(alien)
    if observation.position is None:
        return _by_its_own_word(observation, seen, policy, expires)
    # While measurements fail it may be another incarnation that answers: rebuilt, and with less than it had before.
    shown = observation.position if not seen.failures else -1
    position = observation.position
    reference = trail.last if trail.last is not None else furthest
    lag_bytes = None if reference is None else max(0, reference - position)
    fresh_as_of = trail.fresh_as_of(position)
    if writer_lost:
        state = ReaderState.FRESH if lag_bytes == 0 else ReaderState.LAGGING
    elif lag_bytes is None:
        state = ReaderState.UNKNOWN
    else:
        late = seen.began - fresh_as_of > policy.max_lag_seconds
        far = policy.max_lag_bytes is not None and lag_bytes > policy.max_lag_bytes
        state = ReaderState.LAGGING if late or far else ReaderState.FRESH
    return Reading(state, shown, fresh_as_of, lag_bytes, expires, writer_lost)


def _alien(observation: Observation, lineage: Lineage | None) -> ReaderState | None:
    """Whether what it replays is not the writer's log."""
    if lineage is None or observation.system_id is None:
        return None
    if observation.system_id != lineage.system_id:
        return ReaderState.FOREIGN
    if observation.timeline is None or observation.position is None:
        return None
    shared = lineage.shares(observation.timeline, observation.position)
    return None if shared is Held.YES else ReaderState.DIVERGED


def _by_its_own_word(observation: Observation, seen: Seen, policy: LagPolicy, expires: float) -> Reading:
    """Of an engine whose positions do not compare."""
    if observation.lag_seconds is None:
        return Reading(ReaderState.UNKNOWN)
    state = ReaderState.LAGGING if observation.lag_seconds > policy.max_lag_seconds else ReaderState.FRESH
    return Reading(state, fresh_as_of=seen.began - observation.lag_seconds, expires=expires)
