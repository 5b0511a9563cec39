"""The board: where the observers' votes and the cluster's ledger are kept, outside of what may fail over.

Every writing names the version that it goes over, so that of two writers one is told; every reading is consistent. A store
is a table in a third region (`DynamoDbStore`) or a file for tests and for observers of a single host (`SqliteStore`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, final

from seawall.errors import InvalidInput, SeawallError
from seawall_ops.failover.codec import dump_ledger, dump_vote, parse_ledger, parse_vote
from seawall_ops.failover.ledger import Ledger
from seawall_ops.failover.votes import Vote

__all__ = ["Board", "BoardUnavailable", "Outrun", "Posted", "Store", "Stored"]

MOST_OBSERVERS: Final = 32  # on one board; a reading stays far below DynamoDB's page of 1 MB
LEDGER: Final = "ledger"
VOTE: Final = "vote/"  # before the observer's name
TRIES: Final = 8  # at a ledger that others change at the same moment


class BoardUnavailable(SeawallError):
    """The board could not be read or written. A writing may have happened.

    Args:
        where: Which board.
        because: Why, in one line.
    """

    def __init__(self, where: str, because: str) -> None:
        self.where: Final = where
        self.because: Final = because
        super().__init__(f"the board ({where}) cannot be asked: {because}")

    def __reduce__(self) -> "tuple[object, ...]":
        return BoardUnavailable, (self.where, self.because)


class Outrun(SeawallError):
    """Somebody else has written over the version that was read. Nothing was changed.

    Args:
        where: Which board.
        record: Which record.
    """

    def __init__(self, where: str, record: str) -> None:
        self.where: Final = where
        self.record: Final = record
        super().__init__(f"{record} on the board ({where}) was changed by somebody else")

    def __reduce__(self) -> "tuple[object, ...]":
        return Outrun, (self.where, self.record)


@dataclass(frozen=True, slots=True)
class Stored:
    """A record as it is kept."""

    version: int
    text: str


class Store(Protocol):
    """Where the records of one cluster are kept. Every method ends within the store's own time-out.

    All raise `BoardUnavailable` when the store does not answer or refuses; a writing may have happened then.
    """

    @property
    def where(self) -> str:
        """For messages, e.g. `DynamoDB table votes in eu-north-1`. Never a secret."""
        ...

    @property
    def region(self) -> str | None:
        """The AWS region that it is lost with; `None`: it is in none."""
        ...

    def read(self) -> Mapping[str, Stored]:
        """All records, by key. Consistent."""
        ...

    def put(self, key: str, stored: Stored, *, over: int | None) -> None:
        """Write a record over the version that was read; `None`: there was none.

        Raises:
            Outrun: It is not that version any more.
        """
        ...

    def delete(self, key: str, *, over: int) -> None:
        """Delete a record of the version that was read.

        Raises:
            Outrun: It is not that version any more.
        """
        ...


@dataclass(frozen=True, slots=True)
class Posted:
    """One reading of the board."""

    votes: tuple[Vote, ...]
    """By observer."""
    ledger: Ledger
    ledger_version: int
    """0: nothing was written yet."""
    broken: tuple[str, ...] = ()
    """Votes that cannot be understood, a line each; they do not count."""


@final
class Board:
    """The board of one cluster.

    Args:
        store: Where it is kept.
        cluster: Name of the cluster.
    """

    __slots__ = ("_cluster", "_store")

    def __init__(self, store: Store, cluster: str) -> None:
        self._store: Final = store
        self._cluster: Final = cluster

    @property
    def where(self) -> str:
        """The store, for messages."""
        return self._store.where

    @property
    def region(self) -> str | None:
        """The AWS region that it is lost with; `None`: it is in none."""
        return self._store.region

    def read(self) -> Posted:
        """Read everything.

        Raises:
            BoardUnavailable: It does not answer.
            InvalidInput: The ledger cannot be understood: it is never taken for an empty one.
        """
        records = self._store.read()
        votes: list[Vote] = []
        broken: list[str] = []
        for key, stored in sorted(records.items()):
            if key.startswith(VOTE):
                try:
                    votes.append(_vote(key, stored))
                except InvalidInput as error:
                    broken.append(str(error))
        ledger, version = self._ledger(records)
        return Posted(tuple(votes), ledger, version, tuple(broken))

    def post(self, vote: Vote, *, over: int | None) -> None:
        """Write an observer's vote.

        Args:
            vote: The vote. Its sequence number is its version.
            over: The sequence number of the one before; `None`: the observer has none on the board.

        Raises:
            BoardUnavailable: It does not answer; the vote may have been written.
            Outrun: Another process writes under this observer's name.
            InvalidInput: The sequence number does not follow, or the board is full.
        """
        if over is not None and vote.sequence <= over:
            raise InvalidInput("sequence", vote.sequence, allowed=f"above {over}")
        if over is None and sum(key.startswith(VOTE) for key in self._store.read()) >= MOST_OBSERVERS:
            raise InvalidInput("observer", vote.observer, allowed=f"one of at most {MOST_OBSERVERS} on a board")
        self._store.put(VOTE + vote.observer, Stored(vote.sequence, dump_vote(vote)), over=over)

    def withdraw(self, observer: str, *, over: int) -> None:
        """Take an observer's vote off the board: it says nothing any more.

        Raises:
            BoardUnavailable: It does not answer; the vote may be gone.
            Outrun: The observer has voted since.
        """
        self._store.delete(VOTE + observer, over=over)

    def change(self, change: Callable[[Ledger], Ledger]) -> Ledger:
        """Change the ledger, as one step: read, change, write if nobody was faster, else again.

        Args:
            change: A pure function; called again with what the others wrote. It may refuse by raising.

        Returns:
            The ledger as it is now on the board.

        Raises:
            BoardUnavailable: It does not answer; the change may have been written, and saying it again is safe.
            Outrun: Others were faster each time.
        """
        for _ in range(TRIES):
            ledger, version = self._ledger(self._store.read())
            changed = change(ledger)
            if changed == ledger:
                return ledger
            try:
                self._store.put(LEDGER, Stored(version + 1, dump_ledger(changed)), over=version or None)
            except Outrun:
                continue
            return changed
        raise Outrun(self.where, LEDGER)

    def _ledger(self, records: Mapping[str, Stored]) -> tuple[Ledger, int]:
        stored = records.get(LEDGER)
        if stored is None:
            return Ledger(cluster=self._cluster), 0
        ledger = parse_ledger(stored.text)
        if ledger.cluster != self._cluster:
            raise InvalidInput("ledger's cluster", ledger.cluster, allowed=self._cluster)
        return ledger, stored.version


def _vote(key: str, stored: Stored) -> Vote:
    vote = parse_vote(stored.text)
    if (VOTE + vote.observer, vote.sequence) != (key, stored.version):
        raise InvalidInput(key, f"{vote.observer} {vote.sequence}", allowed="the vote of that observer and version")
    return vote
