"""The file that observers and operators share: the policy, where the board is, and what the self-check asks.

```yaml
cluster: shop-prod
domains: [eu-west-1, eu-central-1, us-east-1]
board: dynamodb://us-east-1/seawall-votes
references: ["dynamodb.{domain}.amazonaws.com:443"]
windows: [{day: sun, start: "03:00", minutes: 60}]
```

Every number of `Policy` may stand in it by its own name. `{domain}` is the observer's own. What a failover needs besides is in
`operating`.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlsplit

import yaml

from seawall.errors import MISSING, InvalidInput
from seawall.timing import FailureClass
from seawall.topology import Topology
from seawall_ops.failover.board import Board
from seawall_ops.failover.observe import Reference
from seawall_ops.failover.operating import (
    DYNAMODB,
    SQLITE,
    Operating,
    ServersKind,
    Table,
    parse_operating,
    parse_place,
    table_of,
)
from seawall_ops.failover.operating import KEYS as OPERATING_KEYS
from seawall_ops.failover.policy import MaintenanceWindow, Mode, Policy
from seawall_ops.failover.store_sqlite import SqliteStore
from seawall_ops.files import reading

__all__ = ["Settings", "parse_settings", "read_settings"]

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
    operating: Operating = field(default_factory=Operating)
    """What a failover works with."""

    def references_of(self, domain: str) -> tuple[Reference, ...]:
        """Those of an observer in a domain."""
        return tuple(_reference(each.replace("{domain}", domain)) for each in self.references)

    def open_board(self) -> Board:
        """The board.

        Raises:
            CloudUnavailable: There are no such credentials.
        """
        cluster, timeout_seconds, table = self.policy.cluster, self.policy.timeout_seconds, self.board_table
        if table is None:
            return Board(SqliteStore(urlsplit(self.board).path, cluster, timeout_seconds=timeout_seconds), cluster)
        # boto3 is imported where a client is made, so that `--help` is instant.
        from seawall_ops.failover.store_dynamodb import DynamoDbStore, bounded_client

        client = bounded_client(table.region, timeout_seconds)
        return Board(DynamoDbStore(table.name, cluster, region=table.region, client=client), cluster)

    @property
    def board_table(self) -> Table | None:
        """Where the board is shared by machines; `None`: it is a file of this host."""
        return table_of(self.board)

    @property
    def arbiter(self) -> str | None:
        """The region of the live document that counts; `None`: none is said, and the board is in a file."""
        table = self.board_table
        return self.operating.arbiter or (None if table is None else table.region)

    @property
    def servers(self) -> ServersKind:
        """By what servers are fenced and promoted: what AWS has no word of is no RDS instance."""
        return self.operating.servers or (ServersKind.RDS if self.aws_status else ServersKind.POSTGRES)

    def refuse_inside(self, topology: Topology) -> None:
        """Refuse a board, leases, journals or an arbiter that are lost together with what fails over.

        Where nothing is ever acted on by itself, they may be: a person looks at what is left.

        Raises:
            InvalidInput: One is in a region that may fail over, or nothing says where the arbiter is.
        """
        self.refuse_board_inside(topology)
        if self.operating.live_file is None and self.arbiter is None:
            raise InvalidInput(
                "arbiter", MISSING, allowed="an AWS region, or live: file:///<path>", because="the board is in a file"
            )
        regions = _regions_of(topology)
        tables = {"leases": self.operating.lease_table, "journals": self.operating.journal_table}
        places = {name: table.region for name, table in tables.items() if table is not None}
        if self.operating.live_file is None and self.arbiter is not None:
            places["arbiter"] = self.arbiter
        for name, region in places.items():
            if self.policy.never_acts_because is None and region in regions:
                raise InvalidInput(
                    name,
                    region,
                    allowed=f"outside of {', '.join(sorted(regions))}",
                    because="it would be lost together with the region that fails over",
                )

    def refuse_to_act_alone(self) -> None:
        """Refuse to act without a person unless whoever takes over next finds the lease and the journal.

        Where the board is a file all observers run on this host, and so do files serve all of them.

        Raises:
            InvalidInput: Nothing is ever acted on, or a place is of this machine alone.
        """
        because = self.policy.never_acts_because
        if because is not None:
            raise InvalidInput("--act", "given", allowed="not with these settings", because=because)
        operating = self.operating
        if self.board_table is None:
            if not (operating.leases or "").startswith("sqlite:"):
                raise InvalidInput("leases", operating.leases or MISSING, allowed="sqlite:///<path>, as the board is")
            return
        for name, table in (("leases", operating.lease_table), ("journals", operating.journal_table)):
            if table is None:
                raise InvalidInput(
                    name,
                    getattr(operating, name) or MISSING,
                    allowed="dynamodb://<region>/<table>",
                    because="whoever takes over from an observer that died must find it",
                )

    def refuse_board_inside(self, topology: Topology) -> None:
        """Refuse a board that is lost together with what it decides on.

        Where nothing is ever acted on, it may be: then it is only a place to look at.

        Raises:
            InvalidInput: It is in a region that may fail over.
        """
        regions = _regions_of(topology)
        table = self.board_table
        if self.policy.never_acts_because is None and table is not None and table.region in regions:
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
        known = (*fields, *OWN_KEYS, *OPERATING_KEYS)
        if key not in known:
            raise InvalidInput(key, given[key], allowed=f"one of {', '.join(sorted(known))}")
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
        board=parse_place("board", given["board"], (DYNAMODB, SQLITE)),
        references=references,
        aws_status=_yes_or_no("aws_status", given.get("aws_status", True)),
        write_statement=None if statement is None else str(statement),
        operating=parse_operating(given),
    )


def _regions_of(topology: Topology) -> set[str]:
    """Those that may fail over."""
    members = () if topology.database is None else topology.database.members
    return {each.region for each in topology.endpoints} | {each.region for each in members}


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


def _reference(text: str) -> Reference:
    host, colon, port = text.rpartition(":")
    if not colon:
        return Reference(text, HTTPS)
    if not port.isdigit() or not host:
        raise InvalidInput("references", text, allowed="host or host:port")
    return Reference(host, int(port))
