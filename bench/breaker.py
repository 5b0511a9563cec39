"""The circuit breaker beside its peers, in one run: what a guarded call costs, as a ratio to a bare one.

Peers: circuitbreaker, pybreaker, aiobreaker, purgatory, interlock-cb, nopanic, each as its own documentation uses it.
Ours has a failure rate over a window *and* slow calls on, unless the row says otherwise. Exit status 1 when a promise
below is missed. Run by `make bench`, or alone: `.venv/bin/python bench/breaker.py`.
"""

import asyncio
import concurrent.futures
import datetime
import functools
import gc
import platform
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any, Final, cast

import _measure as measure
import aiobreaker
import circuitbreaker
import interlock
import nopanic
import purgatory
import pybreaker
from rich.console import Console
from rich.table import Table

from seawall.breaker import CircuitBreaker, CircuitBreakerConfig

# Promises of this project, as ratios.
MOST_SYNC: Final = 0.65  # of circuitbreaker
MOST_ASYNC: Final = 0.65  # of circuitbreaker
MOST_CONSECUTIVE: Final = 0.4  # of circuitbreaker
MOST_FORCED: Final = 2.0  # of a bare raise
MOST_OPEN: Final = 2.5  # of a bare raise
MOST_THREADS: Final = 1.1  # of the time without a breaker
MOST_WINDOW: Final = 1.1  # of the smallest window; what is above 1 is the machine's noise

ROUNDS: Final = 60
CALLS: Final = 3000
THREADS: Final = 8
THREAD_CALLS: Final = 25
THREAD_CALL_SECONDS: Final = 0.004
BREAKERS: Final = 10_000
WINDOWS: Final = (10, 100, 1000, 10_000)

SLOW_SECONDS: Final = 1.0
RATE: Final = CircuitBreakerConfig(slow_call_seconds=SLOW_SECONDS)
TIME_RATE: Final = CircuitBreakerConfig(sliding_window="time", slow_call_seconds=SLOW_SECONDS)
CONSECUTIVE: Final = CircuitBreakerConfig(sliding_window="consecutive")

Guard = Callable[[Any], Any]

console = Console(width=100)
missed: list[str] = []


def peers() -> dict[str, Guard]:
    """A fresh decorator of each peer. All are closed and stay so while calls succeed."""
    return {
        "circuitbreaker": circuitbreaker.circuit(failure_threshold=5),
        "purgatory": purgatory.SyncCircuitBreakerFactory()("bench"),
        "aiobreaker": aiobreaker.CircuitBreaker(fail_max=5),
        "nopanic": nopanic.CircuitBreaker(slow_call_duration=SLOW_SECONDS),
        "pybreaker": pybreaker.CircuitBreaker(fail_max=5),
        "interlock-cb": interlock.CircuitBreaker(
            name="bench", config=interlock.Config(slow_call_duration_threshold=SLOW_SECONDS)
        ),
    }


def async_peers() -> dict[str, Guard]:
    """The same for coroutine functions. pybreaker guards none."""
    guards = peers()
    del guards["pybreaker"]
    guards["purgatory"] = _purgatory_async
    return guards


def _purgatory_async(function: Any) -> Any:
    factory = purgatory.AsyncCircuitBreakerFactory()
    return factory("bench")(function)


def ours(config: CircuitBreakerConfig) -> Guard:
    """Our decorator."""
    return cast("Guard", CircuitBreaker("bench", config))


OURS: Final = {
    "seawall, count window, slow calls": RATE,
    "seawall, time window, slow calls": TIME_RATE,
    "seawall, consecutive": CONSECUTIVE,
}


def answer(value: int = 1) -> int:
    """A bare call."""
    return value


async def answer_async(value: int = 1) -> int:
    """A bare await."""
    return value


def fail() -> None:
    """A bare raise."""
    raise ConnectionError("refused")


def hold(name: str, ratio: float, most: float) -> None:
    """Compare a ratio with its promise."""
    verdict = "[green]kept[/]" if ratio <= most else "[red]missed[/]"
    console.print(f"  {name}: {ratio:.2f}, at most {most:g}: {verdict}")
    if ratio > most:
        missed.append(f"{name} is {ratio:.2f}, above {most:g}")


