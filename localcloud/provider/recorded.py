"""Objects of types that the local server lacks: kept in a file, and nothing else happens to them.

They can be created, read, changed, deleted, and drift in the file is found like any other. They are shown as
"recorded only", since nothing emulates what they would do.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from filelock import FileLock

from localcloud.provider.journal import LOCK_SECONDS, write_atomically

VERSION: Final = 1


@dataclass(frozen=True)
class RecordedObject:
    """One object: its type's token, its region ("" where there is none), its id and its properties."""

    type: str
    region: str
    id: str
    properties: dict[str, Any]


def recorded(path: Path) -> list[RecordedObject]:
    """All objects kept in the file, by type, region and id. A missing file holds none."""
    if not path.exists():
        return []
    document = json.loads(path.read_text(encoding="utf-8"))
    objects = [RecordedObject(**entry) for entry in document["objects"]]
    return sorted(objects, key=lambda one: (one.type, one.region, one.id))


def find(path: Path, type_: str, region: str, id_: str) -> RecordedObject | None:
    """The object with that id, if it is kept."""
    return next((one for one in recorded(path) if (one.type, one.region, one.id) == (type_, region, id_)), None)


def keep(path: Path, wanted: RecordedObject) -> None:
    """Keep the object, in place of one with the same type, region and id."""
    _change(path, wanted.type, wanted.region, wanted.id, [wanted])


def forget(path: Path, type_: str, region: str, id_: str) -> None:
    """Keep it no longer. One that is not kept is no error."""
    _change(path, type_, region, id_, [])


def _change(path: Path, type_: str, region: str, id_: str, instead: list[RecordedObject]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock", timeout=LOCK_SECONDS):
        others = [one for one in recorded(path) if (one.type, one.region, one.id) != (type_, region, id_)]
        write_atomically(path, {"version": VERSION, "objects": [vars(one) for one in [*others, *instead]]})
