"""Time for the cores."""

import time

import pytest

from seawall.clock import SYSTEM_CLOCK
from seawall.errors import InvalidInput
from seawall.testing import FakeClock


def test_the_system_clock_is_the_monotonic_one_itself():
    """A method around it would cost every guarded call two Python frames."""
    assert SYSTEM_CLOCK.monotonic is time.monotonic
    assert repr(SYSTEM_CLOCK) == "SYSTEM_CLOCK"


def test_the_fake_clock_moves_only_when_told():
    """And only forwards: code that is right for it is right for a monotonic clock."""
    clock = FakeClock(10.0)
    assert clock.monotonic() == clock.monotonic() == 10.0
    clock.advance(2.5)
    assert clock.monotonic() == 12.5
    assert repr(clock) == "FakeClock(12.5)"
    for seconds in (-1.0, float("nan")):
        with pytest.raises(InvalidInput, match="a monotonic clock never goes back"):
            clock.advance(seconds)
