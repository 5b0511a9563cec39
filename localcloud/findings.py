"""What a look into the cloud finds: one thing each, and how it differs from what was claimed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

GONE: Final = ("does not exist",)
"""The difference of what the cloud does not have at all."""


@dataclass(frozen=True)
class Finding:
    """One thing that should exist: what the cloud has of it, and how that differs from the program's claim."""

    kind: str
    name: str
    found: str
    differences: tuple[str, ...] = ()
    recorded_only: bool = False


def bare(name: str) -> str:
    """DNS names compare without their closing dot and in lower case."""
    return name.rstrip(".").lower()


def unlike(pairs: Mapping[str, tuple[object, object]]) -> tuple[str, ...]:
    """What differs, as `key: declared X, the cloud has Y`."""
    return tuple(
        f"{key}: declared {claimed}, the cloud has {found}"
        for key, (claimed, found) in pairs.items()
        if claimed != found
    )
