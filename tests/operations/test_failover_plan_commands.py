"""`seawall failover plan`, `run`, `undo` and `end`: dry first, confirmed by the id, under the lease, on the record."""

import json
import stat
from dataclasses import replace

import pytest

from failover_desk import AWAY, CLUSTER, HOME, Desk
from failover_votes import SUBJECTS, all_lose
from seawall.errors import StepRefused
from seawall_ops.audit import Decision, Result
from seawall_ops.failover.ledger import OperationState
from seawall_ops.failover.plans.recording import ACCEPT_LAG, BEGIN, END, FORCE
from seawall_ops.lease import Arbitrated, Lease


class Crash(BaseException):
    """The process dies."""


MOVE = ("--to-region", AWAY, "--why", "drill")


@pytest.fixture
def desk(tmp_path, monkeypatch) -> Desk:
    return Desk.made(tmp_path, monkeypatch)


def test_a_plan_is_shown_with_its_steps_and_the_next_command_and_changes_nothing(desk, capsys):
    """What is typed at three in the morning stands on the last line."""
    assert desk.seawall("plan", *MOVE) == 0
    shown = capsys.readouterr().out
    order = ("open", "announce", "fence", "promote", "publish", "close")
    positions = [shown.index(f"{number}. {step}") for number, step in enumerate(order, 1)]
    assert positions == sorted(positions)
    assert "then there is no way back" in shown
    assert "predicted: not known for open, announce, fence, promote, publish, close" in shown
    assert "dry run: nothing was changed" in shown
    (kept,) = (desk.folder / "state" / "operations" / "handovers").glob("*.json")
    assert shown.splitlines()[-1] == (
        f"next: seawall failover run {kept.stem} --settings {desk.settings} --confirm {kept.stem}"
    )
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert (desk.servers.calls, desk.live, desk.facts()) == ([], None, [])
    assert desk.board.read().ledger.operations == ()


def test_a_run_without_its_confirmation_is_dry_and_with_it_does_what_was_shown(desk, capsys):
    """From plan to audit: fence, promotion, epoch, ledger, and the lease is free again."""
    id_ = desk.planned(capsys, *MOVE)["operation"]
    assert desk.seawall("run", id_) == 0
    assert "dry run: nothing was changed" in capsys.readouterr().out
    assert desk.servers.calls == []
    assert desk.seawall("run", id_, "--confirm", id_, "--json") == 0
    assert json.loads(capsys.readouterr().out)["end"] == "done"
    assert desk.servers.calls == [f"fence {HOME}", f"promote {AWAY}"]
    live = desk.live
    assert live is not None
    assert (live.epoch, live.primary_region, live.writer) == (5, AWAY, AWAY)
    ledger = desk.board.read().ledger
    assert (ledger.operations[-1].state, ledger.operations[-1].automatic) == (OperationState.DONE, False)
    assert ledger.fenced == (HOME,)
    facts = desk.facts()
    assert isinstance(facts[-1], Result)
    assert facts[-1].end == "done"
    stored = desk.leases.read(f"failover-{CLUSTER}")
    assert stored is not None
    assert stored.record.holder == ""


def test_a_confirmation_of_another_operation_confirms_nothing(desk, capsys):
    """One that was left in a shell's history."""
    id_ = desk.planned(capsys, *MOVE)["operation"]
    assert desk.seawall("run", id_, "--confirm", "failover-region-00000000") == 2
    assert "the operation is confirmed by its own id" in " ".join(capsys.readouterr().err.split())
    assert desk.servers.calls == []


def test_what_is_in_the_way_of_a_plan_has_its_exit_code(desk, capsys):
    """A replica that is too far behind stops it, unless somebody answers for that."""
    desk.servers.lag_seconds = 500.0
    shown = desk.planned(capsys, *MOVE, code=1)
    assert "500.0 s behind" in shown["in_the_way"]
    accepted = desk.planned(capsys, *MOVE, "--accept-lag", "the old region burns")
    assert accepted["in_the_way"] == ""


