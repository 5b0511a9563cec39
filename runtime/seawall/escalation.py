"""Who is told of an alert, and who next when nobody answers: the numbers that Alertmanager's routes and incidents share.

Pure. Times are seconds. A level has a time within which somebody must have answered. Its first party is told at once; each
time that passes without an answer, the next party of the ladder is told as well.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from seawall.errors import InvalidInput

__all__ = [
    "LADDER",
    "STANDARD_LEVELS",
    "AlertLevel",
    "EscalationPolicy",
    "EscalationStep",
    "LevelPolicy",
    "Party",
]

MINUTE: Final = 60.0
RESPONSE_SECONDS: Final = (MINUTE, 24 * 60 * MINUTE)
"""A time to answer is at least a minute (less is no time for a human being), and at most a day."""


class AlertLevel(StrEnum):
    """How bad an alert or an incident is. The label `severity` follows from it."""

    SEV1 = "SEV1"
    """Clients are hurt now, or data is at stake: somebody is woken. Severity `critical`."""
    SEV2 = "SEV2"
    """Soon, or partly: within the hour. Severity `warning`."""
    SEV3 = "SEV3"
    """In working hours. Severity `info`."""

    @property
    def severity(self) -> str:
        """What Prometheus' users call it."""
        return {"SEV1": "critical", "SEV2": "warning", "SEV3": "info"}[self.value]


class Party(StrEnum):
    """Who is told."""

    ON_CALL = "on_call"
    """Whoever is on call."""
    MANAGER = "manager"
    """Who decides when on-call does not answer, or cannot decide alone."""
    TEAM = "team"
    """Everybody, or a queue that everybody reads."""


LADDER: Final = (Party.ON_CALL, Party.MANAGER, Party.TEAM)
"""Who comes after whom."""


@dataclass(frozen=True, slots=True)
class EscalationStep:
    """A party, and when it is told.

    Args:
        party: Who.
        after_seconds: From the alert's firing, while nobody has answered; 0 for the first.
    """

    party: Party
    after_seconds: float


@dataclass(frozen=True, slots=True)
class LevelPolicy:
    """What a level asks for.

    Args:
        response_seconds: Within which somebody must have answered, 60 to 86400.
        first: Who is told first; the ladder goes on from there.

    Raises:
        InvalidInput: The time is not allowed.
    """

    response_seconds: float
    first: Party

    def __post_init__(self) -> None:
        least, most = RESPONSE_SECONDS
        if not math.isfinite(self.response_seconds) or not least <= self.response_seconds <= most:
            raise InvalidInput("response_seconds", self.response_seconds, allowed=f"{least:g} to {most:g} seconds")

    @property
    def steps(self) -> tuple[EscalationStep, ...]:
        """Everybody that is told, in order."""
        parties = LADDER[LADDER.index(self.first) :]
        return tuple(EscalationStep(party, place * self.response_seconds) for place, party in enumerate(parties))


STANDARD_LEVELS: Final[Mapping[AlertLevel, LevelPolicy]] = {
    AlertLevel.SEV1: LevelPolicy(15 * MINUTE, Party.ON_CALL),
    AlertLevel.SEV2: LevelPolicy(60 * MINUTE, Party.ON_CALL),
    AlertLevel.SEV3: LevelPolicy(240 * MINUTE, Party.TEAM),
}
"""SEV1 15 minutes, SEV2 60, SEV3 240; the first two wake on-call, the third goes to the team."""


@dataclass(frozen=True, slots=True)
class EscalationPolicy:
    """What every level asks for.

    Args:
        levels: By level, each of them.

    Raises:
        InvalidInput: A level is missing, or a worse one may be answered later.
    """

    levels: Mapping[AlertLevel, LevelPolicy]

    def __post_init__(self) -> None:
        missing = [level.value for level in AlertLevel if level not in self.levels]
        if missing:
            raise InvalidInput("levels", ", ".join(self.levels), allowed=f"every level, but {missing[0]} is not there")
        for worse, milder in ((AlertLevel.SEV1, AlertLevel.SEV2), (AlertLevel.SEV2, AlertLevel.SEV3)):
            most, given = self.levels[milder].response_seconds, self.levels[worse].response_seconds
            if given > most:
                raise InvalidInput(
                    f"levels[{worse.value}].response_seconds",
                    given,
                    allowed=f"at most {most:g}",
                    because=f"{milder.value}, which is milder, is answered within that",
                )

    def steps(self, level: AlertLevel) -> tuple[EscalationStep, ...]:
        """Everybody that is told of a level, in order."""
        return self.levels[level].steps
