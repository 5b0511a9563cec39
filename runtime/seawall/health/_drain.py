"""Leaving without cutting anybody off: say so, wait until it is known, then stop."""

import asyncio
import contextlib
import logging
import os
import signal
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from types import FrameType
from typing import Any, Final

from seawall.contract import DRAIN_SECONDS, DRAIN_SECONDS_VARIABLE
from seawall.errors import InvalidInput
from seawall.health._registry import HealthRegistry

__all__ = ["draining_on_signals"]

_log: Final = logging.getLogger("seawall.health")


@contextlib.asynccontextmanager
async def draining_on_signals(
    registry: HealthRegistry,
    *,
    wait_seconds: float | None = None,
    signals: Sequence[signal.Signals] = (signal.SIGTERM,),
) -> AsyncGenerator[None, None]:
    """While the block runs, such a signal first drains, and reaches the server `wait_seconds` later.

    For an app's lifespan. A server closes its listening socket as soon as it is told to stop, while load balancers go on
    to send it requests until a probe has failed; those would be refused. A second signal is passed on at once.

    Args:
        registry: What is drained.
        wait_seconds: As long as it takes until nobody sends requests: probe period times failures, plus the load
            balancer's own delay. 0 or more. When left out, what the environment variable `SEAWALL_DRAIN_SECONDS` says, which
            `CanaryRollout` sets, else 15. Must end before whoever sent the signal loses patience
            (`terminationGracePeriodSeconds`).
        signals: Which ones.

    Outside of the main thread, where Python delivers no signals (test clients), it does nothing, as uvicorn itself does.

    Raises:
        InvalidInput: a negative `wait_seconds`, or no number in the environment variable.
    """
    if wait_seconds is None:
        wait_seconds = _declared_seconds()
    if not 0.0 <= wait_seconds < float("inf"):
        raise InvalidInput("wait_seconds", wait_seconds, allowed="0 seconds or more")
    if threading.current_thread() is not threading.main_thread():
        _log.info("not in the main thread: no signal drains this app")
        yield
        return
    loop = asyncio.get_running_loop()
    before: dict[int, Any] = {}

    def stop(number: int, frame: FrameType | None) -> None:
        handler: Callable[[int, FrameType | None], Any] | int | None = before[number]
        if callable(handler):
            handler(number, frame)
        elif handler != signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    def drain(number: int, frame: FrameType | None) -> None:
        if registry.draining:
            stop(number, frame)
            return
        registry.drain()
        # From a signal handler only this wakes a loop that is asleep.
        loop.call_soon_threadsafe(loop.call_later, wait_seconds, stop, number, None)

    for each in signals:
        before[each] = signal.signal(each, drain)
    try:
        yield
    finally:
        for each in signals:
            if signal.getsignal(each) is drain:
                signal.signal(each, before[each])


def _declared_seconds() -> float:
    text = os.environ.get(DRAIN_SECONDS_VARIABLE, "")
    try:
        return float(text) if text else float(DRAIN_SECONDS)
    except ValueError:
        raise InvalidInput(DRAIN_SECONDS_VARIABLE, text, allowed="a number of seconds") from None
