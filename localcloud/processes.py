"""Processes that outlive the command that started them: whether one lives, ending some, and what one wrote last."""

import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import psutil

__all__ = ["alive", "end", "last_line", "ours"]

POLL_SECONDS: Final = 0.02


def ours(pid: int, is_it: Callable[[psutil.Process], bool]) -> psutil.Process | None:
    """The live process with that number, if it is the one that was noted and not a stranger with its number.

    Args:
        pid: As noted.
        is_it: Tells by its command line or environment.
    """
    try:
        process = psutil.Process(pid)
        found = process.status() != psutil.STATUS_ZOMBIE and is_it(process)
    except psutil.Error:
        return None
    return process if found else None


def alive(process: psutil.Process) -> bool:
    """Whether it still does something: one that nobody has waited for yet does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def end(processes: Sequence[psutil.Process], seconds: float) -> list[psutil.Process]:
    """SIGTERM, then SIGKILL, each with a bounded wait. psutil itself refuses to signal a recycled process id.

    Args:
        processes: All of them are signaled before any is waited for.
        seconds: For each of the two.

    Returns:
        Those that survived.
    """
    left = list(processes)
    for signal in (psutil.Process.terminate, psutil.Process.kill):
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                signal(process)
        deadline = time.monotonic() + seconds
        while left and time.monotonic() < deadline:
            # Children of ours are waited for. Others may stay zombies for good: an init in a container need not do it.
            left = [process for process in psutil.wait_procs(left, timeout=POLL_SECONDS)[1] if alive(process)]
    return left


def last_line(log: Path) -> str:
    """What stands last in a log, for an error of one line."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1] if lines else "(empty)"
