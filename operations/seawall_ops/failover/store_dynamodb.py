"""The board in a DynamoDB table. The table lives in a region that nothing fails over from or to.

The table has the partition key `cluster` and the sort key `record`, both text. Not a global table: those are
last-writer-wins. What the calls need is in `seawall_ops.failover.permissions`.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final, cast, final

from seawall.errors import CloudUnavailable
from seawall_ops.clients import asking, client
from seawall_ops.failover.board import BoardUnavailable, Outrun, Stored

__all__ = ["CLUSTER_KEY", "RECORD_KEY", "DynamoDbStore", "bounded_client"]

CLUSTER_KEY: Final = "cluster"
RECORD_KEY: Final = "record"
ATTEMPTS: Final = 2  # one more, for a connection that had gone stale


def bounded_client(region: str, timeout_seconds: float) -> Any:
    """boto3's client of DynamoDB that answers or gives up within a time-out: what waits longer says nothing.

    Args:
        region: An AWS region.
        timeout_seconds: For all attempts together, each with its connecting and its reading; between them the SDK waits for
            up to a second.

    Raises:
        CloudUnavailable: There is no such profile, or its files are broken.
    """
    share = timeout_seconds / (2 * ATTEMPTS)
    return client("dynamodb", region, connect_seconds=share, read_seconds=share, attempts=ATTEMPTS)


@final
class DynamoDbStore:
    """The records of one cluster in a table.

    Args:
        table: Its name.
        cluster: Name of the cluster.
        region: Where it is.
        client: boto3's client of DynamoDB in that region; its time-outs bound every call.
    """

    __slots__ = ("_client", "_cluster", "_region", "_table")

    def __init__(self, table: str, cluster: str, *, region: str, client: Any) -> None:
        self._table: Final = table
        self._cluster: Final = cluster
        self._region: Final = region
        self._client: Final = client

    @property
    def where(self) -> str:
        """For messages."""
        return f"DynamoDB table {self._table} in {self._region}"

    @property
    def region(self) -> str | None:
        """Where it is."""
        return self._region

    def read(self) -> Mapping[str, Stored]:
        """All records, by key. Consistent.

        Raises:
            BoardUnavailable: DynamoDB does not answer, or refuses.
        """
        found: dict[str, Stored] = {}
        start: dict[str, Any] | None = None
        while True:
            with self._asking("Query"):
                page = self._client.query(
                    TableName=self._table,
                    ConsistentRead=True,
                    KeyConditionExpression="#cluster = :cluster",
                    ExpressionAttributeNames={"#cluster": CLUSTER_KEY},
                    ExpressionAttributeValues={":cluster": {"S": self._cluster}},
                    **({} if start is None else {"ExclusiveStartKey": start}),
                )
            for item in cast("list[dict[str, dict[str, str]]]", page["Items"]):
                found[item[RECORD_KEY]["S"]] = Stored(int(item["version"]["N"]), item["text"]["S"])
            start = cast("dict[str, Any] | None", page.get("LastEvaluatedKey"))
            if start is None:
                return found

    def put(self, key: str, stored: Stored, *, over: int | None) -> None:
        """Write a record over the version that was read.

        Raises:
            Outrun: It is not that version any more.
            BoardUnavailable: DynamoDB does not answer, or refuses; the record may have been written.
        """
        item = {**self._key(key), "version": {"N": str(stored.version)}, "text": {"S": stored.text}}
        with self._asking("PutItem", key):
            self._client.put_item(TableName=self._table, Item=item, **_condition(over))

    def delete(self, key: str, *, over: int) -> None:
        """Delete a record of the version that was read.

        Raises:
            Outrun: It is not that version any more.
            BoardUnavailable: DynamoDB does not answer, or refuses; the record may be gone.
        """
        with self._asking("DeleteItem", key):
            self._client.delete_item(TableName=self._table, Key=self._key(key), **_condition(over))

    def _key(self, key: str) -> dict[str, dict[str, str]]:
        return {CLUSTER_KEY: {"S": self._cluster}, RECORD_KEY: {"S": key}}

    @contextmanager
    def _asking(self, operation: str, key: str = "") -> Generator[None]:
        """What DynamoDB raises, as ours."""
        try:
            with asking(f"dynamodb {operation}"):
                yield
        except CloudUnavailable as error:
            if error.because.startswith("ConditionalCheckFailed"):
                raise Outrun(self.where, key) from error
            raise BoardUnavailable(self.where, error.because) from error


def _condition(over: int | None) -> dict[str, Any]:
    if over is None:
        return {
            "ConditionExpression": "attribute_not_exists(#record)",
            "ExpressionAttributeNames": {"#record": RECORD_KEY},
        }
    return {
        "ConditionExpression": "#version = :over",
        "ExpressionAttributeNames": {"#version": "version"},
        "ExpressionAttributeValues": {":over": {"N": str(over)}},
    }
