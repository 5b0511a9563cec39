"""What is particular to leases in PostgreSQL: one server that is named, promotions, and a holder that was stopped."""

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

from lease_places import REGION, Place, in_postgres, use
from lease_world import NAME
from localcloud.postgres_fleet import PostgresFleet
from localcloud.postgres_install import USER
from seawall.errors import InvalidInput, LeaseUnavailable
from seawall_ops.lease import NEVER_SEEN, Arbitrated, Lease, LeaseRecord, LeaseTerms
from seawall_ops.lease.postgres import SKIPPED_FENCES, PostgresLeaseStore, PostgresState

pytestmark = pytest.mark.xdist_group("leases")


@pytest.fixture(scope="module")
def servers() -> Iterator[PostgresFleet]:
    """Two, of which one may be promoted by the test that does."""
    with PostgresFleet(replicas=1) as fleet:
        yield fleet


@pytest.fixture
def postgres(servers: PostgresFleet) -> Place:
    return in_postgres(servers)


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
