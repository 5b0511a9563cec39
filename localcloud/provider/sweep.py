"""Remove what a killed run created and no state knows.

The next `up` adopts such an object when its program still asks for it. When it does not (the program went back to what
it was, or the stack was destroyed) the object would stay. After a whole run the engine's state says which are left.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from localcloud.provider.adapter import Adapter
from localcloud.provider.clients import Clients, Cloud
from localcloud.provider.failures import is_absent
from localcloud.provider.journal import Entry, Journal

# What stands in the way of removing an object that nobody will ever ask for.
FORCED: Final = {
    "applyImmediately": True,
    "deletionProtection": False,
    "forceDestroy": True,
    "forceDetachPolicies": True,
    "skipFinalSnapshot": True,
}


def known_ids(deployment: Mapping[str, Any]) -> dict[str, set[str]]:
    """Ids of all objects in the engine's state, by URN.

    Args:
        deployment: As `pulumi stack export` gives it, below `deployment`.
    """
    known: dict[str, set[str]] = {}
    for resource in deployment.get("resources") or []:
        if resource.get("id"):
            known.setdefault(resource["urn"], set()).add(resource["id"])
    return known


def sweep(
    journal: Journal, adapters: Mapping[str, Adapter], clients: Clients, known: Mapping[str, Collection[str]]
) -> list[Entry]:
    """End every entry of the journal; delete the objects that the state does not know. Only between whole runs.

    Args:
        journal: Of the stack. With several stacks on one journal, `known` must be of all of them.
        adapters: The resource types.
        clients: How the service is reached.
        known: Ids in the engine's state, by URN.

    Returns:
        The entries whose objects were deleted.
    """
    removed: list[Entry] = []
    for entry in journal.entries():
        adapter = adapters.get(entry.type)
        if adapter is not None and entry.id not in known.get(entry.urn, ()):
            cloud = Cloud(clients, entry.region)
            id_ = entry.id or adapter.find(cloud, dict(entry.names), entry.reference)
            if id_ and id_ not in known.get(entry.urn, ()) and _delete(adapter, cloud, id_):
                removed.append(entry)
        journal.end(entry)
    return removed


def _delete(adapter: Adapter, cloud: Cloud, id_: str) -> bool:
    """Delete it with what is in it. False when it was gone."""
    try:
        state = adapter.read(cloud, id_, {})
        if state is None:
            return False
        forced = {name: value for name, value in FORCED.items() if name in adapter.inputs}
        adapter.delete(cloud, id_, {**state, **forced})
    except Exception as error:
        if not is_absent(error, adapter.absent_codes):
            raise
        return False
    return True
