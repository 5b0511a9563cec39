"""Endpoint selection, in one run: what a pick costs, what a change costs by the number of endpoints, and exact weights.

No peer has all of it in Python, so the figures stand beside a bare call and beside nginx's smooth weighted round robin,
written here as nginx does it. Microseconds are the quietest of many interleaved rounds. Exit status 1 when a promise below
is missed. Run by `make bench`, or alone: `.venv/bin/python bench/selection.py`.
"""

import functools
import itertools
import math
import platform
import sys
import time
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import Final

import _measure as measure
from rich.console import Console
from rich.table import Table

from seawall.selector import (
    ActivePassive,
    Endpoint,
    EndpointSelector,
    OutlierDetection,
    Policy,
    PowerOfTwoChoices,
    WeightedRoundRobin,
)

# Promises of this project, in microseconds.
MOST_FEW: Final = 1.0  # a pick among 3
MOST_MANY: Final = 2.0  # a pick among 1,000
MOST_PEAK_EWMA: Final = 2.0  # a pick by latency, which is optional and reads the clock
MOST_GROWTH: Final = 3.0  # of a change at 100,000 endpoints, beside one at 10: log2 grows by a factor of 5

FEW: Final = 3
MANY: Final = 1000
SIZES: Final = (10, 1000, 100_000)
ROUNDS: Final = 60
PICKS: Final = 2000
CHANGES: Final = 100
CHANGE_ROUNDS: Final = 40

POLICIES: Final[dict[str, Policy]] = {
    "active-passive": ActivePassive(failure_threshold=1),
    "weighted round robin": WeightedRoundRobin(),
    "two choices": PowerOfTwoChoices(),
    "two choices, peak EWMA": PowerOfTwoChoices(peak_ewma_seconds=10.0),
}

console = Console(width=100)
missed: list[str] = []


def hold(name: str, value: float, most: float, unit: str = "us") -> None:
    """Compare a figure with its promise."""
    verdict = "[green]kept[/]" if value <= most else "[red]missed[/]"
    console.print(f"  {name}: {value:.2f} {unit}, at most {most:g}: {verdict}")
    if value > most:
        missed.append(f"{name} is {value:.2f} {unit}, above {most:g}")


def selector(count: int, policy: Policy) -> EndpointSelector:
    """So many endpoints with weights 1 to 5."""
    return EndpointSelector([Endpoint(f"e{index}", weight=1 + index % 5) for index in range(count)], policy)


class Smooth:
    """nginx's smooth weighted round robin: exact and even, and every pick looks at every endpoint."""

    def __init__(self, weights: list[int]) -> None:
        self.weights = weights
        self.current = [0] * len(weights)
        self.total = sum(weights)

    def pick(self) -> int:
        """The next one."""
        best = 0
        for index, weight in enumerate(self.weights):
            self.current[index] += weight
            if self.current[index] > self.current[best]:
                best = index
        self.current[best] -= self.total
        return best


def pick_seconds(size: int) -> dict[str, float]:
    """Seconds per pick among so many endpoints, by policy."""
    choosers = {name: selector(size, policy).pick for name, policy in POLICIES.items()}
    return measure.fastest_kept(choosers, rounds=ROUNDS, calls=PICKS)


def picks() -> None:
    """A pick, by policy and size."""
    bare = measure.fastest({"bare call": lambda: None}, rounds=ROUNDS, calls=PICKS)["bare call"]
    table = Table("", "3 endpoints", "1,000", "x bare call (3)", title="A pick, us", title_justify="left")
    few = pick_seconds(FEW)
    many = pick_seconds(MANY)
    for name in POLICIES:
        table.add_row(name, f"{few[name] * 1e6:.2f}", f"{many[name] * 1e6:.2f}", f"{few[name] / bare:.0f}")
    smooth = measure.fastest({"": Smooth([1, 2, 3]).pick}, rounds=ROUNDS, calls=PICKS)[""]
    smooth_many = measure.fastest({"": Smooth([1 + i % 5 for i in range(MANY)]).pick}, rounds=5, calls=100)[""]
    table.add_row("nginx's, bare", f"{smooth * 1e6:.2f}", f"{smooth_many * 1e6:.2f}", f"{smooth / bare:.0f}")
    console.print(table)
    for name in POLICIES:
        by_latency = "EWMA" in name
        hold(f"{name}, a pick among {FEW}", few[name] * 1e6, MOST_PEAK_EWMA if by_latency else MOST_FEW)
        hold(f"{name}, a pick among {MANY:,}", many[name] * 1e6, MOST_MANY)


