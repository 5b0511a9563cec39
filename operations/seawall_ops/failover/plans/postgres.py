"""PostgreSQL servers of one's own, by SQL: looked at, fenced, promoted. RDS takes no such promotion: see `rds`.

The fence is `default_transaction_read_only`, set by ALTER SYSTEM: that stands in a file of this server alone, while ALTER
DATABASE, ALTER ROLE and REVOKE would replicate to the candidate. Once a new session shows it, every client's session from
before is ended, since an open transaction and a session that has set its own default go on. Replication is not ended, so that
the candidate gets all there is.

What it cannot do: a session that says `SET default_transaction_read_only = off` or `BEGIN READ WRITE` writes all the same, and
so does COMMIT PREPARED: a look at the fence counts what is prepared, and nothing is rolled back, since that would replicate
and a coordinator may have promised it. It keeps applications from writing by habit, not somebody who wants to. A role or a database that has
the setting switched off for itself (ALTER ROLE ... SET) would write by habit, so that such a server is refused. Nothing else
that SQL can do is local, at once and reversible: pg_hba.conf is no setting, `max_connections` needs a restart, and NOLOGIN and
REVOKE CONNECT are changes of the catalog, which replicate. Rights that are needed, unless the role is a superuser:

    GRANT ALTER SYSTEM ON PARAMETER default_transaction_read_only TO operator;   -- PostgreSQL 15
    GRANT EXECUTE ON FUNCTION pg_reload_conf(), pg_promote(boolean, integer) TO operator;
    GRANT pg_signal_backend, pg_monitor TO operator;
    GRANT EXECUTE ON FUNCTION pg_read_file(text, bigint, bigint, boolean) TO operator;  -- for a rebuild's loss alone

Sessions of superusers only a superuser ends: while there are any, another role is refused.
"""

import contextlib
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Final, NoReturn, final

from seawall.clock import SYSTEM_CLOCK, Clock
from seawall.errors import InvalidInput, SeawallError, StepRefused
from seawall.replicas import POSTGRES_STATUS, observe_postgres
from seawall.topology import Member
from seawall_ops.failover.connecting import Connecting
from seawall_ops.failover.meanings import Outcome, outcome_of
from seawall_ops.failover.plans.servers import FenceLook, MemberLook, MemberUnreachable

__all__ = ["PostgresServers"]

SET_GRANT: Final = (
    "GRANT ALTER SYSTEM ON PARAMETER default_transaction_read_only and EXECUTE ON FUNCTION pg_reload_conf() to its role"
)
PROMOTE_GRANT: Final = "GRANT EXECUTE ON FUNCTION pg_promote(boolean, integer) to its role"
END_GRANT: Final = "GRANT pg_signal_backend to the operator's role"
SEE_GRANT: Final = "GRANT pg_monitor to the operator's role"
NO_RIGHT: Final = "42501"  # insufficient_privilege
POLL_SECONDS: Final = 0.1  # until a reload is seen: the postmaster reads its files within milliseconds
NO_ADDRESSES: Final[Mapping[str, str]] = MappingProxyType({})

