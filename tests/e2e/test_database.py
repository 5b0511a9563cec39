"""The whole dev environment on the real engine: the database in two regions, what it leaves behind, and its failover.

The tests run in this order, which `conftest` restores: each brings the base up again where the one before left another.
"""

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from localcloud import apps, cloud, databases
from seawall.contract import live_parameter
from seawall.topology import Live, SsmSource, as_dict, load

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("data")]

Config = dict[str, Any]
Edit = Callable[[Config], None]
PASSWORD = b"local-Shop-2026"  # what Pulumi.dev.yaml holds encrypted
HOME, AWAY, ELSEWHERE = "ap-northeast-1", "us-west-2", "eu-west-1"
SAMPLE_SECONDS = 0.05
FOLLOWING = ("seawall:index:BackupPlan$", "seawall:index:BackupReplication$", "aws:sns/topicPolicy:")
KEEPING = ("backup/vault:Vault", "kms/key:Key")


def identifier(region: str) -> str:
    return f"seawall-dev-shop-dev-{region}"


def instances(lab: Any, *regions: str) -> dict[str, dict[str, Any]]:
    """Every instance by region; one per region here."""
    found: dict[str, dict[str, Any]] = {}
    for region in regions or (HOME, AWAY, ELSEWHERE):
        for instance in lab.client("rds", region).describe_db_instances()["DBInstances"]:
            found[region] = instance
    return found


def source_of(instance: dict[str, Any]) -> str:
    return str(instance.get("ReadReplicaSourceDBInstanceIdentifier") or "").rpartition(":")[2]


