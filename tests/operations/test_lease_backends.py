"""What is particular to each place: what it takes for permissions, how it fails, and what it refuses to be."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import Stubber
from lightkube import KubeConfig

from kubernetes_api import KubernetesApi
from lease_places import (
    NAMESPACE,
    REGION,
    TABLE,
    Place,
    dynamodb_client,
    in_dynamodb,
    in_kubernetes,
    in_postgres,
    moto_server,
)
from lease_world import NAME, Bearer
from localcloud.postgres_fleet import PostgresFleet
from localcloud.postgres_install import USER
from recorded_calls import CallRecorder
from seawall.errors import FenceOutrun, InvalidInput, LeaseUnavailable
from seawall.testing import FakeClock
from seawall_ops.lease import NEVER_SEEN, Arbitrated, Lease, LeaseRecord, LeaseTerms
from seawall_ops.lease.dynamodb import (
    FENCE_PREFIX,
    KEY,
    LEASE_PREFIX,
    PERMISSIONS,
    DynamoDBLeaseStore,
    DynamoDBState,
    check_table,
)
from seawall_ops.lease.kubernetes import RULES, WRITE, KubernetesLeaseStore
from seawall_ops.lease.postgres import SKIPPED_FENCES, PostgresLeaseStore, PostgresState

pytestmark = pytest.mark.xdist_group("leases")
RECORD = LeaseRecord(holder="a", fence=1, ttl_seconds=30.0, write="w1")


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture
def dynamodb(moto: str) -> Iterator[Place]:
    client = dynamodb_client(moto)
    yield in_dynamodb(client)
    client.close()


@pytest.fixture
def kubernetes() -> Iterator[Place]:
    with KubernetesApi() as api:
        there = in_kubernetes(api)
        yield there
        there.close()


@pytest.fixture(scope="module")
def servers() -> Iterator[PostgresFleet]:
    """Two, of which one may be promoted by the test that does."""
    with PostgresFleet(replicas=1) as fleet:
        yield fleet


@pytest.fixture
def postgres(servers: PostgresFleet) -> Place:
    return in_postgres(servers)


def use(place: Place) -> None:
    """Everything that a lease and a state do."""
    lease = Lease(place.store, NAME, holder="a", arbitrates=Arbitrated())
    lease.create()
    with lease.acquire(wait_seconds=0.0, renew=False) as held:
        place.state.claim("shop.prod", held)
        place.state.put("shop.prod", "text", held)
        held.renew()
        held.release()


# ---- DynamoDB


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


# ---- PostgreSQL


def test_a_password_is_shown_nowhere(servers, postgres):
    """Messages are logged, and audits kept."""
    password = servers.primary.password
    wrong = servers.primary.dsn().replace(f"/{USER}", "/nothing")
    shown = [repr(postgres.store), repr(postgres.state), postgres.store.where, repr(vars(postgres.state))]
    with pytest.raises(LeaseUnavailable) as caught:
        PostgresLeaseStore(wrong, region=REGION).read(NAME)
    shown.append(str(caught.value))
    with pytest.raises(InvalidInput) as refused:
        PostgresLeaseStore(f"host=a password={password} nonsense", region=REGION)
    shown.append(str(refused.value))
    assert not any(password in each for each in shown)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("conninfo", "line"),
    [
        ("host=a,b dbname=x", "conninfo.host = a,b: one server, because which of several answers"),
        ("dbname=x", "conninfo.host = None: a server's name"),
        ("nonsense", r"conninfo = \(not shown\): a connection string of libpq's"),
    ],
)
def test_which_server_it_is_must_be_said(conninfo, line):
    """Whichever of several answers would decide who holds the lease."""
    for kind in (lambda: PostgresLeaseStore(conninfo, region=REGION), lambda: PostgresState(conninfo)):
        with pytest.raises(InvalidInput, match=line):
            kind()


def test_a_silent_server_holds_nobody_up(servers, postgres):
    """It takes the connection and never answers: libpq alone would wait without end."""
    quick = PostgresLeaseStore(servers.primary.dsn(), region=REGION, timeout_seconds=0.5)
    quick.read(NAME)
    server = servers.primary
    server.freeze()
    try:
        began = time.monotonic()
        with pytest.raises(LeaseUnavailable, match="did not answer in time"):
            quick.read(NAME)
        assert time.monotonic() - began < 3.0
    finally:
        server.thaw()


def test_a_user_needs_what_is_granted_and_may_not_delete(servers, postgres):
    """The list of grants is the whole of it."""
    use(postgres)
    with pytest.raises(Exception, match="permission denied for table seawall_lease"):
        servers.primary.sql("DELETE FROM seawall_lease", user=USER, database=USER)


def test_after_a_promotion_a_record_is_somebodys_and_fences_skip_what_may_be_lost(servers, postgres):
    """A replica may lack the last takings: the old record, free or not, would give a fence that somebody has."""
    use(postgres)
    servers.wait_in_step()
    before = postgres.store.read(NAME)
    assert before is not None
    old = servers.primary
    with pytest.raises(LeaseUnavailable, match="recovery is in progress"):
        PostgresLeaseStore(servers.replicas[0].dsn(), region=REGION).read(NAME)
    new = servers.replicas[0]
    old.kill()
    new.promote()
    store = PostgresLeaseStore(new.dsn(), region=REGION)
    after = store.read(NAME)
    assert after is not None
    assert (after.record.holder, after.record.fence) == (NEVER_SEEN, before.record.fence + SKIPPED_FENCES)
    written = store.replace(
        NAME, LeaseRecord(holder="b", fence=after.record.fence + 1, ttl_seconds=1.0, write="w"), after
    )
    assert store.read(NAME) == written


HOLDER = """
import json, sys, time
from seawall.errors import FenceOutrun, LeaseLost
from seawall_ops.lease import Arbitrated, Lease, LeaseTerms
from seawall_ops.lease.postgres import PostgresLeaseStore, PostgresState