# Of a replica that streams, and has replayed all it got, nothing is known that it lacks; otherwise the age of what it showed
# last, which grows while its writer is idle or gone. What it got begins at a segment's start after each connection, behind what
# it has replayed, until more is written: then what the sender said it had at last is what counts.
LAG: Final = (
    "SELECT CASE WHEN EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming'"
    " AND pg_last_wal_replay_lsn() IN (pg_last_wal_receive_lsn(), latest_end_lsn)) THEN 0"
    " ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END::float8"
)
READ_ONLY: Final = "SELECT current_setting('default_transaction_read_only')"
# Stronger than the server's own: by role, by database, or by both.
EXEMPT: Final = (
    "SELECT string_agg(DISTINCT coalesce('role ' || rolname, 'database ' || datname), ', ') FROM pg_db_role_setting"
    " LEFT JOIN pg_roles ON pg_roles.oid = setrole LEFT JOIN pg_database ON pg_database.oid = setdatabase,"
    " unnest(setconfig) AS setting WHERE setting LIKE 'default_transaction_read_only=%'"
    " AND NOT split_part(setting, '=', 2)::bool"
)
# In a session that began after it, this is when the postmaster has read its files: whoever began earlier may know another value.
OLDER: Final = "backend_type = 'client backend' AND pid <> pg_backend_pid() AND backend_start <= pg_conf_load_time()"
COUNT_OLDER: Final = f"SELECT count(*) FROM pg_stat_activity WHERE {OLDER}"  # noqa: S608 - a constant
END_OLDER: Final = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OLDER}"  # noqa: S608 - a constant
PREPARED: Final = "SELECT count(*) FROM pg_prepared_xacts"
SEES_ALL: Final = (
    "SELECT pg_has_role(current_user, 'pg_read_all_stats', 'usage') OR current_setting('is_superuser') = 'on'"
)
MAY_RELOAD: Final = "SELECT has_function_privilege('pg_reload_conf()', 'execute')"
MAY_END: Final = (
    "SELECT pg_has_role(current_user, 'pg_signal_backend', 'usage') OR current_setting('is_superuser') = 'on'"
)
# PostgreSQL lets nobody but a superuser end them.
OUT_OF_REACH: Final = (
    "SELECT string_agg(DISTINCT usename, ', ') FROM pg_stat_activity JOIN pg_roles ON pg_roles.oid = usesysid"
    " WHERE backend_type = 'client backend' AND rolsuper AND current_setting('is_superuser') <> 'on'"
)
RECEIVER: Final = "SELECT status FROM pg_stat_wal_receiver"
HISTORY: Final = "SELECT pg_read_file(format('pg_wal/%%s.history', %s::text), 0, %s, true)"
LONGEST_HISTORY_BYTES: Final = 65_536  # some fifty per promotion
MAY_READ: Final = "SELECT has_function_privilege('pg_read_file(text, bigint, bigint, boolean)', 'execute')"
CLOSE: Final = "ALTER SYSTEM SET default_transaction_read_only = on"
REOPEN: Final = "ALTER SYSTEM RESET default_transaction_read_only"
# A commit that is on the disk and changes no data; no standby is waited for, which may be the one that is gone.
TRIAL_WRITE: Final = (
    "SET LOCAL synchronous_commit = local",
    "SELECT pg_logical_emit_message(true, 'seawall', 'trial write')",
)


