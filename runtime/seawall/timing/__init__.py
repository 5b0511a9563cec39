"""How long a failure lasts: predictions as sums of terms, each with a typical value, a worst value and a source.

Pure arithmetic, no resources; all times are seconds. `_model` holds what a prediction is, `_dns` the terms of a DNS
failover with their sources, `_database` and `_backup` those of a replicated database and its backups, `_cron` what AWS's
schedules mean, `_restores` what only a backup recovers from; `_measured` puts what drills measured in the place of what was assumed, and `_table` shows predictions side by side.
"""

from seawall.timing._backup import (
    BACKUP_SECONDS,
    COPY_SECONDS,
    DEFAULT_START_WINDOW_SECONDS,
    SHORTEST_BACKUP_INTERVAL_SECONDS,
    BackupSchedule,
    backup_recovery_point,
    longest_interval_affordable,
    longest_silence_seconds,
)
from seawall.timing._cron import Cron, cron_of, known_zone, longest_gap_seconds, parse_cron
from seawall.timing._database import (
    DEFAULT_LAG_LIMIT_SECONDS,
    DEFAULT_NAME_TTL_SECONDS,
    RESTORE_SECONDS,
    DatabasePredictions,
    lag_limit_affordable,
    predict_database,
)
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
from seawall.timing._measured import Measurement, with_measurements
from seawall.timing._model import FailureClass, Measure, Path, Prediction, Source, Term, Uncovered, arithmetic
from seawall.timing._restores import RECOVERED_BY_BACKUPS, predict_backups, predict_replicated_backups
from seawall.timing._table import prediction_table, slowest_of_each

__all__ = [
    "ALIAS_TTL_SECONDS",
    "BACKUP_SECONDS",
    "CHECK_INTERVALS_SECONDS",
    "COPY_SECONDS",
    "DEFAULT_LAG_LIMIT_SECONDS",
    "DEFAULT_NAME_TTL_SECONDS",
    "DEFAULT_START_WINDOW_SECONDS",
    "LARGEST_FAILOVER_TTL_SECONDS",
    "LARGEST_FAILURE_THRESHOLD",
    "RECOVERED_BY_BACKUPS",
    "RESTORE_SECONDS",
    "SHORTEST_ALARM_PERIOD_SECONDS",
    "SHORTEST_BACKUP_INTERVAL_SECONDS",
    "BackupSchedule",
    "Cron",
    "DatabasePredictions",
    "FailureClass",
    "HealthCheckProtocol",
    "Measure",
    "Measurement",
    "Path",
    "Prediction",
    "Source",
    "Term",
    "Uncovered",
    "alarm_detection",
    "alias_ttl",
    "arithmetic",
    "backup_recovery_point",
    "calculated_detection",
    "check_interval",
    "check_threshold",
    "client_caches",
    "cron_of",
    "declared_detection",
    "endpoint_detection",
    "known_zone",
    "lag_limit_affordable",
    "largest_ttl_affordable",
    "load_balancer_detection",
    "longest_gap_seconds",
    "longest_interval_affordable",
    "longest_silence_seconds",
    "parse_cron",
    "predict_backups",
    "predict_database",
    "predict_replicated_backups",
    "prediction_table",
    "probe_timeout_seconds",
    "record_ttl",
    "slowest_of_each",
    "undeclared_detection",
    "with_measurements",
]
