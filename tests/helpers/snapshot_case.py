"""A case of `crash_points`: a snapshot that is taken, or copied, in the variant that an environment variable names.

The account is that of `fake_rds_snapshots`, with a point before and after each call. It outlives a crash, in memory or, where
processes share it, in a file.
"""

import os
import pickle
from pathlib import Path
from typing import Any, ClassVar

from crash_points import Bomb, armed
from fake_rds_snapshots import SnapshotAws
from seawall.testing import FakeClock
from seawall_ops.failover.plans.rds_api import RdsApi
from seawall_ops.recovery.snapshot_api import SnapshotApi
from seawall_ops.recovery.snapshot_steps import copy_plan, create_plan
from seawall_ops.recovery.snapshots import MADE_BY, MADE_BY_TAG, OPERATION_TAG
from seawall_ops.recovery.waiting import Waiting
from seawall_ops.steps import Operation, Result

VARIABLE = "SEAWALL_TEST_SNAPSHOT"
OPERATION = "snapshot-1"
HOME, AWAY = "eu-west-1", "eu-central-1"
SOURCE = "seawall-shop-before"
OWN = [{"Key": MADE_BY_TAG, "Value": MADE_BY}]
VARIANTS = ("create", "copy", "create, failed", "copy, failed")
FAILING = ((30.0, {"PercentProgress": 40}), (90.0, {"Status": "failed"}))


class World(SnapshotAws):
    """An account that outlives a crash."""

    kept: ClassVar[dict[Path, bytes]] = {}

    def open(self, folder: Path, bomb: Bomb) -> bool:
        """Whether it was there before."""
        self.folder, self.bomb = folder, bomb
        self.path = folder / "aws.pickle"
        text = self.path.read_bytes() if self.path.exists() else self.kept.get(folder)
        if text is not None:
            seconds, self.instances, self.keys, self.snapshots = pickle.loads(text)  # noqa: S301 - our own, of this test
            self.clock = FakeClock(seconds)
        return text is not None

    def keep(self) -> None:
        text = pickle.dumps((self.clock.monotonic(), self.instances, self.keys, self.snapshots))
        if self.bomb.files:
            draft = self.path.with_suffix(".new")
            draft.write_bytes(text)
            draft.replace(self.path)
        else:
            self.kept[self.folder] = text

    def answer(self, service: str, operation: str, region: str, given: dict[str, Any]) -> dict[str, Any]:
        changes = not operation.startswith("Describe")
        if changes:
            self.bomb.tick("before call")
        try:
            answer = super().answer(service, operation, region, given)
        finally:
            self.keep()
        if changes:
            self.bomb.tick("after call")
        return answer


def copies() -> bool:
    return os.environ[VARIABLE].startswith("copy")


def fails() -> bool:
    return os.environ[VARIABLE].endswith("failed")


def operation(folder: Path, bomb: Bomb) -> Operation:
    """The operation over the account in that folder."""
    aws = World()
    if not aws.open(folder, bomb):
        key = aws.add_key(HOME)
        aws.add_key(AWAY)
        aws.add("shop", HOME, ["subnet-1"], KmsKeyId=key)
        aws.add_snapshot(HOME, SOURCE, Encrypted=True, KmsKeyId=key, TagList=OWN)
        aws.keep()
    if fails():
        aws.taking = aws.copying = FAILING
    api = SnapshotApi(RdsApi(clients=aws.client, clock=aws.clock, sleep=aws.sleep))
    if copies():
        [key] = [each for each in aws.keys if f":{AWAY}:" in each]
        plan = copy_plan(api, source=SOURCE, source_region=HOME, region=AWAY, kms_key=key, waiting=Waiting())
    else:
        plan = create_plan(api, region=HOME, instance="shop", waiting=Waiting())
    armed_plan, journals = armed(plan, folder, bomb)
    return Operation(armed_plan, id=OPERATION, folder=folder, journals=journals, clock=aws.clock, sleep=aws.sleep)


def settled(folder: Path, result: Result) -> None:
    """One whole snapshot, under its key and with its tags; or none, and none that failed either."""
    aws = World()
    assert aws.open(folder, Bomb())
    aws._catch_up()
    aws.snapshots.pop((HOME, SOURCE))
    assert result.end in ("done", "undone"), result
    if result.end == "undone":
        assert aws.snapshots == {}
        return
    assert not fails()
    [((region, name), made)] = aws.snapshots.items()
    assert region == (AWAY if copies() else HOME)
    assert made["Status"] == "available"
    assert f":{region}:" in made["KmsKeyId"]
    assert aws.tags_of(region, name)[OPERATION_TAG] == OPERATION
