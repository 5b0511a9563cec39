"""Pulumi components for services that live in more than one AWS region."""

from pulumi_seawall._alert_timing import PredictedAlert
from pulumi_seawall._backup_args import (
    BackupCopyArgs,
    BackupPlanArgs,
    BackupRecoveryArgs,
    BackupResourceType,
    BackupRoleImportIds,
    BackupRuleArgs,
    BackupSourceArgs,
    BackupSourceImportIds,
    BackupVaultArgs,
    BackupVaultImportIds,
    RestoreAlgorithm,
    RestoreTestingArgs,
    VaultLockArgs,
    VaultLockMode,
)
from pulumi_seawall._backup_plan import PlannedBackups, plan_backups
from pulumi_seawall._canary_analysis_args import CanaryAnalysisArgs, CanaryJudgement, CanaryLook
from pulumi_seawall._database_args import (
    DatabaseAlarmsArgs,
    DatabaseEngine,
    DatabaseMemberArgs,
    DatabaseRecoveryArgs,
    LagMeasure,
    MissingData,
    ReplicatedDatabaseArgs,
    SpanArgs,
    WriterNameArgs,
)
from pulumi_seawall._database_members import DatabaseMemberPlan
from pulumi_seawall._database_names import instance_identifier
from pulumi_seawall._database_plan import DatabasePlan, plan_database
from pulumi_seawall._failover_args import (
    FailoverImportIds,
    FailoverRecordArgs,
    GroupTargetArgs,
    LoadBalancerArgs,
    ObjectiveExceptionArgs,
    ObjectivesArgs,
    RecordTarget,
    WaiverArgs,
)
from pulumi_seawall._failover_plan import FailoverPlan, plan_failover
from pulumi_seawall._fault_args import (
    FaultExceptionArgs,
    FaultExperimentArgs,
    FaultExperimentImportIds,
    FaultKind,
    FaultLimit,
    NetworkScope,
    ZonePart,
)
from pulumi_seawall._fault_plan import FaultPlan, plan_fault
from pulumi_seawall._group_args import (
    EntryImportIds,
    LatencyEntryArgs,
    LatencyRecordArgs,
    WeightedEntryArgs,
    WeightedRecordArgs,
)
from pulumi_seawall._group_plan import GroupPlan, plan_latency, plan_weighted
from pulumi_seawall._health_args import (
    AlarmCheckArgs,
    AlarmComparison,
    AlarmDefinitionArgs,
    AlarmStatistic,
    CalculatedCheckArgs,
    CalculatedRule,
    DetectionArgs,
    EndpointCheckArgs,
    HealthCheckArgs,
    InsufficientData,
    PredictedRecovery,
    PredictedTerm,
)
from pulumi_seawall._health_plan import HealthCheckPlan, plan_health_check
from pulumi_seawall._identity_args import (
    BranchPatternArgs,
    DatabaseLoginArgs,
    DatabaseRefArgs,
    PipelineIdentityArgs,
    PipelineImportIds,
    PipelineStateArgs,
    PipelineSubjectsArgs,
    PodArgs,
    WorkloadIdentityArgs,
    WorkloadImportIds,
    WorkloadPurpose,
)
from pulumi_seawall._kubernetes_args import KubernetesTargetArgs, KubernetesTargetKind
from pulumi_seawall._monitoring_args import (
    AlertRulesArgs,
    MonitoredClusterArgs,
    MonitoringArgs,
    ServiceLevelObjectiveArgs,
    WatchdogArgs,
)
from pulumi_seawall._monitoring_plan import (
    MonitoringPlan,
    RulesPlan,
    SloPlan,
    WatchdogPlan,
    plan_alert_rules,
    plan_service_level_objective,
    plan_watchdog,
)
from pulumi_seawall._pipeline_plan import PipelinePlan, plan_pipeline_identity
from pulumi_seawall._replication_args import BackupReplicationArgs, BackupReplicationImportIds
from pulumi_seawall._replication_plan import ReplicationPlan, plan_replication
from pulumi_seawall._rollout_args import (
    AdoptedDeploymentArgs,
    AlbRouterArgs,
    AutoscalingArgs,
    CanaryRolloutArgs,
    CanaryRouterArgs,
    CanaryStepArgs,
    ContainerResourcesArgs,
    DrainBy,
    GatewayRouterArgs,
    IstioRouterArgs,
    MountedTopologyArgs,
    ScaleDown,
    SecretKeyArgs,
    ZoneSpread,
)
from pulumi_seawall._rollout_plan import RolloutPlan, plan_canary_rollout
from pulumi_seawall._switch_args import (
    FailoverSwitchArgs,
    SwitchArgs,
    SwitchedRegionImportIds,
    SwitchImportIds,
    SwitchObjectArgs,
    SwitchRoutingControlArgs,
)
from pulumi_seawall._switch_plan import ObjectPlan, RoutingControlPlan, SwitchPlan, plan_switch
from pulumi_seawall._targets import TargetPlan
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
from pulumi_seawall._workload_plan import WorkloadPlan, plan_workload_identity
from pulumi_seawall.alert_rules import AlertRules
from pulumi_seawall.backup_plan import BackupPlan
from pulumi_seawall.backup_replication import BackupReplication
from pulumi_seawall.canary_rollout import CanaryRollout
from pulumi_seawall.failover_record import FailoverRecord
from pulumi_seawall.failover_switch import FailoverSwitch
from pulumi_seawall.fault_experiment import FaultExperiment
from pulumi_seawall.health_check import HealthCheck
from pulumi_seawall.latency_record import LatencyRecord
from pulumi_seawall.pipeline_identity import PipelineIdentity
from pulumi_seawall.published_topology import PublishedTopology
from pulumi_seawall.replicated_database import ReplicatedDatabase
from pulumi_seawall.service_level_objective import ServiceLevelObjective
from pulumi_seawall.watchdog import Watchdog
from pulumi_seawall.weighted_record import WeightedRecord
from pulumi_seawall.workload_identity import WorkloadIdentity
from seawall.slo import NoData
from seawall.timing import HealthCheckProtocol

