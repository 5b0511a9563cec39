"""One call to one endpoint, and how it ended."""

from types import TracebackType
from typing import Final, NoReturn, final

from seawall.errors import CallNotPermitted, CannotPickle, NoEndpointAvailable
from seawall.selector._core import Core
from seawall.selector._member import Member
from seawall.selector._model import Endpoint, OutlierDetection, counts_as_failure

__all__ = ["Attempt", "CountedAttempt", "TimedAttempt"]

SETTLED: Final = -1  # an epoch that no endpoint has


class Attempt:
    """One call to one endpoint, from `EndpointSelector.pick`. Say once how it ended; a second time does nothing.

    As a context manager it says so itself: success at the end of the block; an exception is judged by `record` and
    `ignore` of `OutlierDetection`. An attempt that is dropped without a word counts as released.
    """

    __slots__ = ("_core", "_epoch", "_member")

    def __init__(self, core: Core, member: Member, epoch: int) -> None:
        self._core = core
        self._member = member
        self._epoch = epoch

    @property
    def endpoint(self) -> Endpoint:
        """Where to call."""
        return self._member.endpoint

    def success(self) -> None:
        """The endpoint answered."""
        self._core.settle(self, failed=False)

    def failure(self, error: BaseException | None = None) -> None:
        """The endpoint failed, whatever `record` and `ignore` say."""
        self._core.settle(self, failed=True, error=error)

    def release(self) -> None:
        """The outcome says nothing about the endpoint: the call was not made, or was given up."""
        self._core.settle(self, failed=None)

    def take(self) -> tuple[Member, int, float | None] | None:
        """For the selector: whose it was, once; then `None`."""
        epoch = self._epoch
        if epoch == SETTLED:
            return None
        self._epoch = SETTLED
        return self._member, epoch, None

    def __enter__(self) -> "Attempt":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self._core.settle(self, failed=False)
        else:
            self._core.settle(self, failed=True if self._speaks_against(error) else None, error=error)

    def _speaks_against(self, error: BaseException) -> bool:
        outlier = self._core.outlier or OutlierDetection()
        neutral = (CallNotPermitted, NoEndpointAvailable, *outlier.ignore)
        return counts_as_failure(error, record=outlier.record, ignore=neutral)

    def __repr__(self) -> str:
        return f"<Attempt {self._member.endpoint.name!r}{' settled' if self._epoch == SETTLED else ''}>"

    def __reduce__(self) -> NoReturn:
        raise CannotPickle("an Attempt")


class CountedAttempt(Attempt):
    """An attempt that counts as a call under way until it is settled or collected."""

    __slots__ = ()

    def take(self) -> "tuple[Member, int, float | None] | None":
        """As in `Attempt`, and that there was something to count."""
        taken = super().take()
        return None if taken is None else (taken[0], taken[1], 0.0)

    def __del__(self) -> None:
        if self._epoch != SETTLED:
            self._core.lost.append(self._member)  # no lock: this may run in the middle of anything


@final
class TimedAttempt(CountedAttempt):
    """A counted attempt whose latency matters."""

    __slots__ = ("_began",)

    def __init__(self, core: Core, member: Member, epoch: int, began: float) -> None:
        self._core = core
        self._member = member
        self._epoch = epoch
        self._began = began

    def take(self) -> "tuple[Member, int, float | None] | None":
        """As in `Attempt`, with the time at which it began."""
        taken = super().take()
        return None if taken is None else (taken[0], taken[1], self._began)
