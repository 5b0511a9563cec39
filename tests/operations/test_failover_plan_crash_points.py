"""A failover is killed at every point, here and by SIGKILL, and resumed or undone: none is left in between."""

import os
from pathlib import Path

import pytest

import failover_plan_case
from crash_points import Survey, survive_every_crash, survive_sigkill

WHOLE = ("cut off", "within the region")  # whose every point is tried outside of the soak, too
STRIDE = 7  # of the others: odd, since points alternate between before and after
NORMAL_TIER_STRIDE = 61  # every so-many-th point by SIGKILL outside of the soak: a process each


@pytest.fixture(params=failover_plan_case.VARIANTS)
def variant(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Which failover."""
    monkeypatch.setenv(failover_plan_case.VARIABLE, request.param)
    return str(request.param)


def test_a_failover_that_crashes_anywhere_is_resumed_or_undone_to_an_end(
    variant: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    """Every point around each phase, each write of the journal and each change of the world, whose answer may be lost.

    At no moment are there two unfenced writers, a name that has moved too early, or a place that goes back to an earlier epoch.
    """
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # the process dies here, not the machine
    survey = survive_every_crash(failover_plan_case, tmp_path, every=1 if variant in WHOLE else STRIDE)
    with capsys.disabled():
        print(f"\nfailover, {variant}\n{survey.table()}")  # noqa: T201
    _judge(survey)


@pytest.mark.soak
def test_every_failover_that_crashes_at_any_point_is_resumed_or_undone_to_an_end(
    variant: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    """The whole matrix, of those whose points are sampled above."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    survey = survive_every_crash(failover_plan_case, tmp_path)
    with capsys.disabled():
        print(f"\nfailover, {variant}\n{survey.table()}")  # noqa: T201
    _judge(survey)


def _judge(survey: Survey) -> None:
    """It goes forward when resumed, and back when undone, unless it may be past its point of no return."""
    ends = {(then, end) for _, then, end in survey.counts}
    assert ends == {("resume", "done"), ("undo", "undone"), ("undo", "done")}
    undone = {label for label, _, end in survey.counts if end == "undone"}
    assert "after promote" not in undone


def test_a_failover_whose_process_is_killed_is_survived(variant: str, tmp_path: Path):
    """A real process, SIGKILL, at a sample of the points; the soak takes them all."""
    assert survive_sigkill(failover_plan_case, tmp_path, every=NORMAL_TIER_STRIDE).points >= 1, variant


@pytest.mark.soak
def test_a_failover_whose_process_is_killed_at_any_point_is_survived(
    variant: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """The whole matrix by SIGKILL."""
    survey = survive_sigkill(failover_plan_case, tmp_path)
    with capsys.disabled():
        print(f"\nSIGKILL, failover, {variant}\n{survey.table()}")  # noqa: T201
