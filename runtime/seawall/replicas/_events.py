"""What happens to a router, for whoever subscribes to `router.events`."""

from dataclasses import dataclass

from seawall.events import Event
from seawall.replicas._model import ReaderState

__all__ = ["ReaderStateChanged", "WriterChanged", "WriterLeaseChanged", "WriterTrouble"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterChanged(Event):
    """Another server is the writer, or the same one after it was promoted anew. Connections to `previous` mean nothing."""

    previous: str
    current: str
    reason: str
    """`observed`, `topology` or `operator`."""
    epoch: int
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterTrouble(Event):
    """There is nobody to write to any more, or there is somebody again."""

    trouble: str | None
    """Why not, in one line; `None`: it is over."""
    rivals: tuple[str, ...]
    """Servers that take writes at the same time; somebody has to stop all but one of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterLeaseChanged(Event):
    """The epoch's lease ran out, so that this process writes no more, or was renewed after that."""

    held: bool
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderStateChanged(Event):
    """A server is fit to be read from, or no longer."""

    server: str
    previous: ReaderState
    current: ReaderState
