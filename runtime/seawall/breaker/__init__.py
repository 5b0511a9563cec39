"""The circuit breaker: stops calling a dependency that fails, and finds out with few calls when it is back.

```python
payments = CircuitBreaker("payments", CircuitBreakerConfig(slow_call_seconds=2.0))

@payments
async def charge(order): ...
```

The words are resilience4j's. See `docs/circuit-breaker.md` for how to choose the numbers.
"""

from seawall.breaker._breaker import BreakerSnapshot, CircuitBreaker, Permit
from seawall.breaker._config import CircuitBreakerConfig, OpenBackoff
from seawall.breaker._phases import State
from seawall.breaker._registry import CircuitBreakerRegistry
from seawall.errors import CallNotPermitted

__all__ = [
    "BreakerSnapshot",
    "CallNotPermitted",
    "CircuitBreaker",
    "CircuitBreakerConfig",
    "CircuitBreakerRegistry",
    "OpenBackoff",
    "Permit",
    "State",
]
