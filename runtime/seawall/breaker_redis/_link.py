"""One shared breaker: what it tells the others, and what it does as they say."""

import math
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from seawall.breaker import State
from seawall.breaker._core import Core
from seawall.breaker._phases import HalfOpen, Note, Stop
from seawall.breaker_redis._scripts import Scripts
from seawall.clock import Clock

__all__ = ["CLAIM_PAUSE_SECONDS", "Link", "Room"]

KEPT_SECONDS: Final = 86_400.0  # a state that nobody has touched for a day is forgotten
CLAIM_PAUSE_SECONDS: Final = 0.05  # between two tries for a lease, however many calls ask


class Room(Protocol):
    """What all links of one process have in common: `SharedBreakers`."""

    clock: Clock
    scripts: Scripts
    lease_seconds: float

    @property
    def in_touch(self) -> bool:
        """Whether Redis has answered lately."""
        ...

    def wake(self, in_seconds: float) -> None:
        """Have the next round run no later than in so many seconds."""
        ...


class View(NamedTuple):
    """What Redis says about one breaker."""

    generation: int
    state: str
    wait_seconds: float
    granted: bool


@dataclass(slots=True)
class Lease:
    """A trial that may be made here."""

    token: str
    ends: float  # by the local clock; Redis' own end is not earlier
    phase: int  # generation of the local half-open that it belongs to


