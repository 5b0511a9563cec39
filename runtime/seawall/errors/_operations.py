"""What operators' tools raise: operations in steps, and the record of them."""

from typing import Final

from seawall.errors._base import SeawallError, shown

__all__ = ["AuditConflict", "OperationInProgress", "StepPending", "StepRefused"]


class StepRefused(SeawallError):
    """A step cannot be taken, and changed nothing: its precheck says no, or what it asked for was refused as a whole.

    Raise it from `precheck`, or from `apply` where it is certain that nothing was changed, e.g. on a denied call. Whatever
    else comes out of `apply` leaves open what was changed.

    Args:
        because: Why, in one line.
    """

    def __init__(self, because: str) -> None:
        self.because: Final = because
        super().__init__(because)


class StepPending(SeawallError):
    """What a step waits for has not come in its time, or somebody asked to stop. The operation rests, and a resume goes on.

    Raise it from `apply` or `undo`; what was begun stays begun.

    Args:
        because: What it waits for, in one line.
    """

    def __init__(self, because: str) -> None:
        self.because: Final = because
        super().__init__(because)


class OperationInProgress(SeawallError):
    """An operation is run by another process at this moment, or has a begun journal that has to be ended first.

    Args:
        operation: Its id.
        because: What is in the way, and what to do.
    """

    def __init__(self, operation: str, because: str) -> None:
        self.operation: Final = operation
        self.because: Final = because
        super().__init__(f"operation {shown(operation)} is in progress: {because}")

    def __reduce__(self) -> "tuple[object, ...]":
        return OperationInProgress, (self.operation, self.because)


class AuditConflict(SeawallError):
    """A place for an audit record holds another one. Nothing was overwritten.

    Args:
        sink: Where, e.g. `s3://acme-audit/seawall/`.
        record: Which, e.g. `failover-7f3a 3f9c/12`.
    """

    def __init__(self, sink: str, record: str) -> None:
        self.sink: Final = sink
        self.record: Final = record
        super().__init__(
            f"audit record {shown(record)} differs from the one that {shown(sink)} holds; it was left as it is"
        )

    def __reduce__(self) -> "tuple[object, ...]":
        return AuditConflict, (self.sink, self.record)
