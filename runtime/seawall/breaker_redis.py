"""Breakers that agree across processes, through Redis.

What is shared: that a breaker is open and until when, a generation, and the leases of half-open trials. What stays local:
windows, and orders from people (`force_open`, `disable`, `metrics_only`). A breaker that opens in one process opens in
all; when its wait is over, `permitted_calls_in_half_open` trials are made by all processes together, and their outcomes
decide for all.

No guarded call does I/O, in no state, sync or async: one worker thread talks to Redis. A call that finds a trial due is
rejected and asks the worker for a lease; a following call is the trial. When Redis is away every breaker goes on alone, as
if it were not shared; when Redis is back, the processes return one after another, and trials need leases again.

What holds (the scripts below are atomic, and Redis' own clock is the only one that dates anything shared):

1. A state is replaced only by a process that knows its generation; every replacement adds one.
2. Leases that are out, plus trials whose outcome is known, are never more than are permitted in one generation.
3. An outcome counts only with a lease that is still out and of the current generation.
4. A lease whose process died ends by itself.

One exception keeps rare traffic alive: a process whose lease ended unused, because no call came, makes its next trial
without one. At most one call per process and lease time is made like that.
"""

import logging
import math
import os
import random
import threading
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, NamedTuple, NoReturn, cast, final
from urllib.parse import quote

from seawall.breaker import CircuitBreaker, State
from seawall.breaker._breaker import core_of
from seawall.breaker._core import Core, HalfOpen, Note, Stop
from seawall.clock import SYSTEM_CLOCK, Clock
from seawall.errors import CannotPickle, InvalidInput, MissingExtra
from seawall.worker import Job, Worker

try:
    import redis
    from redis.backoff import NoBackoff
    from redis.exceptions import RedisError
    from redis.retry import Retry
except ImportError as error:
    raise MissingExtra("redis", feature="SharedBreakers") from error

__all__ = ["SharedBreakers", "connect"]

_log: Final = logging.getLogger("seawall.breaker_redis")

LONGEST_TIMEOUT_SECONDS: Final = 5.0  # of a socket: all shared breakers wait while one call hangs
KEPT_SECONDS: Final = 86_400.0  # a state that nobody has touched for a day is forgotten
CLAIM_PAUSE_SECONDS: Final = 0.05  # between two tries for a lease, however many calls ask
FIRST_RETRY_SECONDS: Final = 0.25  # after Redis was lost; doubles up to the next
LONGEST_RETRY_SECONDS: Final = 5.0
STALE_POLLS: Final = 5  # polls without an answer, after which Redis counts as away even if a call still hangs

# All scripts: KEYS[1] is the hash of the state, KEYS[2] the sorted set of leases by their end. ARGV[1] is the generation
# that the caller knows. Fields: g generation, s state, u end of the wait in microseconds, f, w, k failed, slow and good
# trials. Numbers are formatted, since Lua would write microseconds with an exponent.
_HEAD: Final = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local h = redis.call('HMGET', KEYS[1], 'g', 's', 'u', 'f', 'w', 'k')
local g, s, u = tonumber(h[1] or '0'), h[2] or 'none', tonumber(h[3] or '0')
local f, w, k = tonumber(h[4] or '0'), tonumber(h[5] or '0'), tonumber(h[6] or '0')
local known = tonumber(ARGV[1])
local function view(granted)
  return {g, s, string.format('%.0f', math.max(0, u - now)), granted}
end
local function write(state, wait, kept)
  g, s, u = math.max(g, known) + 1, state, now + wait
  redis.call('HSET', KEYS[1], 'g', g, 's', s, 'u', string.format('%.0f', u), 'f', 0, 'w', 0, 'k', 0)
  redis.call('DEL', KEYS[2])
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', kept))
end
"""
_READ: Final = _HEAD + "return view(0)"
# ARGV: known, wait, kept in milliseconds. Whoever was faster wins, if it is still open.
_OPEN: Final = (
    _HEAD
    + """
if g <= known then write('open', tonumber(ARGV[2]), tonumber(ARGV[3])) end
return view(0)
"""
)
# ARGV: known, unused, kept.
_CLOSE: Final = (
    _HEAD
    + """
if g <= known and s == 'open' then write('closed', 0, tonumber(ARGV[3])) end
return view(0)
"""
)
# ARGV: known, token, lease in microseconds, permitted. A token that is out already is renewed.
_CLAIM: Final = (
    _HEAD
    + """
if g ~= known or s ~= 'open' or u > now then return view(0) end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now))
if not redis.call('ZSCORE', KEYS[2], ARGV[2]) then
  if redis.call('ZCARD', KEYS[2]) + f + k >= tonumber(ARGV[4]) then return view(0) end
