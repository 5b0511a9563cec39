"""What the rebuild of an old writer asks of whoever can make a server a replica again. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

from seawall.errors import SeawallError

__all__ = ["Following", "RebuildFailed", "RebuildLook", "Rebuilder"]


class RebuildFailed(SeawallError):
    """What rebuilds a member ended badly. It may be half done, and may be called again.

    Args:
        member: Its name in the topology.
        because: Why, in one line.
    """

    def __init__(self, member: str, because: str) -> None:
        self.member: Final = member
        self.because: Final = because
        super().__init__(f"{member} was not rebuilt: {because}")

    def __reduce__(self) -> "tuple[object, ...]":
        return RebuildFailed, (self.member, self.because)


class Following(Enum):
    """What a member is to the writer."""

    APART = "does not follow the writer"
    """A server of its own, of another history, stopped, or gone."""
    UNDER_WAY = "is being made a replica of the writer"
    """By the engine or the cloud, without anybody's help: it is waited for."""
    FOLLOWS = "follows the writer"
    """A replica of the writer's present history, and what is written arrives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildLook:
    """What was seen of a member, beside its writer, once."""

    following: Following
    shown: str
    """In one line."""
    lag_seconds: float | None = None
    """Behind the writer, where it follows; `None`: nobody knows, and it is not taken for a small one."""
    alone_bytes: int | None = None
    """Log that the member has and the writer's history has not: what a rebuild throws away. `None`: it cannot be told."""


class Rebuilder(Protocol):
    """Makes a server that was fenced a replica of the writer again. Every method ends within a time-out of its own.

    Raises `MemberUnreachable` when what it works through does not answer: what was asked may have happened. What was refused
    as a whole is `StepRefused`: nothing was changed, for certain. What has failed in the middle is `RebuildFailed`.
    """

    @property
    def where(self) -> str:
        """What it works on and by, for the plan's inputs: nothing is resumed by another one. Never a secret."""
        ...

    def look(self, member: str, writer: str) -> RebuildLook:
        """How it is. Changes nothing. A member that does not answer is `APART`; a writer that does not is an error."""
        ...

    def rebuild(self, member: str, writer: str, check: Callable[[], None]) -> None:
        """Throw away what the member has alone, and make it a replica: begin that, or do all of it.

        May be called again, whatever was half done; whoever calls has looked, and does not ask it of one that follows.

        Args:
            member: What is rebuilt.
            writer: Whom it is to follow.
            check: Called before each write beyond the first, and now and then while something is waited for. What it raises
                means that nothing more may be written.
        """
        ...
