"""What the replica router raises."""

from typing import Final

from seawall.errors._base import SeawallError, shown

__all__ = [
    "DatabaseInterrupted",
    "NoReaderAvailable",
    "NoWriterAvailable",
    "TwoWriters",
    "WriteAfterRead",
    "WriteInReadOnlyScope",
    "WriteLost",
    "WriterFenced",
]


class NoReaderAvailable(SeawallError):
    """No server may serve a read.

    Args:
        router: Name of the replica router.
        because: Why, e.g. which reader is unfit for what, and why the writer does not take the read either.
    """

    def __init__(self, router: str, because: str) -> None:
        self.router: Final = router
        self.because: Final = because
        super().__init__(f"router {shown(router)} has no server for the read: {because}")

    def __reduce__(self) -> "tuple[object, ...]":
        return type(self), (self.router, self.because)


class NoWriterAvailable(SeawallError):
    """A write has nowhere to go. Nothing was sent.

    Args:
        router: Name of the replica router.
        because: Why.
    """

    def __init__(self, router: str, because: str) -> None:
        self.router: Final = router
        self.because: Final = because
        super().__init__(f"router {shown(router)} has no writer: {because}")

    def __reduce__(self) -> "tuple[object, ...]":
        return type(self), (self.router, self.because)


class TwoWriters(NoWriterAvailable):
    """Several servers take writes, and nothing says which of them is the one. Nothing is written until that is settled."""


class WriterFenced(NoWriterAvailable):
    """The epoch that allowed this process to write has run out, or another one has begun."""


class WriteLost(SeawallError):
    """What this session wrote is not, or cannot be shown to be, in the history of the database as it is now.

    A promotion of a replica that had not received it yet loses a commit that was acknowledged. Raised once for each write;
    what the session reads afterwards is the database as it is now.

    The position is read right after the COMMIT. While others write too it may lie a moment behind it, so that a write that
    was among the last before the promotion may be reported though it was kept: look before you write again.

    Args:
        router: Name of the replica router.
        token: The write, as it is to be shown.
        certain: Whether it is known where the histories parted, and the position lies beyond; else nobody can tell.
        because: Where the histories parted.
    """

    def __init__(self, router: str, token: str, *, certain: bool, because: str) -> None:
        self.router: Final = router
        self.token: Final = token
        self.certain: Final = certain
        self.because: Final = because
        verdict = "is" if certain else "may be"
        super().__init__(
            f"router {shown(router)}: the write up to {token} {verdict} beyond what a promotion kept: {because}"
        )

    def __reduce__(self) -> "tuple[object, ...]":
        return _rebuild_write_lost, (self.router, self.token, self.certain, self.because)


def _rebuild_write_lost(router: str, token: str, certain: bool, because: str) -> WriteLost:
    return WriteLost(router, token, certain=certain, because=because)


class WriteInReadOnlyScope(SeawallError):
    """A write was tried inside of `read_only()`. Nothing was sent.

    Args:
        router: Name of the replica router.
    """

    def __init__(self, router: str) -> None:
        self.router: Final = router
        super().__init__(f"router {shown(router)}: a write inside of read_only(); nothing was sent")

    def __reduce__(self) -> "tuple[object, ...]":
        return WriteInReadOnlyScope, (self.router,)


class WriteAfterRead(SeawallError):
    """A transaction that began by reading from a reader was to write. Nothing was sent.

    What it read may be older than what it would overwrite. A transaction that will write begins on the writer: inside of
    `use_writer()`, or with `start_on="writer"`.

    Args:
        router: Name of the replica router.
        server: Where it read.
    """

    def __init__(self, router: str, server: str) -> None:
        self.router: Final = router
        self.server: Final = server
        super().__init__(
            f"router {shown(router)}: a transaction that read from {shown(server)} cannot write, because what it read may "
            'be out of date: begin it inside of use_writer() or with start_on="writer"'
        )

    def __reduce__(self) -> "tuple[object, ...]":
        return WriteAfterRead, (self.router, self.server)


class DatabaseInterrupted(SeawallError):
    """The server of a unit of work went away, or changed its role. The driver's error is the cause.

    Args:
        server: Its name.
        safe_to_retry: Whether nothing of the unit can have been committed, so that the whole of it may be run again. False
            when the connection was lost during a commit: look before you write again.
        because: What happened.
    """

    def __init__(self, server: str, *, safe_to_retry: bool, because: str) -> None:
        self.server: Final = server
        self.safe_to_retry: Final = safe_to_retry
        self.because: Final = because
        advice = "nothing was committed, try again" if safe_to_retry else "the commit may have happened, look first"
        super().__init__(f"database server {shown(server)}: {because}; {advice}")

    def __reduce__(self) -> "tuple[object, ...]":
        return _rebuild_interrupted, (self.server, self.safe_to_retry, self.because)


def _rebuild_interrupted(server: str, safe_to_retry: bool, because: str) -> DatabaseInterrupted:
    return DatabaseInterrupted(server, safe_to_retry=safe_to_retry, because=because)
