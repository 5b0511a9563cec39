"""The live topology in SSM: what stands never goes back, whoever writes, and in whichever order it arrives."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import given, settings
from hypothesis import strategies as st

from local_moto import moto_client, moto_server
from recorded_calls import CallRecorder
from seawall.errors import InvalidInput
from seawall.topology import Live, dump, parse_live
from seawall_ops.failover.plans import ssm
from seawall_ops.failover.plans.places import Overtaken, PlaceUnavailable
from seawall_ops.failover.plans.ssm import PERMISSIONS, ROUNDS, SsmPlace

REGION = "eu-central-1"
NAME = "/seawall/shop/prod/live"


def live(epoch: int, writer: str = "a") -> Live:
    """A document that somebody publishes."""
    return Live(
        service="shop",
        environment="prod",
        epoch=epoch,
        primary_region="eu-west-1",
        writer=writer,
        changed_at=datetime(2026, 11, 26, tzinfo=UTC),
        reason=f"{writer} has {epoch}",
    )


def refusal(operation: str, code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


@dataclass
class Store:
    """A parameter as SSM keeps it: versions, none of which can be written over."""

    versions: list[str] = field(default_factory=list)
    puts: int = 0
    before_put: Callable[[], None] = lambda: None
    """Runs when a put was sent, before it arrives."""
    after_put: Callable[[], None] = lambda: None
    """Runs when it has arrived, before its answer does."""
    before_history: Callable[[], None] = lambda: None
    page: int = 2

    def get_parameters(self, **asked: Any) -> dict[str, Any]:
        assert asked == {"Names": [NAME]}
        return {"Parameters": [{"Name": NAME, "Value": self.versions[-1]}] if self.versions else []}

    def get_parameter_history(self, **asked: Any) -> dict[str, Any]:
        self.before_history()
        if not self.versions:
            raise refusal("GetParameterHistory", "ParameterNotFound")
        start = int(asked.get("NextToken", "0"))
        found = list(enumerate(self.versions, 1))[start : start + self.page]
        answer: dict[str, Any] = {"Parameters": [{"Version": each, "Value": text} for each, text in found]}
        if start + self.page < len(self.versions):
            answer["NextToken"] = str(start + self.page)
        return answer

    def put_parameter(self, **asked: Any) -> dict[str, Any]:
        self.puts += 1
        self.before_put()
        if self.versions and not asked["Overwrite"]:
            raise refusal("PutParameter", "ParameterAlreadyExists")
        assert ("Type" in asked) == ("Tier" in asked) == (not asked["Overwrite"])
        self.versions.append(asked["Value"])
        version = len(self.versions)
        self.after_put()
        return {"Version": version}

    @property
    def epochs(self) -> list[int]:
        return [parse_live(text).epoch for text in self.versions]

    @property
    def top(self) -> Live:
        return parse_live(self.versions[-1])


def once(action: Callable[[], Any]) -> Callable[[], None]:
    """The first time only."""
    left = [action]

    def run() -> None:
        if left:
            left.pop()()

    return run


def place(store: Any) -> SsmPlace:
    return SsmPlace("shop", "prod", REGION, store, pause=lambda seconds: None)


def fail(error: Exception) -> Callable[[], None]:
    def raises() -> None:
        raise error

    return raises


def timeout() -> ReadTimeoutError:
    return ReadTimeoutError(endpoint_url="https://ssm")


def holding(*documents: Live) -> Store:
    return Store([dump(each) for each in documents])


@pytest.fixture(scope="module")
def moto() -> Iterator[Any]:
    """SSM as moto's server has it."""
    with moto_server() as url:
        client = moto_client("ssm", url, REGION)
        yield client
        client.close()


