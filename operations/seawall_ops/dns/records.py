"""A hosted zone's records, as Route 53 looks them up. Pure: no I/O.

Sources: Route 53 API reference, `ResourceRecordSet`; RFC 4592 for wildcards.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from seawall.errors import InvalidInput

__all__ = [
    "Alias", "Failover", "GeoLocation", "Latency", "Multivalue", "Policy", "Record", "Simple", "Unsupported", "Weighted",
    "Zone", "canonical",
]  # fmt: skip

LARGEST_WEIGHT: Final = 255
ALIAS_TTL_SECONDS: Final = 60  # what Route 53 answers for an alias to a load balancer
ANYWHERE: Final = "*"


def canonical(name: str) -> str:
    """A DNS name as records are compared: lower case, with its final dot, and `*` for Route 53's `\\052`."""
    return f"{name.lower().rstrip('.')}.".replace("\\052", "*")


@dataclass(frozen=True, slots=True)
class Simple:
    """One record for the name."""


@dataclass(frozen=True, slots=True)
class Weighted:
    """A share of the answers, 0 to 255."""

    weight: int


@dataclass(frozen=True, slots=True)
class Latency:
    """The record of an AWS region."""

    region: str


@dataclass(frozen=True, slots=True)
class Failover:
    """One side of a pair."""

    primary: bool


@dataclass(frozen=True, slots=True)
class GeoLocation:
    """The record of a location: a continent's code, a country's, a country's and a subdivision's, or `*` as the country."""

    continent: str | None = None
    country: str | None = None
    subdivision: str | None = None

    def __str__(self) -> str:
        if self.country == ANYWHERE:
            return "everywhere"
        return "/".join(part for part in (self.continent, self.country, self.subdivision) if part)


@dataclass(frozen=True, slots=True)
class Multivalue:
    """One of up to eight values that are answered together."""


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A routing policy that is not modeled here: refused when an answer depends on it."""

    name: str


Policy = Simple | Weighted | Latency | Failover | GeoLocation | Multivalue | Unsupported


@dataclass(frozen=True, slots=True)
class Alias:
    """What an alias record points at."""

    name: str
    """Canonical name: of records of the zone, or of an AWS resource."""
    evaluate_target_health: bool
    zone_id: str | None = None
    """The hosted zone of the target; `None` when it was not given."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record set. Exactly one of `values` and `alias` is given."""

    name: str
    type: str
    policy: Policy = field(default_factory=Simple)
    values: tuple[str, ...] = ()
    alias: Alias | None = None
    ttl_seconds: int | None = None
    """`None` for an alias, which has the TTL of what it points at."""
    set_identifier: str | None = None
    health_check_id: str | None = None

    @property
    def label(self) -> str:
        """How lines name it: `shop.example.com A [primary]`."""
        identifier = f" [{self.set_identifier}]" if self.set_identifier is not None else ""
        return f"{self.name.rstrip('.')} {self.type}{identifier}"

    @property
    def short(self) -> str:
        """How lines name it within its group."""
        return self.set_identifier if self.set_identifier is not None else self.label


class Zone:
    """A zone's records, grouped by name and type.

    Args:
        records: All of them, in any order.
        name: The zone's name; default unknown.
        id: The zone's id, to tell aliases to its own records from aliases to AWS resources; default by name alone.

    Raises:
        InvalidInput: A record has both values and an alias, or neither; or a group mixes policies or repeats a record.
    """

    def __init__(self, records: Sequence[Record], *, name: str | None = None, id: str | None = None) -> None:  # noqa: A002
        self.name: Final = canonical(name) if name is not None else None
        self.id: Final = id
        groups: dict[tuple[str, str], list[Record]] = {}
        for record in records:
            if bool(record.values) == (record.alias is not None):
                raise InvalidInput(record.label, record.values, allowed="either values or an alias")
            groups.setdefault((canonical(record.name), record.type), []).append(record)
        for group in groups.values():
            _check_group(group)
        self._groups: Final[Mapping[tuple[str, str], tuple[Record, ...]]] = {
            key: tuple(group) for key, group in groups.items()
        }
        self._names: Final = {part for name, _ in groups for part in _with_parents(name)}

    @property
    def records(self) -> Iterator[Record]:
        """Every record, group by group."""
        return (record for group in self._groups.values() for record in group)

    def find(self, name: str, kind: str) -> tuple[Record, ...]:
        """The records that a query for the name and type is answered from; empty when there are none.

        A name that does not exist is looked up at the wildcard of its closest ancestor that does.
        """
        wanted = canonical(name)
        if wanted not in self._names:
            wanted = f"*.{next((parent for parent in _with_parents(wanted) if parent in self._names), '')}"
        return self._groups.get((wanted, kind), ())

    def delegated(self, name: str) -> str | None:
        """The name below the zone's own at which another zone begins that holds this name, if there is one."""
        for part in _with_parents(canonical(name)):
            if part == self.name:
                return None
            if (part, "NS") in self._groups and (part, "SOA") not in self._groups:
                return part
        return None

    def holds_target(self, alias: Alias) -> bool:
        """Whether the alias points at records of this zone, not at an AWS resource."""
        if self.id is not None and alias.zone_id is not None:
            return alias.zone_id == self.id
        return canonical(alias.name) in self._names


def _with_parents(name: str) -> Iterator[str]:
    """The name, then each of its ancestors: `a.b.` gives `a.b.` and `b.`."""
    while name:
        yield name
        _, _, name = name.partition(".")


def _check_group(group: Sequence[Record]) -> None:
    kinds = {type(record.policy).__name__ for record in group}
    if len(kinds) > 1:
        raise InvalidInput(group[0].label, ", ".join(sorted(kinds)), allowed="one routing policy for a name and type")
    keys = [
        record.policy if isinstance(record.policy, Failover | Simple) else record.set_identifier for record in group
    ]
    if len(set(keys)) < len(keys):
        raise InvalidInput(group[0].label, len(group), allowed="each set identifier, and each side of a failover, once")
    for record in group:
        if isinstance(record.policy, Weighted) and not 0 <= record.policy.weight <= LARGEST_WEIGHT:
            raise InvalidInput(f"{record.label} weight", record.policy.weight, allowed=f"0 to {LARGEST_WEIGHT}")
