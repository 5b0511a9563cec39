"""DynamoDB tables over the plugin's protocol: those of a failover, used by the code that votes, locks and keeps the record."""

from typing import Any

import pytest

from pulumi_seawall._arbiter_plan import KEYS
from seawall_ops.failover.board import Stored
from seawall_ops.failover.store_dynamodb import DynamoDbStore
from seawall_ops.lease import LeaseRecord
from seawall_ops.lease.dynamodb import DynamoDBLeaseStore, check_table
from seawall_ops.steps import TableJournals

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("provider")]

TABLE = "aws:dynamodb/table:Table"
REGION = "eu-north-1"


def table(lab: Any, purpose: str, **changes: Any) -> dict[str, Any]:
    """A table as `FailoverArbiter` declares it."""
    partition, *sort = KEYS[purpose]
    return {
        "region": REGION,
        "name": f"{lab.prefix}-{purpose}",
        "attributes": [{"name": key, "type": "S"} for key in KEYS[purpose]],
        "hashKey": partition,
        **({"rangeKey": sort[0]} if sort else {}),
        "billingMode": "PAY_PER_REQUEST",
        "pointInTimeRecovery": {"enabled": True},
        "serverSideEncryption": {"enabled": True},
        "deletionProtectionEnabled": True,
        **changes,
    }


async def test_a_failovers_code_works_on_the_tables_that_are_declared(lab: Any) -> None:
    """Components cannot import that code: were a key called otherwise, the first vote would fail on the first bad day."""
    for purpose in KEYS:
        assert (await lab.create(TABLE, purpose, table(lab, purpose))).state["arn"]
    dynamodb = lab.client("dynamodb", REGION)
    board = DynamoDbStore(f"{lab.prefix}-board", "shop", region=REGION, client=dynamodb)
    board.put("vote", Stored(1, "{}"), over=None)
    assert board.read()["vote"].version == 1
    leases = DynamoDBLeaseStore(f"{lab.prefix}-leases", region=REGION, client=dynamodb)
    leases.create("failover-shop", LeaseRecord(holder="", fence=0, ttl_seconds=30.0, write="w1"))
    assert leases.read("failover-shop") is not None
    assert check_table(f"{lab.prefix}-leases", region=REGION, client=dynamodb) == ()
    assert TableJournals(f"{lab.prefix}-journals", region=REGION, dynamodb=dynamodb).read("failover-1") is None


async def test_other_keys_or_another_name_are_another_table(lab: Any) -> None:
    """DynamoDB changes neither; a preview has to say that what is in the table is lost."""
    made = await lab.create(TABLE, "made", table(lab, "board"))
    assert list((await made.diff(table(lab, "board", name=f"{lab.prefix}-other"))).replaces) == ["name"]
    renamed = table(
        lab, "board", hashKey="group", attributes=[{"name": "group", "type": "S"}, {"name": "record", "type": "S"}]
    )
    assert set((await made.diff(renamed)).replaces) == {"attributes", "hashKey"}
    alone = table(lab, "board", attributes=[{"name": "cluster", "type": "S"}])
    del alone["rangeKey"]
    assert set((await made.diff(alone)).replaces) == {"attributes", "rangeKey"}
    assert not (await made.diff(table(lab, "board", deletionProtectionEnabled=False))).replaces
    turned = list(reversed(table(lab, "board")["attributes"]))
    assert not (await made.diff(table(lab, "board", attributes=turned))).diffs


async def test_a_protected_table_is_deleted_only_after_the_protection(lab: Any) -> None:
    """As DynamoDB does it: a destroy that would take the leases along stops with its line."""
    made = await lab.create(TABLE, "kept", table(lab, "leases"))
    with pytest.raises(Exception, match="DeletionProtectionEnabled is set to True"):
        await made.delete()
    await made.update(table(lab, "leases", deletionProtectionEnabled=False))
    await made.delete()
    assert f"{lab.prefix}-leases" not in lab.client("dynamodb", REGION).list_tables()["TableNames"]


async def test_what_somebody_changed_by_hand_is_seen_and_put_right(lab: Any) -> None:
    """Recovery that was switched off, tags that went: a refresh finds them, an update brings them back."""
    inputs = table(lab, "journals", tags={"team": "shop"})
    made = await lab.create(TABLE, "drift", inputs)
    dynamodb, name = lab.client("dynamodb", REGION), inputs["name"]
    assert await made.refresh()
    assert not (await made.diff(inputs)).diffs  # the days that DynamoDB fills in are no difference
    dynamodb.update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
    )
    dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
    dynamodb.untag_resource(ResourceArn=made.state["arn"], TagKeys=["team"])
    assert await made.refresh()
    changed = set((await made.diff(inputs)).diffs)
    assert {"deletionProtectionEnabled", "pointInTimeRecovery"} <= {each.partition(".")[0] for each in changed}
    await made.update(inputs)
    assert await made.refresh()
    assert not (await made.diff(inputs)).diffs
    assert made.state["tagsAll"] == {"team": "shop"}


async def test_a_table_that_somebody_else_made_is_refused(lab: Any) -> None:
    """Two environments with one name would vote on one board."""
    await lab.create(TABLE, "first", table(lab, "board"))
    with pytest.raises(Exception, match="ResourceInUseException"):
        await lab.create(TABLE, "second", table(lab, "board"))


async def test_what_a_table_cannot_be_is_refused_in_the_preview(lab: Any) -> None:
    """The local cloud would take it, and AWS would not; capacity it cannot emulate."""
    assert "3 to 255" in (await lab.failures(TABLE, table(lab, "board", name="ab")))["name"]
    assert (
        "PAY_PER_REQUEST" in (await lab.failures(TABLE, table(lab, "board", billingMode="PROVISIONED")))["billingMode"]
    )
    more = [{"name": each, "type": "S"} for each in ("cluster", "record", "more")]
    assert "exactly the keys" in (await lab.failures(TABLE, table(lab, "board", attributes=more)))["attributes"]
    unknown = [{"name": "id", "type": "text"}]
    assert "one of S, N, B" in (await lab.failures(TABLE, table(lab, "leases", attributes=unknown)))["attributes"]
