"""All of the dev environment at once, on the real engine: what `make dev` brings up, and what a destroy leaves."""

import time
from pathlib import Path
from typing import Any

import pytest

from localcloud import cloud
from rendered_pod import RenderedPod

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("whole")]

OBSERVED_WITHIN_SECONDS = 60  # on a busy machine; a first round takes a few
REGIONS = ("us-east-1", "ap-northeast-1", "us-west-2")


def left_over(lab: Any) -> dict[str, list[Any]]:
    """What costs money or opens a door, by kind and region."""
    left: dict[str, list[Any]] = {
        "zones": lab.client("route53").list_hosted_zones()["HostedZones"],
        "health checks": list(lab.health_checks()),
        "roles": lab.client("iam").list_roles()["Roles"],
        "buckets": lab.client("s3").list_buckets()["Buckets"],
    }
    for region in REGIONS:
        left |= {
            f"databases {region}": lab.client("rds", region).describe_db_instances()["DBInstances"],
            f"vaults {region}": lab.client("backup", region).list_backup_vaults()["BackupVaultList"],
            f"plans {region}": lab.client("backup", region).list_backup_plans()["BackupPlansList"],
            f"restore tests {region}": lab.client("backup", region).list_restore_testing_plans()["RestoreTestingPlans"],
            f"experiments {region}": lab.client("fis", region).list_experiment_templates()["experimentTemplates"],
            f"alarms {region}": lab.client("cloudwatch", region).describe_alarms()["MetricAlarms"],
            f"topics {region}": lab.client("sns", region).list_topics()["Topics"],
        }
    return {kind: found for kind, found in left.items() if found}


def vote_of_the_rendered_pod(lab: Any, folder: Path) -> dict[str, Any]:
    """An observer's vote on the declared board, by its own region's manifests alone; its pod lives, and ends when it is told."""
    handle = cloud.status(lab.sandbox.cloud)
    assert handle is not None
    credentials = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    pod = RenderedPod(
        lab.sandbox.manifests / "dev-us-west-2",
        "apps_v1-deployment-shop-shop-observer.yaml",
        folder,
        {**credentials, "AWS_ENDPOINT_URL": handle.endpoint},
    )
    dynamodb = lab.client("dynamodb", "eu-north-1")
    (board,) = (name for name in dynamodb.list_tables()["TableNames"] if name.endswith("-board"))
    with pod.running() as process:
        ends = time.monotonic() + OBSERVED_WITHIN_SECONDS
        while not pod.is_alive():
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < ends, "no round has ended"
            time.sleep(0.2)
        votes = dynamodb.scan(TableName=board)["Items"]
        process.terminate()
        assert process.wait(OBSERVED_WITHIN_SECONDS) == 0
    assert dynamodb.scan(TableName=board)["Items"] == []  # withdrawn
    (vote,) = votes
    return vote


def test_everything_comes_up_as_declared_stays_and_goes(whole_lab: Any, tmp_path: Path) -> None:
    """Every concern beside every other: read back by `dev` itself, nothing to do the second time, nothing left in the end."""
    run = whole_lab.dev()
    assert run.code == 0, run.last_lines
    there = left_over(whole_lab)
    for kind in ("databases", "vaults", "plans", "restore tests", "experiments", "alarms"):
        assert any(each.startswith(kind) for each in there), f"no {kind} in {sorted(there)}"
    assert {"zones", "health checks", "roles", "buckets"} <= there.keys()
    vote = vote_of_the_rendered_pod(whole_lab, tmp_path / "pod")
    assert (vote["cluster"], vote["record"]) == ({"S": "shop-dev"}, {"S": "vote/shop-observer-us-west-2"})
    preview = whole_lab.pulumi("preview", "--expect-no-changes", "--diff")
    assert preview.code == 0, preview.last_lines
    destroyed = whole_lab.pulumi("destroy", "--yes", "--skip-preview")
    assert destroyed.code == 0, destroyed.last_lines
    assert left_over(whole_lab) == {}
