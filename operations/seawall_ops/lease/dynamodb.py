"""Leases and fenced states in a DynamoDB table, in a region that does not fail over.

```sh
aws dynamodb create-table --region eu-north-1 --table-name seawall --deletion-protection-enabled \\
  --billing-mode PAY_PER_REQUEST --key-schema AttributeName=id,KeyType=HASH \\
  --attribute-definitions AttributeName=id,AttributeType=S
```

All writes are conditional and name the version before them, or the fence. Taking a lease writes its fence into a second item,
too, in one transaction, so that fences never come again after the record was deleted. If somebody deletes both, the first
fence is DynamoDB's own time in whole seconds, which is beyond all earlier ones unless the lease was taken more than once a
second on average.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import Any, Final, cast, final

from seawall.errors import CloudUnavailable, FenceOutrun, InvalidInput, LeaseUnavailable
from seawall_ops.clients import asking, client
from seawall_ops.lease._domains import Location
from seawall_ops.lease._fencing import Fenced, FencedDocument
from seawall_ops.lease._model import REQUEST_TIMEOUT_SECONDS, LeaseRecord, Stored

__all__ = ["PERMISSIONS", "DynamoDBLeaseStore", "DynamoDBState", "check_table"]

PERMISSIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "use": ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"),
    "check": ("dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTable"),
}
"""By purpose, all on the table's ARN. Nothing here deletes an item, and nobody else should be allowed to."""

KEY: Final = "id"
LEASE_PREFIX: Final = "lease/"
FENCE_PREFIX: Final = "fence/"  # the highest fence of a lease, whatever becomes of its record
STATE_PREFIX: Final = "state/"
REFUSED: Final = "ConditionalCheckFailed"  # how botocore's code begins, and the whole reason in a transaction
CANCELED: Final = "TransactionCanceledException"
STRONG: Final = "STRONG"  # the one kind of global table whose conditional writes hold in every region

Item = Mapping[str, Mapping[str, str]]


class _Table:
    """One table, asked one question at a time, without retries: a repeated write would be refused for its own first try."""

    def __init__(self, table: str, region: str, timeout_seconds: float, given: Any) -> None:
        for name, value in (("table", table), ("region", region)):
            if not value:
                raise InvalidInput(name, value, allowed="a name")
        self.name: Final = table
        self.region: Final = region
        self.where: Final = f"DynamoDB table {table} in {region}"
        self._given: Final = given
        self._timeout: Final = timeout_seconds
        self._client: Any = None
        self._pid = 0

    def ask(self, operation: str, **arguments: Any) -> dict[str, Any] | None:
        """The answer of an operation on the table; `None` when a condition did not hold.

        Raises:
            LeaseUnavailable: There is no answer, or a refusal.
        """
        return self.send(operation, TableName=self.name, **arguments)

    def send(self, operation: str, **arguments: Any) -> dict[str, Any] | None:
        """As `ask`, of an operation that names its tables in its arguments."""
        try:
            with asking(f"dynamodb {operation}"):
                return cast("dict[str, Any]", getattr(self._connected(), operation)(**arguments))
        except CloudUnavailable as error:
            if error.because.startswith(REFUSED) or REFUSED in _reasons(error):
                return None
            raise LeaseUnavailable(self.where, error.because) from error

    def item(self, key: str) -> tuple[Item | None, dict[str, Any]]:
        """The latest item, and the whole answer."""
        answer = self.ask("get_item", Key={KEY: {"S": key}}, ConsistentRead=True)
        if answer is None:
            raise LeaseUnavailable(self.where, "a reading was refused by a condition that it does not have")
        return cast("Item | None", answer.get("Item")), answer

    def close(self) -> None:
        """Close the connections of a client of its own."""
        if self._client is not None and self._pid == os.getpid():
            self._client.close()
            self._client = None

    def _connected(self) -> Any:
        if self._given is not None:
            return self._given
        if self._client is None or self._pid != os.getpid():  # a forked child must not share its parent's connections
            # Connecting and reading have a limit each: together they keep to one.
            half = self._timeout / 2
            self._client = client("dynamodb", self.region, connect_seconds=half, read_seconds=half, attempts=1)
            self._pid = os.getpid()
        return self._client


