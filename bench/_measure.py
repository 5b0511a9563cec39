"""Measuring on a noisy machine: many short rounds in turn, and the quietest of them counts.

What is compared runs interleaved, so that a neighbor's load falls on all alike; of each the fastest round is taken, for
nothing but noise makes a round slower. Only ratios are reported as results.
"""

import asyncio
import contextlib
import gc
import itertools
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, TypeVar


class Settled(Protocol):
    """What a choice gives: somebody has to say how it ended."""

    def success(self) -> None:
        """It went well."""
        ...


Kept = TypeVar("Kept", bound=Settled)
Call = Callable[[], object]
AsyncCall = Callable[[], Awaitable[object]]


def fastest(functions: dict[str, Call], *, rounds: int, calls: int) -> dict[str, float]:
    """Seconds per call of each function, in its fastest round."""
    best = dict.fromkeys(functions, math.inf)
    for _ in range(rounds):
        for name, function in functions.items():
            best[name] = min(best[name], _round(function, calls))
    return best


def fastest_raising(functions: dict[str, Call], *, rounds: int, calls: int) -> dict[str, float]:
    """As `fastest`, for functions that raise every time."""
    best = dict.fromkeys(functions, math.inf)
    for _ in range(rounds):
        for name, function in functions.items():
            best[name] = min(best[name], _round_raising(function, calls))
    return best


def fastest_kept(makers: Mapping[str, Callable[[], Kept]], *, rounds: int, calls: int) -> dict[str, float]:
    """As `fastest`, of this thread's own time, for functions that give what is to end in `success()`.

    What they give is kept meanwhile and ended outside of the time, as work under way would be.
    """
    best = dict.fromkeys(makers, math.inf)
    for _ in range(rounds):
        for name, make in makers.items():
            made: list[Kept | None] = [None] * calls
            gc.disable()
            began = time.thread_time()  # neighbors' load is not ours
            for index in range(calls):
                made[index] = make()
            spent = time.thread_time() - began
            gc.enable()
            best[name] = min(best[name], spent / calls)
            for each in made:
                if each is not None:
                    each.success()
    return best


def fastest_async(functions: dict[str, AsyncCall], *, rounds: int, calls: int) -> dict[str, float]:
    """As `fastest`, awaited one after another in one event loop."""

    async def run() -> dict[str, float]:
        best = dict.fromkeys(functions, math.inf)
        for _ in range(rounds):
            for name, function in functions.items():
                began = time.perf_counter()
                for _ in itertools.repeat(None, calls):
                    await function()
                best[name] = min(best[name], (time.perf_counter() - began) / calls)
        return best

    return asyncio.run(run())


def _round(function: Call, calls: int) -> float:
    began = time.perf_counter()
    for _ in itertools.repeat(None, calls):
        function()
    return (time.perf_counter() - began) / calls


def _round_raising(function: Call, calls: int) -> float:
    began = time.perf_counter()
    for _ in itertools.repeat(None, calls):
        try:  # noqa: SIM105 - a context manager would cost as much as the call
            function()
        except Exception:  # noqa: BLE001, S110 - whatever a peer raises
            pass
    return (time.perf_counter() - began) / calls


def fail_until_open(function: Call, times: int = 30) -> None:
    """Call a function that fails, more often than any breaker here allows."""
    for _ in range(times):
        with contextlib.suppress(Exception):
            function()


async def fail_until_open_async(function: AsyncCall, times: int = 30) -> None:
    """The same for a coroutine function."""
    for _ in range(times):
        with contextlib.suppress(Exception):
            await function()
