"""A router's servers from the topology, and a topology that changes."""

from typing import Protocol

from seawall.errors import InvalidInput
from seawall.replicas._model import DatabaseServer
from seawall.selector import FollowedTopology
from seawall.topology import Effective

__all__ = ["FollowedDatabase", "servers_of"]


class FollowedDatabase(FollowedTopology, Protocol):
    """A topology that changes, and says how fresh it is: `seawall.watch.TopologyWatch`."""

    @property
    def interval_seconds(self) -> float:
        """From one reading to the next."""
        ...

    @property
    def read_began(self) -> float | None:
        """When the last good reading began, by the monotonic clock."""
        ...


def servers_of(view: Effective) -> tuple[DatabaseServer, list[DatabaseServer]]:
    """The writer and the other members of the view's database.

    Raises:
        InvalidInput: there is no database in it.
    """
    database = view.declared.database
    if database is None or view.writer is None:
        raise InvalidInput("topology.database", None, allowed="a database, for a router of its members")
    servers = {
        each.name: DatabaseServer(each.name, f"{each.host}:{database.port}", each.region) for each in database.members
    }
    writer = servers.pop(view.writer.name)
    return writer, list(servers.values())
