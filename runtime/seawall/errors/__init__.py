"""Every error that Seawall raises, in one tree.

```
SeawallError
├── InvalidInput        an argument or a configuration key has a value that is not allowed (also a ValueError)
├── ObjectiveNotMet     the numbers given cannot meet the objectives that stand beside them
├── TopologyUnavailable the topology could not be read where it is kept: a file, SSM
├── CloudUnavailable    AWS could not be asked: no credentials, denied, throttled or unreachable
├── StepRefused         a step of an operation cannot be taken, and changed nothing
├── StepPending         what a step of an operation waits for has not come yet: the operation rests, and is resumed
├── OperationInProgress an operation is run by another process, or was begun and not ended
├── AuditConflict       a place for an audit record holds another one; nothing was overwritten
├── MissingExtra        a feature was imported whose library is not installed (also an ImportError)
├── NoEndpointAvailable no endpoint may take a call: none has a weight, all are excluded, or panic says to fail
├── NoReaderAvailable   no server may serve a read: readers are unfit, and the writer is not there or takes no more
├── NoWriterAvailable   a write has nowhere to go: no server is known to be the writer
│   ├── TwoWriters      several servers take writes, and nothing says which of them is the one
│   └── WriterFenced    the epoch that allowed this process to write has run out, or was outrun
├── WriteLost           what this session wrote is not in the database's history any more
├── WriteInReadOnlyScope a write was tried inside of `read_only()`; nothing was sent
├── WriteAfterRead      a transaction that began on a reader was to write; nothing was sent
├── DatabaseInterrupted the server of a unit of work went away or changed its role; says whether to try again
├── LeaseHeld           a lease is somebody else's
├── LeaseLost           a lease that was held is not held any more: nothing may be written under it
├── LeaseUnavailable    where leases or fenced states are kept did not answer; a write may have happened
├── FenceOutrun         a state refused a write, since a later holder of the lease has been there
├── CallNotPermitted    a circuit breaker rejected a call: the dependency was not called
├── UnguardableCallable a breaker cannot see whether such a callable fails, and refuses it (also a TypeError)
├── ConflictingConfig   a breaker was asked for by name with another config than it has (also a ValueError)
├── DependencyInLiveness a check of a dependency was to decide liveness (also a TypeError)
├── RegistryFull        a registry holds as many breakers as it may, and none of them is idle
└── CannotPickle        an object that holds locks and live state was to be pickled or copied (also a TypeError)
```

Each message is one line that a tired person can act on: the name, the value, what is allowed, and why.
"""

from seawall.errors._base import (
    MISSING,
    CannotPickle,
    CloudUnavailable,
    InvalidInput,
    MissingExtra,
    ObjectiveNotMet,
    SeawallError,
    TopologyUnavailable,
)
from seawall.errors._calls import (
    CallNotPermitted,
    ConflictingConfig,
    DependencyInLiveness,
    NoEndpointAvailable,
    RegistryFull,
    UnguardableCallable,
)
from seawall.errors._databases import (
    DatabaseInterrupted,
    NoReaderAvailable,
    NoWriterAvailable,
    TwoWriters,
    WriteAfterRead,
    WriteInReadOnlyScope,
    WriteLost,
    WriterFenced,
)
from seawall.errors._leases import FenceOutrun, LeaseHeld, LeaseLost, LeaseUnavailable
from seawall.errors._operations import AuditConflict, OperationInProgress, StepPending, StepRefused

__all__ = [
    "MISSING",
    "AuditConflict",
    "CallNotPermitted",
    "CannotPickle",
    "CloudUnavailable",
    "ConflictingConfig",
    "DatabaseInterrupted",
    "DependencyInLiveness",
    "FenceOutrun",
    "InvalidInput",
    "LeaseHeld",
    "LeaseLost",
    "LeaseUnavailable",
    "MissingExtra",
    "NoEndpointAvailable",
    "NoReaderAvailable",
    "NoWriterAvailable",
    "ObjectiveNotMet",
    "OperationInProgress",
    "RegistryFull",
    "SeawallError",
    "StepPending",
    "StepRefused",
    "TopologyUnavailable",
    "TwoWriters",
    "UnguardableCallable",
    "WriteAfterRead",
    "WriteInReadOnlyScope",
    "WriteLost",
    "WriterFenced",
]
