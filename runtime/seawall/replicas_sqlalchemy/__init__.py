"""SQLAlchemy 2 over a writer and its replicas: sessions whose statements go to the right server, one per transaction.

```python
fleet = EngineFleet(router, lambda server: create_engine(f"postgresql+psycopg://shop@{server.address}/shop"))
with RoutingSession(fleet) as session:
    session.add(Order(id=7))
    session.commit()
    order = session.get(Order, 7)  # at a replica that has it, or at the writer
```

`RoutingAsyncSession` is the same over engines from `create_async_engine`. With psycopg, sync or async, the position of a write
comes with the answer to its COMMIT; other drivers ask for it in one more round trip (asyncpg), or a few (psycopg2, pg8000).
"""

from seawall.errors import MissingExtra

try:
    import sqlalchemy as _sqlalchemy
except ImportError as _error:
    raise MissingExtra("sqlalchemy", feature="seawall.replicas_sqlalchemy") from _error
else:
    del _sqlalchemy

from seawall.replicas_sqlalchemy._async_session import RoutingAsyncSession
from seawall.replicas_sqlalchemy._fleet import EngineFleet
from seawall.replicas_sqlalchemy._gauge import SqlAlchemyGauge
from seawall.replicas_sqlalchemy._session import RoutingSession

__all__ = ["EngineFleet", "RoutingAsyncSession", "RoutingSession", "SqlAlchemyGauge"]
