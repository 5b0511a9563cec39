"""The `seawall` command: what operators run, one sub-command per tool.

Exit codes, the same for every tool (`ExitCode`):

```
0    done, and nothing needs attention
1    done, and something needs attention: what it is was printed
2    an option, an argument or a file is not allowed; nothing was done
3    AWS could not be asked: no credentials, denied, throttled or unreachable
4    an operation failed and was undone: all is as it was before
5    an operation rests at a safe point: resume it, or undo it
6    an operation is stuck: put right what was printed, then resume it
130  interrupted
```

A tool is a module of its own with a function per command. It raises errors of `seawall.errors` and never exits by itself:
only `main` knows how an error is shown and which code it becomes. What needs attention is `raise typer.Exit(ExitCode.ATTENTION)`.
boto3 is imported inside the function that makes a client, so that `--help` is instant.
"""

import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape

from seawall.errors import CloudUnavailable, SeawallError
from seawall_ops.adopt.command import EPILOG as ADOPT_EPILOG
from seawall_ops.adopt.command import adopt
from seawall_ops.audit.command import app as audit
from seawall_ops.backups import app as backups
from seawall_ops.cost.command import EPILOG as COST_EPILOG
from seawall_ops.cost.command import cost
from seawall_ops.drift import EPILOG as DRIFT_EPILOG
from seawall_ops.drift import drift
from seawall_ops.exits import ExitCode
from seawall_ops.explain.command import app as dns
from seawall_ops.failover.command import app as failover
from seawall_ops.recovery.snapshot_command import app as snapshot
from seawall_ops.review import EPILOG as PREVIEW_EPILOG
from seawall_ops.review import preview_command

__all__ = ["app", "main"]

DISTRIBUTION: Final = "seawall-ops"

app: Final = typer.Typer(
    name="seawall",
    help="What operators of services in more than one AWS region run.",
    epilog="Exit codes: 0 done, 1 something needs attention, 2 wrong input, 3 AWS could not be asked.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"seawall {metadata.version(DISTRIBUTION)}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options of the command itself."""


app.command(epilog=ADOPT_EPILOG)(adopt)
app.command(epilog=COST_EPILOG)(cost)
app.command(epilog=DRIFT_EPILOG)(drift)
app.command("preview", epilog=PREVIEW_EPILOG)(preview_command)
app.add_typer(audit, name="audit")
app.add_typer(backups, name="backups")
app.add_typer(dns, name="dns")
app.add_typer(failover, name="failover")
app.add_typer(snapshot, name="snapshot")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. An error of ours is one line on the error stream, never a traceback.

    Args:
        arguments: Default those of this process.

    Returns:
        The exit code.
    """
    try:
        app(args=arguments, prog_name="seawall")
    except SystemExit as exit_:  # how typer ends, also when all went well
        return exit_.code if isinstance(exit_.code, int) else ExitCode.DONE
    except CloudUnavailable as error:
        return _refuse(error, ExitCode.UNAVAILABLE)
    except SeawallError as error:
        return _refuse(error, ExitCode.WRONG_INPUT)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    return ExitCode.DONE


def _refuse(error: SeawallError, code: ExitCode) -> ExitCode:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"[red]error:[/] {escape(str(error))}")
    return code


if __name__ == "__main__":
    sys.exit(main())
