"""Every error that Seawall raises, in one tree.

```
SeawallError
├── InvalidInput        an argument or a configuration key has a value that is not allowed (also a ValueError)
├── ObjectiveNotMet     the numbers given cannot meet the objectives that stand beside them
├── TopologyUnavailable the topology could not be read where it is kept: a file, SSM
├── CloudUnavailable    AWS could not be asked: no credentials, denied, throttled or unreachable
├── MissingExtra        a feature was imported whose library is not installed (also an ImportError)
├── NoEndpointAvailable no endpoint may take a call: none has a weight, all are excluded, or panic says to fail
├── CallNotPermitted    a circuit breaker rejected a call: the dependency was not called
├── UnguardableCallable a breaker cannot see whether such a callable fails, and refuses it (also a TypeError)
├── ConflictingConfig   a breaker was asked for by name with another config than it has (also a ValueError)
├── DependencyInLiveness a check of a dependency was to decide liveness (also a TypeError)
├── RegistryFull        a registry holds as many breakers as it may, and none of them is idle
└── CannotPickle        an object that holds locks and live state was to be pickled or copied (also a TypeError)
```

Each message is one line that a tired person can act on: the name, the value, what is allowed, and why.
"""

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, Final, cast

__all__ = [
    "MISSING",
    "CallNotPermitted",
    "CannotPickle",
    "CloudUnavailable",
    "ConflictingConfig",
    "DependencyInLiveness",
    "InvalidInput",
    "MissingExtra",
    "NoEndpointAvailable",
    "ObjectiveNotMet",
    "RegistryFull",
    "SeawallError",
    "TopologyUnavailable",
    "UnguardableCallable",
]

LONGEST_VALUE: Final = 120  # characters of a value shown in a message; the rest is cut, so that it stays one line


class _Absent(Enum):
    """What stands for a value where None is one."""

    MISSING = "missing"


MISSING: Final = _Absent.MISSING
"""The value of an input that was not given: the line then reads `secondary is missing: ...`."""


class SeawallError(Exception):
    """Base of everything that Seawall raises on purpose."""


class InvalidInput(SeawallError, ValueError):
    """An input is not allowed.

    Args:
        name: The argument or configuration key, as the caller wrote it, e.g. `ttl_seconds`.
        value: What was given, or `MISSING`. Never pass a secret: it is shown.
        allowed: What may stand there, e.g. `"10 or 30 seconds"`.
        because: Why, with the arithmetic where there is some; optional.
    """

    def __init__(self, name: str, value: object, *, allowed: str, because: str | None = None) -> None:
        self.name: Final = name
        self.value: Final = value
        self.allowed: Final = allowed
        self.because: Final = because
        reason = f", because {because}" if because else ""
        given = "is missing" if value is MISSING else f"= {_shown(value)}"
        super().__init__(f"{name} {given}: {allowed}{reason}")

    def __reduce__(self) -> "tuple[object, ...]":
        # Exceptions are rebuilt from `args`, which hold the finished line; keyword arguments need this.
        return _rebuild_invalid_input, (self.name, self.value, self.allowed, self.because)


def _rebuild_invalid_input(name: str, value: object, allowed: str, because: str | None) -> InvalidInput:
    return InvalidInput(name, value, allowed=allowed, because=because)


class ObjectiveNotMet(SeawallError):
    """The numbers cannot meet the objectives. One line per violation, each naming the inputs to change.

    Args:
        violations: The lines, at least one.
    """

    def __init__(self, violations: Sequence[str]) -> None:
        self.violations: Final = tuple(violations)
        super().__init__("; ".join(self.violations))

    def __reduce__(self) -> "tuple[object, ...]":
        return ObjectiveNotMet, (self.violations,)


class TopologyUnavailable(SeawallError):
    """The topology could not be read where it is kept. Reading again later may help; what was read before stays good.

    A document that was read but is broken is an `InvalidInput` instead: reading it again does not help.

    Args:
        source: Where it is kept, e.g. `ssm eu-west-1 /seawall/shop/prod/topology`.
        because: Why it could not be read, in one line.
    """

    def __init__(self, source: str, because: str) -> None:
        self.source: Final = source
        self.because: Final = because
        super().__init__(f"topology from {_shown(source)} cannot be read: {_shown(because)}")

    def __reduce__(self) -> "tuple[object, ...]":
        return TopologyUnavailable, (self.source, self.because)


class CloudUnavailable(SeawallError):
    """AWS could not be asked, or refused to answer. Asking again later, or as somebody else, may help.

    Args:
        asked: What was asked, e.g. `route53 ListResourceRecordSets`.
        because: Why there is no answer, in one line.
    """

    def __init__(self, asked: str, because: str) -> None:
        self.asked: Final = asked
        self.because: Final = because
        super().__init__(f"AWS could not be asked ({_shown(asked)}): {_shown(because)}")

    def __reduce__(self) -> "tuple[object, ...]":
        return CloudUnavailable, (self.asked, self.because)


