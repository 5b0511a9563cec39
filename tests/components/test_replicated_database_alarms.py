"""Alarms and predictions of a `ReplicatedDatabase`."""

from typing import Any

import pytest

import pulumi_seawall
from database_args import OREGON, TOKYO, member, of_name, plan_of, shop, topic_of
from pulumi_seawall._database_alarms import member_alarms


@pytest.fixture
def declare(deploy):
    """Deploy a database called `shop`."""
    return lambda **more: deploy(lambda: pulumi_seawall.ReplicatedDatabase("shop", shop(**more)))


def alarm_of(plan_args: dict[str, Any], name: str) -> dict[str, Any]:
    plan = plan_of(**plan_args)
    one = of_name(plan, name)
    alarms = member_alarms(plan.limits, plan.engine, writes=one.writes, replicas=len(plan.replicas))
    return {alarm.purpose: alarm for alarm in alarms}


def test_alarms_live_in_the_members_region_watch_its_instance_and_say_what_missing_data_means(declare):
    """An alarm elsewhere sees nothing; one without a choice is silent when the metric is."""
    deployment = declare(members=[member("tokyo", TOKYO, alarm_actions=[topic_of(TOKYO)]), member("oregon", OREGON)])
    alarm = deployment.of("MetricAlarm")["shop-tokyo-cpu"].inputs
    assert alarm == {
        "region": TOKYO,
        "name": "seawall-test-shop-tokyo-cpu",
        "alarmDescription": "tokyo of shop uses more than 90 % of its CPU.",
        "namespace": "AWS/RDS",
        "metricName": "CPUUtilization",
        "dimensions": {"DBInstanceIdentifier": "seawall-test-shop-tokyo"},
        "statistic": "Average",
        "comparisonOperator": "GreaterThanThreshold",
        "threshold": 90,
        "period": 60,
        "evaluationPeriods": 5,
        "datapointsToAlarm": 5,
        "treatMissingData": "breaching",
        "alarmActions": [topic_of(TOKYO)],
        "okActions": [topic_of(TOKYO)],
        "insufficientDataActions": [topic_of(TOKYO)],
        "tags": {"Name": "shop", "seawall:component": "shop", "seawall:member": "tokyo"},
    }
    thresholds = {name: made.inputs["threshold"] for name, made in deployment.of("MetricAlarm").items()}
    assert thresholds["shop-tokyo-storage"] == 10 * 2**30  # a tenth of 100 GiB
    assert thresholds["shop-tokyo-connections"] == 400  # four fifths of 500
    assert deployment.of("MetricAlarm")["shop-oregon-lag"].inputs["region"] == OREGON


def test_lag_by_position_is_watched_on_the_writer_and_has_no_data_on_a_replica():
    """An idle PostgreSQL reports five minutes of lag in seconds, and none in bytes."""
    writer, replica = alarm_of({}, "tokyo")["lag"], alarm_of({}, "oregon")["lag"]
    assert (writer.metric, writer.threshold) == ("OldestReplicationSlotLag", 2 * 64 * 2**20)
    assert (writer.missing_data.value, replica.missing_data.value) == ("breaching", "notBreaching")
    alone = alarm_of({"members": [member("tokyo", TOKYO)]}, "tokyo")["lag"]
    assert alone.missing_data.value == "notBreaching"


def test_lag_by_heartbeat_is_watched_on_the_replicas_and_has_no_data_on_the_writer():
    """A writer has no lag; a replica without a figure is a replica that is gone."""
    given = {"alarms": {"missing_data": "breaching", "lag": "heartbeat", "lag_limit_seconds": 20}}
    writer, replica = alarm_of(given, "tokyo")["lag"], alarm_of(given, "oregon")["lag"]
    assert (replica.metric, replica.threshold) == ("ReplicaLag", 20)
    assert (writer.missing_data.value, replica.missing_data.value) == ("notBreaching", "breaching")
    assert "replication" not in alarm_of(given, "oregon")


def test_a_mysql_replica_that_has_stopped_is_noticed():
    """It then reports -1, which is below every limit."""
    stopped = alarm_of({"engine": "mysql", "engine_version": "8.4"}, "oregon")["replication"]
    assert (stopped.metric, stopped.comparison, stopped.threshold) == ("ReplicaLag", "LessThanThreshold", 0)


def test_a_change_of_roles_changes_alarms_in_place():
    """Neither is one deleted nor one made: the same alarms exist in every role."""
    for lag in ("position", "heartbeat"):
        alarms = {"missing_data": "missing", "lag": lag}
        assert list(alarm_of({"alarms": alarms}, "tokyo")) == list(alarm_of({"alarms": alarms}, "oregon"))


def test_predictions_are_outputs_per_failure_and_path(declare):
    """Whoever reads the stack's outputs sees that a region's loss costs minutes of writes, and which."""
    predictions = {
        (one["measure"], one["failure_class"], one["path"]): one
        for one in declare(
            recovery={"promotion_seconds": {"typical_seconds": 200, "worst_seconds": 400}, "client_cache_seconds": 0},
            writer_name={"name": "db.shop.internal", "zone_id": "Z1", "ttl_seconds": 7},
        ).outputs["predictions"]
    }
    region = predictions["recovery_time_seconds", "region", "writes"]
    terms = {term["name"]: term["worst_seconds"] for term in region["terms"]}
    assert (terms["promotion"], terms["writer name's TTL"], terms["client caches"]) == (400, 7, 0)
    assert predictions["recovery_point_seconds", "region", "writes"]["worst_seconds"] == 30
    assert predictions["recovery_point_seconds", "writer", "writes"]["worst_seconds"] == 0


OBJECTIVES = {
    "availability": 0.999,
    "latency_p95_seconds": 0.5,
    "error_rate": 0.001,
    "recovery_time_seconds": 300,
    "recovery_point_seconds": 20,
    "exceptions": [
        {"failure_class": "region", "path": "writes", "recovery_time_seconds": 3600},
        {"failure_class": "corruption", "recovery_time_seconds": 6 * 3600},
    ],
}


def test_the_lag_limit_follows_from_the_objectives_and_assumptions_are_shown(declare):
    """What may be lost with a region is what the alarm rings at; what nobody measured is said."""
    deployment = declare(objectives=OBJECTIVES)
    assert deployment.log == deployment.outputs["warnings"]
    assert any("20 s replication lag" in line for line in deployment.log)
    assert all("assumed" in line or "nothing recovers" in line for line in deployment.log)


def test_a_waived_objective_is_a_warning_with_its_date(declare):
    """An environment that is taken over starts with what it has."""
    waivers = [{"key": "recovery_time_seconds/region/writes", "until": "2999-12-31", "reason": "drill in May"}]
    objectives = {**OBJECTIVES, "exceptions": OBJECTIVES["exceptions"][1:]}
    log = declare(objectives=objectives, waivers=waivers).log
    assert any(line.startswith("waived until 2999-12-31 (drill in May)") for line in log)