def test_what_is_written_is_what_apps_read(moto):
    """Created as text of the standard tier, written over, repeated without a further version, refused once overtaken."""
    there = SsmPlace(f"s{uuid.uuid4().hex[:8]}", "prod", REGION, moto)
    assert there.read() is None
    there.write(live(1))
    there.write(live(2))
    there.write(live(2))
    assert there.read() == live(2)
    with pytest.raises(Overtaken):
        there.write(live(2, "b"))
    (found,) = moto.get_parameter_history(Name=there.name)["Parameters"][1:]
    assert (found["Version"], found["Type"], found["Tier"]) == (2, "String", "Standard")


def test_the_calls_are_those_of_the_table(moto):
    """One call more is denied in production, in the one moment that counts."""
    recorder = CallRecorder()
    there = SsmPlace(f"s{uuid.uuid4().hex[:8]}", "prod", REGION, recorder.watch(moto))
    there.read()
    assert recorder.taken() == set(PERMISSIONS["read"])
    there.write(live(1))
    assert recorder.taken() == set(PERMISSIONS["write"])


def test_clients_of_its_own_repeat_looks_and_no_write(monkeypatch):
    """A write that the SDK repeats blindly might arrive after a successor's."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    config = [getattr(SsmPlace("shop", "prod", REGION), name).meta.config for name in ("_read", "_put")]
    assert [each.retries["total_max_attempts"] for each in config] == [ssm.READ_ATTEMPTS, 1]
    assert {each.read_timeout for each in config} == {ssm.READ_SECONDS}


def test_a_late_write_of_an_earlier_epoch_is_put_right_by_its_writer():
    """Two have read the same; the later epoch was written first, and the earlier one came on top of it."""
    store = holding(live(4))
    store.before_put = once(lambda: store.versions.append(dump(live(6, "b"))))
    with pytest.raises(Overtaken, match="has epoch 6, and epoch 5 was to be published"):
        place(store).write(live(5))
    assert store.epochs == [4, 6, 5, 6]
    assert store.top == live(6, "b")


def test_of_two_documents_of_one_epoch_the_first_stays():
    """Apps that have read it never take another one of that epoch."""
    store = holding(live(4))
    store.before_put = once(lambda: store.versions.append(dump(live(5, "b"))))
    with pytest.raises(Overtaken):
        place(store).write(live(5))
    assert store.top == live(5, "b")


def test_an_earlier_document_that_comes_on_top_before_the_look_is_put_right():
    """The writer that was late may be dead: whoever looks mends it, and has written all the same."""
    store = holding(live(4))
    store.after_put = once(lambda: store.versions.append(dump(live(5, "b"))))
    place(store).write(live(6))
    assert store.top == live(6)


def test_what_a_dead_writer_has_left_on_top_is_found_by_the_next_one():
    """It would publish an epoch a second time, had it believed what was on top."""
    store = holding(live(4), live(6, "b"), live(5))
    with pytest.raises(Overtaken):
        place(store).write(live(6))
    assert store.top == live(6, "b")
    place(store).write(live(7))
    assert store.top == live(7)


def test_two_that_create_it_at_once_are_one_after_the_other():
    """Only one of them makes the parameter; the other one looks again."""
    store = Store()
    store.before_put = once(lambda: store.versions.append(dump(live(1, "b"))))
    place(store).write(live(2))
    assert store.epochs == [1, 2]
    store = Store()
    store.before_put = once(lambda: store.versions.append(dump(live(2, "b"))))
    with pytest.raises(Overtaken):
        place(store).write(live(2))
    assert store.versions == [dump(live(2, "b"))]


def test_a_lost_answer_is_looked_for_and_the_write_not_repeated():
    """What arrived is found; what may be on its way is not sent a second time."""
    store = holding(live(4))
    store.after_put = once(fail(timeout()))
    place(store).write(live(5))
    assert (store.epochs, store.puts) == ([4, 5], 1)
    store = holding(live(4))
    store.before_put = fail(timeout())
    with pytest.raises(PlaceUnavailable, match="ReadTimeoutError"):
        place(store).write(live(5))
    assert (store.epochs, store.puts) == ([4], 1)


def test_a_throttled_write_was_refused_and_is_tried_again_for_a_while():
    """A whole account has three writes in a second: a failover must not be undone over that."""
    store = holding(live(4))
    store.before_put = once(fail(refusal("PutParameter", "ThrottlingException")))
    place(store).write(live(5))
    assert (store.epochs, store.puts) == ([4, 5], 2)
    store = holding(live(4))
    store.before_put = fail(refusal("PutParameter", "TooManyUpdates"))
    with pytest.raises(PlaceUnavailable, match="TooManyUpdates"):
        place(store).write(live(5))
    assert (store.epochs, store.puts) == ([4], ROUNDS)


def test_a_history_that_lags_is_read_again_and_not_written_to_again():
    """A look that is older than the write says nothing about it."""
    store = holding(live(4))
    hidden: list[str] = []

    def hide() -> None:
        hidden.append(store.versions.pop())
        store.before_history = once(lambda: setattr(store, "before_history", once(show)))

    def show() -> None:
        store.versions.append(hidden.pop())

    store.after_put = once(hide)
    place(store).write(live(5))
    assert (store.epochs, store.puts) == ([4, 5], 1)


@pytest.mark.parametrize("code", ["AccessDeniedException", "InternalServerError", "ThrottlingException"])
def test_whatever_keeps_ssm_from_answering_is_one_error(code):
    """A denied write is no `StepRefused`: the arbiter may have been written before this copy."""
    store = holding(live(4))
    store.before_history = fail(refusal("GetParameterHistory", code))
    with pytest.raises(PlaceUnavailable, match=f"ssm {REGION} {NAME} cannot be asked: {code}"):
        place(store).write(live(5))
    store = holding(live(4))
    store.before_put = fail(refusal("PutParameter", code))
    with pytest.raises(PlaceUnavailable, match=code):
        place(store).write(live(5))


def test_what_cannot_be_understood_is_never_taken_for_nothing():
    """A parameter of somebody else's, or an encrypted one, is not written over."""
    store = Store(["AQICAHg"])
    for ask in (place(store).read, lambda: place(store).write(live(5))):
        with pytest.raises(InvalidInput):
            ask()
    assert store.versions == ["AQICAHg"]