end
redis.call('ZADD', KEYS[2], string.format('%.0f', now + ARGV[3]), ARGV[2])
redis.call('PEXPIRE', KEYS[2], string.format('%.0f', math.ceil(ARGV[3] / 1000)))
return view(1)
"""
)
# ARGV: known, token, outcome (good, failed), slow (0, 1), permitted, failures and slow calls that open, wait, kept.
_SETTLE: Final = (
    _HEAD
    + """
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now))
local held = redis.call('ZREM', KEYS[2], ARGV[2])
if held == 0 or g ~= known or s ~= 'open' then return view(0) end
if ARGV[3] == 'failed' then f = f + 1 else k = k + 1 end
w = w + ARGV[4]
if f >= tonumber(ARGV[6]) or w >= tonumber(ARGV[7]) then
  write('open', tonumber(ARGV[8]), tonumber(ARGV[9]))
elseif f + k >= tonumber(ARGV[5]) then
  write('closed', 0, tonumber(ARGV[9]))
else
  redis.call('HSET', KEYS[1], 'f', f, 'w', w, 'k', k)
end
return view(1)
"""
)
# ARGV: known, token.
_RELEASE: Final = (
    _HEAD
    + """
redis.call('ZREM', KEYS[2], ARGV[2])
return view(0)
"""
)


def connect(url: str, *, timeout_seconds: float = 0.5) -> "redis.Redis":
    """A client as shared breakers want it: with time-outs, and without retries of its own.

    Args:
        url: E.g. `redis://host:6379/0`, `rediss://...`, or `unix:///path`.
        timeout_seconds: For connecting and for each answer; above 0 and at most 5.

    Raises:
        InvalidInput: `timeout_seconds` is outside that.
    """
    if not 0.0 < timeout_seconds <= LONGEST_TIMEOUT_SECONDS:
        raise InvalidInput("timeout_seconds", timeout_seconds, allowed=f"above 0, at most {LONGEST_TIMEOUT_SECONDS:g}")
    options: dict[str, Any] = {"socket_timeout": timeout_seconds, "retry": Retry(NoBackoff(), 0)}
    if not url.startswith("unix:"):
        options["socket_connect_timeout"] = timeout_seconds
    make = cast("Callable[..., redis.Redis]", redis.Redis.from_url)  # pyright: ignore[reportUnknownMemberType]
    return make(url, **options)


class _View(NamedTuple):
    """What Redis says about one breaker."""

    generation: int
    state: str
    wait_seconds: float
    granted: bool


class _Scripts:
    """The scripts, registered once per client; one that Redis has lost in a restart is sent again by the client."""

    def __init__(self, client: "redis.Redis") -> None:
        register = cast("Callable[[str], Callable[..., Any]]", client.register_script)
        self.read: Final = register(_READ)
        self.open: Final = register(_OPEN)
        self.close: Final = register(_CLOSE)
        self.claim: Final = register(_CLAIM)
        self.settle: Final = register(_SETTLE)
        self.release: Final = register(_RELEASE)


@dataclass(slots=True)
class _Lease:
    """A trial that may be made here."""

    token: str
    ends: float  # by the local clock; Redis' own end is not earlier
    phase: int  # generation of the local half-open that it belongs to


class _Link:
    """One shared breaker: its gate towards the calls, and its rounds towards Redis.

    The gate's part is called by guarded calls and only takes notes; the rounds run in the worker's thread.
    """

    def __init__(self, shared: "SharedBreakers", core: Core, keys: list[str]) -> None:
        self.core: Final = core
        self._shared: Final = shared
        self._keys: Final = keys
        self._notes: deque[Note] = deque()
        self._wanted = False
        self._claimed_at = -math.inf
        self._generation = 0  # the shared one that is known here
        self._lease: _Lease | None = None
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
        """Take a note."""
        if note.kind == "wanted":
            self._wanted = True
        else:
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
        self.core.decide_alone()

    def forget_parent(self) -> None:
        """In a forked child: the parent's lease is not ours."""
        self._lease = None
        self._reconcile = True

    def round(self) -> None:
        """Tell Redis what happened here, and do here what happened elsewhere.

        Raises:
            RedisError: Redis did not answer.
        """
        if self._reconcile:
            self._notes.clear()  # the state that they led to is told instead
            self._apply(self._run(self._shared.scripts.read), returning=True)
            self._reconcile = False
        while self._notes:
            note = self._notes[0]
            self._send(note)
            self._notes.popleft()  # only when Redis has it
        self._see_to_lease()
        if self._wanted:
            self._claim()
        else:
            self._apply(self._run(self._shared.scripts.read))

    def _run(self, script: Callable[..., Any], *arguments: object) -> _View:
        answer = script(keys=self._keys, args=[self._generation, *arguments])
        state = answer[1].decode() if isinstance(answer[1], bytes) else str(answer[1])
        return _View(int(answer[0]), state, int(answer[2]) / 1e6, bool(answer[3]))

    def _send(self, note: Note) -> None:
        scripts = self._shared.scripts
        if note.kind == "opened":
            self._apply(self._run(scripts.open, _micros(note.wait_seconds), _kept(note.wait_seconds)))
        elif note.kind == "closed":
            self._apply(self._run(scripts.close, 0, _kept(0.0)))
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
                1 if config.sliding_window == "consecutive" else _least(permitted, config.failure_rate_threshold),
                _least(permitted, config.slow_call_rate_threshold),
                _micros(wait),
                _kept(wait),
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
                _micros(shared.lease_seconds),
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
        view = self._run(shared.scripts.claim, token, _micros(shared.lease_seconds), permitted)
        if not view.granted:
            self._apply(view)
            return
        generation = self.core.phase.generation
        self._lease = _Lease(token, self._claimed_at + shared.lease_seconds, generation + 1)
        if not self.core.grant(generation):
            self._lease = None
            self._run(shared.scripts.release, token)

    def _apply(self, view: _View, *, returning: bool = False) -> None:
        """Do here what the shared state says, where it is news."""
        known, self._generation = self._generation, view.generation
        phase = self.core.phase
        is_open = isinstance(phase, Stop) and phase.state is State.OPEN
        lost = view.state == "none" or view.generation < known
        if is_open and (lost or (returning and view.generation == known)):
            # Redis has forgotten, or nobody has written since it went away: what is known here is the newest.
            self._publish(max(known, view.generation))
        elif returning and view.generation == known and view.state == "open" and phase.state is State.CLOSED:
            self._generation = self._run(self._shared.scripts.close, 0, _kept(0.0)).generation  # recovered meanwhile
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
        view = self._run(self._shared.scripts.open, _micros(wait), _kept(wait))
        self._generation = view.generation
        self.core.align(view.wait_seconds)


