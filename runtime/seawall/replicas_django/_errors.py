"""Errors that are Django's and Seawall's at once."""

from typing import final

from django.db.utils import OperationalError

from seawall.errors import DatabaseInterrupted

__all__ = ["DatabaseOperationInterrupted"]


@final
class DatabaseOperationInterrupted(DatabaseInterrupted, OperationalError):
    """The server of a statement or a transaction went away, or changed its role.

    A `DatabaseInterrupted`, which says whether to try again, and an `OperationalError`, which Django's own transaction
    code and every library around it know how to handle.
    """

    @classmethod
    def of(cls, interrupted: DatabaseInterrupted) -> "DatabaseOperationInterrupted":
        """The same news as an error of Django's."""
        return cls(interrupted.server, safe_to_retry=interrupted.safe_to_retry, because=interrupted.because)

    def __reduce__(self) -> "tuple[object, ...]":
        return _rebuild, (self.server, self.safe_to_retry, self.because)


def _rebuild(server: str, safe_to_retry: bool, because: str) -> DatabaseOperationInterrupted:
    return DatabaseOperationInterrupted(server, safe_to_retry=safe_to_retry, because=because)
