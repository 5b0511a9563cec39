"""Functions around the user's functions: who is let through, and what is made of the outcome.

The bodies below repeat each other on purpose. A guarded call that succeeds costs a fraction of a microsecond, and one
more Python frame would be a fifth of it; so each kind of callable has its whole path in one place. No exception is kept
in a local variable while it is raised: it would form a cycle with its own traceback, which costs more than all the rest
of a rejection.

A success on the fast path takes no lock and leaves nothing but one atomic tick.
"""

import functools
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from typing import Any, Final, NoReturn, ParamSpec, TypeVar

from seawall.breaker._core import Core
from seawall.breaker._phases import State, Ticket
from seawall.breaker._shapes import eager, refuse_lazy
from seawall.errors import CallNotPermitted

__all__ = ["acall", "call", "guard_async", "guard_async_generator", "guard_generator", "guard_sync"]

P = ParamSpec("P")
R = TypeVar("R")
Y = TypeVar("Y")
S = TypeVar("S")

FORCED_OPEN: Final = State.FORCED_OPEN
OPEN: Final = State.OPEN


def _timed(core: Core) -> bool:
    """Whether a success has to look at the clock."""
    return core.slow_after < math.inf or core.config.sliding_window == "time"


def guard_sync(core: Core, function: Callable[P, R]) -> Callable[P, R]:
    """A guarded function around a function."""
    name, now, refused, slow_after = core.name, core.now, core.refused, core.slow_after

    def untimed(*args: P.args, **kwargs: P.kwargs) -> R:
        window = core.window
        if window is None:
            phase = core.phase
            if phase.forced:
                refused()
                raise CallNotPermitted(None, name, FORCED_OPEN)
            left = phase.until - now()
            if left > 0.0:
                refused()
                raise CallNotPermitted(left, name, OPEN)
            return _run(core, function, *args, **kwargs)
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            core.raised(window, error, 0.0)
            raise
        if type(result) not in eager:
            refuse_lazy(function, result)
        if window.alert:
            core.returned(window, result, 0.0)
        else:
            window.tick()
        return result

    def timed(*args: P.args, **kwargs: P.kwargs) -> R:
        window = core.window
        if window is None:
            phase = core.phase
            if phase.forced:
                refused()
                raise CallNotPermitted(None, name, FORCED_OPEN)
            left = phase.until - now()
            if left > 0.0:
                refused()
                raise CallNotPermitted(left, name, OPEN)
            return _run(core, function, *args, **kwargs)
        began = now()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            core.raised(window, error, began)
            raise
        ended = now()
        if type(result) not in eager:
            refuse_lazy(function, result)
        if ended - began > slow_after or ended >= window.fresh_until:
            core.returned(window, result, began)
        else:
            window.tick()
        return result

    return functools.wraps(function)(timed if _timed(core) else untimed)


