"""RDS, EC2 and CloudWatch behind real boto3 clients, with a clock and statuses that are scripted.

botocore checks every call's parameters against AWS's own models before they come here; nothing is sent. What moto lets pass at
once (a promotion, a reboot) goes through the statuses that RDS has, as late as a script says.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import boto3
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from recorded_calls import CallRecorder
from seawall.testing import FakeClock

BEGAN = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
ACCOUNT = "123456789012"
_SESSION = boto3.Session(aws_access_key_id="local", aws_secret_access_key="local")
_CLIENTS = threading.local()

Change = tuple[float, dict[str, Any]]
"""Seconds from now, and what becomes of an instance then; `None` takes a key away."""


class _Response:
    status_code = 200


@dataclass
class Fault:
    """What goes wrong with a call, and how often."""

    operation: str
    error: str
    times: int = 1
    region: str | None = None
    after: int = 0
    """So many calls of it go well before."""
    lost_answer: bool = False
    """The call is done, and nobody hears of it."""


@dataclass
class FakeAws:
    """An account. Time passes only while somebody sleeps."""

    clock: FakeClock = field(default_factory=FakeClock)
    instances: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    acls: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    interfaces: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    lags: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """By instance: seconds ago, and the datum."""
    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    scripts: dict[str, Sequence[Change]] = field(default_factory=dict)
    """What follows a call, by operation."""
    restarts_are_told: bool = True
    recorder: CallRecorder = field(default_factory=CallRecorder)
    on_call: Callable[[str], None] = lambda _: None
    _pending: list[tuple[float, dict[str, Any], dict[str, Any]]] = field(default_factory=list)

    # What the code under test is given

    def client(self, service: str, region: str) -> Any:
        """boto3's, made once for all tests."""
        made = _CLIENTS.__dict__.setdefault("made", {})
        if (service, region) not in made:
            made[service, region] = client_of(service, region, lambda: _CLIENTS.account)
        _CLIENTS.account = self
        return made[service, region]

    def sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self._settle()

    def now(self) -> datetime:
        return BEGAN + timedelta(seconds=self.clock.monotonic())

    # What a test arranges

    def add(self, identifier: str, region: str, subnets: Sequence[str], **more: Any) -> dict[str, Any]:
        """An instance that is available, on 5432."""
        instance = {
            "DBInstanceIdentifier": identifier,
            "DBInstanceStatus": "available",
            "DBInstanceArn": f"arn:aws:rds:{region}:{ACCOUNT}:db:{identifier}",
            "DbiResourceId": f"db-{identifier.upper()}",
            "Engine": "postgres",
            "Endpoint": {"Address": f"{identifier}.example", "Port": 5432},
            "DBSubnetGroup": {"DBSubnetGroupName": "data", "Subnets": [{"SubnetIdentifier": each} for each in subnets]},
            "BackupRetentionPeriod": 7,
            "PendingModifiedValues": {},
            **more,
        }
        self.instances[region, identifier] = instance
        return instance

    def add_acl(self, id_: str, region: str, subnets: Sequence[str]) -> dict[str, Any]:
        """A network ACL that lets everything through."""
        acl = {
            "NetworkAclId": id_,
            "Associations": [{"SubnetId": each} for each in subnets],
            "Entries": [
                {"RuleNumber": 100, "Egress": egress, "Protocol": "-1", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0"}
                for egress in (False, True)
            ],
            "Tags": [],
        }
        self.acls[region, id_] = acl
        return acl

    def script(self, operation: str, *changes: Change) -> None:
        self.scripts[operation] = changes

    def rules(self, id_: str) -> list[tuple[int, str]]:
        """Inbound, by number."""
        acl = next(each for (_, known), each in self.acls.items() if known == id_)
        return sorted((each["RuleNumber"], each["RuleAction"]) for each in acl["Entries"] if not each["Egress"])

    def tags(self, id_: str) -> dict[str, str]:
        acl = next(each for (_, known), each in self.acls.items() if known == id_)
        return {each["Key"]: each["Value"] for each in acl["Tags"]}

    # What AWS does

    def answer(self, service: str, operation: str, region: str, given: dict[str, Any]) -> dict[str, Any]:
        self.calls.append(operation)
        self.on_call(operation)
        for fault in self.faults:
            if fault.operation in (operation, "*") and fault.region in (region, None) and fault.times > 0:
                if fault.after > 0:
                    fault.after -= 1
                    continue
                fault.times -= 1
                if fault.lost_answer:
                    getattr(self, f"_on_{operation.lower()}")(region, given)
                raise aws_error(fault.error, operation, f"https://{service}.{region}.example")
        return getattr(self, f"_on_{operation.lower()}")(region, given)

    def _settle(self) -> None:
        due = [each for each in self._pending if each[0] <= self.clock.monotonic()]
        self._pending = [each for each in self._pending if each not in due]
        for at, instance, changes in sorted(due, key=lambda each: each[0]):
            before = instance["DBInstanceStatus"]
            for key, value in changes.items():
                if value is None:
                    instance.pop(key, None)
                else:
                    instance[key] = value
            if before == "rebooting" and instance["DBInstanceStatus"] != before and self.restarts_are_told:
                date = BEGAN + timedelta(seconds=at)
                event = {"Message": "DB instance restarted", "Date": date}
                self.events.append((instance["DBInstanceIdentifier"], event))

    def _follow(self, operation: str, instance: dict[str, Any]) -> None:
        now = self.clock.monotonic()
        self._pending += [(now + after, instance, change) for after, change in self.scripts.get(operation, ())]
        self._settle()

    def _instance(self, region: str, identifier: str) -> dict[str, Any]:
        try:
            return self.instances[region, identifier]
        except KeyError:
            raise aws_error("DBInstanceNotFound", "DescribeDBInstances", "") from None

    def _on_describedbinstances(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        if "DBInstanceIdentifier" in given:
            return {"DBInstances": [dict(self._instance(region, given["DBInstanceIdentifier"]))]}
        return {"DBInstances": [dict(each) for (place, _), each in self.instances.items() if place == region]}

    def _on_promotereadreplica(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        instance = self._instance(region, given["DBInstanceIdentifier"])
        if instance["DBInstanceStatus"] != "available" or "ReadReplicaSourceDBInstanceIdentifier" not in instance:
            raise aws_error("InvalidDBInstanceState", "PromoteReadReplica", "")
        instance["asked_retention"] = given.get("BackupRetentionPeriod")
        self._follow("PromoteReadReplica", instance)
        return {"DBInstance": dict(instance)}

    def _on_rebootdbinstance(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        instance = self._instance(region, given["DBInstanceIdentifier"])
        if instance["DBInstanceStatus"] != "available":
            raise aws_error("InvalidDBInstanceState", "RebootDBInstance", "")
        self._follow("RebootDBInstance", instance)
        return {"DBInstance": dict(instance)}

    def _on_describeevents(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        del region
        found = [each for name, each in self.events if name == given["SourceIdentifier"]]
        return {"Events": [each for each in found if each["Date"] >= given["StartTime"]]}

    def _on_describenetworkacls(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        [asked] = given["Filters"]
        found = [each for (place, _), each in self.acls.items() if place == region]
        if asked["Name"] == "tag-key":
            found = [each for each in found if {*asked["Values"]} & {tag["Key"] for tag in each["Tags"]}]
        else:
            found = [
                each for each in found if {*asked["Values"]} & {known["SubnetId"] for known in each["Associations"]}
            ]
        return {
            "NetworkAcls": [{**each, "Entries": list(each["Entries"]), "Tags": list(each["Tags"])} for each in found]
        }

    def _on_describenetworkinterfaces(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        return {
            "NetworkInterfaces": [
                each
                for place, each in self.interfaces
                if place == region and each["SubnetId"] in given["Filters"][0]["Values"]
            ]
        }

    def _on_createnetworkaclentry(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        acl = self.acls[region, given["NetworkAclId"]]
        if any(
            (each["RuleNumber"], each["Egress"]) == (given["RuleNumber"], given["Egress"]) for each in acl["Entries"]
        ):
            raise aws_error("NetworkAclEntryAlreadyExists", "CreateNetworkAclEntry", "")
        acl["Entries"].append({key: value for key, value in given.items() if key != "NetworkAclId"})
        return {}

    def _on_deletenetworkaclentry(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        acl = self.acls[region, given["NetworkAclId"]]
        kept = [
            each
            for each in acl["Entries"]
            if (each["RuleNumber"], each["Egress"]) != (given["RuleNumber"], given["Egress"])
        ]
        if len(kept) == len(acl["Entries"]):
            raise aws_error("InvalidNetworkAclEntry.NotFound", "DeleteNetworkAclEntry", "")
        acl["Entries"] = kept
        return {}

    def _on_createtags(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        for id_ in given["Resources"]:
            acl = self.acls[region, id_]
            new = {each["Key"] for each in given["Tags"]}
            acl["Tags"] = [each for each in acl["Tags"] if each["Key"] not in new] + given["Tags"]
        return {}

    def _on_deletetags(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        for id_ in given["Resources"]:
            acl = self.acls[region, id_]
            acl["Tags"] = [each for each in acl["Tags"] if each["Key"] not in {tag["Key"] for tag in given["Tags"]}]
        return {}

    def _on_getmetricdata(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        del region
        [query] = given["MetricDataQueries"]
        name = query["MetricStat"]["Metric"]["Dimensions"][0]["Value"]
        data = sorted(self.lags.get(name, ()))
        times = [self.now() - timedelta(seconds=ago) for ago, _ in data]
        return {"MetricDataResults": [{"Id": "lag", "Timestamps": times, "Values": [value for _, value in data]}]}


def _keep_parameters(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    context["given"] = dict(params)


def client_of(service: str, region: str, account_of: Callable[[], FakeAws]) -> Any:
    """boto3's, of which every call is answered by whichever account it is then."""

    def answer(model: Any, context: dict[str, Any], **_: Any) -> tuple[_Response, dict[str, Any]]:
        account = account_of()
        account.recorder._note(model)  # pyright: ignore[reportPrivateUsage]
        content = account.answer(service, model.name, context["client_region"], context["given"])
        date = format_datetime(account.now(), usegmt=True)
        return _Response(), {**content, "ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": {"date": date}}}

    client = _SESSION.client(service, region_name=region)
    client.meta.events.register("before-parameter-build.*.*", _keep_parameters)
    client.meta.events.register("before-call.*.*", answer)
    return client


def aws_error(code: str, operation: str, endpoint: str = "") -> Exception:
    """What botocore raises of a code; `unreachable` and `time-out` are silence."""
    if code == "unreachable":
        return EndpointConnectionError(endpoint_url=endpoint)
    if code == "time-out":
        return ReadTimeoutError(endpoint_url=endpoint)
    status = 503 if code == "ServiceUnavailable" else 400
    response: Any = {"Error": {"Code": code, "Message": "so it is"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, operation)
