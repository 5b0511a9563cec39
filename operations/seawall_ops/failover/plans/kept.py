"""The inputs of a failover that was shown, kept so that `run` does exactly that: on this machine, and where the journals are.

They are written once, and never changed: who asks for something else makes another plan, with another id.
"""

import json
from pathlib import Path
from typing import Any, Final, cast

from seawall.errors import InvalidInput
from seawall_ops.clients import asking, client, code_of
from seawall_ops.failover.operating import Table
from seawall_ops.failover.plans.handover import Handover
from seawall_ops.files import reading, replace_file
from seawall_ops.steps import Values
from seawall_ops.steps.model import check_name

__all__ = ["KeptHandovers"]

FOLDER: Final = "handovers"  # beside the journals, which are called after operations, too
POSITION: Final = "handover"  # of the table's second key; journals and records have others
MODE: Final = 0o600
EXISTS: Final = "ConditionalCheckFailedException"


class KeptHandovers:
    """Handovers by operation.

    Args:
        folder: Of the operations of this machine.
        table: Of the journals, so that another machine can go on; `None`: they are of this machine.
        dynamodb: boto3's client; default one of the user's own credentials, made now: an observer has it before it acts.

    Raises:
        CloudUnavailable: There are no such credentials.
    """

    def __init__(self, folder: Path, table: Table | None = None, *, dynamodb: Any = None) -> None:
        self._folder: Final = folder / FOLDER
        self._table: Final = table
        made = client("dynamodb", table.region) if dynamodb is None and table is not None else dynamodb
        self._dynamodb: Final[Any] = made

    def keep(self, operation: str, handover: Handover) -> None:
        """Keep it. Saying the same twice changes nothing.

        Raises:
            InvalidInput: Another one is kept under that id.
            CloudUnavailable: The table cannot be asked.
            OSError: The disk does not take it.
        """
        check_name("operation", operation)
        text = json.dumps(dict(handover.inputs), indent=2, sort_keys=True)
        if self._table is not None:
            self._put(self._table, operation, text)
        self._folder.mkdir(parents=True, exist_ok=True)
        replace_file(self._path(operation), text, mode=MODE)

    def find(self, operation: str) -> Handover:
        """The one that was kept.

        Raises:
            InvalidInput: None is kept here, nor where the journals are; or it cannot be understood.
            CloudUnavailable: The table cannot be asked.
        """
        check_name("operation", operation)
        path = self._path(operation)
        if path.exists():
            with reading("handover", path):
                return _parsed(path.read_text(encoding="utf-8"), str(path))
        places = [str(self._folder)]
        if self._table is not None:
            places.append(f"table {self._table.name} in {self._table.region}")
            text = self._get(self._table, operation)
            if text is not None:
                return _parsed(text, places[-1])
        raise InvalidInput(
            "operation",
            operation,
            allowed="one that `seawall failover plan` has shown",
            because=f"nothing of it is kept in {' or '.join(places)}",
        )

    def _path(self, operation: str) -> Path:
        return self._folder / f"{operation}.json"

    def _put(self, table: Table, operation: str, text: str) -> None:
        from botocore.exceptions import ClientError  # pyright: ignore[reportMissingTypeStubs]

        with asking("dynamodb PutItem"):
            try:
                self._dynamodb.put_item(
                    TableName=table.name,
                    Item={**_key(operation), "handover": {"S": text}},
                    ConditionExpression="attribute_not_exists(operation)",
                )
            except ClientError as error:
                if code_of(error) != EXISTS:
                    raise
                if self._get(table, operation) != text:
                    raise InvalidInput("operation", operation, allowed="an id that no other plan has") from error

    def _get(self, table: Table, operation: str) -> str | None:
        with asking("dynamodb GetItem"):
            found = self._dynamodb.get_item(TableName=table.name, Key=_key(operation), ConsistentRead=True)
        item = cast("dict[str, dict[str, str]]", found.get("Item") or {})
        return item["handover"]["S"] if item else None


def _parsed(text: str, where: str) -> Handover:
    try:
        content: object = json.loads(text)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise InvalidInput("handover", where, allowed="what `seawall failover plan` has kept", because="it is broken")
    return Handover.from_inputs(cast("Values", content))


def _key(operation: str) -> dict[str, dict[str, str]]:
    return {"operation": {"S": operation}, "position": {"S": POSITION}}
