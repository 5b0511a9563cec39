"""The payment dependency: somebody else's API, behind a circuit breaker. Without it orders wait, and are not refused."""

from typing import Final

import httpx

from seawall.breaker import CallNotPermitted, CircuitBreaker

__all__ = ["Payments"]

TIMEOUT_SECONDS: Final = 2.0


class Payments:
    """Charges orders, or says that it could not.

    Args:
        url: The API; `None`: there is none, and nothing is charged.
        breaker: Guards it.
    """

    def __init__(self, url: str | None, breaker: CircuitBreaker) -> None:
        self._client = None if url is None else httpx.AsyncClient(base_url=url, timeout=TIMEOUT_SECONDS)
        self._breaker = breaker

    async def charge(self, order: str, cents: int) -> bool:
        """Whether the order is paid now. If not, it is to be charged later, under the same key."""
        if self._client is None:
            return False
        try:
            await self._breaker.acall(self._charge, self._client, order, cents)
        except (CallNotPermitted, httpx.HTTPError):
            return False
        return True

    @staticmethod
    async def _charge(client: httpx.AsyncClient, order: str, cents: int) -> None:
        # The order's number is the key by which the API recognizes a charge that it has had before.
        answer = await client.post("/charges", json={"cents": cents}, headers={"Idempotency-Key": order})
        answer.raise_for_status()

    async def close(self) -> None:
        """Close its connections."""
        if self._client is not None:
            await self._client.aclose()
