"""Requests held against an objective, since the process started."""

from typing import Final, final

from seawall.instrumentation._exchange import SERVER_ERROR, Exchange
from seawall.slo import ErrorBudget, Slo

__all__ = ["RequestTally"]


@final
class RequestTally:
    """Counts the requests that an SLO judges: bad is a 5xx, or with `latency_seconds` what took longer.

    The same as the alert rules ask Prometheus for, so that both tell one story. For one event loop.

    Args:
        slo: The objective.
    """

    __slots__ = ("_bad", "_requests", "slo")

    def __init__(self, slo: Slo) -> None:
        self.slo: Final = slo
        self._requests = 0
        self._bad = 0

    def note(self, exchange: Exchange) -> None:
        """One more request."""
        limit = self.slo.latency_seconds
        self._bad += exchange.status >= SERVER_ERROR if limit is None else exchange.seconds > limit
        self._requests += 1  # last: whoever reads in between must not see more bad ones than there are

    @property
    def budget(self) -> ErrorBudget:
        """What they have done to the budget."""
        requests = self._requests
        return ErrorBudget(slo=self.slo, requests=requests, bad=min(self._bad, requests))
