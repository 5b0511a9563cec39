"""What a `FailoverRecord` will declare: every check and all arithmetic, before anything is registered.

Sources: Route 53 API reference, `ResourceRecordSet` (failover, set identifiers, health checks on records).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import pulumi

from pulumi_seawall._dns import address, address_v4, dns_name, family, in_zone
from pulumi_seawall._failover_args import (
    FailoverImportIds,
    FailoverRecordArgs,
    LoadBalancerArgs,
    ObjectivesArgs,
    RecordTarget,
)
from pulumi_seawall._health_args import EndpointCheckArgs, HealthCheckArgs
from pulumi_seawall._health_plan import (
    DISABLED,
    HealthCheckPlan,
    check_id,
    plan_alarm_actions,
    plan_detection,
    plan_endpoint,
    plan_health_check,
)
from pulumi_seawall._inputs import checked_keys, flag, is_plain, line, listed, number, plain, text, whole
from pulumi_seawall._naming import LONGEST_SET_IDENTIFIER, checked_tags
from pulumi_seawall._regions import known_region
from seawall import timing
from seawall.errors import MISSING, InvalidInput
from seawall.objectives import Objectives, Violation, require_met
from seawall.timing import FailureClass, Path, Prediction, Term

ROLES: Final = ("primary", "secondary")
FAMILIES: Final = {4: "A", 6: "AAAA"}
NOT_INCLUDED: Final = (
    "Connections that are open to a region which is unhealthy but still answers: they stay until they are closed.",
    "Resolvers that keep answers beyond their TTL.",
    "Route 53 counts an interval from the response: checks that run into their time-out may be spaced wider by it.",
    "Starting or growing the standby: it must carry the load as it stands.",
    "Promoting a database in the standby region, which writes wait for.",
)


@dataclass(frozen=True, slots=True)
class RecordPlan:
    """One record set.

    Args:
        suffix: What follows the component's name in the resource's name, e.g. `primary-a`.
        name: Fully qualified name.
        record_type: `A` or `AAAA`.
        role: `primary` or `secondary`.
        failover: Whether it is one of the pair; else a region's own simple record.
        set_identifier: Of the pair's records.
        records: Addresses, or empty for an alias.
        alias: The load balancer of an alias.
        ttl_seconds: Of records with addresses.
        import_id: Of a record to adopt.
    """

    suffix: str
    name: str
    record_type: str
    role: str
    failover: bool
    set_identifier: str | None
    records: tuple[pulumi.Input[str], ...] = ()
    alias: LoadBalancerArgs | None = None
    ttl_seconds: int | None = None
    import_id: str | None = None


@dataclass(frozen=True, slots=True)
class SidePlan:
    """One side of the pair, checked.

    Args:
        role: `primary` or `secondary`.
        region: The AWS region.
        addresses: Record values by family, 4 or 6; empty for a load balancer.
        load_balancer: The alias target.
        families: The families it answers.
        regional_name: Its own name, when it has one.
        set_identifier: Of its records.
        health_check_args: Arguments of its `HealthCheck`, when it has one.
        health_check: What that declares.
    """

    role: str
    region: str
    addresses: Mapping[int, tuple[pulumi.Input[str], ...]]
    load_balancer: LoadBalancerArgs | None
    families: tuple[int, ...]
    regional_name: str | None
    set_identifier: str
    health_check_args: HealthCheckArgs | None
    health_check: HealthCheckPlan | None

    def detection(self, failure_class: FailureClass) -> tuple[Term, ...]:
        """How long until Route 53 knows that this side failed."""
        if self.health_check is None:
            return timing.load_balancer_detection()
        if failure_class is FailureClass.ENDPOINT:
            return self.health_check.endpoint_detection
        return self.health_check.detection


@dataclass(frozen=True, slots=True)
class FailoverPlan:
    """Everything that a `FailoverRecord` declares, and what it predicts.

    Args:
        name: The failover name.
        zone_id: The zone of every record.
        primary: The side that is answered while healthy.
        secondary: The other one.
        records: All record sets.
        ttl_seconds: Of records with addresses; `None` when there are none.
        predictions: Per failure class, for reads.
        warnings: What the objectives rest on; to be shown.
        alarm_actions: Topics of every alarm.
        both_unhealthy_alarm: Whether to declare the alarm on both sides.
        import_ids: Existing resources to adopt.
        tags: For checks and alarms.
    """

    name: str
    zone_id: pulumi.Input[str]
    primary: SidePlan
    secondary: SidePlan
    records: tuple[RecordPlan, ...]
    ttl_seconds: int | None
    predictions: tuple[Prediction, ...]
    warnings: tuple[Violation, ...] = ()
    alarm_actions: tuple[pulumi.Input[str], ...] = ()
    both_unhealthy_alarm: bool = False
    import_ids: FailoverImportIds = field(default_factory=FailoverImportIds)
    tags: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def sides(self) -> tuple[SidePlan, SidePlan]:
        """Primary and secondary."""
        return self.primary, self.secondary


def plan_failover(args: FailoverRecordArgs) -> FailoverPlan:
    """Check the arguments of a `FailoverRecord` and work out what it declares.

    Raises:
        InvalidInput: A value is not allowed; nothing has been registered.
        ObjectiveNotMet: The failover cannot meet the objectives with any TTL.
    """
    given = checked_keys("", args, FailoverRecordArgs, {"allow_overwrite": "it silently takes a record over"})
    name = dns_name("name", _string("name", given["name"]), wildcard=True)
    zone_id = text("zone_id", given["zone_id"], lambda label, value: line(label, value, 32))
    import_ids = checked_keys("import_ids.", given.get("import_ids", {}), FailoverImportIds)
    for key, import_id in import_ids.items():
        line(f"import_ids.{key}", import_id, 1024)
    status_alarms = flag("status_alarms", given.get("status_alarms", True))
    actions = plan_alarm_actions("alarm_actions", given.get("alarm_actions", []))
    tags = checked_tags("", given.get("tags"))
    shared = _Shared(name, status_alarms, actions, tags, import_ids)
    primary = _plan_side("primary", given["primary"], shared)
    secondary = _plan_side("secondary", given["secondary"], shared)
    _check_pair(primary, secondary)
    zone_id = _check_zone(given, zone_id, [name, *(s.regional_name for s in (primary, secondary) if s.regional_name)])
    caches = timing.client_caches(
        number("client_cache_seconds", given["client_cache_seconds"]) if "client_cache_seconds" in given else None
    )
    objectives = _objectives(given["objectives"]) if "objectives" in given else None
    ttl = _plan_ttl(given.get("ttl_seconds"), primary, secondary, objectives, caches)
    predictions = _predict(primary, secondary, ttl, caches)
    warnings = require_met(objectives, predictions) if objectives else []
    both = bool(actions) and status_alarms and all(side.health_check for side in (primary, secondary))
    if "both_unhealthy_alarm" in import_ids and not both:
        raise InvalidInput(
            "import_ids.both_unhealthy_alarm",
            import_ids["both_unhealthy_alarm"],
            allowed="only with alarm_actions, status_alarms and a check on both sides",
        )
    plan = FailoverPlan(
        name,
        zone_id,
        primary,
        secondary,
        (),
        ttl,
        predictions,
        tuple(warnings),
        actions,
        both,
        import_ids,
        tags,
    )
    return replace(plan, records=_plan_records(plan))


@dataclass(frozen=True, slots=True)
class _Shared:
    """What both sides need to know of the whole."""

    name: str
    status_alarms: bool
    actions: tuple[pulumi.Input[str], ...]
    tags: Mapping[str, str]
    import_ids: FailoverImportIds


def _plan_side(role: str, args: object, shared: _Shared) -> SidePlan:
    where = f"{role}."
    if isinstance(args, list | tuple):
        raise InvalidInput(role, args, allowed="exactly one target")  # pyright: ignore[reportUnknownArgumentType]
    given = checked_keys(where, args, RecordTarget)
    region = known_region(f"{where}region", given["region"])
    if ("addresses" in given) == ("load_balancer" in given):
        raise InvalidInput(
            f"{where}target",
            "addresses and load_balancer" if "addresses" in given else MISSING,
            allowed="exactly one of addresses and load_balancer",
        )
    regional_name = given.get("regional_name")
    if regional_name is not None:
        regional_name = dns_name(f"{where}regional_name", _string(f"{where}regional_name", regional_name))
        if regional_name == shared.name:
            raise InvalidInput(
                f"{where}regional_name",
                regional_name,
                allowed="a name of this region alone",
                because="it is the failover name itself",
            )
    addresses: dict[int, tuple[pulumi.Input[str], ...]] = {}
    balancer: LoadBalancerArgs | None = None
    if "load_balancer" in given:
        balancer = _plan_load_balancer(given["load_balancer"], f"{where}load_balancer.")
        families = (4, 6) if balancer.get("dual_stack") else (4,)
    else:
        addresses = _plan_addresses(f"{where}addresses", given.get("addresses"))
        families = tuple(addresses)
    check = _plan_side_check(role, given, regional_name, families, shared)
    return SidePlan(
        role,
        region,
        addresses,
        balancer,
        families,
        regional_name,
        line(f"{where}set_identifier", given.get("set_identifier", role), LONGEST_SET_IDENTIFIER),
        check,
        plan_health_check(check, where) if check else None,
    )


def _plan_load_balancer(args: LoadBalancerArgs, where: str) -> LoadBalancerArgs:
    given = checked_keys(where, args, LoadBalancerArgs)

    def regional(name: str, value: str) -> str:
        known = dns_name(name, value)
        if known.endswith(".cloudfront.net"):
            raise InvalidInput(
                name,
                value,
                allowed="a load balancer of the region",
                because="CloudFront has no region and no health of its own",
            )
        return known

    return {
        "dns_name": text(f"{where}dns_name", given["dns_name"], regional),
        "zone_id": text(f"{where}zone_id", given["zone_id"], lambda name, value: line(name, value, 32)),
        "dual_stack": flag(f"{where}dual_stack", given.get("dual_stack", False)),
    }


def _plan_addresses(name: str, given: object) -> dict[int, tuple[pulumi.Input[str], ...]]:
    values = listed(name, given)
    if not values:
        raise InvalidInput(name, values, allowed="at least one address")
    by_family: dict[int, list[pulumi.Input[str]]] = {}
    for place, value in enumerate(values):
        label = f"{name}[{place}]"
        if not is_plain(value):
            by_family.setdefault(4, []).append(text(label, value, address_v4))
            continue
        known = address(label, _string(label, value))
        same = by_family.setdefault(family(known), [])
        if known in [plain(other) for other in same]:
            raise InvalidInput(label, known, allowed="each address once")
        same.append(known)
    return {version: tuple(by_family[version]) for version in sorted(by_family)}


def _plan_side_check(
    role: str, given: RecordTarget, regional_name: str | None, families: Sequence[int], shared: _Shared
) -> HealthCheckArgs | None:
    where = f"{role}."
    if "health_check" in given and "health_check_id" in given:
        raise InvalidInput(f"{where}health_check_id", "health_check too", allowed="one of the two")
    if "detection" in given and "health_check_id" not in given:
        raise InvalidInput(f"{where}detection", given["detection"], allowed="only with health_check_id")
    import_id = _import_id(shared.import_ids, f"{role}_health_check")
    alarm_import_id = _import_id(shared.import_ids, f"{role}_status_alarm")
    child: HealthCheckArgs = {"status_alarm": shared.status_alarms, "tags": dict(shared.tags)}
    if shared.status_alarms:
        child["alarm_actions"] = list(shared.actions)
    if alarm_import_id is not None:
        child["status_alarm_import_id"] = alarm_import_id
    if import_id is not None:
        child["import_id"] = import_id
    if "health_check" in given:
        endpoint = checked_keys(f"{where}health_check.", given["health_check"], EndpointCheckArgs, DISABLED)
        child["endpoint"] = _probe_region(role, endpoint, regional_name, families, shared.name)
        plan_endpoint(child["endpoint"], f"{where}health_check.")  # names in messages as the caller wrote them
    elif "health_check_id" in given:
        child["health_check_id"] = check_id(f"{where}health_check_id", given["health_check_id"])
        if "detection" in given:
            plan_detection(f"{where}detection.", given["detection"])
            child["detection"] = given["detection"]
    elif role == "primary" and "load_balancer" not in given:
        raise InvalidInput(
            f"{where}health_check",
            MISSING,
            allowed="a check, or health_check_id",
            because="without one Route 53 always answers the primary",
        )
    declared = "endpoint" in child or "health_check_id" in child
    if import_id is not None and "endpoint" not in child:
        raise InvalidInput(f"import_ids.{role}_health_check", import_id, allowed=f"only with {role}.health_check")
    if alarm_import_id is not None and not (declared and shared.status_alarms):
        raise InvalidInput(
            f"import_ids.{role}_status_alarm", alarm_import_id, allowed=f"only with a check on the {role}"
        )
    return child if declared else None


def _probe_region(
    role: str, endpoint: EndpointCheckArgs, regional_name: str | None, families: Sequence[int], failover_name: str
) -> EndpointCheckArgs:
    """A check must look at its own region: by its name, or by address, never by the failover name."""
    where = f"{role}.health_check."
    if "ip_address" in endpoint:
        return endpoint  # a name is only the Host header then
    if "fqdn" not in endpoint:
        if regional_name is None:
            raise InvalidInput(
                f"{where}fqdn", MISSING, allowed=f"a name of the region, an ip_address, or {role}.regional_name"
            )
        endpoint = {**endpoint, "fqdn": regional_name}

    def own_name(name: str, value: str) -> str:
        known = dns_name(name, value)
        if known == failover_name or (failover_name.startswith("*.") and known.endswith(failover_name[1:])):
            raise InvalidInput(
                name,
                value,
                allowed=f"a name of the region alone, e.g. {role}.regional_name",
                because="the failover name answers with the other region once this one fails",
            )
        return known

    fqdn = text(f"{where}fqdn", endpoint["fqdn"], own_name) if "fqdn" in endpoint else ""
    if plain(fqdn) == regional_name and 4 not in families:
        raise InvalidInput(
            f"{where}fqdn",
            regional_name,
            allowed="an ip_address",
            because="names are probed by IPv4 only and this region has IPv6 addresses only",
        )
    return {**endpoint, "fqdn": fqdn}


def _check_pair(primary: SidePlan, secondary: SidePlan) -> None:
    if primary.region == secondary.region:
        raise InvalidInput(
            "secondary.region",
            secondary.region,
            allowed="another region than the primary's",
            because="one region's loss would take both",
        )
    if primary.set_identifier == secondary.set_identifier:
        raise InvalidInput("secondary.set_identifier", secondary.set_identifier, allowed="another than the primary's")
    if primary.regional_name is not None and primary.regional_name == secondary.regional_name:
        raise InvalidInput("secondary.regional_name", secondary.regional_name, allowed="another than the primary's")
    for this, other in ((primary, secondary), (secondary, primary)):
        probed = this.health_check.check if this.health_check else None
        if probed and "ip_address" not in probed.settings and plain(probed.fqdn) == other.regional_name is not None:
            raise InvalidInput(
                f"{this.role}.health_check.fqdn",
                other.regional_name,
                allowed="a name of its own region",
                because=f"that is the {other.role}'s",
            )
    if primary.families != secondary.families:
        raise InvalidInput(
            "secondary",
            _family_names(secondary),
            allowed=f"{_family_names(primary)} as the primary",
            because="clients of the other family would have no standby",
        )
    for version in primary.families:
        both = {plain(value) for value in primary.addresses.get(version, ())} & {
            plain(value) for value in secondary.addresses.get(version, ())
        } - {None}
        if both:
            raise InvalidInput(
                "secondary.addresses", ", ".join(sorted(map(str, both))), allowed="other addresses than the primary's"
            )
    if primary.load_balancer and secondary.load_balancer:
        balancer = plain(primary.load_balancer["dns_name"])
        if balancer is not None and balancer == plain(secondary.load_balancer["dns_name"]):
            raise InvalidInput("secondary.load_balancer.dns_name", balancer, allowed="another than the primary's")


def _check_zone(given: FailoverRecordArgs, zone_id: pulumi.Input[str], names: Sequence[str]) -> pulumi.Input[str]:
    """The zone's id; when the zone's name is known only during the deployment, the id waits for the check."""
    if "zone_name" not in given:
        return zone_id

    def holds(label: str, value: str) -> str:
        zone = dns_name(label, value)
        for name in names:
            in_zone("name" if name == names[0] else "regional_name", name, zone)
        return zone

    zone_name = text("zone_name", given["zone_name"], holds)
    if is_plain(zone_name):
        return zone_id
    return pulumi.Output.all(zone_id, zone_name).apply(lambda values: str(values[0]))


def _objectives(args: ObjectivesArgs) -> Objectives:
    given = checked_keys("objectives.", args, ObjectivesArgs)
    return Objectives(**given)


def _plan_ttl(
    given: int | None, primary: SidePlan, secondary: SidePlan, objectives: Objectives | None, caches: Term
) -> int | None:
    """The TTL of the records with addresses: what was asked for, within what the recovery time affords."""
    if primary.load_balancer and secondary.load_balancer:
        if given is not None:
            raise InvalidInput(
                "ttl_seconds",
                given,
                allowed="not with two load balancers",
                because="an alias answers with its own 60 s",
            )
        return None
    largest = timing.LARGEST_FAILOVER_TTL_SECONDS
    because = "clients keep a dead address for that long"
    if objectives is not None:
        detection = primary.detection(FailureClass.REGION)
        affordable = timing.largest_ttl_affordable(objectives.recovery_time_seconds, (*detection, caches))
        if 0 < affordable < largest:
            largest = affordable
            after = f"detection ({timing.arithmetic(detection)})"
            if caches.worst_seconds:
                after += f" and {timing.arithmetic([caches])}"
            because = f"recovery_time_seconds = {objectives.recovery_time_seconds:g} leaves {affordable} after {after}"
    if given is None:
        return largest
    ttl = whole("ttl_seconds", given, 0, None)
    if ttl > largest:
        raise InvalidInput("ttl_seconds", ttl, allowed=f"at most {largest}", because=because)
    return ttl


def _predict(primary: SidePlan, secondary: SidePlan, ttl: int | None, caches: Term) -> tuple[Prediction, ...]:
    """Clients hold the primary's answer when it fails, so its TTL counts."""
    kept = timing.record_ttl(ttl) if ttl is not None and not primary.load_balancer else timing.alias_ttl()
    without_check = "" if secondary.health_check or secondary.load_balancer else "The secondary is not checked."
    return tuple(
        Prediction(
            failure_class,
            Path.READS,
            (*primary.detection(failure_class), kept, caches),
            not_included=(*NOT_INCLUDED, without_check) if without_check else NOT_INCLUDED,
        )
        for failure_class in (FailureClass.ENDPOINT, FailureClass.REGION)
    )


