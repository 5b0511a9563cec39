"""One unit of work's way to one server, and how it ended."""

from collections import deque
from typing import NoReturn, final

from seawall.errors import CannotPickle
from seawall.replicas._model import ChoiceReason, DatabaseServer
from seawall.selector import Attempt

__all__ = ["FallbackRoute", "ReadingRoute", "Route", "WriterRoute"]


class Route:
    """Where statements go, from a `UnitOfWork`, or from `ReplicaRouter.pick_reader` and `pick_writer`.

    Say once how it ended; a second time does nothing.
    """

    __slots__ = ("_attempt", "generation", "reason", "server")

    is_writer: bool = False
    """Whether the server is the writer."""
    read_only: bool = True
    """Whether the transaction is to be begun READ ONLY: it is here to read, whatever the server could do."""

    def __init__(self, server: DatabaseServer, reason: ChoiceReason, generation: int, attempt: Attempt | None) -> None:
        self.server: DatabaseServer = server
        self.reason: ChoiceReason = reason
        self.generation: int = generation
        """The router's when it was made: a connection of an earlier one must not be used for writes."""
        self._attempt: Attempt | None = attempt

    def success(self) -> None:
        """The server answered."""
        attempt = self._attempt
        if attempt is not None:
            self._attempt = None
            attempt.success()

    def failure(self, error: BaseException | None = None) -> None:
        """The server failed: it could not be reached, or the connection was lost."""
        attempt = self._attempt
        if attempt is not None:
            self._attempt = None
            attempt.failure(error)

    def release(self) -> None:
        """Nothing can be said of the server: nothing was sent, or no connection was free."""
        attempt = self._attempt
        if attempt is not None:
            self._attempt = None
            attempt.release()

    def __repr__(self) -> str:
        return f"<Route to {self.server.name!r}: {self.reason}>"

    def __reduce__(self) -> NoReturn:
        raise CannotPickle("a Route")


@final
class WriterRoute(Route):
    """The writer, to write to."""

    __slots__ = ()

    is_writer = True
    read_only = False


class ReadingRoute(Route):
    """The writer, to read from."""

    __slots__ = ()

    is_writer = True


@final
class FallbackRoute(ReadingRoute):
    """A read that fell on the writer; how many of these are under way is limited, so that it says when it is over."""

    __slots__ = ("_returned",)

    def __init__(self, server: DatabaseServer, reason: ChoiceReason, generation: int, returned: deque[None]) -> None:
        super().__init__(server, reason, generation, None)
        self._returned: deque[None] | None = returned

    def success(self) -> None:
        """As in `Route`."""
        self._end()

    def failure(self, error: BaseException | None = None) -> None:
        """As in `Route`."""
        del error  # no selector judges the writer
        self._end()

    def release(self) -> None:
        """As in `Route`."""
        self._end()

    def _end(self) -> None:
        returned = self._returned
        if returned is not None:
            self._returned = None
            returned.append(None)  # no lock: this may run in a finalizer, in the middle of anything

    def __del__(self) -> None:
        self._end()
