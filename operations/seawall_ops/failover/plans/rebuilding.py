"""What rebuilds a member, as the settings say: a new replica on RDS, or a command of the operator's."""

from collections.abc import Callable

from seawall.errors import InvalidInput
from seawall.topology import Database
from seawall_ops.failover.operating import ServersKind
from seawall_ops.failover.plans.assembling import by_sql
from seawall_ops.failover.plans.rebuild import REBUILD_SECONDS
from seawall_ops.failover.plans.rebuilder import Rebuilder
from seawall_ops.failover.plans.servers import Servers
from seawall_ops.failover.settings import Settings
from seawall_ops.places import operations_folder

__all__ = ["rebuilder_of"]


def rebuilder_of(
    found: Settings, database: Database, servers: Servers | None, operation: str, told: Callable[[str], None]
) -> Rebuilder:
    """Made for one operation.

    Args:
        found: The settings.
        database: Of the topology.
        servers: How members are looked at; of one's own PostgreSQL servers another one is made.
        operation: Its id.
        told: Called with each line that a command writes.

    Raises:
        InvalidInput: There is no command for servers of one's own, or no database.
        MissingExtra: A library is not installed.
    """
    if found.servers is ServersKind.POSTGRES:
        command = found.operating.rebuild_command
        if not command:
            raise InvalidInput(
                "rebuild_command", "none", allowed="what rebuilds a server of one's own, e.g. [ssh, ...]"
            )
        from seawall_ops.failover.plans.command_rebuilder import CommandRebuilder

        return CommandRebuilder(
            by_sql(found, database), command, timeout_seconds=REBUILD_SECONDS, folder=operations_folder(), told=told
        )
    from seawall_ops.failover.plans.rds_rebuild import RdsRebuilder

    if servers is None:
        raise InvalidInput("database", "none", allowed="one in the topology")
    return RdsRebuilder({each.name: each for each in database.members}, servers, operation)
