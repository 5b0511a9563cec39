"""The clocks of a holder: whichever of its own went further decides how long ago something was.

On Linux the ordinary monotonic clock stands still while the machine is suspended, so the one that counts suspensions is
read (`CLOCK_BOOTTIME`, clock_gettime(2)). Where a hypervisor stops a guest even that one stands still, and often the wall
clock, set right afterwards, is the first to tell. It can only shorten a lease: one that steps back changes nothing.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple, final

from seawall.clock import Clock

__all__ = ["BOOT_CLOCK", "BootClock", "Clocks", "Instant"]


@final
class BootClock:
    """Monotonic time that goes on while the machine is suspended, where the system has such a clock."""

    __slots__ = ()

    @staticmethod
    def monotonic() -> float:
        """Seconds since an unspecified start; never less than an earlier answer."""
        return _boot_seconds()

    def __repr__(self) -> str:
        return "BOOT_CLOCK"


def _boot_seconds() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


if not hasattr(time, "CLOCK_BOOTTIME"):  # macOS and Windows count suspensions in their monotonic clock or have no other
    _boot_seconds = time.monotonic


BOOT_CLOCK: Final = BootClock()
"""The clock of leases where none is given."""


class Instant(NamedTuple):
    """One moment, by both clocks of this process."""

    monotonic: float
    wall: float


@dataclass(frozen=True, slots=True)
class Clocks:
    """Both clocks of this process."""

    clock: Clock
    wall: Callable[[], float]

    def now(self) -> Instant:
        """This moment."""
        return Instant(self.clock.monotonic(), self.wall())

    def since(self, then: Instant) -> float:
        """Seconds from then until now, by whichever clock went further."""
        return max(self.clock.monotonic() - then.monotonic, self.wall() - then.wall)