dsn, terms = sys.argv[1], LeaseTerms(**json.loads(sys.argv[2]))
lease = Lease(PostgresLeaseStore(dsn, region="eu-north-1"), "x", holder="first", arbitrates=Arbitrated(), terms=terms)
lease.create()
held = lease.acquire(wait_seconds=5.0)
state = PostgresState(dsn)
state.claim("shop.prod", held)
print(held.fence, flush=True)
sys.stdin.readline()

class Asked:  # before it was stopped
    fence = held.fence
    def check(self): pass

told = []
for attempt in (held, Asked):
    try:
        state.put("shop.prod", "late", attempt if attempt is held else Asked())
    except (LeaseLost, FenceOutrun) as error:
        told.append(type(error).__name__)
print(json.dumps(told), flush=True)
"""


def test_a_process_that_was_stopped_writes_nothing_when_it_goes_on(servers, postgres):
    """SIGSTOP at a real process with its worker, over a real server: by its clock if it asks, by its fence if it had asked."""
    terms: dict[str, Any] = {
        "ttl_seconds": 1.5, "margin_seconds": 0.2, "renew_every_seconds": 0.2, "request_timeout_seconds": 0.4, "retry_seconds": 0.1
    }  # fmt: skip
    command = [sys.executable, "-c", textwrap.dedent(HOLDER), servers.primary.dsn(), json.dumps(terms)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            first = int(holder.stdout.readline())
            os.kill(holder.pid, signal.SIGSTOP)
            other = Lease(postgres.store, "x", holder="second", arbitrates=Arbitrated(), terms=LeaseTerms(**terms))
            with other.acquire(wait_seconds=20.0) as held:
                assert held.fence > first
                postgres.state.claim("shop.prod", held)
                postgres.state.put("shop.prod", "by the second", held)
                os.kill(holder.pid, signal.SIGCONT)
                told, _ = holder.communicate("\n", timeout=20)
            assert json.loads(told) == ["LeaseLost", "FenceOutrun"]
            assert postgres.state.read("shop.prod").text == "by the second"
        finally:
            holder.kill()


# ---- Kubernetes


def test_the_rules_of_the_role_are_those_of_the_calls(kubernetes):
    """Nothing is denied at night, nothing allowed for nothing."""
    use(kubernetes)
    allowed = {(verb, resource) for rule in RULES for resource in rule["resources"] for verb in rule["verbs"]}
    assert kubernetes.behind.calls == allowed


def test_kubectl_shows_who_holds_it(kubernetes):
    """The fields that others know are kept, though never read."""
    lease = Lease(kubernetes.store, NAME, holder="observer-1", arbitrates=Arbitrated())
    lease.create()
    lease.acquire(wait_seconds=0.0, renew=False)
    spec = kubernetes.behind.objects["leases", NAME]["spec"]
    assert spec["holderIdentity"].startswith("observer-1@")
    assert spec["leaseDurationSeconds"] == 30
    assert spec["renewTime"].endswith("Z") or "+00:00" in spec["renewTime"]


def test_a_lease_of_another_program_is_left_alone(kubernetes):
    """Two ways to count fences in one object would give one number twice."""
    kubernetes.store.create(NAME, RECORD)
    kubernetes.behind.touch("leases", NAME, WRITE, None)
    with pytest.raises(LeaseUnavailable, match=f"the lease {NAME} is another program's"):
        kubernetes.store.read(NAME)


def test_a_change_by_another_hand_is_another_version(kubernetes):
    """A label that somebody adds makes the holder read again, and go on."""
    clock = FakeClock()
    lease = Lease(kubernetes.store, NAME, holder="a", arbitrates=Arbitrated(), clock=clock, wall=clock.monotonic)
    lease.create()
    held = lease.acquire(wait_seconds=0.0, renew=False)
    for _ in range(5):
        clock.advance(10.0)
        kubernetes.behind.touch("leases", NAME, "note", "by hand")
        held.renew()
        assert held.remaining_seconds() == lease.terms.usable_seconds


def test_a_refusal_of_the_api_server_is_one_line(kubernetes):
    """Whatever it says beyond that."""
    kubernetes.behind.broken_with = 500
    with pytest.raises(LeaseUnavailable, match=r"namespace shop could not be asked: 500: broken$"):
        kubernetes.store.read(NAME)


def test_a_server_that_is_gone_is_one_line():
    """Refused connections are not httpx's traceback."""
    with KubernetesApi() as api:
        there = in_kubernetes(api)
    with pytest.raises(LeaseUnavailable, match="ConnectError"):
        there.store.read(NAME)
    there.close()


def test_a_configuration_without_a_cluster_is_refused(tmp_path):
    """With one line, before anything is asked."""
    with pytest.raises(InvalidInput, match="a kubeconfig that can be read, with a current"):
        KubernetesLeaseStore(NAMESPACE, region=REGION, config=KubeConfig.from_dict({"clusters": [], "contexts": []}))
    with pytest.raises(InvalidInput, match="namespace"):
        KubernetesLeaseStore("", region=REGION)


def test_a_state_that_others_write_meanwhile_is_not_overwritten(kubernetes):
    """The version of a ConfigMap is the condition; a higher fence that came in between is seen."""

    class Interrupting:
        fence = 3
        done = False

        def check(self) -> None:
            if not self.done:
                self.done = True
                kubernetes.state.put("shop.prod", "later", Bearer(4))

    kubernetes.state.put("shop.prod", "first", Bearer(1))
    with pytest.raises(FenceOutrun, match="fence 4"):
        kubernetes.state.put("shop.prod", "mine", Interrupting())
    assert kubernetes.state.read("shop.prod").text == "later"
