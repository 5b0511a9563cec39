"""Health: whether this process runs, whether it can serve, and what it found.

```python
health = HealthRegistry()
health.liveness(MemoryCheck())
health.readiness(DatabaseCheck(engine.connect), critical=True, timeout_seconds=0.5, ttl_seconds=5.0)
app.add_middleware(HealthMiddleware, registry=health)
```

| path | who asks | 503 when |
| --- | --- | --- |
| `/livez` | whoever restarts the process | a `SelfCheck` fails: a restart would help |
| `/startupz` | whoever waits for the start | a startup check has not passed yet |
| `/readyz` | whoever sends it requests | a critical check fails, it has not started, or it is draining |
| `/regionz` | Route 53 | a critical check that is not `shared` fails: another region would do better |
| `/health` | people, clients that choose an endpoint | a critical check fails, or it is draining |

What holds, for any number of simultaneous probes: a check runs once at a time and at most once per `ttl_seconds`; no
answer waits longer than `total_timeout_seconds`; an answer's results are at most `ttl_seconds + timeout_seconds` old.
"""

from seawall.errors import DependencyInLiveness
from seawall.health._app import HealthApp, HealthMiddleware, health_app
from seawall.health._checks import BreakerCheck, Check, DatabaseCheck, DiskCheck, HttpCheck, RedisCheck, SelfCheck
from seawall.health._drain import draining_on_signals
from seawall.health._memory import MemoryCheck, MemoryUse, memory_use
from seawall.health._openapi import health_openapi
from seawall.health._registry import CheckSnapshot, HealthRegistry, HealthReport, Probe, Status
from seawall.health._runner import CheckResult, Outcome

__all__ = [
    "BreakerCheck",
    "Check",
    "CheckResult",
    "CheckSnapshot",
    "DatabaseCheck",
    "DependencyInLiveness",
    "DiskCheck",
    "HealthApp",
    "HealthMiddleware",
    "HealthRegistry",
    "HealthReport",
    "HttpCheck",
    "MemoryCheck",
    "MemoryUse",
    "Outcome",
    "Probe",
    "RedisCheck",
    "SelfCheck",
    "Status",
    "draining_on_signals",
    "health_app",
    "health_openapi",
    "memory_use",
]
