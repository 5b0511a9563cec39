"""The page on snapshots: what it tells people to type exists, and its tables are those of the code."""

import re
from pathlib import Path

from own_commands import check, commands_on
from seawall_ops.exits import ExitCode
from seawall_ops.recovery import snapshots
from seawall_ops.recovery.permissions import RECOVERY_CALLS, RECOVERY_RIGHTS

PAGE = (Path(__file__).resolve().parents[2] / "docs/snapshots.md").read_text(encoding="utf-8")


def rows(header: str) -> list[list[str]]:
    """The cells of the table with that header."""
    table = PAGE.split(f"| {header} |", 1)[1].split("\n\n", 1)[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def test_each_command_on_it_exists_with_its_options():
    """It is pasted from."""
    found = commands_on(PAGE)
    assert {words[2] for words in found} == {"create", "copy", "list", "verify", "prune"}
    for words in found:
        check(words)


def test_its_rights_are_what_is_called_and_what_is_checked_beside_it():
    """A role is written from this table."""
    shown = {
        f"snapshot {command.strip('`')}": set(re.findall(r"`([^`]+)`", calls))
        for command, calls in rows("command | calls")
    }
    assert shown == {command: {*calls, *RECOVERY_RIGHTS.get(command, ())} for command, calls in RECOVERY_CALLS.items()}


def test_its_exit_codes_and_tags_are_those_of_the_code():
    """Scripts and other tools are written from them."""
    assert {int(code) for code, _ in rows("code | means")} == set(ExitCode) - {ExitCode.INTERRUPTED}
    tags = {value for name, value in vars(snapshots).items() if name.endswith("_TAG")}
    assert {tag.strip("`") for tag, _ in rows("tag | says")} == tags