@final
class SharedBreakers:
    """Shares breakers through one Redis, or one Redis Cluster.

    ```python
    with SharedBreakers(connect("redis://cache:6379/0")) as shared:
        shared.share(payments)
        serve()
    ```

    Every process has to give a breaker the same name and the same config.

    Args:
        client: From `connect`, or another with a `socket_timeout`; also a `RedisCluster`. It is used by the worker's
            thread alone.
        prefix: Of the keys. Two per breaker, with the name as hash tag: `seawall:breaker:{payments}`.
        poll_seconds: How often the shared state is read; the longest time until an opening elsewhere is followed.
        lease_seconds: After so long without a sign of life, or without a call, a trial's lease is free for others.
        worker: The thread to use; one of its own when left out, which `with` starts and stops.
        clock: Monotonic time.
        random: Random numbers in [0, 1), for the pauses before Redis is tried again.

    Raises:
        InvalidInput: a client without a time-out, a prefix with braces, or a time that is not positive.
    """

    def __init__(
        self,
        client: "redis.Redis",
        *,
        prefix: str = "seawall:breaker",
        poll_seconds: float = 1.0,
        lease_seconds: float = 30.0,
        worker: Worker | None = None,
        clock: Clock = SYSTEM_CLOCK,
        random: Callable[[], float] = random.random,
    ) -> None:
        timeout = _socket_timeout(client)
        if timeout is None or not 0.0 < timeout <= LONGEST_TIMEOUT_SECONDS:
            raise InvalidInput(
                "client.socket_timeout",
                timeout,
                allowed=f"above 0, at most {LONGEST_TIMEOUT_SECONDS:g} seconds",
                because="no shared breaker hears from the others while one call to Redis hangs",
            )
        if "{" in prefix or "}" in prefix:
            raise InvalidInput("prefix", prefix, allowed="no braces", because="they would be taken for the hash tag")
        for name, value in (("poll_seconds", poll_seconds), ("lease_seconds", lease_seconds)):
            if not 0.0 < value < math.inf:
                raise InvalidInput(name, value, allowed="a number above 0")
        self.clock: Final = clock
        self.lease_seconds: Final = lease_seconds
        self.scripts: Final = _Scripts(client)
        self._prefix: Final = prefix
        self._poll_seconds: Final = poll_seconds
        self._stale_after: Final = STALE_POLLS * max(poll_seconds, timeout)
        self._random: Final = random
        self._own_worker: Final = worker is None
        self._worker: Final = Worker("seawall-redis", clock=clock) if worker is None else worker
        self._links: dict[str, _Link] = {}
        self._changing = threading.Lock()
        self._heard_at = -math.inf
        self._pause = FIRST_RETRY_SECONDS
        self._pid = os.getpid()
        self._job: Job | None = None

    @property
    def in_touch(self) -> bool:
        """Whether Redis has answered lately. If not, each breaker decides alone."""
        return self.clock.monotonic() - self._heard_at <= self._stale_after

    def share(self, breaker: CircuitBreaker) -> CircuitBreaker:
        """Share a breaker under its name; returns it.

        Raises:
            InvalidInput: another breaker of this name is shared here.
        """
        core = core_of(breaker)
        with self._changing:
            link = self._links.get(core.name)
            if link is not None:
                if link.core is not core:
                    raise InvalidInput("breaker", core.name, allowed="one breaker per name in a process")
                return breaker
            key = f"{self._prefix}:{{{quote(core.name, safe='')}}}"
            link = _Link(self, core, [key, f"{key}:leases"])
            self._links = {**self._links, core.name: link}
        core.attach(link)
        self.wake(0.0)
        return breaker

    def unshare(self, breaker: CircuitBreaker) -> None:
        """Let a breaker go on alone. Unknown ones are ignored."""
        core = core_of(breaker)
        with self._changing:
            link = self._links.get(core.name)
            if link is None or link.core is not core:
                return
            self._links = {name: each for name, each in self._links.items() if each is not link}
        core.attach(None)

    def start(self) -> None:
        """Begin to talk to Redis, in the worker's thread. Idempotent."""
        if self._job is None:
            self._job = self._worker.add(self.synchronize)
        if self._own_worker:
            self._worker.start()

    def stop(self) -> None:
        """End that; the breakers go on alone. Idempotent."""
        if self._job is not None:
            self._job.cancel()
            self._job = None
        if self._own_worker:
            self._worker.stop()
        self._heard_at = -math.inf
        for link in self._links.values():
            link.away()

    def __enter__(self) -> "SharedBreakers":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def wake(self, in_seconds: float) -> None:
        """Have the next round run no later than in so many seconds. Never blocks."""
        if self._job is not None:
            self._job.wake(in_seconds)

    def synchronize(self) -> float:
        """One round with Redis for all shared breakers, in the calling thread; seconds until the next one is wanted.

        What the worker runs. Does not raise when Redis is away. Never call it from two threads at once.
        """
        if self._pid != os.getpid():
            self._pid = os.getpid()
            for link in self._links.values():
                link.forget_parent()
        try:
            for link in self._links.values():
                link.round()
                self._heard_at = self.clock.monotonic()
        except (RedisError, OSError) as error:
            return self._lost(error)
        if self._pause > FIRST_RETRY_SECONDS:
            _log.info("Redis is back; breakers are shared again")
        self._pause = FIRST_RETRY_SECONDS
        hurried = any(link.hurried for link in self._links.values())
        return min(self._poll_seconds, CLAIM_PAUSE_SECONDS) if hurried else self._poll_seconds

    def _lost(self, error: BaseException) -> float:
        if self._pause == FIRST_RETRY_SECONDS:
            _log.warning("Redis is away (%s); each breaker decides alone until it is back", error)
        self._heard_at = -math.inf
        for link in self._links.values():
            link.away()
        self._pause = min(self._pause * 2.0, LONGEST_RETRY_SECONDS)
        # Half of the pause is random: a fleet that lost Redis at one moment must not come back at one moment.
        return self._pause * (0.5 + 0.5 * self._random())

    def __reduce__(self) -> NoReturn:
        raise CannotPickle("a SharedBreakers")


def _micros(seconds: float) -> int:
    return round(seconds * 1e6)


def _kept(wait_seconds: float) -> int:
    """Milliseconds until a state that nobody touches is forgotten."""
    return round((wait_seconds + KEPT_SECONDS) * 1e3)


def _least(trials: int, threshold: float) -> int:
    """The smallest number of `trials` whose share reaches `threshold`."""
    return next(each for each in range(1, trials + 1) if each / trials >= threshold)


def _socket_timeout(client: object) -> float | None:
    """The client's time-out for an answer, whether it is one of a single server or of a cluster."""
    holder = getattr(client, "connection_pool", None) or getattr(client, "nodes_manager", None)
    options = cast("dict[str, Any]", getattr(holder, "connection_kwargs", {}))
    return options.get("socket_timeout")