@final
class DynamoDBLeaseStore:
    """Leases in a table.

    Args:
        table: Its name. Its partition key is the text `id`, and it has no sort key.
        region: Its region.
        timeout_seconds: Of each request; that of the lease's terms.
        client: boto3's, for a region of that name; default one of its own, without retries.

    Raises:
        InvalidInput: A name is empty.
    """

    def __init__(
        self,
        table: str,
        *,
        region: str,
        timeout_seconds: float = REQUEST_TIMEOUT_SECONDS,
        client: Any = None,
    ) -> None:
        self._table: Final = _Table(table, region, timeout_seconds, client)

    @property
    def where(self) -> str:
        """Table and region."""
        return self._table.where

    @property
    def location(self) -> Location:
        """The region."""
        return Location(self._table.region)

    def read(self, name: str) -> Stored | None:
        """The latest record."""
        item, _ = self._table.item(LEASE_PREFIX + name)
        if item is None:
            return None
        record = LeaseRecord(
            holder=item["holder"]["S"],
            fence=int(item["fence"]["N"]),
            ttl_seconds=float(item["ttl_seconds"]["N"]),
            write=item["write"]["S"],
        )
        return Stored(record, record.write)

    def create(self, name: str, record: LeaseRecord) -> None:
        """Make a record where there is none."""
        item, answer = self._table.item(LEASE_PREFIX + name)
        if item is not None:
            return
        highest, _ = self._table.item(FENCE_PREFIX + name)
        fences = [record.fence, self._seconds_told_by(answer), *([int(highest["fence"]["N"])] if highest else [])]
        self._table.ask(
            "put_item",
            Item=_item(name, record, max(fences)),
            ConditionExpression="attribute_not_exists(#id)",
            ExpressionAttributeNames={"#id": KEY},
        )

    def replace(self, name: str, record: LeaseRecord, over: Stored) -> Stored | None:
        """Write a record over another one."""
        condition = {
            "ConditionExpression": "#write = :seen",
            "ExpressionAttributeNames": {"#write": "write"},
            "ExpressionAttributeValues": {":seen": {"S": over.version}},
        }
        if record.fence == over.record.fence:
            answer = self._table.ask("put_item", Item=_item(name, record, record.fence), **condition)
            return None if answer is None else Stored(record, record.write)
        taken = self._take(name, record, condition)
        if taken is None:  # perhaps only since the record is older than the fence: a hand has put it back
            highest, _ = self._table.item(FENCE_PREFIX + name)
            if highest is not None and int(highest["fence"]["N"]) >= record.fence:
                taken = self._take(name, replace(record, fence=int(highest["fence"]["N"]) + 1), condition)
        return taken

    def _take(self, name: str, record: LeaseRecord, condition: dict[str, Any]) -> Stored | None:
        put = {"TableName": self._table.name, "Item": _item(name, record, record.fence), **condition}
        update = {"TableName": self._table.name, **_highest(name, record.fence)}
        answer = self._table.send("transact_write_items", TransactItems=[{"Put": put}, {"Update": update}])
        return None if answer is None else Stored(record, record.write)

    def _seconds_told_by(self, answer: dict[str, Any]) -> int:
        """DynamoDB's own time: not this machine's, which may be wrong by any amount."""
        headers = cast("Mapping[str, str]", answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}))
        try:
            return int(parsedate_to_datetime(headers["date"]).timestamp())
        except (KeyError, ValueError) as error:
            raise LeaseUnavailable(
                self.where, "its answer has no date, from which a first fence would follow"
            ) from error

    def close(self) -> None:
        """Close its connections; the next request makes new ones."""
        self._table.close()

    def __repr__(self) -> str:
        return f"<DynamoDBLeaseStore {self.where}>"


