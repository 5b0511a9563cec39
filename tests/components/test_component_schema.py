"""The schema for other languages is inferred from the arguments; what cannot be inferred becomes silently empty."""

import json
import os
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.provider.experimental.component import ComponentProvider

import pulumi_seawall

GOLDEN = Path(__file__).parent / "golden" / "schema.json"
COMPONENTS: list[type[pulumi.ComponentResource]] = [
    pulumi_seawall.AlertRules,
    pulumi_seawall.BackupPlan,
    pulumi_seawall.BackupReplication,
    pulumi_seawall.CanaryRollout,
    pulumi_seawall.Escalation,
    pulumi_seawall.Dashboards,
    pulumi_seawall.HealthCheck,
    pulumi_seawall.FailoverArbiter,
    pulumi_seawall.FailoverObservers,
    pulumi_seawall.FailoverRecord,
    pulumi_seawall.FailoverSwitch,
    pulumi_seawall.WeightedRecord,
    pulumi_seawall.LatencyRecord,
    pulumi_seawall.FaultExperiment,
    pulumi_seawall.ReplicatedDatabase,
    pulumi_seawall.PipelineIdentity,
    pulumi_seawall.PublishedTopology,
    pulumi_seawall.ServiceLevelObjective,
    pulumi_seawall.Watchdog,
    pulumi_seawall.WorkloadIdentity,
]


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """What `pulumi package get-schema` would show."""
    return json.loads(ComponentProvider(COMPONENTS, "seawall", version="0.0.0").schema or "")


def test_every_component_is_in_the_schema(schema):
    """Inference over the whole package succeeds."""
    assert set(schema["resources"]) == {
        "seawall:index:AlertRules",
        "seawall:index:BackupPlan",
        "seawall:index:BackupReplication",
        "seawall:index:CanaryRollout",
        "seawall:index:Escalation",
        "seawall:index:FailoverArbiter",
        "seawall:index:FailoverObservers",
        "seawall:index:FailoverRecord",
        "seawall:index:FailoverSwitch",
        "seawall:index:FaultExperiment",
        "seawall:index:Dashboards",
        "seawall:index:HealthCheck",
        "seawall:index:LatencyRecord",
        "seawall:index:PipelineIdentity",
        "seawall:index:PublishedTopology",
        "seawall:index:ReplicatedDatabase",
        "seawall:index:ServiceLevelObjective",
        "seawall:index:Watchdog",
        "seawall:index:WeightedRecord",
        "seawall:index:WorkloadIdentity",
    }


def test_no_type_and_no_property_is_silently_empty(schema):
    """An empty type accepts nothing and says nothing."""
    for name, definition in schema["types"].items():
        assert definition.get("enum") or definition.get("properties"), name
    everything = {**schema["resources"], **schema["types"]}
    for name, definition in everything.items():
        for section in ("properties", "inputProperties"):
            for key, value in definition.get(section, {}).items():
                assert value.get("type") or value.get("$ref"), f"{name}.{key}"
                assert value.get("$ref") != "pulumi.json#/Any", f"{name}.{key}"


def test_every_argument_is_in_the_schema_with_a_description(schema):
    """What other languages see is what the TypedDict says, with its units."""
    for component, args in (
        ("AlertRules", pulumi_seawall.AlertRulesArgs),
        ("Dashboards", pulumi_seawall.DashboardsArgs),
        ("BackupPlan", pulumi_seawall.BackupPlanArgs),
        ("BackupReplication", pulumi_seawall.BackupReplicationArgs),
        ("CanaryRollout", pulumi_seawall.CanaryRolloutArgs),
        ("Escalation", pulumi_seawall.EscalationArgs),
        ("HealthCheck", pulumi_seawall.HealthCheckArgs),
        ("FailoverObservers", pulumi_seawall.FailoverObserversArgs),
        ("FailoverRecord", pulumi_seawall.FailoverRecordArgs),
        ("FailoverSwitch", pulumi_seawall.FailoverSwitchArgs),
        ("WeightedRecord", pulumi_seawall.WeightedRecordArgs),
        ("LatencyRecord", pulumi_seawall.LatencyRecordArgs),
        ("FaultExperiment", pulumi_seawall.FaultExperimentArgs),
        ("ReplicatedDatabase", pulumi_seawall.ReplicatedDatabaseArgs),
        ("PipelineIdentity", pulumi_seawall.PipelineIdentityArgs),
        ("PublishedTopology", pulumi_seawall.PublishedTopologyArgs),
        ("ServiceLevelObjective", pulumi_seawall.ServiceLevelObjectiveArgs),
        ("Watchdog", pulumi_seawall.WatchdogArgs),
        ("WorkloadIdentity", pulumi_seawall.WorkloadIdentityArgs),
    ):
        inputs = schema["resources"][f"seawall:index:{component}"]["inputProperties"]
        assert len(inputs) == len(args.__required_keys__ | args.__optional_keys__)
        assert all(value.get("description") for value in inputs.values()), component


def test_every_property_of_every_type_has_a_description(schema):
    """The pages of the manual, and other languages' editors, show nothing else: units, limits and what it is for."""
    everything = {**schema["resources"], **schema["types"]}
    bare = [
        f"{name}.{key}"
        for name, definition in everything.items()
        for section in ("properties", "inputProperties")
        for key, value in definition.get(section, {}).items()
        if not value.get("description")
    ]
    assert bare == []


def test_the_schema_is_the_committed_one(schema):
    """A changed schema breaks other languages: it changes on purpose, with `SEAWALL_UPDATE_GOLDEN=1`."""
    shown = json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    if os.environ.get("SEAWALL_UPDATE_GOLDEN"):
        GOLDEN.write_text(shown, encoding="utf-8")
    assert json.loads(shown) == json.loads(GOLDEN.read_text(encoding="utf-8"))
