"""`seawall drift`: exit codes that a night's job can be built on, and no value that could be a secret."""

import json
from pathlib import Path
from typing import Any

import pytest

from preview_events import UNKNOWN, FakePulumi, finished, lines, said, stack, step
from seawall_ops import cli
from seawall_ops.drift import differences
from seawall_ops.engine import CannotTell, preview, read_events

RECORD, INSTANCE, ALARM = (
    "aws:route53/record:Record", "aws:rds/instance:Instance", "aws:cloudwatch/metricAlarm:MetricAlarm"
)  # fmt: skip
SAME = step("same", RECORD, "www", {"ttl": 30}, {"ttl": 30})
DRIFTED = lines(
    *stack({}, {}),
    step("refresh", RECORD, "primary", {"ttl": 30}, {"ttl": 300}),
    step("update", RECORD, "primary", {"ttl": 300}, {"ttl": 30}, ["ttl"]),
    step("update", INSTANCE, "db", {"password": "hunter2-old"}, {"password": "hunter2"}, ["password", "tags.Name"]),
    step("create", ALARM, "cpu", None, {"threshold": 90}),
    SAME,
    finished(),
)


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakePulumi:
    return FakePulumi(tmp_path, monkeypatch)


def test_without_drift_it_says_so_and_exits_0(pulumi: FakePulumi, capsys: pytest.CaptureFixture[str]):
    """The engine reads the cloud first, previews, and changes nothing."""
    pulumi.answers(lines(*stack({}, {}), SAME, finished()))
    assert cli.main(["drift", "--stack", "prod"]) == 0
    assert capsys.readouterr().out == "no drift: prod is as the program says\n"
    assert pulumi.asked[:3] == ["preview", "--stack", "prod"]
    assert {"--refresh", "--non-interactive"} <= set(pulumi.asked)
    assert pulumi.asked[-1] == "true", "without it the engine has no event log"


def test_drift_is_a_table_of_names_and_exit_1(pulumi: FakePulumi, capsys: pytest.CaptureFixture[str]):
    """Which resource, and in which properties; never a value."""
    pulumi.answers(DRIFTED)
    assert cli.main(["drift", "--stack", "prod"]) == 1
    shown = capsys.readouterr()
    rows = [row.split() for row in shown.out.splitlines()]
    assert ["primary", RECORD, "differs", "ttl"] in rows
    assert ["db", INSTANCE, "differs", "password,", "tags"] in rows
    assert ["cpu", ALARM, "missing", "-"] in rows
    assert "hunter2" not in shown.out + shown.err
    assert "www" not in shown.out


def test_as_json_the_same(pulumi: FakePulumi, capsys: pytest.CaptureFixture[str]):
    """For a job that opens a ticket."""
    pulumi.answers(DRIFTED)
    assert cli.main(["drift", "--stack", "prod", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert [one["is"] for one in document["drift"]] == ["missing", "differs", "differs"]


@pytest.mark.parametrize(
    ("log", "code", "says", "line"),
    [
        ([], 6, "no stack named 'prod' found", "error: no stack named 'prod' found\n"),
        ([], 255, "", "error: pulumi preview failed\n"),
        (lines(said("<{%fg 1%}>InvalidInput: seawall:epoch = x<{%reset%}>"), said("update failed"), said("an unhandled error occurred: program exited with non-zero exit code: 1")), 1, "", "error: InvalidInput: seawall:epoch = x\n"),
        (lines(*stack({}, {}), SAME), 0, "", "error: pulumi preview failed\n"),
        (lines(*stack({}, {}), finished("failed")), 0, "", "error: pulumi preview failed\n"),
        (["{"], 0, "", "error: the event log of pulumi preview cannot be read\n"),
    ],
)  # fmt: skip
def test_what_it_cannot_tell_is_no_drift_and_not_none(
    pulumi: FakePulumi, capsys: pytest.CaptureFixture[str], log: list[str], code: int, says: str, line: str
):
    """Exit 2, with the engine's own words: a night without an answer is neither good nor bad."""
    pulumi.answers(log, code, says)
    if not log:
        pulumi.log.unlink()
    assert cli.main(["drift", "--stack", "prod"]) == 2
    assert capsys.readouterr() == ("", line)


def test_without_pulumi_it_cannot_tell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The program is the user's own; it is not installed for them. A wrong folder is told apart."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotTell, match=r"^pulumi was not found"):
        preview("prod", tmp_path)
    with pytest.raises(CannotTell, match=r"^the folder .*none was not found"):
        preview("prod", tmp_path / "none")


def test_an_engine_that_hangs_is_ended(pulumi: FakePulumi, tmp_path: Path):
    """A cloud that does not answer must not hold the night's job for ever."""
    (tmp_path / "bin" / "pulumi").write_text("#!/bin/sh\nexec sleep 60\n", encoding="utf-8")
    with pytest.raises(CannotTell, match="more than 1 s and was ended"):
        preview("prod", tmp_path, timeout=1)


def read(*events: dict[str, Any]) -> Any:
    return read_events(lines(*stack({}, {}), *events, finished()))


def test_a_replacement_is_one_step_of_its_three_events():
    """Else it would count as a creation and a deletion."""
    (found,) = read(
        step("create-replacement", RECORD, "x", {"name": "a"}, {"name": "b"}, ["name"]),
        step("replace", RECORD, "x", {"name": "a"}, {"name": "b"}, ["name"]),
        step("delete-replaced", RECORD, "x", {"name": "a"}, None),
    ).steps
    assert (found.op, found.before, found.after) == ("replace", {"name": "a"}, {"name": "b"})
    (difference,) = differences(read(step("replace", RECORD, "x", {}, {}, ["name"])))
    assert difference.meaning == "must be replaced"


def test_an_import_that_also_changes_is_one_step():
    """Adoption shows as an import, with what it changes."""
    (found,) = read(
        step("import", RECORD, "x", None, {"ttl": 300}), step("update", RECORD, "x", {"ttl": 300}, {"ttl": 60}, ["ttl"])
    ).steps
    assert (found.op, found.after, found.properties) == ("import", {"ttl": 60}, ("ttl",))


def test_what_a_preview_cannot_know_counts_as_not_said():
    """The engine's mark for it must not be taken for a value."""
    (found,) = read(step("update", RECORD, "x", {"ttl": 30, "zone": "Z1"}, {"ttl": 60, "zone": UNKNOWN}, ["ttl"])).steps
    assert found.after == {"ttl": 60, "zone": "Z1"}


def test_a_deleted_resource_has_no_state_afterwards():
    """Its cost goes with it."""
    (found,) = read(step("delete", RECORD, "x", {"ttl": 30}, None)).steps
    assert (found.op, found.before, found.after) == ("delete", {"ttl": 30}, None)
