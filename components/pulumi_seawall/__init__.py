"""Pulumi components for services that live in more than one AWS region."""

from pulumi_seawall._failover_args import (
    FailoverImportIds,
    FailoverRecordArgs,
    LoadBalancerArgs,
    ObjectivesArgs,
    RecordTarget,
)
from pulumi_seawall._health_args import (
    AlarmCheckArgs,
    AlarmComparison,
    AlarmDefinitionArgs,
    AlarmStatistic,
    CalculatedCheckArgs,
    DetectionArgs,
    EndpointCheckArgs,
    HealthCheckArgs,
    InsufficientData,
    PredictedRecovery,
    PredictedTerm,
)
from pulumi_seawall.failover_record import FailoverRecord
from pulumi_seawall.health_check import HealthCheck
from seawall.timing import HealthCheckProtocol

__all__ = [
    "AlarmCheckArgs",
    "AlarmComparison",
    "AlarmDefinitionArgs",
    "AlarmStatistic",
    "CalculatedCheckArgs",
    "DetectionArgs",
    "EndpointCheckArgs",
    "FailoverImportIds",
    "FailoverRecord",
    "FailoverRecordArgs",
    "HealthCheck",
    "HealthCheckArgs",
    "HealthCheckProtocol",
    "InsufficientData",
    "LoadBalancerArgs",
    "ObjectivesArgs",
    "PredictedRecovery",
    "PredictedTerm",
    "RecordTarget",
]
