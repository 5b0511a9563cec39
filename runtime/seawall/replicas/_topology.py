"""A router's servers from the topology, and a topology that changes."""

from typing import Protocol

from seawall.contract import LIVE_REGION_VARIABLE
from seawall.errors import InvalidInput
from seawall.replicas._model import DatabaseServer, EpochLease
from seawall.selector import FollowedTopology
from seawall.topology import Effective

__all__ = ["FollowedDatabase", "check_lease", "servers_of"]


class FollowedDatabase(FollowedTopology, Protocol):
    """A topology that changes, and says how fresh it is: `seawall.watch.TopologyWatch`."""

    @property
    def interval_seconds(self) -> float:
        """From one reading to the next."""
        ...

    @property
    def read_began(self) -> float | None:
        """When the last good reading of the live document that counts began, by the monotonic clock."""
        ...


def check_lease(topology: FollowedDatabase, lease: EpochLease) -> None:
    """Whether following a topology keeps what a lease promises.

    Raises:
        InvalidInput: it is read too seldom, or its live document is known to be that of a region that may fail over.
    """
    good = lease.ttl_seconds - lease.margin_seconds
    if topology.interval_seconds >= good:
        raise InvalidInput(
            "topology.interval_seconds",
            topology.interval_seconds,
            allowed=f"below {good:g}",
            because=f"one reading allows to write for ttl_seconds - margin_seconds = {good:g}",
        )
    region: object = getattr(topology, "live_region", None)  # a source of somebody else's need not know
    regions = topology.current.declared.regions
    if region in regions and len(regions) > 1 and not lease.trust_own_regions:
        raise InvalidInput(
            "topology.live_region",
            region,
            allowed=f"by {LIVE_REGION_VARIABLE} a region other than {', '.join(regions)}, or trust_own_regions",
            because="a region that is cut off from the others would renew the lease by its own old document for ever",
        )


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
