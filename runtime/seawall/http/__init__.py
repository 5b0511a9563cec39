"""httpx with endpoints, retries and a breaker, in one order: `retry(budget){ pick → admission → call → one outcome }`.

```python
client = httpx.Client(transport=SelectorTransport(selector), base_url="http://shop")
client.get("/orders")
```
"""

from seawall.errors import MissingExtra

try:
    from seawall.http._probing import HttpxProbe, probe_async
    from seawall.http._rules import IDEMPOTENT, RetryPolicy
    from seawall.http._transport import AsyncSelectorTransport, SelectorTransport
except ModuleNotFoundError as _missing:
    if _missing.name not in ("anyio", "httpx"):
        raise
    raise MissingExtra("httpx", feature="seawall.http") from _missing

__all__ = ["IDEMPOTENT", "AsyncSelectorTransport", "HttpxProbe", "RetryPolicy", "SelectorTransport", "probe_async"]
