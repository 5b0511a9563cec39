"""The endpoint selector: which of several endpoints the next call goes to.

```python
selector = EndpointSelector(
    [Endpoint("tokyo", "https://tokyo.shop.example"), Endpoint("osaka", "https://osaka.shop.example", role="standby")]
)
with selector.pick() as attempt:
    fetch(attempt.endpoint.url)
```

The words are Envoy's. See `docs/endpoint-selection.md` for how to choose the policies and numbers.
"""

from seawall.errors import NoEndpointAvailable
from seawall.selector._attempt import Attempt
from seawall.selector._events import (
    ActiveChanged,
    EndpointEjected,
    EndpointHealthChanged,
    EndpointRestored,
    EndpointsChanged,
    PanicChanged,
)
from seawall.selector._model import (
    ActivePassive,
    Endpoint,
    EndpointSnapshot,
    EndpointState,
    FailbackPolicy,
    OutlierDetection,
    PanicPolicy,
    Policy,
    PowerOfTwoChoices,
    RegionAffinity,
    SelectorSnapshot,
    SlowStart,
    WeightedRoundRobin,
)
from seawall.selector._selector import EndpointSelector
from seawall.selector._topology import FollowedTopology

__all__ = [
    "ActiveChanged",
    "ActivePassive",
    "Attempt",
    "Endpoint",
    "EndpointEjected",
    "EndpointHealthChanged",
    "EndpointRestored",
    "EndpointSelector",
    "EndpointSnapshot",
    "EndpointState",
    "EndpointsChanged",
    "FailbackPolicy",
    "FollowedTopology",
    "NoEndpointAvailable",
    "OutlierDetection",
    "PanicChanged",
    "PanicPolicy",
    "Policy",
    "PowerOfTwoChoices",
    "RegionAffinity",
    "SelectorSnapshot",
    "SlowStart",
    "WeightedRoundRobin",
]
