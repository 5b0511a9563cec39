"""`python -m localcloud`: the commands behind `make dev`, `make down` and `make shell`."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape

from localcloud.progress import ResourceProgress, Steps
from localcloud.sandbox import ROOT, Sandbox
from seawall.errors import SeawallError

app: Final = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
PIPE_WIDTH: Final = 160  # columns where there is no terminal to ask, e.g. in a log
console: Final = Console(highlight=False, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH)

StackOption = Annotated[str, typer.Option("--stack", help="Which Pulumi.<stack>.yaml to use.")]
FolderOption = Annotated[
    Path | None, typer.Option("--folder", help="Where the environment is kept; .local/<stack> when absent.")
]
AppsOption = Annotated[bool, typer.Option("--apps/--no-apps", help="Run the demo app in every region.")]
SourceOption = Annotated[Path, typer.Option("--source", help="The folder with Pulumi.yaml and stacks/.")]


def sandbox_of(stack: str, folder: Path | None, source: Path) -> Sandbox:
    return Sandbox((folder or ROOT / ".local" / stack).resolve(), stack, source.resolve())


@app.command()
def engine() -> None:
    """Find or build the Pulumi engine."""
    from localcloud.engine import ensure_engine

    ensure_engine(progress=lambda line: console.print(f"engine: {escape(line)}"))


@app.command()
def tools(
    names: Annotated[list[str] | None, typer.Argument(help="Which; all of them when none is named.")] = None,
) -> None:
    """Find or build the programs that tests judge by: Prometheus' own, Alertmanager's, sloth and others."""
    from localcloud.checkers import ensure_checkers

    ensure_checkers(names or (), progress=lambda line: console.print(escape(line)))


@app.command()
def dev(
    stack: StackOption = "dev", folder: FolderOption = None, source: SourceOption = ROOT, with_apps: AppsOption = True
) -> None:
    """Bring an environment up on the local cloud with the real engine, run the demo app in it, and read it back."""
    from localcloud import apps, cloud, databases
    from localcloud.deploy import Deployment
    from localcloud.engine import ensure_engine
    from localcloud.verify import read_back, show
    from localcloud.verify_postgres import postgres_members

    sandbox = sandbox_of(stack, folder, source)
    steps = Steps(console, total=6 if with_apps else 4)
    with steps.step("engine") as step:
        engine = ensure_engine(progress=step.say)
        step.result = f"pulumi {engine.version}, {engine.origin}"
    with steps.step("cloud") as step:
        handle = cloud.start(sandbox.cloud, progress=step.say)
        step.result = f"moto {'started' if handle.started else 'is running'} at {handle.endpoint} (pid {handle.pid})"
    with steps.step(f"up: stack {stack}") as step:
        sandbox.prepare()
        _become(sandbox.variables(engine, handle.endpoint))
        deployment = Deployment(sandbox)
        if deployment.unlock():
            step.say("an earlier run was killed: its lock is taken away")
        lost = sandbox.deployed_on.exists() and sandbox.deployed_on.read_text(encoding="utf-8") != handle.instance_id
        if lost:
            step.say("the cloud was restarted and is empty: what it lost is found first, then made again")
        pending = deployment.pending()
        outcome = deployment.up(ResourceProgress(step, console), refresh=lost)
        if pending:
            deployment.settle()
            step.say(f"{pending} operations that the killed run had begun are settled")
            # Settling reads the cloud, and finds what the killed run had changed already: that is put back now.
            outcome = deployment.up(ResourceProgress(step, console))
        strays = deployment.sweep()
        if strays:
            step.say(f"{strays} objects that a killed run had made, and nothing asks for any more, are deleted")
        sandbox.deployed_on.write_text(handle.instance_id, encoding="utf-8")
        step.result = _summary(outcome.changes)
    running, servers = apps.Apps((), started=False), None
    if with_apps:
        with steps.step("databases: a PostgreSQL server for each member") as step:
            database, members = postgres_members(handle.endpoint, outcome.outputs["topology"])
            if members:
                servers, begun = databases.start(sandbox.databases, members, database, step.say)
                places = ", ".join(f"{member} at {address}" for member, address in servers.members.items())
                step.result = f"{'started' if begun else 'running'}: {places}"
            else:
                databases.stop(sandbox.databases)
                step.result = "none: no PostgreSQL database is declared"
        with steps.step("apps: the shop in every region") as step:
            running = apps.start(sandbox.apps, outcome.outputs["topology"], handle.endpoint, step.say, servers)
            places = ", ".join(f"{one.region} :{one.port}" for one in running.instances)
            step.result = f"{'started' if running.started else 'running'}: {places}"
    with steps.step("verify: read back from the cloud") as step:
        report = read_back(
            outcome.outputs,
            endpoint=handle.endpoint,
            recorded_file=sandbox.recorded,
            manifests=sandbox.manifests,
            shops=running.instances,
            servers=servers,
        )
        step.result = report.summary
    show(report, outcome.outputs, console)
    unchanged = "nothing changed; " if outcome.changed == 0 else ""
    console.print(
        f"[bold]{escape(stack)} is up[/]: {unchanged}{steps.elapsed_seconds:.0f} s. Next: make shell, make down"
    )
    if not report.matches:
        raise typer.Exit(1)


@app.command()
def down(stack: StackOption = "dev", folder: FolderOption = None, source: SourceOption = ROOT) -> None:
    """Delete the environment, stop the demo app and the local cloud, and remove all their files."""
    from localcloud import apps, cloud, databases
    from localcloud.deploy import Deployment
    from localcloud.engine import ensure_engine

    sandbox = sandbox_of(stack, folder, source)
    if not sandbox.folder.exists():
        console.print(f"{stack} is not up: nothing to do")
        return
    steps = Steps(console, total=2)
    apps.stop(sandbox.apps)
    databases.stop(sandbox.databases)
    with steps.step(f"destroy: stack {stack}") as step:
        handle = cloud.status(sandbox.cloud)
        if handle is None:
            step.result = "the cloud is not running, so nothing is left of it"
        elif not (sandbox.project / "Pulumi.yaml").exists():
            step.result = "nothing was ever brought up"
        else:
            engine = ensure_engine(progress=step.say)
            sandbox.prepare()
            _become(sandbox.variables(engine, handle.endpoint))
            deployment = Deployment(sandbox)
            deployment.unlock()
            progress = ResourceProgress(step, console)
            deployment.destroy(progress)
            deployment.sweep()
            step.result = f"{sum(progress.counts.values())} resources deleted"
    with steps.step("cloud") as step:
        cloud.stop(sandbox.cloud)
        sandbox.remove()
        step.result = "stopped, files removed"


@app.command()
def shell(
    stack: StackOption = "dev",
    folder: FolderOption = None,
    source: SourceOption = ROOT,
    command: Annotated[str | None, typer.Option("--command", "-c", help="Run this instead of a prompt.")] = None,
) -> None:
    """A shell whose `pulumi` and `aws` talk to the local cloud only."""
    from localcloud import cloud
    from localcloud.deploy import Deployment
    from localcloud.engine import ensure_engine

    sandbox = sandbox_of(stack, folder, source)
    engine = ensure_engine(progress=lambda line: console.print(f"engine: {escape(line)}"))
    handle = cloud.start(sandbox.cloud, progress=lambda line: console.print(f"cloud: {escape(line)}"))
    sandbox.prepare()
    _become(sandbox.variables(engine, handle.endpoint))
    Deployment(sandbox).unlock()
    program = os.environ.get("SHELL", "/bin/sh")
    if command is None:
        console.print(f"pulumi {engine.version} on stack {stack}, local cloud at {handle.endpoint}; leave with exit")
    arguments = [program, "-c", command] if command is not None else [program]
    raise typer.Exit(subprocess.run(arguments, cwd=sandbox.project).returncode)


def _become(variables: dict[str, str]) -> None:
    """This process exists for one command: from here on its environment is the sandbox's, and nothing of the user's."""
    os.environ.clear()
    os.environ.update(variables)


def _summary(changes: dict[str, int]) -> str:
    """`12 created, 3 unchanged`, or that nothing changed."""
    words = {"create": "created", "update": "updated", "replace": "replaced", "delete": "deleted", "same": "unchanged"}
    parts = [f"{count} {words.get(op, op)}" for op, count in changes.items() if count and op != "same"]
    unchanged = changes.get("same", 0)
    if not parts:
        return f"nothing changed ({unchanged} resources)"
    return ", ".join([*parts, f"{unchanged} unchanged"] if unchanged else parts)


def main() -> None:
    """Run a command; an error of ours is one line (or one per problem), never a traceback."""
    try:
        app()
    except SeawallError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"[red]error:[/] {escape(str(error))}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
