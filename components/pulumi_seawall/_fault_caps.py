"""The limits that an experiment is held to: where, how many, how long; and the exceptions that may go beyond.

Sources: AWS FIS user guide, "Quotas" (5 targets by tag per action, 12 hours), "Actions reference" (durations from one
minute), "Targets" (a percentage is rounded down, and no target at all fails the experiment).
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from pulumi_seawall._fault_actions import ALL_SELECTED, DOCUMENT_MARGIN_SECONDS, DOCUMENTS
from pulumi_seawall._fault_args import FaultExceptionArgs, FaultKind, FaultLimit
from pulumi_seawall._inputs import checked_keys, line, listed, member, whole
from seawall.errors import MISSING, InvalidInput

FEWEST_HEALTHY: Final = 2  # what must be left, so that one more failure during the experiment is no outage
MOST_TARGETS: Final = 5  # FIS's default quota of targets by tag, per action
MOST_PERCENT: Final = 34  # what is lost with one zone of three
WHOLE_PERCENT: Final = 100
SHORTEST_SECONDS: Final = 60
LONGEST_SECONDS: Final = 43_200  # FIS's quota for an action and for an experiment
USUAL_SECONDS: Final = 3600  # longer than that, and somebody forgets that it runs
REASON_CHARACTERS: Final = (10, 200)
LONGEST_ENVIRONMENT: Final = 64  # characters
PRODUCTION: Final = frozenset({"live", "prd", "prod", "production"})


class FaultExceptions:
    """Limits that may be gone beyond; remembers which ones were needed."""

    def __init__(self, given: object) -> None:
        self.reasons: Final[dict[FaultLimit, str]] = {}
        self._needed: Final[set[FaultLimit]] = set()
        shortest, longest = REASON_CHARACTERS
        for place, entry in enumerate(listed("exceptions", given)):
            where = f"exceptions[{place}]."
            one = checked_keys(where, entry, FaultExceptionArgs)
            limit = member(f"{where}limit", one["limit"], FaultLimit)
            reason = line(f"{where}reason", one["reason"], longest).strip()
            if len(reason) < shortest:
                raise InvalidInput(f"{where}reason", reason, allowed=f"{shortest} to {longest} characters")
            if limit in self.reasons:
                raise InvalidInput(f"{where}limit", limit.value, allowed="each limit once")
            self.reasons[limit] = reason

    def need(self, limit: FaultLimit, name: str, value: object, allowed: str, because: str) -> None:
        """Go beyond a limit.

        Raises:
            InvalidInput: No exception allows that.
        """
        if limit not in self.reasons:
            raise InvalidInput(
                name,
                value,
                allowed=f"{allowed}, or exceptions with limit = {limit.value} and a reason",
                because=because,
            )
        self._needed.add(limit)

    def refuse_unneeded(self) -> None:
        """An exception that nothing needs would be forgotten, and then allow what nobody meant.

        Raises:
            InvalidInput: There is one.
        """
        for place, limit in enumerate(self.reasons):
            if limit not in self._needed:
                raise InvalidInput(f"exceptions[{place}].limit", limit.value, allowed="one that is needed; this is not")


def why_left() -> str:
    """Why a fleet has a smallest size, for the message."""
    return f"{FEWEST_HEALTHY} must stay healthy, and one more failure meanwhile must be no outage"


def checked_environment(given: Mapping[str, Any], exceptions: FaultExceptions) -> str:
    """The environment, when faults are allowed there.

    Raises:
        InvalidInput: They are not, or it is production and no exception says why.
    """
    environment = line("environment", given["environment"], LONGEST_ENVIRONMENT)
    allowed = [
        line(f"allowed_environments[{place}]", one, LONGEST_ENVIRONMENT)
        for place, one in enumerate(listed("allowed_environments", given["allowed_environments"]))
    ]
    if environment not in allowed:
        raise InvalidInput(
            "environment", environment, allowed=f"one of allowed_environments: {', '.join(allowed) or 'none'}"
        )
    if PRODUCTION.intersection(re.split(r"[^a-z]+", environment.lower())):
        exceptions.need(
            FaultLimit.PRODUCTION, "environment", environment, "no production", "a fault there is an outage on purpose"
        )
    return environment


def hit_of_fleet(given: Mapping[str, Any], fleet: int, exceptions: FaultExceptions) -> tuple[int, str]:
    """How many are hit, and the selection mode that says so.

    Raises:
        InvalidInput: Neither a count nor a percentage is given, or they go beyond a cap.
    """
    if "count" not in given and "percent" not in given:
        raise InvalidInput("count", MISSING, allowed="count, percent or both")
    choices: list[int] = []
    percent = 0
    if "percent" in given:
        percent = whole("percent", given["percent"], 1, WHOLE_PERCENT, "percent")
        choices.append(fleet * percent // WHOLE_PERCENT)
        if not choices[0]:
            least = -(-WHOLE_PERCENT // fleet)
            because = f"less than one of fleet_size = {fleet} is none, and FIS fails an experiment without a target"
            raise InvalidInput("percent", percent, allowed=f"at least {least}", because=because)
    if "count" in given:
        choices.append(whole("count", given["count"], 1, None))
    hit = min(choices)
    name = "count" if "count" in given else "percent"
    _within(name, given[name], hit, fleet, exceptions)
    return hit, f"COUNT({hit})" if "count" in given else f"PERCENT({percent})"


def hit_in_zone(given: Mapping[str, Any], fleet: int, exceptions: FaultExceptions) -> tuple[int, str]:
    """How many are in the zone, all of which are hit.

    Raises:
        InvalidInput: Nobody says, or they are more than a cap allows.
    """
    if "in_zone" not in given:
        raise InvalidInput("in_zone", MISSING, allowed="how many of the fleet are in the zone")
    hit = whole("in_zone", given["in_zone"], 1, None)
    _within("in_zone", hit, hit, fleet, exceptions)
    return hit, ALL_SELECTED


def _within(name: str, value: object, hit: int, fleet: int, exceptions: FaultExceptions) -> None:
    """Hold the number of the hit to the caps.

    Raises:
        InvalidInput: It goes beyond one, and no exception allows that.
    """
    if fleet - hit < FEWEST_HEALTHY:
        because = f"fleet_size = {fleet} must keep {FEWEST_HEALTHY} healthy"
        raise InvalidInput(name, value, allowed=f"at most {fleet - FEWEST_HEALTHY} hit", because=because)
    if hit > MOST_TARGETS:
        because = "FIS takes no more targets by tag for one action, unless its quota was raised"
        exceptions.need(FaultLimit.COUNT, name, value, f"at most {MOST_TARGETS} hit", because)
    if hit * WHOLE_PERCENT > fleet * MOST_PERCENT:
        because = f"{hit} of fleet_size = {fleet} is more than is lost with one zone of three"
        exceptions.need(FaultLimit.PERCENT, name, value, f"at most {MOST_PERCENT} % hit", because)


def checked_duration(given: Mapping[str, Any], kind: FaultKind, exceptions: FaultExceptions) -> int:
    """Seconds that the fault lasts; 0 for what does not come back.

    Raises:
        InvalidInput: It is missing, or FIS takes no such duration, or it is long without an exception.
    """
    if kind is FaultKind.TERMINATE_INSTANCES:
        return 0
    if "duration_seconds" not in given:
        raise InvalidInput("duration_seconds", MISSING, allowed="required, because a fault carries its own end")
    margin = DOCUMENT_MARGIN_SECONDS if kind in DOCUMENTS else 0
    because = f"FIS takes 12 hours, and {margin} s go by before the command begins" if margin else "FIS takes no other"
    longest = LONGEST_SECONDS - margin
    seconds = whole("duration_seconds", given["duration_seconds"], SHORTEST_SECONDS, longest, "seconds", because)
    if seconds > USUAL_SECONDS:
        because = "what runs for longer is forgotten"
        exceptions.need(FaultLimit.DURATION, "duration_seconds", seconds, f"at most {USUAL_SECONDS} seconds", because)
    return seconds
