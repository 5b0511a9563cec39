"""Where the live topology is kept: no place goes back, whoever writes, in whatever order, and a silent one is no empty one."""

import json
import pickle
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seawall.errors import InvalidInput
from seawall.topology import Live, dump, parse_live
from seawall_ops.failover.plans import places
from seawall_ops.failover.plans.places import (
    FilePlace,
    LiveTopology,
    Overtaken,
    PlaceUnavailable,
    Spread,
    refuse_overtaken,
)
from seawall_ops.failover.plans.servers import MemberUnreachable
from topology_documents import failed_over

WRITER_SECONDS = 30


def live(epoch: int = 4, reason: str = "the test") -> Live:
    return failed_over(epoch=epoch, primary_region="eu-west-1", writer="eu-west-1", reason=reason)


class MemoryPlace:
    """A place that can be cut off, also after it has taken what was written."""

    def __init__(self, where: str, order: list[str] | None = None) -> None:
        self.where = where
        self.live: Live | None = None
        self.silent = False
        self.answer_is_lost = False
        self.order: list[str] = [] if order is None else order

    def read(self) -> Live | None:
        if self.silent:
            raise PlaceUnavailable(self.where, "no answer")
        return self.live

    def write(self, live: Live) -> None:
        if refuse_overtaken(self.where, self.read(), live):
            self.live = live
            self.order.append(self.where)
        if self.answer_is_lost:
            raise PlaceUnavailable(self.where, "the answer was lost")


@pytest.fixture
def three() -> tuple[MemoryPlace, MemoryPlace, MemoryPlace]:
    """The arbiter and two copies."""
    order: list[str] = []
    return MemoryPlace("arbiter", order), MemoryPlace("first", order), MemoryPlace("second", order)


# ---- a file