class Link:
    """One shared breaker: its gate towards the calls, and its rounds towards Redis.

    The gate's part is called by guarded calls and only takes notes; the rounds run in the worker's thread.
    """

    def __init__(self, shared: "Room", core: Core, keys: list[str]) -> None:
        self.core: Final = core
        self._shared: Final = shared
        self._keys: Final = keys
        self._notes: deque[Note] = deque()
        self._wanted = False
        self._claimed_at = -math.inf
        self._generation = 0  # the shared one that is known here
        self._lease: Lease | None = None
        self._owed = False  # a lease ended unused: the next trial is made without one
        self._reconcile = True  # the first contact, or the first one after Redis was away

    # The gate

    def lease_needed(self) -> bool:
        """Whether a trial that is due needs a lease."""
        if self._owed:
            self._owed = False
            return False
        return self._shared.in_touch

    def note(self, note: Note) -> None:
        """Take a note. While Redis is away none is kept: the first round after it tells the state instead."""
        if note.kind == "wanted":
            self._wanted = True
        elif not self._reconcile:
            self._notes.append(note)

    def wake(self) -> None:
        """Have a round run soon."""
        self._shared.wake(max(0.0, self._claimed_at + CLAIM_PAUSE_SECONDS - self._shared.clock.monotonic()))

    @property
    def hurried(self) -> bool:
        """Whether the next round should come sooner than a poll."""
        return self._wanted or bool(self._notes)

    # The rounds

    def away(self) -> None:
        """Redis cannot be reached: go on alone."""
        self._lease = None
        self._wanted = False
        self._reconcile = True
        self._notes.clear()
        self.core.decide_alone()

    def forget_parent(self) -> None:
        """In a forked child: the parent's lease is not ours, and what it noted it tells by itself."""
        self._lease = None
        self._notes.clear()

    def round(self) -> None:
        """Tell Redis what happened here, and do here what happened elsewhere.

        Raises:
            RedisError: Redis did not answer.
        """
        if self._reconcile:
            self._reconcile = False  # before the state is read: what changes from here on is noted
            try:
                self._apply(self._run(self._shared.scripts.read), returning=True)
            except BaseException:
                self._reconcile = True
                raise
        while (note := self._next_note()) is not None:
            self._send(note)  # one that is lost on the way is made good by the reconciliation that follows
        self._see_to_lease()
        if self._wanted:
            self._claim()
        else:
            self._apply(self._run(self._shared.scripts.read))

    def _next_note(self) -> Note | None:
        try:
            return self._notes.popleft()
        except IndexError:  # none left; `away` may clear them in another thread
            return None

    def _run(self, script: Callable[..., Any], *arguments: object) -> View:
        answer = script(keys=self._keys, args=[self._generation, *arguments])
        state = answer[1].decode() if isinstance(answer[1], bytes) else str(answer[1])
        return View(int(answer[0]), state, int(answer[2]) / 1e6, bool(answer[3]))

    def _send(self, note: Note) -> None:
        scripts = self._shared.scripts
        if note.kind == "opened":
            self._apply(self._run(scripts.open, micros(note.wait_seconds), kept(note.wait_seconds)))
        elif note.kind == "closed":
            self._apply(self._run(scripts.close, 0, kept(0.0)))
        elif self._lease is not None and self._lease.phase == note.generation:
            token, self._lease = self._lease.token, None
            config = self.core.config
            failed = note.failed or (note.slow and config.sliding_window == "consecutive")
            permitted = config.permitted_calls_in_half_open
            wait = self.core.next_wait()
            view = self._run(
                scripts.settle,
                token,
                "failed" if failed else "good",
                int(note.slow and config.sliding_window != "consecutive"),
                permitted,
                1 if config.sliding_window == "consecutive" else least(permitted, config.failure_rate_threshold),
                least(permitted, config.slow_call_rate_threshold),
                micros(wait),
                kept(wait),
            )
            known = self._generation
            self._apply(view)
            if view.generation == known:  # not decided yet: others' trials are under way, or more are to be made
                self.core.hold(note.generation, "trial ended, others are to come")

    def _see_to_lease(self) -> None:
        """Renew the lease of a trial under way; give back one that is not used."""
        lease = self._lease
        if lease is None:
            return
        phase = self.core.phase
        shared = self._shared
        if not isinstance(phase, HalfOpen) or phase.generation != lease.phase:
            self._lease = None
            self._run(shared.scripts.release, lease.token)
        elif phase.trials_out():
            view = self._run(
                shared.scripts.claim,
                lease.token,
                micros(shared.lease_seconds),
                self.core.config.permitted_calls_in_half_open,
            )
            if view.granted:
                lease.ends = shared.clock.monotonic() + shared.lease_seconds
        elif not self._notes and shared.clock.monotonic() >= lease.ends:
            self._lease = None
            self._run(shared.scripts.release, lease.token)
            self._owed = True
            self.core.hold(lease.phase, "lease ended unused")

    def _claim(self) -> None:
        """Ask for a lease, since a call has found a trial due."""
        self._wanted = False
        shared = self._shared
        self._claimed_at = shared.clock.monotonic()
        if self._lease is not None:
            return
        token = uuid.uuid4().hex
        permitted = self.core.config.permitted_calls_in_half_open
        view = self._run(shared.scripts.claim, token, micros(shared.lease_seconds), permitted)
        if not view.granted:
            self._apply(view)
            return
        generation = self.core.phase.generation
        self._lease = Lease(token, self._claimed_at + shared.lease_seconds, generation + 1)
        if not self.core.grant(generation):
            self._lease = None
            self._run(shared.scripts.release, token)

    def _apply(self, view: View, *, returning: bool = False) -> None:
        """Do here what the shared state says, where it is news."""
        known, self._generation = self._generation, view.generation
        phase = self.core.phase
        is_open = isinstance(phase, Stop) and phase.state is State.OPEN
        lost = view.state == "none" or view.generation < known
        if is_open and (lost or (returning and view.generation == known)):
            # Redis has forgotten, or nobody has written since it went away: what is known here is the newest.
            self._publish(max(known, view.generation))
        elif returning and view.generation == known and view.state == "open" and phase.state is State.CLOSED:
            self._generation = self._run(self._shared.scripts.close, 0, kept(0.0)).generation  # recovered meanwhile
        elif view.state == "open" and view.generation != known:
            if is_open:
                self.core.align(view.wait_seconds)
            else:
                self.core.follow(State.OPEN, view.wait_seconds, "opened by the shared state")
        elif view.state == "closed" and view.generation > known and phase.state is not State.CLOSED:
            self.core.follow(State.CLOSED, 0.0, "closed by the shared state")

    def _publish(self, known: int) -> None:
        """Tell that this breaker is open, and until when; whoever has told so before is followed."""
        self._generation = known
        phase = self.core.phase
        wait = max(0.0, phase.until - self.core.now()) if phase.state is State.OPEN else 0.0
        view = self._run(self._shared.scripts.open, micros(wait), kept(wait))
        self._generation = view.generation
        self.core.align(view.wait_seconds)


def micros(seconds: float) -> int:
    return round(seconds * 1e6)


def kept(wait_seconds: float) -> int:
    """Milliseconds until a state that nobody touches is forgotten."""
    return round((wait_seconds + KEPT_SECONDS) * 1e3)


def least(trials: int, threshold: float) -> int:
    """The smallest number of `trials` whose share reaches `threshold`."""
    return next(each for each in range(1, trials + 1) if each / trials >= threshold)
