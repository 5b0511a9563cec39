"""The two sides of a `FailoverRecord`: each checked by itself, then against the other."""

from typing import Final

from pulumi_seawall._failover_args import FailoverImportIds
from pulumi_seawall._inputs import plain
from pulumi_seawall._targets import Adopted, Shared, TargetPlan, family_names, plan_target
from seawall.errors import InvalidInput

UNCHECKED_PRIMARY: Final = "without one Route 53 always answers the primary"
ADOPTED_KEYS: Final = ("health_check", "status_alarm")


def plan_side(role: str, args: object, shared: Shared, import_ids: FailoverImportIds) -> TargetPlan:
    """Check one side.

    Raises:
        InvalidInput: A value is not allowed.
    """
    ids = {key: id_ for key in ADOPTED_KEYS if (id_ := import_id_of(import_ids, f"{role}_{key}")) is not None}
    unchecked = UNCHECKED_PRIMARY if role == "primary" else ""
    return plan_target(role, f"{role}.", args, shared, Adopted(f"import_ids.{role}_", ids), unchecked)


def check_pair(primary: TargetPlan, secondary: TargetPlan) -> None:
    """Hold the two sides against each other.

    Raises:
        InvalidInput: They share what would fail with the primary, or would leave some clients without a standby.
    """
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
            family_names(secondary),
            allowed=f"{family_names(primary)} as the primary",
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
    if primary.alias and secondary.alias:
        target = plain(primary.alias.dns_name)
        if target is not None and target == plain(secondary.alias.dns_name):
            key = "load_balancer.dns_name" if secondary.alias.zone_id is not None else "group.name"
            key = "kubernetes.name" if secondary.kubernetes is not None else key
            raise InvalidInput(f"secondary.{key}", target, allowed="another than the primary's")


def import_id_of(ids: FailoverImportIds, key: str) -> str | None:
    """The id to adopt under a key, if there is one."""
    found: object = ids.get(key)
    return found if isinstance(found, str) else None
