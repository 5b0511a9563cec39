"""docs/failover-operations.md says what the commands have."""

import re
from pathlib import Path

import yaml

from own_commands import check, commands_on
from seawall_ops.exits import ExitCode
from seawall_ops.failover.operating import KEYS, Operating
from seawall_ops.failover.settings import parse_settings

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "failover-operations.md").read_text(encoding="utf-8")
SETTINGS = {"cluster": "shop-prod", "domains": ["eu-west-1"], "board": "sqlite:///b", "references": ["localhost"]}


def test_each_command_on_the_page_exists_with_its_options():
    """A page that is pasted from must not be older than the command."""
    found = commands_on(PAGE)
    assert {words[2] for words in found if words[1] == "failover"} == {
        "plan", "run", "undo", "end", "adopt", "observe", "rebuild"
    }  # fmt: skip
    for words in found:
        check(words)


def test_the_page_has_every_setting_and_its_example_is_one():
    """What is not in the table nobody sets."""
    rows = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)} >= set(KEYS)
    examples = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    read = [parse_settings(yaml.safe_dump({**SETTINGS, **yaml.safe_load(each)})) for each in examples]
    found = read[0]
    assert found.operating.epoch_lease_seconds == 30
    assert f"| {Operating().promote_seconds:g} |" in PAGE


def test_the_page_has_every_exit_code():
    """Somebody's script is written from this table."""
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)} == set(ExitCode)
