"""Endpoints from the topology: which there are, which role each has now, and which region this app is in."""

from collections.abc import Callable
from typing import Any, Protocol

from seawall.events import Event
from seawall.selector._model import Endpoint
from seawall.topology import Effective, Role

__all__ = ["FollowedTopology", "endpoints_of"]


class FollowedTopology(Protocol):
    """A topology that changes: `seawall.watch.TopologyWatch`."""

    @property
    def current(self) -> Effective:
        """The view as it is now."""
        ...

    def subscribe(self, subscriber: Callable[[Event], None], /) -> Any:
        """Call `subscriber` with each event from now on."""
        ...


def endpoints_of(view: Effective, *, readers: bool = False) -> tuple[Endpoint, ...]:
    """The view's endpoints, with the roles that they have now; regions that only read as standbys, or not at all."""
    return tuple(
        Endpoint(
            each.name,
            each.url,
            each.region,
            "primary" if each.role is Role.PRIMARY else "standby",
            each.weight,
            each.health_url,
        )
        for each in view.endpoints
        if readers or each.role is not Role.READER
    )
