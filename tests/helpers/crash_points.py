"""Kill an operation at each of its points, one after the other, and bring it to an end: no point may be left in between.

A *case* is a module with functions of a folder (fresh for each point), so that a child process can be told it by name:

- `operation(folder, bomb) -> Operation` makes the operation anew, over the world in that folder, with `bomb.tick(label)` at
  each point of the world's own; steps and journals are wrapped by `armed`.
- `settled(folder, result)` asserts that the world, the journal and the result agree, and are at an end.

A point is before and after each call of each step's method, before and after each write of the journal, and wherever the
world itself ticks: in the middle of an apply.
"""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol

from seawall.errors import InvalidInput
from seawall_ops.steps import Context, FileJournals, Journal, JournalStore, Observation, Operation, Plan, Result, Step
from seawall_ops.steps.journal import dump, parse

HELPERS = Path(__file__).parent
CHILD_SECONDS = 60


class Crash(BaseException):
    """What nothing catches: the process is gone, as far as the code can tell."""


class Bomb:
    """Counts points, and goes off at one of them.

    Args:
        at: From 1; 0 never goes off.
        kill: Whether the process dies by SIGKILL; else `Crash` is raised, now and at every later point: the dead do nothing.
        files: Whether journals have to be files, because processes share them: memory is ten times as fast.
    """

    def __init__(self, at: int = 0, *, kill: bool = False, files: bool = False) -> None:
        self.at = at
        self.kill = kill
        self.files = files or kill
        self.labels: list[str] = []

    def tick(self, label: str) -> None:
        self.labels.append(label)
        if self.at and len(self.labels) >= self.at:
            if self.kill:
                os.kill(os.getpid(), signal.SIGKILL)
            raise Crash(label)


class ArmedStep(Step):
    """A step with a point before and after each of its methods."""

    def __init__(self, inner: Step, bomb: Bomb) -> None:
        self.inner, self.bomb = inner, bomb
        self.name, self.what, self.no_return = inner.name, inner.what, inner.no_return
        self.timeouts, self.terms = inner.timeouts, inner.terms

    def observe(self, context: Context) -> Observation:
        return self._around("observe", self.inner.observe, context)

    def precheck(self, context: Context) -> None:
        self._around("precheck", self.inner.precheck, context)

    def apply(self, context: Context) -> None:
        self._around("apply", self.inner.apply, context)

    def verify(self, context: Context) -> str | None:
        return self._around("verify", self.inner.verify, context)

    def undo(self, context: Context) -> None:
        self._around("undo", self.inner.undo, context)

    def _around(self, phase: str, method: Callable[[Context], Any], context: Context) -> Any:
        self.bomb.tick(f"before {phase}")
        answer = method(context)
        self.bomb.tick(f"after {phase}")
        return answer


class ArmedJournals:
    """Journals with a point before and after each write."""

    def __init__(self, inner: JournalStore, bomb: Bomb) -> None:
        self.inner, self.bomb = inner, bomb

    def read(self, operation: str) -> Journal | None:
        return self.inner.read(operation)

    def write(self, journal: Journal) -> None:
        self.bomb.tick("before journal")
        self.inner.write(journal)
        self.bomb.tick("after journal")


class MemoryJournals:
    """Journals of one folder that outlive a `Crash`, as text, as they would on a disk."""

    kept: ClassVar[dict[tuple[Path, str], str]] = {}

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, operation: str) -> Journal | None:
        text = self.kept.get((self.folder, operation))
        return None if text is None else parse(text, "memory")

    def write(self, journal: Journal) -> None:
        self.kept[self.folder, journal.operation] = dump(journal)


def armed(plan: Plan, folder: Path, bomb: Bomb) -> tuple[Plan, JournalStore]:
    """The plan with its points, and journals with theirs."""
    journals = FileJournals(folder) if bomb.files else MemoryJournals(folder)
    return replace(plan, steps=tuple(ArmedStep(step, bomb) for step in plan.steps)), ArmedJournals(journals, bomb)


@dataclass(frozen=True)
class Holding:
    """A lease that is never lost."""

    fence: int = 7

    def check(self) -> None:
        """It is held."""


class Case(Protocol):
    """A module that says what is killed; see above."""

    __name__: str

    def operation(self, folder: Path, bomb: Bomb) -> Operation: ...

    def settled(self, folder: Path, result: Result) -> None: ...


