"""What Seawall's code does on AWS, by its module, as it is run for the policies that grant its calls."""

import shlex
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.stub import Stubber

from localcloud.provider.clients import Clients
from pulumi_seawall._identity_calls import (
    ADOPT,
    AUDIT,
    BACKUPS,
    BOARD,
    EXPLAIN,
    JOURNALS,
    LEASES,
    LIVE,
    OBSERVE,
    PRINTED,
    SWITCH,
    TOPOLOGY,
)
from pulumi_seawall._switch_plan import control_commands, object_commands, plan_switch
from seawall.contract import declared_parameter
from seawall.topology import SsmSource, dump, load
from seawall_ops import backups
from seawall_ops.adopt.account import look_at_account
from seawall_ops.audit import Decision, TableSink
from seawall_ops.audit.records import Draft
from seawall_ops.dns import Signal
from seawall_ops.explain import reading
from seawall_ops.failover.board import Stored
from seawall_ops.failover.observe import check_status
from seawall_ops.failover.plans.ssm import SsmPlace
from seawall_ops.failover.plans.switches import ENDPOINTS, ObjectSwitch, RoutingControlSwitch
from seawall_ops.failover.store_dynamodb import DynamoDbStore
from seawall_ops.lease import LeaseRecord
from seawall_ops.lease.dynamodb import DynamoDBLeaseStore
from seawall_ops.steps import Context, Observation, Plan, Seen, Step, TableJournals
from seawall_ops.steps.journal import begin
from topology_documents import failed_over, shop

REGION, AWAY = "eu-west-1", "us-west-2"
CONTROL = "arn:aws:route53-recovery-control::123456789012:controlpanel/0a/routingcontrol/"


def topology(clients: Clients) -> Callable[[], None]:
    """What every app does: load both documents, and read the live one alone."""
    service, ssm = f"s{uuid.uuid4().hex[:8]}", clients.get("ssm", REGION)
    ssm.put_parameter(Name=declared_parameter(service, "dev"), Value=dump(shop()), Type="String")

    def run() -> None:
        source = SsmSource(service, "dev", client=ssm)
        assert load(source).declared.regions
        assert source.read_live() is None

    return run


def adopting(clients: Clients) -> Callable[[], None]:
    """What `seawall adopt` looks at: every kind of thing that it knows is there to be seen."""
    name = f"s{uuid.uuid4().hex[:8]}"
    clients.get("route53", "us-east-1").create_hosted_zone(Name=f"{name}.test", CallerReference=name)
    rds = clients.get("rds", REGION)
    rds.create_db_parameter_group(DBParameterGroupName=name, DBParameterGroupFamily="postgres17", Description="x")
    rds.create_db_instance(
        DBInstanceIdentifier=name, DBInstanceClass="db.t4g.micro", Engine="postgres", AllocatedStorage=20,
        MasterUsername="shop", MasterUserPassword="hunter2hunter2", DBParameterGroupName=name,
    )  # fmt: skip

    def make_client(service: str, region: str | None = None) -> Any:
        return clients.get(service, region or REGION)

    def run() -> None:
        assert look_at_account(f"shop.{name}.test", [REGION], make_client).instances

    return run


def explaining(clients: Clients) -> Callable[[], None]:
    """What `seawall dns explain` reads: by name and by `--zone-id`, a check with its name, and with `--now` its status."""
    name = f"s{uuid.uuid4().hex[:8]}"
    route53 = clients.get("route53", "us-east-1")
    zone_id = route53.create_hosted_zone(Name=f"{name}.test", CallerReference=name)["HostedZone"]["Id"].rpartition("/")[
        2
    ]
    check_id = route53.create_health_check(
        CallerReference=name, HealthCheckConfig={"Type": "TCP", "IPAddress": "203.0.113.10", "Port": 443}
    )["HealthCheck"]["Id"]
    tags = [{"Key": "Name", "Value": name}]
    route53.change_tags_for_resource(ResourceType="healthcheck", ResourceId=check_id, AddTags=tags)
    record = {
        "Name": f"shop.{name}.test", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "203.0.113.10"}],
        "Weight": 1, "SetIdentifier": "blue", "HealthCheckId": check_id,
    }  # fmt: skip
    changes = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
    route53.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch=changes)

    def run() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reading, "client", clients.get)
            by_name = reading.from_route53(f"shop.{name}.test")
            by_id = reading.from_route53(f"shop.{name}.test", zone_id=zone_id, now=True)
        assert by_name.checks[check_id].name == name
        assert by_id.signals == {check_id: Signal.HEALTHY}

    return run


