"""Which records of a group are answered, by the group's policy and its records' health. Pure.

Source: Route 53 Developer Guide, "How Amazon Route 53 chooses records when health checking is configured"; each choice
names its rule.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from seawall.errors import InvalidInput
from seawall_ops.dns.checks import Verdict
from seawall_ops.dns.client import Client
from seawall_ops.dns.records import Failover, GeoLocation, Latency, Multivalue, Record, Simple, Unsupported, Weighted
from seawall_ops.dns.rules import Rule

__all__ = ["Choice", "choose"]

MOST_VALUES: Final = 8  # of a multivalue answer
WHOLE: Final = Fraction(1)


@dataclass(frozen=True, slots=True)
class Choice:
    """What a group answers, for a share of the queries."""

    name: str
    """The group's name."""
    group: tuple[Record, ...]
    verdicts: Mapping[Record, Verdict]
    records: tuple[Record, ...]
    """The records that are answered: one, or for multivalue several; none when the location has no record."""
    share: Fraction
    rule: Rule
    detail: str = ""
    """What the rule rests on here, e.g. the weights."""

    @property
    def lines(self) -> tuple[str, ...]:
        """One line on the group, one on each record's health, one on what is chosen and by which rule."""
        policy = type(self.group[0].policy).__name__.lower()
        head = f"{self.name.rstrip('.')}: {len(self.group)} {policy} record{'s' if len(self.group) > 1 else ''}"
        states = [
            f"  {one.short}: {'healthy' if self.verdicts[one].healthy else 'unhealthy'}, {self.verdicts[one].because}"
            for one in self.group
        ]
        chosen = ", ".join(one.short for one in self.records) or "nothing"
        return (head, *states, f"  → {chosen}: {self.rule.text}{f' ({self.detail})' if self.detail else ''}")


def choose(name: str, group: Sequence[Record], verdicts: Mapping[Record, Verdict], client: Client) -> list[Choice]:
    """What a group may answer; the shares make 1.

    Args:
        name: The name that was asked for.
        group: Its records of one type, of one policy.
        verdicts: The health of each.
        client: Who asks.

    Raises:
        InvalidInput: The policy is not modeled.
    """
    members = tuple(group)

    def made(records: Sequence[Record], rule: Rule, detail: str = "", share: Fraction = WHOLE) -> Choice:
        return Choice(name, members, verdicts, tuple(records), share, rule, detail)

    healthy = [record for record in members if verdicts[record].healthy]
    match members[0].policy:
        case Simple():
            several = len(members[0].values) > 1
            return [made(members, Rule.ALL_VALUES if several else Rule.ONLY_RECORD)]
        case Failover():
            record, rule = _side(members, healthy)
            return [made([record], rule)]
        case Weighted():
            return [made([record], rule, detail, share) for record, rule, detail, share in _weights(members, healthy)]
        case Latency():
            record, rule, detail = _nearest(members, healthy, client)
            return [made([record], rule, detail)]
        case GeoLocation():
            record, rule, detail = _location(members, healthy, client)
            return [made([record] if record is not None else [], rule, detail)]
        case Multivalue():
            values = healthy or members
            detail = f"{MOST_VALUES} of {len(values)} at a time" if len(values) > MOST_VALUES else ""
            return [made(values, Rule.UP_TO_EIGHT if healthy else Rule.ALL_UNHEALTHY, detail)]
        case Unsupported(policy):
            raise InvalidInput(members[0].label, policy, allowed="a routing policy that is modeled: not this one")


def _side(group: Sequence[Record], healthy: Sequence[Record]) -> tuple[Record, Rule]:
    sides = {record.policy.primary: record for record in group if isinstance(record.policy, Failover)}
    if len(sides) < 2:
        return group[0], Rule.ONLY_RECORD
    if sides[True] in healthy:
        return sides[True], Rule.PRIMARY_HEALTHY
    return (sides[False], Rule.SECONDARY) if sides[False] in healthy else (sides[True], Rule.BOTH_UNHEALTHY)


def _weights(group: Sequence[Record], healthy: Sequence[Record]) -> list[tuple[Record, Rule, str, Fraction]]:
    """The healthy records that have a weight; else the healthy ones of weight 0; else as if all were healthy."""
    weight = {record: record.policy.weight for record in group if isinstance(record.policy, Weighted)}
    some_have_weight = any(weight.values())
    positive = [record for record in healthy if weight[record] > 0]
    if positive:
        chosen, rule = positive, Rule.BY_WEIGHT
    elif healthy:
        chosen, rule = list(healthy), Rule.ZERO_WEIGHT if some_have_weight else Rule.ALL_ZERO_WEIGHTS
    else:
        chosen, rule = [one for one in group if weight[one] > 0] or list(group), Rule.ALL_UNHEALTHY
    total = sum(weight[record] for record in chosen)
    found: list[tuple[Record, Rule, str, Fraction]] = []
    for record in chosen:
        if total:
            found.append((record, rule, f"weight {weight[record]} of {total}", Fraction(weight[record], total)))
        else:
            found.append((record, rule, f"1 of {len(chosen)}", Fraction(1, len(chosen))))
    return found


def _nearest(group: Sequence[Record], healthy: Sequence[Record], client: Client) -> tuple[Record, Rule, str]:
    """AWS picks by its own measurements, which it does not publish: the client says, or distance stands in."""
    by_region = {record.policy.region: record for record in group if isinstance(record.policy, Latency)}
    order = client.by_nearness(by_region)
    for region, grounds in order:
        if by_region[region] in healthy:
            return by_region[region], Rule.NEAREST, f"{region}, {grounds}"
    region, grounds = order[0]
    return by_region[region], Rule.ALL_UNHEALTHY, f"{region}, {grounds}"


def _location(group: Sequence[Record], healthy: Sequence[Record], client: Client) -> tuple[Record | None, Rule, str]:
    ways = client.locations()
    matching = sorted(
        (record for record in group if isinstance(record.policy, GeoLocation) and record.policy in ways),
        key=lambda record: ways.index(record.policy) if isinstance(record.policy, GeoLocation) else len(ways),
    )
    for record in matching:
        if record in healthy:
            return record, Rule.SMALLEST_LOCATION, str(record.policy)
    if matching:
        return matching[0], Rule.ALL_UNHEALTHY, str(matching[0].policy)
    return None, Rule.NO_LOCATION, str(ways[0])
