"""A failover's hands on real PostgreSQL servers: what it sees, what its fence keeps out, what follows a promotion."""

import time
from collections.abc import Iterator

import psycopg
import pytest

from fenced_servers import asked_as_superuser, until
from localcloud.postgres import PostgresServer
from localcloud.postgres_fleet import PostgresFleet
from localcloud.postgres_install import SUPERUSER, USER
from seawall.errors import InvalidInput, StepRefused
from seawall.topology import Member
from seawall_ops.failover.plans.postgres import PostgresServers
from seawall_ops.failover.plans.servers import MemberUnreachable

pytestmark = pytest.mark.xdist_group("postgres")
TIMEOUT_SECONDS = 2.0
MEMBERS = ("db0", "db1", "db2")


def in_order(fleet: PostgresFleet) -> list[PostgresServer]:
    """The writer first: earlier tests may have promoted any of them."""
    return [fleet.primary, *fleet.replicas]


def servers_of(fleet: PostgresFleet, **more: object) -> PostgresServers:
    members = [Member(name=name, region="eu-west-1", identifier=name, host="127.0.0.1") for name in MEMBERS]
    addresses = {name: server.address for name, server in zip(MEMBERS, in_order(fleet), strict=True)}
    return PostgresServers(
        members,
        port=5432,
        database=SUPERUSER,
        timeout_seconds=TIMEOUT_SECONDS,
        addresses={**addresses, **more},  # type: ignore[arg-type]
    )


@pytest.fixture
def servers(postgres_fleet: PostgresFleet, monkeypatch: pytest.MonkeyPatch) -> Iterator[PostgresServers]:
    """Asked as the superuser; whatever a test has fenced is let go."""
    with asked_as_superuser(postgres_fleet, monkeypatch):
        yield servers_of(postgres_fleet)


def test_a_writer_and_its_replica_are_of_one_cluster_and_history(servers: PostgresServers):
    """Lineage is told by what the servers themselves say, and an idle replica that streams is not called late."""
    writer = servers.look("db0")
    until(lambda: (servers.look("db1").position or 0) >= (servers.look("db0").position or 0))
    replica = servers.look("db1")
    assert (writer.takes_writes, replica.takes_writes) == (True, False)
    assert writer.system_id == replica.system_id is not None
    assert writer.timeline == replica.timeline is not None
    assert writer.lag_seconds is None
    assert replica.lag_seconds == 0.0


def test_what_a_replica_lacks_is_seen_in_its_position(servers: PostgresServers, postgres_fleet: PostgresFleet):
    """A planned failover waits by it: a replica that does not replay must not look as if it had everything."""
    postgres_fleet.replicas[0].pause_replay()
    try:
        postgres_fleet.primary.sql("CREATE TABLE late AS SELECT generate_series(1, 1000)")
        writer, replica = servers.look("db0"), servers.look("db1")
        assert writer.position is not None
        assert replica.position is not None
        assert replica.position < writer.position
        assert replica.lag_seconds is None or replica.lag_seconds > 0
    finally:
        postgres_fleet.replicas[0].resume_replay()
    until(lambda: (servers.look("db1").position or 0) >= (writer.position or 0))


def test_a_fence_ends_open_transactions_and_sessions_with_a_default_of_their_own(
    servers: PostgresServers, postgres_fleet: PostgresFleet
):
    """Both would go on writing after a setting alone."""
    dsn = postgres_fleet.primary.dsn()
    with psycopg.connect(dsn) as in_transaction, psycopg.connect(dsn, autocommit=True) as stubborn:
        in_transaction.execute("CREATE TABLE open_one (n int)")
        stubborn.execute("SET default_transaction_read_only = off")
        assert not servers.fence_of("db0").closed
        servers.fence("db0")
        assert servers.fence_of("db0").closed
        for each in (in_transaction, stubborn):
            with pytest.raises(psycopg.Error):
                each.execute("CREATE TABLE another (n int)")
            each.close()
    with psycopg.connect(dsn, autocommit=True) as later, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        later.execute("CREATE TABLE another (n int)")
    with pytest.raises(StepRefused, match="takes no writes"):
        servers.try_write("db0")


