"""`seawall failover adopt`: the change to an environment's file that declares what a failover has made live."""

import difflib
import json
from pathlib import Path
from typing import Annotated, Final

import typer

from seawall.errors import InvalidInput
from seawall.topology import Live, load
from seawall_ops.exits import ExitCode
from seawall_ops.failover.conducting import AsJson
from seawall_ops.failover.reaching import reaching
from seawall_ops.failover.settings import read_settings
from seawall_ops.files import reading, replace_file

__all__ = ["ADOPT_EPILOG", "adopt"]

ADOPT_EPILOG: Final = (
    "Example: seawall failover adopt --file Pulumi.prod.yaml --settings failover.yaml --write. "
    "Exit codes: 0 nothing to do, or written, 1 the file has to change as shown, 2 wrong input, 3 a place could not be asked."
)


def adopt(
    file: Annotated[Path, typer.Option("--file", help="The environment's Pulumi.<env>.yaml.")],
    settings: Annotated[
        Path | None,
        typer.Option("--settings", help="Ask its arbiter what is live; default where apps read the topology."),
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Write it. Without it the change is shown.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show how the environment's file has to change so that a deployment keeps what a failover did, replacing nothing."""
    from seawall_ops.failover.plans.declaring import declared_after

    with reading("--file", file):
        text = file.read_bytes().decode("utf-8")  # with the ends that its lines have
    with reaching():
        live = _live(settings)
    changed = text if live is None else declared_after(text, live)
    differs = changed != text
    diff = "".join(
        difflib.unified_diff(
            text.splitlines(keepends=True), changed.splitlines(keepends=True), str(file), f"{file} (adopted)"
        )
    )
    if differs and write:
        _replace(file, changed)
    if as_json:
        epoch = None if live is None else live.epoch
        document = {"file": str(file), "live_epoch": epoch, "diff": diff, "written": differs and write}
        typer.echo(json.dumps(document, indent=2))
    elif differs:
        typer.echo(diff, nl=False)
        typer.echo(f"{file} is written" if write else "nothing was written: --write does it")
    else:
        typer.echo("nothing to do: " + ("no failover was ever published" if live is None else "the file knows of it"))
    if differs and not write:
        raise typer.Exit(ExitCode.ATTENTION)


def _live(settings: Path | None) -> Live | None:
    """What is live: by the arbiter where it is known, else as an app would read it, whatever is declared."""
    if settings is None:
        return load().live
    from seawall_ops.failover.plans.assembling import live_of

    return live_of(read_settings(settings), load().declared).read()


def _replace(file: Path, text: str) -> None:
    """Whole or not at all, and with the rights that it had."""
    try:
        replace_file(file, text, mode=file.stat().st_mode & 0o777)
    except OSError as error:
        raise InvalidInput("--file", str(file), allowed="a file in a folder that can be written to") from error