def table_of(clients: Clients, *keys: str) -> tuple[str, Any]:
    """A table of its own, and the client of its region."""
    dynamodb, name = clients.get("dynamodb", REGION), f"t{uuid.uuid4().hex[:8]}"
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)],
    )
    return name, dynamodb


def voting(clients: Clients) -> Callable[[], None]:
    """What a board does: read, put, delete."""
    table, dynamodb = table_of(clients, "cluster", "record")
    store = DynamoDbStore(table, "shop-prod", region=REGION, client=dynamodb)

    def run() -> None:
        store.put("vote", Stored(1, "{}"), over=None)
        assert store.read()["vote"].version == 1
        store.delete("vote", over=1)

    return run


def leasing(clients: Clients) -> Callable[[], None]:
    """What a lease does: make it, take it, keep it."""
    table, dynamodb = table_of(clients, "id")
    store = DynamoDBLeaseStore(table, region=REGION, client=dynamodb)

    def run() -> None:
        store.create("failover-shop", LeaseRecord(holder="", fence=0, ttl_seconds=30.0, write="w1"))
        made = store.read("failover-shop")
        assert made is not None
        taken = store.replace(
            "failover-shop", replace(made.record, holder="a", fence=made.record.fence + 1, write="w2"), made
        )
        assert taken is not None
        assert store.replace("failover-shop", replace(taken.record, write="w3"), taken) is not None

    return run


class Nothing(Step):
    """A step for a journal to tell of."""

    name = "nothing"
    what = "does nothing"

    def observe(self, context: Context) -> Observation:
        return Observation(Seen.BEFORE, "nothing")

    def apply(self, context: Context) -> None:
        """Nothing."""

    def undo(self, context: Context) -> None:
        """Nothing."""


def journaling(clients: Clients) -> Callable[[], None]:
    """What a journal in a table does."""
    table, dynamodb = table_of(clients, "operation", "position")
    journals = TableJournals(table, region=REGION, dynamodb=dynamodb)

    def run() -> None:
        assert journals.read("failover-1") is None
        plan = Plan(name="nothing", version=1, steps=(Nothing(),), inputs={}, summary="does nothing")
        journals.write(replace(begin("failover-1", plan, 1), revision=1))

    return run


def recording(clients: Clients) -> Callable[[], None]:
    """What the record's sink does, also when the record has arrived already."""
    table, dynamodb = table_of(clients, "operation", "position")
    sink = TableSink(table, region=REGION, dynamodb=dynamodb)

    def run() -> None:
        fact = Decision(subject="shop", decision="wait", because="it is a test")
        draft = Draft(
            operation="failover-1", at=datetime(2026, 11, 26, tzinfo=UTC), monotonic_seconds=0.0, actor="a", host="h",
            fence=1, fact=fact,
        )  # fmt: skip
        record = draft.chained("c", 1, "")
        sink.put(record)
        sink.put(record)

    return run


def publishing(clients: Clients) -> Callable[[], None]:
    """What a failover does to the live document."""
    place = SsmPlace(f"s{uuid.uuid4().hex[:8]}", "prod", REGION, clients.get("ssm", REGION))

    def run() -> None:
        assert place.read() is None
        place.write(failed_over())
        assert place.read() == failed_over()

    return run


def observing(clients: Clients) -> Callable[[], None]:
    """What an observer asks of AWS about a member."""
    name, rds = f"s{uuid.uuid4().hex[:8]}", clients.get("rds", REGION)
    rds.create_db_instance(
        DBInstanceIdentifier=name, DBInstanceClass="db.t4g.micro", Engine="postgres", AllocatedStorage=20,
        MasterUsername="shop", MasterUserPassword="hunter2hunter2",
    )  # fmt: skip

    def run() -> None:
        check_status(rds, name)

    return run


def two_buckets(clients: Clients) -> tuple[dict[str, str], str]:
    """A switch's positions, and its key."""
    name, key = f"s{uuid.uuid4().hex[:8]}", "out-of-service"
    for kept_in in (REGION, AWAY):
        clients.get("s3", kept_in).create_bucket(
            Bucket=f"{name}-{kept_in}", CreateBucketConfiguration={"LocationConstraint": kept_in}
        )
    return {AWAY: f"s3://{name}-{REGION}/{key}", REGION: f"s3://{name}-{AWAY}/{key}"}, key


