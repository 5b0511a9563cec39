"""Many endpoints that change together, as when a topology is followed."""

from collections.abc import Iterable

from seawall.selector._core import Core
from seawall.selector._events import EndpointsChanged
from seawall.selector._model import Endpoint

__all__ = ["update"]


def update(core: Core, endpoints: Iterable[Endpoint], now: float) -> None:
    """Use exactly these, in this order. Called with the lock held. O(n log n)."""
    wanted = {each.name: each for each in endpoints}
    removed = [name for name in core.members if name not in wanted]
    added = [name for name in wanted if name not in core.members]
    known = [name for name in wanted if name in core.members]
    changed = [name for name in known if core.members[name].endpoint != wanted[name]]
    before = [(name, each.endpoint.role, each.endpoint.url) for name, each in core.members.items()]
    preferences = before != [(name, each.role, each.url) for name, each in wanted.items()]
    failover = core.failover
    if failover is not None:
        failover.waiting = True
    for name in added:  # first those that come: in between there is always somebody
        core.add(wanted[name], now)
    for name in changed:
        core.change(wanted[name], now)
    for name in removed:
        core.remove(name, now)
    if list(core.members) != list(wanted):
        core.reorder(wanted, now)
    if failover is not None:
        failover.waiting = False
        if preferences:
            failover.follow(now)
        else:
            failover.settle(now)
    if added or removed or changed:
        core.enqueue(
            EndpointsChanged(
                source=core.name,
                at_seconds=now,
                added=tuple(added),
                removed=tuple(removed),
                changed=tuple(changed),
            )
        )
