"""What breakers, selectors and health registries raise."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, cast

from seawall.errors._base import SeawallError, shown

__all__ = [
    "CallNotPermitted",
    "ConflictingConfig",
    "DependencyInLiveness",
    "NoEndpointAvailable",
    "RegistryFull",
    "UnguardableCallable",
]


class NoEndpointAvailable(SeawallError):
    """A selector has no endpoint for a call. Never counts as a failure of an endpoint.

    Args:
        selector: Its name.
        because: Why, e.g. `all 3 are excluded`.
    """

    def __init__(self, selector: str, because: str) -> None:
        self.selector: Final = selector
        self.because: Final = because
        super().__init__(f"selector {shown(selector)} has no endpoint for the call: {because}")

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
        return f"breaker {shown(self.breaker)} is {self.state.replace('_', ' ')}: call not permitted{hint}"


class UnguardableCallable(SeawallError, TypeError):
    """A breaker cannot see whether such a callable fails.

    Args:
        what: The callable, as it is to be shown.
        because: Why, and what to decorate instead.
    """

    def __init__(self, what: str, because: str) -> None:
        self.what: Final = what
        self.because: Final = because
        super().__init__(f"{shown(what)} cannot be guarded: {because}")

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
        super().__init__(f"breaker {shown(name)} exists with another config: {', '.join(self.differences)}")

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
            f"check {shown(check)} cannot decide liveness, only a SelfCheck can: register it with readiness(), because "
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
            f"no room for breaker {shown(name)}: max_breakers = {max_breakers:,} are held and none of them is closed"
        )

    def __reduce__(self) -> "tuple[object, ...]":
        return RegistryFull, (self.name, self.max_breakers)
