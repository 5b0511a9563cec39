"""The board on each of its stores: conditional, consistent, and never silent about who was faster."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from failover_votes import all_lose, operation, seen
from failover_world import AWAY, HOME, THIRD
from local_moto import moto_client, moto_server
from seawall.errors import InvalidInput
from seawall_ops.failover.board import MOST_OBSERVERS, Board, BoardUnavailable, Outrun, Store, Stored
from seawall_ops.failover.codec import dump_ledger, dump_vote, parse_ledger, parse_vote
from seawall_ops.failover.ledger import Ledger, OperationOpen
from seawall_ops.failover.permissions import CALLS
from seawall_ops.failover.store_dynamodb import DynamoDbStore, bounded_client
from seawall_ops.failover.store_sqlite import SqliteStore

CLUSTER = "shop-prod"
TABLE = "votes"
ROUNDS = 20  # of each of the two processes
# A process of its own: adds one to a record as often as it is told, and again whenever the other was faster.
CONTENDER = """
import sys
from seawall_ops.failover.board import Outrun, Stored
from seawall_ops.failover.store_sqlite import SqliteStore
store = SqliteStore(sys.argv[1], "shop-prod", timeout_seconds=30.0)
done = 0
while done < int(sys.argv[2]):
    known = store.read().get("counter")
    value = int(known.text) if known else 0
    try:
        store.put("counter", Stored(value + 1, str(value + 1)), over=known.version if known else None)
    except Outrun:
        continue
    done += 1
"""


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[Any]:
    """DynamoDB as moto's server has it, whose conditional writes are right."""
    with moto_server() as url:
        client = moto_client("dynamodb", url, THIRD)
        client.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("cluster", "record")],
            KeySchema=[
                {"AttributeName": "cluster", "KeyType": "HASH"},
                {"AttributeName": "record", "KeyType": "RANGE"},
            ],
        )
        yield client
        client.close()


