"""Who is told when: the numbers that routes and incidents share."""

import pytest

from seawall.errors import InvalidInput
from seawall.escalation import STANDARD_LEVELS, AlertLevel, EscalationPolicy, EscalationStep, LevelPolicy, Party

STANDARD = EscalationPolicy(STANDARD_LEVELS)


def test_the_standard_levels_are_fifteen_sixty_and_two_hundred_forty_minutes():
    """The numbers that the operators' manual and Alertmanager's routes are written from."""
    assert [STANDARD.levels[level].response_seconds / 60 for level in AlertLevel] == [15, 60, 240]
    assert [level.severity for level in AlertLevel] == ["critical", "warning", "info"]


def test_each_time_without_an_answer_brings_the_next_party_of_the_ladder():
    """On-call, then the manager, then the team: never one before its time."""
    assert STANDARD.steps(AlertLevel.SEV1) == (
        EscalationStep(Party.ON_CALL, 0),
        EscalationStep(Party.MANAGER, 900),
        EscalationStep(Party.TEAM, 1800),
    )
    assert [step.after_seconds for step in STANDARD.steps(AlertLevel.SEV2)] == [0, 3600, 7200]
    assert STANDARD.steps(AlertLevel.SEV3) == (EscalationStep(Party.TEAM, 0),)


@pytest.mark.parametrize("seconds", [59.9, 86400.1, float("nan"), float("inf"), -1])
def test_a_time_that_nobody_can_keep_is_refused(seconds):
    """Too short for a human being, or no time at all."""
    with pytest.raises(InvalidInput, match=r"^response_seconds = .*: 60 to 86400 seconds$"):
        LevelPolicy(seconds, Party.ON_CALL)


def test_a_worse_level_is_never_answered_later_than_a_milder_one():
    """Raising an incident's level must never make its deadline later."""
    with pytest.raises(InvalidInput) as caught:
        EscalationPolicy({**STANDARD_LEVELS, AlertLevel.SEV1: LevelPolicy(3601, Party.ON_CALL)})
    assert str(caught.value) == (
        "levels[SEV1].response_seconds = 3601: at most 3600, because SEV2, which is milder, is answered within that"
    )


def test_every_level_has_its_policy():
    """An incident of a level without one would escalate to nobody."""
    with pytest.raises(InvalidInput) as caught:
        EscalationPolicy({AlertLevel.SEV1: STANDARD_LEVELS[AlertLevel.SEV1]})
    assert str(caught.value) == "levels = SEV1: every level, but SEV2 is not there"
