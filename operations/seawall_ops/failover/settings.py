"""The file that observers and operators share: the policy, where the board is, and what the self-check asks.

```yaml
cluster: shop-prod
domains: [eu-west-1, eu-central-1, us-east-1]
board: dynamodb://us-east-1/seawall-votes
references: ["dynamodb.{domain}.amazonaws.com:443"]
windows: [{day: sun, start: "03:00", minutes: 60}]
```

Every number of `Policy` may stand in it by its own name. `{domain}` is the observer's own.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlsplit

import yaml

from seawall.errors import MISSING, InvalidInput
from seawall.timing import FailureClass
from seawall.topology import Topology
from seawall_ops.failover.board import Board
from seawall_ops.failover.observe import Reference
from seawall_ops.failover.policy import MaintenanceWindow, Mode, Policy
from seawall_ops.failover.store_sqlite import SqliteStore
from seawall_ops.files import reading

__all__ = ["Settings", "parse_settings", "read_settings"]

BOARDS: Final = "dynamodb://<region>/<table>, or sqlite:///<path> on a single host"
HTTPS: Final = 443
OWN_KEYS: Final = ("board", "references", "aws_status", "write_statement")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What stands in the file."""

    policy: Policy
    board: str
    references: tuple[str, ...]
    """`host` or `host:port` each."""
    aws_status: bool = True
    """Whether AWS is asked about the instances."""
    write_statement: str | None = None
    """What the writer is asked to execute, and to take back."""

    def references_of(self, domain: str) -> tuple[Reference, ...]:
        """Those of an observer in a domain."""
        return tuple(_reference(each.replace("{domain}", domain)) for each in self.references)

    def open_board(self) -> Board:
        """The board.

        Raises:
            CloudUnavailable: There are no such credentials.
        """
        parts = urlsplit(self.board)
        if parts.scheme == "sqlite":
            path = Path(parts.path)
            return Board(
                SqliteStore(path, self.policy.cluster, timeout_seconds=self.policy.timeout_seconds), self.policy.cluster
            )
        # boto3 is imported where a client is made, so that `--help` is instant.
        from seawall_ops.failover.store_dynamodb import DynamoDbStore, bounded_client

        region, table = parts.netloc, parts.path.strip("/")
        client = bounded_client(region, self.policy.timeout_seconds)
        return Board(DynamoDbStore(table, self.policy.cluster, region=region, client=client), self.policy.cluster)

    def refuse_board_inside(self, topology: Topology) -> None:
        """Refuse a board that is lost together with what it decides on.

        Where nothing is ever acted on, it may be: then it is only a place to look at.

        Raises:
            InvalidInput: It is in a region that may fail over.
        """
        members = () if topology.database is None else topology.database.members
        regions = {each.region for each in topology.endpoints} | {each.region for each in members}
        region = urlsplit(self.board).netloc
        if self.policy.never_acts_because is None and region in regions:
            raise InvalidInput(
                "board",
                self.board,
                allowed=f"outside of {', '.join(sorted(regions))}",
                because="the votes would be lost together with the region that they are about",
            )


def read_settings(path: Path) -> Settings:
    """Read the file.

    Raises:
        InvalidInput: It cannot be read, or a value is not allowed.
    """
    with reading("--settings", path):
        text = path.read_text(encoding="utf-8")
    return parse_settings(text)


def parse_settings(text: str) -> Settings:
    """The settings in a text of YAML.

    Raises:
        InvalidInput: It is none, a key is unknown or missing, or a value is not allowed.
    """
    try:
        content: object = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidInput("settings", "YAML", allowed="a mapping", because=str(error).replace("\n", " ")) from error
    if not isinstance(content, dict):
        raise InvalidInput("settings", content, allowed="a mapping")
    given = cast("dict[str, Any]", content)
    fields = {each.name for each in dataclasses.fields(Policy)}
    for key in given:
        if key not in (*fields, *OWN_KEYS):
            raise InvalidInput(key, given[key], allowed=f"one of {', '.join(sorted((*fields, *OWN_KEYS)))}")
    for key in ("cluster", "domains", "board", "references"):
        if key not in given:
            raise InvalidInput(key, MISSING, allowed="has to be there")
    references = tuple(_texts("references", given["references"]))
    if not references:
        raise InvalidInput(
            "references",
            "none",
            allowed="at least one, e.g. dynamodb.{domain}.amazonaws.com:443",
            because="without one an observer cannot tell its own network's loss from everybody else's",
        )
    statement = given.get("write_statement")
    return Settings(
        policy=_policy({key: value for key, value in given.items() if key in fields}),
        board=_board(given["board"]),
        references=references,
        aws_status=_yes_or_no("aws_status", given.get("aws_status", True)),
        write_statement=None if statement is None else str(statement),
    )


def _policy(given: Mapping[str, Any]) -> Policy:
    values = dict(given)
    values["domains"] = tuple(_texts("domains", values["domains"]))
    if "mode" in values:
        values["mode"] = _one_of("mode", values["mode"], Mode)
    if "act_on" in values:
        values["act_on"] = frozenset(
            _one_of("act_on", each, FailureClass) for each in _texts("act_on", values["act_on"])
        )
    if "windows" in values:
        values["windows"] = tuple(_window(each) for each in cast("Sequence[object]", values["windows"]))
    for whole in ("failures_to_trip", "window", "successes_to_clear", "most_operations"):
        if whole in values and (isinstance(values[whole], bool) or not isinstance(values[whole], int)):
            raise InvalidInput(whole, values[whole], allowed="a whole number")
    return Policy(**values)


def _window(given: object) -> MaintenanceWindow:
    try:
        return MaintenanceWindow(**cast("dict[str, Any]", given))
    except TypeError as error:
        raise InvalidInput("windows", given, allowed="day, start and minutes, and perhaps why") from error


def _one_of(name: str, value: object, kind: Any) -> Any:
    for each in kind:
        if value == each.value:
            return each
    raise InvalidInput(name, value, allowed=", ".join(each.value for each in kind))


def _texts(name: str, value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in cast("list[object]", value)):
        raise InvalidInput(name, cast("object", value), allowed="a list of texts")
    return cast("list[str]", value)


def _yes_or_no(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(name, value, allowed="true or false")
    return value


def _board(value: object) -> str:
    parts = urlsplit(value) if isinstance(value, str) else None
    right = parts is not None and (
        (parts.scheme == "dynamodb" and parts.netloc and parts.path.strip("/"))
        or (parts.scheme == "sqlite" and not parts.netloc and parts.path.strip("/"))
    )
    if not right:
        raise InvalidInput("board", value, allowed=BOARDS)
    return str(value)


def _reference(text: str) -> Reference:
    host, colon, port = text.rpartition(":")
    if not colon:
        return Reference(text, HTTPS)
    if not port.isdigit() or not host:
        raise InvalidInput("references", text, allowed="host or host:port")
    return Reference(host, int(port))