@final
class PostgresServers:
    """The servers of a database, see `seawall_ops.failover.plans.servers.Servers`.

    Args:
        members: Of the topology.
        port: The database's.
        database: Its name.
        timeout_seconds: For connecting, and for each statement.
        addresses: `host:port` by member, where one is not at its topology's host and the database's port.
        clock: Monotonic time.
        sleep: Waits, in seconds.

    Raises:
        InvalidInput: An address is of no member, or no `host:port`.
        MissingExtra: psycopg is not installed.
    """

    def __init__(
        self,
        members: Sequence[Member],
        *,
        port: int,
        database: str,
        timeout_seconds: float,
        addresses: Mapping[str, str] = NO_ADDRESSES,
        clock: Clock = SYSTEM_CLOCK,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._places: Final = {each.name: (each.host, port) for each in members}
        for name, address in addresses.items():
            if name not in self._places:
                raise InvalidInput("addresses", name, allowed=", ".join(self._places))
            host, colon, number = address.rpartition(":")
            if not (colon and host and number.isdecimal()):
                raise InvalidInput(f"addresses.{name}", address, allowed="host:port")
            self._places[name] = (host, int(number))
        self._connected: Final = Connecting(
            database=database,
            timeout_seconds=timeout_seconds,
            application="seawall-failover",
            feature="failing over a PostgreSQL database",
        )
        self._timeout_seconds: Final = timeout_seconds
        self._clock: Final = clock
        self._sleep: Final = sleep

    @property
    def where(self) -> str:
        """All of them, with their addresses."""
        return "postgres " + ", ".join(f"{name} {host}:{port}" for name, (host, port) in sorted(self._places.items()))

    def look(self, member: str) -> MemberLook:
        """How it is."""
        with self.session(member, "look") as session:
            said = observe_postgres(session.execute(POSTGRES_STATUS).fetchone())
            lag = session.execute(LAG).fetchone()[0] if said.in_recovery else None
        return MemberLook(
            takes_writes=not said.in_recovery,
            system_id=said.system_id,
            timeline=said.timeline,
            position=said.position,
            lag_seconds=None if lag is None else max(0.0, float(lag)),  # clocks of two servers differ
        )

    def fence_of(self, member: str) -> FenceLook:
        """Whether new sessions are read-only, and none from before is left."""
        with self.session(member, "look at the fence") as session:
            if session.execute(READ_ONLY).fetchone()[0] != "on":
                return FenceLook(False, f"{member} lets new sessions write")
            _require_sight(member, session)
            exempt = session.execute(EXEMPT).fetchone()[0]
            if exempt is not None:
                return FenceLook(False, f"{member} is read-only, but not for {exempt}")
            left = session.execute(COUNT_OLDER).fetchone()[0]
            prepared = session.execute(PREPARED).fetchone()[0]
        if left:
            return FenceLook(
                False, f"{member} is read-only, and has {left} session{'s' if left > 1 else ''} from before that"
            )
        held = f"; transactions that are prepared, and can be committed still: {prepared}" if prepared else ""
        return FenceLook(True, f"{member} is read-only, and no session from before that is left{held}")

    def fence(self, member: str) -> None:
        """Make it read-only, and end every session of a client from before that.

        Raises:
            StepRefused: A role or a database is exempt from the setting, or a right is missing; nothing was changed.
        """
        self._require_fence(member)
        self._set(member, CLOSE, "on")
        ends = self._clock.monotonic() + self._timeout_seconds
        try:
            while not self.fence_of(member).closed:
                with self.session(member, "end sessions", END_GRANT) as session:
                    session.execute(END_OLDER)
                if self._clock.monotonic() >= ends:
                    raise MemberUnreachable(member, f"sessions did not end within {self._timeout_seconds:g} s")
                self._sleep(POLL_SECONDS)
        except StepRefused as refusal:  # not as a whole: the setting is there
            raise MemberUnreachable(member, refusal.because) from refusal

    def lift(self, member: str) -> None:
        """Take the setting away."""
        self._set(member, REOPEN, "off")

    def _require_fence(self, member: str) -> None:
        """All that could be refused in the middle is looked at first: half a fence is an outage that nobody knows of."""
        with self.session(member, "look at rights and exemptions") as session:
            _require_sight(member, session)
            if not session.execute(MAY_END).fetchone()[0]:
                raise StepRefused(f"{member}: permission denied to end sessions: {END_GRANT}")
            superusers = session.execute(OUT_OF_REACH).fetchone()[0]
            exempt = session.execute(EXEMPT).fetchone()[0]
        if superusers is not None:
            raise StepRefused(
                f"{member}: only a superuser ends the sessions of superusers, and there are some: {superusers}"
            )
        if exempt is not None:
            raise StepRefused(
                f"{member}: default_transaction_read_only is off for {exempt}, whatever the server says: ALTER ... RESET it"
            )

    def promote(self, member: str) -> None:
        """Ask a replica to end its recovery; it takes a second or so."""
        with self.session(member, "promote", PROMOTE_GRANT) as session:
            if session.execute("SELECT pg_is_in_recovery()").fetchone()[0]:
                session.execute("SELECT pg_promote(wait => false)")

    def try_write(self, member: str) -> None:
        """Commit something that changes no data."""
        with self.session(member, "try a write") as session:
            if session.execute(
                "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool"
            ).fetchone()[0]:
                raise StepRefused(f"{member} takes no writes")
            with session.transaction():
                for statement in TRIAL_WRITE:
                    session.execute(statement)

    def _set(self, member: str, statement: str, wanted: str) -> None:
        """Change the setting, and see it in a new session: a reload is not answered."""
        with self.session(member, statement, SET_GRANT) as session:
            if not session.execute(MAY_RELOAD).fetchone()[0]:  # or it would come into force at some restart
                raise StepRefused(f"{member}: permission denied to reload: {SET_GRANT}")
            session.execute(statement)
            session.execute("SELECT pg_reload_conf()")
        ends = self._clock.monotonic() + self._timeout_seconds
        while True:
            with self.session(member, "look at the setting") as session:
                if session.execute(READ_ONLY).fetchone()[0] == wanted:
                    return
            if self._clock.monotonic() >= ends:
                allowed = (
                    f"{wanted} was set, and is not seen within {self._timeout_seconds:g} s: is it set elsewhere, too?"
                )
                raise MemberUnreachable(member, f"default_transaction_read_only: {allowed}")
            self._sleep(POLL_SECONDS)

    def streams(self, member: str) -> bool:
        """Whether a replica is being sent what is written elsewhere, now.

        Raises:
            StepRefused: It is not shown.
        """
        with self.session(member, "look at its receiver") as session:
            found = session.execute(RECEIVER).fetchone()
        if found is not None and found[0] is None:
            raise StepRefused(f"{member}: what it receives is not shown: {SEE_GRANT}")
        return found is not None and found[0] == "streaming"

    def history(self, member: str, timeline: int) -> str | None:
        """The history file of a timeline; `None` where there is none, or the role may not read it.

        The right: `GRANT EXECUTE ON FUNCTION pg_read_file(text, bigint, bigint, boolean)`.
        """
        with self.session(member, "read a timeline's history") as session:
            if not session.execute(MAY_READ).fetchone()[0]:
                return None
            found = session.execute(HISTORY, (f"{timeline:08X}", LONGEST_HISTORY_BYTES)).fetchone()[0]
        return None if found is None else str(found)

    def place(self, member: str) -> tuple[str, int]:
        """Where a member is: its host and port.

        Raises:
            InvalidInput: It is none.
        """
        if member not in self._places:
            raise InvalidInput("member", member, allowed=", ".join(self._places))
        return self._places[member]

    @contextmanager
    def session(self, member: str, what: str, grant: str = "") -> Generator[Any]:
        """A session, with what the driver raises as errors of ours.

        Args:
            member: To whom.
            what: For messages.
            grant: The right that is missing, should it be denied.
        """
        host, port = self.place(member)
        try:
            with contextlib.closing(self._connected(host, port)) as session:
                yield session
        except SeawallError:
            raise
        except Exception as error:  # noqa: BLE001 - psycopg's own, or what is beneath it
            _told(member, what, error, grant)


def _require_sight(member: str, session: Any) -> None:
    """Sessions that are not shown are not counted, and would be taken for ended ones."""
    if not session.execute(SEES_ALL).fetchone()[0]:
        raise StepRefused(f"{member}: whose sessions there are is not shown: {SEE_GRANT}")


def _told(member: str, what: str, error: Exception, grant: str) -> NoReturn:
    """One line without what the driver says beyond the server's own: it may repeat how one connects."""
    outcome = outcome_of(error)
    primary = getattr(getattr(error, "diag", None), "message_primary", None)
    because = f"{what}: {primary or outcome.value}"
    if grant and getattr(error, "sqlstate", None) == NO_RIGHT:
        because += f": {grant}"
    if outcome in (Outcome.DENIED, Outcome.READ_ONLY, Outcome.NO_TRUST):
        raise StepRefused(f"{member}: {because}") from error
    raise MemberUnreachable(member, because) from error
