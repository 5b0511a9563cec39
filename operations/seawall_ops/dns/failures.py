"""What each client would be answered if something failed, in any combination, and whether that answer is alive. Pure.

The invariant: for n things that fail independently there are exactly 2^n situations for each client, each is answered by
the same rules, and an answer at a dead endpoint while a live one exists is never left without the rule that made it so.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations
from typing import Final

from seawall.errors import InvalidInput
from seawall_ops.dns.answers import Answer, Outcome, answer
from seawall_ops.dns.checks import CheckKind, HealthCheck, Signal
from seawall_ops.dns.client import Client
from seawall_ops.dns.health import Health
from seawall_ops.dns.places import region_in
from seawall_ops.dns.records import Zone, canonical
from seawall_ops.dns.tree import checks_of, endpoints_of, records_of, watched_by
from seawall_ops.dns.verdicts import Fault, faults_of

__all__ = ["Situation", "Thing", "ThingKind", "World", "every_situation", "situation", "things_of"]

MOST_THINGS: Final = 10  # 1024 combinations for each client: more is neither read nor quick


class ThingKind(StrEnum):
    """What can fail."""

    REGION = "region"
    """All endpoints in an AWS region die; alarms there have no data."""
    ENDPOINT = "endpoint"
    """One value, or one AWS resource, dies."""
    CHECK = "check"
    """A check counts as unhealthy, whatever it looks at: a false alarm, a routing control off, a switch thrown."""


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing that fails independently of others."""

    kind: ThingKind
    name: str
    label: str = field(default="", compare=False)
    """What a check is called; default its id."""

    def __str__(self) -> str:
        return f"{self.kind.value} {self.label or self.name.rstrip('.')}"


@dataclass(frozen=True, slots=True)
class World:
    """Everything that is known of a zone."""

    zone: Zone
    checks: Mapping[str, HealthCheck] = field(default_factory=dict[str, HealthCheck])
    regions: Mapping[str, str] = field(default_factory=dict[str, str])
    """The AWS region of an endpoint, where it is known; from `regions_of`."""
    signals: Mapping[str, Signal] = field(default_factory=dict[str, Signal])
    """What checks see now, where that was asked for. Otherwise all is well, and no switch is thrown."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What one client gets while some things have failed."""

    failed: tuple[Thing, ...]
    client: Client
    answer: Answer
    live: frozenset[str]
    """The name's endpoints that live."""
    dead: frozenset[str]
    """Every endpoint of the zone that is dead."""
    faults: tuple[Fault, ...]
    """Answers at dead endpoints, or none at all, while a live one exists."""

    def is_dead(self, outcome: Outcome) -> bool:
        """Whether an outcome holds a dead endpoint."""
        return bool(self.dead & set(outcome.endpoints))


def things_of(world: World, name: str, kind: str, kinds: Iterable[ThingKind] | None = None) -> tuple[Thing, ...]:
    """What can fail beneath a name.

    Args:
        world: The zone.
        name: The name that is asked for.
        kind: The type that is asked for.
        kinds: Which kinds of things. Default: regions, endpoints whose region is not known, and those checks that see no
            endpoint of the zone (switches, routing controls); the other checks follow from the endpoints.
    """
    endpoints = endpoints_of(world.zone, name, kind)
    chosen = set(kinds) if kinds is not None else set(ThingKind)
    of_regions = {world.regions[end]: end for end in endpoints if end in world.regions}
    checks = checks_of(records_of(world.zone, name, kind), world.checks)
    found: list[Thing] = []
    if ThingKind.REGION in chosen:
        found += [Thing(ThingKind.REGION, region) for region in sorted(of_regions)]
    if ThingKind.ENDPOINT in chosen:
        found += [Thing(ThingKind.ENDPOINT, end) for end in endpoints if kinds is not None or end not in world.regions]
    if ThingKind.CHECK in chosen:
        found += [
            Thing(ThingKind.CHECK, check.id, check.name or check.id)
            for check in checks
            if kinds is not None or not _sees(world, check)
        ]
    return tuple(found)


def situation(
    world: World, name: str, kind: str, client: Client, failed: Sequence[Thing] = (), no_data: Iterable[str] = ()
) -> Situation:
    """What a client gets while the given things have failed.

    Args:
        world: The zone.
        name: The name that is asked for.
        kind: The type that is asked for, e.g. `A`.
        client: Who asks.
        failed: What has failed.
        no_data: Ids of alarm checks whose alarm has no data.

    Raises:
        InvalidInput: A thing is not there, or the answer depends on what is broken or not modeled.
    """
    return _situation(_known(world, name, kind), client, tuple(failed), frozenset(no_data))