def eject(chooser: EndpointSelector, exclude: frozenset[str], clock: list[float]) -> None:
    """One failed call that ejects, one restoration by time, and the pick between them."""
    chooser.pick(exclude).failure()
    clock[0] += 1000.0
    chooser.pick().release()


class Told:
    """A clock that is told the time."""

    def __init__(self) -> None:
        self.cell = [0.0]

    def monotonic(self) -> float:
        """As told."""
        return self.cell[0]


def fastest_cpu(steps: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Seconds of this thread per call, in the quietest of many short rounds."""
    best = dict.fromkeys(steps, math.inf)
    for _ in range(CHANGE_ROUNDS):
        for name, step in steps.items():
            began = time.thread_time()
            for _ in range(CHANGES):
                step()
            best[name] = min(best[name], (time.thread_time() - began) / CHANGES)
    return best


def changes() -> None:
    """Ejection, weight, arrival and departure, by the number of endpoints."""
    best: dict[str, dict[int, float]] = {}
    outlier = OutlierDetection(consecutive_failures=1, failure_rate_threshold=None)
    for name, policy in POLICIES.items():
        if "EWMA" in name:
            continue
        for size in SIZES:
            clock = Told()
            endpoints = [Endpoint(f"e{index}", weight=1 + index % 5) for index in range(size)]
            chooser = EndpointSelector(endpoints, policy, outlier, clock=clock)
            for _ in range(min(size, 1000)):
                chooser.pick().release()
            weights = itertools.cycle([2, 7, 4, 1])
            numbers = itertools.count()

            def come_and_go(chooser: EndpointSelector = chooser, numbers: "itertools.count[int]" = numbers) -> None:
                name = f"new{next(numbers)}"
                chooser.add(Endpoint(name))
                chooser.remove(name)

            steps: dict[str, Callable[[], object]] = {
                "ejected and back": functools.partial(eject, chooser, frozenset(), clock.cell),
                "weight": lambda chooser=chooser, weights=weights: chooser.set_weight("e1", next(weights)),
                "added and removed": come_and_go,
            }
            for step, seconds in fastest_cpu(steps).items():
                best.setdefault(f"{name}: {step}", {})[size] = seconds
    table = Table("", *(f"{size:,}" for size in SIZES), title="A change, us, by endpoints", title_justify="left")
    for name, by_size in best.items():
        table.add_row(name, *(f"{by_size[size] * 1e6:.1f}" for size in SIZES))
    console.print(table)
    for name, by_size in best.items():
        hold(f"{name}, {SIZES[-1]:,} beside {SIZES[0]}", by_size[SIZES[-1]] / by_size[SIZES[0]], MOST_GROWTH, "x")


def exact() -> None:
    """Full cycles hold the weights exactly, and no endpoint is ever a whole pick off."""
    worst = Fraction(0)
    for weights in ([5, 1, 1], [50, 50, 50], [1, 2, 3, 4, 5, 6, 7], [1000, 1, 1, 1], [1 + i % 7 for i in range(MANY)]):
        chooser = EndpointSelector(
            [Endpoint(str(i), weight=each) for i, each in enumerate(weights)], WeightedRoundRobin()
        )
        total = sum(weights)
        for _ in range(2):
            had: Counter[str] = Counter()
            for number in range(1, total + 1):
                name = chooser.pick().endpoint.name
                had[name] += 1
                worst = max(worst, abs(had[name] - Fraction(number * weights[int(name)], total)))
            if [had[str(index)] for index in range(len(weights))] != weights:
                missed.append(f"a cycle of {len(weights)} endpoints is not exact")
    console.print("Exact weights over full cycles: " + ("[red]missed[/]" if missed else "[green]kept[/]"))
    verdict = "[green]kept[/]" if worst < 1 else "[red]missed[/]"
    console.print(f"  the farthest that any endpoint was from its share: {float(worst):.4f} picks, below 1: {verdict}")
    if worst >= 1:
        missed.append(f"an endpoint was {float(worst):.4f} picks from its share")


def main() -> None:
    """Run all parts."""
    console.print(f"CPython {platform.python_version()}; quietest of {ROUNDS} rounds\n")
    for part in (exact, picks, changes):
        part()
        console.print()
    if missed:
        sys.exit("selection: " + "; ".join(missed))


if __name__ == "__main__":
    main()
