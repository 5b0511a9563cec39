"""A database of three members through two failovers, a move and an adoption, on the real engine."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from localcloud import cloud
from localcloud.engine import Engine
from localcloud.sandbox import Sandbox
from seawall_ops.failover.plans.rds_settings import creation, kept_name, unsettled

pytestmark = [pytest.mark.engine, pytest.mark.soak]

PROGRAM = """\
import json
from pathlib import Path

from pulumi_seawall import ReplicatedDatabase

ReplicatedDatabase("shop", json.loads((Path(__file__).parent / "arguments.json").read_text()))
"""
TOKYO, OREGON, IRELAND, FRANKFURT = "ap-northeast-1", "us-west-2", "eu-west-1", "eu-central-1"
RUN_SECONDS = 180


@dataclass
class Account:
    """A local cloud, and the engine at work on one database in it."""

    sandbox: Sandbox
    engine: Engine
    endpoint: str

    def client(self, service: str, region: str) -> Any:
        return boto3.client(
            service, endpoint_url=self.endpoint, region_name=region, aws_access_key_id="local",
            aws_secret_access_key="local",
        )  # fmt: skip

    def pulumi(self, *command: str) -> subprocess.CompletedProcess[str]:
        variables = self.sandbox.variables(self.engine, self.endpoint, os.environ)
        return subprocess.run(
            ["pulumi", *command, "--stack", "dev", "--non-interactive"],
            cwd=self.sandbox.project, env=variables, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=RUN_SECONDS,
        )  # fmt: skip

    def declare(self, arguments: dict[str, Any]) -> None:
        path = self.sandbox.source / "stacks" / "arguments.json"
        path.write_text(json.dumps(arguments), encoding="utf-8")

    def up(self, arguments: dict[str, Any], *more: str) -> set[str]:
        """Deploy; what was done, in the engine's words: `created`, `updated`, `replaced`."""
        self.declare(arguments)
        run = self.pulumi("up", "--yes", "--skip-preview", *more)
        assert run.returncode == 0, "\n".join(run.stdout.splitlines()[-30:])
        summary = run.stdout.rpartition("Resources:\n")[2]
        return set(re.findall(r"\d+ (\w+)", summary.partition("\n\n")[0])) - {"unchanged"}

    def refused(self, arguments: dict[str, Any]) -> str:
        """What a preview says against it."""
        self.declare(arguments)
        run = self.pulumi("preview")
        assert run.returncode != 0, run.stdout
        return run.stdout

    def instances(self) -> dict[str, dict[str, Any]]:
        """Every instance by its identifier and region."""
        return {
            f"{one['DBInstanceIdentifier'].removeprefix('seawall-dev-shop-')}@{region}": one
            for region in (TOKYO, OREGON, IRELAND, FRANKFURT)
            for one in self.client("rds", region).describe_db_instances()["DBInstances"]
        }

    def ids(self) -> dict[str, str]:
        return {name: one["DbiResourceId"] for name, one in self.instances().items()}

    def sources(self) -> dict[str, str | None]:
        """Whom each instance follows, by the last part of its source's name."""
        return {
            name: (one.get("ReadReplicaSourceDBInstanceIdentifier") or "").rpartition("-")[2] or None
            for name, one in self.instances().items()
        }

    def final_snapshots(self) -> list[str]:
        return [
            one["DBSnapshotIdentifier"]
            for region in (TOKYO, OREGON, IRELAND, FRANKFURT)
            for one in self.client("rds", region).describe_db_snapshots()["DBSnapshots"]
            if "-final-" in one["DBSnapshotIdentifier"]
        ]


