"""Observers as processes on a board: names, restarts, lost answers, and what is left behind."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from failover_votes import all_lose, operation, seen
from failover_world import AWAY, HOME, POLICY, STARTED, THIRD, MemoryStore, World
from seawall.errors import InvalidInput
from seawall.topology import dump, merge
from seawall_ops import cli
from seawall_ops.exits import ExitCode
from seawall_ops.failover import command, watching
from seawall_ops.failover.board import Board, Outrun, Stored
from seawall_ops.failover.decision import Act, Situation, Stay, decide
from seawall_ops.failover.ledger import Ledger, OperationState
from seawall_ops.failover.observer import POST_TRIES, NameTaken
from seawall_ops.failover.permissions import CALLS, policy_document
from seawall_ops.failover.settings import parse_settings
from seawall_ops.failover.store_sqlite import SqliteStore
from seawall_ops.failover.votes import Evidence, Health, Subject
from seawall_policies import lint
from topology_documents import failed_over, shop


def test_of_two_processes_with_one_name_the_later_keeps_it():
    """A pod that is replaced must not vote against its successor for ever."""
    world = World()
    world.run(60.0)
    earlier = world.observers[f"observer-{HOME}"]
    later = world.start(f"observer-{HOME}", HOME)
    later.vote_round()
    with pytest.raises(NameTaken, match=f"another process observes as observer-{HOME}"):
        earlier.vote_round()
    later.vote_round()
    assert {each.boot for each in world.board().read().votes} >= {later.boot}


def test_a_vote_whose_answer_was_lost_is_found_again():
    """The board had it all along: the next vote goes over it, and nobody thinks of another process."""
    world = World()
    observer = world.observers[f"observer-{HOME}"]
    observer.vote_round()
    observer._sequence = None  # as if the first writing had not been answered
    observer.vote_round()
    observer.vote_round()
    (vote,) = world.board().read().votes
    assert (vote.boot, vote.sequence) == (observer.boot, 3)


@pytest.mark.parametrize("applied", [True, False])
@pytest.mark.parametrize("times", [1, 2, POST_TRIES])
def test_own_writes_that_a_slow_board_took_late_never_end_an_observer(times, applied, monkeypatch, caplog):
    """A request that is repeated meets the first one, or one from before arrives late: in an outage of all times."""
    world = World()
    observer = world.observers[f"observer-{HOME}"]
    observer.vote_round()
    put, left = MemoryStore.put, [times]

    def slow(store: MemoryStore, key: str, stored: Stored, *, over: int | None) -> None:
        left[0] -= 1
        if left[0] < 0 or applied:
            put(store, key, stored, over=over)
        if left[0] >= 0:
            raise Outrun(store.where, key)

    monkeypatch.setattr(MemoryStore, "put", slow)
    for _ in range(3):
        observer.vote_round()
    assert ("no vote: " in caplog.text) is (times == POST_TRIES)
    (vote,) = world.board().read().votes
    assert (vote.boot, vote.sequence) == (observer.boot, observer._sequence)
    assert left[0] < 0


def test_a_restarted_observer_knows_what_it_had_seen_healthy_and_counts_on():
    """Else an observer that restarts in an outage could never see it."""
    world = World()
    world.run(300.0)
    before = next(each for each in world.board().read().votes if each.domain == HOME)
    world.down = lambda subject, _from, _now: subject == f"database/{HOME}"
    again = world.start(f"observer-{HOME}", HOME)
    for _ in range(3):
        again.vote_round()
    after = next(each for each in world.board().read().votes if each.domain == HOME)
    assert after.sequence == before.sequence + 3
    assert after.boot != before.boot
    standings = {str(each.subject): each.standing for each in after.verdicts}
    assert standings[f"database/{HOME}"] is Health.UNHEALTHY


def test_the_only_observer_that_restarts_keeps_what_it_has_watched():
    """Its first vote goes over the one that holds the ages: they are taken up before."""
    world = World(replace(POLICY, domains=(HOME,)))
    board = world.board()
    board.change(lambda ledger: ledger.opened(operation()))
    board.change(lambda ledger: ledger.ended("op-1", OperationState.DONE, fence=1))
    world.run(1000.0)
    again = world.start(f"observer-{HOME}", HOME)
    again.vote_round()
    (vote,) = board.read().votes
    assert vote.boot == again.boot
    assert dict(vote.watched)["operation op-1 done"] > 900.0


def test_what_was_healthy_stays_proven_when_roles_change():
    """Right after a failover the new writer may fail, too."""
    world = World(replace(POLICY, domains=(HOME,)))
    world.run(300.0)
    world.live = failed_over()
    world.down = lambda subject, _from, _now: subject == f"database/{AWAY}"
    for _ in range(3):
        world.observers[f"observer-{HOME}"].vote_round()
    (vote,) = world.board().read().votes
    verdict = vote.verdict(Subject(Evidence.DATABASE, AWAY))
    assert verdict is not None
    assert (vote.epoch, verdict.standing) == (4, Health.UNHEALTHY)


def test_an_observer_that_stops_takes_its_vote_with_it_and_a_dead_one_is_forgotten():
    """At once where it can say so, after an hour where it cannot."""
    world = World()
    world.run(60.0)
    world.observers[f"observer-{HOME}"].withdraw()
    assert sorted(each.domain for each in world.board().read().votes) == [AWAY, THIRD]
    del world.workers[0], world.workers[-1]  # and one dies
    world.run(3700.0)
    assert [each.domain for each in world.board().read().votes] == [AWAY]


def test_without_the_board_or_the_topology_nothing_is_decided():
    """What is not known is a reason to stay, with its line."""
    world = World()
    observer = world.observers[f"observer-{HOME}"]
    world.isolated.add(HOME)
    observer.vote_round()
    observer.decide_round()
    assert observer.decision == Stay(("the board (memory) cannot be asked: cut off",))


def test_an_observer_in_a_domain_without_a_voice_is_refused():
    """Its votes would never count."""
    with pytest.raises(InvalidInput, match="domain = ap-south-1: eu-west-1, eu-central-1, us-east-1"):
        World().start("o", "ap-south-1")


SETTINGS: dict[str, Any] = {
    "cluster": "shop-prod",
    "domains": [HOME, AWAY, THIRD],
    "board": "dynamodb://eu-north-1/votes",
    "references": ["dynamodb.{domain}.amazonaws.com:443", "example.com"],
    "act_on": ["writer"],
    "windows": [{"day": "sun", "start": "03:00", "minutes": 60}],
}


def test_the_settings_say_what_the_policy_has():
    """One file for all observers, with each one's own references."""
    found = parse_settings(yaml.safe_dump(SETTINGS))
    assert found.policy.domains == (HOME, AWAY, THIRD)
    assert str(found.policy.windows[0]) == "maintenance window, sun 03:00 UTC for 60 min"
    assert [str(each) for each in found.references_of(HOME)] == [
        f"dynamodb.{HOME}.amazonaws.com:443",
        "example.com:443",
    ]
    assert replace(found.policy, windows=(), act_on=POLICY.act_on) == POLICY


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"interval": 3}, "interval = 3: one of"),
        ({"cluster": None}, "cluster is missing"),
        ({"references": []}, "references = none: at least one"),
        ({"references": ["host:port"]}, "host or host:port"),
        ({"board": "redis://x"}, "board = redis://x: dynamodb://<region>/<table>"),
        ({"mode": "auto"}, "mode = auto: automatic, recommend"),
        ({"act_on": ["planet"]}, "act_on = planet: endpoint, writer"),
        ({"domains": "eu-west-1"}, "a list of texts"),
        ({"aws_status": "yes"}, "true or false"),
        ({"most_operations": 1.5}, "a whole number"),
        ({"windows": [{"day": "sun"}]}, "day, start and minutes"),
        ({"windows": [{"day": "someday", "start": "03:00", "minutes": 1}]}, "mon, tue"),
        ({"windows": [{"day": "sun", "start": "late", "minutes": 1}]}, "a time of day"),
    ],
)
def test_a_wrong_setting_is_one_line(changed, line):
    """Before anything is watched by it."""
    values = {key: value for key, value in {**SETTINGS, **changed}.items() if value is not None}
    with pytest.raises(InvalidInput, match=line):
        parse_settings(yaml.safe_dump(values)).references_of(HOME)


