"""RDS, CloudWatch and SNS as AWS answers them, against the patched server."""

import datetime
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import metadata
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from localcloud import cloud, moto_patches
from localcloud.moto_patches.cloudwatch import percentile

HOME, AWAY = "eu-west-1", "us-east-1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server keeps its log."""
    return tmp_path_factory.mktemp("others") / "cloud"


@pytest.fixture(scope="module")
def handle(folder: Path) -> Iterator[cloud.CloudHandle]:
    """One patched server for the tests of this file; each uses names of its own."""
    yield cloud.start(folder)
    cloud.stop(folder)


@pytest.fixture
def connect(handle: cloud.CloudHandle) -> Any:
    def connect(service: str, region: str = HOME) -> Any:
        return boto3.client(
            service, region_name=region, endpoint_url=handle.endpoint, aws_access_key_id="local",
            aws_secret_access_key="local",
        )  # fmt: skip

    return connect


def code_of(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


class Database:
    """An instance with all set that a replica must not take over."""

    def __init__(self, connect: Any, name: str, **settings: Any) -> None:
        self.name = name
        self.home, self.away = connect("rds", HOME), connect("rds", AWAY)
        ec2 = connect("ec2", HOME)
        network = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=network, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"{HOME}{zone}")["Subnet"]
            for n, zone in enumerate("ab")
        ]
        ids = [subnet["SubnetId"] for subnet in subnets]
        self.home.create_db_subnet_group(DBSubnetGroupName=name, DBSubnetGroupDescription="x", SubnetIds=ids)
        self.home.create_db_parameter_group(
            DBParameterGroupName=name, DBParameterGroupFamily="postgres16", Description="x"
        )
        self.made = self.home.create_db_instance(
            **{
                "DBInstanceIdentifier": name, "DBInstanceClass": "db.t4g.micro", "Engine": "postgres",
                "EngineVersion": "16.3", "AllocatedStorage": 20, "MasterUsername": "shop",
                "MasterUserPassword": "hunter2hunter2", "MultiAZ": True, "BackupRetentionPeriod": 7,
                "DBSubnetGroupName": name, "DBParameterGroupName": name, **settings,
            }
        )["DBInstance"]  # fmt: skip

    def replicate(self, client: Any, name: str, **settings: Any) -> Any:
        source = self.made["DBInstanceArn"] if client is self.away else self.name
        made = client.create_db_instance_read_replica(
            DBInstanceIdentifier=name, SourceDBInstanceIdentifier=source, **settings
        )
        return made["DBInstance"]

    @staticmethod
    def described(client: Any, name: str) -> Any:
        return client.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]


def test_each_instance_has_a_resource_id_of_its_own(connect: Any):
    """IAM policies, performance data and our own identity of a writer hang on it; moto had one for all."""
    database = Database(connect, "ids")
    replica = database.replicate(database.home, "ids-replica")
    found = {database.made["DbiResourceId"], replica["DbiResourceId"]}
    assert len(found) == 2
    assert all(len(resource_id) == 29 for resource_id in found)
    assert database.described(database.home, "ids")["DbiResourceId"] == database.made["DbiResourceId"]


def test_an_instance_is_made_again_within_the_minute_it_was_deleted_in(connect: Any):
    """moto names the automated snapshot of a creation by the minute, and keeps it: the next creation then failed."""
    client = connect("rds")
    for _ in range(3):
        client.create_db_instance(
            DBInstanceIdentifier="again", DBInstanceClass="db.t4g.micro", Engine="postgres", MasterUsername="shop",
            MasterUserPassword="not-a-secret", AllocatedStorage=20,
        )  # fmt: skip
        client.delete_db_instance(DBInstanceIdentifier="again", SkipFinalSnapshot=True, DeleteAutomatedBackups=False)


def test_a_replica_across_regions_takes_nothing_of_its_sources_region(connect: Any):
    """moto copied subnet group, zone, Multi-AZ and retention; with a parameter group of its own the region broke."""
    database = Database(connect, "far")
    replica = database.replicate(database.away, "far-replica")
    assert replica["DBInstanceArn"].split(":")[3] == AWAY
    assert replica["AvailabilityZone"].startswith(AWAY)
    assert (replica["MultiAZ"], replica["BackupRetentionPeriod"], replica["DeletionProtection"]) == (False, 0, False)
    assert replica.get("DBSubnetGroup", {}).get("DBSubnetGroupName") != "far"
    assert replica["DBParameterGroups"][0]["DBParameterGroupName"] == "default.postgres16"
    assert (replica["Engine"], replica["EngineVersion"], replica["MasterUsername"]) == ("postgres", "16.3", "shop")
    assert replica["ReadReplicaSourceDBInstanceIdentifier"] == database.made["DBInstanceArn"]
    listed = [one["DBInstanceIdentifier"] for one in database.away.describe_db_instances()["DBInstances"]]
    assert "far-replica" in listed
    source = database.described(database.home, "far")
    assert source["ReadReplicaDBInstanceIdentifiers"] == [replica["DBInstanceArn"]]
    database.away.delete_db_instance(DBInstanceIdentifier="far-replica", SkipFinalSnapshot=True)
    assert database.described(database.home, "far")["ReadReplicaDBInstanceIdentifiers"] == []