@settings(max_examples=150, deadline=None)
@given(
    others=st.lists(st.tuples(st.integers(1, 6), st.sampled_from("bc"), st.integers(0, 3)), max_size=6),
    epoch=st.integers(1, 6),
    lost=st.sets(st.integers(1, 4), max_size=2),
)
def test_whoever_writes_and_in_whichever_order_what_stands_never_goes_back(others, epoch, lost):
    """The invariant: the document of the highest epoch, of two with one epoch the first, is on top of whatever came before
    the last look of a writer that has returned, and what stands never goes back while they write.

    The others have read long ago and write blindly, at any moment of ours: none of them is there to mend it.
    """
    store = Store()
    moments = [0]

    def meanwhile() -> None:
        moments[0] += 1
        for each, who, when in others:
            if when == moments[0] % 4 and moments[0] <= 8:
                store.versions.append(dump(live(each, who)))

    def arrived() -> None:
        meanwhile()
        if store.puts in lost:
            raise timeout()

    store.before_put, store.after_put = meanwhile, arrived
    ours = live(epoch)
    won = None
    try:
        place(store).write(ours)
        won = True
    except Overtaken:
        won = False
    except PlaceUnavailable:
        pass
    documents = [parse_live(text) for text in store.versions]
    stood = []
    for length in range(1, len(documents) + 1):
        highest = max(each.epoch for each in documents[:length])
        stood.append(next(each for each in documents[:length] if each.epoch == highest))
    assert all(before.epoch < after.epoch or before == after for before, after in pairwise(stood))
    if won is not None:
        assert documents[-1] == stood[-1]
        assert (stood[-1] == ours) is won