def left_behind(lab: Any) -> dict[str, list[Any]]:
    """All that a destroy should have removed, by kind; keys that wait for their deletion aside."""
    left: dict[str, list[Any]] = {}
    for region in (HOME, AWAY):
        rds, ec2, kms = (lab.client(service, region) for service in ("rds", "ec2", "kms"))
        left[f"instances {region}"] = rds.describe_db_instances()["DBInstances"]
        left[f"subnet groups {region}"] = rds.describe_db_subnet_groups()["DBSubnetGroups"]
        left[f"parameter groups {region}"] = [
            group
            for group in rds.describe_db_parameter_groups()["DBParameterGroups"]
            if not group["DBParameterGroupName"].startswith("default.")
        ]
        left[f"networks {region}"] = [vpc for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]]
        left[f"keys {region}"] = [
            key["KeyId"]
            for key in kms.list_keys()["Keys"]
            if (described := kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"])["KeyManager"] == "CUSTOMER"
            and described["KeyState"] == "Enabled"
        ]
        left[f"parameters {region}"] = lab.client("ssm", region).describe_parameters()["Parameters"]
        left[f"alarms {region}"] = lab.client("cloudwatch", region).describe_alarms()["MetricAlarms"]
    left["zones"] = lab.client("route53").list_hosted_zones()["HostedZones"]
    return left


def fail_over(lab: Any) -> None:
    """What operations do when the writer's region is lost: promote the other member, write the live document."""
    lab.as_base = False
    lab.client("rds", AWAY).promote_read_replica(DBInstanceIdentifier=identifier(AWAY))
    live = Live(
        service="shop", environment="dev", epoch=1, primary_region=AWAY, writer=AWAY,
        changed_at=datetime(2026, 11, 25, 10, 0, tzinfo=UTC), reason="region lost",
    )  # fmt: skip
    for region in (HOME, AWAY):
        lab.client("ssm", region).put_parameter(
            Name=live_parameter("shop", "dev"), Type="String", Value=json.dumps(as_dict(live)), Overwrite=True
        )


def adopted(config: Config) -> None:
    """The change that says so in the file."""
    config["seawall:epoch"] = "1"
    config["seawall:regions"][0]["role"], config["seawall:regions"][1]["role"] = "standby", "primary"
    config["seawall:database"]["writer"] = AWAY


def rebuilding(config: Config) -> None:
    adopted(config)
    config["seawall:database"].update(unprotected=[HOME], rebuild_as_replica={HOME: AWAY})


def moved(config: Config) -> None:
    """The standby and its replica in another region."""
    config["seawall:regions"][1].update(name=ELSEWHERE, cluster={"context": f"dev-{ELSEWHERE}", "namespace": "shop"})
    config["seawall:database"]["members"][1].update(
        region=ELSEWHERE, network={"cidr": "10.30.0.0/16", "zones": [f"{ELSEWHERE}a", f"{ELSEWHERE}b"]}
    )
    config["seawall:backups"]["replication"]["regions"] = [ELSEWHERE, HOME]


def ops_of(run: Any) -> set[tuple[str, str]]:
    """What a preview would do, by operation and type, but for backups' plans, tests and alarms, which follow the writer.

    They hold nothing; the vaults and keys of backups do, and are looked at.
    """
    assert run.code == 0, run.last_lines
    steps = [(step["op"], step["urn"].split("::")[2]) for step in json.loads(run.text)["steps"]]
    return {
        (op, type_)
        for op, type_ in steps
        if op not in ("same", "read")
        and (not type_.startswith(FOLLOWING) or (type_.endswith(KEEPING) and not op.startswith("create")))
    }


@pytest.fixture
def up(data_lab: Any) -> Any:
    """The base environment, made anew where a test has failed it over: RDS knows no way back either."""
    try:
        data_lab.base_up()
    except AssertionError:
        data_lab.localcloud("down")
        data_lab.base_up()
    return data_lab


def test_the_runtime_loads_in_each_region_what_was_declared(up: Any) -> None:
    """The two halves meet: one document in every region, whose hosts are those of the instances."""
    for region in (HOME, AWAY):
        view = load(SsmSource("shop", "dev", region=region, client=up.client("ssm", region)))
        assert view.primary.region == HOME
        assert view.writer is not None
        assert view.writer.region == HOME
        assert {member.region: member.host for member in (view.writer, *view.readers)} == {
            where: instance["Endpoint"]["Address"] for where, instance in instances(up).items()
        }


def test_dev_runs_the_demo_app_in_both_regions_and_shows_all_that_there_is(up: Any) -> None:
    """Two instances a region, each of which reads the topology by itself; a second start finds them and starts none."""
    run = up.localcloud("dev")
    assert run.code == 0, run.last_lines
    instances_of = {one.port: one.region for one in apps.status(up.sandbox.apps)}
    assert sorted(instances_of.values()) == [HOME, HOME, AWAY, AWAY]
    flat = " ".join(run.text.split())
    for port, region in instances_of.items():
        assert f"{region} http://127.0.0.1:{port}" in flat
    for words in (
        "nothing changed", f"stock counted in {HOME}", f"replica of {identifier(HOME)}", "shop/shop-topology in dev-us-west-2",
        "region, writes lost", "corruption, reads down",
    ):  # fmt: skip
        assert words in flat, f"{words} is missing in:\n{run.text}"
    claim = json.loads(up.pulumi("stack", "output", "topology", "--json").text)
    servers = databases.status(up.sandbox.databases)
    assert servers is not None
    assert "replica, streaming" in flat
    assert f"an order found at {AWAY}" in flat
    again = apps.start(up.sandbox.apps, claim, cloud.start(up.sandbox.cloud).endpoint, databases=servers)
    assert not again.started
    assert {one.port: one.region for one in again.instances} == instances_of
    assert apps.stop(up.sandbox.apps) == 4
    assert databases.stop(up.sandbox.databases)


def test_the_password_is_nowhere_in_the_clear(up: Any) -> None:
    """Not in the state, a log, a manifest, the topology, an output, nor what the commands print."""
    printed = [
        up.localcloud("dev", "--no-apps").text,
        up.pulumi("preview", "--diff").text,
        up.pulumi("stack", "output", "--json").text,
        up.pulumi("stack", "export").text,
        *(
            parameter["Value"]
            for region in (HOME, AWAY)
            for parameter in up.client("ssm", region).get_parameters_by_path(Path="/", Recursive=True)["Parameters"]
        ),
    ]
    assert len(printed) >= 6
    assert not [text for text in printed if PASSWORD.decode() in text]
    files = [path for path in Path(up.folder).rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(files) > 10
    assert not [path for path in files if PASSWORD in path.read_bytes()]


@pytest.mark.soak
def test_a_key_that_an_instance_cannot_change_is_refused_in_one_line(up: Any) -> None:
    """RDS would make a new, empty database for it."""
    before = instances(up)

    def edit(config: Config) -> None:
        config["seawall:database"]["members"][0]["kms_key_arn"] = (
            f"arn:aws:kms:{HOME}:123456789012:key/11111111-2222-3333-4444-555555555555"
        )

    run = up.pulumi("up", "--yes", "--skip-preview", edit=edit)
    assert run.code != 0
    assert "kms_key_arn = " in run.text
    assert {where: one["DbiResourceId"] for where, one in instances(up).items()} == {
        where: one["DbiResourceId"] for where, one in before.items()
    }


class Sampler:
    """Looks again and again, while the engine works, at where replicas, keys and records are."""

    def __init__(self, lab: Any) -> None:
        self._lab, self._stop = lab, threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.samples: list[tuple[set[str], set[str], set[Any]]] = []
        self.failures: list[BaseException] = []

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                replicas = {where for where, one in instances(self._lab).items() if source_of(one)}
                documents = {
                    region
                    for region in (AWAY, ELSEWHERE)
                    if self._lab.client("ssm", region).get_parameters(Names=["/seawall/shop/dev/topology"])[
                        "Parameters"
                    ]
                }
                self.samples.append((replicas, documents, set(self._lab.records())))
            except Exception as error:  # noqa: BLE001 -- reported by the test itself
                self.failures.append(error)
                return
            time.sleep(SAMPLE_SECONDS)

    def __enter__(self) -> "Sampler":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=30)


@pytest.mark.soak
def test_a_replica_moves_to_another_region_without_a_moment_without_one(up: Any) -> None:
    """The new replica, its key, alarms and parameter exist before the old ones go; the failover name is never bare."""
    names = {key for key in up.records() if key[2]}
    with Sampler(up) as sampler:
        run = up.pulumi("up", "--yes", "--skip-preview", edit=moved)
    assert run.code == 0, run.last_lines
    assert not sampler.failures
    assert len(sampler.samples) > 5
    for replicas, documents, records in sampler.samples:
        assert replicas, "there was no replica"
        assert documents, "no standby region had the topology"
        assert names <= records, "the failover name was without a record"
    assert set(instances(up)) == {HOME, ELSEWHERE}
    run = up.pulumi("preview", "--expect-no-changes", "--diff", edit=moved)
    assert run.code == 0, run.text


@pytest.mark.soak
def test_destroy_leaves_nothing_and_can_be_made_again_under_the_same_names(data_lab: Any) -> None:
    """Keys wait for their deletion, and snapshots that were asked for stay; nothing else does, and no name clashes."""
    up = data_lab
    if not up.sandbox.deployed_on.exists():
        up.base_up()

    def keeping(config: Config) -> None:
        config["seawall:database"]["keep_backups"] = True

    for _ in range(2):
        for command in ("up", "destroy"):
            run = up.pulumi(command, "--yes", "--skip-preview", edit=keeping)
            assert run.code == 0, run.last_lines
    snapshots = up.client("rds", HOME).describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    assert len({snapshot["DBSnapshotIdentifier"] for snapshot in snapshots}) == 2
    kept = {f"keys {HOME}", f"keys {AWAY}"}  # snapshots cannot be read without them
    assert {kind for kind, found in left_behind(up).items() if found} <= kept


def test_a_failover_outside_is_not_undone_and_its_adoption_replaces_nothing(up: Any) -> None:
    """Promotion and live document by hand; the next up refuses, the changed file is deployed in place, and the old
    writer, which stays as it is until then, is rebuilt as a replica by name."""
    before = {where: one["DbiResourceId"] for where, one in instances(up).items()}
    fail_over(up)
    run = up.localcloud("dev", "--no-apps")
    assert run.code == 1
    assert "FailoverNotAdopted: seawall:epoch = 0: 1, because the live document (epoch 1" in " ".join(run.text.split())
    assert "Traceback" not in run.text

    run = up.pulumi("preview", "--refresh", "--json", edit=adopted)
    assert {op for op, _ in ops_of(run)} <= {"update", "refresh"}, ops_of(run)
    run = up.pulumi("up", "--yes", "--skip-preview", "--refresh", edit=adopted)
    assert run.code == 0, run.last_lines
    after = instances(up)
    assert {where: one["DbiResourceId"] for where, one in after.items()} == before
    assert not source_of(after[HOME])
    assert not source_of(after[AWAY])
    assert after[AWAY]["MultiAZ"]
    assert after[AWAY]["BackupRetentionPeriod"] > 0
    view = load(SsmSource("shop", "dev", region=AWAY, client=up.client("ssm", AWAY)))
    assert (view.epoch, view.primary.region) == (1, AWAY)
    assert view.writer is not None
    assert view.writer.region == AWAY
    assert up.pulumi("preview", "--expect-no-changes", edit=adopted).code == 0

    def unprotected(config: Config) -> None:
        adopted(config)
        config["seawall:database"]["unprotected"] = [HOME]

    assert up.pulumi("up", "--yes", "--skip-preview", edit=unprotected).code == 0
    run = up.pulumi("up", "--yes", "--skip-preview", edit=rebuilding)
    assert run.code == 0, run.last_lines
    rebuilt = instances(up)
    assert source_of(rebuilt[HOME]) == identifier(AWAY)
    assert rebuilt[HOME]["DbiResourceId"] != before[HOME]
    assert rebuilt[AWAY]["DbiResourceId"] == before[AWAY]