def test_a_replica_beside_its_source_shares_the_network(connect: Any):
    """Within a region networking and parameters are inherited, capacity and backups are its own."""
    database = Database(connect, "near")
    replica = database.replicate(database.home, "near-replica", DBInstanceClass="db.t4g.small")
    assert replica["DBSubnetGroup"]["DBSubnetGroupName"] == "near"
    assert replica["DBParameterGroups"][0]["DBParameterGroupName"] == "near"
    assert (replica["MultiAZ"], replica["BackupRetentionPeriod"]) == (False, 0)
    assert (replica["DBInstanceClass"], replica["AllocatedStorage"]) == ("db.t4g.small", 20)
    assert code_of(database.replicate, client=database.home, name="near-replica") == "DBInstanceAlreadyExists"


def test_a_source_without_backups_has_no_replicas(connect: Any):
    """The first trap of replicas on AWS: the default retention of the API is not enough."""
    database = Database(connect, "bare", BackupRetentionPeriod=0)
    assert code_of(database.replicate, client=database.home, name="bare-replica") == "InvalidDBInstanceState"


def test_an_encrypted_replica_needs_a_key_of_its_region(connect: Any):
    """moto took none, and one of the wrong region."""
    keys = {region: connect("kms", region).create_key()["KeyMetadata"]["Arn"] for region in (HOME, AWAY)}
    database = Database(connect, "keys", StorageEncrypted=True, KmsKeyId=keys[HOME])
    replicate = database.replicate
    assert code_of(replicate, client=database.away, name="keys-far") == "InvalidParameterCombination"
    assert code_of(replicate, client=database.away, name="keys-far", KmsKeyId=keys[HOME]) == "KMSKeyNotAccessibleFault"
    assert replicate(database.away, "keys-far", KmsKeyId=keys[AWAY])["KmsKeyId"] == keys[AWAY]
    assert replicate(database.home, "keys-near")["KmsKeyId"] == keys[HOME]
    plain = Database(connect, "no-keys")
    arguments = {"client": plain.away, "name": "no-keys-far", "KmsKeyId": keys[AWAY]}
    assert code_of(plain.replicate, **arguments) == "InvalidParameterCombination"


def test_a_managed_password_rules_replicas_out(connect: Any):
    """A choice at the writer's creation that a later replica cannot undo."""
    client = connect("rds", HOME)
    client.create_db_instance(
        DBInstanceIdentifier="managed", DBInstanceClass="db.t4g.micro", Engine="postgres", AllocatedStorage=20,
        MasterUsername="shop", ManageMasterUserPassword=True, BackupRetentionPeriod=7,
    )  # fmt: skip
    replicate = client.create_db_instance_read_replica
    arguments = {"DBInstanceIdentifier": "managed-replica", "SourceDBInstanceIdentifier": "managed"}
    assert code_of(replicate, **arguments) == "InvalidDBInstanceState"


def test_a_promotion_parts_both_sides(connect: Any):
    """Afterwards neither names the other; promoting again, or the source, is refused."""
    database = Database(connect, "promote")
    database.replicate(database.away, "promote-far")
    promoted = database.away.promote_read_replica(DBInstanceIdentifier="promote-far", BackupRetentionPeriod=3)[
        "DBInstance"
    ]
    assert "ReadReplicaSourceDBInstanceIdentifier" not in promoted
    assert promoted["BackupRetentionPeriod"] == 3
    assert database.described(database.home, "promote")["ReadReplicaDBInstanceIdentifiers"] == []
    for client, name in ((database.away, "promote-far"), (database.home, "promote")):
        assert code_of(client.promote_read_replica, DBInstanceIdentifier=name) == "InvalidDBInstanceState"


def test_replicas_outlive_their_source(connect: Any):
    """They go on as instances of their own, and can be deleted."""
    database = Database(connect, "gone")
    database.replicate(database.away, "gone-far")
    database.home.delete_db_instance(DBInstanceIdentifier="gone", SkipFinalSnapshot=True)
    assert "ReadReplicaSourceDBInstanceIdentifier" not in database.described(database.away, "gone-far")
    database.away.delete_db_instance(DBInstanceIdentifier="gone-far", SkipFinalSnapshot=True)


