"""A service in two regions while it fails over: servers, an app with a lease, places, a board, a switch, one clock.

All of it is one JSON document, in memory or in a file, so that a process that is killed leaves it to the next one. Every
change ticks the bomb before and after, and is judged at once: what must never be is kept in `broken`, with its reason.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from crash_points import Bomb
from seawall.errors import StepRefused
from seawall.topology import Live, dump, parse_live
from seawall_ops.failover.board import Board, BoardUnavailable, Outrun, Stored
from seawall_ops.failover.plans.places import LiveTopology, PlaceUnavailable, refuse_overtaken
from seawall_ops.failover.plans.servers import FenceLook, MemberLook, MemberUnreachable
from seawall_ops.failover.plans.surroundings import Surroundings

OLD, NEW = "eu-west-1", "eu-central-1"
ARBITER = "us-east-1"
REGIONS = {each.replace("-", "_"): each for each in (OLD, NEW, ARBITER)}  # as keyword arguments have them
TTL, MARGIN = 30.0, 3.0
STARTED = datetime(2026, 11, 26, tzinfo=UTC)
SYSTEM = 7_000_000_000_000_000_001
CLUSTER = "shop-prod"

Json = dict[str, Any]


def beginning() -> Json:
    server = {
        "alive": True,
        "reachable": True,
        "cut": False,
        "fenced": False,
        "timeline": 3,
        "position": 1000,
        "lag": 0.5,
    }
    return {
        "now": 0.0,
        "servers": {OLD: {**server, "writes": True}, NEW: {**server, "writes": False, "tried": False}},
        "places": {ARBITER: None, OLD: None, NEW: None},
        "silent": [],  # places that do not answer the operator
        "app_reads": True,  # whether the app in the old region reaches the arbiter
        "app_until": TTL - MARGIN,  # until when it writes to the writer that it knows
        "app_writer": OLD,
        "forced": False,
        "board": {},
        "switch": None,
        "replays": True,
        "broken": [],
        "events": [],
    }


class World:
    """See above. It is a clock, too: time passes when somebody sleeps."""

    kept: ClassVar[dict[Path, Json]] = {}

    def __init__(self, folder: Path, bomb: Bomb | None = None) -> None:
        self.bomb = bomb or Bomb()
        self.path = folder / "world.json"
        self.servers = Servers(self)

    # ---- its state

    def read(self) -> Json:
        if self.bomb.files:
            return json.loads(self.path.read_text()) if self.path.exists() else beginning()
        return self.kept.setdefault(self.path, beginning())

    def write(self, state: Json) -> None:
        if self.bomb.files:
            new = self.path.with_suffix(".new")
            new.write_text(json.dumps(state))
            new.replace(self.path)
        else:
            self.kept[self.path] = state

    def set(self, **changes: object) -> None:
        """What a test arranges: no point of a crash."""
        state = self.read()
        for key, value in changes.items():
            *path, last = key.split("__")
            place = state
            for each in path:
                place = place[REGIONS.get(each, each)]
            place[REGIONS.get(last, last)] = value
        self.write(state)

    def change(self, what: str, apply: Callable[[Json], None]) -> None:
        self.bomb.tick(f"before {what}")
        state = self.read()
        self._app(state)
        apply(state)
        self._judge(state, what)
        self.write(state)
        self.bomb.tick(f"after {what}")

    # ---- time

    def monotonic(self) -> float:
        return float(self.read()["now"])

    def sleep(self, seconds: float) -> None:
        state = self.read()
        self._app(state)
        state["now"] += seconds
        self._app(state)
        if state["replays"] and not state["servers"][NEW]["writes"] and state["servers"][OLD]["alive"]:
            state["servers"][NEW]["position"] = state["servers"][OLD]["position"]
        self.write(state)

    @staticmethod
    def _app(state: Json) -> None:
        """The app looks at the arbiter all the time, while it reaches it."""
        text = state["places"][ARBITER]
        if state["app_reads"]:
            state["app_until"] = state["now"] + TTL - MARGIN
            state["app_writer"] = OLD if text is None else parse_live(text).writer

    @staticmethod
    def _judge(state: Json, what: str) -> None:
        """What must never be, whatever crashes."""
        old, new = state["servers"][OLD], state["servers"][NEW]
        written_to = (
            old["alive"] and not old["fenced"] and state["app_writer"] == OLD and state["now"] < state["app_until"]
        )
        if old["writes"] and written_to and new["writes"] and not state["forced"]:
            state["broken"].append(f"{what}: two unfenced writers")
        if state["switch"] == NEW and not (new["writes"] and new["tried"]) and not state.get("no_database"):
            state["broken"].append(f"{what}: the name moved before the new writer was verified")

    # ---- what a failover works on

    def surroundings(self, **more: object) -> Surroundings:
        arbiter, *copies = (Place(self, name) for name in (ARBITER, OLD, NEW))
        values: dict[str, Any] = {
            "board": Board(BoardStore(self), CLUSTER),
            "live": LiveTopology(arbiter, copies),
            "servers": self.servers,
            "switch": Switch(self),
            "clock": self,
            "wall": lambda: STARTED + timedelta(seconds=self.monotonic()),
        }
        return Surroundings(**{**values, **more})

    def live(self, place: str = ARBITER) -> Live | None:
        text = self.read()["places"][place]
        return None if text is None else parse_live(text)

    @property
    def ledger(self) -> Any:
        return Board(BoardStore(self), CLUSTER).read().ledger


class Servers:
    where = "a world's servers"

    def __init__(self, world: World) -> None:
        self._world = world

    def look(self, member: str) -> MemberLook:
        found = self._reached(member)
        return MemberLook(
            takes_writes=found["writes"],
            system_id=found.get("system_id", SYSTEM),
            timeline=found["timeline"],
            position=found["position"],
            lag_seconds=None if found["writes"] else found["lag"],
        )

    def fence_of(self, member: str) -> FenceLook:
        closed = self._reached(member)["fenced"]
        return FenceLook(closed, f"{member} is {'fenced' if closed else 'open'}")

    def fence(self, member: str) -> None:
        """In two parts, as those of PostgreSQL and RDS: who comes new is kept out, and who is inside is put out."""
        self._set(member, "cut", cut=True)
        self._set(member, "fence", fenced=True)

    def lift(self, member: str) -> None:
        self._set(member, "lift", fenced=False, cut=False)

    def promote(self, member: str) -> None:
        if not self._reached(member)["writes"]:
            self._set(member, "promote", writes=True, timeline=self._reached(member)["timeline"] + 1)

    def try_write(self, member: str) -> None:
        if not self._reached(member)["writes"]:
            raise StepRefused(f"{member} takes no writes")
        self._set(member, "try", tried=True)

    def _reached(self, member: str) -> Json:
        found = self._world.read()["servers"][member]
        if not (found["alive"] and found["reachable"]):
            raise MemberUnreachable(member, "nobody listens")
        return dict(found)

    def _set(self, member: str, what: str, **values: object) -> None:
        self._reached(member)
        self._world.change(what, lambda state: state["servers"][member].update(values))


class Place:
    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self._name = name

    @property
    def where(self) -> str:
        return f"place {self._name}"

    def read(self) -> Live | None:
        if self._name in self._world.read()["silent"]:
            raise PlaceUnavailable(self.where, "no answer")
        return self._world.live(self._name)

    def write(self, live: Live) -> None:
        if not refuse_overtaken(self.where, self.read(), live):
            return

        def put(state: Json) -> None:
            before = state["places"][self._name]
            if before is not None and parse_live(before).epoch >= live.epoch:
                state["broken"].append(f"{self.where} went back to epoch {live.epoch}")
            if live.writer == NEW and live.primary_region == NEW and not state["servers"][NEW]["writes"]:
                state["broken"].append(f"{self.where} names a writer that takes no writes")
            state["places"][self._name] = dump(live)

        self._world.change(f"publish at {'the arbiter' if self._name == ARBITER else 'a copy'}", put)


class Switch:
    where = "a world's switch"

    def __init__(self, world: World) -> None:
        self._world = world

    def region(self) -> str | None:
        return self._world.read()["switch"]

    def force(self, region: str | None) -> None:
        self._world.change("switch", lambda state: state.update(switch=region))


class BoardStore:
    where, region = "a world's board", ARBITER

    def __init__(self, world: World) -> None:
        self._world = world

    def read(self) -> Mapping[str, Stored]:
        state = self._world.read()
        if "board" in state["silent"]:
            raise BoardUnavailable(self.where, "no answer")
        return {key: Stored(*value) for key, value in state["board"].items()}

    def put(self, key: str, stored: Stored, *, over: int | None) -> None:
        known = self.read().get(key)
        if (None if known is None else known.version) != over:
            raise Outrun(self.where, key)
        self._world.change("board", lambda state: state["board"].update({key: [stored.version, stored.text]}))

    def delete(self, key: str, *, over: int) -> None:
        raise NotImplementedError
