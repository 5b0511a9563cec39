"""Running a whole unit of work again when it was interrupted and nothing of it can have been committed."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, Final, ParamSpec, TypeVar, cast

from seawall.errors import DatabaseInterrupted, InvalidInput
from seawall.selector._model import whole

__all__ = ["retrying"]

P = ParamSpec("P")
R = TypeVar("R")

MOST_ATTEMPTS: Final = 10


def retrying(attempts: int = 3) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a function run again, from its beginning, when it raises a `DatabaseInterrupted` that is safe to retry.

    For functions that hold a whole unit of work, and do nothing else that must not be done twice. The next attempt begins at
    once: where to go is chosen anew, and a router that has nowhere to go raises by itself.

    ```python
    @retrying(attempts=3)
    def place(order):
        with Session() as session, session.begin():
            session.add(order)
    ```

    Args:
        attempts: In all, the first one included. 1 to 10.

    Raises:
        InvalidInput: the number is outside of that, or the function is a generator.
    """
    whole("attempts", attempts, at_most=MOST_ATTEMPTS)

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise InvalidInput(
                "function", function, allowed="no generator", because="what it gave cannot be taken back"
            )
        if inspect.iscoroutinefunction(function):
            coroutine = cast("Callable[..., Any]", function)

            @functools.wraps(function)
            async def again_later(*args: P.args, **kwargs: P.kwargs) -> Any:
                for left in reversed(range(attempts)):
                    try:
                        return await coroutine(*args, **kwargs)
                    except DatabaseInterrupted as error:
                        if not error.safe_to_retry or not left:
                            raise
                raise AssertionError("the last attempt returns or raises")

            return cast("Callable[P, R]", again_later)

        @functools.wraps(function)
        def again(*args: P.args, **kwargs: P.kwargs) -> R:
            for left in reversed(range(attempts)):
                try:
                    return function(*args, **kwargs)
                except DatabaseInterrupted as error:
                    if not error.safe_to_retry or not left:
                        raise
            raise AssertionError("the last attempt returns or raises")

        return again

    return decorate
