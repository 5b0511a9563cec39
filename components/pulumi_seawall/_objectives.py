"""Objectives and waivers as components are given them."""

from collections.abc import Mapping
from datetime import date
from typing import Any, cast

from pulumi_seawall._failover_args import ObjectiveExceptionArgs, ObjectivesArgs, WaiverArgs
from pulumi_seawall._inputs import checked_keys, listed, plain_string
from seawall.errors import InvalidInput
from seawall.objectives import ObjectiveException, Objectives, Waiver
from seawall.timing import RECOVERED_BY_BACKUPS, FailureClass


def plan_objectives(args: ObjectivesArgs) -> Objectives:
    """What the service promises, checked.

    Raises:
        InvalidInput: A value is not allowed.
    """
    given = cast("dict[str, Any]", checked_keys("objectives.", args, ObjectivesArgs))
    exceptions: list[ObjectiveException] = []
    for place, entry in enumerate(listed("objectives.exceptions", given.pop("exceptions", []))):
        where = f"objectives.exceptions[{place}]."
        known = checked_keys(where, entry, ObjectiveExceptionArgs)
        try:
            exceptions.append(ObjectiveException(**known))
        except InvalidInput as error:
            raise InvalidInput(
                f"{where}{error.name}", error.value, allowed=error.allowed, because=error.because
            ) from None
    return Objectives(**given, exceptions=tuple(exceptions))


def plan_waived(given: Mapping[str, Any]) -> tuple[Objectives | None, tuple[Waiver, ...]]:
    """What the service promises, where it promises something, and violations of it that are let pass until a date.

    Args:
        given: A component's arguments, with `objectives` and `waivers` or without.

    Raises:
        InvalidInput: A value is not allowed, or there are waivers without objectives.
    """
    objectives = plan_objectives(given["objectives"]) if "objectives" in given else None
    waivers = _plan_waivers(given.get("waivers", []))
    if waivers and objectives is None:
        raise InvalidInput("waivers", f"{len(waivers)} waivers", allowed="only with objectives")
    return objectives, waivers


def _plan_waivers(args: object) -> tuple[Waiver, ...]:
    waivers: list[Waiver] = []
    for place, entry in enumerate(listed("waivers", args)):
        where = f"waivers[{place}]."
        given = checked_keys(where, entry, WaiverArgs)
        until = plain_string(f"{where}until", given["until"])
        try:
            day = date.fromisoformat(until)
        except ValueError:
            raise InvalidInput(f"{where}until", until, allowed="a date, e.g. 2027-03-31") from None
        try:
            waivers.append(Waiver(key=given["key"], until=day, reason=given["reason"]))
        except InvalidInput as error:
            raise InvalidInput(
                f"{where}{error.name}", error.value, allowed=error.allowed, because=error.because
            ) from None
    return tuple(waivers)


def plan_covered(name: str, args: object) -> tuple[FailureClass, ...]:
    """Failure classes that backups recover from.

    Raises:
        InvalidInput: One is none of them.
    """
    allowed = [one.value for one in RECOVERED_BY_BACKUPS]
    covered: list[FailureClass] = []
    for place, one in enumerate(listed(name, args)):
        value = plain_string(f"{name}[{place}]", one)
        if value not in allowed:
            raise InvalidInput(
                f"{name}[{place}]", value, allowed=" or ".join(allowed), because="nothing else is recovered by a backup"
            )
        covered.append(FailureClass(value))
    return tuple(covered)
