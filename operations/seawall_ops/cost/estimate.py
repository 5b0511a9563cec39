"""Resources priced by the table: a line each, with what is counted, or why it has no price."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from seawall_ops.cost.prices import HOURS_PER_MONTH, Prices

__all__ = ["Estimate", "Kind", "Line", "estimate"]

SEARCHING: Final = "_STR_MATCH"
FAST_SECONDS: Final = 10
INSTANCE: Final = "aws:rds/instance:Instance"
KUBERNETES: Final = "kubernetes:"
NOT_CLOUD: Final = ("pulumi:", "seawall:", "random:", "command:")  # of the engine and of programs: nothing in a cloud

Properties = Mapping[str, Any]
Priced = tuple[float | None, str]


class Kind(Enum):
    """How a resource costs."""

    PRICED = "priced"
    FREE = "free"
    USAGE = "usage"
    """By use: not included in the sum."""
    UNKNOWN = "unknown"
    """The table has no price: not included, and said."""


@dataclass(frozen=True, slots=True)
class Line:
    """One resource."""

    type: str
    name: str
    kind: Kind
    usd: float = 0.0
    """Per month; 0 for every kind but `priced`, which is then not included."""
    because: str = ""
    """What is counted, or why nothing is."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a set of resources costs."""

    lines: tuple[Line, ...]

    @property
    def usd(self) -> float:
        """US dollars per month, of what has a price."""
        return math.fsum(line.usd for line in self.lines)

    def of(self, kind: Kind) -> tuple[Line, ...]:
        """The lines of one kind."""
        return tuple(line for line in self.lines if line.kind is kind)


def estimate(resources: Iterable[tuple[str, str, Properties]], prices: Prices) -> Estimate:
    """Price resources.

    Args:
        resources: Type, name and properties of each.
        prices: The table.
    """
    known = [(type_, name, properties) for type_, name, properties in resources if not type_.startswith(NOT_CLOUD)]
    source = _largest_source([properties for type_, _, properties in known if type_ == INSTANCE])
    return Estimate(
        tuple(
            _line(type_, name, {**source, **properties} if type_ == INSTANCE else properties, prices)
            for type_, name, properties in known
        )
    )


def _line(type_: str, name: str, properties: Properties, prices: Prices) -> Line:
    if type_.startswith(KUBERNETES):
        return Line(type_, name, Kind.USAGE, because="runs in your cluster")
    if type_ in prices.free:
        return Line(type_, name, Kind.FREE)
    if type_ in prices.usage:
        return Line(type_, name, Kind.USAGE, because=prices.usage[type_])
    rule = _RULES.get(type_)
    if rule is None:
        return Line(type_, name, Kind.UNKNOWN, because="no price in the table")
    usd, because = rule(properties, prices)
    if usd is None:
        return Line(type_, name, Kind.UNKNOWN, because=because)
    return Line(type_, name, Kind.FREE if usd == 0 else Kind.PRICED, usd, because)


def _piece(key: str) -> Callable[[Properties, Prices], Priced]:
    def price(properties: Properties, prices: Prices) -> Priced:
        del properties
        return prices.monthly.get(key), key.replace("_", " ")

    return price


def _health_check(properties: Properties, prices: Prices) -> Priced:
    kind = str(properties.get("type", ""))
    options = [
        word
        for word, on in (
            ("HTTPS", kind.startswith("HTTPS")),
            ("string", kind.endswith(SEARCHING)),
            (f"{FAST_SECONDS} s", properties.get("requestInterval") == FAST_SECONDS),
            ("latency", bool(properties.get("measureLatency"))),
        )
        if on
    ]
    basic, option = prices.monthly.get("health_check"), prices.monthly.get("health_check_option")
    if basic is None or option is None:
        return None, "no price of health checks in the table"
    return basic + option * len(options), " + ".join(["basic", *options]) + ", endpoint in AWS"


def _parameter(properties: Properties, prices: Prices) -> Priced:
    if properties.get("tier") != "Advanced":
        return 0.0, "standard"
    return prices.monthly.get("advanced_parameter"), "advanced"


def _arc_cluster(properties: Properties, prices: Prices) -> Priced:
    del properties
    usd = prices.hourly.get("arc_cluster")
    return (usd * HOURS_PER_MONTH if usd is not None else None), f"{HOURS_PER_MONTH} h"


def _instance(properties: Properties, prices: Prices) -> Priced:
    engine, size = str(properties.get("engine", "")), str(properties.get("instanceClass", ""))
    region = _region(properties)
    factor = prices.region_factors.get(region)
    hourly = prices.instances.get(engine, {}).get(size)
    storage_type, gib = str(properties.get("storageType") or "gp2"), properties.get("allocatedStorage")
    storage = prices.storage.get(storage_type)
    if factor is None:
        return None, f"no price of RDS in {region or 'an unknown region'}"
    if hourly is None:
        return None, f"no price of {size} for {engine or 'an unknown engine'}"
    if storage is None or not isinstance(gib, int | float):
        return None, f"no price of {storage_type} storage" if storage is None else "its storage is not known yet"
    zones = 2 if properties.get("multiAz") else 1
    usd = zones * factor * (hourly * HOURS_PER_MONTH + storage * float(gib))
    return usd, f"{size} + {gib:g} GB {storage_type}{' in two zones' if zones > 1 else ''}, {region}"


def _region(properties: Properties) -> str:
    arn = str(properties.get("arn") or "::::")
    return str(properties.get("region") or arn.split(":")[3])


def _largest_source(instances: Sequence[Properties]) -> dict[str, Any]:
    """Engine and storage that a replica takes from its source, which its own inputs do not say before it is made."""
    sources = [one for one in instances if one.get("engine") and isinstance(one.get("allocatedStorage"), int | float)]
    largest = max(sources, key=lambda one: float(one["allocatedStorage"]), default=None)
    return {} if largest is None else {key: largest[key] for key in ("engine", "allocatedStorage")}


_RULES: Final[Mapping[str, Callable[[Properties, Prices], Priced]]] = {
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": _piece("composite_alarm"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": _piece("alarm"),
    "aws:kms/key:Key": _piece("kms_key"),
    "aws:kms/replicaKey:ReplicaKey": _piece("kms_key"),
    INSTANCE: _instance,
    "aws:route53/healthCheck:HealthCheck": _health_check,
    "aws:route53/zone:Zone": _piece("hosted_zone"),
    "aws:route53recoverycontrol/cluster:Cluster": _arc_cluster,
    "aws:ssm/parameter:Parameter": _parameter,
}
