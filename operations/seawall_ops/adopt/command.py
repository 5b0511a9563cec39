"""The command `seawall adopt`: look, propose, print."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from seawall.errors import InvalidInput
from seawall_ops.adopt.account import look_at_account
from seawall_ops.adopt.proposal import Proposal, Wishes, propose
from seawall_ops.adopt.state import look_at_state
from seawall_ops.exits import ExitCode
from seawall_ops.files import reading

__all__ = ["EPILOG", "adopt"]

SERVICE: Final = re.compile(r"[a-z][a-z0-9-]{0,30}[a-z0-9]")  # what an environment's file takes

EPILOG: Final = (
    "Example: seawall adopt --name shop.example.com --primary-region eu-west-1 --standby-region eu-central-1 "
    "--import-file adopt-import.json > Pulumi.prod.yaml. "
    "Exit codes: 0 all of it can be adopted, 1 something cannot (each is named), 2 wrong input, 3 AWS could not be asked."
)


def adopt(
    name: Annotated[str, typer.Option("--name", help="The name that clients resolve: a pair of failover records.")],
    environment: Annotated[str, typer.Option("--environment", help="What the stack is called.")] = "prod",
    service: Annotated[str | None, typer.Option("--service", help="Default: the name's first label.")] = None,
    primary_region: Annotated[
        str | None, typer.Option("--primary-region", help="Needed where addresses are answered, which have no region.")
    ] = None,
    standby_region: Annotated[str | None, typer.Option("--standby-region", help="The same.")] = None,
    region: Annotated[
        list[str] | None, typer.Option("--region", help="Another region to look for replicas in; may be repeated.")
    ] = None,
    database: Annotated[str | None, typer.Option("--database", help="The writer's identifier, of several.")] = None,
    max_connections: Annotated[
        int | None, typer.Option("--max-connections", help="What the database answers to SHOW max_connections.", min=1)
    ] = None,
    own_zone: Annotated[
        bool, typer.Option("--own-zone", help="Take the hosted zone over too; else it is only used.")
    ] = False,
    state: Annotated[
        Path | None, typer.Option("--state", help="Look at this output of `pulumi stack export`, not at the account.")
    ] = None,
    import_file: Annotated[
        Path | None, typer.Option("--import-file", help="Write the file for `pulumi import --file` here.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything as one JSON document.")] = False,
) -> None:
    """Bring what exists under Seawall: print the configuration that adopts it, with nothing replaced.

    Looks at the account (read only) or at a state, and prints Pulumi.<env>.yaml. What cannot be adopted, and what an
    adoption changes, stands as comments above it. A secret is never read: the database's password you set yourself.
    """
    name = name.rstrip(".").lower()
    service = service or name.partition(".")[0]
    if not SERVICE.fullmatch(service):
        raise InvalidInput(
            "--service", service, allowed="2 to 32 lower-case letters, digits and hyphens, a letter first"
        )
    asked = [each for each in (primary_region, standby_region, *(region or [])) if each is not None]
    if state is not None:
        with reading("--state", state):
            text = state.read_text(encoding="utf-8")
        estate = look_at_state(text, str(state))
    else:
        estate = look_at_account(name, asked)
    wishes = Wishes(
        name=name,
        service=service,
        environment=environment,
        regions={"primary": primary_region, "secondary": standby_region},
        database=database,
        max_connections=max_connections,
        own_zone=own_zone,
        today=datetime.now(UTC).date(),
    )
    proposal = propose(estate, wishes, str(import_file) if import_file else "adopt-import.json")
    if import_file is not None and proposal.imports:
        import_file.write_text(json.dumps(proposal.as_import_file(), indent=2) + "\n", encoding="utf-8")
    typer.echo(json.dumps(_as_json(proposal), indent=2) if as_json else proposal.as_yaml(), nl=as_json)
    if proposal.imports and import_file is None and not as_json:
        typer.echo("the configuration alone does not adopt all of it: give --import-file too", err=True)
    for refusal in proposal.refusals:
        typer.echo(f"not adopted: {refusal}", err=True)
    if proposal.refusals:
        raise typer.Exit(ExitCode.ATTENTION)


def _as_json(proposal: Proposal) -> dict[str, object]:
    return {
        "file": proposal.file_name,
        "config": proposal.configuration,
        "import_file": proposal.as_import_file(),
        "commands": list(proposal.commands),
        "notes": list(proposal.notes),
        "not_adopted": [{"what": refusal.what, "because": refusal.because} for refusal in proposal.refusals],
    }
