"""The read-replica router: writes to the writer, reads to the nearest replica that has seen your write.

```python
router = ReplicaRouter(
    DatabaseServer("tokyo", "db1.example:5432", region="ap-northeast-1"),
    [DatabaseServer("osaka", "db2.example:5432", region="ap-northeast-3")],
    gauge=gauge,
)
```

An adapter asks it where each statement goes: `seawall.replicas_sqlalchemy`, `seawall.replicas_psycopg`,
`seawall.replicas_django`. See `docs/read-replicas.md`.
"""

from seawall.errors import (
    DatabaseInterrupted,
    NoReaderAvailable,
    NoWriterAvailable,
    TwoWriters,
    WriteAfterRead,
    WriteInReadOnlyScope,
    WriteLost,
    WriterFenced,
)
from seawall.replicas._events import ReaderStateChanged, WriterChanged, WriterLeaseChanged, WriterTrouble
from seawall.replicas._middleware import ConsistencyMiddleware
from seawall.replicas._model import (
    Bounded,
    ChoiceReason,
    Consistency,
    DatabaseServer,
    EpochLease,
    FallbackPolicy,
    Fault,
    Gauge,
    LagPolicy,
    Observation,
    ReaderState,
    ReadYourWrites,
    ReplicaSnapshot,
    RouterSnapshot,
    StatementKind,
    WriterOnly,
    fault_of,
)
from seawall.replicas._mysql import MYSQL_READ_ONLY, MYSQL_STATUS, observe_mysql
from seawall.replicas._postgres import POSTGRES_POSITION, POSTGRES_STATUS, observe_postgres
from seawall.replicas._retrying import retrying
from seawall.replicas._route import Route
from seawall.replicas._router import ReplicaRouter, Retirement
from seawall.replicas._scope import Mode, Scope, consistency_scope, current_scope, read_only, use_writer
from seawall.replicas._signer import TokenSigner
from seawall.replicas._tokens import ConsistencyToken, TimeToken, Token
from seawall.replicas._topology import FollowedDatabase
from seawall.replicas._unit import UnitOfWork

__all__ = [
    "MYSQL_READ_ONLY",
    "MYSQL_STATUS",
    "POSTGRES_POSITION",
    "POSTGRES_STATUS",
    "Bounded",
    "ChoiceReason",
    "Consistency",
    "ConsistencyMiddleware",
    "ConsistencyToken",
    "DatabaseInterrupted",
    "DatabaseServer",
    "EpochLease",
    "FallbackPolicy",
    "Fault",
    "FollowedDatabase",
    "Gauge",
    "LagPolicy",
    "Mode",
    "NoReaderAvailable",
    "NoWriterAvailable",
    "Observation",
    "ReadYourWrites",
    "ReaderState",
    "ReaderStateChanged",
    "ReplicaRouter",
    "ReplicaSnapshot",
    "Retirement",
    "Route",
    "RouterSnapshot",
    "Scope",
    "StatementKind",
    "TimeToken",
    "Token",
    "TokenSigner",
    "TwoWriters",
    "UnitOfWork",
    "WriteAfterRead",
    "WriteInReadOnlyScope",
    "WriteLost",
    "WriterChanged",
    "WriterFenced",
    "WriterLeaseChanged",
    "WriterOnly",
    "WriterTrouble",
    "consistency_scope",
    "current_scope",
    "fault_of",
    "observe_mysql",
    "observe_postgres",
    "read_only",
    "retrying",
    "use_writer",
]