def every_situation(
    world: World, name: str, kind: str, clients: Sequence[Client], things: Sequence[Thing]
) -> Iterator[Situation]:
    """Every combination of failures, the fewest first, each for every client: 2^n times the number of clients.

    Raises:
        InvalidInput: There are more than `MOST_THINGS` things, or the answer depends on what is broken or not modeled.
    """
    if len(things) > MOST_THINGS:
        raise InvalidInput(
            "things that fail", len(things), allowed=f"at most {MOST_THINGS}", because="each doubles the combinations"
        )
    known = _known(world, name, kind)
    for count in range(len(things) + 1):
        for failed in combinations(things, count):
            for client in clients:
                yield _situation(known, client, failed)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is the same in every situation, worked out once."""

    world: World
    name: str
    kind: str
    endpoints: frozenset[str]
    """Of the name."""
    everywhere: frozenset[str]
    """Of the zone."""
    watched: Mapping[str, frozenset[str]]
    """By check, the endpoints whose death it sees."""


def _known(world: World, name: str, kind: str) -> _Known:
    zone = world.zone
    everywhere = frozenset(end for one in zone.records for end in endpoints_of(zone, one.name, one.type))
    watched = {check.id: watched_by(zone, check, world.checks) for check in world.checks.values()}
    return _Known(world, name, kind, frozenset(endpoints_of(zone, name, kind)), everywhere, watched)


def _situation(
    known: _Known, client: Client, failed: tuple[Thing, ...], no_data: frozenset[str] = frozenset()
) -> Situation:
    zone = known.world.zone
    dead = _dead(known, failed)
    found = answer(zone, known.name, known.kind, client, _health(known, failed, dead, no_data))
    live = known.endpoints - dead
    return Situation(failed, client, found, live, dead, faults_of(zone, found, client, live, dead))


def _dead(known: _Known, failed: Sequence[Thing]) -> frozenset[str]:
    world = known.world
    lost = {thing.name for thing in failed if thing.kind is ThingKind.REGION}
    for region in lost - set(world.regions.values()):
        raise InvalidInput("failed region", region, allowed=f"one of {', '.join(sorted(set(world.regions.values())))}")
    dead = {end for end, region in world.regions.items() if region in lost}
    for thing in failed:
        if thing.kind is ThingKind.ENDPOINT:
            found = {thing.name, canonical(thing.name)} & known.everywhere
            if not found:
                raise InvalidInput("failed endpoint", thing.name, allowed="a value or an alias target of the zone")
            dead |= found
    return frozenset(dead)


def _health(known: _Known, failed: Sequence[Thing], dead: frozenset[str], no_data: frozenset[str]) -> Health:
    world = known.world
    lost = frozenset(thing.name for thing in failed if thing.kind is ThingKind.REGION)
    signals = {check.id: _signal(known, check, dead, lost) for check in world.checks.values()}
    for check_id in no_data:
        if check_id not in world.checks or world.checks[check_id].kind is not CheckKind.ALARM:
            raise InvalidInput("check without data", check_id, allowed="the id of a check that follows an alarm")
        signals[check_id] = Signal.NO_DATA
    for thing in failed:
        if thing.kind is ThingKind.CHECK:
            signals[thing.name] = _unhealthy(world, thing.name)
    return Health(world.checks, signals, unhealthy_targets=dead)


def _unhealthy(world: World, check_id: str) -> Signal:
    check = world.checks.get(check_id)
    if check is None or check.kind is CheckKind.CALCULATED:
        raise InvalidInput("failed check", check_id, allowed="the id of a check that is not calculated from others")
    return Signal.HEALTHY if check.inverted else Signal.UNHEALTHY


def _signal(known: _Known, check: HealthCheck, dead: frozenset[str], lost: frozenset[str]) -> Signal:
    """What a check sees. Of several addresses behind one name a live one is enough: checkers need 18 % of good answers."""
    place = region_in([check.host or ""])
    watched, seen = known.watched[check.id], known.world.signals
    if check.kind is CheckKind.ALARM and check.host in lost:
        return Signal.NO_DATA  # worst case: CloudWatch is lost with its region
    if watched:
        if watched <= dead:
            return Signal.UNHEALTHY
    elif check.kind is CheckKind.ENDPOINT and place in lost:
        return Signal.UNHEALTHY
    if check.id in seen:
        return seen[check.id]
    # All is well: a switch that is thrown by making something answer gets no answer now.
    return Signal.UNHEALTHY if check.inverted and not watched else Signal.HEALTHY


def _sees(world: World, check: HealthCheck) -> bool:
    return bool(watched_by(world.zone, check, world.checks)) or (
        check.kind is CheckKind.ENDPOINT and not check.inverted and region_in([check.host or ""]) is not None
    )
