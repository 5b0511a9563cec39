"""Route 53 hosted zones, public and private."""

from collections.abc import Iterator
from typing import Any, Final

from localcloud.provider.adapter import TAGS_ALL, Adapter, Properties
from localcloud.provider.aws import dns_names, tags
from localcloud.provider.clients import GLOBAL_REGION, PARTITION, Cloud
from seawall.errors import InvalidInput

LONGEST_COMMENT: Final = 256  # characters
LONGEST_NAME: Final = 255  # characters of a DNS name
OWN_TYPES: Final = ("NS", "SOA")  # at the apex; they go with the zone


def _vpc(vpc: Properties) -> dict[str, str]:
    return {"VPCId": vpc["vpcId"], "VPCRegion": vpc.get("vpcRegion") or GLOBAL_REGION}


def _vpcs(inputs: Properties) -> list[dict[str, str]]:
    return [_vpc(vpc) for vpc in inputs.get("vpcs") or []]


def _create(cloud: Cloud, inputs: Properties, reference: str) -> str:
    request: dict[str, Any] = {
        "Name": inputs["name"],
        "CallerReference": reference,
        "HostedZoneConfig": {"Comment": inputs.get("comment", ""), "PrivateZone": bool(_vpcs(inputs))},
    }
    if inputs.get("delegationSetId"):
        request["DelegationSetId"] = inputs["delegationSetId"]
    if _vpcs(inputs):
        request["VPC"] = _vpcs(inputs)[0]
    return dns_names.bare_zone_id(cloud.client("route53").create_hosted_zone(**request)["HostedZone"]["Id"])


def _finish(cloud: Cloud, id_: str, inputs: Properties) -> None:
    _associate(cloud, id_, inputs)
    tags.route53_write(cloud, "hostedzone", id_, inputs)


def _associate(cloud: Cloud, id_: str, inputs: Properties) -> None:
    """Bring the associations to the inputs; new ones first, since a private zone must keep one."""
    client, wanted = cloud.client("route53"), _vpcs(inputs)
    current = client.get_hosted_zone(Id=id_).get("VPCs") or []
    for vpc in wanted:
        if vpc not in current:
            client.associate_vpc_with_hosted_zone(HostedZoneId=id_, VPC=vpc)
    for vpc in current:
        if wanted and vpc not in wanted:
            client.disassociate_vpc_from_hosted_zone(HostedZoneId=id_, VPC=vpc)


def _find(cloud: Cloud, inputs: Properties, reference: str) -> str | None:
    del inputs
    for page in cloud.client("route53").get_paginator("list_hosted_zones").paginate():
        for zone in page["HostedZones"]:
            if zone["CallerReference"] == reference:
                return dns_names.bare_zone_id(zone["Id"])
    return None


def _read(cloud: Cloud, id_: str, known: Properties) -> Properties:
    del known
    answer = cloud.client("route53").get_hosted_zone(Id=id_)
    zone = answer["HostedZone"]
    servers = sorted((answer.get("DelegationSet") or {}).get("NameServers") or _ns_records(cloud, id_, zone["Name"]))
    return {
        "name": dns_names.normal(zone["Name"]),
        "comment": zone.get("Config", {}).get("Comment", ""),
        "delegationSetId": (answer.get("DelegationSet") or {}).get("Id") or None,
        "vpcs": [{"vpcId": vpc["VPCId"], "vpcRegion": vpc["VPCRegion"]} for vpc in answer.get("VPCs") or []],
        "zoneId": id_,
        "arn": f"arn:{PARTITION}:route53:::hostedzone/{id_}",
        "nameServers": servers,
        "primaryNameServer": servers[0] if servers else "",
        TAGS_ALL: tags.route53_read(cloud, "hostedzone", id_),
    }


def _ns_records(cloud: Cloud, id_: str, name: str) -> list[str]:
    """Name servers of a private zone, which has no delegation set."""
    answer = cloud.client("route53").list_resource_record_sets(
        HostedZoneId=id_, StartRecordName=name, StartRecordType="NS", MaxItems="1"
    )
    found = [one for one in answer["ResourceRecordSets"] if one["Type"] == "NS"]
    return [dns_names.normal(record["Value"]) for one in found for record in one.get("ResourceRecords", [])]


def _update(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    if inputs.get("comment", "") != state.get("comment", ""):
        cloud.client("route53").update_hosted_zone_comment(Id=id_, Comment=inputs.get("comment", ""))
    _finish(cloud, id_, inputs)


def _delete(cloud: Cloud, id_: str, state: Properties) -> None:
    client = cloud.client("route53")
    if state.get("forceDestroy"):
        apex = dns_names.normal(client.get_hosted_zone(Id=id_)["HostedZone"]["Name"])
        pages = client.get_paginator("list_resource_record_sets").paginate(HostedZoneId=id_)
        doomed = [
            {"Action": "DELETE", "ResourceRecordSet": one}
            for page in pages
            for one in page["ResourceRecordSets"]
            if not (one["Type"] in OWN_TYPES and dns_names.normal(one["Name"]) == apex)
        ]
        if doomed:
            client.change_resource_record_sets(HostedZoneId=id_, ChangeBatch={"Changes": doomed})
    client.delete_hosted_zone(Id=id_)


def _refusals(inputs: Properties) -> Iterator[InvalidInput]:
    name, comment = inputs["name"], inputs.get("comment")
    if isinstance(name, str) and not 1 <= len(name) <= LONGEST_NAME:
        yield InvalidInput("name", name, allowed=f"1 to {LONGEST_NAME} characters")
    if isinstance(comment, str) and len(comment) > LONGEST_COMMENT:
        yield InvalidInput("comment", comment, allowed=f"at most {LONGEST_COMMENT} characters")
    if inputs.get("vpcs") and inputs.get("delegationSetId"):
        yield InvalidInput(
            "delegationSetId", inputs["delegationSetId"], allowed="none beside vpcs, whose zone is private"
        )


def _vpcs_normal(vpcs: list[Properties]) -> list[tuple[str, ...]]:
    """Order does not count, and a region that was left out is the provider's."""
    return sorted((vpc["vpcId"], vpc.get("vpcRegion") or GLOBAL_REGION) for vpc in vpcs)


ZONE: Final = Adapter(
    resource_type="aws:route53/zone:Zone",
    regional=False,
    inputs={
        "name": str,
        "comment": str,
        "delegationSetId": str,
        "enableAcceleratedRecovery": bool,
        "forceDestroy": bool,
        "tags": dict,
        "vpcs": [{"vpcId": str, "vpcRegion": str}],
    },
    required=frozenset({"name"}),
    defaults={"comment": "Managed by Pulumi", "forceDestroy": False},
    replaces=frozenset({"name", "delegationSetId"}),
    keeps=frozenset({"enableAcceleratedRecovery"}),
    write_only=frozenset({"forceDestroy", "enableAcceleratedRecovery"}),
    computed=frozenset({"arn", "nameServers", "primaryNameServer", "zoneId"}),
    normalizers={"name": dns_names.normal, "vpcs": _vpcs_normal},
    absent_codes=frozenset({"NoSuchHostedZone"}),
    refusals=_refusals,
    create=_create,
    finish=_finish,
    find=_find,
    read=_read,
    update=_update,
    delete=_delete,
)
