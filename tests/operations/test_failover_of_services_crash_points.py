"""The move of a Service is killed at every point, here and by SIGKILL, and resumed or undone: none is left in between."""

import os

import pytest

import service_moves
from crash_points import survive_every_crash, survive_sigkill

NORMAL_TIER_STRIDE = 37  # every so-many-th point by SIGKILL outside of the soak: a process each


def test_a_move_that_crashes_anywhere_is_resumed_or_undone_to_an_end(tmp_path, capsys, monkeypatch):
    """Every point before and after each phase, each write of the journal and each patch, whose answer may be lost."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # the process dies here, not the machine
    survey = survive_every_crash(service_moves, tmp_path)
    with capsys.disabled():
        print(f"\nservice\n{survey.table()}")  # noqa: T201
    assert {"before journal", "after journal", "before apply", "after apply", "before patch", "after patch"} <= {
        label for label, _, _ in survey.counts
    }
    assert {(then, end) for _, then, end in survey.counts} == {("resume", "done"), ("undo", "undone"), ("undo", "done")}


def test_a_move_whose_process_is_killed_is_survived(tmp_path):
    """A real process, SIGKILL, at a sample of the points; the soak takes them all."""
    assert survive_sigkill(service_moves, tmp_path, every=NORMAL_TIER_STRIDE).points >= 3


@pytest.mark.soak
def test_a_move_whose_process_is_killed_at_any_point_is_survived(tmp_path, capsys):
    """The whole matrix by SIGKILL."""
    survey = survive_sigkill(service_moves, tmp_path)
    with capsys.disabled():
        print(f"\nSIGKILL, service\n{survey.table()}")  # noqa: T201
