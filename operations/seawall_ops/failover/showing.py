"""The board and the decision, for people and as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass

from seawall_ops.failover.decision import Act, Decision, Recommend, described
from seawall_ops.failover.ledger import Ledger
from seawall_ops.failover.policy import Policy
from seawall_ops.failover.votes import Health, Seen, Subject, Tally, tally

__all__ = ["Status", "as_dict", "observer_rows", "tally_rows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What `seawall failover status` shows."""

    policy: Policy
    epoch: int
    votes: Sequence[Seen]
    ledger: Ledger
    decision: Decision
    where: str
    held: tuple[str, ...]
    """What holds everything back at the moment: a pause, a maintenance window, an open operation."""

    @property
    def tallies(self) -> tuple[Tally, ...]:
        """What is said of every subject that anybody watches."""
        subjects = sorted({verdict.subject for each in self.votes for verdict in each.vote.verdicts})
        return tuple(self._tally(subject) for subject in subjects)

    @property
    def quiet(self) -> bool:
        """Whether nobody has to look."""
        return not isinstance(self.decision, Recommend | Act) and not self.held

    def _tally(self, subject: Subject) -> Tally:
        return tally(
            subject,
            self.votes,
            self.policy.domains,
            epoch=self.epoch,
            stale_after_seconds=self.policy.staleness_seconds,
        )


def observer_rows(status: Status) -> list[tuple[str, ...]]:
    """A row per observer."""
    rows: list[tuple[str, ...]] = []
    for each in status.votes:
        vote = each.vote
        counts = [sum(verdict.standing is health for verdict in vote.verdicts) for health in Health]
        age = "not seen to change" if each.age_seconds is None else f"{each.age_seconds:.0f} s"
        state = "stale" if each.stale(status.policy.staleness_seconds) else "counts"
        state = "isolated" if vote.isolated is not None else state
        rows.append(
            (
                vote.observer,
                vote.domain,
                str(vote.sequence),
                age,
                str(vote.epoch),
                state,
                *map(str, counts),
                vote.thinks,
            )
        )
    return rows


def tally_rows(status: Status) -> list[tuple[str, ...]]:
    """A row per subject."""
    return [
        (
            str(each.subject),
            ", ".join(each.healthy) or "-",
            ", ".join(each.unhealthy) or "-",
            "; ".join(f"{domain}: {why}" for domain, why in each.unknown) or "-",
        )
        for each in status.tallies
    ]


def as_dict(status: Status) -> dict[str, object]:
    """Everything as plain data."""
    decision, ledger = status.decision, status.ledger
    target = None if not isinstance(decision, Recommend | Act) else decision.target
    return {
        "cluster": status.policy.cluster,
        "board": status.where,
        "epoch": status.epoch,
        "mode": status.policy.mode.value,
        "never_acts_because": status.policy.never_acts_because,
        "quorum": status.policy.quorum,
        "domains": list(status.policy.domains),
        "observers": [
            {
                "observer": each.vote.observer,
                "domain": each.vote.domain,
                "sequence": each.vote.sequence,
                "age_seconds": each.age_seconds,
                "epoch": each.vote.epoch,
                "isolated": each.vote.isolated,
                "thinks": each.vote.thinks,
            }
            for each in status.votes
        ],
        "subjects": [
            {
                "subject": str(each.subject),
                "healthy": list(each.healthy),
                "unhealthy": list(each.unhealthy),
                "unknown": dict(each.unknown),
            }
            for each in status.tallies
        ],
        "operations": [
            {"id": each.id, "state": each.state.value, "target": each.target, "automatic": each.automatic}
            for each in ledger.operations
        ],
        "fenced": list(ledger.fenced),
        "held": list(status.held),
        "decision": {
            "line": described(decision),
            "target": None if target is None else str(target),
            "reasons": list(decision.reasons),
        },
    }
