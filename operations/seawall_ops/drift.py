"""`seawall drift`: whether the cloud is still what the program says. For every night, by exit code."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from seawall_ops.engine import TIMEOUT_SECONDS, Preview, Step, preview
from seawall_ops.exits import ExitCode
from seawall_ops.tables import print_table

__all__ = ["EPILOG", "Difference", "differences", "drift"]

EPILOG: Final = (
    "Example: seawall drift --stack prod. "
    "Exit codes: 0 no drift, 1 drift (a line per resource), 2 cannot tell (the engine's own lines), 130 interrupted."
)
# What an operation of the engine means when nothing was meant to change.
MEANINGS: Final = {
    "create": "missing",
    "delete": "not in the program",
    "replace": "must be replaced",
    "update": "differs",
    "import": "not adopted yet",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One resource that is not as the program says. Never a value: it could be a secret."""

    resource: str
    type: str
    meaning: str
    properties: tuple[str, ...]


def differences(found: Preview) -> tuple[Difference, ...]:
    """What a refreshed preview of an unchanged program would do, by type and name."""
    return tuple(sorted(map(_difference, _changing(found.steps)), key=lambda one: (one.type, one.resource)))


def _changing(steps: Iterable[Step]) -> list[Step]:
    return [step for step in steps if step.op in MEANINGS]


def _difference(step: Step) -> Difference:
    return Difference(step.name, step.type, MEANINGS[step.op], step.properties)


def drift(
    stack: Annotated[str, typer.Option("--stack", help="The stack to look at.")],
    folder: Annotated[Path, typer.Option("--cwd", help="The folder with Pulumi.yaml.")] = Path(),
    timeout: Annotated[int, typer.Option("--timeout-seconds", help="Then it cannot tell.", min=1)] = TIMEOUT_SECONDS,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Tell whether the cloud differs from the program: read it, preview, change nothing."""
    found = differences(preview(stack, folder, refresh=True, timeout=timeout))
    if as_json:
        rows = [
            {"resource": one.resource, "type": one.type, "is": one.meaning, "properties": list(one.properties)}
            for one in found
        ]
        typer.echo(json.dumps({"stack": stack, "drift": rows}, indent=2))
    elif found:
        rows = [(one.resource, one.type, one.meaning, ", ".join(one.properties) or "-") for one in found]
        print_table(("resource", "type", "is", "in"), rows)
        typer.echo(f"drift: {len(found)} resources of {stack} are not as the program says")
    else:
        typer.echo(f"no drift: {stack} is as the program says")
    if found:
        raise typer.Exit(ExitCode.ATTENTION)