@dataclass
class Survey:
    """How many points were tried, and how they ended."""

    counts: Counter[tuple[str, str, str]]

    def add(self, label: str, then: str, result: Result) -> None:
        self.counts[label, then, result.end] += 1

    @property
    def points(self) -> int:
        return sum(self.counts.values())

    def table(self) -> str:
        """For the test's output: a line per kind of point, with what was done after the crash and how it ended."""
        lines = [f"{'point':<20} {'then':<8} {'end':<8} {'count':>5}"]
        lines += [f"{label:<20} {then:<8} {end:<8} {n:>5}" for (label, then, end), n in sorted(self.counts.items())]
        return "\n".join([*lines, f"{'all':<38} {self.points:>5}"])


def begin_and_die(case: Case, folder: Path, bomb: Bomb) -> None:
    """Run it here until the bomb goes off."""
    with suppress(Crash):
        case.operation(folder, bomb).run()


def begin_and_be_killed(case: Case, folder: Path, at: int) -> None:
    """Run it in a process of its own, which dies by SIGKILL at that point."""
    code = (
        f"import sys; sys.path.insert(0, {str(HELPERS)!r})\n"
        "import importlib, pathlib, crash_points\n"
        f"case = importlib.import_module({case.__name__!r})\n"
        f"case.operation(pathlib.Path({str(folder)!r}), crash_points.Bomb({at}, kill=True)).run()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=CHILD_SECONDS, check=False
    )
    assert done.returncode == -signal.SIGKILL, (at, done.returncode, done.stderr)


def end_it(case: Case, folder: Path, then: str, bomb: Bomb | None = None) -> Result:
    """Resume it, or undo it where that is allowed and else resume it, as an operator would; `settled` judges."""
    operation = case.operation(folder, bomb or Bomb())
    if operation.journal() is None:  # it died before anything was written: nothing was begun
        result = operation.run()
    elif then == "undo":
        try:
            result = operation.undo("crashed")
        except InvalidInput as refusal:
            if "no way back" not in str(refusal):
                raise
            result = operation.resume()  # past the point of no return: the only way is forward
    else:
        result = operation.resume()
    case.settled(folder, result)
    return result


def labels_of(case: Case, folder: Path) -> list[str]:
    """All points of a run in which nothing goes off."""
    bomb = Bomb()
    case.settled(folder, case.operation(folder, bomb).run())
    return bomb.labels


def fresh(root: Path) -> Iterator[Path]:
    """Folders, one after the other."""
    number = 0
    while True:
        number += 1
        folder = root / f"{number:05}"
        folder.mkdir(parents=True)
        yield folder


def survive_every_crash(case: Case, root: Path, *, every: int = 1, twice: bool = False) -> Survey:
    """Crash at each point, in this process; then resume, and in another world undo.

    Args:
        case: What is killed.
        root: An empty folder.
        every: Only each so-many-th point.
        twice: Whether the resume, or undo, is killed at each of its points, too: the square of the points.
    """
    folders = fresh(root)
    survey = Survey(Counter())
    labels = labels_of(case, next(folders))
    for at, label in list(enumerate(labels, 1))[::every]:
        for then in ("resume", "undo"):
            folder = next(folders)
            begin_and_die(case, folder, Bomb(at))
            survey.add(label, then, end_it(case, folder, then))
            if twice:
                _again(case, folders, survey, at, then)
    return survey


def _again(case: Case, folders: Iterator[Path], survey: Survey, at: int, then: str) -> None:
    second = 0
    while True:
        second += 1
        folder = next(folders)
        begin_and_die(case, folder, Bomb(at))
        bomb = Bomb(second)
        try:
            end_it(case, folder, then, bomb)
        except Crash as crash:
            survey.add(f"{crash} (2nd)", then, end_it(case, folder, "resume"))
        else:
            return


def survive_sigkill(case: Case, root: Path, *, every: int = 1) -> Survey:
    """The same by SIGKILL of real processes, at every so-many-th point."""
    folders = fresh(root)
    survey = Survey(Counter())
    labels = labels_of(case, next(folders))
    for at in range(1, len(labels) + 1, every):
        then = "undo" if at // every // 2 % 2 else "resume"  # points alternate between before and after: so by twos
        folder = next(folders)
        begin_and_be_killed(case, folder, at)
        survey.add(labels[at - 1], then, end_it(case, folder, then, Bomb(files=True)))
    return survey
