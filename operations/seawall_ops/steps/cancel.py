"""SIGINT and SIGTERM ask an operation to stop at its next safe point; asked twice, the process ends as ever."""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Final

__all__ = ["Cancellation", "cancelled_by_signals"]

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Cancellation:
    """Whether somebody asked to stop. Safe to use from many threads and from signal handlers."""

    def __init__(self) -> None:
        self._because = ""

    @property
    def because(self) -> str:
        """Why; empty while nobody asked."""
        return self._because

    def request(self, because: str) -> None:
        """Ask to stop at the next safe point: between two phases, never inside of an apply or an undo."""
        self._because = self._because or because


@contextmanager
def cancelled_by_signals() -> Generator[Cancellation]:
    """Within, the first SIGINT or SIGTERM requests, and the second one does what it did before.

    Outside of the main thread, where Python handles no signals, it only gives a `Cancellation`.
    """
    cancellation = Cancellation()
    if threading.current_thread() is not threading.main_thread():
        yield cancellation
        return
    before = {each: signal.getsignal(each) for each in SIGNALS}

    def restore() -> None:
        for each, handler in before.items():
            signal.signal(each, handler if handler is not None else signal.SIG_DFL)

    def handle(number: int, _frame: FrameType | None) -> None:
        cancellation.request(f"asked by {signal.Signals(number).name}")
        restore()

    for each in SIGNALS:
        signal.signal(each, handle)
    try:
        yield cancellation
    finally:
        restore()