DOCUMENTS = st.lists(
    st.builds(live, st.integers(0, 6), st.sampled_from(["a failover", "another one"])), min_size=1, max_size=8
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(documents=DOCUMENTS, forget=st.lists(st.booleans(), min_size=8, max_size=8))
def test_a_file_never_goes_back_whatever_is_written_to_it(documents: list[Live], forget: list[bool]):
    """Later documents are taken, the same one is left alone, everything else is refused with both epochs named."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "live.json"
        place, kept = FilePlace(path), None
        for document, anew in zip(documents, forget, strict=False):
            place = FilePlace(path) if anew else place  # another process
            if kept is None or document.epoch > kept.epoch or document == kept:
                place.write(document)
                kept = document
            else:
                with pytest.raises(Overtaken) as refused:
                    place.write(document)
                assert (refused.value.found, refused.value.wanted) == (kept.epoch, document.epoch)
            assert place.read() == kept


def test_threads_that_write_one_file_at_once_leave_the_latest_and_readers_never_see_less(tmp_path: Path):
    """Each epoch is taken from one writer only, and every reading is whole."""
    path = tmp_path / "live.json"
    taken: list[int] = []
    seen: list[int] = []
    over = threading.Event()

    def write(name: str) -> None:
        for epoch in range(1, 26):
            try:
                FilePlace(path).write(live(epoch, name))
            except Overtaken:
                continue
            taken.append(epoch)

    def read() -> None:
        while not over.is_set():
            found = FilePlace(path).read()
            if found is not None:
                seen.append(found.epoch)

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(name,)) for name in ("first", "second", "third")]
    reader.start()
    for each in writers:
        each.start()
    for each in writers:
        each.join(WRITER_SECONDS)
    over.set()
    reader.join(WRITER_SECONDS)
    assert len(taken) == len(set(taken))
    assert max(taken) == 25
    assert seen == sorted(seen)
    found = FilePlace(path).read()
    assert found is not None
    assert found.epoch == 25


def test_two_processes_that_publish_one_epoch_do_not_both_succeed(tmp_path: Path):
    """Two operators on one host, past their lease."""
    code = (
        "import sys, pathlib\n"
        "from seawall.topology import parse_live\n"
        "from seawall_ops.failover.plans.places import FilePlace, Overtaken\n"
        "try:\n"
        "    FilePlace(pathlib.Path(sys.argv[1])).write(parse_live(sys.stdin.read()))\n"
        "except Overtaken:\n"
        "    print('overtaken')\n"
        "else:\n"
        "    print('written')\n"
    )
    path = str(tmp_path / "live.json")
    children = [
        subprocess.Popen([sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for number, child in enumerate(children):  # both before either is waited for
        assert child.stdin is not None
        child.stdin.write(dump(live(7, f"process {number}")))
        child.stdin.close()
        child.stdin = None
    said = [child.communicate(timeout=WRITER_SECONDS)[0].strip() for child in children]
    assert sorted(said) == ["overtaken", "written"]
    found = FilePlace(Path(path)).read()
    assert found is not None
    assert found.reason == f"process {said.index('written')}"


def test_a_draft_that_a_crash_has_left_is_no_document(tmp_path: Path):
    """Half a file must never be read, and must not keep the next one from being written."""
    (tmp_path / ".live.json.new").write_text('{"half')
    place = FilePlace(tmp_path / "live.json")
    assert place.read() is None
    place.write(live())
    assert place.read() == live()
    assert parse_live((tmp_path / "live.json").read_text()) == live()


def test_a_file_that_somebody_holds_or_that_has_no_folder_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """In one line each, with where it is: nothing hangs, and nothing is taken for written."""
    monkeypatch.setattr(places, "LOCK_SECONDS", 0.05)
    path = tmp_path / "live.json"
    with FileLock(tmp_path / ".live.json.lock"), pytest.raises(PlaceUnavailable) as refused:
        FilePlace(path).write(live())
    assert str(refused.value) == f"the live topology in file {path} cannot be asked: locked for 0.05 s"
    assert FilePlace(path).read() is None
    with pytest.raises(PlaceUnavailable, match=f"there is no folder {tmp_path / 'nowhere'}"):
        FilePlace(tmp_path / "nowhere" / "live.json").write(live())


def test_what_cannot_be_understood_is_not_written_over(tmp_path: Path):
    """A broken document, or one of a later version, may hold a later epoch."""
    path = tmp_path / "live.json"
    for text in ("{", json.dumps({**json.loads(dump(live(9))), "schema_version": 99})):
        path.write_text(text)
        with pytest.raises(InvalidInput):
            FilePlace(path).write(live(10))
        assert path.read_text() == text


# ---- all of them

CHANGES = st.lists(
    st.tuples(st.integers(1, 6), st.sets(st.sampled_from(["arbiter", "first", "second"])), st.booleans()), max_size=8
)


@given(changes=CHANGES)
def test_the_arbiter_is_never_behind_a_copy_and_none_goes_back(changes: list[tuple[int, set[str], bool]]):
    """Whatever is silent when: what no arbiter has was never published."""
    arbiter, *copies = all_places = [MemoryPlace(name) for name in ("arbiter", "first", "second")]
    topology = LiveTopology(arbiter, copies)
    for number, (epoch, silent, lost) in enumerate(changes):
        before = [-1 if each.live is None else each.live.epoch for each in all_places]
        for each in all_places:
            each.silent = each.where in silent
        arbiter.answer_is_lost = lost
        document = live(epoch, f"change {number}")
        try:
            spread = topology.publish(document)
        except (PlaceUnavailable, Overtaken):
            assert "arbiter" in silent or lost or epoch <= before[0]
        else:
            assert arbiter.live == document
            assert len(spread.silent) == len(silent)
        after = [-1 if each.live is None else each.live.epoch for each in all_places]
        assert all(now >= then for now, then in zip(after, before, strict=True))
        assert all(now <= after[0] for now in after)


def test_the_arbiter_is_written_first(three: tuple[MemoryPlace, MemoryPlace, MemoryPlace]):
    """A crash between two writes leaves copies behind it, which `spread` names, and never one ahead."""
    arbiter, first, second = three
    LiveTopology(arbiter, [first, second]).publish(live())
    assert arbiter.order == ["arbiter", "first", "second"]


def test_a_silent_arbiter_leaves_every_copy_as_it_is(three: tuple[MemoryPlace, MemoryPlace, MemoryPlace]):
    """Also one that has taken it, and whose answer was lost: the next look tells, and copies follow then."""
    arbiter, first, second = three
    topology = LiveTopology(arbiter, [first, second])
    arbiter.silent = True
    with pytest.raises(PlaceUnavailable, match="arbiter"):
        topology.publish(live(5))
    arbiter.silent, arbiter.answer_is_lost = False, True
    with pytest.raises(PlaceUnavailable, match="arbiter"):
        topology.publish(live(5))
    assert (first.live, second.live) == (None, None)
    arbiter.answer_is_lost = False
    assert topology.spread(live(5)) == Spread(("first", "second"), ())
    topology.publish(live(5))
    assert arbiter.order == ["arbiter", "first", "second"]
    assert topology.spread(live(5)) == Spread((), ())


def test_a_silent_copy_is_said_and_is_in_nobodys_way(three: tuple[MemoryPlace, MemoryPlace, MemoryPlace]):
    """The lost region's own copy: reading and publishing go on without it."""
    arbiter, first, second = three
    topology = LiveTopology(arbiter, [first, second])
    first.silent = True
    said = ("the live topology in first cannot be asked: no answer",)
    assert topology.publish(live(5)) == Spread((), said)
    assert topology.read() == live(5)
    assert topology.spread(live(5)) == Spread((), said)
    first.silent = False
    assert topology.spread(live(5)) == Spread(("first",), ())
    assert topology.copy(live(5)) == Spread((), ())
    assert first.live == live(5)


def test_a_copy_that_is_ahead_of_the_arbiter_stops_reading_and_publishing(
    three: tuple[MemoryPlace, MemoryPlace, MemoryPlace],
):
    """Somebody has published past the arbiter: which of the two counts a person has to say."""
    arbiter, first, second = three
    topology = LiveTopology(arbiter, [first, second])
    first.live = live(0)
    with pytest.raises(Overtaken, match="first has epoch 0, and epoch -1"):
        topology.read()
    arbiter.live, first.live = live(4), replace(live(6), reason="by hand")
    with pytest.raises(Overtaken, match="first has epoch 6, and epoch 4"):
        topology.read()
    with pytest.raises(Overtaken, match="first has epoch 6, and epoch 5"):
        topology.publish(live(5))
    assert first.live.reason == "by hand"


@pytest.mark.parametrize(
    "error",
    [PlaceUnavailable("ssm", "no answer"), Overtaken("ssm", 6, 5), MemberUnreachable("eu-west-1", "no answer")],
    ids=lambda error: type(error).__name__,
)
def test_errors_pass_between_processes(error: Exception):
    """Whole, as a pool of workers has it."""
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own, made above
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
