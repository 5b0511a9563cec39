"""`seawall snapshot`: dry by default, exit codes that scripts branch on, and JSON that is whole."""

import json
from datetime import timedelta
from typing import Any

import pytest

from fake_rds import BEGAN, Fault
from fake_rds_snapshots import SnapshotAws
from seawall_ops import cli
from seawall_ops.failover.plans.rds_api import RdsApi
from seawall_ops.places import STATE_VARIABLE
from seawall_ops.recovery import snapshot_command
from seawall_ops.recovery.permissions import RECOVERY_CALLS
from seawall_ops.recovery.snapshot_api import SnapshotApi
from seawall_ops.recovery.snapshots import MADE_BY, MADE_BY_TAG, PROVED_TAG
from seawall_ops.recovery.waiting import Waiting

HOME, AWAY = "eu-west-1", "eu-central-1"
OWN = [{"Key": MADE_BY_TAG, "Value": MADE_BY}]
HERE = ("--region", HOME)
BOTH = (*HERE, "--region", AWAY)
FAST = ((0.0, {"Status": "available", "PercentProgress": 100}),)


@pytest.fixture
def aws(monkeypatch, tmp_path) -> SnapshotAws:
    """An instance, three snapshots of it, and nobody else's word for time."""
    account = SnapshotAws(taking=FAST, copying=FAST)
    account.add("shop", HOME, ["subnet-1"])
    for days in (1, 2, 3):
        account.add_snapshot(HOME, f"s-{days}", TagList=OWN, SnapshotCreateTime=BEGAN - timedelta(days=days))
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path))
    monkeypatch.setattr(
        snapshot_command,
        "_api",
        lambda: SnapshotApi(RdsApi(clients=account.client, clock=account.clock, sleep=account.sleep)),
    )
    monkeypatch.setattr(Waiting, "until", _without_pauses(account, Waiting.until))
    return account


def _without_pauses(account: SnapshotAws, until: Any) -> Any:
    """Operations of a command wait by the system's clock: here what was begun has time to end before each turn."""

    def quick(self: Waiting, context: Any, name: str, turn: Any) -> None:
        def later() -> Any:
            account.sleep(60.0)
            return turn()

        until(self, _Restless(context), name, later)

    return quick


class _Restless:
    """A context that does not sleep."""

    def __init__(self, context: Any) -> None:
        self._context = context

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def wait(self, seconds: float) -> None:
        del seconds
        self._context.check()


def run(*words: str) -> int:
    return cli.main(["snapshot", *words])


def document(capsys) -> Any:
    return json.loads(capsys.readouterr().out)


def test_create_is_dry_until_it_is_told(aws: SnapshotAws, capsys):
    """A line that is pasted to have a look changes nothing."""
    assert run("create", "shop", *HERE) == 0
    assert "dry run: nothing was changed" in capsys.readouterr().out
    assert aws.given == []
    assert run("create", "shop", *HERE, "--run", "--json") == 0
    shown = document(capsys)
    assert (shown["plan"], shown["end"]) == ("snapshot-create", "done")
    [(call, region, given)] = aws.given
    assert (call, region) == ("CreateDBSnapshot", HOME)
    assert given["DBSnapshotIdentifier"] == f"seawall-shop-{shown['operation']}"
    assert run("create", "shop", *HERE, "--undo", shown["operation"], "--why", "a try", "--json") == 0
    assert document(capsys)["end"] == "undone"
    assert aws.names(HOME) == ["s-1", "s-2", "s-3"]
    assert aws.recorder.taken() == set(RECOVERY_CALLS["snapshot create"])


def test_create_says_what_is_in_the_way(aws: SnapshotAws, capsys):
    """Exit code 1 before anything is begun, 4 where it is run all the same."""
    assert run("create", "other", *HERE) == 1
    assert "in the way: there is no RDS instance other in eu-west-1" in capsys.readouterr().out
    assert run("create", "other", *HERE, "--run") == 4


def test_a_copy_goes_to_another_region(aws: SnapshotAws, capsys):
    """With its key, by the command that stands in the help."""
    key = aws.add_key(AWAY)
    words = ("copy", "s-1", "--from-region", HOME, "--to-region", AWAY, "--kms-key", key)
    assert run(*words, "--json") == 0
    assert document(capsys)["dry_run"] is True
    assert run(*words, "--run", "--json") == 0
    assert document(capsys)["end"] == "done"
    assert len(aws.names(AWAY)) == 1
    assert aws.recorder.taken() <= set(RECOVERY_CALLS["snapshot copy"])


def test_list_shows_own_snapshots_of_all_regions(aws: SnapshotAws, capsys):
    """What somebody else made is not this tool's to speak of."""
    aws.add_snapshot(HOME, "foreign")
    aws.add_snapshot(AWAY, "away", TagList=OWN, DBInstanceIdentifier="stock")
    assert run("list", *BOTH) == 0
    shown = capsys.readouterr().out
    assert "s-3" in shown
    assert "away" in shown
    assert "foreign" not in shown
    assert run("list", *BOTH, "--instance", "shop", "--json") == 0
    assert [each["name"] for each in document(capsys)["snapshots"]] == ["s-3", "s-2", "s-1"]
    assert aws.recorder.taken() == set(RECOVERY_CALLS["snapshot list"])
    aws.snapshots[AWAY, "away"]["Status"] = "failed"
    assert run("list", *BOTH) == 1
    assert run("list", *BOTH, "--instance", "none") == 0
    assert capsys.readouterr().out.endswith("none\n")


