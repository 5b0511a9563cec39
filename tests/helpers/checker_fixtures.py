"""The field's own programs as fixtures: a test that asks for one gets its marker, and is skipped where it is missing."""

from pathlib import Path
from typing import Any, Final

import pytest

NAMES: Final = ("amtool", "argocheck", "manifestcheck", "prometheus", "promtool", "sloth")
"""Fixture, marker and program in one. Kept apart from the table of `localcloud.checkers`, which not every room's tests need."""


def program_fixture(name: str) -> Any:
    """A fixture of that name: the path of the program.

    Raises:
        pytest.skip.Exception: It is neither on PATH nor built.
    """

    @pytest.fixture(scope="session", name=name)
    def found() -> Path:
        from localcloud.checkers import find_checker

        program = find_checker(name)
        if program is None:
            pytest.skip(f"{name} is neither on PATH nor built: make tools ARGS={name}")
        return program

    return found


def mark(items: list[pytest.Item]) -> None:
    """Give each test the markers of the programs it asks for, so that `-m sloth` and `-m 'not sloth'` are whole."""
    for item in items:
        for name in NAMES:
            if name in getattr(item, "fixturenames", ()):
                item.add_marker(name)
