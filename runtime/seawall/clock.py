"""Time for the cores: monotonic seconds, injectable.

Wall-clock time steps (NTP, an operator, a virtual machine that was resumed) and is never used for a wait or a window.
`seawall.testing.FakeClock` is the clock for tests.
"""

import time
from typing import TYPE_CHECKING, Final, Protocol, final

__all__ = ["SYSTEM_CLOCK", "Clock", "SystemClock"]


class Clock(Protocol):
    """Anything that tells monotonic time."""

    def monotonic(self) -> float:
        """Seconds since an unspecified start; never less than an earlier answer."""
        ...


@final
class SystemClock:
    """The operating system's monotonic clock. On Linux it stands still while the machine is suspended."""

    __slots__ = ()

    if TYPE_CHECKING:

        @staticmethod
        def monotonic() -> float:
            """Seconds since an unspecified start; never less than an earlier answer."""
            ...
    else:
        # The built-in itself, not a method around it: guarded calls read it twice, and a Python frame costs as much.
        monotonic = staticmethod(time.monotonic)

    def __repr__(self) -> str:
        return "SYSTEM_CLOCK"


SYSTEM_CLOCK: Final = SystemClock()
"""The clock used where none is given."""
