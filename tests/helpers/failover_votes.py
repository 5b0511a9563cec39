"""Votes, situations and operations to decide by, for the service of `topology_documents`."""

from typing import Any

from failover_world import AWAY, HOME, STARTED, THIRD
from seawall.topology import merge
from seawall_ops.failover.decision import Decision, Recommend, Situation
from seawall_ops.failover.ledger import Ledger, Operation
from seawall_ops.failover.votes import Evidence, Health, MemberState, Seen, Subject, Verdict, Vote
from topology_documents import shop

VIEW = merge(shop())
DOMAINS = (HOME, AWAY, THIRD)
WRITER = Subject(Evidence.DATABASE, HOME)
STANDBY = Subject(Evidence.DATABASE, AWAY)
GOOD = MemberState(writable=False, same_lineage=True, lag_seconds=1.0)
SUBJECTS = (
    *(Subject(Evidence.DATABASE, name) for name in DOMAINS),
    *(Subject(Evidence.SERVICE, name) for name in DOMAINS),
)


def verdict(subject: Subject, health: Health, **more: Any) -> Verdict:
    state = GOOD if subject.evidence is Evidence.DATABASE and subject != WRITER else None
    return Verdict(**{"subject": subject, "judged": health, "latest": health, "state": state, **more})


def seen(domain: str, *, lost: tuple[Subject, ...] = (), age: float | None = 5.0, **more: Any) -> Seen:
    """A vote for which all is well but what is lost."""
    verdicts = tuple(verdict(each, Health.UNHEALTHY if each in lost else Health.HEALTHY) for each in SUBJECTS)
    values = {"observer": f"o-{domain}", "domain": domain, "boot": "b", "sequence": 1, "epoch": 3, "verdicts": verdicts}
    return Seen(Vote(**{**values, **more}), age)


def situation(votes: list[Seen], **more: Any) -> Situation:
    return Situation(**{"view": VIEW, "votes": votes, "ledger": Ledger(cluster="shop-prod"), "now": STARTED, **more})


def all_lose(*lost: Subject) -> list[Seen]:
    return [seen(domain, lost=lost) for domain in DOMAINS]


def operation(**more: Any) -> Operation:
    values = {"id": "op-1", "opened_by": "o", "automatic": True, "fence": 1, "epoch": 3, "target": "t", "reason": "r"}
    return Operation(**{**values, **more})


def held_by(decision: Decision) -> str:
    assert isinstance(decision, Recommend)
    return "; ".join(decision.held_by)
