"""What is decided now, for whoever asks: a vote counts once it is seen to change, so this watches for a while."""

import time
from datetime import UTC, datetime
from typing import Final

from seawall.clock import SYSTEM_CLOCK
from seawall.topology import Effective
from seawall_ops.failover.board import Board, Posted
from seawall_ops.failover.decision import Situation, decide, pauses
from seawall_ops.failover.policy import Policy
from seawall_ops.failover.settings import Settings
from seawall_ops.failover.showing import Status
from seawall_ops.failover.votes import Seen, Watch

__all__ = ["watched"]

POLL_SECONDS: Final = 2.0  # between two readings of the board while votes are waited for to change


def watched(found: Settings, board: Board, view: Effective, longest_seconds: float | None = None) -> Status:
    """Read the board until every vote has changed once, or for so long; `None`: for one round.

    Raises:
        BoardUnavailable: It does not answer.
    """
    policy = found.policy
    if longest_seconds is None:
        longest_seconds = policy.interval_seconds + policy.timeout_seconds
    watch = Watch(SYSTEM_CLOCK)
    ends = SYSTEM_CLOCK.monotonic() + longest_seconds
    while True:
        posted = board.read()
        seen = watch.votes(posted.votes)
        if all(each.age_seconds is not None for each in seen) or SYSTEM_CLOCK.monotonic() >= ends:
            return _status(policy, board, view, posted, seen, watch)
        time.sleep(min(POLL_SECONDS, max(0.0, ends - SYSTEM_CLOCK.monotonic())))


def _status(
    policy: Policy, board: Board, view: Effective, posted: Posted, seen: tuple[Seen, ...], watch: Watch
) -> Status:
    ages = watch.ages(posted.ledger.keys, posted.votes)
    now = datetime.now(UTC)
    opened = () if posted.ledger.open is None else (str(posted.ledger.open),)
    return Status(
        policy=policy,
        epoch=view.epoch,
        votes=seen,
        ledger=posted.ledger,
        decision=decide(policy, Situation(view=view, votes=seen, ledger=posted.ledger, ages=ages, now=now)),
        where=board.where,
        held=(*opened, *pauses(policy, posted.ledger, ages, now), *posted.broken),
    )
