"""Fixtures for apps that use seawall. pytest loads this by itself where seawall is installed.

`seawall_clock`, `seawall_isolation`; with `seawall_isolate = true` in the ini file every test has the second. Nothing
of seawall is imported before a test asks for it, so that coverage sees its lines.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from seawall.testing import FakeClock

__all__ = ["pytest_addoption", "seawall_clock", "seawall_isolation"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the ini option."""
    parser.addini(
        "seawall_isolate", "close all circuit breakers before and after every test", type="bool", default=False
    )


@pytest.fixture
def seawall_clock() -> "FakeClock":
    """A `seawall.testing.FakeClock` at 0 seconds."""
    from seawall.testing import FakeClock

    return FakeClock()


@pytest.fixture
def seawall_isolation() -> Iterator[None]:
    """Close all circuit breakers before and after this test."""
    from seawall.testing import reset_all_breakers

    reset_all_breakers()
    yield
    reset_all_breakers()


@pytest.fixture(autouse=True)
def _seawall_isolate(request: pytest.FixtureRequest) -> None:  # pyright: ignore[reportUnusedFunction] # pytest uses it
    if request.config.getini("seawall_isolate"):
        request.getfixturevalue("seawall_isolation")
