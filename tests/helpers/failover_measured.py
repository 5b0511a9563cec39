"""What an outage took, leg by leg, beside what was predicted of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from failover_estate import MEMBERS
from failover_numbers import Numbers
from failover_runs import phases
from seawall.timing import FailureClass, Source, Term
from seawall_ops.audit import Decision, Record, Vote
from seawall_ops.failover.policy import decision_terms

WRITER: Final = f"database/{MEMBERS[0]}"
READING_SECONDS: Final = 6.0  # of the topology at worst: two attempts of SSM, each 1 s to connect and 2 s to answer
REQUESTS_SECONDS: Final = (0.5, 10.0)  # assumed: a dozen requests to a third region, one of them slow
PROMOTION_SECONDS: Final = (
    0.2,
    2.0,
)  # measured on an idle machine and on a busy one, PostgreSQL without a load to replay


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One part of an outage; each begins where the one before ends, so that they add up to all of it."""

    name: str
    what: str
    seconds: float
    terms: tuple[Term, ...]

    @property
    def typical_seconds(self) -> float:
        return sum(term.typical_seconds for term in self.terms)

    @property
    def worst_seconds(self) -> float:
        return sum(term.worst_seconds for term in self.terms)

    @property
    def source(self) -> str:
        """Of the prediction, e.g. `computed`."""
        return ", ".join(dict.fromkeys(term.source.value for term in self.terms))


def legs_of(numbers: Numbers, records: Sequence[Record], *, killed: float, writing: float) -> tuple[Leg, ...]:
    """The parts of a lost writer's outage.

    Args:
        numbers: By which everything ran.
        records: Of all observers, and of the operation.
        killed: When the writer was killed, by the monotonic clock.
        writing: When the last instance of the shop had written again.
    """
    found = phases(records)
    quorum = _quorum(records, numbers.policy.quorum, killed)
    decided = min(
        each.monotonic_seconds
        for each in records
        if isinstance(each.fact, Decision) and each.fact.decision.startswith("act:") and each.monotonic_seconds > killed
    )
    announced = found["announce", "verify", "done"].monotonic_seconds
    fenced = found["fence", "verify", "done"].monotonic_seconds
    # Apps know the new writer since the announcement: some have written to it before the plan has seen that it takes writes.
    promoted = min(found["promote", "verify", "done"].monotonic_seconds, writing)
    ends = (killed, quorum, decided, announced, fenced, promoted, writing)
    checks, timeout, vote, decision = decision_terms(numbers.policy, FailureClass.WRITER)
    parts: tuple[tuple[str, str, tuple[Term, ...]], ...] = (
        ("detect", "a quorum of observers has seen it fail three times", (checks, timeout, vote)),
        ("decide", "one of them has read that from the board", (decision,)),
        ("announce", "it has the lease, and has taken the old writer's epoch away", (_requests(),)),
        ("fence", "every app's lease of the epoch has run out", (_epoch_lease(numbers),)),
        ("promote", "the replica takes writes", (_promotion(),)),
        ("apps follow", "the last instance of the shop has written an order", (_follow(numbers),)),
    )
    return tuple(
        Leg(name=name, what=what, seconds=end - begin, terms=terms)
        for (name, what, terms), begin, end in zip(parts, ends, ends[1:], strict=False)
    )


def table_of(legs: Sequence[Leg]) -> str:
    """Measured beside predicted, with a line for all of it."""
    rows = [
        f"| {leg.name} | {leg.what} | {leg.seconds:.1f} s | {leg.typical_seconds:.1f} to {leg.worst_seconds:.1f} s "
        f"| {leg.source} |"
        for leg in legs
    ]
    whole = "from the kill until every instance writes again"
    typical, worst = (sum(getattr(leg, f"{kind}_seconds") for leg in legs) for kind in ("typical", "worst"))
    total = sum(leg.seconds for leg in legs)
    lines = (
        "| leg | until | measured | predicted | source |",
        "| --- | --- | --- | --- | --- |",
        *rows,
        f"| **total** | {whole} | {total:.1f} s | {typical:.1f} to {worst:.1f} s | |",
    )
    return "\n".join(lines)


def _quorum(records: Sequence[Record], quorum: int, killed: float) -> float:
    """When so many domains had called the writer unhealthy."""
    first: dict[str, float] = {}
    for each in records:
        fact = each.fact
        lost = isinstance(fact, Vote) and (fact.subject, fact.verdict) == (WRITER, "unhealthy")
        if isinstance(fact, Vote) and lost and each.monotonic_seconds > killed:
            first.setdefault(fact.domain, each.monotonic_seconds)
    return sorted(first.values())[quorum - 1]


def _epoch_lease(numbers: Numbers) -> Term:
    return Term(
        "epoch lease",
        numbers.epoch_lease_seconds,
        numbers.epoch_lease_seconds + numbers.policy.timeout_seconds,
        Source.COMPUTED,
        "a writer that is gone cannot be fenced, so all of the apps' lease is waited for, and a last try at it",
        inputs=("epoch_lease_seconds",),
    )


def _promotion() -> Term:
    typical, worst = PROMOTION_SECONDS
    return Term("promotion", typical, worst, Source.MEASURED_LOCALLY, "PostgreSQL on this machine, not RDS")


def _requests() -> Term:
    typical, worst = REQUESTS_SECONDS
    return Term("announcement", typical, worst, Source.ASSUMED, "requests to the third region and to those that answer")


def _follow(numbers: Numbers) -> Term:
    every = numbers.topology_seconds
    return Term(
        "topology interval",
        0.0,
        every + READING_SECONDS,
        Source.COMPUTED,
        "the announcement named the new writer: apps write once it takes writes; at worst one has to read the roles first",
        formula=f"{every:g} s + {READING_SECONDS:g} s",
        inputs=("topology_seconds",),
    )
