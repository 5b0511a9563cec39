"""The async session: SQLAlchemy runs a sync one in a greenlet."""

from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from seawall.replicas_sqlalchemy._fleet import EngineFleet
from seawall.replicas_sqlalchemy._session import RoutingSession

__all__ = ["RoutingAsyncSession"]


class RoutingAsyncSession(AsyncSession):
    """An `AsyncSession` that is routed as `RoutingSession` is; its waits for a replica let other tasks run.

    Args:
        fleet: Its engines are from `create_async_engine`.
        start_on: Where transactions begin; `None`: as the scope says, else on a reader.
        options: Of `AsyncSession`.

    Raises:
        InvalidInput: an option that contradicts the fleet.
    """

    sync_session_class: type[Session] = RoutingSession

    def __init__(
        self, fleet: EngineFleet, *, start_on: Literal["reader", "writer"] | None = None, **options: Any
    ) -> None:
        super().__init__(fleet=fleet, start_on=start_on, _seawall_later=True, **options)
