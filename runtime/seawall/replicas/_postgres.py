"""What to ask PostgreSQL, and what its answers mean. Texts and arithmetic only: who sends them is an adapter's business.

Tried with PostgreSQL 18 as a role without privileges, on writers and on replicas. `pg_last_wal_replay_lsn()` of a promoted
server stays where recovery ended, which is where its timeline began, and is NULL after its next restart.
`received_tli` is NULL without `pg_monitor`; then the control file's timelines are what is left: never too late, but after the
promotion of its upstream too early, until the replica has flushed a page or made a restartpoint.
"""

from collections.abc import Sequence
from typing import Final, cast

from seawall.errors import InvalidInput
from seawall.replicas._model import Observation
from seawall.replicas._tokens import ConsistencyToken, parse_lsn, settled

__all__ = ["POSTGRES_POSITION", "POSTGRES_STATUS", "observe_postgres", "token_of_position"]

POSTGRES_STATUS: Final = (
    "SELECT pg_is_in_recovery(),"
    " (SELECT system_identifier::text FROM pg_control_system()),"
    " CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_walfile_name(pg_current_wal_insert_lsn()) END,"
    " CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_current_wal_insert_lsn()::text END,"
    " pg_last_wal_replay_lsn()::text,"
    " (SELECT received_tli FROM pg_stat_wal_receiver),"
    " (SELECT timeline_id FROM pg_control_checkpoint()),"
    " (SELECT min_recovery_end_timeline FROM pg_control_recovery())"
)
"""One row of eight columns for `observe_postgres`."""

POSTGRES_POSITION: Final = "SELECT pg_current_wal_insert_lsn()::text, pg_walfile_name(pg_current_wal_insert_lsn())"
"""One row of two columns for `ReplicaRouter.position_token`; to be sent right behind a COMMIT."""

STATUS_COLUMNS: Final = 8
TIMELINE_DIGITS: Final = 8  # hexadecimal, at the beginning of a log file's name


def observe_postgres(row: Sequence[object]) -> Observation:
    """What the row of `POSTGRES_STATUS` says.

    Raises:
        InvalidInput: it is not such a row.
    """
    if len(row) != STATUS_COLUMNS:
        raise InvalidInput("row", len(row), allowed=f"{STATUS_COLUMNS} columns")
    in_recovery, system_id, walfile, inserted, replayed, *timelines = row
    if not isinstance(in_recovery, bool):
        raise InvalidInput("pg_is_in_recovery()", in_recovery, allowed="true or false")
    replay = None if replayed is None else parse_lsn(str(replayed))
    if in_recovery:
        known = [int(cast("int", each)) for each in timelines if each]  # 0: not known
        timeline = max(known) if known else None
        return Observation(in_recovery=True, system_id=_whole(system_id), timeline=timeline, position=replay)
    return Observation(
        in_recovery=False,
        system_id=_whole(system_id),
        timeline=timeline_of(str(walfile)),
        position=settled(parse_lsn(str(inserted))),
        fork=replay,
    )


def timeline_of(walfile: str) -> int:
    """The timeline in a log file's name."""
    try:
        return int(walfile[:TIMELINE_DIGITS], 16)
    except ValueError:
        raise InvalidInput("pg_walfile_name()", walfile, allowed="24 hexadecimal digits") from None


def token_of_position(system_id: int, row: Sequence[object]) -> ConsistencyToken:
    """The token of a commit, from the row of `POSTGRES_POSITION`."""
    inserted, walfile = row
    return ConsistencyToken.after_commit(system_id, timeline_of(str(walfile)), str(inserted))


def _whole(value: object) -> int | None:
    return None if value is None else int(str(value))
