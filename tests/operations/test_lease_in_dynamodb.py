"""What is particular to leases in DynamoDB: permissions, what a table must be, and fences whatever becomes of it."""

import time
from collections.abc import Iterator

import pytest
from botocore.stub import Stubber

from lease_places import RECORD, REGION, TABLE, Place, dynamodb_client, in_dynamodb, use
from lease_world import NAME
from local_moto import moto_server
from recorded_calls import CallRecorder
from seawall.errors import InvalidInput, LeaseUnavailable
from seawall_ops.lease import Arbitrated, Lease
from seawall_ops.lease.dynamodb import (
    FENCE_PREFIX,
    KEY,
    LEASE_PREFIX,
    PERMISSIONS,
    DynamoDBLeaseStore,
    DynamoDBState,
    check_table,
)

pytestmark = pytest.mark.xdist_group("leases")


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture
def dynamodb(moto: str) -> Iterator[Place]:
    client = dynamodb_client(moto)
    yield in_dynamodb(client)
    client.close()


def test_the_permissions_of_the_table_are_those_of_the_calls(dynamodb):
    """One too few is a lease that cannot be had at night; IAM asks for the parts of a transaction, not for the whole."""
    recorder = CallRecorder()
    recorder.watch(dynamodb.behind)
    use(dynamodb)
    taken = recorder.taken() - {"dynamodb:TransactWriteItems"}
    assert taken == set(PERMISSIONS["use"])
    check_table(TABLE, region=REGION, client=dynamodb.behind)
    assert recorder.taken() == set(PERMISSIONS["check"])


def test_a_table_is_looked_at_when_it_is_set_up(dynamodb):
    """What a table lacks is said in a line each."""
    assert check_table(TABLE, region=REGION, client=dynamodb.behind) == (
        "DynamoDB table seawall in eu-north-1 has no deletion protection",
        "DynamoDB table seawall in eu-north-1 has no point-in-time recovery",
    )
    dynamodb.behind.update_continuous_backups(
        TableName=TABLE, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    assert len(check_table(TABLE, region=REGION, client=dynamodb.behind)) == 1


@pytest.mark.parametrize(
    ("described", "because"),
    [
        ({"KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}]}, "a table with the partition key id alone"),
        ({"Replicas": [{"RegionName": "eu-west-1"}]}, "the last one to write wins"),
    ],
)
def test_a_table_in_which_leases_would_not_hold_is_refused(moto, described, because):
    """Two regions of a global table would each let somebody have the lease."""
    client = dynamodb_client(moto)
    answer = {"KeySchema": [{"AttributeName": KEY, "KeyType": "HASH"}], **described}
    with Stubber(client) as stub:
        stub.add_response("describe_table", {"Table": answer}, {"TableName": TABLE})
        with pytest.raises(InvalidInput, match=because):
            check_table(TABLE, region=REGION, client=client)
    client.close()


def test_a_fence_goes_on_when_an_old_record_was_put_back_by_hand(dynamodb):
    """A restored item has an old fence; the second item knows of the later ones."""
    lease = Lease(dynamodb.store, NAME, holder="a", arbitrates=Arbitrated())
    lease.create()
    key = {KEY: {"S": LEASE_PREFIX + NAME}}
    old = dynamodb.behind.get_item(TableName=TABLE, Key=key)["Item"]
    for _ in range(2):
        lease.acquire(wait_seconds=0.0, renew=False).release()
    last = lease.acquire(wait_seconds=0.0, renew=False)
    last.release()
    dynamodb.behind.put_item(TableName=TABLE, Item=old)
    other = Lease(dynamodb.store, NAME, holder="b", arbitrates=Arbitrated())
    assert other.acquire(wait_seconds=0.0, renew=False).fence == last.fence + 1


def test_a_first_fence_is_dynamodbs_own_time_when_nothing_else_is_left(dynamodb):
    """Also after somebody deleted both items: it is beyond what was given before."""
    dynamodb.store.create(NAME, RECORD)
    first = dynamodb.store.read(NAME).record.fence
    assert abs(first - time.time()) < 60
    assert dynamodb.behind.get_item(TableName=TABLE, Key={KEY: {"S": FENCE_PREFIX + NAME}}).get("Item") is None


@pytest.mark.parametrize(
    "what",
    [
        lambda client: DynamoDBLeaseStore("none", region=REGION, client=client).read(NAME),
        lambda client: DynamoDBLeaseStore("none", region=REGION, client=client).create(NAME, RECORD),
        lambda client: DynamoDBState("none", region=REGION, client=client).read("key"),
    ],
)
def test_a_table_that_is_not_there_is_one_line(dynamodb, what):
    """Not botocore's traceback."""
    with pytest.raises(
        LeaseUnavailable, match="DynamoDB table none in eu-north-1 could not be asked: ResourceNotFound"
    ) as got:
        what(dynamodb.behind)
    assert "\n" not in str(got.value)


def test_a_client_of_its_own_does_not_retry(monkeypatch, moto):
    """A repeated write would be refused because of its own first try."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    in_dynamodb(own := dynamodb_client(moto))
    own.close()
    store = DynamoDBLeaseStore(TABLE, region=REGION, timeout_seconds=3.0)
    assert store.read(NAME) is None
    config = store._table._client.meta.config
    assert config.retries["total_max_attempts"] == 1
    assert config.connect_timeout + config.read_timeout == 3.0
    store.close()
    with pytest.raises(InvalidInput, match="region"):
        DynamoDBLeaseStore(TABLE, region="")
