"""Failover: observers vote, a pure function decides, and what is done stands in a ledger.

`votes` says what observers say and how it is counted, `policy` by which numbers, `candidates` who may take over, `decision`
whether to act; these and `ledger` are pure. `board` keeps votes and ledger; `observe` looks, and `observer` is the process
that does all of this again and again.
"""

from seawall_ops.failover.board import Board, BoardUnavailable, Outrun, Posted
from seawall_ops.failover.candidates import Target
from seawall_ops.failover.decision import Act, Decision, Recommend, Situation, Stay, decide, described
from seawall_ops.failover.ledger import Ledger, Operation, OperationOpen, OperationState, Pause
from seawall_ops.failover.policy import MaintenanceWindow, Mode, Policy, decision_terms
from seawall_ops.failover.votes import (
    Evidence,
    Health,
    Judge,
    MemberState,
    Observation,
    Seen,
    Subject,
    Tally,
    Verdict,
    Vote,
    Watch,
    tally,
)

__all__ = [
    "Act",
    "Board",
    "BoardUnavailable",
    "Decision",
    "Evidence",
    "Health",
    "Judge",
    "Ledger",
    "MaintenanceWindow",
    "MemberState",
    "Mode",
    "Observation",
    "Operation",
    "OperationOpen",
    "OperationState",
    "Outrun",
    "Pause",
    "Policy",
    "Posted",
    "Recommend",
    "Seen",
    "Situation",
    "Stay",
    "Subject",
    "Tally",
    "Target",
    "Verdict",
    "Vote",
    "Watch",
    "decide",
    "decision_terms",
    "described",
    "tally",
]