def show(title: str, seconds: dict[str, float], base: str, against: str | None = None) -> None:
    """A table of ratios, cheapest first."""
    table = Table("", f"x {base}", *([f"x {against}"] if against else []), title=title, title_justify="left")
    for name, each in sorted(seconds.items(), key=lambda item: item[1]):
        cells = [f"{each / seconds[base]:.2f}"] + ([f"{each / seconds[against]:.2f}"] if against else [])
        table.add_row(name, *cells)
    console.print(table)


def closed_sync() -> None:
    """A successful call."""
    calls: dict[str, measure.Call] = {"bare call": answer}
    calls |= {name: ours(config)(answer) for name, config in OURS.items()}
    calls |= {name: guard(answer) for name, guard in peers().items()}
    seconds = measure.fastest(calls, rounds=ROUNDS, calls=CALLS)
    show("Closed, sync", seconds, "bare call", "circuitbreaker")
    for name, config in OURS.items():
        most = MOST_CONSECUTIVE if config is CONSECUTIVE else MOST_SYNC
        hold(f"{name}, of circuitbreaker", seconds[name] / seconds["circuitbreaker"], most)


def closed_async() -> None:
    """A successful await."""
    calls: dict[str, measure.AsyncCall] = {"bare await": answer_async}
    calls |= {name: ours(config)(answer_async) for name, config in OURS.items()}
    calls |= {name: guard(answer_async) for name, guard in async_peers().items()}
    seconds = measure.fastest_async(calls, rounds=ROUNDS, calls=CALLS)
    show("Closed, async", seconds, "bare await", "circuitbreaker")
    for name in OURS:
        hold(f"{name}, async, of circuitbreaker", seconds[name] / seconds["circuitbreaker"], MOST_ASYNC)


def rejected() -> None:
    """A call that is rejected, with the exception caught."""
    calls: dict[str, measure.Call] = {"bare raise": fail}
    forced = CircuitBreaker("bench", RATE)
    calls["seawall, forced open"] = forced(answer)
    forced.force_open()
    for name, guard in {"seawall, open": ours(RATE), **peers()}.items():
        guarded = guard(fail)
        measure.fail_until_open(guarded)
        calls[name] = guarded
    seconds = measure.fastest_raising(calls, rounds=ROUNDS, calls=CALLS)
    show("Rejected, sync", seconds, "bare raise")
    hold("forced open, of a bare raise", seconds["seawall, forced open"] / seconds["bare raise"], MOST_FORCED)
    hold("open, of a bare raise", seconds["seawall, open"] / seconds["bare raise"], MOST_OPEN)


def window_sizes() -> None:
    """A success, by the size of the window, which is full."""
    calls: dict[str, measure.Call] = {}
    for size in WINDOWS:
        guarded = ours(CircuitBreakerConfig(sliding_window_size=size, slow_call_seconds=SLOW_SECONDS))(answer)
        for _ in range(size):
            guarded()
        calls[f"{size:,} calls"] = guarded
    seconds = measure.fastest(calls, rounds=ROUNDS * 2, calls=CALLS)
    smallest = f"{WINDOWS[0]:,} calls"
    show("Closed, sync, by window", seconds, smallest)
    hold("the largest window, of the smallest", seconds[f"{WINDOWS[-1]:,} calls"] / seconds[smallest], MOST_WINDOW)


def threads() -> None:
    """Eight threads of calls that wait: a lock held during a call makes them wait for one another."""

    def wait() -> None:
        time.sleep(THREAD_CALL_SECONDS)

    def work(function: Callable[[], object]) -> None:
        for _ in range(THREAD_CALLS):
            function()

    best: dict[str, float] = {}
    calls = {"no breaker": wait, "seawall": ours(RATE)(wait)}
    calls |= {name: guard(wait) for name, guard in peers().items()}
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        for _ in range(5):
            for name, function in calls.items():
                if name == "pybreaker" and name in best:
                    continue  # eight times as long; once is enough
                began = time.perf_counter()
                list(pool.map(work, [function] * THREADS))
                best[name] = min(best.get(name, float("inf")), time.perf_counter() - began)
    show(f"{THREADS} threads, {THREAD_CALL_SECONDS * 1000:g} ms a call", best, "no breaker")
    hold("eight threads, of the time without a breaker", best["seawall"] / best["no breaker"], MOST_THREADS)