def test_a_board_inside_what_it_decides_on_is_refused_unless_nothing_is_acted_on():
    """It would be lost just when it is needed."""
    inside = {**SETTINGS, "board": f"dynamodb://{HOME}/votes"}
    with pytest.raises(
        InvalidInput, match="outside of eu-central-1, eu-west-1, us-east-1, because the votes would be lost"
    ):
        parse_settings(yaml.safe_dump(inside)).refuse_board_inside(shop())
    parse_settings(yaml.safe_dump({**inside, "mode": "recommend"})).refuse_board_inside(shop())
    parse_settings(yaml.safe_dump(SETTINGS)).refuse_board_inside(shop())


@pytest.mark.parametrize("name", CALLS)
def test_the_policy_of_each_command_is_what_it_calls_and_nothing_else(name):
    """Least privilege: named resources, no wildcard, one cluster's items."""
    document: Any = policy_document(
        name,
        table_arn="arn:aws:dynamodb:eu-north-1:123456789012:table/votes",
        cluster="shop-prod",
        instance_arns=("arn:aws:rds:eu-west-1:123456789012:db:shop",),
        parameter_arns=("arn:aws:ssm:eu-west-1:123456789012:parameter/seawall/shop/prod/topology",),
    )
    granted = [action for statement in document["Statement"] for action in statement["Action"]]
    assert sorted(granted) == sorted(CALLS[name])
    assert all("*" not in each for statement in document["Statement"] for each in statement["Resource"])
    findings = [each for each in lint(document) if "dynamodb:LeadingKeys" not in each]
    assert findings == []


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A settings file with a board in a file, the topology in the environment, and nothing that waits."""
    settings = tmp_path / "failover.yaml"
    board = tmp_path / "board.sqlite"
    content = {**SETTINGS, "board": f"sqlite://{board}", "references": ["127.0.0.1:9"], "aws_status": False}
    settings.write_text(yaml.safe_dump(content), encoding="utf-8")
    monkeypatch.setenv("SEAWALL_TOPOLOGY", dump(shop()))
    monkeypatch.delenv("SEAWALL_TOPOLOGY_PATH", raising=False)
    monkeypatch.setattr(watching, "POLL_SECONDS", 0.0)

    class Desk:
        path = settings
        at = Board(SqliteStore(board, "shop-prod"), "shop-prod")

        @staticmethod
        def run(*words: str) -> int:
            return cli.main(["failover", words[0], "--settings", str(settings), *words[1:]])

    return Desk


def test_status_of_an_empty_board_says_that_nobody_is_there(desk, capsys):
    """No observer is no health."""
    assert desk.run("status") == ExitCode.DONE
    shown = capsys.readouterr().out
    assert "shop-prod: stay" in shown
    assert "database/eu-west-1: 3 unknown (eu-west-1: no observer" in shown


def test_status_shows_votes_tallies_and_why_it_is_held(desk, capsys):
    """At three in the morning: who says what, what would be done, and what holds it back."""
    for each in all_lose(*()):
        desk.at.post(each.vote, over=None)
    assert desk.run("pause", "--minutes", "90", "--why", "storage migration", "--who", "kim") == ExitCode.DONE
    assert capsys.readouterr().out.startswith("paused by kim until ")
    assert desk.run("status", "--wait-seconds", "0", "--json") == ExitCode.ATTENTION
    shown = json.loads(capsys.readouterr().out)
    assert [each["observer"] for each in shown["observers"]] == [f"o-{AWAY}", f"o-{HOME}", f"o-{THIRD}"]
    assert shown["observers"][0]["age_seconds"] is None
    assert shown["held"][0].endswith("UTC: storage migration")
    assert shown["decision"]["line"] == "stay"
    assert {each["subject"] for each in shown["subjects"]} >= {f"database/{HOME}", f"service/{AWAY}"}
    assert desk.run("status", "--wait-seconds", "0") == ExitCode.ATTENTION
    assert "held: paused by kim" in capsys.readouterr().out
    assert desk.run("resume") == ExitCode.DONE
    assert desk.run("status", "--wait-seconds", "0") == ExitCode.DONE


def test_status_is_for_attention_while_an_operation_is_open(desk, capsys):
    """Somebody is at work, or was when their machine died."""
    desk.at.change(lambda ledger: ledger.opened(operation()))
    assert desk.run("status") == ExitCode.ATTENTION
    assert "held: operation op-1 of o is open" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--why", "x"), "exactly one of the two"),
        (("--why", "x", "--minutes", "1", "--until", "2026-11-26T06:00Z"), "exactly one of the two"),
        (("--why", "x", "--until", "tomorrow"), "--until = tomorrow: a time with its zone"),
        (("--why", "x", "--until", "2026-11-26T06:00"), "a time with its zone"),
        (("--why", "x", "--minutes", "20000"), "at most 604800"),
        (("--why", "x", "--minutes", "-1"), "above 0"),
    ],
)
def test_a_pause_without_an_end_is_refused(desk, capsys, words, line):
    """Nobody forgets what ends by itself."""
    assert desk.run("pause", *words) == ExitCode.WRONG_INPUT
    assert line in capsys.readouterr().err


def test_a_board_that_cannot_be_asked_has_its_own_exit_code(desk, capsys):
    """A script can tell a wrong word from a lost board."""
    desk.path.write_text(desk.path.read_text().replace("board.sqlite", "missing/board.sqlite"), encoding="utf-8")
    for words in (("status",), ("resume",), ("pause", "--minutes", "1", "--why", "x")):
        assert desk.run(*words) == ExitCode.UNAVAILABLE
        assert "unable to open database file" in capsys.readouterr().err


def test_a_process_observes_votes_and_takes_its_vote_with_it_when_it_is_told_to_stop(desk, tmp_path):
    """The real command: without a network it says that it is cut off, votes that it knows nothing, and ends cleanly."""
    audit = tmp_path / "audit.jsonl"
    words = [
        "failover",
        "observe",
        "--settings",
        str(desk.path),
        "--domain",
        HOME,
        "--name",
        "here",
        "--audit",
        str(audit),
    ]
    code = "import sys; from seawall_ops import cli; sys.exit(cli.main(sys.argv[1:]))"
    process = subprocess.Popen([sys.executable, "-c", code, *words], stderr=subprocess.PIPE, text=True)
    try:
        ends = time.monotonic() + 30.0
        while not desk.at.read().votes and process.poll() is None and time.monotonic() < ends:
            time.sleep(0.05)
        (vote,) = desk.at.read().votes
        assert (vote.observer, vote.domain, vote.epoch) == ("here", HOME, 3)
        assert all(each.standing is Health.UNKNOWN for each in vote.verdicts)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.communicate()
    assert desk.at.read().votes == ()
    assert '"kind":"vote"' in audit.read_text(encoding="utf-8").replace(" ", "")


def test_the_audit_has_a_line_per_changed_verdict_and_per_reason(tmp_path):
    """What was seen and why it was decided, and not every half a minute again."""
    path = tmp_path / "audit.jsonl"
    record = command._recorder(path)
    healthy, lost = seen(HOME).vote, all_lose()[0].vote
    record(healthy, None)
    first = len(path.read_text(encoding="utf-8").splitlines())
    assert first == len(healthy.verdicts)
    record(lost, None)
    assert len(path.read_text(encoding="utf-8").splitlines()) == first  # nothing has changed
    view = merge(shop())
    ledger = Ledger(cluster="shop-prod")
    votes = all_lose(healthy.verdicts[0].subject)
    record(votes[0].vote, None)
    decision = decide(POLICY, Situation(view=view, votes=votes, ledger=ledger, now=STARTED))
    assert isinstance(decision, Act)
    record(None, decision)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) == first + 1 + len(decision.reasons)