def test_a_fence_may_be_made_again_and_lifted_again(servers: PostgresServers, postgres_fleet: PostgresFleet):
    """A resumed operation does both a second time."""
    for _ in range(2):
        servers.fence("db0")
    for _ in range(2):
        servers.lift("db0")
    assert not servers.fence_of("db0").closed
    servers.try_write("db0")
    with psycopg.connect(postgres_fleet.primary.dsn(), autocommit=True) as session:
        session.execute("CREATE TABLE back (n int)")


def test_a_session_that_was_there_and_writes_later_is_not_missed(
    servers: PostgresServers, postgres_fleet: PostgresFleet
):
    """The setting alone is no fence: only when nobody from before is left."""
    primary = postgres_fleet.primary
    with psycopg.connect(primary.dsn(), autocommit=True) as before:
        before.execute("SELECT 1")
        primary.sql("ALTER SYSTEM SET default_transaction_read_only = on")
        primary.sql("SELECT pg_reload_conf()")
        until(lambda: "from before" in servers.fence_of("db0").shown)
        assert not servers.fence_of("db0").closed


def test_a_server_that_exempts_a_role_is_not_called_fenced(servers: PostgresServers, postgres_fleet: PostgresFleet):
    """A role's own default is stronger than the server's: its new sessions would write as if nothing had happened."""
    primary = postgres_fleet.primary
    primary.sql(f"ALTER ROLE {USER} SET default_transaction_read_only = false")
    try:
        with pytest.raises(StepRefused, match=f"off for role {USER}"):
            servers.fence("db0")
        assert servers.fence_of("db0").shown == "db0 lets new sessions write"
        primary.sql("ALTER SYSTEM SET default_transaction_read_only = on")
        primary.sql("SELECT pg_reload_conf()")
        until(lambda: f"not for role {USER}" in servers.fence_of("db0").shown)
        assert not servers.fence_of("db0").closed
        servers.lift("db0")
    finally:
        primary.sql("ALTER SYSTEM RESET ALL")
        primary.sql("SELECT pg_reload_conf()")
        until(lambda: primary.sql("SHOW default_transaction_read_only") == "off")
        primary.sql(f"ALTER ROLE {USER} RESET default_transaction_read_only")
    servers.fence("db0")


def test_what_is_prepared_and_can_be_committed_behind_a_fence_is_said(monkeypatch: pytest.MonkeyPatch):
    """COMMIT PREPARED writes on a server that is read-only; who has coordinators is to know."""
    with PostgresFleet(replicas=0, settings={"max_prepared_transactions": "1"}) as fleet:
        monkeypatch.setenv("PGUSER", SUPERUSER)
        monkeypatch.setenv("PGPASSWORD", fleet.primary.password)
        alone = PostgresServers(
            [Member(name="db0", region="eu-west-1", identifier="db0", host="127.0.0.1")],
            port=fleet.primary.port,
            database=SUPERUSER,
            timeout_seconds=TIMEOUT_SECONDS,
        )
        with psycopg.connect(fleet.primary.dsn(), autocommit=True) as session:
            session.execute("BEGIN")
            session.execute("CREATE TABLE promised (n int)")
            session.execute("PREPARE TRANSACTION 'p'")
        alone.fence("db0")
        look = alone.fence_of("db0")
        assert look.closed
        assert look.shown.endswith("can be committed still: 1")


def test_a_replica_that_was_connected_anew_to_an_idle_writer_is_not_called_late(
    servers: PostgresServers, postgres_fleet: PostgresFleet
):
    """What it has received begins at a segment's start then, behind what it has replayed: nobody would let it take over."""
    replica = postgres_fleet.replicas[0]
    replica.stop()
    replica.start()
    until(lambda: servers.streams("db1"), 5.0)
    until(lambda: servers.look("db1").lag_seconds == 0.0, 5.0)


