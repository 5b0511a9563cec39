"""What a session, a request or a job carries: what it has written, and how it wants to read.

The context variable only holds a reference to a scope that can change, so that an endpoint in a thread pool and a child
task add to the same scope as the request that started them.
"""

import contextlib
import functools
import inspect
import math
import threading
import time
from collections.abc import Callable, Generator
from contextvars import ContextVar
from contextvars import Token as Restore
from types import TracebackType
from typing import Any, Final, Literal, ParamSpec, TypeVar, cast, final

from seawall.errors import InvalidInput
from seawall.replicas._model import Bounded, Consistency, ReadYourWrites, WriterOnly
from seawall.replicas._signer import TokenSigner
from seawall.replicas._tokens import CLOCKS_APART_SECONDS, TimeToken, Token, Tokens

__all__ = [
    "Mode",
    "Scope",
    "consistency_scope",
    "current_scope",
    "mode",
    "own_scope",
    "read_only",
    "scope_of",
    "use_writer",
]

P = ParamSpec("P")
R = TypeVar("R")

StartOn = Literal["reader", "writer"]


@final
class Scope:
    """What one session has written, and how it reads. Shared by the threads and tasks of a request.

    From `consistency_scope()`; `ConsistencyMiddleware` opens one per request.
    """

    __slots__ = ("_lock", "consistency", "doubtful_until", "start_on", "sticky", "tokens", "version")

    def __init__(self, *tokens: Token, start_on: StartOn | None = None, consistency: Consistency | None = None) -> None:
        if start_on not in (None, "reader", "writer"):
            raise InvalidInput("start_on", start_on, allowed='"reader", "writer" or None')
        if not isinstance(cast("object", consistency), WriterOnly | Bounded | ReadYourWrites | None):
            raise InvalidInput("consistency", consistency, allowed="WriterOnly, Bounded, ReadYourWrites or None")
        self._lock: Final = threading.Lock()
        self.tokens: Final = Tokens()
        self.version: int = 0
        """Grows with each write that is noted."""
        self.start_on: StartOn | None = start_on
        """Where units of work begin; `None`: as their adapter says."""
        self.consistency: Consistency | None = consistency
        """How to read; `None`: as the router says."""
        self.doubtful_until: float = -math.inf
        """Until when, by the router's clock, reads go to the writer: a commit of this session may or may not have happened,
        or nobody can say where it is. Later every reader that is fit has it, if it happened."""
        self.sticky: Final[dict[str, str]] = {}
        """The reader that each router last gave this session: with another one it might go back in time."""
        for token in tokens:
            self.tokens.add(token)

    def note(self, token: Token) -> None:
        """The session has written up to here."""
        with self._lock:
            self.doubtful_until = -math.inf
            if self.tokens.add(token):
                self.version += 1

    def drop(self, token: Token) -> None:
        """Wait for that write no longer."""
        with self._lock:
            self.tokens.drop(token)
            self.version += 1

    def dump(self, signer: TokenSigner) -> str:
        """The session's writes as a signed text, for a cookie or a job's arguments; empty when it has written nothing.

        Of a commit that may or may not have happened it says when that was: who reads on must not miss it either.
        """
        with self._lock:
            tokens = self.tokens.all()
            if self.doubtful_until > -math.inf:
                tokens = (*tokens, TimeToken(time.time() + CLOCKS_APART_SECONDS))
            return signer.dump(tokens)

    @property
    def mark(self) -> tuple[int, float]:
        """Another one whenever `dump` has more, or less, to say than before."""
        return self.version, self.doubtful_until

    def load(self, text: str, signer: TokenSigner) -> bool:
        """Take over the writes of another request or job. False: the text is not one of ours, or too old, and ignored."""
        tokens = signer.load(text)
        with self._lock:
            for token in tokens or ():
                self.tokens.add(token)
        return tokens is not None


_SCOPE: Final[ContextVar[Scope | None]] = ContextVar("seawall_scope", default=None)


scope_of: Final = _SCOPE.get
"""As `current_scope`, without a frame of its own: it is asked before every statement."""


def current_scope() -> Scope | None:
    """The scope of this context; `None` outside of any, as long as nothing has been written."""
    return _SCOPE.get()


def own_scope() -> Scope:
    """The scope of this context; outside of any, one that lives as long as the context does."""
    scope = _SCOPE.get()
    if scope is None:
        scope = Scope()
        _SCOPE.set(scope)
    return scope


@contextlib.contextmanager
def consistency_scope(
    *tokens: Token, start_on: StartOn | None = None, consistency: Consistency | None = None
) -> Generator[Scope]:
    """One session: its reads see its own writes, and those that `tokens` stand for.

    Args:
        tokens: What was written before, e.g. by the request that started this job.
        start_on: Where units of work begin; `None`: as their adapter says.
        consistency: How to read here; `None`: as the router says.

    Raises:
        InvalidInput: an argument is not allowed.
    """
    scope = Scope(*tokens, start_on=start_on, consistency=consistency)
    restore = _SCOPE.set(scope)
    try:
        yield scope
    finally:
        _SCOPE.reset(restore)


READ_ONLY: Final = 1
USE_WRITER: Final = 2

_MODE: Final[ContextVar[int]] = ContextVar("seawall_mode", default=0)

mode: Final = _MODE.get
"""What this context is inside of: the sum of `READ_ONLY` and `USE_WRITER`."""


@final
class Mode:
    """From `read_only()` and `use_writer()`: a `with` block, or a decorator of a function or coroutine function."""

    __slots__ = ("_flag", "_restore")

    def __init__(self, flag: int) -> None:
        self._flag: Final = flag
        self._restore: list[Restore[int]] = []

    def __enter__(self) -> "Mode":
        self._restore.append(_MODE.set(_MODE.get() | self._flag))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _MODE.reset(self._restore.pop())

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """The function, run inside of such a block.

        Raises:
            InvalidInput: a generator function, whose body would run outside of it.
        """
        flag = self._flag
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise InvalidInput(
                "function", function, allowed="no generator", because="its body runs after the block has ended"
            )
        if inspect.iscoroutinefunction(function):
            coroutine = cast("Callable[..., Any]", function)

            @functools.wraps(function)
            async def inside_later(*args: P.args, **kwargs: P.kwargs) -> Any:
                with Mode(flag):
                    return await coroutine(*args, **kwargs)

            return cast("Callable[P, R]", inside_later)

        @functools.wraps(function)
        def inside(*args: P.args, **kwargs: P.kwargs) -> R:
            with Mode(flag):
                return function(*args, **kwargs)

        return inside


def read_only() -> Mode:
    """Nothing inside writes: a write raises `WriteInReadOnlyScope` before it is sent, and unknown statements go to readers.

    ```python
    with read_only():
        report = session.execute(text("SELECT monthly_report(:month)"), {"month": month})
    ```
    """
    return Mode(READ_ONLY)


def use_writer() -> Mode:
    """Everything inside goes to the writer, reads too: for a transaction that will write, or must not be a moment old."""
    return Mode(USE_WRITER)
