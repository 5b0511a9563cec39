"""Plans are killed at every point, here and by SIGKILL, and resumed or undone: none is left in between."""

import os

import pytest

import steps_world
import steps_world_reversible
from crash_points import survive_every_crash, survive_sigkill

FIRST_CRASH_STRIDE = 9  # two crashes are the square of the points
NORMAL_TIER_STRIDE = 53  # every so-many-th point by SIGKILL outside of the soak: a process each


@pytest.mark.parametrize("case", [steps_world, steps_world_reversible], ids=["no return", "reversible"])
def test_a_plan_that_crashes_anywhere_is_resumed_or_undone_to_an_end(case, tmp_path, capsys, monkeypatch):
    """Every point before and after each phase, each write of the journal, and each write of the world."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # the process dies here, not the machine
    survey = survive_every_crash(case, tmp_path)
    with capsys.disabled():
        print(f"\n{case.__name__}\n{survey.table()}")  # noqa: T201
    assert {
        "after record",
        "before journal",
        "after journal",
        "before apply",
        "after apply",
        "before write",
        "after write",
    } <= {label for label, _, _ in survey.counts}
    assert {(then, end) for _, then, end in survey.counts} == {
        ("resume", "done"),
        ("undo", "undone"),
        ("undo", "done"),
    }


@pytest.mark.parametrize("case", [steps_world, steps_world_reversible], ids=["no return", "reversible"])
def test_a_process_that_is_killed_is_survived(case, tmp_path):
    """A real process, SIGKILL, at a sample of the points; the soak takes them all."""
    assert survive_sigkill(case, tmp_path, every=NORMAL_TIER_STRIDE).points >= 3


@pytest.mark.soak
@pytest.mark.parametrize("case", [steps_world, steps_world_reversible], ids=["no return", "reversible"])
def test_a_process_that_is_killed_at_any_point_is_survived(case, tmp_path, capsys):
    """The whole matrix by SIGKILL."""
    survey = survive_sigkill(case, tmp_path)
    with capsys.disabled():
        print(f"\nSIGKILL, {case.__name__}\n{survey.table()}")  # noqa: T201


@pytest.mark.soak
def test_a_resume_that_crashes_as_well_is_survived(tmp_path, capsys):
    """Two crashes in one operation: a sample of the first, and behind each every second one."""
    survey = survive_every_crash(steps_world_reversible, tmp_path, every=FIRST_CRASH_STRIDE, twice=True)
    with capsys.disabled():
        print(f"\ntwo crashes\n{survey.table()}")  # noqa: T201