def test_replication_goes_on_behind_a_fence_and_the_fence_does_not_follow(
    servers: PostgresServers, postgres_fleet: PostgresFleet
):
    """What the old writer has is to arrive; and the new one must not be read-only itself."""
    with psycopg.connect(postgres_fleet.primary.dsn(), autocommit=True) as session:
        session.execute("CREATE TABLE last_words AS SELECT 1 AS n")
    heir = postgres_fleet.replicas[0]
    servers.fence("db0")
    position = servers.look("db0").position or 0
    until(lambda: (servers.look("db1").position or 0) >= position)
    before = servers.look("db1").timeline or 0
    servers.promote("db1")
    until(lambda: servers.look("db1").takes_writes)
    servers.promote("db1")
    after = servers.look("db1")
    assert (after.timeline or 0) > before
    servers.try_write("db1")
    assert heir.sql("SELECT n FROM last_words", database=USER) == "1"
    assert not servers.fence_of("db1").closed


def test_a_trial_write_leaves_no_data(servers: PostgresServers, postgres_fleet: PostgresFleet):
    """It is made in production, right after a promotion."""
    tables = "SELECT count(*) FROM pg_class"
    before = postgres_fleet.primary.sql(tables)
    position = servers.look("db0").position or 0
    servers.try_write("db0")
    assert postgres_fleet.primary.sql(tables) == before
    assert (servers.look("db0").position or 0) > position


def test_a_replica_takes_no_trial_write(servers: PostgresServers):
    """A promotion that did not happen is not taken for one."""
    with pytest.raises(StepRefused, match="takes no writes"):
        servers.try_write("db1")


def test_a_dead_server_and_one_that_hangs_are_unreachable_in_time(
    servers: PostgresServers, postgres_fleet: PostgresFleet
):
    """Every method ends by itself: at three in the morning nobody waits for a socket."""
    victim = postgres_fleet.replicas[1]
    victim.freeze()
    try:
        began = time.monotonic()
        with pytest.raises(MemberUnreachable):
            servers.look("db2")
        assert time.monotonic() - began < 5 * TIMEOUT_SECONDS
    finally:
        victim.thaw()
    victim.kill()
    for method in (servers.look, servers.fence_of, servers.fence, servers.lift, servers.promote, servers.try_write):
        with pytest.raises(MemberUnreachable, match="nobody listens"):
            method("db2")


def test_who_may_not_is_told_so_and_has_changed_nothing(
    servers: PostgresServers, postgres_fleet: PostgresFleet, monkeypatch: pytest.MonkeyPatch
):
    """A refusal is no silence: nothing was changed, and the plan may be undone."""
    del servers
    monkeypatch.setenv("PGUSER", USER)
    ordinary = servers_of(postgres_fleet)
    with pytest.raises(StepRefused, match="is not shown: GRANT pg_monitor"):
        ordinary.fence("db0")
    with pytest.raises(StepRefused, match=r"permission denied.*GRANT ALTER SYSTEM ON PARAMETER"):
        ordinary.lift("db0")
    with pytest.raises(StepRefused, match=r"permission denied.*GRANT EXECUTE ON FUNCTION pg_promote"):
        ordinary.promote("db1")
    assert not ordinary.fence_of("db0").closed


