"""Customers who order without pause, and what became of each order."""

import http.client
import json
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

PAUSE_SECONDS: Final = 0.03  # of a customer between two orders
ANSWER_SECONDS: Final = 10.0  # an app that has nowhere to write says so much sooner
TAKEN: Final = (201, 202)  # paid, or to be charged later
BODY: Final = b'{"product": "lamp"}'
HEADERS: Final = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One order; times are the monotonic clock's, which all processes of a machine share.

    Args:
        port: Of the instance.
        began: When it was sent.
        ended: When the answer was there, or the wait for one was over.
        status: Of the answer; 0: there was none.
        number: Of the order, where it was taken.
    """

    port: int
    began: float
    ended: float
    status: int
    number: str | None

    @property
    def taken(self) -> bool:
        """Whether the customer was told so."""
        return self.number is not None


class OrderLoad:
    """Some customers for each instance. Use it with `with`."""

    def __init__(self, ports: Iterable[int], *, customers: int = 2) -> None:
        self._attempts: Final[list[Attempt]] = []
        self._ended: Final = threading.Event()
        self._threads: Final = [
            threading.Thread(target=self._order, args=(port,), daemon=True) for port in ports for _ in range(customers)
        ]

    @property
    def attempts(self) -> list[Attempt]:
        """All so far, in the order in which they ended."""
        return list(self._attempts)

    def taken_since(self, when: float, port: int | None = None) -> list[Attempt]:
        """Orders that were sent since then and taken; by one instance, or by all."""
        return [each for each in self.attempts if each.taken and each.began >= when and port in (None, each.port)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(2 * ANSWER_SECONDS)

    def _order(self, port: int) -> None:
        while not self._ended.is_set():
            self._attempts.append(order(port))  # appending to a list is atomic
            self._ended.wait(PAUSE_SECONDS)


def order(port: int) -> Attempt:
    """Order once, over a connection of its own."""
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        connection.request("POST", "/orders", BODY, HEADERS)
        answer = connection.getresponse()
        content = answer.read()
        number = json.loads(content)["order"] if answer.status in TAKEN else None
        return Attempt(port, began, time.monotonic(), answer.status, number)
    except (OSError, http.client.HTTPException, ValueError):
        return Attempt(port, began, time.monotonic(), 0, None)
    finally:
        connection.close()
