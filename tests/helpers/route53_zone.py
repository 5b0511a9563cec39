"""A hosted zone of the local cloud, and short ways to write records and health checks."""

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

NAME = "shop.example.com."


class Zone:
    """A zone, and short ways to change it."""

    def __init__(self, route53: Any) -> None:
        self.route53 = route53
        made = route53.create_hosted_zone(Name="example.com", CallerReference=uuid.uuid4().hex)
        self.id = made["HostedZone"]["Id"].removeprefix("/hostedzone/")

    def change(self, *changes: tuple[str, dict[str, Any]]) -> None:
        batch = [{"Action": action, "ResourceRecordSet": record} for action, record in changes]
        self.route53.change_resource_record_sets(HostedZoneId=self.id, ChangeBatch={"Changes": batch})

    def refused(self, *changes: tuple[str, dict[str, Any]]) -> tuple[str, str]:
        """Code and message of a batch that must be refused, and must change nothing."""
        before = self.records()
        with pytest.raises(ClientError) as caught:
            self.change(*changes)
        assert self.records() == before
        error = caught.value.response["Error"]
        return error["Code"], error["Message"]

    def records(self) -> list[dict[str, Any]]:
        """All but the zone's own two."""
        listed = self.route53.list_resource_record_sets(HostedZoneId=self.id)["ResourceRecordSets"]
        return [record for record in listed if record["Type"] not in ("NS", "SOA")]


def new_check(route53: Any, reference: str | None = None, **config: Any) -> Any:
    config = config or {"Type": "HTTPS", "FullyQualifiedDomainName": "eu.example.com", "ResourcePath": "/healthz"}
    made = route53.create_health_check(CallerReference=reference or uuid.uuid4().hex, HealthCheckConfig=config)
    return made["HealthCheck"]


def simple(name: str = NAME, value: str = "192.0.2.1", ttl: int = 60, kind: str = "A") -> dict[str, Any]:
    return {"Name": name, "Type": kind, "TTL": ttl, "ResourceRecords": [{"Value": value}]}


def failover(role: str, check: str | None, identifier: str | None = None, value: str = "192.0.2.1") -> dict[str, Any]:
    record = {**simple(value=value), "Failover": role, "SetIdentifier": identifier or role.lower()}
    return {**record, "HealthCheckId": check} if check else record


def code_of(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]