def test_percentiles_are_answered(connect: Any):
    """p99 was an internal server error in GetMetricData and nothing in GetMetricStatistics."""
    cloudwatch = connect("cloudwatch")
    now = datetime.datetime.now(datetime.UTC).replace(second=0, microsecond=0)
    data = [{"MetricName": "Latency", "Value": float(value), "Timestamp": now} for value in range(1, 102)]
    cloudwatch.put_metric_data(Namespace="shop", MetricData=data)
    sets = {"SampleCount": 2, "Sum": 3, "Minimum": 1, "Maximum": 2}
    cloudwatch.put_metric_data(
        Namespace="shop", MetricData=[{"MetricName": "Sets", "StatisticValues": sets, "Timestamp": now}]
    )
    window = {"StartTime": now - datetime.timedelta(minutes=5), "EndTime": now + datetime.timedelta(minutes=5)}

    def query(name: str, stat: str) -> list[float]:
        metric = {"Metric": {"Namespace": "shop", "MetricName": name}, "Period": 60, "Stat": stat}
        answer = cloudwatch.get_metric_data(MetricDataQueries=[{"Id": "a", "MetricStat": metric}], **window)
        return answer["MetricDataResults"][0]["Values"]

    assert query("Latency", "p99") == [100.0]
    assert query("Latency", "p50") == [51.0]
    assert query("Latency", "Maximum") == [101.0]
    assert query("Sets", "p99") == []
    points = cloudwatch.get_metric_statistics(
        Namespace="shop", MetricName="Latency", Period=60, ExtendedStatistics=["p99", "p99.9"], **window
    )["Datapoints"]
    assert points[0]["ExtendedStatistics"] == {"p99": 100.0, "p99.9": pytest.approx(100.9)}


def test_a_percentile_lies_between_the_closest_ranks():
    """Its ends are the smallest and the largest value; one value is every percentile of itself."""
    assert [percentile([4.0, 1.0, 3.0, 2.0], percent) for percent in (0, 50, 100)] == [1.0, 2.5, 4.0]
    assert percentile([7.0], 99.9) == 7.0


class _Receiver(BaseHTTPRequestHandler):
    received: list[dict[str, Any]]
    arrived: threading.Event

    def do_POST(self) -> None:
        self.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()
        self.arrived.set()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- inherited
        """Nothing on the terminal."""


def test_messages_reach_a_local_endpoint(connect: Any):
    """An alarm's topic delivers to whoever listens on this machine, `seawall incident serve` for one."""
    handler = type("Receiver", (_Receiver,), {"received": [], "arrived": threading.Event()})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sns = connect("sns")
        topic = sns.create_topic(Name="alarms")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=f"http://127.0.0.1:{server.server_port}/hook")
        sns.publish(TopicArn=topic, Message="down", Subject="shop")
        assert handler.arrived.wait(20)
        server.shutdown()
    assert [(message["Message"], message["Subject"]) for message in handler.received] == [("down", "shop")]


def test_an_endpoint_that_cannot_be_reached_does_not_fail_the_publisher(connect: Any, folder: Path):
    """moto answered with an internal server error; off this machine nothing is even tried, and the log says so."""
    sns = connect("sns")
    topic = sns.create_topic(Name="unreachable")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="https", Endpoint="https://pager.example.com/hook")
    begun = time.monotonic()
    assert sns.publish(TopicArn=topic, Message="down")["MessageId"]
    assert time.monotonic() - begun < 10
    log = folder / "server.log"
    deadline = time.monotonic() + 20
    while "was not delivered to https://pager.example.com/hook" not in log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert "the local cloud stays on this machine" in log.read_text()


def test_many_callers_at_once_lose_nothing(connect: Any):
    """The engine creates in parallel; the server answers each request in a thread of its own."""
    route53 = connect("route53")
    zone = route53.create_hosted_zone(Name="many.example.com", CallerReference="many")["HostedZone"]["Id"]

    def create(number: int) -> None:
        record = {
            "Name": f"n{number}.many.example.com",
            "Type": "A",
            "TTL": 60,
            "ResourceRecords": [{"Value": "192.0.2.1"}],
        }
        batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(create, range(40)))
    assert len(route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]) == 42


def test_another_moto_is_refused(monkeypatch: pytest.MonkeyPatch):
    """The patches reach into its internals: with another version they could do harm without a sign."""
    monkeypatch.setattr(metadata, "version", lambda _: "5.2.6")
    with pytest.raises(moto_patches.UnknownMoto, match=r"^moto = 5\.2\.6: exactly 5\.2\.5, because"):
        moto_patches.check_version()
