"""Every AWS type of the table, through its whole life on the local server. The next type adds a sample, nothing else."""

import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pulumi.provider.experimental import provider as sdk

from localcloud import cloud
from localcloud.provider import values
from localcloud.provider.aws import ADAPTERS, FUNCTIONS
from localcloud.provider.clients import Clients
from localcloud.provider.core import Provider
from localcloud.provider.journal import Journal
from localcloud.provider.recorded import recorded
from localcloud.provider.serve import DiffRequest, UpdateRequest
from localcloud.provider.values import UNKNOWN

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("provider")]
SEED = b"\x01\x23\x45\x67"
TOPIC_ARN = "arn:aws:sns:us-east-1:123456789012:alarms"

# Per type: the inputs that it is created with, and changes that must be possible in place. `{zone}` and the like stand
# for what the fixture has made.
SAMPLES: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
    "aws:route53/zone:Zone": (
        {"name": "sample.test", "comment": "first", "tags": {"a": "1"}},
        [{"comment": "second"}, {"tags": {"a": "2", "b": "3"}}, {"forceDestroy": True}],
    ),
    "aws:route53/record:Record": (
        {
            "zoneId": "{zone}", "name": "shop.{zone_name}", "type": "A", "ttl": 30, "records": ["203.0.113.1"],
            "setIdentifier": "primary", "failoverRoutingPolicies": [{"type": "PRIMARY"}], "healthCheckId": "{check}",
        },
        [{"ttl": 20}, {"records": ["203.0.113.2", "203.0.113.3"]}, {"setIdentifier": "first"}],
    ),
    "aws:route53/healthCheck:HealthCheck": (
        {
            "type": "HTTPS", "fqdn": "eu.shop.test", "port": 443, "resourcePath": "/livez", "requestInterval": 10,
            "failureThreshold": 3, "regions": ["us-east-1", "eu-west-1", "sa-east-1"], "tags": {"Name": "shop"},
        },
        [{"failureThreshold": 2}, {"resourcePath": "/healthz"}, {"invertHealthcheck": True}, {"tags": {"Name": "other"}}],
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": (
        {
            "name": "sample", "region": "us-east-1", "namespace": "AWS/Route53", "metricName": "HealthCheckStatus",
            "statistic": "Minimum", "comparisonOperator": "LessThanThreshold", "threshold": 1, "period": 60,
            "evaluationPeriods": 1, "dimensions": {"HealthCheckId": "one"}, "alarmActions": [TOPIC_ARN],
        },
        [{"threshold": 2}, {"alarmActions": []}, {"dimensions": {"HealthCheckId": "two"}}, {"treatMissingData": "breaching"}],
    ),
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": (
        {"alarmName": "both", "region": "us-east-1", "alarmRule": 'ALARM("one") AND ALARM("two")', "alarmActions": [TOPIC_ARN]},
        [{"alarmRule": 'ALARM("one")'}, {"alarmDescription": "both sides"}],
    ),
    "aws:sns/topic:Topic": (
        {"region": "us-east-1", "displayName": "Alarms", "tags": {"a": "1"}},
        [{"displayName": "Other"}, {"tags": {}}],
    ),
    "aws:sns/topicSubscription:TopicSubscription": (
        {"region": "us-east-1", "topic": "{topic}", "protocol": "email", "endpoint": "on-call@example.com"},
        [],
    ),
    "aws:ec2/vpc:Vpc": (
        {"region": "eu-west-1", "cidrBlock": "10.0.0.0/16", "tags": {"Name": "sample"}},
        [{"enableDnsHostnames": True}, {"tags": {"Name": "other"}}],
    ),
    "aws:ec2/subnet:Subnet": (
        {"region": "us-east-1", "vpcId": "{vpc}", "cidrBlock": "10.0.9.0/24", "availabilityZone": "us-east-1b", "tags": {"a": "1"}},
        [{"mapPublicIpOnLaunch": True}, {"tags": {"b": "1"}}],
    ),
    "aws:ec2/securityGroup:SecurityGroup": (
        {
            "region": "us-east-1", "name": "{name}", "vpcId": "{vpc}", "egress": [], "tags": {"a": "1"},
            "ingress": [{"protocol": "tcp", "fromPort": 5432, "toPort": 5432, "cidrBlocks": ["10.1.0.0/16", "10.0.0.0/16"], "description": "shop"}],
        },
        [
            {"ingress": []},
            {"ingress": [
                {"protocol": "tcp", "fromPort": 5432, "toPort": 5432, "cidrBlocks": ["10.1.0.0/16"], "ipv6CidrBlocks": ["2001:db8::/32"]},
                {"protocol": "-1", "fromPort": 0, "toPort": 0, "self": True, "securityGroups": ["{group}"], "description": "peers"},
            ]},
            {"egress": [{"protocol": "all", "fromPort": 0, "toPort": 0, "cidrBlocks": ["0.0.0.0/0"], "ipv6CidrBlocks": ["::/0"]}]},
            {"tags": {"b": "1"}},
        ],
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": (
        {
            "region": "us-east-1", "securityGroupId": "{group}", "ipProtocol": "tcp", "fromPort": 5432, "toPort": 5432,
            "cidrIpv4": "10.0.0.0/16", "description": "shop", "tags": {"a": "1"},
        },
        [{"cidrIpv4": "10.1.0.0/16"}, {"toPort": 5433}, {"description": "others"}, {"tags": {"b": "1"}}],
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": (
        {"region": "us-east-1", "securityGroupId": "{group}", "ipProtocol": "-1", "referencedSecurityGroupId": "{other_group}"},
        [{"description": "others"}, {"referencedSecurityGroupId": "{group}"}],
    ),
    "aws:kms/key:Key": (
        {"region": "us-east-1", "description": "first", "enableKeyRotation": True, "deletionWindowInDays": 7, "tags": {"a": "1"}},
        [
            {"description": "second"}, {"enableKeyRotation": False}, {"isEnabled": False}, {"isEnabled": True},
            {"policy": '{"Version": "2012-10-17", "Statement": []}'}, {"deletionWindowInDays": 30}, {"tags": {"b": "1"}},
        ],
    ),
    "aws:kms/alias:Alias": (
        {"region": "us-east-1", "name": "alias/{name}", "targetKeyId": "{key}"},
        [{"targetKeyId": "{other_key}"}],
    ),
    "aws:rds/subnetGroup:SubnetGroup": (
        {"region": "us-east-1", "name": "{name}", "subnetIds": ["{subnet_a}", "{subnet_b}"], "tags": {"a": "1"}},
        [{"subnetIds": ["{subnet_b}", "{subnet_c}"]}, {"description": "others"}, {"tags": {"b": "1"}}],
    ),
    "aws:rds/parameterGroup:ParameterGroup": (
        {
            "region": "us-east-1", "name": "{name}", "family": "postgres17", "tags": {"a": "1"},
            "parameters": [
                {"name": "rds.force_ssl", "value": "1"},
                {"name": "max_connections", "value": "100", "applyMethod": "pending-reboot"},
            ],
        },
        [
            {"parameters": [{"name": "rds.force_ssl", "value": "0"}]},
            {"parameters": []}, {"skipDestroy": True}, {"skipDestroy": False}, {"tags": {"b": "1"}},
        ],
    ),
    "aws:rds/instance:Instance": (
        {
            "region": "us-east-1", "identifier": "{name}", "instanceClass": "db.t4g.micro", "engine": "postgres",
            "engineVersion": "17", "allocatedStorage": 20, "username": "shop", "password": "hunter2hunter2",
            "dbName": "shop", "dbSubnetGroupName": "{subnet_group}", "vpcSecurityGroupIds": ["{group}"],
            "storageEncrypted": True, "kmsKeyId": "{key}", "multiAz": True, "backupRetentionPeriod": 7,
            "applyImmediately": True, "skipFinalSnapshot": True, "deletionProtection": False, "tags": {"a": "1"},
        },
        [
            {"instanceClass": "db.t4g.small"}, {"password": "hunter3hunter3"}, {"backupRetentionPeriod": 3},
            {"allocatedStorage": 30}, {"maxAllocatedStorage": 100}, {"multiAz": False}, {"port": 5433},
            {"vpcSecurityGroupIds": ["{other_group}", "{group}"]}, {"parameterGroupName": "{parameter_group}"},
            {"engineVersion": "18", "allowMajorVersionUpgrade": True}, {"deletionProtection": True},
            {"deletionProtection": False}, {"skipFinalSnapshot": False, "finalSnapshotIdentifier": "last-{name}"},
            {"tags": {"b": "1"}},
        ],
    ),
    "aws:ssm/parameter:Parameter": (
        {"region": "us-east-1", "name": "/{name}/topology", "type": "String", "value": "{}", "tags": {"a": "1"}},
        [{"value": '{"a": 1}'}, {"tier": "Advanced"}, {"description": "declared"}, {"tags": {"b": "1"}}],
    ),
}  # fmt: skip


