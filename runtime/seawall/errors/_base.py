"""The root of the tree, and what any part of Seawall may raise."""

from collections.abc import Sequence
from enum import Enum
from typing import Final

__all__ = [
    "MISSING",
    "CannotPickle",
    "CloudUnavailable",
    "InvalidInput",
    "MissingExtra",
    "ObjectiveNotMet",
    "SeawallError",
    "TopologyUnavailable",
    "shown",
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
        given = "is missing" if value is MISSING else f"= {shown(value)}"
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
        super().__init__(f"topology from {shown(source)} cannot be read: {shown(because)}")

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
        super().__init__(f"AWS could not be asked ({shown(asked)}): {shown(because)}")

    def __reduce__(self) -> "tuple[object, ...]":
        return CloudUnavailable, (self.asked, self.because)


class MissingExtra(SeawallError, ImportError):
    """A feature needs a library that is not installed.

    Args:
        extra: The extra that brings it, e.g. `sqlalchemy`.
        feature: What was asked for, e.g. `RoutingSession`.
        distribution: Whose extra it is.
    """

    def __init__(self, extra: str, *, feature: str, distribution: str = "seawall") -> None:
        self.extra: Final = extra
        self.feature: Final = feature
        self.distribution: Final = distribution
        super().__init__(f"{feature} needs an extra that is not installed: pip install '{distribution}[{extra}]'")

    def __reduce__(self) -> "tuple[object, ...]":
        return _rebuild_missing_extra, (self.extra, self.feature, self.distribution)


def _rebuild_missing_extra(extra: str, feature: str, distribution: str) -> MissingExtra:
    return MissingExtra(extra, feature=feature, distribution=distribution)


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


def shown(value: object) -> str:
    """The value on one line, short enough to leave room for what is allowed."""
    text = value if isinstance(value, str) else repr(value)
    text = (
        repr(text) if isinstance(value, str) and (not text or not text.isprintable() or text != text.strip()) else text
    )
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
