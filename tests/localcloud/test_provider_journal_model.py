"""The journal against every order of runs and kills.

The invariant, in words. After a run that was not killed, and the sweep that follows it, the cloud holds for each
resource exactly the object that the engine's state names, made of the inputs that the program gave last, and nothing
else. A replacement is always a new object; an object that the state knows is never handed out by a Create, and never
swept.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from localcloud.provider.adapter import Adapter
from localcloud.provider.clients import Clients, Cloud
from localcloud.provider.core import Provider
from localcloud.provider.journal import Journal
from localcloud.provider.sweep import known_ids, sweep

TYPE = "test:index/thing:Thing"


class Killed(BaseException):
    """The process ends here: nothing after it happens."""


class FakeService:
    """Objects by id. Dies where it is told to: before or after it has made an object, or after the answer."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.made = 0
        self.dies: str | None = None

    def create(self, cloud: Cloud, inputs: dict[str, Any], reference: str) -> str:
        self.die("before it is made")
        self.made += 1
        id_ = f"id-{self.made}"
        self.objects[id_] = {"reference": reference, **inputs}
        self.die("before it is told")
        return id_

    def die(self, where: str) -> None:
        if self.dies == where:
            self.dies = None
            raise Killed(where)

    def finish(self, cloud: Cloud, id_: str, inputs: dict[str, Any]) -> None:
        self.die("after it is told")

    def find(self, cloud: Cloud, inputs: dict[str, Any], reference: str) -> str | None:
        return next((id_ for id_, one in self.objects.items() if one["reference"] == reference), None)

    def read(self, cloud: Cloud, id_: str, known: dict[str, Any]) -> dict[str, Any] | None:
        found = self.objects.get(id_)
        return None if found is None else {name: value for name, value in found.items() if name != "reference"}

    def update(self, cloud: Cloud, id_: str, state: dict[str, Any], inputs: dict[str, Any]) -> None:
        self.objects[id_].update(inputs)

    def delete(self, cloud: Cloud, id_: str, state: dict[str, Any]) -> None:
        self.objects.pop(id_, None)

    def adapter(self) -> Adapter:
        return Adapter(
            resource_type=TYPE, inputs={"kind": str, "size": int}, regional=False, replaces=frozenset({"kind"}),
            create=self.create, finish=self.finish, find=self.find, read=self.read, update=self.update,
            delete=self.delete,
        )  # fmt: skip


@dataclass
class Known:
    """What the engine's state holds of one resource."""

    id: str
    inputs: dict[str, Any]


KILLS = st.sampled_from(
    [None, "before it is made", "before it is told", "after it is told", "before the state", "before the old one goes"]
)


SHOWS = st.sampled_from(["both", "its id", "its inputs"])  # how the engine shows what it knows


