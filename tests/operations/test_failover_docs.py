"""docs/failover.md says what the code has."""

import re
from pathlib import Path

from own_commands import check, commands_on
from seawall_ops import cli
from seawall_ops.exits import ExitCode
from seawall_ops.failover.meanings import MEANINGS
from seawall_ops.failover.permissions import CALLS, FAILOVER_CALLS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "failover.md").read_text(encoding="utf-8")


def test_the_page_has_every_way_in_which_a_check_ends_with_its_meaning():
    """What operators look up at night is the table that decides."""
    rows = [f"| {outcome.value} | {health.value} |" for outcome, health in MEANINGS.items()]
    assert "\n".join(rows) in PAGE


def test_the_page_has_every_call_of_every_command():
    """Who writes a role by the page grants what is called."""
    for command, calls in {**CALLS, **FAILOVER_CALLS}.items():
        row = next(
            line for line in PAGE.splitlines() if line.startswith("| `") and f"`{command}`" in line.split("|")[1]
        )
        assert [each.strip(" `") for each in row.split("|")[2].split(",")] == list(calls)


def test_each_command_on_the_page_exists_with_its_options():
    """A page that is pasted from must not be older than the command."""
    found = commands_on(PAGE)
    assert len(found) >= 8
    for words in found:
        check(words)


def test_the_role_on_the_page_is_the_one_that_the_command_prints(capsys):
    """Who writes a role by the page grants what is called."""
    (line,) = (line for line in PAGE.splitlines() if line.endswith("--scale-source-to 0 --run"))
    assert cli.main([*line.split()[1:-1], "--role"]) == 0
    assert f"```yaml\n{capsys.readouterr().out}```" in PAGE


def test_the_page_has_every_exit_code_of_the_commands():
    """Somebody's script is written from this table."""
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)} == set(ExitCode)
