"""The policies of identities against the calls that the code really makes, as botocore sends them to the local server."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from localcloud.provider.clients import Clients
from pulumi_seawall import WorkloadPurpose
from pulumi_seawall._identity_calls import ADOPT, CALLS, EXPLAIN, TOPOLOGY, Call
from seawall.contract import declared_parameter
from seawall.topology import SsmSource, dump, load
from seawall_ops.adopt.account import look_at_account
from seawall_ops.dns import Signal
from seawall_ops.explain import reading
from seawall_policies import operations
from topology_documents import shop

pytestmark = pytest.mark.xdist_group("provider")

REGION = "eu-west-1"


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


# Prepares what the code needs, and says how it is run.
CODE: dict[str, Callable[[Clients], Callable[[], None]]] = {TOPOLOGY: topology, ADOPT: adopting, EXPLAIN: explaining}

# What is granted for code that is not written yet: the failover command, its observers and its switch. When that code
# makes the calls, its module stands in the table, and nothing may be left here.
AHEAD = {
    WorkloadPurpose.OBSERVER: {
        *("route53:GetHealthCheck", "route53:GetHealthCheckStatus"),
        *("cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData"),
    },
    WorkloadPurpose.OPERATOR: {
        *("ssm:PutParameter", "rds:DescribeDBInstances", "rds:PromoteReadReplica", "route53:GetHealthCheckStatus"),
        *("s3:GetObject", "s3:PutObject", "s3:DeleteObject"),
        *("route53-recovery-cluster:GetRoutingControlState", "route53-recovery-cluster:UpdateRoutingControlState"),
    },
}


RUN = [
    (purpose, caller)
    for purpose, calls in CALLS.items()
    for caller in CODE
    if any(caller in call.callers for call in calls)
]


@pytest.mark.parametrize(("purpose", "caller"), RUN)
def test_a_purpose_is_granted_exactly_the_calls_of_the_code_that_it_runs(
    purpose: WorkloadPurpose, caller: str, local_clients: Any
) -> None:
    """One call less in the table is denied in production; one more is a right that nobody needs."""
    run = CODE[caller](local_clients.clients)
    local_clients.calls.taken()
    run()
    assert local_clients.calls.taken() == {call.permission for call in CALLS[purpose] if caller in call.callers}


def test_every_caller_in_the_table_is_run_and_the_rest_is_known_to_be_ahead() -> None:
    """A module that is named but never run would prove nothing; what has no module is listed, so that it shrinks."""
    calls = [(purpose, call) for purpose, granted in CALLS.items() for call in granted]
    assert {caller for _, call in calls for caller in call.callers} == set(CODE)
    ahead: dict[WorkloadPurpose, set[str]] = {}
    for purpose, call in calls:
        if not call.callers:
            ahead.setdefault(purpose, set()).add(call.permission)
    assert ahead == AHEAD


@pytest.mark.parametrize("call", [call for calls in CALLS.values() for call in calls], ids=lambda call: call.permission)
def test_every_call_is_an_operation_of_its_service(call: Call) -> None:
    """A misspelled operation would be a permission that IAM takes and nothing ever uses."""
    assert call.operation in operations(call.service)
