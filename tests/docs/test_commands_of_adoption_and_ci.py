"""The pages on adoption, on pull requests and on the command itself: what they tell people to type exists, and what they show is true."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from own_commands import check, commands_on, own_command
from pulumi_seawall import WaiverArgs
from seawall_ops import cli
from seawall_ops.cost import load_prices
from seawall_ops.exits import ExitCode

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("docs/adoption.md", "docs/ci.md")
README = "operations/README.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def fences(page: str, language: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return [body for kind, body in FENCE.findall(text) if kind == language]


@pytest.mark.parametrize("page", [*PAGES, README])
def test_each_command_in_it_exists_with_its_options(page: str):
    """A page that is pasted from must not be older than the command."""
    found = commands_on((ROOT / page).read_text(encoding="utf-8"))
    assert len(found) >= 2
    for words in found:
        check(words)


@pytest.mark.parametrize("page", PAGES)
def test_its_exit_codes_are_those_of_the_commands(page: str):
    """Somebody's script is written from this table."""
    text = (ROOT / page).read_text(encoding="utf-8")
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    assert codes <= set(ExitCode)
    assert {0, 1, 2} <= codes


def test_the_commands_own_page_has_a_line_to_run_for_each_command():
    """Whoever finds the package by its page sees all that it can do, and nothing that it cannot."""
    everything: Any = typer.main.get_command(cli.app)
    commands = {
        f"{name} {below}".strip()
        for name, command in everything.commands.items()
        for below in getattr(command, "commands", [""])
    }
    text = (ROOT / README).read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `seawall ([a-z -]+)` \|", text, re.MULTILINE)) == commands
    (body,) = fences(README, "sh")
    lines = [" ".join(own_command(line)) for line in body.splitlines()]
    assert all(
        any(line.startswith(f"seawall {command} ") or line == f"seawall {command}" for line in lines)
        for command in commands
    )


def test_its_waiver_has_the_keys_of_one():
    """Copied, it must be read."""
    (body,) = fences("docs/adoption.md", "yaml")
    (waiver,) = yaml.safe_load(body)["waivers"]
    assert set(waiver) == set(WaiverArgs.__annotations__)


def test_its_own_prices_go_over_the_table(tmp_path: Path):
    """The example is a file of the table's form."""
    (body,) = fences("docs/ci.md", "yaml")
    path = tmp_path / "own.yaml"
    path.write_text(body, encoding="utf-8")
    assert load_prices(path).instances["postgres"]["db.r7g.large"] == 0.191


def test_the_ledger_that_it_names_is_there():
    """What `make verify-aws` confirmed is written there, and a page is made of it."""
    assert "tools/ran_on_aws.json" in (ROOT / "docs/ci.md").read_text(encoding="utf-8")
    assert isinstance(json.loads((ROOT / "tools/ran_on_aws.json").read_text(encoding="utf-8")), dict)
