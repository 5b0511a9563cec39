"""What a thread's next statement was routed by: handed from the router, which chooses an alias, to that alias's wrapper.

Django asks the router first and sends the statement later, through another object, in the same thread. In between, the
unit of work that made the choice lies here. A choice that is never used (somebody only asked) is taken back at the next.
"""

import threading
from typing import final

from seawall.replicas import UnitOfWork

__all__ = ["desk"]


@final
class _Desk(threading.local):
    """One thread's."""

    snapshot: str | None = None
    """A member's alias on which this thread has a transaction: reads belong there until it ends."""
    _alias: str = ""
    _unit: UnitOfWork | None = None

    def put(self, alias: str, unit: UnitOfWork) -> None:
        """The next statement on that alias is this unit's."""
        self.clear()
        self._alias, self._unit = alias, unit

    def look(self, alias: str) -> UnitOfWork | None:
        """The unit that waits for a statement on that alias, which is left here."""
        return self._unit if self._alias == alias else None

    def move(self, alias: str) -> None:
        """The unit that waits here reads on another alias now."""
        self._alias = alias

    def take(self, alias: str) -> UnitOfWork | None:
        """The unit that waits for a statement on that alias. Whoever takes it closes it."""
        unit = self.look(alias)
        if unit is not None:
            self._unit = None
        return unit

    def clear(self) -> None:
        """Take back what was not used."""
        unit, self._unit = self._unit, None
        if unit is not None:
            unit.close()


desk = _Desk()
