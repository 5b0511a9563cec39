"""An operator's desk: settings, topology, board and leases in a folder, and a database in memory."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from seawall.errors import StepRefused
from seawall.topology import Live, Topology, dump, parse_live
from seawall_ops import cli
from seawall_ops.audit import AuditFile, Record
from seawall_ops.failover.board import Board
from seawall_ops.failover.plans import assembling
from seawall_ops.failover.plans.servers import FenceLook, MemberLook, MemberUnreachable
from seawall_ops.failover.store_sqlite import SqliteStore
from seawall_ops.lease import FREE, LeaseRecord
from seawall_ops.lease.sqlite import SqliteLeaseStore
from topology_documents import shop

HOME, AWAY, THIRD = "eu-west-1", "eu-central-1", "us-east-1"
CLUSTER = "shop-prod"


@dataclass
class MemoryServers:
    """The servers of a database, whose promotions take no time."""

    writers: set[str] = field(default_factory=lambda: {HOME})
    fenced: set[str] = field(default_factory=set[str])
    silent: set[str] = field(default_factory=set[str])
    lag_seconds: float | None = 0.5
    broken: Callable[[str], None] = lambda _: None
    """Called with the name of each method that changes something; may raise."""
    calls: list[str] = field(default_factory=list[str])
    where: str = "memory"

    def look(self, member: str) -> MemberLook:
        self._ask(member)
        writes = member in self.writers
        return MemberLook(
            takes_writes=writes,
            system_id=7,
            timeline=2 if writes and member != HOME else 1,
            position=100,
            lag_seconds=None if writes else self.lag_seconds,
        )

    def fence_of(self, member: str) -> FenceLook:
        self._ask(member)
        closed = member in self.fenced
        return FenceLook(closed, f"{member} is {'fenced' if closed else 'open'}")

    def fence(self, member: str) -> None:
        self._change("fence", member)
        self.fenced.add(member)

    def lift(self, member: str) -> None:
        self._change("lift", member)
        self.fenced.discard(member)

    def promote(self, member: str) -> None:
        self._change("promote", member)
        self.writers.add(member)

    def try_write(self, member: str) -> None:
        self._ask(member)
        if member not in self.writers or member in self.fenced:
            raise StepRefused(f"{member} takes no writes")

    def _ask(self, member: str) -> None:
        if member in self.silent:
            raise MemberUnreachable(member, "no answer")

    def _change(self, what: str, member: str) -> None:
        self._ask(member)
        self.broken(what)
        self.calls.append(f"{what} {member}")


@dataclass
class Desk:
    """What `seawall failover` works on in a test."""

    folder: Path
    servers: MemoryServers
    topology: Topology = field(default_factory=shop)
    changes: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @classmethod
    def made(cls, folder: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> "Desk":
        """With everything written, and the command's environment pointing at it."""
        desk = cls(folder, MemoryServers(), changes=changes)
        (folder / "topology.json").write_text(dump(desk.topology), encoding="utf-8")
        desk.write_settings()
        desk.free_lease()
        monkeypatch.setenv("SEAWALL_STATE", str(folder / "state"))
        monkeypatch.setenv("SEAWALL_TOPOLOGY_PATH", str(folder / "topology.json"))
        monkeypatch.setenv("SEAWALL_LIVE_PATH", str(desk.live_path))
        monkeypatch.setenv("COLUMNS", "250")
        monkeypatch.setattr(assembling, "servers_of", lambda _found, _database: desk.servers)
        return desk

    @property
    def settings(self) -> Path:
        return self.folder / "failover.yaml"

    @property
    def live_path(self) -> Path:
        return self.folder / "live.json"

    @property
    def live(self) -> Live | None:
        return parse_live(self.live_path.read_text(encoding="utf-8")) if self.live_path.exists() else None

    @property
    def board(self) -> Board:
        return Board(SqliteStore(self.folder / "board.sqlite", CLUSTER), CLUSTER)

    @property
    def leases(self) -> SqliteLeaseStore:
        return SqliteLeaseStore(self.folder / "leases.sqlite")

    def free_lease(self) -> None:
        """One that was there before: who makes it anew waits for its time."""
        self.leases.create(
            f"failover-{CLUSTER}", LeaseRecord(holder=FREE, fence=0, ttl_seconds=30.0, write=os.urandom(8).hex())
        )

    def write_settings(self) -> None:
        content = {
            "cluster": CLUSTER,
            "domains": [HOME, AWAY, THIRD],
            "board": f"sqlite://{self.folder / 'board.sqlite'}",
            "leases": f"sqlite://{self.folder / 'leases.sqlite'}",
            "live": f"file://{self.live_path}",
            "references": ["localhost:1"],
            "aws_status": False,
            **self.changes,
        }
        self.settings.write_text(yaml.safe_dump(content), encoding="utf-8")

    def seawall(self, command: str, *words: str) -> int:
        """One command of `seawall failover`."""
        return cli.main(["failover", command, *words, "--settings", str(self.settings)])

    def planned(self, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
        """What `plan --json` says."""
        assert self.seawall("plan", *words, "--json") == code
        return json.loads(capsys.readouterr().out)

    def facts(self) -> list[Any]:
        """What stands in the record."""
        path = self.folder / "state" / "audit.jsonl"
        return [each.fact for _, each in AuditFile(path).read() if isinstance(each, Record)] if path.exists() else []
