"""Pulumi components for services that live in more than one AWS region."""

from pulumi_seawall._database_args import (
    DatabaseAlarmsArgs,
    DatabaseEngine,
    DatabaseMemberArgs,
    DatabaseRecoveryArgs,
    LagMeasure,
    MissingData,
    ReplicatedDatabaseArgs,
    SpanArgs,
    WaiverArgs,
    WriterNameArgs,
)
from pulumi_seawall._database_members import DatabaseMemberPlan
from pulumi_seawall._database_names import instance_identifier
from pulumi_seawall._database_plan import DatabasePlan, plan_database
from pulumi_seawall._failover_args import (
    FailoverImportIds,
    FailoverRecordArgs,
    LoadBalancerArgs,
    ObjectiveExceptionArgs,
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
from pulumi_seawall._topology_args import (
    PublishedBackoffArgs,
    PublishedBreakerArgs,
    PublishedClusterArgs,
    PublishedDatabaseArgs,
    PublishedEndpointArgs,
    PublishedMemberArgs,
    PublishedTopologyArgs,
)
from pulumi_seawall._topology_plan import TopologyPlan, plan_published_topology, topology_args
from pulumi_seawall.failover_record import FailoverRecord
from pulumi_seawall.health_check import HealthCheck
from pulumi_seawall.published_topology import PublishedTopology
from pulumi_seawall.replicated_database import ReplicatedDatabase
from seawall.timing import HealthCheckProtocol

__all__ = [
    "AlarmCheckArgs",
    "AlarmComparison",
    "AlarmDefinitionArgs",
    "AlarmStatistic",
    "CalculatedCheckArgs",
    "DatabaseAlarmsArgs",
    "DatabaseEngine",
    "DatabaseMemberArgs",
    "DatabaseMemberPlan",
    "DatabasePlan",
    "DatabaseRecoveryArgs",
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
    "LagMeasure",
    "LoadBalancerArgs",
    "MissingData",
    "ObjectiveExceptionArgs",
    "ObjectivesArgs",
    "PredictedRecovery",
    "PredictedTerm",
    "PublishedBackoffArgs",
    "PublishedBreakerArgs",
    "PublishedClusterArgs",
    "PublishedDatabaseArgs",
    "PublishedEndpointArgs",
    "PublishedMemberArgs",
    "PublishedTopology",
    "PublishedTopologyArgs",
    "RecordTarget",
    "ReplicatedDatabase",
    "ReplicatedDatabaseArgs",
    "SpanArgs",
    "TopologyPlan",
    "WaiverArgs",
    "WriterNameArgs",
    "instance_identifier",
    "plan_database",
    "plan_failover",
    "plan_health_check",
    "plan_published_topology",
    "topology_args",
]
