"""What the commands share: options, and of those that change something exit codes and how they tell what they do."""

from pathlib import Path
from typing import Annotated, Final

import typer

from seawall_ops.audit import Fact, StepPhase
from seawall_ops.steps import Direction, Operation, Result

__all__ = ["CODES", "LEASE_WAIT_SECONDS", "AsJson", "SettingsFile", "WatchSeconds", "run_or_resume", "tell"]

CODES: Final = (
    "Exit codes: 0 done, or nothing is in the way of a dry run, 1 something is in its way, 2 wrong input or somebody else "
    "holds the lease, 3 a place could not be asked, 4 it failed and was undone, 5 it stopped at a safe point, 6 it is stuck, "
    "130 interrupted."
)
LEASE_WAIT_SECONDS: Final = 60.0  # longer than a holder that died keeps it: 30 s

SettingsFile = Annotated[Path, typer.Option("--settings", help="The file with policy, board and references.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]
WatchSeconds = Annotated[
    float | None,
    typer.Option("--wait-seconds", help="Watch the votes for at most so long; default one round.", min=0),
]


def run_or_resume(operation: Operation) -> Result:
    """Do it; or go on with what was begun, and has come to no end."""
    journal = operation.journal()
    if journal is None or journal.end:
        return operation.run()
    if journal.direction is Direction.BACK:
        typer.echo(f"it is being undone, because {journal.because}", err=True)
    return operation.resume()


def tell(fact: Fact) -> None:
    """Progress, on the error stream: the result on the other one stays whole."""
    if isinstance(fact, StepPhase) and fact.outcome != "begun":
        took = "" if fact.seconds is None else f" after {fact.seconds:.3g} s"
        because = f": {fact.because}" if fact.because else ""
        typer.echo(f"{fact.step} {fact.phase}: {fact.outcome}{took}{because}", err=True)