@pytest.fixture(params=["sqlite", "dynamodb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty board of each kind."""
    if request.param == "sqlite":
        return SqliteStore(tmp_path / "board.sqlite", CLUSTER)
    client = request.getfixturevalue("dynamodb")
    for item in client.scan(TableName=TABLE)["Items"]:
        client.delete_item(TableName=TABLE, Key={key: item[key] for key in ("cluster", "record")})
    return DynamoDbStore(TABLE, CLUSTER, region=THIRD, client=client)


def test_what_was_written_is_read_and_versions_decide(store):
    """Create only where nothing is, replace and delete only what was read."""
    with pytest.raises(Outrun):
        store.put("vote/a", Stored(2, "x"), over=1)
    store.put("vote/a", Stored(1, "one"), over=None)
    with pytest.raises(Outrun, match="vote/a on the board"):
        store.put("vote/a", Stored(1, "again"), over=None)
    store.put("vote/a", Stored(2, "two"), over=1)
    assert store.read() == {"vote/a": Stored(2, "two")}
    with pytest.raises(Outrun):
        store.delete("vote/a", over=1)
    store.delete("vote/a", over=2)
    with pytest.raises(Outrun):
        store.delete("vote/a", over=2)
    assert store.read() == {}


def test_of_many_that_write_over_one_version_one_wins(store):
    """At most one operation rests on this."""
    store.put("ledger", Stored(1, "start"), over=None)
    outcomes: list[bool] = []

    def write(number: int) -> None:
        try:
            store.put("ledger", Stored(2, str(number)), over=1)
        except Outrun:
            outcomes.append(False)
        else:
            outcomes.append(True)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False] * 7 + [True]


def test_a_board_keeps_votes_and_ledger_and_one_operation(store):
    """What observers and operators say to it, read back as it was."""
    board = Board(store, CLUSTER)
    votes = [each.vote for each in all_lose()]
    for vote in votes:
        board.post(vote, over=None)
    board.change(lambda ledger: ledger.opened(operation()))
    with pytest.raises(OperationOpen):
        board.change(lambda ledger: ledger.opened(operation(id="op-2")))
    posted = board.read()
    assert sorted(each.observer for each in posted.votes) == sorted(each.observer for each in votes)
    assert set(posted.votes) == set(votes)
    assert posted.ledger.open == operation()
    board.withdraw(votes[0].observer, over=1)
    assert len(board.read().votes) == 2
    with pytest.raises(Outrun):
        board.withdraw(votes[0].observer, over=1)


def test_a_change_that_was_outrun_is_made_again_over_what_the_other_wrote(store):
    """Two that change the ledger at once lose nothing of each other."""
    board, other = Board(store, CLUSTER), Board(store, CLUSTER)
    disturbed: list[int] = []

    def change(ledger: Ledger) -> Ledger:
        if not disturbed:
            disturbed.append(1)
            other.change(lambda theirs: theirs.fenced_with(["theirs"]))
        return ledger.fenced_with(["ours"])

    assert board.change(change).fenced == ("ours", "theirs")
    assert board.read().ledger.fenced == ("ours", "theirs")


def test_the_board_is_bounded_and_sequences_grow(store):
    """A deployment that gives each start another name must not fill it."""
    board = Board(store, CLUSTER)
    for number in range(MOST_OBSERVERS):
        board.post(seen(HOME, observer=f"o{number}").vote, over=None)
    with pytest.raises(InvalidInput, match="one of at most 32"):
        board.post(seen(HOME, observer="one-too-many").vote, over=None)
    with pytest.raises(InvalidInput, match="sequence = 1: above 1"):
        board.post(seen(HOME, observer="o1").vote, over=1)


def test_a_vote_that_cannot_be_understood_is_told_and_does_not_count(store):
    """One broken record must not silence the others; a broken ledger silences everything."""
    board = Board(store, CLUSTER)
    board.post(seen(AWAY).vote, over=None)
    store.put("vote/broken", Stored(1, "{}"), over=None)
    store.put("vote/liar", Stored(9, dump_vote(seen(HOME, observer="liar").vote)), over=None)
    posted = board.read()
    assert [each.observer for each in posted.votes] == [f"o-{AWAY}"]
    assert len(posted.broken) == 2
    store.put("ledger", Stored(1, "nonsense"), over=None)
    with pytest.raises(InvalidInput, match="ledger"):
        board.read()


def test_two_processes_on_one_file_lose_no_writing(tmp_path):
    """The store for observers of one host, with real processes."""
    path = tmp_path / "board.sqlite"
    contenders = [subprocess.Popen([sys.executable, "-c", CONTENDER, str(path), str(ROUNDS)]) for _ in range(2)]
    assert [each.wait(timeout=60) for each in contenders] == [0, 0]
    assert SqliteStore(path, CLUSTER).read() == {"counter": Stored(2 * ROUNDS, str(2 * ROUNDS))}


def test_a_file_that_cannot_be_opened_is_an_unavailable_board(tmp_path):
    """Not sqlite's own error."""
    with pytest.raises(BoardUnavailable, match="unable to open"):
        SqliteStore(tmp_path / "missing" / "board.sqlite", CLUSTER).read()


def test_a_table_that_is_not_there_is_an_unavailable_board(dynamodb):
    """Not botocore's own error, and not an empty board."""
    with pytest.raises(BoardUnavailable, match="DynamoDB table nowhere in us-east-1"):
        DynamoDbStore("nowhere", CLUSTER, region=THIRD, client=dynamodb).read()


def test_the_calls_that_a_board_makes_are_those_that_are_granted(dynamodb):
    """Least privilege: nothing more is called, and nothing more is granted on the table."""
    called: set[str] = set()

    def note(model: Any, **_: Any) -> None:
        called.add(f"dynamodb:{model.name}")

    dynamodb.meta.events.register("before-call.dynamodb", note)
    board = Board(DynamoDbStore(TABLE, "another", region=THIRD, client=dynamodb), "another")
    board.post(seen(HOME).vote, over=None)
    board.change(lambda ledger: ledger.fenced_with(["x"]))
    board.read()
    board.withdraw(f"o-{HOME}", over=1)
    dynamodb.meta.events.unregister("before-call.dynamodb", note)
    assert called == {each for each in CALLS["observe"] if each.startswith("dynamodb:")}


def test_a_client_gives_up_within_its_time_out(monkeypatch):
    """A board that hangs must not take the observer with it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    config = bounded_client(THIRD, 5.0).meta.config
    assert 2 * (config.connect_timeout + config.read_timeout) == 5.0


def test_records_survive_their_text_whole():
    """What is read back is what was written, in every field."""
    vote = all_lose()[0].vote
    assert parse_vote(dump_vote(vote)) == vote
    ledger = Ledger(cluster=CLUSTER, fenced=("a",)).opened(operation())
    assert parse_ledger(dump_ledger(ledger)) == ledger


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"observer": 1}', '{"cluster": "x"}'])
def test_what_is_no_record_is_refused(text):
    """Never taken for an empty one."""
    with pytest.raises(InvalidInput):
        parse_vote(text)
    with pytest.raises(InvalidInput):
        parse_ledger(text)