def _run(core: Core, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """One call that needs a ticket: half-open, disabled, or open with its wait over."""
    ticket = core.admit()
    if ticket is None:
        raise core.refusal()
    try:
        result = function(*args, **kwargs)
        if type(result) not in eager:
            refuse_lazy(function, result)
    except BaseException as error:
        core.ticket_raised(ticket, error)
        raise
    core.ticket_returned(ticket, result)
    return result


def call(core: Core, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """One guarded call of a function that is not decorated."""
    window = core.window
    if window is None:
        return _run(core, function, *args, **kwargs)
    began = core.now()
    try:
        result = function(*args, **kwargs)
    except BaseException as error:
        core.raised(window, error, began)
        raise
    ended = core.now()
    if type(result) not in eager:
        refuse_lazy(function, result)
    if ended - began > core.slow_after or ended >= window.fresh_until:
        core.returned(window, result, began)
    else:
        window.tick()
    return result


def guard_async(core: Core, function: Callable[P, Awaitable[R]]) -> Callable[P, Coroutine[Any, Any, R]]:
    """A guarded coroutine function around a coroutine function."""
    name, now, refused, slow_after = core.name, core.now, core.refused, core.slow_after

    async def untimed(*args: P.args, **kwargs: P.kwargs) -> R:
        window = core.window
        if window is None:
            phase = core.phase
            if phase.forced:
                refused()
                raise CallNotPermitted(None, name, FORCED_OPEN)
            left = phase.until - now()
            if left > 0.0:
                refused()
                raise CallNotPermitted(left, name, OPEN)
            return await _arun(core, function, *args, **kwargs)
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            core.raised(window, error, 0.0)
            raise
        if type(result) not in eager:
            refuse_lazy(function, result)
        if window.alert:
            core.returned(window, result, 0.0)
        else:
            window.tick()
        return result

    async def timed(*args: P.args, **kwargs: P.kwargs) -> R:
        window = core.window
        if window is None:
            phase = core.phase
            if phase.forced:
                refused()
                raise CallNotPermitted(None, name, FORCED_OPEN)
            left = phase.until - now()
            if left > 0.0:
                refused()
                raise CallNotPermitted(left, name, OPEN)
            return await _arun(core, function, *args, **kwargs)
        began = now()
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            core.raised(window, error, began)
            raise
        ended = now()
        if type(result) not in eager:
            refuse_lazy(function, result)
        if ended - began > slow_after or ended >= window.fresh_until:
            core.returned(window, result, began)
        else:
            window.tick()
        return result

    return functools.wraps(function)(timed if _timed(core) else untimed)


async def _arun(core: Core, function: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """`_run` for a coroutine function."""
    ticket = core.admit()
    if ticket is None:
        raise core.refusal()
    try:
        result = await function(*args, **kwargs)
        if type(result) not in eager:
            refuse_lazy(function, result)
    except BaseException as error:
        core.ticket_raised(ticket, error)
        raise
    core.ticket_returned(ticket, result)
    return result


async def acall(core: Core, function: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """`call` for a coroutine function."""
    window = core.window
    if window is None:
        return await _arun(core, function, *args, **kwargs)
    began = core.now()
    try:
        result = await function(*args, **kwargs)
    except BaseException as error:
        core.raised(window, error, began)
        raise
    ended = core.now()
    if type(result) not in eager:
        refuse_lazy(function, result)
    if ended - began > core.slow_after or ended >= window.fresh_until:
        core.returned(window, result, began)
    else:
        window.tick()
    return result


def _ticket(core: Core) -> Ticket:
    ticket = core.admit()
    if ticket is None:
        raise core.refusal()
    return ticket


def _no_step() -> NoReturn:
    """What a generator's guard holds before its first step and after its last: no exception that was thrown in."""
    raise AssertionError("no step to take")


def guard_generator(core: Core, function: Callable[P, Generator[Y, S, R]]) -> Callable[P, Generator[Y, S, R]]:
    """A guarded generator function: one call from its first step to its end.

    Admitted at the first step, where its body starts. Its duration is the time it spends itself, not what its consumer
    does between two items. Closed or abandoned early it is neutral.
    """

    def guarded(*args: P.args, **kwargs: P.kwargs) -> Generator[Y, S, R]:
        ticket = _ticket(core)
        now = core.now
        spent = 0.0
        step: Callable[[], Y] = _no_step
        try:
            source = function(*args, **kwargs)
            step = functools.partial(next, source)
            while True:
                began = now()
                try:
                    item = step()
                finally:
                    spent += now() - began
                try:
                    sent = yield item
                except GeneratorExit:
                    source.close()
                    raise
                except BaseException as thrown:  # noqa: BLE001 - handed to the generator, which may raise it again
                    step = functools.partial(source.throw, thrown)
                else:
                    step = functools.partial(source.send, sent)
        except StopIteration as stop:
            result: R = stop.value
        except BaseException as error:
            core.ticket_raised(ticket, error, spent)
            raise
        finally:
            step = _no_step
        core.ticket_returned(ticket, result, spent)
        return result

    return functools.wraps(function)(guarded)


def guard_async_generator(core: Core, function: Callable[P, AsyncGenerator[Y, S]]) -> Callable[P, AsyncGenerator[Y, S]]:
    """A guarded async generator function; as `guard_generator`."""

    async def guarded(*args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[Y, S]:
        ticket = _ticket(core)
        now = core.now
        spent = 0.0
        step: Callable[[], Awaitable[Y]] = _no_step
        try:
            source = function(*args, **kwargs)
            step = source.__anext__
            while True:
                began = now()
                try:
                    item = await step()
                finally:
                    spent += now() - began
                try:
                    sent = yield item
                except GeneratorExit:
                    await source.aclose()
                    raise
                except BaseException as thrown:  # noqa: BLE001 - handed to the generator, which may raise it again
                    step = functools.partial(source.athrow, thrown)
                else:
                    step = functools.partial(source.asend, sent)
        except StopAsyncIteration:
            pass
        except BaseException as error:
            core.ticket_raised(ticket, error, spent)
            raise
        finally:
            step = _no_step
        core.settle(ticket, failed=False, spent=spent)  # it has no result that `record_result` could judge

    return functools.wraps(function)(guarded)
