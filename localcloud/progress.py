"""What a person sees while `make dev` works: numbered steps, and the engine's own resource events as they come."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pulumi.automation.events import EngineEvent, OpType, StepEventMetadata
from rich.console import Console
from rich.markup import escape

VERBS: Final = {
    OpType.CREATE: ("+", "green", "created"),
    OpType.UPDATE: ("~", "yellow", "updated"),
    OpType.DELETE: ("-", "red", "deleted"),
    OpType.REPLACE: ("±", "magenta", "replaced"),
    OpType.CREATE_REPLACEMENT: ("+", "magenta", "created in place of the old one"),
    OpType.DELETE_REPLACED: ("-", "magenta", "old one deleted"),
    OpType.IMPORT: ("=", "cyan", "taken over"),
    OpType.REFRESH: ("?", "cyan", "read"),
}
SILENT: Final = (OpType.SAME, OpType.READ, OpType.REFRESH, OpType.REPLACE)


class Steps:
    """Prints the steps of one command, each with its seconds.

    Args:
        console: Where to.
        total: How many steps there will be.
    """

    def __init__(self, console: Console, total: int) -> None:
        self._console: Final = console
        self._total: Final = total
        self._begun: Final = time.monotonic()
        self._number = 0

    @contextmanager
    def step(self, title: str) -> Iterator["Step"]:
        """One step: its title now, its result and seconds at its end. Errors pass through."""
        self._number += 1
        self._console.print(f"[bold]{self._number}/{self._total}[/] {escape(title)}")
        step = Step(self._console)
        begun = time.monotonic()
        yield step
        self._console.print(f"    [green]✓[/] {escape(step.result)} [dim]({time.monotonic() - begun:.1f} s)[/]")

    @property
    def elapsed_seconds(self) -> float:
        """Since the command began."""
        return time.monotonic() - self._begun


class Step:
    """The running step: lines of progress, and the one-line result."""

    def __init__(self, console: Console) -> None:
        self._console: Final = console
        self.result = "done"

    def say(self, line: str) -> None:
        """A line of progress."""
        self._console.print(f"    [dim]{escape(line)}[/]")


class ResourceProgress:
    """Shows each change the engine makes when it is finished, and counts them. An `on_event` callback."""

    def __init__(self, step: Step, console: Console) -> None:
        self._step: Final = step
        self._console: Final = console
        self._begun: Final[dict[tuple[str, OpType], float]] = {}
        self.counts: Final[Counter[OpType]] = Counter()

    def __call__(self, event: EngineEvent) -> None:
        if event.resource_pre_event is not None and not event.resource_pre_event.planning:
            metadata = event.resource_pre_event.metadata
            self._begun[metadata.urn, metadata.op] = time.monotonic()
        elif event.res_outputs_event is not None and not event.res_outputs_event.planning:
            self._finished(event.res_outputs_event.metadata)
        elif event.res_op_failed_event is not None:
            metadata = event.res_op_failed_event.metadata
            self._console.print(f"    [red]✗ {escape(_described(metadata))}[/]")

    def _finished(self, metadata: StepEventMetadata) -> None:
        self.counts[metadata.op] += 1
        if metadata.op in SILENT or metadata.op not in VERBS:
            return
        sign, color, verb = VERBS[metadata.op]
        seconds = time.monotonic() - self._begun.get((metadata.urn, metadata.op), time.monotonic())
        self._console.print(f"    [{color}]{sign}[/] {escape(_described(metadata))} [dim]{verb} ({seconds:.1f} s)[/]")


def _described(metadata: StepEventMetadata) -> str:
    """`route53 Record shop-primary` rather than a URN."""
    kind = metadata.type.rsplit(":", 1)[-1]
    package, _, module = metadata.type.rpartition(":")[0].partition(":")
    where = module.partition("/")[0]
    prefix = f"{where} " if package not in ("pulumi", "seawall") and where else ""
    return f"{prefix}{kind} {metadata.urn.rsplit('::', 1)[-1]}"