@final
class DynamoDBState:
    """Fenced states in a table, which may be the leases' own.

    Args:
        table: Its name. Its partition key is the text `id`, and it has no sort key.
        region: Its region.
        timeout_seconds: Of each request.
        client: boto3's; default one of its own, without retries.

    Raises:
        InvalidInput: A name is empty.
    """

    def __init__(
        self,
        table: str,
        *,
        region: str,
        timeout_seconds: float = REQUEST_TIMEOUT_SECONDS,
        client: Any = None,
    ) -> None:
        self._table: Final = _Table(table, region, timeout_seconds, client)

    @property
    def where(self) -> str:
        """Table and region."""
        return self._table.where

    def read(self, key: str) -> FencedDocument | None:
        """What is there."""
        item, _ = self._table.item(STATE_PREFIX + key)
        return None if item is None else _document(item)

    def claim(self, key: str, held: Fenced) -> FencedDocument:
        """Let nobody with a lower fence write any more, and read."""
        return _document(cast("Item", self._update(key, held, "SET #fence = :fence")["Attributes"]))

    def put(self, key: str, text: str, held: Fenced) -> None:
        """Write."""
        self._update(key, held, "SET #fence = :fence, #document = :document", text)

    def _update(self, key: str, held: Fenced, update: str, text: str | None = None) -> dict[str, Any]:
        held.check()
        names, values = {"#fence": "fence"}, {":fence": {"N": str(held.fence)}}
        if text is not None:
            names["#document"], values[":document"] = "document", {"S": text}
        answer = self._table.ask(
            "update_item",
            Key={KEY: {"S": STATE_PREFIX + key}},
            UpdateExpression=update,
            ConditionExpression="attribute_not_exists(#fence) OR #fence <= :fence",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
            ReturnValues="ALL_NEW",
        )
        if answer is None:
            present = self.read(key)
            raise FenceOutrun(f"{self.where}, key {key}", held.fence, present.fence if present else None)
        return answer

    def close(self) -> None:
        """Close its connections; the next request makes new ones."""
        self._table.close()

    def __repr__(self) -> str:
        return f"<DynamoDBState {self.where}>"


def check_table(table: str, *, region: str, client: Any = None) -> tuple[str, ...]:
    """What is wrong with a table, a line each: for when it is set up, not for when it is needed.

    Args:
        table: Its name.
        region: Its region.
        client: boto3's; default one of its own.

    Raises:
        LeaseUnavailable: It could not be looked at.
        InvalidInput: Leases in it would not hold: another key, or a global table whose regions write without asking each
            other, so that two of them would each let somebody have the lease.
    """
    looked = _Table(table, region, REQUEST_TIMEOUT_SECONDS, client)
    described = cast("dict[str, Any]", (looked.ask("describe_table") or {}).get("Table", {}))
    keys = [(each["AttributeName"], each["KeyType"]) for each in described.get("KeySchema", [])]
    if keys != [(KEY, "HASH")]:
        raise InvalidInput("table", looked.where, allowed=f"a table with the partition key {KEY} alone")
    if described.get("Replicas") and described.get("MultiRegionConsistency") != STRONG:
        raise InvalidInput(
            "table",
            looked.where,
            allowed="a table of one region, or a global one with strong consistency",
            because="the regions of a global table let each somebody have the lease, and the last one to write wins",
        )
    backups = (looked.ask("describe_continuous_backups") or {}).get("ContinuousBackupsDescription", {})
    recovery = backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
    found: list[str] = []
    if not described.get("DeletionProtectionEnabled"):
        found.append(f"{looked.where} has no deletion protection")
    if recovery != "ENABLED":
        found.append(f"{looked.where} has no point-in-time recovery")
    return tuple(found)


def _item(name: str, record: LeaseRecord, fence: int) -> dict[str, dict[str, str]]:
    return {
        KEY: {"S": LEASE_PREFIX + name},
        "holder": {"S": record.holder},
        "fence": {"N": str(fence)},
        "ttl_seconds": {"N": repr(record.ttl_seconds)},
        "write": {"S": record.write},
    }


def _document(item: Item) -> FencedDocument:
    text = item.get("document")
    return FencedDocument(None if text is None else text["S"], int(item["fence"]["N"]))


def _highest(name: str, fence: int) -> dict[str, Any]:
    """Of an update: this fence has been given."""
    return {
        "Key": {KEY: {"S": FENCE_PREFIX + name}},
        "UpdateExpression": "SET #fence = :fence",
        "ConditionExpression": "attribute_not_exists(#fence) OR #fence < :fence",
        "ExpressionAttributeNames": {"#fence": "fence"},
        "ExpressionAttributeValues": {":fence": {"N": str(fence)}},
    }


def _reasons(error: CloudUnavailable) -> list[str]:
    """Why a transaction was canceled, an entry for each of its parts."""
    if not error.because.startswith(CANCELED):
        return []
    response = cast("Mapping[str, Any]", getattr(error.__cause__, "response", {}))
    return [
        str(each.get("Code")) for each in cast("list[Mapping[str, object]]", response.get("CancellationReasons", []))
    ]
