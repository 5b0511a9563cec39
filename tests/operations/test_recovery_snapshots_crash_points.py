"""Taking and copying a snapshot is killed at every point, and resumed or undone: no snapshot is left that nobody asked for."""

import os

import pytest

import snapshot_case
from crash_points import survive_every_crash, survive_sigkill

POINTS = {"before call", "after call", "before journal", "after journal", "before apply", "after apply"}
STRIDE = 3  # every so-many-th point by SIGKILL: a process each, which takes seconds to import boto3


@pytest.mark.parametrize("variant", snapshot_case.VARIANTS)
def test_a_snapshot_that_crashes_anywhere_is_resumed_or_undone_to_an_end(variant, tmp_path, capsys, monkeypatch):
    """Every point before and after each phase, each write of the journal and each changing call, whose answer is then lost."""
    monkeypatch.setenv(snapshot_case.VARIABLE, variant)
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # the process dies here, not the machine
    survey = survive_every_crash(snapshot_case, tmp_path)
    with capsys.disabled():
        print(f"\nsnapshot {variant}\n{survey.table()}")  # noqa: T201
    assert POINTS - {label for label, _, _ in survey.counts} <= ({"after apply"} if "failed" in variant else set())
    ends = {(then, end) for _, then, end in survey.counts}
    if "failed" in variant:
        assert ends == {("resume", "undone"), ("undo", "undone")}
    else:
        assert ends == {("resume", "done"), ("undo", "undone"), ("undo", "done")}


@pytest.mark.soak
@pytest.mark.parametrize("variant", snapshot_case.VARIANTS)
def test_a_snapshot_whose_process_is_killed_is_survived(variant, tmp_path, monkeypatch, capsys):
    """Real processes, SIGKILL; the same points as above."""
    monkeypatch.setenv(snapshot_case.VARIABLE, variant)
    survey = survive_sigkill(snapshot_case, tmp_path, every=STRIDE)
    with capsys.disabled():
        print(f"\nSIGKILL, snapshot {variant}\n{survey.table()}")  # noqa: T201
