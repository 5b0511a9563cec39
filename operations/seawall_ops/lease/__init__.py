"""Leases: at most one of several processes acts, and each that ever did has a number of its own.

```python
store = MemoryLeaseStore()
lease = Lease(store, "failover-shop-prod", holder="observer-1", arbitrates=Arbitrated())
with lease.acquire(wait_seconds=60.0) as held:
    held.check()  # LeaseLost, once it is not held any more
    state.put("shop/prod", document, held)  # FenceOutrun, once somebody else has taken over
```

Clocks of different machines are never compared. A holder stops `ttl_seconds - margin_seconds` after its last renewal *began*,
by its own clock. Who contends takes the lease when it has itself watched the record for `ttl_seconds` without seeing it
change, by its own clock, and only if it is still the same then. Each taking has the next fence, a whole number that never
goes back, and states refuse a lower one. A write that was not answered counts as not made for what one may do, and as
perhaps made for what one may conclude: the record is read before the next step.

Kept in DynamoDB (`seawall_ops.lease.dynamodb`), PostgreSQL (`.postgres`) or a Kubernetes Lease (`.kubernetes`), which import
their libraries. A store inside of what the lease arbitrates is refused.
"""

from seawall_ops.lease._clocks import BOOT_CLOCK
from seawall_ops.lease._domains import Arbitrated, Location
from seawall_ops.lease._events import LeaseAcquired, LeaseEnded, LeaseRenewalFailed
from seawall_ops.lease._fencing import Fenced, FencedDocument, FencedState
from seawall_ops.lease._held import Held
from seawall_ops.lease._lease import Lease
from seawall_ops.lease._memory import MemoryLeaseStore, MemoryState
from seawall_ops.lease._model import FREE, NEVER_SEEN, LeaseRecord, LeaseStore, LeaseTerms, Stored

__all__ = [
    "BOOT_CLOCK",
    "FREE",
    "NEVER_SEEN",
    "Arbitrated",
    "Fenced",
    "FencedDocument",
    "FencedState",
    "Held",
    "Lease",
    "LeaseAcquired",
    "LeaseEnded",
    "LeaseRecord",
    "LeaseRenewalFailed",
    "LeaseStore",
    "LeaseTerms",
    "Location",
    "MemoryLeaseStore",
    "MemoryState",
    "Stored",
]
