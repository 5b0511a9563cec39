"""A load of writes and reads on the shop, and an account of what each worker was told and what is true."""

import math
import random
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from types import TracebackType

from replica_shop import Shop
from seawall.replicas import (
    ConsistencyToken,
    DatabaseInterrupted,
    NoReaderAvailable,
    NoWriterAvailable,
    Token,
    WriteLost,
    consistency_scope,
)

WORKERS = 16
NUMBERS = 1_000_000  # of orders that each worker may place
KEPT = 50  # earlier orders that a worker goes on asking for
ORDERS_A_PHASE = 30
BACKOFF_SECONDS = 0.02  # after a refusal
SPARE_SECONDS = 20.0  # for a worker to come to its end after it was asked to


@dataclass(frozen=True)
class Order:
    """An order that was acknowledged."""

    number: int
    at: float
    """When, by the monotonic clock."""
    tokens: tuple[Token, ...]
    """What the session that placed it carries from then on."""

    def is_beyond(self, fork: int, timeline: int) -> bool:
        """Whether its token lies behind where that timeline began, on an earlier one."""
        own = [token for token in self.tokens if isinstance(token, ConsistencyToken)]
        return any(token.timeline < timeline and token.lsn > fork for token in own)


@dataclass
class Account:
    """What the workers were told. Each list is only appended to, by many threads."""

    acknowledged: list["Order"] = field(default_factory=list)
    """Those whose commit was answered."""
    doubtful: list[int] = field(default_factory=list)
    """Orders whose commit may have happened."""
    lost: list[int] = field(default_factory=list)
    """Orders reported lost, or perhaps lost, by `WriteLost`."""
    certainly_lost: list[int] = field(default_factory=list)
    """Those of them that are said to be lost for certain."""
    stale: list[int] = field(default_factory=list)
    """Own orders that a read did not find, though nobody said that they were lost."""
    reads: list[float] = field(default_factory=list)
    """When each read was answered."""
    failed_reads: list[Exception] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    """What else the workers were told, by the name of the error."""
    broken: list[Exception] = field(default_factory=list)
    """What nobody should ever see."""

    def go_on_for(self, seconds: float) -> None:
        """Let so much time pass, and as many orders be acknowledged as tell something: threads that starve place few."""
        enough = len(self.acknowledged) + ORDERS_A_PHASE
        time.sleep(seconds)
        limit = time.monotonic() + SPARE_SECONDS
        while len(self.acknowledged) < enough:
            assert time.monotonic() < limit, "hardly any order is taken"
            time.sleep(BACKOFF_SECONDS)

    def await_order_after(self, moment: float) -> float:
        """Wait for the first order that is acknowledged after a moment; seconds from then until it was."""
        limit = time.monotonic() + SPARE_SECONDS
        while time.monotonic() < limit:
            later = [order.at for order in list(self.acknowledged) if order.at > moment]
            if later:
                return min(later) - moment
            time.sleep(BACKOFF_SECONDS)
        return math.inf

    @property
    def numbers(self) -> set[int]:
        """Acknowledged orders."""
        return {order.number for order in self.acknowledged}


class Load:
    """Workers that place orders and look whether they are there, until it is left. Use it with `with`.

    Each order is placed in a session of its own, which looks for it twice at once and perhaps again later.

    Args:
        shop: What they all share, as the threads of one process do.
        workers: How many.
        pause_seconds: Of each worker between two orders.
    """

    def __init__(self, shop: Shop, *, workers: int = WORKERS, pause_seconds: float = 0.005) -> None:
        self.account = Account()
        self._shop = shop
        self._pause = pause_seconds
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(number,), daemon=True) for number in range(workers)]

    def __enter__(self) -> Account:
        for thread in self._threads:
            thread.start()
        return self.account

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        until = time.monotonic() + SPARE_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        assert error is not None or not any(thread.is_alive() for thread in self._threads), "a worker hangs"

    def _work(self, worker: int) -> None:
        earlier: deque[Order] = deque(maxlen=KEPT)
        number = worker * NUMBERS
        while not self._ended.is_set():
            number += 1
            try:
                order = self._place(number)
                if order is not None:
                    earlier.append(order)
                if earlier:
                    self._return_for(random.choice(earlier))
            except Exception as error:  # noqa: BLE001 - whatever it is, the test wants to see it
                self.account.broken.append(error)
            time.sleep(self._pause)

    def _place(self, number: int) -> Order | None:
        account = self.account
        with consistency_scope() as session:
            try:
                self._shop.place(number)
            except NoWriterAvailable as error:
                account.refused[type(error).__name__] += 1
                time.sleep(BACKOFF_SECONDS)
                return None
            except DatabaseInterrupted as error:
                if error.safe_to_retry:
                    account.refused["DatabaseInterrupted, nothing done"] += 1
                else:
                    account.doubtful.append(number)
                time.sleep(BACKOFF_SECONDS)
                return None
            order = Order(number, time.monotonic(), session.tokens.all())
            account.acknowledged.append(order)
            self._look(number)
            self._look(number)
            return order

    def _return_for(self, order: Order) -> None:
        with consistency_scope(*order.tokens):
            self._look(order.number)

    def _look(self, number: int) -> None:
        account = self.account
        try:
            found = self._shop.has(number)
        except WriteLost as error:
            account.lost.append(number)
            if error.certain:
                account.certainly_lost.append(number)
            return
        except (NoReaderAvailable, NoWriterAvailable, DatabaseInterrupted) as error:
            account.failed_reads.append(error)
            time.sleep(BACKOFF_SECONDS)
            return
        account.reads.append(time.monotonic())
        if not found and number not in account.lost:
            account.stale.append(number)


def reported_lost(shop: Shop, order: Order) -> WriteLost | None:
    """What the session of an order is told of its loss, if anything; it must not simply be missing."""
    with consistency_scope(*order.tokens):
        try:
            found = shop.has(order.number)
        except WriteLost as error:
            return error
    assert found, f"order {order.number} is missing, and nobody says so"
    return None
