"""How PostgreSQL is configured here: fast to start and cheap to run, and able to replicate; nothing of it is kept."""

from collections.abc import Mapping
from typing import Final

from localcloud.postgres_install import SUPERUSER

__all__ = ["HOST", "configuration"]

HOST: Final = "127.0.0.1"
SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "fsync": "off",  # nothing here outlives its test
    "shared_buffers": "16MB",
    "dynamic_shared_memory_type": "mmap",  # files of the data folder, which is removed
    "io_method": "sync",  # no worker processes for reading
    "max_logical_replication_workers": "0",
    "autovacuum": "off",
    "jit": "off",
    "max_connections": "100",
    "wal_level": "replica",
    "wal_log_hints": "on",  # for pg_rewind
    "wal_keep_size": "512MB",
    "wal_init_zero": "off",
    "hot_standby": "on",
    "wal_retrieve_retry_interval": "100ms",  # 5 s otherwise until a replica asks again after its upstream went away
    "wal_receiver_status_interval": "1s",
    "log_min_messages": "log",
}
HBA: Final = f"""\
host all all {HOST}/32 password
host replication {SUPERUSER} {HOST}/32 password
"""


def configuration(settings: Mapping[str, str]) -> dict[str, str]:
    """The texts of a data folder's configuration files.

    Args:
        settings: In PostgreSQL's names and units, beyond and before `SETTINGS`.
    """
    lines = [f"{name} = {_quoted(value)}\n" for name, value in {**SETTINGS, **settings}.items()]
    return {"postgresql.conf": "".join(lines), "pg_hba.conf": HBA, "postgresql.auto.conf": ""}


def _quoted(value: str) -> str:
    """A value of postgresql.conf."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