def without_cluster(clients: Clients, region: str) -> tuple[Any, Stubber]:
    """A client of ARC, which moto lacks: its calls are noted, and answered here."""
    client = clients.get("route53-recovery-cluster", region)
    stub = Stubber(client)
    stub.activate()
    return client, stub


def switching(clients: Clients) -> Callable[[], None]:
    """What a failover does to the switch, in both forms."""
    positions, _ = two_buckets(clients)
    objects = ObjectSwitch(positions, lambda region: clients.get("s3", region))
    arns = {region: CONTROL + str(number) for number, region in enumerate((REGION, AWAY))}
    urls = {f"{REGION}{number}": "https://cluster.test" for number in range(ENDPOINTS)}
    client, stub = without_cluster(clients, REGION)
    controls = RoutingControlSwitch(arns, urls, lambda region, url: client)

    def run() -> None:
        objects.force(AWAY)
        assert objects.region() == AWAY
        state = {"RoutingControlArn": CONTROL + "0", "RoutingControlState": "On"}
        stub.add_response("update_routing_control_states", {})
        for _ in arns:
            stub.add_response("get_routing_control_state", state)
        controls.force(None)
        assert controls.region() is None
        stub.deactivate()

    return run


def by_hand(clients: Clients) -> Callable[[], None]:
    """The commands that a `FailoverSwitch` prints, in both forms."""
    positions, key = two_buckets(clients)
    bucket = positions[REGION].removeprefix("s3://").partition("/")[0]
    plan = plan_switch({"primary_region": REGION, "standby_region": AWAY, "object": {}})
    of_objects = object_commands(AWAY, bucket, key)
    of_controls = control_commands(plan, {AWAY: "https://cluster.test"}, f"{CONTROL}0", f"{CONTROL}1")
    _, stub = without_cluster(clients, AWAY)

    def run() -> None:
        for line in (*of_objects.throw, *of_objects.status, *of_objects.release):
            _, service, operation, *_ = words = shlex.split(line)
            assert service == "s3api"
            getattr(clients.get("s3", AWAY), operation.replace("-", "_"))(Bucket=bucket, Key=words[-1])
        for line in (*of_controls.throw, *of_controls.status):
            _, service, operation, *_ = shlex.split(line)
            asked: Any = {"RoutingControlArn": f"{CONTROL}0"}
            if operation.startswith("update"):
                entry = {**asked, "RoutingControlState": "Off"}
                asked, answer = {"UpdateRoutingControlStateEntries": [entry]}, {}
            else:
                answer = {**asked, "RoutingControlState": "Off"}
            name = operation.replace("-", "_")
            stub.add_response(name, answer)
            getattr(clients.get(service, AWAY), name)(**asked)
        stub.deactivate()

    return run


def watching_backups(clients: Clients) -> Callable[[], None]:
    """What `seawall backups` does; moto has no replicated backups and no recovery points by resource."""
    source = "arn:aws:rds:eu-west-1:123456789012:db:shop"
    rds, backup = clients.get("rds", REGION), clients.get("backup", REGION)
    of_rds, of_backup = Stubber(rds), Stubber(backup)
    now = datetime(2026, 11, 26, tzinfo=UTC)

    def run() -> None:
        replicated = {"DBInstanceArn": source, "Status": "replicating", "RestoreWindow": {"LatestTime": now}}
        of_rds.add_response("describe_db_instance_automated_backups", {"DBInstanceAutomatedBackups": [replicated]})
        of_backup.add_response("list_recovery_points_by_resource", {"RecoveryPoints": []})
        with of_rds, of_backup:
            assert backups.publish_age(rds, clients.get("cloudwatch", REGION), source, now) == 0
            assert backups.newest_recovery_point(backup, source) is None

    return run


# Prepares what the code needs, and says how it is run. RDS's own code is run against a fake by its own tests, which hold
# `RDS_CALLS` to what goes out.
CODE: dict[str, Callable[[Clients], Callable[[], None]]] = {
    TOPOLOGY: topology,
    ADOPT: adopting,
    EXPLAIN: explaining,
    AUDIT: recording,
    BACKUPS: watching_backups,
    BOARD: voting,
    JOURNALS: journaling,
    LEASES: leasing,
    LIVE: publishing,
    OBSERVE: observing,
    PRINTED: by_hand,
    SWITCH: switching,
}
