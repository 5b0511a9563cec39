"""Records as items of a DynamoDB table, put only where nothing is.

The table's keys are `operation` and `position`, both strings. Rights: `PERMISSIONS`; to read
`dynamodb:Query`, and `dynamodb:Scan` for all operations.
"""

from collections.abc import Iterator
from typing import Any, Final, cast

from seawall.errors import AuditConflict
from seawall_ops.audit.records import Record, parse
from seawall_ops.clients import asking, client, code_of

__all__ = ["PERMISSIONS", "TableSink"]

PERMISSIONS: Final = ("dynamodb:GetItem", "dynamodb:PutItem")
"""For writing, on the table's ARN."""

EXISTS: Final = "ConditionalCheckFailedException"


class TableSink:
    """A table, in a region that is not the one that fails.

    Args:
        table: Its name.
        region: Its region.
        dynamodb: boto3's client; default one of the user's own credentials.
    """

    def __init__(self, table: str, *, region: str | None = None, dynamodb: Any = None) -> None:
        self._table: Final = table
        self._dynamodb: Final = client("dynamodb", region) if dynamodb is None else dynamodb

    @property
    def name(self) -> str:
        """`dynamodb table <name>`."""
        return f"dynamodb table {self._table}"

    def put(self, record: Record) -> None:
        """Keep a record, where nothing is.

        Raises:
            AuditConflict: Another record is there.
            CloudUnavailable: DynamoDB cannot be asked.
        """
        from botocore.exceptions import ClientError  # pyright: ignore[reportMissingTypeStubs]

        key = {"operation": {"S": record.operation}, "position": {"S": f"{record.chain}/{record.sequence:08}"}}
        with asking("dynamodb PutItem"):
            try:
                self._dynamodb.put_item(
                    TableName=self._table,
                    Item={**key, "kind": {"S": record.kind}, "record": {"S": record.line}},
                    ConditionExpression="attribute_not_exists(operation)",
                )
            except ClientError as error:
                if code_of(error) != EXISTS:
                    raise
                found = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
                if found.get("Item", {}).get("record", {}).get("S") != record.line:
                    raise AuditConflict(self.name, f"{record.operation} {record.key}") from error

    def read(self, operation: str | None = None) -> Iterator[Record]:
        """The records of one operation, or of all.

        Raises:
            CloudUnavailable: DynamoDB cannot be asked.
        """
        with asking("dynamodb Query" if operation else "dynamodb Scan"):
            if operation is None:
                pages = self._dynamodb.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True)
            else:
                pages = self._dynamodb.get_paginator("query").paginate(
                    TableName=self._table,
                    ConsistentRead=True,
                    KeyConditionExpression="operation = :operation",
                    ExpressionAttributeValues={":operation": {"S": operation}},
                )
            lines = [cast("str", item["record"]["S"]) for page in pages for item in page["Items"] if "record" in item]
        yield from (record for record in map(parse, lines) if record is not None)
