"""Writes that carry the fence: the last guard, for the moment between asking whether a lease is held and writing.

A lease alone cannot keep a paused process from writing: it asks, is stopped for a minute, and writes. So the state itself
refuses a fence lower than one that has been there. Who has acquired a lease claims the states before it reads them: from
then on nothing of an earlier holder arrives any more, and what was read stays true.
"""

from dataclasses import dataclass
from typing import Protocol

__all__ = ["Fenced", "FencedDocument", "FencedState"]


class Fenced(Protocol):
    """What a write is made under: a `Held`."""

    @property
    def fence(self) -> int:
        """The number that goes into the write."""
        ...

    def check(self) -> None:
        """Raise `LeaseLost` when nothing may be written any more."""
        ...


@dataclass(frozen=True, slots=True)
class FencedDocument:
    """A state, and the highest fence that it has seen."""

    text: str | None
    """`None`: it was claimed, and nothing has been written to it yet."""
    fence: int


class FencedState(Protocol):
    """Texts by key, each of which takes no write of a fence lower than it has seen.

    Every method raises `LeaseUnavailable` when the store does not answer; a write may have happened then, and may be made
    again.
    """

    @property
    def where(self) -> str:
        """For messages and audits. Never a secret."""
        ...

    def read(self, key: str) -> FencedDocument | None:
        """What is there. Anybody may read."""
        ...

    def claim(self, key: str, held: Fenced) -> FencedDocument:
        """Let nobody with a lower fence write any more, and read.

        Raises:
            LeaseLost: The lease is not held any more. Nothing was sent.
            FenceOutrun: Somebody with a higher fence has been here.
        """
        ...

    def put(self, key: str, text: str, held: Fenced) -> None:
        """Write.

        Raises:
            LeaseLost: The lease is not held any more. Nothing was sent.
            FenceOutrun: Somebody with a higher fence has been here. Nothing was written.
        """
        ...