@pytest.fixture
def operator(servers: PostgresServers, postgres_fleet: PostgresFleet, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A role of which all servers know, with no right yet; asked as it from here on."""
    del servers
    primary, role = postgres_fleet.primary, "seawall_operator"
    primary.sql(f"CREATE ROLE {role} LOGIN PASSWORD '{primary.password}'")
    postgres_fleet.wait_in_step()
    monkeypatch.setenv("PGUSER", role)
    yield role
    for server in postgres_fleet.servers:
        if server.running and not server.in_recovery():
            server.sql("ALTER SYSTEM RESET ALL")
            server.sql("SELECT pg_reload_conf()")
            until(lambda server=server: server.sql("SHOW default_transaction_read_only") == "off")
            server.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_the_rights_that_are_asked_for_are_enough_and_each_is_missed_before_anything_is_changed(
    operator: str, postgres_fleet: PostgresFleet
):
    """Half a fence, refused in the middle, would leave a writer read-only that everybody believes to be as it was."""
    primary, servers = postgres_fleet.primary, servers_of(postgres_fleet)
    for grant, named in (
        ("GRANT pg_monitor TO {}", "pg_monitor"),
        ("GRANT pg_signal_backend TO {}", "pg_signal_backend"),
        ("GRANT EXECUTE ON FUNCTION pg_reload_conf(), pg_promote(boolean, integer) TO {}", "pg_reload_conf"),
        ("GRANT ALTER SYSTEM ON PARAMETER default_transaction_read_only TO {}", "ALTER SYSTEM ON PARAMETER"),
    ):
        with pytest.raises(StepRefused, match=named):
            servers.fence("db0")
        assert "default_transaction_read_only" not in (primary.folder / "postgresql.auto.conf").read_text()
        primary.sql(grant.format(operator))
    primary.sql(f"GRANT EXECUTE ON FUNCTION pg_read_file(text, bigint, bigint, boolean) TO {operator}")
    with psycopg.connect(primary.dsn(SUPERUSER, SUPERUSER)) as session:
        session.execute("SELECT 1")
        with pytest.raises(StepRefused, match=f"sessions of superusers, and there are some: {SUPERUSER}"):
            servers.fence("db0")
    assert "default_transaction_read_only" not in (primary.folder / "postgresql.auto.conf").read_text()
    postgres_fleet.wait_in_step()
    with psycopg.connect(primary.dsn()) as session:
        session.execute("CREATE TABLE open_one (n int)")
        servers.fence("db0")
        assert servers.fence_of("db0").closed
        session.close()
    servers.lift("db0")
    servers.try_write("db0")
    assert servers.streams("db1")
    servers.promote("db1")
    until(lambda: servers.look("db1").takes_writes)
    servers.try_write("db1")
    assert servers.history("db1", servers.look("db1").timeline or 0) is not None


def test_a_fence_that_is_refused_in_the_middle_is_not_called_untouched(
    servers: PostgresServers, monkeypatch: pytest.MonkeyPatch
):
    """A right that goes away meanwhile: the setting is there, and the plan must take it back."""

    def refused(self: PostgresServers, member: str) -> None:
        raise StepRefused(f"{self.where}: {member} says no")

    with monkeypatch.context() as patched:
        patched.setattr(PostgresServers, "fence_of", refused)
        with pytest.raises(MemberUnreachable, match="says no"):
            servers.fence("db0")
    assert servers.fence_of("db0").shown != "db0 lets new sessions write"


def test_a_wrong_password_is_refused_and_not_repeated(
    servers: PostgresServers, postgres_fleet: PostgresFleet, monkeypatch: pytest.MonkeyPatch
):
    """Secrets are in no message."""
    del servers
    monkeypatch.setenv("PGPASSWORD", "hunter2-wrong")
    with pytest.raises(StepRefused) as refused:
        servers_of(postgres_fleet).look("db0")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(("addresses", "named"), [({"db9": "h:1"}, "db9"), ({"db0": "h"}, "host:port")])
def test_an_address_that_cannot_be_one_is_refused(addresses: dict[str, str], named: str):
    """Before anything is asked of a server."""
    members = [Member(name="db0", region="eu-west-1", identifier="db0", host="127.0.0.1")]
    with pytest.raises(InvalidInput, match=named):
        PostgresServers(members, port=5432, database="shop", timeout_seconds=TIMEOUT_SECONDS, addresses=addresses)
