"""Faults on purpose, inside the app: latency, errors, aborted requests. Off unless switched on, and then for a time only.

```python
faults = FaultInjector([Fault("slow payments", at="payments", kind="latency", latency_seconds=2.0, ratio=0.1)])

def charge(order):
    faults.inject("payments")      # costs a look at one attribute while off
    ...
faults.switch_on(for_seconds=300)
```

The words are Envoy's fault filter's: a delay, and an abort with a status. Each fault that is injected is counted.
"""

import random as random_module
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Final, Literal, final

from seawall._forks import renew_after_fork
from seawall._sleep import sleep_async
from seawall.asgi import ASGIApp, Receive, Scope, Send
from seawall.clock import SYSTEM_CLOCK, Clock
from seawall.errors import InvalidInput, SeawallError

__all__ = ["Fault", "FaultAborted", "FaultInjector", "FaultsMiddleware", "FaultsSnapshot"]

LONGEST_SECONDS: Final = 24 * 3600.0  # a fault that was forgotten ends within a day


class FaultAborted(SeawallError):
    """A fault said so: this call was aborted on purpose.

    Args:
        fault: The fault's name.
        status: The HTTP status that stands for it.
    """

    def __init__(self, fault: str, status: int) -> None:
        self.fault: Final = fault
        self.status: Final = status
        super().__init__(f"aborted by fault {fault!r} with status {status}: somebody switched faults on")

    def __reduce__(self) -> "tuple[object, ...]":
        return FaultAborted, (self.fault, self.status)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to go wrong.

    Raises:
        InvalidInput: a value outside what is said here, or one that the kind does not know.
    """

    name: str
    """Shown in metrics and errors."""
    at: str = field(kw_only=True)
    """Where: the name of a point, with `*` for anything, e.g. `payments` or `GET /orders*`."""
    kind: Literal["latency", "error", "abort"] = field(kw_only=True)
    ratio: float = field(default=1.0, kw_only=True)
    """Of the calls, above 0 and at most 1."""
    latency_seconds: float = field(default=0.0, kw_only=True)
    """Of a `"latency"`: how much longer the call takes."""
    error: Callable[[], BaseException] = field(default=ConnectionError, kw_only=True)
    """Of an `"error"`: makes what is raised; an exception class will do."""
    status: int = field(default=503, kw_only=True)
    """Of an `"abort"`: the HTTP status, 400 to 599."""

    def __post_init__(self) -> None:
        for name in ("name", "at"):
            if not getattr(self, name):
                raise InvalidInput(name, getattr(self, name), allowed="a text that is not empty")
        if self.kind not in ("latency", "error", "abort"):
            raise InvalidInput("kind", self.kind, allowed='"latency", "error" or "abort"')
        if not 0.0 < self.ratio <= 1.0:
            raise InvalidInput("ratio", self.ratio, allowed="above 0 and at most 1")
        if not 0.0 <= self.latency_seconds < float("inf") or (self.latency_seconds > 0.0) is not (
            self.kind == "latency"
        ):
            raise InvalidInput(
                "latency_seconds", self.latency_seconds, allowed='above 0, finite, for kind="latency"; 0 for others'
            )
        if not callable(self.error):
            raise InvalidInput("error", self.error, allowed="an exception class, or a function that makes an exception")
        if not 400 <= self.status <= 599:
            raise InvalidInput("status", self.status, allowed="400 to 599")


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultsSnapshot:
    """An injector at one moment."""

    enabled: bool
    seconds_left: float
    """Until it is off by itself; 0 when off."""
    injected: Mapping[tuple[str, str], int]
    """How often each fault was injected, by name and kind, since the injector was made."""


@final
class FaultInjector:
    """Injects faults at named points, while switched on.

    Args:
        faults: What may go wrong. Names must differ. All that match a point are injected, in this order.
        clock: Monotonic time.
        random: Random numbers in [0, 1).
        sleep: Waits in sync code.
        async_sleep: Waits in async code; `None`: as asyncio or trio does, whichever runs.

    Raises:
        InvalidInput: two faults of one name.
    """

    def __init__(
        self,
        faults: Iterable[Fault] = (),
        *,
        clock: Clock = SYSTEM_CLOCK,
        random: Callable[[], float] = random_module.random,
        sleep: Callable[[float], object] = time.sleep,
        async_sleep: Callable[[float], Awaitable[object]] | None = None,
    ) -> None:
        self._clock: Final = clock
        self._random: Final = random
        self._sleep: Final = sleep
        self._async_sleep: Final = sleep_async if async_sleep is None else async_sleep
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._until: float | None = None  # None: off, which is all that a call looks at
        self.faults: tuple[Fault, ...] = ()
        """What may go wrong; `replace` changes it."""
        self.replace(faults)
        renew_after_fork(self)

    def replace(self, faults: Iterable[Fault]) -> None:
        """Let other things go wrong from now on. Neither switches on nor off.

        Raises:
            InvalidInput: two faults of one name.
        """
        faults = tuple(faults)
        names = Counter(each.name for each in faults)
        for name, count in names.items():
            if count > 1:
                raise InvalidInput("faults", name, allowed="names that differ")
        self.faults = faults

    def switch_on(self, *, for_seconds: float) -> None:
        """Inject from now on, and stop by yourself after `for_seconds`, above 0 and at most a day.

        Raises:
            InvalidInput: another time.
        """
        if not 0.0 < for_seconds <= LONGEST_SECONDS:
            raise InvalidInput(
                "for_seconds",
                for_seconds,
                allowed=f"above 0 and at most {LONGEST_SECONDS:,.0f}",
                because="faults that nobody remembers are an outage",
            )
        self._until = self._clock.monotonic() + for_seconds

    def switch_off(self) -> None:
        """Inject nothing. Idempotent."""
        self._until = None

    @property
    def enabled(self) -> bool:
        """Whether faults are injected now."""
        until = self._until
        if until is None:
            return False
        if self._clock.monotonic() < until:
            return True
        self._until = None
        return False

    def inject(self, point: str) -> None:
        """Let go wrong what is to go wrong at `point`: wait, raise, or do nothing.

        Raises:
            FaultAborted: an abort.
            BaseException: whatever an error fault makes.
        """
        if self._until is None:
            return
        for fault in self._due(point):
            if fault.kind == "latency":
                self._sleep(fault.latency_seconds)
            else:
                raise _outcome(fault)

    async def ainject(self, point: str) -> None:
        """The same in async code."""
        if self._until is None:
            return
        for fault in self._due(point):
            if fault.kind == "latency":
                await self._async_sleep(fault.latency_seconds)
            else:
                raise _outcome(fault)

    def snapshot(self) -> FaultsSnapshot:
        """Whether it is on, and what it has done."""
        enabled = self.enabled
        until = self._until
        left = max(0.0, until - self._clock.monotonic()) if enabled and until is not None else 0.0
        with self._lock:
            return FaultsSnapshot(enabled=enabled, seconds_left=left, injected=MappingProxyType(dict(self._counts)))

    def _due(self, point: str) -> Iterable[Fault]:
        """What is injected at `point`, counted one by one: what comes after an error is not."""
        if not self.enabled:
            return
        for fault in self.faults:
            if fnmatchcase(point, fault.at) and self._random() < fault.ratio:
                with self._lock:
                    self._counts[fault.name, fault.kind] += 1
                yield fault

    def after_fork(self) -> None:
        """In the child: the lock may be held by a thread that does not exist here."""
        self._lock = threading.Lock()


@final
class FaultsMiddleware:
    """ASGI: injects at the point `"<method> <path>"` of each HTTP request, e.g. `GET /orders/7`.

    An abort is answered with its status; an error is raised, as if the app had.

    Args:
        app: What comes after.
        injector: What goes wrong.
    """

    def __init__(self, app: ASGIApp, injector: FaultInjector) -> None:
        self._app: Final = app
        self._injector: Final = injector

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or let it go wrong."""
        if scope["type"] == "http" and self._injector.enabled:
            try:
                await self._injector.ainject(f"{scope['method']} {scope['path']}")
            except FaultAborted as abort:
                body = str(abort).encode()
                headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
                await send({"type": "http.response.start", "status": abort.status, "headers": headers})
                await send({"type": "http.response.body", "body": body})
                return
        await self._app(scope, receive, send)


def _outcome(fault: Fault) -> BaseException:
    return FaultAborted(fault.name, fault.status) if fault.kind == "abort" else fault.error()