def _plan_records(plan: FailoverPlan) -> tuple[RecordPlan, ...]:
    records: list[RecordPlan] = []
    for side in plan.sides:
        for version in side.families:
            record_type = FAMILIES[version]
            base = RecordPlan(
                f"{side.role}-{record_type.lower()}",
                plan.name,
                record_type,
                side.role,
                failover=True,
                set_identifier=side.set_identifier,
                records=side.addresses.get(version, ()),
                alias=side.load_balancer,
                ttl_seconds=None if side.load_balancer else plan.ttl_seconds,
                import_id=_import_id(plan.import_ids, f"{side.role}_{record_type.lower()}"),
            )
            records.append(_checked_import(base, f"{side.role}_{record_type.lower()}"))
            if side.regional_name is not None:
                key = f"{side.role}_regional_{record_type.lower()}"
                regional = replace(
                    base,
                    suffix=key.replace("_", "-"),
                    name=side.regional_name,
                    failover=False,
                    set_identifier=None,
                    import_id=_import_id(plan.import_ids, key),
                )
                records.append(_checked_import(regional, key))
    declared = {record.suffix.replace("-", "_") for record in records}
    for key, import_id in plan.import_ids.items():
        if key.endswith(("_a", "_aaaa")) and key not in declared:
            raise InvalidInput(f"import_ids.{key}", import_id, allowed="only for a record that is declared")
    return tuple(records)


def _checked_import(record: RecordPlan, key: str) -> RecordPlan:
    if record.import_id is None:
        return record
    ending = f"_{record.name}_{record.record_type}" + (f"_{record.set_identifier}" if record.set_identifier else "")
    if not record.import_id.endswith(ending):
        raise InvalidInput(
            f"import_ids.{key}",
            record.import_id,
            allowed=f"ZONEID{ending}",
            because="name, type and set identifier must be those declared here",
        )
    return record


def _import_id(ids: FailoverImportIds, key: str) -> str | None:
    found: object = ids.get(key)
    return found if isinstance(found, str) else None


def _family_names(side: SidePlan) -> str:
    return " and ".join(f"IPv{version}" for version in side.families)


def _string(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidInput(name, value, allowed="a plain string")
    return value
