"""`seawall preview`: what a pull request's comment says of resources, recovery and cost."""

import json
from pathlib import Path
from typing import Any

import pytest

from preview_events import FakePulumi, finished, lines, prediction, stack, step
from seawall_ops import cli
from seawall_ops.cost import load_prices
from seawall_ops.engine import read_events
from seawall_ops.review import RecoveryChange, recovery_changes, review

CHECK, KEY, TOPIC = "aws:route53/healthCheck:HealthCheck", "aws:kms/key:Key", "aws:sns/topic:Topic"
SLOW, FAST = {"type": "HTTPS", "requestInterval": 30}, {"type": "HTTPS", "requestInterval": 10}


def reviewed(*events: dict[str, Any], before: Any = (), after: Any = ()) -> Any:
    log = lines(*stack({"predictions": list(before)}, {"predictions": list(after)}), *events, finished())
    return review("prod", read_events(log), load_prices())


def test_the_comment_has_changes_recovery_and_cost():
    """A faster check costs a dollar a month and saves a minute: both in one place."""
    found = reviewed(
        step("replace", CHECK, "shop", SLOW, FAST, ["requestInterval"]),
        step("create", KEY, "new", None, {}),
        step("same", TOPIC, "alarms", {}, {}),
        before=[prediction("region", 160), prediction("writer", 150, "writes")],
        after=[prediction("region", 100), prediction("writer", 150, "writes")],
    )
    text = found.as_markdown()
    assert "<summary>1 create, 1 replace</summary>" in text
    assert f"| replace | {CHECK} | shop | requestInterval |" in text
    assert "| recovery time: region failure, reads | 160 s | 100 s |" in text
    assert "writer" not in text, "what does not change is not shown"
    assert "changes by **+2.00 USD** from 1.50: **3.50 USD**" in text
    assert "- by use, not included: aws:sns/topic:Topic" in text
    assert found.attention == [f"replaces {CHECK} shop"]


def test_nothing_changes_is_said_in_so_many_words():
    """An empty table would look like a broken tool."""
    figures = [prediction("region", 100)]
    text = reviewed(step("same", KEY, "k", {}, {}), before=figures, after=figures).as_markdown()
    for words in (
        "Nothing changes.",
        "Predicted recovery does not change.",
        "monthly cost does not change: **1.00 USD**",
    ):
        assert words in text
    assert "no output `predictions`" in reviewed().as_markdown()


def test_recovery_that_gets_worse_or_is_lost_needs_attention():
    """Somebody takes the replica out to save money: the comment says what that costs."""
    found = reviewed(
        step("delete", KEY, "k", {}, None),
        before=[prediction("region", 100), prediction("zone", 120), prediction("writer", 0.5, measure="recovery_point_seconds")],
        after=[prediction("region", 130), prediction("writer", 0.5, measure="recovery_point_seconds")],
    )  # fmt: skip
    assert found.attention == [
        f"deletes {KEY} k",
        "worse recovery time: region failure, reads",
        "worse recovery time: zone failure, reads",
    ]
    assert "| recovery time: zone failure, reads | 120 s | none |" in found.as_markdown()


def test_of_several_figures_for_one_case_the_slowest_counts():
    """The name and the database both have a region's loss; clients wait for the slower."""
    both = {"predictions": [prediction("region", 100), prediction("region", 2000)]}
    assert recovery_changes(both, {}) == (RecoveryChange("region", "reads", "recovery_time_seconds", 2000, None),)
    assert recovery_changes({}, {"predictions": "?"}) == ()


def test_a_name_cannot_break_the_table():
    """Resource names are free text."""
    assert "| a\\|b |" in reviewed(step("create", KEY, "a|b", None, {})).as_markdown()


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakePulumi:
    return FakePulumi(tmp_path, monkeypatch)


def test_the_command_writes_the_comment_and_is_strict_when_asked(
    pulumi: FakePulumi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """A workflow reads the file; a gate reads the code."""
    pulumi.answers(lines(*stack({}, {}), step("delete", KEY, "k", {}, None), finished()))
    comment = tmp_path / "comment.md"
    assert cli.main(["preview", "--stack", "prod", "--comment", str(comment)]) == 0
    assert comment.read_text(encoding="utf-8").startswith("<!-- seawall preview -->\n### Seawall: preview of `prod`\n")
    assert "--refresh" not in pulumi.asked
    assert cli.main(["preview", "--stack", "prod", "--strict", "--json"]) == 1
    shown = capsys.readouterr()
    assert json.loads(shown.out)["attention"] == [f"deletes {KEY} k"]
    assert shown.err == f"attention: deletes {KEY} k\n"


def test_a_program_that_refuses_is_shown_in_its_own_words(pulumi: FakePulumi, capsys: pytest.CaptureFixture[str]):
    """What is wrong with the pull request is what the author should read."""
    pulumi.answers([], 1, "stack is locked")
    pulumi.log.unlink()
    assert cli.main(["preview", "--stack", "prod"]) == 2
    assert capsys.readouterr().err == "error: stack is locked\n"
