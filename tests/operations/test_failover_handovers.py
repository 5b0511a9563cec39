"""What a failover is asked to do, how it is told again from a file, and how its documents are told from those of others."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from failover_plan_case import GONE, OPERATION
from failover_plan_runs import ENDPOINT, Runs, handover, live
from failover_plan_world import NEW, OLD, STARTED, TTL, World
from seawall.errors import InvalidInput, StepRefused
from seawall.timing import FailureClass
from seawall_ops.audit import AuditFile, Decision, Record, Trail
from seawall_ops.failover.plans.handover import Handover
from seawall_ops.failover.plans.recording import record_reasons
from seawall_ops.failover.plans.standing import Standing, announced, standing_of

WORD = "2 of 3 domains knew it"


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("reason", 5, "str"),
        ("cluster", None, "str"),
        ("old_writer", True, "str or none"),
        ("epoch", "4", "int"),
        ("epoch", 4.5, "int"),
        ("epoch", True, "int"),
        ("automatic", 1, "bool"),
        ("lag_limit_seconds", "30", "float"),
        ("epoch_lease_seconds", False, "float or none"),
    ],
)
def test_a_kept_value_of_another_kind_is_refused_by_name(name: str, value: Any, kind: str):
    """A file can be edited, and JSON has kinds of its own."""
    with pytest.raises(InvalidInput) as refused:
        Handover.from_inputs({**handover().inputs, name: value})
    assert refused.value.name == name
    assert f"a value of its kind, {kind}" in str(refused.value)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 0.0])
@pytest.mark.parametrize("name", ["lag_limit_seconds", "epoch_lease_seconds"])
def test_seconds_are_above_0_and_end(name: str, value: float):
    """A wait for ever is no wait, and a limit without one no limit."""
    with pytest.raises(InvalidInput, match="above 0 seconds, and finite"):
        handover(**{name: value})


@pytest.mark.parametrize(
    ("asked", "last_epoch", "fenced", "shown"),
    [
        ({}, 6, (OLD, OLD), f"writer {OLD} to {NEW}, primary region {OLD} to {NEW}"),
        (
            {"failure_class": FailureClass.WRITER, "new_region": OLD, "old_writer": "a", "new_writer": "b"},
            6,
            ("a",),
            "writer a to b",
        ),
        (ENDPOINT, 5, (), f"primary region {OLD} to {NEW}"),
        (
            {"failure_class": FailureClass.REGION, "old_writer": NEW, "new_writer": NEW},
            5,
            (OLD,),
            f"primary region {OLD} to {NEW}",
        ),
    ],
    ids=["both", "writer", "endpoint", "region"],
)
def test_what_a_handover_means_follows_from_what_moves(
    asked: dict[str, Any], last_epoch: int, fenced: tuple[str, ...], shown: str
):
    """One epoch for an announcement, if a writer moves; fenced stays who wrote, and a region that was lost."""
    made = handover(**asked)
    assert (made.last_epoch, made.fenced, str(made)) == (last_epoch, fenced, shown)


def test_a_document_of_ours_with_other_roles_is_not_ours():
    """The operation's id in a reason is no proof: roles and epoch have to be those of a step."""
    asked = handover()
    assert standing_of(None, asked, OPERATION) is Standing.BEFORE
    assert standing_of(live(epoch=4), asked, OPERATION) is Standing.BEFORE
    ours = announced(asked, OPERATION, STARTED)
    for each in (replace(ours, epoch=6), replace(ours, writer=OLD), replace(ours, primary_region=NEW)):
        with pytest.raises(StepRefused, match="roles have changed since the decision"):
            standing_of(each, asked, OPERATION)
    with pytest.raises(StepRefused, match="and it was made at epoch 4"):
        standing_of(ours, asked, "failover-11")  # of which ours is the beginning


def test_a_person_who_goes_on_unfenced_waits_for_nothing_and_stands_in_the_record(tmp_path: Path):
    """Who accepted what, and why, once for each run."""
    world = World(tmp_path)
    world.set(**GONE, forced=True)
    asked = {"unfenced_because": "it burns", "lag_accepted_because": WORD, "opened_by": "ann"}
    result = Runs(world).operation(**asked).run()
    assert result.end == "done"
    assert world.monotonic() < TTL
    with Trail(tmp_path / "audit.jsonl") as trail:
        record_reasons(trail, OPERATION, handover(**asked), by="bob", fence=7)
    facts = [each.fact for _, each in AuditFile(tmp_path / "audit.jsonl").read() if isinstance(each, Record)]
    assert [(each.decision, each.because) for each in facts if isinstance(each, Decision)] == [
        ("fail over", "a quorum saw it (planned by ann, run by bob)"),
        ("accept lag", f"{WORD} (planned by ann, run by bob)"),
        ("go on without a fence", "it burns (planned by ann, run by bob)"),
    ]
