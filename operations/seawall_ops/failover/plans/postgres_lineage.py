"""What a PostgreSQL server has that its writer's history has not. Pure.

A timeline's history file has a line for each timeline that it came from: its number and the position at which it was left,
separated by white space, then a reason (PostgreSQL's manual, "Timelines").
"""

from typing import Final

from seawall.replicas._tokens import parse_lsn
from seawall_ops.failover.plans.servers import MemberLook

__all__ = ["alone_bytes", "forks_of"]

LEAST_COLUMNS: Final = 2


def forks_of(history: str) -> dict[int, int]:
    """Where each earlier timeline was left, in bytes of log, by its number. Lines that are none are passed over."""
    found: dict[int, int] = {}
    for line in history.splitlines():
        words = line.split()
        if len(words) >= LEAST_COLUMNS and words[0].isdecimal() and "/" in words[1]:
            found[int(words[0])] = parse_lsn(words[1])
    return found


def alone_bytes(member: MemberLook, writer: MemberLook, history: str | None) -> int | None:
    """Bytes of log that only the member has, what it wrote for itself included: checkpoints, for instance.

    Args:
        member: How it is.
        writer: How the writer is.
        history: Of the writer's timeline; `None` where it cannot be read, or there is none.

    Returns:
        `None` where it cannot be told: a position is missing, or the member is on a timeline that the writer never was on.
    """
    if member.position is None or member.timeline is None or member.timeline == writer.timeline:
        fork = writer.position
    else:
        fork = forks_of(history or "").get(member.timeline)
    if member.position is None or member.timeline is None or fork is None:
        return None
    return max(0, member.position - fork)
