"""Names in the forms in which Route 53 takes and gives them."""

from typing import Any


def normal(name: Any) -> Any:
    """Lower case, no final dot, `*` as itself: Route 53 answers with `\\052`."""
    return name.lower().rstrip(".").replace("\\052", "*") if isinstance(name, str) else name


def full(name: str, zone_name: str) -> str:
    """A record's full name: one that does not end in the zone's is meant within it, as in the real provider."""
    record, zone = normal(name), normal(zone_name)
    if record == zone or record.endswith(f".{zone}"):
        return record
    return f"{record}.{zone}" if record else zone


def bare_zone_id(zone_id: Any) -> Any:
    """Without the `/hostedzone/` that some answers carry."""
    return zone_id.rsplit("/", 1)[-1] if isinstance(zone_id, str) else zone_id
