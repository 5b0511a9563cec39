"""Which outcomes count. Whatever a user's predicate does, the guarded call ends as it would have without it."""

import logging
from concurrent.futures import CancelledError as FutureCancelled
from typing import Final, cast

from seawall.breaker._config import CircuitBreakerConfig, Recorder
from seawall.errors import CallNotPermitted, UnguardableCallable

__all__ = ["exception_counts", "result_counts"]

_log: Final = logging.getLogger("seawall.breaker")

ALWAYS_NEUTRAL: Final = (CallNotPermitted, UnguardableCallable, FutureCancelled)


def exception_counts(config: CircuitBreakerConfig, error: BaseException) -> bool:
    """Whether `error` is a failure. If not it is neutral.

    What is not an `Exception` (asyncio's and trio's cancellation, interrupts, the end of a generator) never counts. A
    group counts when one of the exceptions in it does: a task group that was cancelled because one task failed holds
    both.
    """
    if isinstance(error, BaseExceptionGroup):
        members = cast("BaseExceptionGroup[BaseException]", error).exceptions
        return any(exception_counts(config, each) for each in members)
    if not isinstance(error, Exception) or isinstance(error, ALWAYS_NEUTRAL):
        return False
    try:
        return _matches(config.record, error) and not _matches(config.ignore, error)
    except Exception:  # noqa: BLE001 - a predicate must not change how the call ends
        _log.exception("a predicate in `record` or `ignore` failed on %r; the call is not counted", error)
        return False


def result_counts(config: CircuitBreakerConfig, result: object) -> bool | None:
    """Whether `result` is a failure; `None` when the predicate failed, which makes the call neutral."""
    if config.record_result is None:
        return False
    try:
        return bool(config.record_result(result))
    except Exception:  # noqa: BLE001 - a predicate must not change how the call ends
        _log.exception("`record_result` failed on a %s; the call is not counted", type(result).__qualname__)
        return None


def _matches(recorders: tuple[Recorder, ...], error: Exception) -> bool:
    for each in recorders:
        if isinstance(each, type):
            if isinstance(error, each):
                return True
        elif each(error):
            return True
    return False
