"""What a failover asks of the servers of a database, and of the switch that moves the service's name. Pure."""

from dataclasses import dataclass
from typing import Final, Protocol

from seawall.errors import SeawallError

__all__ = ["FenceLook", "MemberLook", "MemberUnreachable", "NameSwitch", "Servers", "forced_shown"]


class MemberUnreachable(SeawallError):
    """A server, or what fences it, did not answer. What was asked of it may have happened.

    Args:
        member: Its name in the topology.
        because: Why, in one line.
    """

    def __init__(self, member: str, because: str) -> None:
        self.member: Final = member
        self.because: Final = because
        super().__init__(f"{member} cannot be reached: {because}")

    def __reduce__(self) -> "tuple[object, ...]":
        return MemberUnreachable, (self.member, self.because)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberLook:
    """What a server said of itself, once."""

    takes_writes: bool
    """Whether it is out of recovery. Says nothing of a fence around it."""
    system_id: int | None = None
    """Of the cluster; `None` where the engine has none, or it was not told."""
    timeline: int | None = None
    """The history that it is in."""
    position: int | None = None
    """Bytes of log: of a writer those written, of a replica those replayed; `None` where positions do not compare."""
    lag_seconds: float | None = None
    """Of a replica behind its writer; `None`: it cannot tell. It grows while the writer is gone, whatever was replayed."""

    def of_another_cluster(self, other: "MemberLook") -> bool:
        """Whether both say which cluster they are of, and it is not the same."""
        return None not in (self.system_id, other.system_id) and self.system_id != other.system_id


@dataclass(frozen=True, slots=True)
class FenceLook:
    """Whether a server is fenced.

    Args:
        closed: Nobody can write to it any more, sessions from before included.
        shown: What was seen, in one line.
    """

    closed: bool
    shown: str


class Servers(Protocol):
    """The servers of one database, by their members' names. Every method ends within a time-out of its own.

    All raise `MemberUnreachable` when there is no answer: what was asked may have happened. What was refused as a whole, a
    denied call for instance, is `StepRefused`: nothing was changed, for certain.
    """

    @property
    def where(self) -> str:
        """What they are, for the plan's inputs: nothing is resumed against others. Never a secret."""
        ...

    def look(self, member: str) -> MemberLook:
        """How it is. Changes nothing."""
        ...

    def fence_of(self, member: str) -> FenceLook:
        """Whether it is fenced. Changes nothing."""
        ...

    def fence(self, member: str) -> None:
        """Let nobody write to it any more, and end the sessions that could. May be called again, also when it is half done."""
        ...

    def lift(self, member: str) -> None:
        """Take the fence away. May be called again."""
        ...

    def promote(self, member: str) -> None:
        """Begin to make a replica a writer. May be called again; does nothing to one that takes writes."""
        ...

    def try_write(self, member: str) -> None:
        """Write something, and take it back.

        Raises:
            StepRefused: It takes no writes.
        """
        ...


class NameSwitch(Protocol):
    """Moves the name that clients resolve, by the data plane: `FailoverSwitch`'s object, or a routing control."""

    @property
    def where(self) -> str:
        """For messages. Never a secret."""
        ...

    def region(self) -> str | None:
        """The region that the switch forces the name to; `None`: it forces none, the health checks decide.

        Raises:
            CloudUnavailable: It cannot be asked.
        """
        ...

    def force(self, region: str | None) -> None:
        """Set it. May be called again.

        Raises:
            CloudUnavailable: It cannot be asked; it may have been set.
        """
        ...


def forced_shown(switch: NameSwitch, region: str | None) -> str:
    """Where a switch forces the name to, in one line."""
    leads = "the health checks decide" if region is None else f"forced to {region}"
    return f"{leads}, by {switch.where}"
