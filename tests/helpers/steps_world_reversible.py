"""The case of `steps_world` without a point of no return: all of it can be undone, also once it is done."""

from pathlib import Path

from crash_points import Bomb
from seawall_ops.steps import Operation
from steps_world import make, settled

__all__ = ["operation", "settled"]


def operation(folder: Path, bomb: Bomb) -> Operation:
    return make(folder, bomb, no_return=False)
