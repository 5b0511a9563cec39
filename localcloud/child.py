"""Child processes that are watched while they run and cannot outlive us.

A build of minutes needs three things that `subprocess.run` lacks: its lines while it runs, a sign of life to pass on,
and an end of *all* its processes whenever we stop, be it by an exception, Ctrl-C, a time limit or SIGKILL.
"""

import collections
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

__all__ = ["Child", "ChildFailed", "run", "wait"]

GUARD: Final = Path(__file__).resolve().parent / "child_guard.py"
LINES_KEPT: Final = 400  # of a child's output; enough for the error at its end
POLL_SECONDS: Final = 0.02
SECONDS_TO_DIE: Final = 10.0  # after SIGKILL: only the kernel's own cleaning is left


class ChildFailed(Exception):
    """A child ended badly or took too long; the text is one short line."""


class Child:
    """One running command, standard output and error as one stream of lines. Use it with `with`.

    Args:
        command: The program and its arguments. It gets no standard input and no terminal.
        environ: Its whole environment.
        folder: Where it runs; by default where we do.
        on_line: Called for each line, in a thread of its own.
        account: User and group id to run it as, which only root may ask for; by default our own.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        environ: Mapping[str, str],
        folder: Path | None = None,
        on_line: Callable[[str], None] | None = None,
        account: tuple[int, int] | None = None,
    ) -> None:
        self.name: Final = Path(command[0]).name
        self._on_line = on_line
        self._lines: collections.deque[str] = collections.deque(maxlen=LINES_KEPT)
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(GUARD), _as_argument(account), *map(str, command)],
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, name=f"lines of {self.name}", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:  # the guard lives, so the group is surely still its own
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(SECONDS_TO_DIE)
        self._reader.join(SECONDS_TO_DIE)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None and not (stream is self._process.stdout and self._reader.is_alive()):
                with contextlib.suppress(OSError):
                    stream.close()

    @property
    def pid(self) -> int:
        """Process id of the guard, which is also the id of the process group."""
        return self._process.pid

    @property
    def lines(self) -> list[str]:
        """The last lines so far; all of them once `finished` has returned true for a quiet child."""
        return list(self._lines)

    def finished(self) -> bool:
        """Whether the command ended well.

        Raises:
            ChildFailed: it ended with another exit code than 0; the text has its last line.
        """
        code = self._process.poll()
        if code is None:
            return False
        self._reader.join(SECONDS_TO_DIE)
        if code:
            raise ChildFailed(f"{last_words(self._lines)} (exit code {code})")
        return True

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None  # noqa: S101 - a pipe was asked for
        with contextlib.suppress(ValueError):  # closed under us at the end
            for line in stream:
                self._lines.append(line.rstrip())
                if self._on_line:
                    self._on_line(line.rstrip())


def _as_argument(account: tuple[int, int] | None) -> str:
    return f"{account[0]}:{account[1]}" if account else ""


def last_words(lines: Sequence[str]) -> str:
    """The last line that says something, for an error of one line."""
    return next((line.strip() for line in reversed(lines) if line.strip()), "no output")


def wait(
    children: Sequence[Child],
    *,
    limit_seconds: float,
    beat: Callable[[], None] = lambda: None,
    beat_seconds: float = 10.0,
) -> None:
    """Wait until all children ended well, calling `beat` every `beat_seconds`.

    Raises:
        ChildFailed: one ended badly, or `limit_seconds` passed. The others are left to their `with`.
    """
    begun = time.monotonic()
    next_beat = begun + beat_seconds
    while True:
        finished = [child.finished() for child in children]  # each is asked, so that a failure shows at once
        if all(finished):
            return
        now = time.monotonic()
        if now - begun > limit_seconds:
            names = " and ".join(child.name for child in children)
            raise ChildFailed(f"{names} not done after {limit_seconds:.0f} s")
        if now >= next_beat:
            beat()
            next_beat += beat_seconds
        time.sleep(POLL_SECONDS)


def run(
    command: Sequence[str | Path],
    *,
    environ: Mapping[str, str],
    limit_seconds: float,
    folder: Path | None = None,
    beat: Callable[[], None] = lambda: None,
    beat_seconds: float = 10.0,
) -> list[str]:
    """Run a command to its end and return its lines.

    Raises:
        ChildFailed: it could not be started, ended badly, or took longer than `limit_seconds`.
    """
    with Child(command, environ=environ, folder=folder) as child:
        wait([child], limit_seconds=limit_seconds, beat=beat, beat_seconds=beat_seconds)
        return child.lines