def memory() -> None:
    """Bytes of a breaker, of which there are many."""
    makers: dict[str, Callable[[], object]] = {
        "seawall, count window": functools.partial(CircuitBreaker, "bench", RATE),
        "seawall, time window": functools.partial(CircuitBreaker, "bench", TIME_RATE),
        "seawall, consecutive": functools.partial(CircuitBreaker, "bench", CONSECUTIVE),
        "circuitbreaker": functools.partial(circuitbreaker.CircuitBreaker, failure_threshold=5),
        "aiobreaker": functools.partial(aiobreaker.CircuitBreaker, fail_max=5),
        "nopanic": functools.partial(nopanic.CircuitBreaker, slow_call_duration=SLOW_SECONDS),
        "pybreaker": functools.partial(pybreaker.CircuitBreaker, fail_max=5),
        "interlock-cb": functools.partial(interlock.CircuitBreaker, name="bench"),
    }
    table = Table("", "bytes each", title=f"{BREAKERS:,} breakers", title_justify="left")
    for name, make in makers.items():
        gc.collect()
        tracemalloc.start()
        kept = [make() for _ in range(BREAKERS)]
        size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        table.add_row(name, f"{size / len(kept):,.0f}")
        del kept
    console.print(table)


def herd() -> None:
    """How many of 100 tasks enter half-open when one trial is due."""
    table = Table("", "of 100 tasks", title="Half-open herd, one permitted", title_justify="left")
    for name, guard in {"seawall": None, **async_peers()}.items():
        entered = asyncio.run(_herd(name, guard))
        table.add_row(name, str(entered))
        if name == "seawall" and entered != 1:
            missed.append(f"{entered} tasks entered half-open, 1 was permitted")
    console.print(table)


async def _herd(name: str, guard: Guard | None) -> int:
    entered = 0
    failing = True
    wait = 0.05
    if guard is None:
        guard = ours(CircuitBreakerConfig(minimum_calls=1, wait_in_open_seconds=wait))
    elif name == "circuitbreaker":
        guard = circuitbreaker.circuit(failure_threshold=1, recovery_timeout=cast("int", wait))
    elif name == "purgatory":
        guard = purgatory.AsyncCircuitBreakerFactory(default_threshold=1, default_ttl=wait)("bench")
    elif name == "aiobreaker":
        guard = aiobreaker.CircuitBreaker(fail_max=1, timeout_duration=datetime.timedelta(seconds=wait))
    elif name == "nopanic":
        guard = nopanic.CircuitBreaker(min_calls=1, reset_timeout=wait)
    else:
        guard = interlock.CircuitBreaker(
            name="bench",
            config=interlock.Config(
                minimum_number_of_calls=1, permitted_calls_in_half_open=1, wait_duration_in_open=wait
            ),
        )

    async def call() -> None:
        nonlocal entered
        if failing:
            raise ConnectionError
        entered += 1
        await asyncio.sleep(0.02)

    guarded: measure.AsyncCall = cast("Any", guard)(call)
    await measure.fail_until_open_async(guarded, times=3)
    failing = False
    await asyncio.sleep(wait * 1.5)
    await asyncio.gather(*(guarded() for _ in range(100)), return_exceptions=True)
    return entered


def main() -> None:
    """Run all comparisons."""
    console.print(f"CPython {platform.python_version()}; fastest of {ROUNDS} interleaved rounds; ratios\n")
    for part in (closed_sync, closed_async, rejected, window_sizes, threads, herd, memory):
        part()
        console.print()
    if missed:
        sys.exit("breaker: " + "; ".join(missed))


if __name__ == "__main__":
    main()