@pytest.fixture
def anyio_backend() -> str:
    """The SDK's server is asyncio's."""
    return "asyncio"


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One local server for the module."""
    folder = tmp_path_factory.mktemp("cloud")
    yield cloud.start(folder).endpoint
    cloud.stop(folder)


class Plugin:
    """Plays the engine's part for one resource at a time."""

    def __init__(self, endpoint: str, folder: Path) -> None:
        self.recorded = folder / "recorded.json"
        environment = {"SEAWALL_LOCAL_ENDPOINT": endpoint, "SEAWALL_LOCAL_RECORDED": str(self.recorded)}
        self.journal = Journal(folder / "journal.json")
        self.clients = Clients(environment)
        self.provider = Provider(ADAPTERS, FUNCTIONS, self.journal, self.clients)

    async def configure(self) -> None:
        arguments = values.to_properties({"region": "eu-west-1"})
        await self.provider.configure(sdk.ConfigureRequest({}, arguments, True, True))

    @staticmethod
    def urn(type_: str, name: str = "sample") -> str:
        return f"urn:pulumi:dev::seawall::seawall:index:FailoverRecord${type_}::{name}"

    async def check(self, type_: str, inputs: dict[str, Any], olds: dict[str, Any] | None = None) -> Any:
        request = sdk.CheckRequest(
            self.urn(type_), values.to_properties(olds or {}), values.to_properties(inputs), SEED
        )
        return await self.provider.check(request)

    async def create(self, type_: str, inputs: dict[str, Any], *, preview: bool = False) -> tuple[str, dict[str, Any]]:
        response = await self.provider.create(
            sdk.CreateRequest(self.urn(type_), values.to_properties(inputs), 0, preview)
        )
        return str(response.resource_id), values.to_plain(response.properties)[0]

    async def diff(
        self, type_: str, id_: str, state: dict[str, Any], news: dict[str, Any], olds: dict[str, Any]
    ) -> Any:
        request = DiffRequest(
            values.to_properties(olds),
            self.urn(type_),
            id_,
            values.to_properties(state),
            values.to_properties(news),
            [],
        )
        return await self.provider.diff(request)

    async def update(
        self, type_: str, id_: str, state: dict[str, Any], news: dict[str, Any], olds: dict[str, Any], *, preview: bool
    ) -> dict[str, Any]:
        old, before, after = (values.to_properties(one) for one in (olds, state, news))
        request = UpdateRequest(old, self.urn(type_), id_, before, after, 0, [], preview)
        return values.to_plain((await self.provider.update(request)).properties)[0]

    async def read(self, type_: str, id_: str, state: dict[str, Any], olds: dict[str, Any]) -> Any:
        request = sdk.ReadRequest(self.urn(type_), id_, values.to_properties(state), values.to_properties(olds))
        return await self.provider.read(request)

    async def delete(self, type_: str, id_: str, state: dict[str, Any]) -> None:
        await self.provider.delete(sdk.DeleteRequest(self.urn(type_), id_, values.to_properties(state), 0))