__all__ = [
    "AdoptedDeploymentArgs",
    "AlarmCheckArgs",
    "AlarmComparison",
    "AlarmDefinitionArgs",
    "AlarmStatistic",
    "AlbRouterArgs",
    "AlertRules",
    "AlertRulesArgs",
    "AutoscalingArgs",
    "BackupCopyArgs",
    "BackupPlan",
    "BackupPlanArgs",
    "BackupRecoveryArgs",
    "BackupReplication",
    "BackupReplicationArgs",
    "BackupReplicationImportIds",
    "BackupResourceType",
    "BackupRoleImportIds",
    "BackupRuleArgs",
    "BackupSourceArgs",
    "BackupSourceImportIds",
    "BackupVaultArgs",
    "BackupVaultImportIds",
    "BranchPatternArgs",
    "CalculatedCheckArgs",
    "CalculatedRule",
    "CanaryAnalysisArgs",
    "CanaryJudgement",
    "CanaryLook",
    "CanaryRollout",
    "CanaryRolloutArgs",
    "CanaryRouterArgs",
    "CanaryStepArgs",
    "ContainerResourcesArgs",
    "DatabaseAlarmsArgs",
    "DatabaseEngine",
    "DatabaseLoginArgs",
    "DatabaseMemberArgs",
    "DatabaseMemberPlan",
    "DatabasePlan",
    "DatabaseRecoveryArgs",
    "DatabaseRefArgs",
    "DetectionArgs",
    "DrainBy",
    "EndpointCheckArgs",
    "EntryImportIds",
    "FailoverImportIds",
    "FailoverPlan",
    "FailoverRecord",
    "FailoverRecordArgs",
    "FailoverSwitch",
    "FailoverSwitchArgs",
    "FaultExceptionArgs",
    "FaultExperiment",
    "FaultExperimentArgs",
    "FaultExperimentImportIds",
    "FaultKind",
    "FaultLimit",
    "FaultPlan",
    "GatewayRouterArgs",
    "GroupPlan",
    "GroupTargetArgs",
    "HealthCheck",
    "HealthCheckArgs",
    "HealthCheckPlan",
    "HealthCheckProtocol",
    "InsufficientData",
    "IstioRouterArgs",
    "KubernetesTargetArgs",
    "KubernetesTargetKind",
    "LagMeasure",
    "LatencyEntryArgs",
    "LatencyRecord",
    "LatencyRecordArgs",
    "LoadBalancerArgs",
    "MissingData",
    "MonitoredClusterArgs",
    "MonitoringArgs",
    "MonitoringPlan",
    "MountedTopologyArgs",
    "NetworkScope",
    "NoData",
    "ObjectPlan",
    "ObjectiveExceptionArgs",
    "ObjectivesArgs",
    "PipelineIdentity",
    "PipelineIdentityArgs",
    "PipelineImportIds",
    "PipelinePlan",
    "PipelineStateArgs",
    "PipelineSubjectsArgs",
    "PlannedBackups",
    "PodArgs",
    "PredictedAlert",
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
    "ReplicationPlan",
    "RestoreAlgorithm",
    "RestoreTestingArgs",
    "RolloutPlan",
    "RoutingControlPlan",
    "RulesPlan",
    "ScaleDown",
    "SecretKeyArgs",
    "ServiceLevelObjective",
    "ServiceLevelObjectiveArgs",
    "SloPlan",
    "SpanArgs",
    "SwitchArgs",
    "SwitchImportIds",
    "SwitchObjectArgs",
    "SwitchPlan",
    "SwitchRoutingControlArgs",
    "SwitchedRegionImportIds",
    "TargetPlan",
    "TopologyPlan",
    "VaultLockArgs",
    "VaultLockMode",
    "WaiverArgs",
    "Watchdog",
    "WatchdogArgs",
    "WatchdogPlan",
    "WeightedEntryArgs",
    "WeightedRecord",
    "WeightedRecordArgs",
    "WorkloadIdentity",
    "WorkloadIdentityArgs",
    "WorkloadImportIds",
    "WorkloadPlan",
    "WorkloadPurpose",
    "WriterNameArgs",
    "ZonePart",
    "ZoneSpread",
    "instance_identifier",
    "plan_alert_rules",
    "plan_backups",
    "plan_canary_rollout",
    "plan_database",
    "plan_failover",
    "plan_fault",
    "plan_health_check",
    "plan_latency",
    "plan_pipeline_identity",
    "plan_published_topology",
    "plan_replication",
    "plan_service_level_objective",
    "plan_switch",
    "plan_watchdog",
    "plan_weighted",
    "plan_workload_identity",
    "topology_args",
]
