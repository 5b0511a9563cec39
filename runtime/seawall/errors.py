"""Every error that Seawall raises, in one tree.

```
SeawallError
├── InvalidInput        an argument or a configuration key has a value that is not allowed (also a ValueError)
├── ObjectiveNotMet     the numbers given cannot meet the objectives that stand beside them
└── MissingExtra        a feature was imported whose library is not installed (also an ImportError)
```

Each message is one line that a tired person can act on: the name, the value, what is allowed, and why.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Final

__all__ = ["MISSING", "InvalidInput", "MissingExtra", "ObjectiveNotMet", "SeawallError"]

LONGEST_VALUE: Final = 120  # characters of a value shown in a message; the rest is cut, so that it stays one line


class _Absent(Enum):
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


def _shown(value: object) -> str:
    """The value on one line, short enough to leave room for what is allowed."""
    text = value if isinstance(value, str) else repr(value)
    text = (
        repr(text) if isinstance(value, str) and (not text or not text.isprintable() or text != text.strip()) else text
    )
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
