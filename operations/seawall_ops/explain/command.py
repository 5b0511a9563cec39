"""The command `seawall dns explain`: which answer a name gives, to whom, and what it would be if things failed."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from seawall.errors import InvalidInput
from seawall_ops.dns import (
    CheckKind,
    Client,
    GeoLocation,
    HealthCheck,
    Latency,
    Thing,
    ThingKind,
    World,
    endpoints_of,
    every_situation,
    records_of,
    situation,
    things_of,
)
from seawall_ops.exits import ExitCode
from seawall_ops.explain.reading import from_files, from_route53
from seawall_ops.explain.showing import as_data, show_one, show_table

__all__ = ["app"]

PIPE_WIDTH: Final = 160  # columns where there is no terminal to ask, e.g. in a log
EPILOG: Final = (
    "Example: seawall dns explain --name shop.example.com --client-region eu-west-1 --fail region=eu-west-1. "
    "Exit codes: 0 every answer is alive, or nothing is; 1 a dead endpoint is answered while a live one exists; "
    "2 wrong input; 3 AWS could not be asked."
)

app: Final = typer.Typer(help="Route 53: what is answered, to whom, and by which rule.", no_args_is_help=True)


@app.callback()
def options() -> None:
    """Keeps `explain` a command of its own while it is the only one."""


@app.command(epilog=EPILOG)
def explain(
    name: Annotated[str, typer.Option("--name", help="The name that clients ask for.")],
    kind: Annotated[str, typer.Option("--type", help="The type that they ask for.")] = "A",
    zone_id: Annotated[str | None, typer.Option("--zone-id", help="Default: the zone that holds the name.")] = None,
    zone_name: Annotated[str | None, typer.Option("--zone-name", help="The zone's name instead of its id.")] = None,
    files: Annotated[
        list[Path] | None,
        typer.Option("--file", help="Read this output of the AWS command line, not the account; may be repeated."),
    ] = None,
    client_region: Annotated[
        list[str] | None,
        typer.Option("--client-region", help="AWS region in or near which a client is; may be repeated."),
    ] = None,
    nearest: Annotated[
        str | None, typer.Option("--nearest", help="Regions by measured latency, nearest first, with commas.")
    ] = None,
    location: Annotated[
        str | None, typer.Option("--client-location", help="For geolocation: EU, EU/DE or NA/US/VA.")
    ] = None,
    fail: Annotated[
        list[str] | None,
        typer.Option("--fail", help="region=…, endpoint=… or check=… (id or name) has failed; may be repeated."),
    ] = None,
    no_data: Annotated[
        list[str] | None, typer.Option("--no-data", help="A check whose alarm has no data; may be repeated.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every combination of failures, as a table.")] = False,
    over: Annotated[
        list[ThingKind] | None,
        typer.Option(
            "--over",
            help="What --all lets fail; default regions, endpoints without one, and checks that see no endpoint.",
        ),
    ] = None,
    region_of: Annotated[
        list[str] | None,
        typer.Option("--region-of", help="ENDPOINT=REGION, where names do not tell; may be repeated."),
    ] = None,
    now: Annotated[bool, typer.Option("--now", help="Start from what Route 53's checkers see at this moment.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Everything as one JSON document.")] = False,
) -> None:
    """Say which answer each client gets from Route 53, by which rules, and what it would be if something failed.

    Reads only. Without --fail and --all it shows the answer while all is well, or with --now while things are as they
    are. Latency between a client and a region is AWS's own measurement: without --nearest the client's own region comes
    first and the others are assumed by distance, which the path says.
    """
    if every and (fail or no_data):
        raise InvalidInput("--all", "with --fail or --no-data", allowed="one of them: --all has every combination")
    if over and not every:
        raise InvalidInput("--over", over[0].value, allowed="only with --all")
    world = _world(name, zone_id, zone_name, files, region_of or [], now)
    clients = _clients(world, name, kind, client_region or [], nearest, location)
    if every:
        things = things_of(world, name, kind, over or None)
        found = list(every_situation(world, name, kind, clients, things))
    else:
        things = tuple(_thing(world, text) for text in fail or [])
        ids = [_check(world, text).id for text in no_data or []]
        found = [situation(world, name, kind, client, things, ids) for client in clients]
    if as_json:
        document = {"name": name, "type": kind, "things": [str(thing) for thing in things]}
        typer.echo(json.dumps({**document, "situations": [as_data(one) for one in found]}, indent=2))
    else:
        terminal = sys.stdout.isatty() or "COLUMNS" in os.environ
        console = Console(highlight=False, width=None if terminal else PIPE_WIDTH)
        if every:
            show_table(found, console)
        for one in [] if every else found:
            show_one(one, console)
    if any(one.faults for one in found):
        raise typer.Exit(ExitCode.ATTENTION)


def _world(
    name: str, zone_id: str | None, zone_name: str | None, files: list[Path] | None, region_of: list[str], now: bool
) -> World:
    regions = dict(_pair("--region-of", text) for text in region_of)
    if not files:
        return from_route53(name, zone_id=zone_id, zone_name=zone_name, regions=regions, now=now)
    for option, given in (("--now", now), ("--zone-id", zone_id), ("--zone-name", zone_name)):
        if given:
            raise InvalidInput(option, given, allowed="not with --file, which says it itself")
    return from_files(files, regions)


def _pair(option: str, text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals and value):
        raise InvalidInput(option, text, allowed="two words with = between")
    return key, value


def _thing(world: World, text: str) -> Thing:
    key, value = _pair("--fail", text)
    if key not in [kind.value for kind in ThingKind]:
        raise InvalidInput("--fail", text, allowed="region=…, endpoint=… or check=…")
    if ThingKind(key) is not ThingKind.CHECK:
        return Thing(ThingKind(key), value)
    check = _check(world, value)
    return Thing(ThingKind.CHECK, check.id, check.name or check.id)


def _check(world: World, text: str) -> HealthCheck:
    found = [check for check in world.checks.values() if text in (check.id, check.name)]
    if len(found) != 1:
        kinds = sorted(
            check.name or check.id for check in world.checks.values() if check.kind is not CheckKind.CALCULATED
        )
        raise InvalidInput(
            "check", text, allowed=f"the id or name of one of {', '.join(kinds) or 'none: there are no checks'}"
        )
    return found[0]


def _clients(
    world: World, name: str, kind: str, regions: list[str], nearest: str | None, location: str | None
) -> Sequence[Client]:
    """Who asks: as given, else one client in each region that serves where it matters, else anyone."""
    order = tuple(part.strip() for part in nearest.split(",")) if nearest else ()
    place = _location(location) if location else None
    policies = [record.policy for record in records_of(world.zone, name, kind)]
    if not regions and place is None and not order and any(isinstance(one, Latency | GeoLocation) for one in policies):
        ends = endpoints_of(world.zone, name, kind)
        regions = sorted({world.regions[end] for end in ends if end in world.regions})
    return [Client(region, order, place) for region in regions] or [Client(None, order, place)]


def _location(text: str) -> GeoLocation:
    parts = text.upper().split("/")
    if len(parts) > 3 or not all(parts):
        raise InvalidInput("--client-location", text, allowed="CONTINENT, CONTINENT/COUNTRY or CONTINENT/COUNTRY/STATE")
    return GeoLocation(*parts)
