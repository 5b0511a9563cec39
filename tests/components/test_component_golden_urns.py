"""The URNs of every component's children are kept: a changed name or type would replace what it names.

When a rename is meant, the child gets `aliases` with its old name and the golden list is written anew with
`SEAWALL_UPDATE_GOLDEN=1 pytest tests/components`.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

import pulumi_seawall
from asked_metrics import dashboards_args
from backup_samples import plan_args, replication_args
from monitoring_args import alert_rules_args, escalation_args, slo_args, watchdog_args
from observers_args import observers_args
from rollout_args import ONE_CLUSTER, rollout_args
from topology_documents import shop

GOLDEN = Path(__file__).parent / "golden"
TOPIC = "arn:aws:sns:us-east-1:123456789012:oncall"


def full_side(region: str, *addresses: str) -> dict[str, Any]:
    """A side with everything that a side can declare."""
    return {
        "region": region,
        "addresses": list(addresses),
        "regional_name": f"{region}.shop.example.com",
        "health_check": {"protocol": "HTTPS", "path": "/livez"},
    }


def failover_record() -> pulumi_seawall.FailoverRecord:
    """A pair with everything that a `FailoverRecord` can declare."""
    args: Any = {
        "zone_id": "Z0123456789ABC",
        "name": "shop.example.com",
        "primary": full_side("ap-northeast-1", "192.0.2.10", "2001:db8::10"),
        "secondary": full_side("us-west-2", "198.51.100.10", "2001:db8::20"),
        "alarm_actions": [TOPIC],
    }
    return pulumi_seawall.FailoverRecord("shop", args)


def fault_experiment() -> pulumi_seawall.FaultExperiment:
    """A zone's loss with everything that a `FaultExperiment` can declare."""
    args: Any = {
        "kind": "zone_loss",
        "region": "eu-west-1",
        "account_id": "123456789012",
        "environment": "staging",
        "allowed_environments": ["staging"],
        "stop_alarms": ["arn:aws:cloudwatch:eu-west-1:123456789012:alarm:shop-errors"],
        "fleet_size": 6,
        "in_zone": 2,
        "zone": "eu-west-1a",
        "duration_seconds": 1800,
    }
    return pulumi_seawall.FaultExperiment("lose-a-zone", args)


def health_check() -> pulumi_seawall.HealthCheck:
    """A check with its alarm."""
    args: Any = {"endpoint": {"protocol": "HTTPS", "fqdn": "tokyo.example.com", "path": "/livez"}}
    return pulumi_seawall.HealthCheck("tokyo", args)


def replicated_database() -> pulumi_seawall.ReplicatedDatabase:
    """Two members with everything that a `ReplicatedDatabase` can declare."""
    members = [
        {
            "region": region,
            "instance_class": "db.r6g.large",
            "vpc_id": f"vpc-{region}",
            "subnet_ids": [f"subnet-{region}-a", f"subnet-{region}-b"],
            "allowed_cidrs": ["10.0.0.0/16"],
        }
        for region in ("ap-northeast-1", "us-west-2")
    ]
    args: Any = {
        "engine": "mysql",  # has one alarm more than PostgreSQL
        "engine_version": "8.4",
        "members": members,
        "writer": "ap-northeast-1",
        "created_in": "ap-northeast-1",
        "database_name": "shop",
        "username": "shop",
        "password": "correct-horse-battery",
        "storage_gib": 100,
        "max_connections": 500,
        "alarms": {"missing_data": "breaching"},
        "writer_name": {"name": "db.shop.internal", "zone_name": "shop.internal"},
    }
    return pulumi_seawall.ReplicatedDatabase("shop", args)


def pipeline_identity() -> pulumi_seawall.PipelineIdentity:
    """Both roles, the issuer's provider and every policy."""
    args: Any = {
        "account_id": "123456789012",
        "regions": ["eu-west-1"],
        "preview": {"subjects": ["repo:acme/shop:pull_request"]},
        "deploy": {"subjects": ["repo:acme/shop:environment:prod"]},
        "name_prefixes": ["seawall-prod"],
    }
    return pulumi_seawall.PipelineIdentity("ci", args)


def published_topology() -> pulumi_seawall.PublishedTopology:
    """A document in three regions, two of which have a cluster."""
    args = pulumi_seawall.topology_args(
        shop(),
        clusters=[{"region": "eu-west-1", "context": "eu"}, {"region": "us-east-1", "context": "us"}],
    )
    return pulumi_seawall.PublishedTopology("shop", args)


def backup_plan() -> pulumi_seawall.BackupPlan:
    """Everything that a `BackupPlan` can declare."""
    settings = {"opt_in": {"RDS": True, "DynamoDB": True}}
    args = plan_args(resource_types=["RDS", "DynamoDB"])
    args["vaults"][0] |= settings
    return pulumi_seawall.BackupPlan("shop", args)


def weighted_record() -> pulumi_seawall.WeightedRecord:
    """Two entries of both families, each with everything that an entry can declare."""
    entries = [
        {"name": name, "weight": weight, "target": full_side(region, *addresses)}
        for name, weight, region, *addresses in (
            ("blue", 3, "ap-northeast-1", "192.0.2.10", "2001:db8::10"),
            ("green", 0, "us-west-2", "198.51.100.10", "2001:db8::20"),
        )
    ]
    args: Any = {"zone_id": "Z0123456789ABC", "name": "shop.example.com", "entries": entries}
    return pulumi_seawall.WeightedRecord("shop", args)


