"""What somebody made by hand is taken over by the real engine: nothing replaced, nothing made twice."""

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.soak]

Edit = Callable[[dict[str, Any]], None]


def forget(lab: Any) -> None:
    """Take the engine's memory away, and our tags with it: what is left is as if made by hand."""
    lab.as_base = False
    shutil.rmtree(lab.sandbox.state)
    lab.sandbox.journal.unlink(missing_ok=True)
    route53 = lab.client("route53")
    for kind, ids in (
        ("healthcheck", list(lab.health_checks())),
        ("hostedzone", [zone["Id"].rpartition("/")[2] for zone in route53.list_hosted_zones()["HostedZones"]]),
    ):
        for id_ in ids:
            tags = route53.list_tags_for_resource(ResourceType=kind, ResourceId=id_)["ResourceTagSet"]["Tags"]
            if tags:
                keys = [tag["Key"] for tag in tags]
                route53.change_tags_for_resource(ResourceType=kind, ResourceId=id_, RemoveTagKeys=keys)


def import_ids(lab: Any) -> Edit:
    """The keys of `Pulumi.dev.yaml` that name each zone, record and check which exists."""
    zone = lab.client("route53").list_hosted_zones()["HostedZones"][0]
    zone_id = zone["Id"].rpartition("/")[2]
    ids: dict[str, str] = {}
    for (name, kind, set_identifier), record in lab.records().items():
        identity = "_".join(part for part in (zone_id, name.rstrip("."), kind, set_identifier) if part)
        role = (
            record["Failover"].lower()
            if set_identifier
            else next(role for role in ("primary", "secondary") if name.startswith(f"{lab_region(lab, role)}."))
            + "_regional"
        )
        ids[f"{role}_{kind.lower()}"] = identity
    checks, switch = lab.health_checks(), dict[str, dict[str, str]]()
    for id_, config in checks.items():
        host = config.get("FullyQualifiedDomainName", "")
        for role, switched in (("primary", "primary"), ("secondary", "standby")):
            region = lab_region(lab, role)
            if host.startswith(f"{region}."):
                ids[f"{role}_health_check"] = id_
            elif f"-switch-{region}-" in host:
                switch[switched] = {"health_check": id_, "bucket": host.partition(".s3.")[0]}
            elif any(name_of(checks[child]).startswith(f"{region}.") for child in config.get("ChildHealthChecks", [])):
                ids[f"{role}_in_service_check"] = id_

    def edit(config: dict[str, Any]) -> None:
        config["seawall:dns"].update(zone_import_id=zone_id, import_ids=ids)
        config["seawall:dns"]["switch"]["import_ids"] = switch

    return edit


def name_of(check: dict[str, Any]) -> str:
    """The name that a check resolves, where it resolves one."""
    return check.get("FullyQualifiedDomainName", "")


def lab_region(lab: Any, role: str) -> str:
    """Name of the region on that side of the pair."""
    position = 0 if role == "primary" else 1
    return lab.base["config"]["seawall:regions"][position]["name"]


def ops_of(run: Any) -> dict[str, int]:
    assert run.code == 0, run.last_lines
    return {op: count for op, count in json.loads(run.text)["changeSummary"].items() if op != "same"}


def test_a_zone_its_records_and_checks_are_adopted_without_a_replacement(lab: Any) -> None:
    """Whoever brings an existing name under Seawall keeps its zone, its records and its checks, by their ids."""
    lab.base_up()
    adopted = import_ids(lab)
    cloudwatch, sns = lab.client("cloudwatch"), lab.client("sns")
    cloudwatch.delete_alarms(AlarmNames=[alarm["AlarmName"] for alarm in cloudwatch.describe_alarms()["MetricAlarms"]])
    for topic in sns.list_topics()["Topics"]:
        sns.delete_topic(TopicArn=topic["TopicArn"])
    for region in ("ap-northeast-1", "us-west-2"):
        lab.client("ssm", region).delete_parameter(Name="/seawall/shop/dev/topology")
    forget(lab)
    records, checks = lab.records(), set(lab.health_checks())

    run = lab.dev(adopted)
    assert run.code == 0, run.last_lines
    assert lab.records() == records
    assert set(lab.health_checks()) == checks

    after = lab.pulumi("preview", "--json")
    assert set(ops_of(after)) <= {"update"}, "taking the import ids out again may add tags, and nothing else"
    run = lab.dev()
    assert run.code == 0, run.last_lines
    assert lab.records() == records
    assert set(lab.health_checks()) == checks
    assert lab.pulumi("preview", "--expect-no-changes").code == 0
