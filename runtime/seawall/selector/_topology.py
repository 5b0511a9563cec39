"""Endpoints from the topology: which there are, which role each has now, and which region this app is in."""

import weakref
from collections.abc import Callable
from typing import Protocol, TypeVar

from seawall.events import Event, Subscription
from seawall.selector._model import Endpoint
from seawall.topology import Effective, Role

__all__ = ["FollowedTopology", "endpoints_of", "follow_weakly"]

Owner = TypeVar("Owner")


class FollowedTopology(Protocol):
    """A topology that changes: `seawall.watch.TopologyWatch`."""

    @property
    def current(self) -> Effective:
        """The view as it is now."""
        ...

    def subscribe(self, subscriber: Callable[[Event], None], /) -> Subscription:
        """Call `subscriber` with each event from now on."""
        ...


def follow_weakly(topology: FollowedTopology, owner: Owner, react: Callable[[Owner, Effective], None]) -> None:
    """Let `react` have the view now and with every change, for as long as `owner` lives: the watch may outlive many."""
    mine = weakref.ref(owner)

    def changed(event: Event) -> None:
        del event  # whatever it was: what counts is how things are now
        alive = mine()
        if alive is None:
            subscription.cancel()
        else:
            react(alive, topology.current)

    subscription = topology.subscribe(changed)
    react(owner, topology.current)  # it may have changed meanwhile


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