def latency_record() -> pulumi_seawall.LatencyRecord:
    """Two regions, each with everything that an entry can declare."""
    entries = [
        {"name": region, "target": full_side(region, address)}
        for region, address in (("ap-northeast-1", "192.0.2.10"), ("us-west-2", "198.51.100.10"))
    ]
    args: Any = {"zone_id": "Z0123456789ABC", "name": "shop.example.com", "entries": entries}
    return pulumi_seawall.LatencyRecord("shop", args)


def backup_replication() -> pulumi_seawall.BackupReplication:
    """With a key of its own."""
    return pulumi_seawall.BackupReplication("shop", replication_args())


def workload_identity() -> pulumi_seawall.WorkloadIdentity:
    """A role that pods of two clusters take."""
    pods = [
        {"region": region, "cluster_name": "shop", "namespace": "shop", "service_account": "shop"}
        for region in ("eu-west-1", "us-east-1")
    ]
    args: Any = {
        "purpose": "app",
        "service": "shop",
        "environment": "prod",
        "account_id": "123456789012",
        "regions": ["eu-west-1", "us-east-1"],
        "pods": pods,
    }
    return pulumi_seawall.WorkloadIdentity("shop-app", args)


def failover_switch() -> pulumi_seawall.FailoverSwitch:
    """The switch that declares most: a cluster, a panel, two controls, a safety rule and two checks."""
    args: Any = {"primary_region": "ap-northeast-1", "standby_region": "us-west-2", "routing_control": {}}
    return pulumi_seawall.FailoverSwitch("shop", args)


def alert_rules() -> pulumi_seawall.AlertRules:
    """In two clusters, with a provider each."""
    return pulumi_seawall.AlertRules("shop", alert_rules_args())


def dashboards() -> pulumi_seawall.Dashboards:
    """In two clusters, with a provider each."""
    return pulumi_seawall.Dashboards("shop", dashboards_args())


def service_level_objective() -> pulumi_seawall.ServiceLevelObjective:
    """In two clusters, with a provider each."""
    return pulumi_seawall.ServiceLevelObjective("shop", slo_args())


def watchdog() -> pulumi_seawall.Watchdog:
    """In two clusters, with a provider each."""
    return pulumi_seawall.Watchdog("shop", watchdog_args())


def canary_rollout() -> pulumi_seawall.CanaryRollout:
    """In two clusters, with everything that a `CanaryRollout` can declare; a second one with a route."""
    gateway = {"gateway_api": {"gateway": "public"}}
    pulumi_seawall.CanaryRollout("routed", rollout_args(router=gateway, monitoring__clusters=ONE_CLUSTER))
    scaling = {"minimum_replicas": 3, "maximum_replicas": 9}
    return pulumi_seawall.CanaryRollout("shop", rollout_args(autoscaling=scaling))


def failover_arbiter() -> pulumi_seawall.FailoverArbiter:
    """The three tables."""
    return pulumi_seawall.FailoverArbiter("shop", {"region": "eu-north-1", "regions": ["eu-west-1", "eu-central-1"]})


def failover_observers() -> pulumi_seawall.FailoverObservers:
    """In two clusters, with everything that `FailoverObservers` can declare."""
    return pulumi_seawall.FailoverObservers("shop", observers_args())


def escalation() -> pulumi_seawall.Escalation:
    """Routes in two clusters."""
    return pulumi_seawall.Escalation("shop", escalation_args())


COMPONENTS = {
    "AlertRules": alert_rules,
    "BackupReplication": backup_replication,
    "BackupPlan": backup_plan,
    "CanaryRollout": canary_rollout,
    "Escalation": escalation,
    "Dashboards": dashboards,
    "FailoverArbiter": failover_arbiter,
    "FailoverObservers": failover_observers,
    "FailoverRecord": failover_record,
    "FailoverSwitch": failover_switch,
    "FaultExperiment": fault_experiment,
    "HealthCheck": health_check,
    "LatencyRecord": latency_record,
    "PipelineIdentity": pipeline_identity,
    "PublishedTopology": published_topology,
    "ReplicatedDatabase": replicated_database,
    "ServiceLevelObjective": service_level_objective,
    "Watchdog": watchdog,
    "WeightedRecord": weighted_record,
    "WorkloadIdentity": workload_identity,
}


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_urns_of_a_component_are_those_of_the_golden_list(component, deploy):
    """A renamed child is a deleted record and a new one: an outage made by a refactoring."""
    urns = deploy(COMPONENTS[component]).urns
    golden = GOLDEN / f"{component}.json"
    if os.environ.get("SEAWALL_UPDATE_GOLDEN"):
        golden.write_text(json.dumps(urns, indent=2) + "\n", encoding="utf-8")
    assert urns == json.loads(golden.read_text(encoding="utf-8"))


def test_every_component_has_a_golden_list():
    """A new component cannot come without one."""
    components = {name for name in pulumi_seawall.__all__ if hasattr(getattr(pulumi_seawall, name), "register_outputs")}
    assert components == set(COMPONENTS) == {path.stem for path in GOLDEN.glob("[A-Z]*.json")}


def test_the_order_of_arguments_does_not_change_names(deploy):
    """Names follow from roles and families, not from positions."""

    def program() -> pulumi_seawall.FailoverRecord:
        args: Any = {
            "secondary": full_side("us-west-2", "2001:db8::20", "198.51.100.10"),
            "primary": full_side("ap-northeast-1", "2001:db8::10", "192.0.2.10"),
            "alarm_actions": [TOPIC],
            "name": "shop.example.com",
            "zone_id": "Z0123456789ABC",
        }
        return pulumi_seawall.FailoverRecord("shop", args)

    assert deploy(program).urns == json.loads((GOLDEN / "FailoverRecord.json").read_text(encoding="utf-8"))
