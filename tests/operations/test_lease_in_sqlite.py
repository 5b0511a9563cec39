"""What is particular to leases in a SQLite file: it is one host's, and fences go on whatever becomes of it."""

import contextlib
import sqlite3

import pytest

from lease_places import RECORD, in_sqlite
from seawall.errors import InvalidInput, LeaseUnavailable
from seawall_ops.lease import Arbitrated, Lease, LeaseRecord
from seawall_ops.lease.sqlite import HOST, SqliteLeaseStore

NAME = "failover-shop-prod"


def test_a_first_fence_is_this_hosts_time(tmp_path):
    """A file that was deleted forgets all fences, and later ones must be beyond them."""
    store = SqliteLeaseStore(tmp_path / "leases", wall=lambda: 1_795_000_000.9)
    store.create(NAME, RECORD)
    made = store.read(NAME)
    assert made is not None
    assert made.record.fence == 1_795_000_000


def test_a_fence_goes_on_when_an_old_record_was_put_back_by_hand(tmp_path):
    """The other table knows of the later ones."""
    place = in_sqlite(tmp_path / "leases")
    place.store.create(NAME, RECORD)
    first = place.store.read(NAME)
    assert first is not None
    highest = first.record.fence + 7
    taken = LeaseRecord(holder="b", fence=highest, ttl_seconds=30.0, write="w2")
    assert place.store.replace(NAME, taken, first) is not None
    with contextlib.closing(sqlite3.connect(place.behind, isolation_level=None)) as connection:
        connection.execute("UPDATE seawall_lease SET fence = ?, write = 'old'", (first.record.fence,))
    old = place.store.read(NAME)
    assert old is not None
    written = place.store.replace(
        NAME, LeaseRecord(holder="c", fence=old.record.fence + 1, ttl_seconds=30.0, write="w3"), old
    )
    assert written is not None
    assert written.record.fence == highest + 1
    assert place.store.read(NAME) == written


def test_a_file_that_cannot_be_used_is_one_line(tmp_path):
    """Not sqlite3's traceback: a folder that is not there, a file that is something else, one that others hold."""
    with pytest.raises(LeaseUnavailable, match="unable to open database file"):
        SqliteLeaseStore(tmp_path / "none" / "leases").read(NAME)
    other = tmp_path / "other"
    other.write_text("x" * 4096)
    with pytest.raises(LeaseUnavailable, match="not a database"):
        SqliteLeaseStore(other).create(NAME, RECORD)
    held = SqliteLeaseStore(tmp_path / "leases", timeout_seconds=0.05)
    held.create(NAME, RECORD)
    with contextlib.closing(sqlite3.connect(tmp_path / "leases", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(LeaseUnavailable, match="locked"):
            held.read(NAME)


def test_a_lease_of_this_host_arbitrates_no_region_of_that_name(tmp_path):
    """Where it is lost is this host, which is no region: only what is called so is inside of it."""
    store = SqliteLeaseStore(tmp_path / "leases")
    Lease(store, NAME, holder="a", arbitrates=Arbitrated(regions=frozenset({"eu-west-1"})))
    with pytest.raises(InvalidInput, match="outside of this host"):
        Lease(store, NAME, holder="a", arbitrates=Arbitrated(regions=frozenset({HOST})))
    assert repr(store) == f"<SqliteLeaseStore file {tmp_path / 'leases'}>"
