"""Metrics for Prometheus, under the names of `seawall.contract`. Needs `seawall[metrics]`.

```python
app.add_middleware(MetricsMiddleware)
app.routes.append(Route("/metrics", metrics_app()))
watch(payments_breaker, selector, health)
```

Requests are counted as they end; what breakers, selectors and health checks count is read when somebody scrapes. In
prometheus_client's multi-process mode (`PROMETHEUS_MULTIPROC_DIR`) a scrape reaches one process only, so that the others
copy what they count into the shared files every few seconds.
"""

from seawall.errors import MissingExtra

try:
    import prometheus_client as _prometheus_client
except ImportError as _error:
    raise MissingExtra("metrics", feature="seawall.metrics") from _error

from seawall.metrics._app import MetricsApp, metrics_app
from seawall.metrics._middleware import MetricsMiddleware
from seawall.metrics._watch import Watch, watch

del _prometheus_client

__all__ = ["MetricsApp", "MetricsMiddleware", "Watch", "metrics_app", "watch"]