@pytest.fixture
def account(engine: Engine, tmp_path: Path) -> Iterator[Account]:
    source = tmp_path / "source"
    (source / "stacks").mkdir(parents=True)
    (source / "stacks" / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    (source / "Pulumi.yaml").write_text("{name: seawall, main: stacks/, runtime: python}\n", encoding="utf-8")
    (source / "Pulumi.dev.yaml").write_text("config: {}\n", encoding="utf-8")
    sandbox = Sandbox(tmp_path / "local", "dev", source)
    sandbox.prepare()
    handle = cloud.start(sandbox.cloud, progress=print)
    account = Account(sandbox, engine, handle.endpoint)
    try:
        assert account.pulumi("stack", "select", "--create").returncode == 0
        yield account
    finally:
        cloud.stop(sandbox.cloud)


@pytest.fixture
def shop(account: Account) -> Callable[..., dict[str, Any]]:
    """Arguments of a database; regions by member."""

    def member(name: str, region: str) -> dict[str, Any]:
        network = account.client("ec2", region).describe_subnets()["Subnets"]
        return {
            "name": name,
            "region": region,
            "instance_class": "db.r6g.large",
            "vpc_id": network[0]["VpcId"],
            "subnet_ids": [one["SubnetId"] for one in network[:2]],
            "allowed_cidrs": ["10.0.0.0/16"],
        }

    def arguments(regions: dict[str, str], **more: Any) -> dict[str, Any]:
        return {
            "engine": "postgres",
            "engine_version": "17",
            "members": [member(name, region) for name, region in regions.items()],
            "writer": "tokyo",
            "created_in": "tokyo",
            "database_name": "shop",
            "username": "shop",
            "password": "correct-horse-battery",
            "storage_gib": 20,
            "max_connections": 200,
            "deletion_protection": False,
            "alarms": {"missing_data": "breaching"},
            "writer_name": {"name": "db.shop.internal", "zone_name": "shop.internal"},
            **more,
        }

    return arguments


def test_two_failovers_replace_nothing_and_a_rebuilding_only_what_is_named(account: Account, shop: Any) -> None:
    """There and back again: every change of roles is in place, every deletion was asked for and leaves a snapshot."""
    regions = {"tokyo": TOKYO, "oregon": OREGON, "ireland": IRELAND}
    account.up(shop(regions))
    assert account.up(shop(regions)) == set()
    before = account.ids()

    account.client("rds", OREGON).promote_read_replica(DBInstanceIdentifier="seawall-dev-shop-oregon")
    away = {"writer": "oregon", "epoch": 1}
    assert account.up(shop(regions, **away), "--refresh") == {"updated"}
    assert account.ids() == before
    promoted = account.instances()[f"oregon@{OREGON}"]
    assert (promoted["MultiAZ"], promoted["BackupRetentionPeriod"]) == (True, 7)
    assert account.up(shop(regions, **away)) == set()

    named = {"unprotected": ["tokyo"], "rebuild_as_replica": {"tokyo": "oregon"}}
    account.up(shop(regions, **away, **named))
    after = account.ids()
    assert {name for name in after if after[name] != before[name]} == {f"tokyo@{TOKYO}"}
    assert account.sources()[f"tokyo@{TOKYO}"] == "oregon"
    assert account.up(shop(regions, **away)) == set()

    account.client("rds", TOKYO).promote_read_replica(DBInstanceIdentifier="seawall-dev-shop-tokyo")
    assert account.up(shop(regions, epoch=2), "--refresh") == {"updated"}
    assert account.ids() == after
    assert account.pulumi("destroy", "--yes", "--skip-preview").returncode == 0
    assert account.instances() == {}
    kept = account.final_snapshots()
    assert [name.rpartition("-")[0] for name in kept] == [
        "seawall-dev-shop-tokyo-final-0",
        "seawall-dev-shop-tokyo-final-2",
        "seawall-dev-shop-oregon-final-1",
    ]


def test_an_old_writer_that_was_put_aside_is_let_go_and_its_replica_taken_over(account: Account, shop: Any) -> None:
    """One id in the state tells which instance the name is now: nothing is replaced, and the old one stays closed."""
    regions, away = {"tokyo": TOKYO, "oregon": OREGON}, {"writer": "oregon", "epoch": 1}
    account.up(shop(regions))
    account.client("rds", OREGON).promote_read_replica(DBInstanceIdentifier="seawall-dev-shop-oregon")
    account.up(shop(regions, **away), "--refresh")

    rds, name = account.client("rds", TOKYO), "seawall-dev-shop-tokyo"
    old, writer = account.instances()[f"tokyo@{TOKYO}"], account.instances()[f"oregon@{OREGON}"]
    kept = kept_name(name, "rebuild-7")
    rds.modify_db_instance(DBInstanceIdentifier=name, NewDBInstanceIdentifier=kept, ApplyImmediately=True)
    rds.create_db_instance_read_replica(**creation(name, old, writer, TOKYO))
    new = account.instances()[f"tokyo@{TOKYO}"]
    rds.modify_db_instance(DBInstanceIdentifier=name, ApplyImmediately=True, **unsettled(new, old))
    [aside] = rds.describe_db_instances(DBInstanceIdentifier=kept)["DBInstances"]

    state = account.sandbox.source / "state.json"
    assert account.pulumi("stack", "export", "--file", str(state)).returncode == 0
    told = state.read_text(encoding="utf-8")
    assert old["DbiResourceId"] in told
    state.write_text(told.replace(old["DbiResourceId"], new["DbiResourceId"]), encoding="utf-8")
    assert account.pulumi("stack", "import", "--file", str(state)).returncode == 0

    assert account.up(shop(regions, **away), "--refresh") <= {"updated"}
    assert account.ids()[f"tokyo@{TOKYO}"] == new["DbiResourceId"]
    [left] = rds.describe_db_instances(DBInstanceIdentifier=kept)["DBInstances"]
    assert {key for key in aside if aside[key] != left[key]} <= {"LatestRestorableTime"}
    assert account.up(shop(regions, **away)) == set()


def test_a_replica_moves_under_its_name_and_the_writer_never_does(account: Account, shop: Any) -> None:
    """A name is not a region: the replica is made anew before it goes, the data stay where they are."""
    regions = {"tokyo": TOKYO, "oregon": OREGON}
    account.up(shop(regions))
    before = account.ids()
    refusal = account.refused(shop({**regions, "tokyo": FRANKFURT}))
    assert f"members[0].region = {FRANKFURT}: {TOKYO}, where tokyo is deployed" in refusal
    assert account.up(shop(regions)) == set()
    assert account.up(shop({**regions, "oregon": IRELAND})) >= {"replaced"}
    assert account.sources() == {f"tokyo@{TOKYO}": None, f"oregon@{IRELAND}": "tokyo"}
    assert account.ids()[f"tokyo@{TOKYO}"] == before[f"tokyo@{TOKYO}"]
    assert account.up(shop({**regions, "oregon": IRELAND})) == set()


def test_an_existing_instance_is_adopted_first_and_changed_only_afterwards(account: Account, shop: Any) -> None:
    """Its settings, password and version stay until the import is taken out; it is never made anew."""
    key = account.client("kms", TOKYO).create_key()["KeyMetadata"]["Arn"]
    rds = account.client("rds", TOKYO)
    subnets = account.client("ec2", TOKYO).describe_subnets()["Subnets"]
    rds.create_db_subnet_group(
        DBSubnetGroupName="old", DBSubnetGroupDescription="old", SubnetIds=[one["SubnetId"] for one in subnets[:2]]
    )
    rds.create_db_instance(
        DBInstanceIdentifier="old", Engine="postgres", EngineVersion="17.2", DBInstanceClass="db.r5.large",
        AllocatedStorage=20, MasterUsername="shop", MasterUserPassword="old-password", StorageEncrypted=True, DBName="shop",
        KmsKeyId=key, DBSubnetGroupName="old", BackupRetentionPeriod=3,
    )  # fmt: skip
    before = rds.describe_db_instances()["DBInstances"][0]
    arguments = shop({"tokyo": TOKYO, "oregon": OREGON}, created_in=None)
    arguments["members"][0] |= {"import_id": "old", "kms_key_arn": key}
    account.up(arguments)
    adopted = rds.describe_db_instances()["DBInstances"][0]
    differing = {name for name in before if before[name] != adopted[name]}
    assert differing <= {"ReadReplicaDBInstanceIdentifiers", "LatestRestorableTime"}
    assert account.up(arguments) == set()

    del arguments["members"][0]["import_id"]
    arguments["members"][0]["identifier"] = "old"
    assert account.up(arguments) == {"updated"}
    changed = rds.describe_db_instances()["DBInstances"][0]
    assert changed["DbiResourceId"] == before["DbiResourceId"]
    assert (changed["MultiAZ"], changed["BackupRetentionPeriod"], changed["EngineVersion"]) == (True, 7, "17.2")


def test_a_new_name_for_the_writer_makes_no_empty_database(account: Account, shop: Any) -> None:
    """Clients would be sent to it, and find nothing."""
    account.up(shop({"tokyo": TOKYO, "oregon": OREGON}))
    before = account.ids()
    account.declare(shop({"tokyo": TOKYO, "oregon": OREGON, "ireland": IRELAND}, writer="ireland"))
    run = account.pulumi("up", "--yes", "--skip-preview")
    assert run.returncode != 0
    assert "engine = None: given" in run.stdout
    assert account.ids() == before
    record = account.client("route53", TOKYO)
    zone = record.list_hosted_zones()["HostedZones"][0]["Id"]
    [name] = [
        one
        for one in record.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        if one["Type"] == "CNAME"
    ]
    assert "tokyo" in name["ResourceRecords"][0]["Value"]
