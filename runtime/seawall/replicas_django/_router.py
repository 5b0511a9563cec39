"""`DATABASE_ROUTERS`: reads at a fit reader, everything else on `default`."""

from typing import Any, final

from django.db import connections

from seawall.errors import WriteInReadOnlyScope
from seawall.replicas import StatementKind
from seawall.replicas._scope import READ_ONLY, mode
from seawall.replicas_django._desk import desk
from seawall.replicas_django._setup import MEMBER_KEY, WRITER_ALIAS, Replicas, installed

__all__ = ["SeawallRouter", "reader_alias"]


@final
class SeawallRouter:
    """Django's database router over a `ReplicaRouter`. Put it behind routers that know special models.

    Reads go where the scope's consistency allows; inside of a transaction on `default` to `default`, and inside of one on
    a member's alias to that member. Objects may be related whichever of our servers they came from. Only `default` is
    migrated.

    Without `SEAWALL_REPLICAS` it has no opinion on anything.
    """

    def db_for_read(self, model: Any, **_: Any) -> str | None:
        """The alias to read from.

        Raises:
            NoReaderAvailable, NoWriterAvailable: nobody may serve the read.
            WriteLost: what this session wrote is not in the database any more; raised once.
        """
        del model  # whatever it is: the database is one
        replicas = installed()
        if replicas is None:
            return None
        if _in_transaction(WRITER_ALIAS):
            return WRITER_ALIAS
        return desk.snapshot or _choose(replicas)

    def db_for_write(self, model: Any, **_: Any) -> str | None:
        """`default`.

        Raises:
            WriteInReadOnlyScope: this is inside of `read_only()`.
        """
        del model
        replicas = installed()
        if replicas is None:
            return None
        if mode() & READ_ONLY:
            raise WriteInReadOnlyScope(replicas.router.name)
        desk.clear()
        return WRITER_ALIAS

    def allow_relation(self, obj1: Any, obj2: Any, **_: Any) -> bool | None:
        """Yes between objects of one database, on whichever of its servers they were read."""
        return True if _ours(obj1._state.db) and _ours(obj2._state.db) else None

    def allow_migrate(self, db: str, app_label: str, **_: Any) -> bool | None:
        """No on members' aliases: what is migrated on `default` is replicated. Of the rest, others decide."""
        del app_label
        return False if db != WRITER_ALIAS and _ours(db) else None


def reader_alias() -> str:
    """The alias of a server that may serve this session's reads: for a transaction that sees one moment.

    ```python
    with transaction.atomic(using=reader_alias()):
        report()  # all its reads go to that server
    ```

    Raises:
        NoReaderAvailable, NoWriterAvailable, WriteLost: as for any read.
    """
    replicas = installed()
    if replicas is None:
        return WRITER_ALIAS
    alias = desk.snapshot or _choose(replicas, always_member=True)
    desk.clear()
    return alias


def _choose(replicas: Replicas, *, always_member: bool = False) -> str:
    unit = replicas.running().unit(transaction=False)
    try:
        route = unit.route(StatementKind.READ)
        # Inside of read_only() the writer, too, is read through its own alias, whose sessions are read-only.
        member = always_member or not route.is_writer or mode() & READ_ONLY
        alias = replicas.alias_of(route.server) if member else WRITER_ALIAS
    except BaseException:
        unit.close()
        raise
    desk.put(alias, unit)
    return alias


def _in_transaction(alias: str) -> bool:
    wrapper = connections[alias]
    return wrapper.in_atomic_block or (wrapper.connection is not None and not wrapper.autocommit)


def _ours(alias: str | None) -> bool:
    if alias is None or installed() is None:
        return False
    return alias == WRITER_ALIAS or MEMBER_KEY in connections.settings.get(alias, {})
