"""Pulumi components for services that live in more than one AWS region."""

from pulumi_seawall._failover_args import (
    FailoverImportIds,
    FailoverRecordArgs,
    LoadBalancerArgs,
    ObjectivesArgs,
    RecordTarget,
)
from pulumi_seawall._failover_plan import FailoverPlan, plan_failover
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
from pulumi_seawall._health_plan import HealthCheckPlan, plan_health_check
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
    "FailoverPlan",
    "FailoverRecord",
    "FailoverRecordArgs",
    "HealthCheck",
    "HealthCheckArgs",
    "HealthCheckPlan",
    "HealthCheckProtocol",
    "InsufficientData",
    "LoadBalancerArgs",
    "ObjectivesArgs",
    "PredictedRecovery",
    "PredictedTerm",
    "RecordTarget",
    "plan_failover",
    "plan_health_check",
]
