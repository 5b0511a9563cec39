"""What leases and fences raise."""

from typing import Final

from seawall.errors._base import SeawallError, shown

__all__ = ["FenceOutrun", "LeaseHeld", "LeaseLost", "LeaseUnavailable"]


class LeaseHeld(SeawallError):
    """Somebody else holds a lease, and did so for as long as was waited.

    Args:
        lease: Its name.
        because: Who holds it, with which fence, and how long was waited.
    """

    def __init__(self, lease: str, because: str) -> None:
        self.lease: Final = lease
        self.because: Final = because
        super().__init__(f"lease {shown(lease)} is not to be had: {because}")

    def __reduce__(self) -> "tuple[object, ...]":
        return LeaseHeld, (self.lease, self.because)


class LeaseLost(SeawallError):
    """A lease that was held is not held any more. Nothing may be written under it; acquiring it again gives another fence.

    Args:
        lease: Its name.
        fence: The number under which it was held.
        because: How it was lost.
    """

    def __init__(self, lease: str, fence: int, because: str) -> None:
        self.lease: Final = lease
        self.fence: Final = fence
        self.because: Final = because
        super().__init__(f"lease {shown(lease)} with fence {fence} is lost: {because}")

    def __reduce__(self) -> "tuple[object, ...]":
        return LeaseLost, (self.lease, self.fence, self.because)


class LeaseUnavailable(SeawallError):
    """Where leases or fenced states are kept did not answer, or refused. A write that was under way may have happened.

    Args:
        store: Where, e.g. `DynamoDB table leases in eu-north-1`; never a secret.
        because: Why there is no answer, in one line; never a secret.
    """

    def __init__(self, store: str, because: str) -> None:
        self.store: Final = store
        self.because: Final = because
        super().__init__(f"{shown(store)} could not be asked: {shown(because)}")

    def __reduce__(self) -> "tuple[object, ...]":
        return LeaseUnavailable, (self.store, self.because)


class FenceOutrun(SeawallError):
    """A state refused a write, because a later holder of the lease has written to it or claimed it. Nothing was written.

    Args:
        what: The state, e.g. `DynamoDB table states in eu-north-1, key shop/prod`.
        fence: The number of the writer that was refused.
        newest: The number that the state has; `None` where the store does not tell.
    """

    def __init__(self, what: str, fence: int, newest: int | None) -> None:
        self.what: Final = what
        self.fence: Final = fence
        self.newest: Final = newest
        later = "a later one" if newest is None else f"fence {newest}"
        super().__init__(
            f"{shown(what)} refuses fence {fence}: {later} has been there; somebody else has taken over, stop"
        )

    def __reduce__(self) -> "tuple[object, ...]":
        return FenceOutrun, (self.what, self.fence, self.newest)
