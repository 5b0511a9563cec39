"""Which rule of AWS made an answer point at a dead endpoint while a live one exists. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from seawall_ops.dns.answers import Answer, Outcome
from seawall_ops.dns.choosing import Choice
from seawall_ops.dns.client import Client
from seawall_ops.dns.records import GeoLocation, Record, Zone
from seawall_ops.dns.rules import Rule
from seawall_ops.dns.tree import beneath

__all__ = ["Fault", "faults_of"]


@dataclass(frozen=True, slots=True)
class Fault:
    """An answer that no client wants, and why AWS gives it."""

    outcome: Outcome
    dead: tuple[str, ...]
    """The endpoints that are answered and dead; empty when there is no answer."""
    live: tuple[str, ...]
    """The endpoints that would have served."""
    rule: Rule
    because: str
    """What the rule rests on here."""

    @property
    def line(self) -> str:
        """The whole of it on one line, with the page where AWS says so."""
        answered = f"answers {', '.join(_shown(self.dead))}, which is dead," if self.dead else "has no answer"
        lives = ", ".join(_shown(self.live))
        detail = f" ({self.because})" if self.because else ""
        return f"{answered} while {lives} lives: {self.rule.text}{detail} [{self.rule.source}]"


def _shown(endpoints: Sequence[str]) -> list[str]:
    return [endpoint.rstrip(".") for endpoint in endpoints]


def faults_of(
    zone: Zone, found: Answer, client: Client, live: frozenset[str], dead: frozenset[str]
) -> tuple[Fault, ...]:
    """One fault per outcome that holds a dead endpoint, or no answer, while one of the name's endpoints lives.

    Args:
        zone: The records.
        found: What is answered.
        client: To whom.
        live: The name's endpoints that live.
        dead: Every endpoint that is dead.
    """
    faults: list[Fault] = []
    for outcome in found.outcomes if live else ():
        answered = tuple(end for end in outcome.endpoints if end in dead)
        if answered or not outcome.endpoints:
            rule, because = _blame(zone, found.type, outcome, client, dead)
            faults.append(Fault(outcome, answered, tuple(sorted(live)), rule, because))
    return tuple(faults)


def _blame(zone: Zone, kind: str, outcome: Outcome, client: Client, dead: frozenset[str]) -> tuple[Rule, str]:
    """From the top, the first choice that left a record with a live endpoint for one without."""
    for position, choice in enumerate(outcome.choices):
        if not choice.records:
            return Rule.NO_LOCATION, choice.detail
        lost = [record for record in choice.records if not beneath(zone, record, kind) - dead]
        others = [
            record for record in choice.group if record not in choice.records and beneath(zone, record, kind) - dead
        ]
        if lost and (others or len(lost) < len(choice.records)):
            return _reason(choice, lost[0], others, client, outcome.choices[position:])
    return Rule.ALL_VALUES, outcome.choices[-1].records[0].label


def _reason(
    choice: Choice, lost: Record, others: Sequence[Record], client: Client, deeper: Sequence[Choice]
) -> tuple[Rule, str]:
    if isinstance(lost.policy, GeoLocation) and not any(other.policy in client.locations() for other in others):
        return Rule.OTHER_LOCATIONS, f"the client is in {client}"
    if not choice.verdicts[lost].healthy:
        why = "; ".join(f"{other.short} lives, but {choice.verdicts[other].because}" for other in others)
        return choice.rule, why
    # An alias is healthy because a record beneath it is: the reason is that record's.
    for each in deeper:
        verdict = each.verdicts[each.records[0]] if each is not choice else each.verdicts[lost]
        if verdict.rule is not Rule.TARGET_HEALTH:
            return verdict.rule, f"{(lost if each is choice else each.records[0]).label}: {verdict.because}"
    return choice.verdicts[lost].rule, choice.verdicts[lost].because
