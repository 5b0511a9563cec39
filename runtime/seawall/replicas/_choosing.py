"""Which server a statement goes to."""

import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Final, NoReturn, cast, final

from seawall._sleep import sleep_async
from seawall.errors import (
    InvalidInput,
    NoEndpointAvailable,
    NoReaderAvailable,
    NoWriterAvailable,
    TwoWriters,
    WriteLost,
    WriterFenced,
)
from seawall.replicas._core import Core, Standing
from seawall.replicas._lag import Reading
from seawall.replicas._lineage import Held, Lineage
from seawall.replicas._model import Bounded, ChoiceReason, Consistency, ReaderState, ReadYourWrites, WriterOnly
from seawall.replicas._route import FallbackRoute, ReadingRoute, Route, WriterRoute
from seawall.replicas._scope import READ_ONLY, USE_WRITER, Scope, mode, scope_of
from seawall.replicas._tokens import CLOCKS_APART_SECONDS, ConsistencyToken, TimeToken

__all__ = ["Ask", "Chooser"]

NOTHING: Final = -1  # a position that every reader has reached
NEVER: Final = -math.inf
AHEAD: Final = -2  # of every history that is known here
NOWHERE: Final = 2**64  # a position that no reader can have reached: only the writer will do


@dataclass(frozen=True, slots=True)
class Ask:
    """A read that looks for a server."""

    consistency: Consistency
    """What is promised."""
    given: bool = False
    """Whether the caller says so, so that the scope's own wish does not count."""
    at_writer: bool = False
    """Whether its unit of work begins on the writer."""
    reason: ChoiceReason = ChoiceReason.NEAREST
    """Why a reader is chosen, if one is."""
    waits: bool = True
    """Whether it may wait for a reader to catch up."""
    plain: bool = field(init=False)
    """Whether any fit reader will do, unless the scope or the block wants something else."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "plain", isinstance(self.consistency, ReadYourWrites) and not self.at_writer)


@dataclass(frozen=True, slots=True)
class Need:
    """What a reader must have, beside a position."""

    moment: float = -math.inf
    """Of the wall clock: everything written before."""
    bound: float = -math.inf
    """Of the monotonic clock: everything written before."""
    serve_lost: bool = False
    """Whether, while the writer is lost, a reader that had everything will do, whatever the bound."""


@final
class Chooser:
    """Chooses, by what the core knows.

    Args:
        core: What is known.
        suspect: Asks for a measurement of one server, or of all.
    """

    __slots__ = ("_core", "_wall", "suspect")

    def __init__(
        self, core: Core, suspect: Callable[[str | None], None], wall: Callable[[], float] = time.time
    ) -> None:
        self._core: Final = core
        self.suspect: Final = suspect
        self._wall: Final = wall

    def check(self, consistency: Consistency) -> None:
        """Raise `InvalidInput` unless this can be promised here."""
        if not isinstance(cast("object", consistency), WriterOnly | Bounded | ReadYourWrites):
            raise InvalidInput("consistency", consistency, allowed="WriterOnly, Bounded or ReadYourWrites")
        if isinstance(consistency, Bounded):
            if not self._core.measured:
                raise InvalidInput(
                    "gauge", None, allowed="a gauge", because="Bounded(max_lag_seconds=...) needs lag to be measured"
                )
            self._core.lag.check_bound(consistency.max_lag_seconds)

    def time_token(self) -> TimeToken:
        """This moment."""
        return TimeToken(self._wall() + CLOCKS_APART_SECONDS)

    # Writers

    def writer(self) -> Route:
        """The writer, to write to."""
        return self._at_writer(self._may_write(), ChoiceReason.WRITE, WriterRoute)

    def may_write(self, generation: int) -> bool:
        """Whether what was begun at that generation may still write; raises as `writer` does."""
        return self._may_write().generation == generation

    def _may_write(self) -> Standing:
        core = self._core
        if core.now() >= core.lease.until:
            core.renew()  # nobody has looked for a while: not the same as nobody having seen it
            if core.now() >= core.lease.until:
                with core.lock:
                    core.refused_writes += 1
                raise WriterFenced(
                    core.name,
                    f"epoch {core.lease.epoch} was not seen for so long that another one may have begun"
                    if core.lease.epoch >= 0
                    else "no epoch was seen yet",
                )
        standing = core.standing
        if standing.trouble is not None:
            with core.lock:
                core.refused_writes += 1
            raise self._nobody_writes(standing, standing.trouble)
        return standing

    def _nobody_writes(self, standing: Standing, trouble: str) -> NoWriterAvailable:
        kind = TwoWriters if standing.rivals else NoWriterAvailable
        return kind(self._core.name, trouble)

    def _at_writer(self, standing: Standing, reason: ChoiceReason, kind: type[Route]) -> Route:
        self._count(standing.current, reason)
        return kind(standing.servers[standing.current], reason, standing.generation, None)

    # Readers

    def reader(self, exclude: Collection[str], ask: "Ask") -> Route:
        """The server for a read; may wait.

        Args:
            exclude: Names not to pick.
            ask: What is asked for.
        """
        found = self._quick(exclude, ask) or self._choose(exclude, ask)
        if isinstance(found, Route):
            return found
        core = self._core
        until = core.now() + found
        self._hurry()
        again = replace(ask, reason=ChoiceReason.WAITED)
        with core.desk as desk:
            while (left := until - core.now()) > 0.0:
                desk.pause(left)
                found = self._choose(exclude, again)
                if isinstance(found, Route):
                    return found
        return self._at_last(exclude, again)

    async def areader(self, exclude: Collection[str], ask: "Ask") -> Route:
        """As `reader`, for async code."""
        found = self._quick(exclude, ask) or self._choose(exclude, ask)
        if isinstance(found, Route):
            return found
        core = self._core
        until = core.now() + found
        self._hurry()
        again = replace(ask, reason=ChoiceReason.WAITED)
        with core.desk:
            while (left := until - core.now()) > 0.0:
                await sleep_async(min(left, core.lag.hurry_seconds))
                found = self._choose(exclude, again)
                if isinstance(found, Route):
                    return found
        return self._at_last(exclude, again)

    def _hurry(self) -> None:
        with self._core.lock:
            self._core.waits += 1
        self.suspect(None)

    def _at_last(self, exclude: Collection[str], ask: "Ask") -> Route:
        """It was waited for long enough."""
        found = self._choose(exclude, replace(ask, waits=False))
        if isinstance(found, Route):
            return found
        raise AssertionError("without waiting there is a route or an error")

    def _quick(self, exclude: Collection[str], ask: "Ask") -> Route | None:
        """The usual cases in as few steps as they have: any fit reader, or any that has what was written in this history."""
        core = self._core
        standing = core.standing
        if not ask.plain or mode() or core.now() > standing.expires:
            return None
        scope = scope_of()
        sticky = None
        position = NOTHING
        if scope is not None:
            tokens = scope.tokens
            if tokens.time is not None or scope.consistency is not None or scope.doubtful_until > NEVER:
                return None
            for token in tokens.positions:
                if token.timeline != standing.timeline or token.system_id != standing.system_id:
                    return None
                position = max(position, token.lsn)
            sticky = scope.sticky.get(core.name)
        try:
            attempt = core.selector.pick(exclude, prefer=sticky)
        except NoEndpointAvailable:
            return None
        name = attempt.endpoint.name
        reading = standing.readings.get(name)
        if reading is None or reading.state is not ReaderState.FRESH or reading.position < position:
            attempt.release()
            return None
        if scope is not None and name != sticky:
            scope.sticky[core.name] = name
        reason = ask.reason
        choice = (name, reason)
        with core.lock:
            core.choices[choice] = core.choices.get(choice, 0) + 1
        return Route(standing.servers[name], reason, standing.generation, attempt)

    def _choose(self, exclude: Collection[str], ask: "Ask") -> Route | float:
        """A route, or for how many seconds it is worth waiting for one."""
        core = self._core
        standing = core.standing
        now = core.now()
        if now > standing.expires:
            standing = core.refresh()
        scope = scope_of()
        consistency, at_writer, position, need = ask.consistency, ask.at_writer, NOTHING, None
        if scope is not None:
            if scope.consistency is not None and not ask.given:
                consistency = scope.consistency
            if scope.tokens.positions:
                position = self._position(standing, scope)
            if scope.tokens.time is not None:
                need = Need(moment=scope.tokens.time)
            at_writer = at_writer or now < scope.doubtful_until
        if position == AHEAD:
            if ask.waits:
                return core.lag.timeout_seconds  # a promotion is about to be noticed
            raise NoReaderAvailable(
                core.name, "what the session wrote is in a later history than any that was seen here"
            )
        if at_writer or mode() & USE_WRITER or isinstance(consistency, WriterOnly):
            return self._at_sure_writer(standing, position, ask) or self._read_at_writer(standing)
        if isinstance(consistency, Bounded):
            bound = now - consistency.max_lag_seconds
            position, need = NOTHING, Need(bound=bound, serve_lost=consistency.when_writer_lost == "serve")
        route = self._among_readers(standing, exclude, scope, ask.reason, position, need, now)
        if isinstance(route, Route):
            return route
        wait = consistency.wait_seconds if isinstance(consistency, ReadYourWrites) else 0.0
        if route and ask.waits and wait > 0.0 and position != NOWHERE:
            return wait
        unsure = self._at_sure_writer(standing, position, ask)
        if unsure is not None:
            return unsure
        if need is not None and need.bound > -math.inf and not need.serve_lost and not standing.sure:
            raise self._unsure(standing, "nobody knows how old the readers are")
        return self._fall_back(standing, exclude, ChoiceReason.BEHIND if route else ChoiceReason.NO_READER, ask)

    def _among_readers(
        self,
        standing: Standing,
        exclude: Collection[str],
        scope: Scope | None,
        reason: ChoiceReason,
        position: int,
        need: Need | None,
        now: float,
    ) -> Route | bool:
        """A reader that will do; or whether there is one that is fit, but lacks what the session wrote."""
        core = self._core
        sticky = scope.sticky.get(core.name) if scope is not None else None
        behind = False
        while True:
            try:
                attempt = core.selector.pick(exclude, prefer=sticky)
            except NoEndpointAvailable:
                return behind
            name = attempt.endpoint.name
            reading = standing.readings.get(name)
            if reading is not None and reading.state is ReaderState.FRESH:
                if reading.position >= position and (need is None or self._has(reading, need, now)):
                    if scope is not None and name != sticky:
                        scope.sticky[core.name] = name
                    self._count(name, reason)
                    return Route(standing.servers[name], reason, standing.generation, attempt)
                behind = behind or need is None or need.bound == -math.inf
            attempt.release()
            exclude = {*exclude, name}

    def _has(self, reading: Reading, need: Need, now: float) -> bool:
        """Whether what it shows is recent enough."""
        if need.moment > self._wall() - (now - reading.fresh_as_of):
            return False
        return reading.fresh_as_of >= need.bound or (reading.writer_lost and need.serve_lost)

    def _position(self, standing: Standing, scope: Scope) -> int:
        """The position that a reader must have reached for the session to see what it wrote.

        Raises:
            WriteLost: part of it is not in the database's history. Told once: it is dropped from the scope.
        """
        position = NOTHING
        for token in scope.tokens.positions:
            if token.timeline == standing.timeline and token.system_id == standing.system_id:
                position = max(position, token.lsn)
            elif standing.lineage is None:
                position = NOWHERE  # nothing to compare with: only the writer will do
            elif token.system_id == standing.system_id:
                if token.timeline > standing.timeline:
                    self.suspect(None)
                    return AHEAD
                held = standing.lineage.holds(token)
                if held is not Held.YES:
                    self._lost(standing.lineage, scope, token, held)
                position = max(position, token.lsn)
        return position

    def _lost(self, lineage: Lineage, scope: Scope, token: ConsistencyToken, held: Held) -> NoReturn:
        core = self._core
        scope.drop(token)
        with core.lock:
            core.lost_writes += 1
        raise WriteLost(core.name, str(token), certain=held is Held.NO, because=lineage.parting(token))

    def _at_sure_writer(self, standing: Standing, position: int, ask: Ask) -> float | None:
        """How long to wait until the writer has been reached again, when a read needs what only the writer is sure to have.

        After a failure it may come back rebuilt, as a replica with less than it had.
        """
        if standing.sure or position == NOTHING:
            return None
        if ask.waits:
            return self._core.lag.timeout_seconds
        raise self._unsure(standing, "no reader has what the session wrote")

    def _unsure(self, standing: Standing, because: str) -> NoReaderAvailable:
        with self._core.lock:
            self._core.refused_reads += 1
        return NoReaderAvailable(
            self._core.name, f"{because}, and the writer {standing.current} was not reached lately"
        )

    def _read_at_writer(self, standing: Standing) -> Route:
        """The writer, because a read was asked to go there. What then writes may do so in the same transaction."""
        if standing.trouble is not None:
            raise self._nobody_writes(standing, standing.trouble)
        kind = ReadingRoute if mode() & READ_ONLY else WriterRoute
        return self._at_writer(standing, ChoiceReason.ASKED, kind)

    def _fall_back(self, standing: Standing, exclude: Collection[str], reason: ChoiceReason, ask: "Ask") -> Route:
        """The writer, because no reader will do."""
        core = self._core
        with core.lock:
            if ask.reason is ChoiceReason.WAITED:
                core.waits_in_vain += 1
            if standing.trouble is not None:
                refusal = standing.trouble
            elif standing.current in exclude:
                refusal = f"the writer {standing.current} was tried already"
            else:
                refusal = core.fallback.refusal(core.now())
            if refusal is not None:
                core.refused_reads += 1
        if refusal is not None:
            states = ", ".join(f"{name} is {reading.state}" for name, reading in sorted(standing.readings.items()))
            raise NoReaderAvailable(core.name, f"{states or 'it has no readers'}; {refusal}")
        self._count(standing.current, reason)
        return FallbackRoute(standing.servers[standing.current], reason, standing.generation, core.fallback.returned)

    def _count(self, name: str, reason: ChoiceReason) -> None:
        core = self._core
        with core.lock:
            choice = (name, reason)
            core.choices[choice] = core.choices.get(choice, 0) + 1
