"""`seawall failover adopt`: the file declares what is live, stays as it was otherwise, and can be deployed."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from failover_desk import AWAY, HOME, Desk
from seawall.errors import InvalidInput
from seawall.topology import Live, Topology, dump, merge
from seawall_ops import cli
from seawall_ops.failover.plans.declaring import declared_after
from stack_files import PASSWORD, ROOT, parsed
from stacks.data import plan_data, planned_database
from stacks.live import FailoverNotAdopted, LiveReading, refuse_to_undo
from stacks.workload import plan_topology
from topology_documents import failed_over

pytestmark = pytest.mark.usefixtures("pulumi_loop")  # a plan of a database holds an output

PROD = (ROOT / "Pulumi.prod.yaml").read_text(encoding="utf-8")
DEV = (ROOT / "Pulumi.dev.yaml").read_text(encoding="utf-8")

ALIASED = """config:
  seawall:service: shop
  seawall:shared: &a primary
  seawall:regions: [{name: eu-west-1, role: *a}, {name: eu-central-1, role: standby}]
"""
ON_ONE_LINE = "config: {'seawall:service': shop, 'seawall:regions': [{name: eu-central-1, role: primary}]}\n"


def live(**changes: Any) -> Live:
    return failed_over(**{"epoch": 2, "primary_region": AWAY, "writer": AWAY, **changes})


def declared(text: str, stack: str = "prod") -> Topology:
    """The topology that a file declares, as a deployment would check it."""
    config = {**yaml.safe_load(text)["config"], PASSWORD: "correct-horse-battery"}
    environment = parsed(config, stack)
    data = plan_data(environment)
    return plan_topology(environment, planned_database(environment, data) if data else None)


@pytest.mark.parametrize(
    ("text", "stack", "other"), [(PROD, "prod", AWAY), (DEV, "dev", "us-west-2")], ids=["prod", "dev"]
)
def test_the_edited_file_declares_what_is_live_and_can_be_deployed(text, stack, other):
    """Before it a deployment is refused, after it not; and it says no more than `as_topology`."""
    happened = live(environment=stack, primary_region=other, writer=other)
    before = declared(text, stack)
    with pytest.raises(FailoverNotAdopted):
        refuse_to_undo(before, LiveReading(happened))
    edited = declared_after(text, happened)
    after = declared(edited, stack)
    assert after == merge(before, happened).as_topology()
    refuse_to_undo(after, LiveReading(happened))
    assert declared_after(edited, happened) == edited


def test_comments_order_and_everything_else_stay():
    """Four lines differ: two roles, the writer, and the epoch, which gets a line of its own."""
    edited = declared_after(PROD, live())
    old, new = PROD.splitlines(), edited.splitlines()
    assert len(new) == len(old) + 1
    assert [line for line in new if line not in old] == ["  seawall:epoch: 2", f"    writer: {AWAY}"]
    assert new[new.index("  seawall:epoch: 2") + 1] == "  seawall:regions:"
    assert [line for line in new if "#" in line] == [line for line in old if "#" in line]


def test_quotes_and_an_epoch_that_stands_there_are_kept():
    """Also where a comment follows on the line, and a member has a name of its own."""
    text = (
        "config:\n"
        "  seawall:service: shop\n"
        "  seawall:epoch: '1' # counts failovers\n"
        '  seawall:regions: [{name: eu-west-1, role: "primary"}, {name: eu-central-1, role: standby}]\n'
        "  seawall:database: {writer: 'ireland', members: [{region: eu-west-1, name: ireland}, {region: eu-central-1}]}\n"
    )
    edited = declared_after(text, live())
    assert "seawall:epoch: '2' # counts failovers\n" in edited
    assert '[{name: eu-west-1, role: "standby"}, {name: eu-central-1, role: primary}]' in edited
    assert "{writer: 'eu-central-1', members:" in edited


def test_a_file_that_is_ahead_or_agrees_is_left_alone():
    """A planned change has a later epoch; a region that failed over and back needs the epoch alone."""
    ahead = PROD.replace("  seawall:protect: true\n", "  seawall:protect: true\n  seawall:epoch: 3\n")
    assert declared_after(ahead, live()) == ahead
    back = declared_after(PROD, live(primary_region=HOME, writer=HOME))
    assert [line for line in back.splitlines() if line not in PROD.splitlines()] == ["  seawall:epoch: 2"]


@pytest.mark.parametrize(
    ("text", "happened", "line"),
    [
        (PROD, live(service="other"), "of which the live document is"),
        (PROD, live(primary_region="us-east-1"), "which region is its standby is yours to say"),
        (PROD, live(primary_region="us-west-2"), "live.primary_region = us-west-2"),
        (PROD, live(writer="nowhere"), "live.writer = nowhere"),
        ("a: [", live(), "YAML"),
        ("other: 1\n", live(), "config"),
        ("config: {seawall:service: shop, seawall:regions: '[]'}\n", live(), "pulumi config set --path"),
        ("config: {'seawall:service': shop, 'seawall:epoch': x}\n", live(), "a whole number"),
        (ALIASED, live(writer=None), "an edit by hand"),
        (ON_ONE_LINE, live(writer=None), "does not begin its line"),
    ],
)  # fmt: skip
def test_what_cannot_be_edited_exactly_is_one_line(text, happened, line):
    """The file is left as it is."""
    with pytest.raises(InvalidInput) as caught:
        declared_after(text, happened)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_command_shows_a_diff_and_writes_when_it_is_told_to(tmp_path, monkeypatch, capsys):
    """1 while the file has to change, 0 once it has; the rights of the file stay."""
    desk = Desk.made(tmp_path, monkeypatch)
    file = tmp_path / "Pulumi.prod.yaml"
    file.write_text(PROD, encoding="utf-8")
    file.chmod(0o640)
    words = ["failover", "adopt", "--file", str(file), "--settings", str(desk.settings)]
    assert cli.main(words) == 0
    assert "no failover was ever published" in capsys.readouterr().out
    desk.live_path.write_text(dump(live(epoch=4)), encoding="utf-8")
    assert cli.main(words) == 1
    shown = capsys.readouterr().out
    assert "\n+  seawall:epoch: 4\n" in shown
    assert shown.endswith("nothing was written: --write does it\n")
    assert file.read_text(encoding="utf-8") == PROD
    assert cli.main([*words, "--write", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["written"] is True
    assert file.stat().st_mode & 0o777 == 0o640
    assert declared(file.read_text(encoding="utf-8")).epoch == 4
    without = ["failover", "adopt", "--file", str(file)]
    monkeypatch.setenv("SEAWALL_LIVE_PATH", str(desk.live_path))
    assert cli.main(without) == 0
    assert "the file knows of it" in capsys.readouterr().out
    assert not [each for each in Path(tmp_path).iterdir() if each.name.startswith(".Pulumi")]


def test_a_file_with_other_line_ends_keeps_them():
    """An editor's habit is no part of a failover."""
    edited = declared_after(PROD.replace("\n", "\r\n"), live())
    assert edited.replace("\r\n", "\n") == declared_after(PROD, live())
    assert "\n" not in edited.replace("\r\n", "")
