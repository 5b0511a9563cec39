"""Consistency tokens: up to where somebody has written, and what a session remembers of that. Pure.

A position in PostgreSQL's log means nothing by itself: after an asynchronous promotion the new history passes the old
position without the write. So a token names the cluster, the timeline and the position; `seawall.replicas._lineage` says
whether a history has it.
"""

import re
from dataclasses import dataclass
from typing import Final, Self, final

from seawall._numbers import number
from seawall.errors import InvalidInput
from seawall.selector._model import whole

__all__ = ["ConsistencyToken", "TimeToken", "Token", "Tokens", "format_lsn", "parse_lsn"]

PAGE_BYTES: Final = 8192  # of the write-ahead log; a build of PostgreSQL with other pages is not supported
PAGE_HEADERS_BYTES: Final = (24, 40)  # XLogPageHeaderData, and XLogLongPageHeaderData of a segment's first page
LARGEST_LSN: Final = 2**64 - 1
LARGEST_TIMELINE: Final = 2**32 - 1
CLOCKS_APART_SECONDS: Final = 1.0  # that the wall clocks of two app servers may differ, for tokens that are moments
MOST_POSITIONS: Final = 4  # histories that a session remembers; each promotion begins one

_LSN: Final = re.compile(r"([0-9A-Fa-f]{1,8})/([0-9A-Fa-f]{1,8})")


def parse_lsn(text: str) -> int:
    """A position as PostgreSQL writes it (`16/B374D848`), in bytes from the log's beginning.

    Raises:
        InvalidInput: it is not written so.
    """
    found = _LSN.fullmatch(text)
    if found is None:
        raise InvalidInput("lsn", text, allowed="two hexadecimal numbers as in 16/B374D848")
    return (int(found[1], 16) << 32) | int(found[2], 16)


def format_lsn(lsn: int) -> str:
    """As PostgreSQL writes it."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFF_FFFF:X}"


def settled(lsn: int) -> int:
    """The position that a replica reaches by replaying everything before `lsn`.

    Where the last record ended with a page, the insert position already lies behind the next page's header, but replay
    stays at the page's end until one more record comes. No record can end within those bytes (the shortest has 24), except
    one that began on the page before, and that one is replayed as a whole; so taking the header off loses nothing.
    """
    behind = lsn % PAGE_BYTES
    return lsn - behind if behind in PAGE_HEADERS_BYTES else lsn


@final
@dataclass(frozen=True, slots=True)
class ConsistencyToken:
    """A position in one history of one PostgreSQL cluster: everything before it has been written.

    Raises:
        InvalidInput: a number that none of these can be.
    """

    system_id: int
    """The cluster, from `pg_control_system()`; a replica has its writer's."""
    timeline: int
    """The history; each promotion begins another one."""
    lsn: int
    """The position in the log, in bytes."""

    def __post_init__(self) -> None:
        whole("system_id", self.system_id, at_least=0, at_most=LARGEST_LSN)
        whole("timeline", self.timeline, at_most=LARGEST_TIMELINE)
        whole("lsn", self.lsn, at_least=0, at_most=LARGEST_LSN)

    @classmethod
    def after_commit(cls, system_id: int, timeline: int, insert_lsn: str) -> Self:
        """The token of a commit, from `pg_current_wal_insert_lsn()` read after it.

        Raises:
            InvalidInput: it is not a position.
        """
        return cls(system_id, timeline, settled(parse_lsn(insert_lsn)))

    def __str__(self) -> str:
        return f"{format_lsn(self.lsn)} on timeline {self.timeline}"


@final
@dataclass(frozen=True, slots=True)
class TimeToken:
    """A moment of the wall clock: everything before it has been written. For engines whose positions do not compare.

    Raises:
        InvalidInput: not a finite number of seconds.
    """

    at_seconds: float
    """Seconds since the epoch."""

    def __post_init__(self) -> None:
        number("at_seconds", self.at_seconds, at_least=0.0)

    def __str__(self) -> str:
        return f"{self.at_seconds:.3f} s"


Token = ConsistencyToken | TimeToken


@final
class Tokens:
    """The furthest that a session has written, per history. Only grows, but for what is dropped. The caller locks."""

    __slots__ = ("positions", "time")

    def __init__(self) -> None:
        self.positions: tuple[ConsistencyToken, ...] = ()
        """One per history, the latest last. Replaced whole, so that reading needs no lock."""
        self.time: float | None = None

    def add(self, token: Token) -> bool:
        """Remember it; whether it says more than what was known."""
        if isinstance(token, TimeToken):
            grown = self.time is None or token.at_seconds > self.time
            if grown:
                self.time = token.at_seconds
            return grown
        rest: list[ConsistencyToken] = []
        for each in self.positions:
            if (each.system_id, each.timeline) != (token.system_id, token.timeline):
                rest.append(each)
            elif each.lsn >= token.lsn:
                return False
        rest.append(token)
        rest.sort(key=lambda one: one.timeline)
        self.positions = tuple(rest[-MOST_POSITIONS:])
        return True

    def drop(self, token: Token) -> None:
        """Forget it, and what it stands for. Unknown ones are ignored."""
        if isinstance(token, TimeToken):
            self.time = None
        else:
            self.positions = tuple(each for each in self.positions if each != token)

    def all(self) -> tuple[Token, ...]:
        """Everything, to be written down."""
        return self.positions if self.time is None else (*self.positions, TimeToken(self.time))

    def __bool__(self) -> bool:
        return bool(self.positions) or self.time is not None
