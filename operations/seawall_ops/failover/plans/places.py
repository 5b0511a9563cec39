"""Where the live topology is kept, and how a change of it is published: the arbiter's copy first, a later epoch each time.

What holds at all times:

1. No place ever goes back to an earlier epoch, and no document takes the place of another one of its own epoch.
2. A change is published once the arbiter has it. The others are copies, which whoever fails over writes where it can.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, final

from filelock import FileLock, Timeout

from seawall.errors import SeawallError
from seawall.topology import Live, dump, parse_live
from seawall_ops.files import sync_folder

__all__ = ["FilePlace", "LivePlace", "LiveTopology", "Overtaken", "PlaceUnavailable", "Spread", "refuse_overtaken"]

LOCK_SECONDS: Final = 5.0  # a write holds it for milliseconds


class PlaceUnavailable(SeawallError):
    """A place of the live topology did not answer. A write may have happened.

    Args:
        where: Which place.
        because: Why, in one line.
    """

    def __init__(self, where: str, because: str) -> None:
        self.where: Final = where
        self.because: Final = because
        super().__init__(f"the live topology in {where} cannot be asked: {because}")

    def __reduce__(self) -> "tuple[object, ...]":
        return PlaceUnavailable, (self.where, self.because)


class Overtaken(SeawallError):
    """Somebody else has published this epoch, or a later one. Nothing was changed there by us.

    Args:
        where: Which place.
        found: The epoch that is there.
        wanted: The epoch that was to be written.
    """

    def __init__(self, where: str, found: int, wanted: int) -> None:
        self.where: Final = where
        self.found: Final = found
        self.wanted: Final = wanted
        super().__init__(f"{where} has epoch {found}, and epoch {wanted} was to be published: roles have changed since")

    def __reduce__(self) -> "tuple[object, ...]":
        return Overtaken, (self.where, self.found, self.wanted)


class LivePlace(Protocol):
    """One copy of the live topology."""

    @property
    def where(self) -> str:
        """For messages, e.g. `ssm us-east-1 /seawall/shop/prod/live`."""
        ...

    def read(self) -> Live | None:
        """The document; `None` while there is none.

        Raises:
            PlaceUnavailable: It does not answer.
            InvalidInput: What is there cannot be understood: it is never taken for nothing.
        """
        ...

    def write(self, live: Live) -> None:
        """Write a later document than the one that is there; one that is there already is left alone.

        Raises:
            PlaceUnavailable: It does not answer; it may have been written.
            Overtaken: An equal or later epoch is there.
        """
        ...


def refuse_overtaken(where: str, found: Live | None, live: Live) -> bool:
    """Whether `live` has to be written over what was found; `False`: it is there already.

    Raises:
        Overtaken: Another document of that epoch or a later one is there.
    """
    if found == live:
        return False
    if found is not None and found.epoch >= live.epoch:
        raise Overtaken(where, found.epoch, live.epoch)
    return True


@final
class FilePlace:
    """A file that apps of this host follow (`seawall.topology.FileSource`): for tests and for servers of one's own.

    Args:
        path: Of the live document; its folder has to be there.
    """

    __slots__ = ("_path",)

    def __init__(self, path: Path) -> None:
        self._path: Final = path

    @property
    def where(self) -> str:
        """The file."""
        return f"file {self._path}"

    def read(self) -> Live | None:
        """As `LivePlace`."""
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise PlaceUnavailable(self.where, error.strerror or type(error).__name__) from error
        return parse_live(text)

    def write(self, live: Live) -> None:
        """As `LivePlace`: a file beside it, fsync, an atomic rename and fsync of the folder, under a lock of this host."""
        draft = self._path.with_name(f".{self._path.name}.new")
        if not self._path.parent.is_dir():  # a lock would make it: nobody follows a folder that was misspelled
            raise PlaceUnavailable(self.where, f"there is no folder {self._path.parent}")
        try:
            with FileLock(self._path.with_name(f".{self._path.name}.lock"), timeout=LOCK_SECONDS):
                if refuse_overtaken(self.where, self.read(), live):
                    with draft.open("w", encoding="utf-8") as file:
                        file.write(dump(live))
                        file.flush()
                        os.fsync(file.fileno())
                    draft.replace(self._path)
                    sync_folder(self._path.parent)  # a rename that a power cut takes back would be an earlier epoch
        except Timeout as error:
            raise PlaceUnavailable(self.where, f"locked for {LOCK_SECONDS:g} s") from error
        except OSError as error:
            raise PlaceUnavailable(self.where, error.strerror or type(error).__name__) from error


@dataclass(frozen=True, slots=True)
class Spread:
    """Where a document is by now.

    Args:
        behind: Places that answer and have an earlier one, or none.
        silent: A line for each place that does not answer.
    """

    behind: tuple[str, ...]
    silent: tuple[str, ...]


@final
class LiveTopology:
    """All copies of the live topology of a service.

    Args:
        arbiter: The copy that counts, outside of what may fail over. Routers with an `EpochLease` have to read this one:
            in a partition the old writer's region keeps an old copy, and a lease that is renewed by it fences nobody.
        copies: Of the regions.
    """

    __slots__ = ("_arbiter", "_copies")

    def __init__(self, arbiter: LivePlace, copies: Sequence[LivePlace] = ()) -> None:
        self._arbiter: Final = arbiter
        self._copies: Final = tuple(copies)

    @property
    def where(self) -> str:
        """The arbiter's."""
        return self._arbiter.where

    def read(self) -> Live | None:
        """What counts.

        Raises:
            PlaceUnavailable: The arbiter does not answer.
            Overtaken: A copy is ahead of the arbiter: somebody has published without it.
        """
        live = self._arbiter.read()
        for copy in self._copies:
            try:
                found = copy.read()
            except PlaceUnavailable:
                continue  # a region that is gone must not keep its failover from going on
            if found is not None and found.epoch > (-1 if live is None else live.epoch):
                raise Overtaken(copy.where, found.epoch, -1 if live is None else live.epoch)
        return live

    def spread(self, live: Live) -> Spread:
        """How far a document that the arbiter has is spread. Changes nothing."""
        behind: list[str] = []
        silent: list[str] = []
        for copy in self._copies:
            try:
                if copy.read() != live:
                    behind.append(copy.where)
            except PlaceUnavailable as error:
                silent.append(str(error))
        return Spread(tuple(behind), tuple(silent))

    def publish(self, live: Live) -> Spread:
        """Write it, to the arbiter first.

        Raises:
            PlaceUnavailable: The arbiter does not answer; it may have been written.
            Overtaken: Somebody else has published this epoch or a later one.
        """
        self._arbiter.write(live)
        return self.copy(live)

    def copy(self, live: Live) -> Spread:
        """Write what the arbiter has to every copy that answers.

        Raises:
            Overtaken: Somebody else has published this epoch or a later one.
        """
        silent: list[str] = []
        for copy in self._copies:
            try:
                copy.write(live)
            except PlaceUnavailable as error:
                silent.append(str(error))
        return Spread((), tuple(silent))
