"""A case of `crash_points`: the rebuild of an old writer, in the variant that an environment variable names.

The world is that of `failover_plan_world` after a failover, with an old writer that can be thrown away and follow.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crash_points import Bomb
from failover_plan_case import armed_operation
from failover_plan_runs import live
from failover_plan_world import CLUSTER, NEW, OLD, BoardStore, Json, World
from seawall.topology import dump
from seawall_ops.failover.board import Board
from seawall_ops.failover.plans.rebuild import Rebuild, rebuild_plan
from seawall_ops.failover.plans.rebuilder import Following, RebuildFailed, RebuildLook
from seawall_ops.steps import Operation, Result

OPERATION = "rebuild-1"
VARIABLE = "SEAWALL_TEST_REBUILD"
LAG_LIMIT = 30.0
SLOW_SECONDS = 3.0
REBUILD_SECONDS = 20.0
ALONE = 4096
REQUEST: dict[str, Any] = {
    "cluster": CLUSTER,
    "member": OLD,
    "region": OLD,
    "writer": NEW,
    "reason": "the region is back",
    "opened_by": "somebody",
    "lag_limit_seconds": LAG_LIMIT,
}
OLD_ = OLD.replace("-", "_")

# How the world is; what is asked for beside `REQUEST`.
VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "fenced": ({}, {}),
    "open again": ({f"servers__{OLD_}__fenced": False}, {}),
    "gone": ({f"servers__{OLD_}__reachable": False}, {}),
    "slow": ({"slow": True}, {}),
    "with the name": ({"switch": NEW}, {"release_name": True}),
}


class RebuildWorld(World):
    """After a failover to `NEW`; time passes, and what is being rebuilt gets ready."""

    def begin(self, **changes: object) -> None:
        self.set(
            places=dict.fromkeys(self.read()["places"], dump(live(epoch=6, primary_region=NEW, writer=NEW))),
            following=Following.APART.name,
            ready_at=None,
            slow=False,
            lag=0.0,
            rebuilt=[],
            app_writer=NEW,
        )
        self.set(**{f"servers__{OLD_}__fenced": True, f"servers__{NEW.replace('-', '_')}__writes": True})
        self.set(**{f"servers__{NEW.replace('-', '_')}__tried": True})
        Board(BoardStore(self), CLUSTER).change(lambda ledger: ledger.fenced_with((OLD,)))
        self.set(**changes)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        state = self.read()
        if state["ready_at"] is not None and state["now"] >= state["ready_at"]:
            _follow(state)
            self.write(state)

    @staticmethod
    def _judge(state: Json, what: str) -> None:
        """What must never be, whatever crashes."""
        old = state["servers"][OLD]
        follows = state["following"] == Following.FOLLOWS.name
        cleared = state["board"] and OLD not in state["board"]["ledger"][1]
        if cleared and not (follows and not old["fenced"]):
            state["broken"].append(f"{what}: it may take over, and does not follow or is fenced")
        if what == "lift" and not (follows and not old["writes"]):
            state["broken"].append("a fence was lifted from a server that does not follow")
        if what == "throw away" and old["writes"] and old["reachable"] and not old["fenced"]:
            state["broken"].append("somebody could still write what was thrown away")


def _follow(state: Json) -> None:
    state["following"], state["ready_at"] = Following.FOLLOWS.name, None
    state["servers"][OLD].update(writes=False, reachable=True, alive=True)


class FakeRebuilder:
    """Does it in two writes; a slow one is ready later, by itself."""

    where = "a world's rebuilder"

    def __init__(self, world: World) -> None:
        self._world = world
        self.fails = False

    def look(self, member: str, writer: str) -> RebuildLook:
        state = self._world.read()
        following = Following[state["following"]]
        reachable = state["servers"][member]["reachable"]
        return RebuildLook(
            following=following,
            shown=f"{member} {following.value} {writer}" if reachable else f"{member} does not answer",
            lag_seconds=state["lag"] if following is Following.FOLLOWS else None,
            alone_bytes=ALONE if reachable and following is Following.APART else None,
        )

    def rebuild(self, member: str, writer: str, check: Callable[[], None]) -> None:
        del writer

        def thrown_away(state: Json) -> None:
            state["servers"][member].update(writes=False, reachable=False)
            state["rebuilt"].append(member)

        def begun(state: Json) -> None:
            if state["slow"]:
                state.update(following=Following.UNDER_WAY.name, ready_at=state["now"] + SLOW_SECONDS)
            else:
                _follow(state)

        if self._world.read()["following"] == Following.UNDER_WAY.name:
            return
        self._world.change("throw away", thrown_away)
        check()
        if self.fails:
            raise RebuildFailed(member, "it ended with 1")
        self._world.change("begin to follow", begun)


def variant() -> tuple[dict[str, Any], dict[str, Any]]:
    return VARIANTS[os.environ[VARIABLE]]


def operation(folder: Path, bomb: Bomb) -> Operation:
    """The operation over the world in that folder; a new world begins as the variant says."""
    world = RebuildWorld(folder, Bomb(files=bomb.files))
    changes, asked = variant()
    if not (folder / "begun").exists():
        world.begin(**changes)
        (folder / "begun").touch()
    world.bomb = bomb
    request = Rebuild(**{**REQUEST, **asked})
    plan = rebuild_plan(
        request, world.surroundings(), FakeRebuilder(world), declared_primary=NEW, rebuild_seconds=REBUILD_SECONDS
    )
    return armed_operation(plan, world, bomb, named=OPERATION)


def settled(folder: Path, result: Result) -> None:
    """It follows and may take over, or nothing was thrown away; and at no time anything that must never be."""
    world = RebuildWorld(folder, Bomb(files=(folder / "world.json").exists()))
    state, (changes, asked) = world.read(), variant()
    assert state["broken"] == []
    assert result.end in ("done", "undone"), result
    if result.end == "done":
        assert state["following"] == Following.FOLLOWS.name
        assert not state["servers"][OLD]["fenced"]
        assert world.ledger.fenced == ()
        assert state["switch"] == (None if asked.get("release_name") else changes.get("switch"))
    else:
        assert state["rebuilt"] == []
        assert world.ledger.fenced == (OLD,)
        assert state["switch"] == changes.get("switch")
