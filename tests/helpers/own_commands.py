"""Lines of shell that call our own commands: whether what they call exists, with these options."""

import re
import shlex
from pathlib import Path
from typing import Any

import click
import typer

from seawall_ops import cli

ROOT = Path(__file__).resolve().parents[2]
MAKE, SEAWALL = "make", "seawall"


def own_command(line: str) -> list[str]:
    """The words of our command in a line, without what is piped or assigned before it; empty where there is none."""
    last = line.partition(" || ")[0].rpartition(" | ")[2]
    words = shlex.split(last.partition(" > ")[0], comments=True)
    while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
        words = words[1:]
    return words if words[:1] in ([MAKE], [SEAWALL]) else []


def commands_on(page: str) -> list[list[str]]:
    """Those of a page's shell examples; one that goes on over several lines is one."""
    bodies = re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    lines = [line for body in bodies for line in body.replace("\\\n", " ").splitlines()]
    return [words for line in lines if (words := own_command(line))]


def check(words: list[str]) -> None:
    """Fail where a `make` target or a `seawall` command with these options does not exist."""
    if words[0] == MAKE:
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        assert re.search(rf"^{re.escape(words[1])}:", makefile, re.MULTILINE), words
        return
    command: Any = typer.main.get_command(cli.app)
    rest = words[1:]
    while rest and hasattr(command, "commands"):
        assert rest[0] in command.commands, words
        command, rest = command.commands[rest[0]], rest[1:]
    command.make_parser(click.Context(command)).parse_args(list(rest))
