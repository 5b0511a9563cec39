"""psycopg 3 over a writer and its replicas: a pool per server, units of work that follow promotions.

```python
conninfo = {"dbname": "shop", "user": "shop", "password": secret}  # host and port are each server's own
router = ReplicaRouter(writer, readers, gauge=PsycopgGauge(conninfo))
with router, PsycopgReplicas(router, conninfo) as database:
    with database.write() as unit:
        unit.execute("INSERT INTO orders (id) VALUES (%s)", [7])
    with database.read() as unit:  # at a replica that has the order, or at the writer
        order = unit.execute("SELECT * FROM orders WHERE id = %s", [7]).fetchone()
```

`AsyncPsycopgReplicas` is the same for async code. The position of a write comes with the answer to its COMMIT, without a
further round trip. Prepared statements belong to physical connections, as psycopg has it, so none is looked for on a server
that never saw it.
"""

from seawall.errors import MissingExtra

try:
    import psycopg as _psycopg
    import psycopg_pool as _psycopg_pool
except ImportError as _error:
    raise MissingExtra("psycopg", feature="seawall.replicas_psycopg") from _error
else:
    del _psycopg, _psycopg_pool

from seawall.replicas_psycopg._async_pools import AsyncPsycopgReplicas
from seawall.replicas_psycopg._async_unit import AsyncPsycopgUnit
from seawall.replicas_psycopg._conninfo import Conninfo
from seawall.replicas_psycopg._gauge import PsycopgGauge
from seawall.replicas_psycopg._pools import PsycopgReplicas
from seawall.replicas_psycopg._unit import PsycopgUnit

__all__ = ["AsyncPsycopgReplicas", "AsyncPsycopgUnit", "Conninfo", "PsycopgGauge", "PsycopgReplicas", "PsycopgUnit"]
