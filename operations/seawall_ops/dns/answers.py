"""The answer that Route 53 gives to a client, with the way through the rules. Pure: records and health in, answer out.

The invariant, as AWS documents it: a group of records with one name and type answers from its healthy records by its
policy; when none is healthy it answers as if all were. An alias that evaluates its target is healthy while at least one
record of its target's group is, so a branch without a healthy record is not entered while another branch has one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from seawall.errors import InvalidInput
from seawall_ops.dns.choosing import Choice, choose
from seawall_ops.dns.client import Client
from seawall_ops.dns.health import Health, health_of
from seawall_ops.dns.records import ALIAS_TTL_SECONDS, Record, Zone, canonical
from seawall_ops.dns.rules import Rule

__all__ = ["Answer", "Outcome", "answer"]

LONGEST_CHAIN: Final = 16  # names from the first to the last alias or CNAME; a longer one is a loop


@dataclass(frozen=True, slots=True)
class Outcome:
    """One of the answers that a client may get."""

    share: Fraction
    """Of the client's queries; all outcomes together make 1."""
    choices: tuple[Choice, ...]
    """The way from the name to what is answered."""
    endpoints: tuple[str, ...]
    """Values, or the canonical name of an AWS resource; empty when there is no answer."""
    ttl_seconds: int | None
    """How long resolvers keep it; `None` for an AWS resource that has its own."""

    @property
    def rule(self) -> Rule | None:
        """Why the last choice fell as it did."""
        return self.choices[-1].rule if self.choices else None

    @property
    def lines(self) -> tuple[str, ...]:
        """The path, one line per rule that was applied."""
        last = ", ".join(endpoint.rstrip(".") for endpoint in self.endpoints) or "no answer"
        ttl = f", kept {self.ttl_seconds} s" if self.ttl_seconds is not None and self.endpoints else ""
        return (*(line for choice in self.choices for line in choice.lines), f"answer: {last}{ttl}")


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything that a client may get for a name and type, under one state of health."""

    name: str
    type: str
    outcomes: tuple[Outcome, ...]
    """By share, the largest first; empty when the zone has no such records."""
    because: str | None = None
    """Why there are no outcomes."""

    @property
    def endpoints(self) -> frozenset[str]:
        """All that may be answered."""
        return frozenset(endpoint for outcome in self.outcomes for endpoint in outcome.endpoints)


@dataclass(frozen=True, slots=True)
class _Query:
    zone: Zone
    kind: str
    client: Client
    health: Health


def answer(zone: Zone, name: str, kind: str, client: Client, health: Health) -> Answer:
    """What Route 53 answers.

    Args:
        zone: The records.
        name: The name that is asked for.
        kind: The type that is asked for, e.g. `A`.
        client: Who asks, and from where.
        health: What the checks see, and which AWS resources are unhealthy.

    Raises:
        InvalidInput: The answer depends on something that is broken (an alias to records that are not there, a deleted
            check, a loop) or not modeled (a routing policy).
    """
    query = _Query(zone, kind, client, health)
    outcomes = _resolve(query, canonical(name), 0)
    if not outcomes:
        return Answer(canonical(name), kind, (), _why_nothing(zone, name, kind))
    return Answer(canonical(name), kind, tuple(sorted(outcomes, key=lambda one: -one.share)))


def _why_nothing(zone: Zone, name: str, kind: str) -> str:
    below = zone.delegated(name)
    if below is not None:
        return f"{below.rstrip('.')} is delegated to another zone"
    return f"the zone has no {kind} records for {canonical(name).rstrip('.')}"


def _resolve(query: _Query, name: str, depth: int) -> list[Outcome]:
    """The outcomes for a name: from its records of the type, else by way of its CNAME."""
    if depth > LONGEST_CHAIN:
        raise InvalidInput("name", name, allowed=f"a chain of at most {LONGEST_CHAIN} aliases and CNAMEs")
    if query.zone.delegated(name) is not None:
        return []
    group = query.zone.find(name, query.kind)
    if group:
        return _from_group(query, name, group, depth)
    group = query.zone.find(name, "CNAME")
    if not group or query.kind == "CNAME":
        return []
    aliased = _from_group(replace(query, kind="CNAME"), name, group, depth)
    return [outcome for each in aliased for outcome in _follow(query, each, depth)]


def _follow(query: _Query, found: Outcome, depth: int) -> list[Outcome]:
    """What the client's resolver finds at the name that a CNAME gives; outside the zone that name is all that is known."""
    if len(found.endpoints) != 1:
        return [found]
    target = canonical(found.endpoints[0])
    further = _resolve(query, target, depth + 1)
    if not further:
        return [replace(found, endpoints=(target,))]
    return [_joined(found, each) for each in further]


def _joined(first: Outcome, then: Outcome) -> Outcome:
    shortest = [ttl for ttl in (first.ttl_seconds, then.ttl_seconds) if ttl is not None]
    return replace(
        then,
        share=first.share * then.share,
        choices=(*first.choices, *then.choices),
        ttl_seconds=min(shortest) if shortest else None,
    )


def _from_group(query: _Query, name: str, group: Sequence[Record], depth: int) -> list[Outcome]:
    verdicts = {record: health_of(record, query.zone, query.health) for record in group}
    outcomes: list[Outcome] = []
    for choice in choose(name, group, verdicts, query.client):
        if not choice.records:
            outcomes.append(Outcome(choice.share, (choice,), (), None))
        elif choice.records[0].alias is None:
            values = tuple(dict.fromkeys(value for record in choice.records for value in record.values))
            outcomes.append(Outcome(choice.share, (choice,), values, choice.records[0].ttl_seconds))
        else:
            outcomes.extend(_from_alias(query, choice, choice.records[0], depth))
    return outcomes


def _from_alias(query: _Query, choice: Choice, record: Record, depth: int) -> list[Outcome]:
    assert record.alias is not None  # noqa: S101  # the caller looked
    if not query.zone.holds_target(record.alias):
        ttl = ALIAS_TTL_SECONDS if ".elb." in record.alias.name else None
        return [Outcome(choice.share, (choice,), (canonical(record.alias.name),), ttl)]
    further = _resolve(query, canonical(record.alias.name), depth + 1)
    if not further:
        raise InvalidInput(
            f"{record.label} alias", record.alias.name, allowed=f"a name with {query.kind} records in the zone"
        )
    first = Outcome(choice.share, (choice,), (), None)
    return [_joined(first, each) for each in further]