def test_what_a_person_accepts_is_on_the_record_with_who_and_why(desk, capsys):
    """A lag, and going on without a fence where the old writer is silent."""
    desk.servers.silent.add(HOME)
    desk.servers.lag_seconds = None
    words = (*MOVE, "--accept-lag", "the old region burns", "--force-without-fence", "its power is off")
    id_ = desk.planned(capsys, *words)["operation"]
    assert desk.facts() == []
    assert desk.seawall("run", id_, "--confirm", id_) == 0
    found = {each.decision: each.because for each in desk.facts() if isinstance(each, Decision)}
    assert found[BEGIN].startswith("drill (planned by ")
    assert found[ACCEPT_LAG].startswith("the old region burns (planned by ")
    assert found[FORCE].startswith("its power is off (planned by ")
    assert desk.servers.calls == [f"promote {AWAY}"]


def test_a_silent_writer_without_an_epoch_that_runs_out_stops_the_failover(desk, capsys):
    """Nobody promotes beside a writer that may still be written to."""
    id_ = desk.planned(capsys, *MOVE, "--accept-lag", "the old region burns")["operation"]
    desk.servers.silent.add(HOME)
    assert desk.seawall("run", id_, "--confirm", id_) == 4
    assert "--force-without-fence" in capsys.readouterr().out
    assert (desk.servers.writers, desk.board.read().ledger.open) == ({HOME}, None)


def test_a_failed_step_is_undone_and_a_crashed_run_is_resumed_by_the_same_command(desk, capsys):
    """The one line that was printed goes on, whatever came between."""

    def refuse(what: str) -> None:
        if what == "promote":
            raise StepRefused("not today")

    desk.servers.broken = refuse
    id_ = desk.planned(capsys, *MOVE)["operation"]
    assert desk.seawall("run", id_, "--confirm", id_) == 4
    assert "not today" in capsys.readouterr().out
    assert desk.servers.fenced == set()
    assert desk.board.read().ledger.operations[-1].state is OperationState.UNDONE

    def crash(what: str) -> None:
        if what == "promote":
            raise Crash

    desk.servers.broken = crash
    id_ = desk.planned(capsys, *MOVE)["operation"]
    with pytest.raises(Crash):
        desk.seawall("run", id_, "--confirm", id_)
    desk.servers.broken = lambda _: None
    assert desk.seawall("run", id_, "--confirm", id_) == 0
    assert desk.servers.writers == {HOME, AWAY}


def test_an_undo_is_dry_then_done_and_refused_past_the_point_of_no_return(desk, capsys):
    """Before the promotion all comes back; after it the way is over the other side."""

    def crash(what: str) -> None:
        if what == "fence":
            raise Crash

    desk.servers.broken = crash
    id_ = desk.planned(capsys, *MOVE)["operation"]
    assert desk.seawall("undo", id_, "--why", "no") == 2
    with pytest.raises(Crash):
        desk.seawall("run", id_, "--confirm", id_)
    desk.servers.broken = lambda _: None
    capsys.readouterr()
    assert desk.seawall("undo", id_, "--why", "the region is back") == 0
    assert "would undo: fence, announce, open" in capsys.readouterr().out
    assert desk.seawall("undo", id_, "--why", "the region is back", "--confirm", id_) == 0
    assert desk.board.read().ledger.operations[-1].state is OperationState.UNDONE
    live = desk.live
    assert live is not None
    assert live.writer == HOME
    capsys.readouterr()
    id_ = desk.planned(capsys, *MOVE)["operation"]
    assert desk.seawall("run", id_, "--confirm", id_) == 0
    capsys.readouterr()
    assert desk.seawall("undo", id_, "--why", "no", "--confirm", id_) == 2
    assert "fail over the other way" in capsys.readouterr().err


def test_somebody_elses_lease_keeps_a_run_out(desk, capsys, monkeypatch):
    """Two operators do not fail over at once."""
    monkeypatch.setattr("seawall_ops.failover.plans_command.LEASE_WAIT_SECONDS", 0.0)
    id_ = desk.planned(capsys, *MOVE)["operation"]
    lease = Lease(desk.leases, f"failover-{CLUSTER}", holder="another", arbitrates=Arbitrated(automatic=False))
    with lease.acquire(wait_seconds=0.0, renew=False):
        assert desk.seawall("run", id_, "--confirm", id_) == 2
    assert "another@" in capsys.readouterr().err
    assert desk.servers.calls == []


