"""What is measured, whatever it is exported with: requests, and what the runtime's objects count.

`seawall.metrics` (Prometheus) and `seawall.metrics_otel` (OpenTelemetry) are built on it; apps use one of those.
"""

from seawall.instrumentation._budget import RequestTally
from seawall.instrumentation._exchange import PROBE_ROUTES, Exchange, Recorder, RequestMeter
from seawall.instrumentation._readings import READ_METRICS, Reading, Source, added_up, buses_of, readings_of
from seawall.instrumentation._route import RouteFinder

__all__ = [
    "PROBE_ROUTES",
    "READ_METRICS",
    "Exchange",
    "Reading",
    "Recorder",
    "RequestMeter",
    "RequestTally",
    "RouteFinder",
    "Source",
    "added_up",
    "buses_of",
    "readings_of",
]
