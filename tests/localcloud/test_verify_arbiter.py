"""Whether `make dev` notices a failover's table that is gone, unprotected, or forgets."""

import uuid
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from localcloud.verify_arbiter import arbiter_tables

pytestmark = pytest.mark.xdist_group("provider")

REGION = "eu-north-1"


@pytest.fixture
def name(connect: Callable[..., Any]) -> str:
    """A table of leases as it is declared."""
    dynamodb, name = connect("dynamodb", REGION), f"leases-{uuid.uuid4().hex[:8]}"
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        DeletionProtectionEnabled=True,
        SSESpecification={"Enabled": True, "SSEType": "KMS"},
    )
    recovery = {"PointInTimeRecoveryEnabled": True}
    dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)
    return name


@pytest.fixture
def found(aws_endpoint: str) -> Callable[..., Any]:
    """The one finding for a table of leases."""

    def look(name: str, **claims: Any) -> Any:
        session = boto3.Session(aws_access_key_id="local", aws_secret_access_key="local")
        claim = {
            "region": REGION, "tables": {"leases": name}, "keys": {"leases": ["id"]}, "deletion_protection": True, **claims,
        }  # fmt: skip
        (finding,) = arbiter_tables(session, aws_endpoint, {"arbiter": claim})
        return finding

    return look


def test_a_table_as_it_was_declared_is_found(name: str, found: Any) -> None:
    """The ordinary case says where and by which key."""
    finding = found(name)
    assert finding.differences == ()
    assert finding.found == f"{REGION}: leases by id"


def test_a_table_that_became_unsafe_differs(name: str, found: Any, connect: Any) -> None:
    """Each of these loses a lease's last fence some day."""
    dynamodb = connect("dynamodb", REGION)
    dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
    recovery = {"PointInTimeRecoveryEnabled": False}
    dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)
    dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"})
    differences = [each.partition(":")[0] for each in found(name).differences]
    assert differences == ["point-in-time recovery", "deletion protection", "time to live"]
    dynamodb.delete_table(TableName=name)
    assert found(name).differences == ("does not exist",)


def test_a_table_with_other_keys_differs(name: str, found: Any) -> None:
    """Votes written by other keys than the board reads are not seen."""
    differences = found(name, keys={"leases": ["lease"]}).differences
    assert [each.partition(":")[0] for each in differences] == ["keys", "types of the keys"]


def test_an_environment_without_tables_has_nothing_to_compare(aws_endpoint: str) -> None:
    """Somebody else's tables are somebody else's to look at."""
    assert not list(arbiter_tables(boto3.Session(), aws_endpoint, {}))
