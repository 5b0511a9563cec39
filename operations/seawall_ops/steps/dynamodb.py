"""Journals in a DynamoDB table, so that another operator's machine can resume what this one began.

The table's keys are `operation` and `position`, both strings, as the audit's: one table may serve both. Every write is
conditional: on the revision before, and on a fence that is no older than the one it finds.
Rights: `PERMISSIONS`.
"""

from typing import Any, Final, cast

from seawall.errors import OperationInProgress
from seawall_ops.clients import asking, client, code_of
from seawall_ops.steps.journal import Journal, dump, parse
from seawall_ops.steps.model import check_name

__all__ = ["PERMISSIONS", "TableJournals"]

PERMISSIONS: Final = ("dynamodb:GetItem", "dynamodb:PutItem")
"""On the table's ARN."""

POSITION: Final = "journal"
FAILED: Final = "ConditionalCheckFailedException"
NO_FENCE: Final = -1  # below every number that a lease gives out


class TableJournals:
    """Journals in a table, in a region that is not the one that fails.

    Args:
        table: Its name.
        region: Its region.
        dynamodb: boto3's client; default one of the user's own credentials.
    """

    def __init__(self, table: str, *, region: str | None = None, dynamodb: Any = None) -> None:
        self._table: Final = table
        self._dynamodb: Final = client("dynamodb", region) if dynamodb is None else dynamodb

    def read(self, operation: str) -> Journal | None:
        """The journal; `None` where the operation was never begun.

        Raises:
            InvalidInput: It is of another version, or broken.
            CloudUnavailable: DynamoDB cannot be asked.
        """
        check_name("operation", operation)
        with asking("dynamodb GetItem"):
            found = self._dynamodb.get_item(TableName=self._table, Key=_key(operation), ConsistentRead=True)
        item = cast("dict[str, dict[str, str]]", found.get("Item") or {})
        return parse(item["journal"]["S"], f"{self._table}/{operation}") if item else None

    def write(self, journal: Journal) -> None:
        """Keep it in place of the revision before.

        Raises:
            OperationInProgress: Somebody else wrote it meanwhile, or holds a newer fence.
            CloudUnavailable: DynamoDB cannot be asked. It may have been written.
        """
        from botocore.exceptions import ClientError  # pyright: ignore[reportMissingTypeStubs]

        text = dump(journal)
        fence = str(NO_FENCE if journal.fence is None else journal.fence)
        with asking("dynamodb PutItem"):
            try:
                self._dynamodb.put_item(
                    TableName=self._table,
                    Item={
                        **_key(journal.operation),
                        "journal": {"S": text},
                        "revision": {"N": str(journal.revision)},
                        "fence": {"N": fence},
                    },
                    ConditionExpression="attribute_not_exists(operation) AND :before = :none OR "
                    "revision = :before AND fence <= :fence",
                    ExpressionAttributeValues={
                        ":before": {"N": str(journal.revision - 1)},
                        ":none": {"N": "0"},
                        ":fence": {"N": fence},
                    },
                )
            except ClientError as error:
                if code_of(error) != FAILED:
                    raise
                # The SDK tries again after a lost answer: then it is our own write that stands there.
                found = self._dynamodb.get_item(TableName=self._table, Key=_key(journal.operation), ConsistentRead=True)
                if found.get("Item", {}).get("journal", {}).get("S") != text:
                    because = f"its journal in {self._table} was written by another run, or under a newer fence"
                    raise OperationInProgress(journal.operation, because) from error


def _key(operation: str) -> dict[str, dict[str, str]]:
    return {"operation": {"S": operation}, "position": {"S": POSITION}}
