"""Which callables a breaker can guard, and which it refuses rather than leave them silently unguarded."""

import contextlib
import functools
import inspect
import types
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from concurrent.futures import Future
from enum import Enum, auto
from typing import Any, Final, cast

from seawall.errors import UnguardableCallable

__all__ = ["Kind", "eager", "kind_of", "note_guard", "refuse_lazy"]

GUARDED_BY: Final = "__seawall_guarded_by__"  # on guarded functions; functools.wraps carries it to what wraps them
MOST_EAGER: Final = 1024  # types; a program that makes types while it runs must not grow the set for ever

eager: Final[set[type]] = {bool, bytes, dict, float, int, list, str, tuple, type(None)}
"""Types of results that are known to be finished: the function's work was done when it returned them."""


class Kind(Enum):
    """What a callable does when it is called."""

    FUNCTION = auto()
    COROUTINE = auto()
    GENERATOR = auto()
    ASYNC_GENERATOR = auto()


def _nothing() -> Generator[None, None, None]:
    yield


async def _nothing_async() -> AsyncGenerator[None, None]:
    yield


_LAZY: Final[tuple[type, ...]] = (
    types.GeneratorType,
    types.CoroutineType,
    types.AsyncGeneratorType,
    Future,
    map,
    filter,
    type(contextlib.contextmanager(_nothing)()),
    type(contextlib.asynccontextmanager(_nothing_async)()),
)


def refuse_lazy(function: Callable[..., Any], result: object) -> None:
    """Raise when `result` has yet to do its work, unseen by the breaker; else remember its type as finished.

    Raises:
        UnguardableCallable: the result is a coroutine, a generator, something to await, a future, a `map` or `filter`,
            or a context manager made of a generator.
    """
    kind: type = type(result)
    if not isinstance(result, (*_LAZY, Awaitable)):
        if len(eager) >= MOST_EAGER:
            eager.clear()
        eager.add(kind)
        return
    if isinstance(result, types.CoroutineType):
        cast("types.CoroutineType[Any, Any, Any]", result).close()  # or Python warns that it was never awaited
    raise UnguardableCallable(
        _shown(function),
        f"it returned a {kind.__name__}, whose work is done later and unseen; decorate the `async def` or the "
        "generator function itself, or finish the work inside",
    )


def kind_of(function: object, owner: object) -> Kind:
    """What `function` is, for the breaker `owner`.

    Raises:
        UnguardableCallable: a class, a property or another descriptor, a context manager function, or a function that
            the same breaker guards already.
    """
    if isinstance(function, type):
        raise UnguardableCallable(
            _shown(function), "a class would be replaced by a function; decorate the methods that call the dependency"
        )
    if not callable(function):
        hint = "it cannot be called"
        if hasattr(type(function), "__get__"):
            hint = "it is a property or another descriptor; decorate the function below it"
        raise UnguardableCallable(_shown(function), hint)
    if owner in getattr(function, GUARDED_BY, ()):
        raise UnguardableCallable(
            _shown(function), "this breaker guards it already; twice, each trial would wait for a second permit"
        )
    if getattr(function, "__globals__", None) is vars(contextlib):
        raise UnguardableCallable(
            _shown(function), "its work is done when the context is entered; put the breaker below @contextmanager"
        )
    target: object = function
    while isinstance(target, functools.partial):
        target = cast("functools.partial[Any]", target).func
    if not inspect.isroutine(target) and not isinstance(target, type):
        target = type(target).__call__  # type: ignore[operator] # callable was checked; a callable object's own method
    if inspect.isasyncgenfunction(target):
        return Kind.ASYNC_GENERATOR
    if inspect.iscoroutinefunction(target) or inspect.iscoroutinefunction(function) or _made_awaitable(target):
        return Kind.COROUTINE
    if inspect.isgeneratorfunction(target):
        return Kind.GENERATOR
    return Kind.FUNCTION


def _made_awaitable(function: object) -> bool:
    """Whether it is a generator function that `types.coroutine` made a coroutine function."""
    code = getattr(function, "__code__", None)
    return isinstance(code, types.CodeType) and bool(code.co_flags & inspect.CO_ITERABLE_COROUTINE)


def note_guard(owner: object, function: Callable[..., Any], guarded: Callable[..., Any]) -> None:
    """Let `guarded` say who guards it, and keep the guarding object alive."""
    setattr(guarded, GUARDED_BY, (*getattr(function, GUARDED_BY, ()), owner))


def _shown(function: object) -> str:
    return getattr(function, "__qualname__", None) or repr(function)