def test_verify_has_a_line_and_an_exit_code(aws: SnapshotAws, capsys):
    """A script branches on it."""
    assert run("verify", "s-1", *HERE) == 0
    assert capsys.readouterr().out.endswith("s-1: available\n")
    aws.snapshots[HOME, "s-1"]["TagList"] = [*OWN, {"Key": PROVED_TAG, "Value": "2026-11-25T03:00:00Z"}]
    assert run("verify", "s-1", *HERE, "--json") == 0
    shown = document(capsys)
    assert (shown["said"], shown["passed"]) == ("proved on 2026-11-25", True)
    assert run("verify", "s-1", *HERE, "--instance", "stock") == 1
    assert run("verify", "gone", *HERE) == 2


def test_prune_shows_each_snapshot_with_its_reason_and_deletes_when_it_is_told(aws: SnapshotAws, capsys):
    """And not one more than was shown."""
    assert run("prune", *BOTH, "--keep", "1") == 1
    shown = capsys.readouterr().out
    assert "one of the last 1" in shown
    assert "at least 1 newer can be restored" in shown
    assert "dry run: nothing was changed" in shown
    assert aws.given == []
    assert run("prune", *BOTH, "--keep", "1", "--run", "--json") == 0
    ends = {each["name"]: each["end"] for each in document(capsys)["snapshots"]}
    assert ends == {"s-3": "deleted", "s-2": "deleted", "s-1": "keep"}
    assert aws.names(HOME) == ["s-1"]
    assert aws.recorder.taken() == set(RECOVERY_CALLS["snapshot prune"])
    assert run("prune", *BOTH, "--keep", "1") == 0


def test_each_deletion_is_on_the_record_with_its_reason(aws: SnapshotAws, capsys):
    """Who asks later why a snapshot is gone finds it."""
    assert run("prune", *HERE, "--keep", "2", "--run") == 0
    capsys.readouterr()
    assert cli.main(["audit", "show", "--kind", "decision", "--kind", "result", "--json"]) == 0
    shown = capsys.readouterr().out
    assert "snapshot:s-3" in shown
    assert "at least 2 newer can be restored" in shown
    assert '"end": "done"' in shown or '"end":"done"' in shown


def test_one_deletion_that_is_refused_leaves_the_others_to_be_done(aws: SnapshotAws, capsys):
    """And the exit code says that something is left."""
    aws.faults = [Fault("DeleteDBSnapshot", "AccessDenied")]
    assert run("prune", *HERE, "--keep", "1", "--run", "--json") == 1
    ends = {each["name"]: each["end"] for each in document(capsys)["snapshots"]}
    assert "may not call rds:DeleteDBSnapshot" in ends["s-3"]
    assert ends["s-2"] == "deleted"
    assert aws.names(HOME) == ["s-1", "s-3"]


def test_what_is_under_way_or_goes_while_the_list_is_made_is_kept(aws: SnapshotAws, capsys):
    """Another prune may be at work; RDS does not tell shares of what is not there."""
    aws.add_snapshot(HOME, "begun", TagList=OWN, Status="creating", PercentProgress=40)
    aws.faults = [Fault("DescribeDBSnapshotAttributes", "DBSnapshotNotFound", after=2)]
    assert run("prune", *HERE, "--keep", "1", "--json") == 1
    found = {each["name"]: each["because"] for each in document(capsys)["snapshots"]}
    assert found["begun"] == "RDS says creating, 40 %"
    assert list(found.values()).count("not known whom it is shared with") == 1


@pytest.mark.parametrize("error", ["unreachable", "AccessDenied"])
@pytest.mark.parametrize("words", [("list", *HERE), ("verify", "s-1", *HERE), ("prune", *HERE, "--keep", "1")])
def test_a_region_that_cannot_be_asked_has_its_own_exit_code(aws: SnapshotAws, words, error, capsys):
    """An empty list would be a lie."""
    aws.faults = [Fault("*", error, times=99)]
    assert run(*words) == 3
    assert capsys.readouterr().err.startswith("error: ")


@pytest.mark.parametrize(
    "words",
    [
        ("create", "shop", *HERE, "--run", "--resume", "op-1"),
        ("create", "shop", *HERE, "--undo", "op-1"),
        ("create", "shop", *HERE, "--resume", "op-1"),
        ("create", "shop", *HERE, "--wait-seconds", "0"),
        ("prune", *HERE, "--keep", "0"),
        ("list",),
    ],
)
def test_wrong_input_is_refused_before_anything_is_asked(aws: SnapshotAws, words):
    """Exit code 2, and not one call."""
    assert run(*words) == 2
    assert aws.calls == []


@pytest.mark.parametrize("command", ["create", "copy", "list", "verify", "prune"])
def test_the_help_has_an_example_and_the_exit_codes(command, capsys):
    """It is what people read at three in the morning."""
    assert run(command, "--help") == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"Example: seawall snapshot {command} " in shown
    assert "Exit codes:" in shown
