"""docs/failover.md says what the code has."""

from pathlib import Path

from seawall_ops.failover.meanings import MEANINGS
from seawall_ops.failover.permissions import CALLS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "failover.md").read_text(encoding="utf-8")


def test_the_page_has_every_way_in_which_a_check_ends_with_its_meaning():
    """What operators look up at night is the table that decides."""
    rows = [f"| {outcome.value} | {health.value} |" for outcome, health in MEANINGS.items()]
    assert "\n".join(rows) in PAGE


def test_the_page_has_every_call_of_every_command():
    """Who writes a role by the page grants what is called."""
    for command, calls in CALLS.items():
        row = next(
            line for line in PAGE.splitlines() if line.startswith("| `") and f"`{command}`" in line.split("|")[1]
        )
        assert [each.strip(" `") for each in row.split("|")[2].split(",")] == list(calls)
