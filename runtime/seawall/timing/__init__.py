"""How long a failure lasts: predictions as sums of terms, each with a typical value, a worst value and a source.

Pure arithmetic, no resources; all times are seconds. `_model` holds what a prediction is, `_dns` the terms of a DNS
failover with their sources. Terms of promotion, replication and capacity join them as modules of their own.
"""

from seawall.timing._dns import (
    ALIAS_TTL_SECONDS,
    CHECK_INTERVALS_SECONDS,
    LARGEST_FAILOVER_TTL_SECONDS,
    LARGEST_FAILURE_THRESHOLD,
    SHORTEST_ALARM_PERIOD_SECONDS,
    HealthCheckProtocol,
    alarm_detection,
    alias_ttl,
    calculated_detection,
    check_interval,
    check_threshold,
    client_caches,
    declared_detection,
    endpoint_detection,
    largest_ttl_affordable,
    load_balancer_detection,
    probe_timeout_seconds,
    record_ttl,
    undeclared_detection,
)
from seawall.timing._model import FailureClass, Measure, Path, Prediction, Source, Term, arithmetic

__all__ = [
    "ALIAS_TTL_SECONDS",
    "CHECK_INTERVALS_SECONDS",
    "LARGEST_FAILOVER_TTL_SECONDS",
    "LARGEST_FAILURE_THRESHOLD",
    "SHORTEST_ALARM_PERIOD_SECONDS",
    "FailureClass",
    "HealthCheckProtocol",
    "Measure",
    "Path",
    "Prediction",
    "Source",
    "Term",
    "alarm_detection",
    "alias_ttl",
    "arithmetic",
    "calculated_detection",
    "check_interval",
    "check_threshold",
    "client_caches",
    "declared_detection",
    "endpoint_detection",
    "largest_ttl_affordable",
    "load_balancer_detection",
    "probe_timeout_seconds",
    "record_ttl",
    "undeclared_detection",
]