class MissingExtra(SeawallError, ImportError):
    """A feature needs a library that is not installed.

    Args:
        extra: The extra of the `seawall` distribution that brings it, e.g. `sqlalchemy`.
        feature: What was asked for, e.g. `RoutingSession`.
    """

    def __init__(self, extra: str, *, feature: str) -> None:
        self.extra: Final = extra
        self.feature: Final = feature
        super().__init__(f"{feature} needs an extra that is not installed: pip install 'seawall[{extra}]'")

    def __reduce__(self) -> "tuple[object, ...]":
        return _rebuild_missing_extra, (self.extra, self.feature)


def _rebuild_missing_extra(extra: str, feature: str) -> MissingExtra:
    return MissingExtra(extra, feature=feature)


class NoEndpointAvailable(SeawallError):
    """A selector has no endpoint for a call. Never counts as a failure of an endpoint.

    Args:
        selector: Its name.
        because: Why, e.g. `all 3 are excluded`.
    """

    def __init__(self, selector: str, because: str) -> None:
        self.selector: Final = selector
        self.because: Final = because
        super().__init__(f"selector {_shown(selector)} has no endpoint for the call: {because}")

    def __reduce__(self) -> "tuple[object, ...]":
        return NoEndpointAvailable, (self.selector, self.because)


class CallNotPermitted(SeawallError):
    """A circuit breaker rejected a call. A new object each time, so that tracebacks do not grow.

    Never counts as a failure, neither for the breaker that raised it nor for one around it.

    Args:
        retry_after_seconds: Seconds until the next trial may be let through; `None` where nobody knows: while trials
            are under way, or when the breaker was forced open.
        breaker: Its name.
        state: Its state when it rejected, e.g. `open`.
    """

    # No __init__ of its own: rejecting has to be cheap, and BaseException keeps the arguments in C.
    if TYPE_CHECKING:

        def __init__(self, retry_after_seconds: float | None, breaker: str, state: str) -> None: ...

    @property
    def retry_after_seconds(self) -> float | None:
        """Seconds until the next trial may be let through, or `None`."""
        return cast("float | None", self.args[0])

    @property
    def breaker(self) -> str:
        """Name of the breaker."""
        return cast("str", self.args[1])

    @property
    def state(self) -> str:
        """The breaker's state when it rejected the call."""
        return cast("str", self.args[2])

    def __str__(self) -> str:
        after = self.retry_after_seconds
        hint = "" if after is None else f", next trial in {after:.3g} s"
        return f"breaker {_shown(self.breaker)} is {self.state.replace('_', ' ')}: call not permitted{hint}"


class UnguardableCallable(SeawallError, TypeError):
    """A breaker cannot see whether such a callable fails.

    Args:
        what: The callable, as it is to be shown.
        because: Why, and what to decorate instead.
    """

    def __init__(self, what: str, because: str) -> None:
        self.what: Final = what
        self.because: Final = because
        super().__init__(f"{_shown(what)} cannot be guarded: {because}")

    def __reduce__(self) -> "tuple[object, ...]":
        return UnguardableCallable, (self.what, self.because)


class ConflictingConfig(SeawallError, ValueError):
    """One name, two configs.

    Args:
        name: The breaker's name.
        differences: One `field = asked (has ...)` per field that differs.
    """

    def __init__(self, name: str, differences: Sequence[str]) -> None:
        self.name: Final = name
        self.differences: Final = tuple(differences)
        super().__init__(f"breaker {_shown(name)} exists with another config: {', '.join(self.differences)}")

    def __reduce__(self) -> "tuple[object, ...]":
        return ConflictingConfig, (self.name, self.differences)


class DependencyInLiveness(SeawallError, TypeError):
    """A check of a dependency was to decide liveness.

    Args:
        check: Its name.
    """

    def __init__(self, check: str) -> None:
        self.check: Final = check
        super().__init__(
            f"check {_shown(check)} cannot decide liveness, only a SelfCheck can: register it with readiness(), because "
            "an outage of what it asks would restart every instance, and no restart brings a dependency back"
        )

    def __reduce__(self) -> "tuple[object, ...]":
        return DependencyInLiveness, (self.check,)


class RegistryFull(SeawallError):
    """A registry holds as many breakers as it may, and none of them is idle.

    Args:
        name: The breaker asked for.
        max_breakers: The limit.
    """

    def __init__(self, name: str, max_breakers: int) -> None:
        self.name: Final = name
        self.max_breakers: Final = max_breakers
        super().__init__(
            f"no room for breaker {_shown(name)}: max_breakers = {max_breakers:,} are held and none of them is closed"
        )

    def __reduce__(self) -> "tuple[object, ...]":
        return RegistryFull, (self.name, self.max_breakers)


class CannotPickle(SeawallError, TypeError):
    """An object that holds locks and live state was to be pickled or copied.

    Args:
        what: The kind of object, e.g. `CircuitBreaker 'payments'`.
    """

    def __init__(self, what: str) -> None:
        self.what: Final = what
        super().__init__(f"{what} cannot be pickled or copied: make one in each process, by name")

    def __reduce__(self) -> "tuple[object, ...]":
        return CannotPickle, (self.what,)


def _shown(value: object) -> str:
    """The value on one line, short enough to leave room for what is allowed."""
    text = value if isinstance(value, str) else repr(value)
    text = (
        repr(text) if isinstance(value, str) and (not text or not text.isprintable() or text != text.strip()) else text
    )
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