@pytest.fixture
async def plugin(endpoint: str, tmp_path: Path) -> Plugin:
    made = Plugin(endpoint, tmp_path)
    await made.configure()
    return made


class Surroundings:
    """What samples stand on, made when one asks for it and for one test only: a zone, a check, a network, ..."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._made: dict[str, str] = {}
        self.name = f"s{uuid.uuid4().hex[:8]}"

    def get(self, name: str) -> str:
        if name == "name":
            return self.name
        if name not in self._made:
            is_subnet = name in ("subnet_a", "subnet_b", "subnet_c")
            self._made[name] = self._subnet(name[-1]) if is_subnet else getattr(self, f"_{name}")()
        return self._made[name]

    def filled(self, value: Any) -> Any:
        """The sample with `{zone}` and the like replaced."""
        if isinstance(value, str):
            return re.sub(r"\{(\w+)\}", lambda match: self.get(match[1]), value)
        if isinstance(value, dict):
            return {key: self.filled(item) for key, item in value.items()}
        return [self.filled(item) for item in value] if isinstance(value, list) else value

    def _zone_name(self) -> str:
        return f"{self.name}.test"

    def _zone(self) -> str:
        route53 = self._clients.get("route53", "us-east-1")
        made = route53.create_hosted_zone(Name=self.get("zone_name"), CallerReference=self.name)
        return made["HostedZone"]["Id"].rsplit("/", 1)[-1]

    def _check(self) -> str:
        configuration = {
            "Type": "TCP", "FullyQualifiedDomainName": "a.test", "Port": 443, "RequestInterval": 10,
            "FailureThreshold": 3,
        }  # fmt: skip
        route53 = self._clients.get("route53", "us-east-1")
        return route53.create_health_check(CallerReference=self.name, HealthCheckConfig=configuration)["HealthCheck"][
            "Id"
        ]

    def _vpc(self) -> str:
        return self._clients.get("ec2", "us-east-1").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]

    def _group(self, name: str = "group") -> str:
        ec2 = self._clients.get("ec2", "us-east-1")
        return ec2.create_security_group(GroupName=name, Description="x", VpcId=self.get("vpc"))["GroupId"]

    def _other_group(self) -> str:
        return self._group("other")

    def _subnet(self, zone: str) -> str:
        block = {"a": "10.0.1.0/24", "b": "10.0.2.0/24", "c": "10.0.3.0/24"}[zone]
        made = self._clients.get("ec2", "us-east-1").create_subnet(
            VpcId=self.get("vpc"), CidrBlock=block, AvailabilityZone=f"us-east-1{zone}"
        )
        return made["Subnet"]["SubnetId"]

    def _subnet_group(self) -> str:
        subnets = [self.get("subnet_a"), self.get("subnet_b")]
        name = f"group-{self.name}"
        self._clients.get("rds", "us-east-1").create_db_subnet_group(
            DBSubnetGroupName=name, DBSubnetGroupDescription="x", SubnetIds=subnets
        )
        return name

    def _parameter_group(self) -> str:
        name = f"parameters-{self.name}"
        self._clients.get("rds", "us-east-1").create_db_parameter_group(
            DBParameterGroupName=name, DBParameterGroupFamily="postgres17", Description="x"
        )
        return name

    def _key(self) -> str:
        return self._clients.get("kms", "us-east-1").create_key()["KeyMetadata"]["Arn"]

    _other_key = _key

    def _topic(self) -> str:
        return self._clients.get("sns", "us-east-1").create_topic(Name=self.name)["TopicArn"]


@pytest.fixture
def surroundings(plugin: Plugin) -> Surroundings:
    return Surroundings(plugin.clients)


def test_every_type_has_a_sample() -> None:
    """A type without a sample would go through the table untested."""
    assert SAMPLES.keys() == ADAPTERS.keys()


@pytest.mark.parametrize("type_", SAMPLES)
async def test_a_type_lives_its_whole_life(type_: str, plugin: Plugin, surroundings: Surroundings) -> None:
    """Created, read back the same, changed in place, unchanged afterwards, deleted, deleted again, gone."""
    sample, edits = SAMPLES[type_]
    checked = await plugin.check(type_, surroundings.filled(sample))
    assert not checked.failures
    inputs = values.to_plain(checked.inputs)[0]

    id_, promised = await plugin.create(type_, inputs, preview=True)
    assert id_ == ""
    assert all(promised[name] is UNKNOWN for name in ADAPTERS[type_].computed)
    id_, state = await plugin.create(type_, inputs)
    assert id_
    assert ADAPTERS[type_].computed - {"confirmationWasAuthenticated"} <= state.keys()
    assert not (await plugin.diff(type_, id_, state, inputs, inputs)).changes

    read = await plugin.read(type_, id_, state, inputs)
    assert read.resource_id == id_
    assert values.to_plain(read.inputs)[0] == inputs

    for edit in edits:
        news = values.to_plain((await plugin.check(type_, {**inputs, **surroundings.filled(edit)}, inputs)).inputs)[0]
        difference = await plugin.diff(type_, id_, state, news, inputs)
        assert difference.changes
        assert not difference.replaces
        preview = await plugin.update(type_, id_, state, news, inputs, preview=True)
        assert {name: preview[name] for name in news} == news
        assert UNKNOWN not in preview.values()
        state = await plugin.update(type_, id_, state, news, inputs, preview=False)
        inputs = news
        assert not (await plugin.diff(type_, id_, state, inputs, inputs)).changes
        assert values.to_plain((await plugin.read(type_, id_, state, inputs)).inputs)[0] == inputs

    await plugin.delete(type_, id_, state)
    await plugin.delete(type_, id_, state)
    assert not (await plugin.read(type_, id_, state, inputs)).resource_id
    assert recorded(plugin.recorded) == []


@pytest.mark.parametrize("type_", SAMPLES)
async def test_an_unknown_input_is_refused_with_the_nearest_right_one(
    type_: str, plugin: Plugin, surroundings: Surroundings
) -> None:
    """A misspelled input that is silently dropped is a setting that somebody believes in."""
    sample = surroundings.filled(SAMPLES[type_][0])
    name = next(iter(sample))
    failures = (await plugin.check(type_, {**sample, f"{name}x": "v"})).failures
    assert [failure.property for failure in failures] == [f"{name}x"]
    assert name in failures[0].reason
    assert "\n" not in failures[0].reason


@pytest.mark.parametrize("type_", [type_ for type_, adapter in ADAPTERS.items() if adapter.regional])
async def test_another_region_asks_for_a_new_object(type_: str, plugin: Plugin, surroundings: Surroundings) -> None:
    """An object cannot move: a changed region must be planned as a replacement, never tried as an update."""
    state = values.to_plain((await plugin.check(type_, surroundings.filled(SAMPLES[type_][0]))).inputs)[0]
    difference = await plugin.diff(type_, "id", state, {**state, "region": "sa-east-1"}, state)
    assert difference.replaces == ["region"]


@pytest.mark.parametrize("type_", SAMPLES)
async def test_what_a_killed_run_created_is_adopted_and_not_made_twice(
    type_: str, plugin: Plugin, surroundings: Surroundings
) -> None:
    """The engine died between the creation and its own note of it: the next run's Create finds the same object."""
    inputs = values.to_plain((await plugin.check(type_, surroundings.filled(SAMPLES[type_][0]))).inputs)[0]
    first, _ = await plugin.create(type_, inputs)
    second, state = await plugin.create(type_, inputs)
    assert second == first
    await plugin.diff(type_, first, state, inputs, inputs)  # the engine shows that it knows the object now
    assert plugin.journal.entry(plugin.urn(type_), type_) is None
    await plugin.delete(type_, first, state)


async def test_without_the_local_cloud_nothing_is_called(tmp_path: Path) -> None:
    """A plugin that fell back to its defaults would change somebody's real account."""
    provider = Provider(ADAPTERS, FUNCTIONS, Journal(tmp_path / "journal.json"), Clients({}))
    request = sdk.CreateRequest(Plugin.urn("aws:route53/zone:Zone"), values.to_properties({"name": "a.test"}), 0, False)
    with pytest.raises(Exception, match="make dev") as caught:
        await provider.create(request)
    assert "\n" not in str(caught.value)
