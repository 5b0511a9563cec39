"""Which objects were created that the engine does not know yet, so that a killed run loses none.

The engine writes an object into its state only after Create has answered. Killed before that, the object exists and
no state knows it: the next run would create a second one, or fail with "already exists".

The invariant, in words. For each URN the journal holds the creations that were begun and that the engine has not yet
been seen to know. An entry

- is *begun* before the service is asked to create, with a reference that is unique for this creation,
- is *made* once the service has answered with an id,
- and ends as soon as the engine shows that the object is in its state: by naming its id in Diff, Update, Read or
  Delete, or by giving Check the old inputs that the object was created with; or when the creation failed cleanly.

The next Create of the same URN and type adopts what an entry leads to. It can never adopt an object that the engine
already has: before a replacement is created the engine has called Diff with the old object's id (or, when told to
replace without asking, Check with its inputs), which ended the old object's entry; and an entry for a replacement that
was killed half-way survives that, since Diff names another id and Check other inputs.

What no later Create asks for (the program went back, or the stack was destroyed after the kill) stays in the journal
until `sweep` is given the engine's state and removes it.

URNs contain project and stack, so several stacks may share a journal. Inputs are kept as digests: a journal must not
hold a secret. Names that were made up are kept as they are, since Check must offer the same one again.
"""

import contextlib
import hashlib
import json
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from filelock import FileLock

from localcloud.provider.values import UNKNOWN

VERSION: Final = 1
LOCK_SECONDS: Final = 30.0  # an operation holds the lock for one small write


@dataclass(frozen=True)
class Entry:
    """One creation that the engine is not known to know.

    Args:
        urn: Of the resource.
        type: Its token.
        reference: Unique for this creation.
        digests: Digest of each input that it was asked to be created with.
        names: Inputs whose value was made up, as they are.
        region: Where it was asked for; "" for types without one.
        id: Of the object; None while the service has not answered.
    """

    urn: str
    type: str
    reference: str
    digests: Mapping[str, str]
    names: Mapping[str, str]
    region: str = ""
    id: str | None = None


class Journal:
    """The file. Each change is on the disk before the call returns; safe between threads and processes.

    Args:
        path: The file, or None to keep no journal (then nothing is ever adopted).
    """

    def __init__(self, path: Path | None) -> None:
        self._path: Final = path

    def entry(self, urn: str, type_: str) -> Entry | None:
        """The latest unfinished creation of that resource."""
        found = [entry for entry in self._read() if entry.urn == urn and entry.type == type_]
        return found[-1] if found else None

    def entries(self) -> list[Entry]:
        """All of them: objects that exist, or may, and that no state is known to hold."""
        return self._read()

    def begin(
        self, urn: str, type_: str, inputs: Mapping[str, Any], names: Mapping[str, str], region: str = ""
    ) -> Entry:
        """Write down that an object is about to be created."""
        entry = Entry(urn, type_, uuid.uuid4().hex, digests(inputs), dict(names), region)
        self._change(lambda entries: [*(old for old in entries if (old.urn, old.type) != (urn, type_)), entry])
        return entry

    def made(self, entry: Entry, id_: str, inputs: Mapping[str, Any]) -> None:
        """Write down the id of what was created, or adopted, and the inputs that it has now."""
        made = replace(entry, id=id_, digests=digests(inputs))
        self._change(lambda entries: [made if old.reference == entry.reference else old for old in entries])

    def end(self, entry: Entry) -> None:
        """Forget a creation: it failed, or its object is gone."""
        self._change(lambda entries: [old for old in entries if old.reference != entry.reference])

    def known(self, urn: str, id_: str) -> None:
        """The engine named this object: it is in its state."""
        self._drop(lambda entry: entry.urn == urn and entry.id == id_)

    def known_by_inputs(self, urn: str, old_inputs: Mapping[str, Any]) -> None:
        """The engine gave these inputs as those of the object in its state."""
        mine = [entry for entry in self._read() if entry.urn == urn and entry.id is not None]
        if mine:
            given = digests(old_inputs)
            self._drop(lambda entry: entry.urn == urn and entry.id is not None and entry.digests == given)

    def _drop(self, which: Callable[[Entry], bool]) -> None:
        if any(which(entry) for entry in self._read()):  # the common case needs neither the lock nor a write
            self._change(lambda entries: [entry for entry in entries if not which(entry)])

    def _change(self, change: Callable[[list[Entry]], list[Entry]]) -> None:
        if self._path is None:
            return
        with self._locked(self._path):
            write_atomically(
                self._path, {"version": VERSION, "entries": [asdict(entry) for entry in change(self._read())]}
            )

    def _read(self) -> list[Entry]:
        if self._path is None or not self._path.exists():
            return []
        document = json.loads(self._path.read_text(encoding="utf-8"))
        return [Entry(**entry) for entry in document["entries"]]

    @staticmethod
    @contextlib.contextmanager
    def _locked(path: Path) -> Iterator[None]:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock", timeout=LOCK_SECONDS):
            yield


def digests(inputs: Mapping[str, Any]) -> dict[str, str]:
    """A digest of each input's value."""
    return {
        name: hashlib.sha256(json.dumps(value, sort_keys=True, default=_unknown).encode()).hexdigest()
        for name, value in sorted(inputs.items())
        if value is not None
    }


def _unknown(value: object) -> str:
    if value is UNKNOWN:
        return "UNKNOWN"
    raise TypeError(f"{type(value).__name__} is no plain value")


def write_atomically(path: Path, document: object) -> None:
    """Replace the file by the document, on the disk before it returns, whole or not at all; for the owner only."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}.new")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