class Runs(RuleBasedStateMachine):
    """Runs of a program with up to two stacks of one resource each, some killed, on one journal."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.journal = Journal(Path(self.folder.name) / "journal.json")
        self.service = FakeService()
        self.provider = Provider({TYPE: self.service.adapter()}, {}, self.journal, Clients({}))
        self.states: dict[str, Known] = {}
        self.doomed: dict[str, list[str]] = {"dev": [], "prod": []}  # replaced, and still to be deleted
        self.settled = {"dev", "prod"}
        self.sweeps = True

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.folder.cleanup()

    def create(self, urn: str, inputs: dict[str, Any]) -> str:
        adapter = self.service.adapter()
        cloud = Cloud(Clients({}), "")
        return self.provider._create(adapter, cloud, urn, inputs, inputs)[0]

    @rule(
        stack=st.sampled_from(["dev", "prod"]),
        kind=st.sampled_from("ab"),
        size=st.integers(1, 2),
        kill=KILLS,
        shows=SHOWS,
    )
    def up(self, stack: str, kind: str, size: int, kill: str | None, shows: str) -> None:
        """What the engine does in one `up`, until it is killed."""
        urn, inputs = f"urn:pulumi:{stack}::p::{TYPE}::thing", {"kind": kind, "size": size}
        self.service.dies = kill
        self.settled.discard(stack)
        try:
            self._up(stack, urn, inputs, kill, shows)
            self.settled.add(stack)
            self._clean()
        except Killed:
            pass
        self.service.dies = None

    def _up(self, stack: str, urn: str, inputs: dict[str, Any], kill: str | None, shows: str) -> None:
        known = self.states.get(stack)
        if known is None:
            made = self.create(urn, inputs)
        else:
            if shows != "its id":
                self.journal.known_by_inputs(urn, known.inputs)  # Check; alone when told to replace
            if shows != "its inputs":
                self.journal.known(urn, known.id)  # Diff
            if known.inputs == inputs:
                return self._sweep(stack, urn)
            if known.inputs["kind"] == inputs["kind"]:
                self.service.update(Cloud(Clients({}), ""), known.id, known.inputs, inputs)
                self.states[stack] = Known(known.id, inputs)
                return self._sweep(stack, urn)
            made = self.create(urn, inputs)
            assert made != known.id, "a replacement is a new object"
            assert known.id in self.service.objects, "and the old one stays until the engine deletes it"
        assert made not in [one.id for one in self.states.values()], "an object of the state was handed out again"
        if kill == "before the state":
            raise Killed
        if known is not None:
            self.doomed[stack].append(known.id)
        self.states[stack] = Known(made, inputs)
        if kill == "before the old one goes":
            raise Killed
        return self._sweep(stack, urn)

    def _sweep(self, stack: str, urn: str) -> None:
        """The engine deletes what was replaced, also what an earlier run had left to delete."""
        while self.doomed[stack]:
            id_ = self.doomed[stack].pop()
            self.service.delete(Cloud(Clients({}), ""), id_, {})
            self.journal.known(urn, id_)

    @rule(sweeps=st.booleans())
    def somebody_else_runs_it(self, sweeps: bool) -> None:
        """`make dev` sweeps after each run, the plain engine never."""
        self.sweeps = sweeps
        self._clean()

    @rule(stack=st.sampled_from(["dev", "prod"]))
    def destroy(self, stack: str) -> None:
        """A whole destroy of what the state knows."""
        known = self.states.pop(stack, None)
        if known is not None:
            urn = f"urn:pulumi:{stack}::p::{TYPE}::thing"
            self.service.delete(Cloud(Clients({}), ""), known.id, {})
            self.journal.known(urn, known.id)
            self._sweep(stack, urn)
        self.settled.add(stack)
        self._clean()

    def _clean(self) -> None:
        """What `make dev` does after a whole run; a user's own `pulumi up` does not. A killed stack owns what it left."""
        if self.sweeps and self.settled == {"dev", "prod"}:
            states = [(stack, one.id) for stack, one in self.states.items()]
            states += [(stack, id_) for stack, ids in self.doomed.items() for id_ in ids]
            resources = [{"urn": f"urn:pulumi:{stack}::p::{TYPE}::thing", "id": id_} for stack, id_ in states]
            sweep(self.journal, {TYPE: self.service.adapter()}, Clients({}), known_ids({"resources": resources}))

    @rule()
    def cloud_is_lost(self) -> None:
        """The local server was restarted: it keeps nothing. A refresh then finds every object gone."""
        self.service.objects.clear()
        for stack, known in list(self.states.items()):
            self.journal.known(f"urn:pulumi:{stack}::p::{TYPE}::thing", known.id)
            del self.states[stack]
        self.doomed = {"dev": [], "prod": []}
        self.settled = {"dev", "prod"}

    @invariant()
    def what_exists_is_known(self) -> None:
        """See the module's docstring."""
        if not hasattr(self, "service"):
            return
        known = {one.id for one in self.states.values()} | {id_ for ids in self.doomed.values() for id_ in ids}
        if self.sweeps and self.settled == {"dev", "prod"}:
            assert self.service.objects.keys() == known
        assert known - {id_ for ids in self.doomed.values() for id_ in ids} <= self.service.objects.keys()
        for stack, one in self.states.items():
            if stack in self.settled:
                assert self.service.read(Cloud(Clients({}), ""), one.id, {}) == one.inputs


Runs.TestCase.settings = settings(
    max_examples=120, stateful_step_count=12, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


class TestRuns(Runs.TestCase):
    """Killed anywhere, the next whole run converges, and nothing is made twice or lost."""


@pytest.mark.parametrize("where", ["before it is made", "before it is told", "after it is told"])
def test_a_creation_killed_anywhere_ends_in_one_object(tmp_path: Path, where: str) -> None:
    """The window between the service's answer and our note of it is covered too: by the reference."""
    service = FakeService()
    provider = Provider({}, {}, Journal(tmp_path / "journal.json"), Clients({}))
    cloud, inputs = Cloud(Clients({}), ""), {"kind": "a", "size": 1}
    service.dies = where
    with pytest.raises(Killed):
        provider._create(service.adapter(), cloud, "urn::a", inputs, inputs)
    id_, state = provider._create(service.adapter(), cloud, "urn::a", {**inputs, "size": 2}, {**inputs, "size": 2})
    assert list(service.objects) == [id_]
    assert state == {"kind": "a", "size": 2}


def test_what_cannot_become_what_is_wanted_is_removed(tmp_path: Path) -> None:
    """A killed run left an object of another kind, which no state knows: it would stay for ever."""
    service = FakeService()
    provider = Provider({}, {}, Journal(tmp_path / "journal.json"), Clients({}))
    cloud = Cloud(Clients({}), "")
    first, _ = provider._create(service.adapter(), cloud, "urn::a", {"kind": "a"}, {"kind": "a"})
    second, _ = provider._create(service.adapter(), cloud, "urn::a", {"kind": "b"}, {"kind": "b"})
    assert first != second
    assert list(service.objects) == [second]