def test_an_operation_that_nobody_can_end_is_ended_by_hand_and_recorded(desk, capsys):
    """Else nothing would ever begin again."""

    def crash(what: str) -> None:
        raise Crash

    desk.servers.broken = crash
    id_ = desk.planned(capsys, *MOVE)["operation"]
    with pytest.raises(Crash):
        desk.seawall("run", id_, "--confirm", id_)
    assert desk.seawall("end", id_, "--failed", "--done", "--why", "x") == 2
    assert desk.seawall("end", "failover-region-1", "--failed", "--why", "x") == 2
    assert desk.seawall("end", id_, "--failed", "--why", "rebuilt by hand") == 0
    assert desk.board.read().ledger.open is not None
    assert desk.seawall("end", id_, "--failed", "--why", "rebuilt by hand", "--confirm", id_) == 0
    ledger = desk.board.read().ledger
    assert (ledger.open, ledger.operations[-1].state) == (None, OperationState.FAILED)
    assert HOME in ledger.fenced  # apps were told of another writer, so it must not take over unseen
    assert any(isinstance(each, Decision) and each.decision == f"{END}: failed" for each in desk.facts())


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--to", HOME, "--why", "x"), f"{HOME} is the writer"),
        (("--to-region", "us-east-1", "--why", "x"), "it needs an endpoint to serve from"),
        (("--to", AWAY, "--to-region", AWAY), "one of the two"),
        (("--to", AWAY), "nobody but you has decided it"),
        (("--to", AWAY, "--why", "x" * 301), "one line of 1 to 300 characters"),
    ],
)
def test_what_cannot_be_planned_is_one_line(desk, capsys, words, line):
    """Before anything is looked at or kept."""
    assert desk.seawall("plan", *words) == 2
    assert line in " ".join(capsys.readouterr().err.split())
    assert not (desk.folder / "state").exists()


def test_the_prediction_is_per_step_and_in_total(tmp_path, monkeypatch, capsys):
    """What was assumed says so; a step without a number is named, and counts for nothing."""
    desk = Desk.made(tmp_path, monkeypatch, epoch_lease_seconds=30, servers="rds")
    shown = desk.planned(capsys, *MOVE)
    steps = {each["name"]: [term["name"] for term in each["predicted"]] for each in shown["steps"]}
    assert (steps["fence"], steps["promote"]) == (["epoch lease"], ["promotion"])
    assert shown["predicted"]["typical_seconds"] == 300.0
    assert shown["predicted"]["worst_seconds"] == 1230.0
    assert shown["predicted"]["not_predicted"] == ["open", "announce", "publish", "close"]
    assert desk.seawall("plan", *MOVE) == 0
    assert "predicted: 300 to 1.23e+03 s, without open, announce, publish, close" in capsys.readouterr().out


def test_what_the_votes_have_decided_is_planned_with_their_reasons(desk, capsys, monkeypatch):
    """The quorum's word stands for a lag that nobody can measure any more."""
    lost = tuple(each for each in SUBJECTS if each.name == HOME)
    for each in all_lose(*lost):
        desk.board.post(each.vote, over=None)

    def votes_again(_: float) -> None:
        for each in all_lose(*lost):
            posted = {vote.observer: vote for vote in desk.board.read().votes}
            before = posted[each.vote.observer].sequence
            desk.board.post(replace(each.vote, sequence=before + 1), over=before)

    monkeypatch.setattr("seawall_ops.failover.watching.time.sleep", votes_again)
    desk.servers.silent.add(HOME)
    desk.servers.lag_seconds = None
    shown = desk.planned(capsys, "--force-without-fence", "its power is off")
    assert shown["handover"]["failure_class"] == "region"
    assert shown["handover"]["reason"] == f"region {HOME} is lost"
    assert shown["handover"]["lag_accepted_because"].startswith("a quorum knew it to be within 30 s")
    assert any("decided: region" in each for each in shown["reasons"])


def test_an_id_that_was_never_planned_is_one_line(desk, capsys):
    """With where it was looked for."""
    assert desk.seawall("run", "failover-region-7f3a09c2") == 2
    assert "one that `seawall failover plan` has shown" in " ".join(capsys.readouterr().err.split())


def test_without_a_decision_nothing_is_planned_and_the_reasons_are_shown(desk, capsys):
    """Nobody has voted: a person may ask for it all the same, and says why."""
    assert desk.seawall("plan", "--wait-seconds", "0") == 1
    shown = capsys.readouterr().out
    assert shown.startswith("stay\n")
    assert "--to MEMBER or --to-region REGION" in shown
