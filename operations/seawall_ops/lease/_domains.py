"""A lease inside of what it arbitrates is lost together with it: nobody could take over just when somebody has to."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Self

from seawall.errors import InvalidInput
from seawall.topology import Topology

__all__ = ["Arbitrated", "Location"]

NOT_KNOWN: Final = "a region that is not known"


@dataclass(frozen=True, slots=True)
class Location:
    """Where a store would fail."""

    region: str
    """An AWS region, or a name of its own for a place elsewhere. Empty: not known, which is never taken for outside."""
    hosts: frozenset[str] = frozenset()
    """Names or addresses of its servers, where it has servers that might be members of a database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arbitrated:
    """What the holder of a lease decides on.

    Raises:
        InvalidInput: `inside_because` with `automatic`: what acts by itself gets no exception.
    """

    regions: frozenset[str] = frozenset()
    """That may fail over. Empty for work inside of one cluster, which a lease of that cluster may arbitrate."""
    hosts: frozenset[str] = frozenset()
    """Of databases that may fail over, without ports."""
    automatic: bool = True
    """Whether the holder acts without being told to by a person."""
    inside_because: str | None = field(default=None)
    """A person's reason for a lease inside all the same, e.g. while there is no third region. Audits should keep it."""

    def __post_init__(self) -> None:
        if self.inside_because is not None and (self.automatic or not self.inside_because.strip()):
            raise InvalidInput(
                "inside_because",
                self.inside_because,
                allowed="a reason, and only with automatic = False",
                because="what acts by itself in a region's loss must not depend on that region",
            )

    @classmethod
    def of(cls, topology: Topology, *, automatic: bool = True, inside_because: str | None = None) -> Self:
        """All regions and database members of a topology."""
        members = topology.database.members if topology.database is not None else ()
        regions = {each.region for each in topology.endpoints} | {each.region for each in members}
        hosts = {host_of(each.host) for each in members}
        return cls(
            regions=frozenset(regions), hosts=frozenset(hosts), automatic=automatic, inside_because=inside_because
        )

    def refuse_inside(self, where: str, location: Location) -> None:
        """Refuse a store that fails together with what it arbitrates.

        Args:
            where: The store, for the message.
            location: The store's.

        Raises:
            InvalidInput: It is inside, or not known to be outside, and no reason was given.
        """
        because = self._inside(location)
        if because is not None and self.inside_because is None:
            raise InvalidInput(
                "store", where, allowed=f"outside of {_listed(self.regions | self.hosts)}", because=because
            )

    def _inside(self, location: Location) -> str | None:
        if location.region in self.regions:
            return f"the lease would be lost together with {location.region}"
        members = {host_of(each) for each in location.hosts} & {host_of(each) for each in self.hosts}
        if members:
            return f"{_listed(members)} is a member of the database that it would arbitrate"
        if self.regions and not location.region:
            return f"it is in {NOT_KNOWN}"
        return None


def host_of(address: str) -> str:
    """The host of `host:port`, `host` or `[address]:port`, as DNS compares it."""
    host, colon, port = address.rpartition(":")
    bare = host if colon and port.isdigit() and (host.endswith("]") or ":" not in host) else address
    return bare.strip("[]").rstrip(".").lower()


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
