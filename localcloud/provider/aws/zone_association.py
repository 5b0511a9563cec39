"""A further VPC that resolves a private zone. The id is `ZONEID:VPCID`, with `:REGION` where the VPC's was given."""

from typing import Any, Final

from localcloud.errors import LocalCloudError
from localcloud.provider.adapter import Adapter, Properties
from localcloud.provider.aws import dns_names
from localcloud.provider.clients import GLOBAL_REGION, Cloud
from localcloud.provider.failures import is_absent


def _key(id_: str) -> tuple[str, str, str]:
    zone, _, rest = id_.partition(":")
    vpc, _, region = rest.partition(":")
    if not zone or not vpc:
        raise LocalCloudError(f"{id_}: no association's id; it is ZONEID:VPCID, or ZONEID:VPCID:REGION")
    return zone, vpc, region


def _vpcs(cloud: Cloud, zone_id: str) -> list[dict[str, Any]]:
    return list(cloud.client("route53").get_hosted_zone(Id=zone_id).get("VPCs") or [])


def _create(cloud: Cloud, inputs: Properties, reference: str) -> str:
    del reference  # associating again does no harm
    zone, vpc = dns_names.bare_zone_id(inputs["zoneId"]), inputs["vpcId"]
    region = inputs.get("vpcRegion") or GLOBAL_REGION
    if not any(one["VPCId"] == vpc for one in _vpcs(cloud, zone)):
        cloud.client("route53").associate_vpc_with_hosted_zone(
            HostedZoneId=zone, VPC={"VPCId": vpc, "VPCRegion": region}
        )
    return ":".join([zone, vpc, *([inputs["vpcRegion"]] if inputs.get("vpcRegion") else [])])


def _read(cloud: Cloud, id_: str, known: Properties) -> Properties | None:
    zone, vpc, region = _key(id_)
    found = next((one for one in _vpcs(cloud, zone) if one["VPCId"] == vpc), None)
    if found is None:
        return None
    told = {"zoneId": zone, "vpcId": vpc, "owningAccount": ""}
    return told | ({"vpcRegion": found["VPCRegion"]} if region or known.get("vpcRegion") else {})


def _update(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    del cloud, id_, state, inputs  # every input replaces: nothing is left to change in place


def _delete(cloud: Cloud, id_: str, state: Properties) -> None:
    del state
    zone, vpc, _ = _key(id_)
    found = next((one for one in _vpcs(cloud, zone) if one["VPCId"] == vpc), None)
    if found is None:
        return
    try:
        cloud.client("route53").disassociate_vpc_from_hosted_zone(HostedZoneId=zone, VPC=found)
    except Exception as error:
        if not is_absent(error, {"VPCAssociationNotFound"}):
            raise


ZONE_ASSOCIATION: Final = Adapter(
    resource_type="aws:route53/zoneAssociation:ZoneAssociation",
    regional=False,
    inputs={"vpcId": str, "vpcRegion": str, "zoneId": str},
    required=frozenset({"vpcId", "zoneId"}),
    replaces=frozenset({"vpcId", "vpcRegion", "zoneId"}),
    keeps=frozenset({"vpcRegion"}),
    computed=frozenset({"owningAccount"}),
    normalizers={"zoneId": dns_names.bare_zone_id},
    absent_codes=frozenset({"NoSuchHostedZone"}),
    create=_create,
    read=_read,
    update=_update,
    delete=_delete,
)
