"""EC2 subnets."""

import ipaddress
from collections.abc import Iterator
from typing import Any, Final

from localcloud.provider.adapter import TAGS_ALL, Adapter, Properties
from localcloud.provider.aws import tags
from localcloud.provider.clients import ACCOUNT_ID, Cloud
from seawall.errors import InvalidInput

WIDEST_PREFIX: Final = 16  # a subnet's block is /16 to /28
NARROWEST_PREFIX: Final = 28

_ATTRIBUTES: Final = {
    "assignIpv6AddressOnCreation": "AssignIpv6AddressOnCreation",
    "mapPublicIpOnLaunch": "MapPublicIpOnLaunch",
}


def _create(cloud: Cloud, inputs: Properties, reference: str) -> str:
    fields = {"availabilityZone": "AvailabilityZone", "cidrBlock": "CidrBlock", "vpcId": "VpcId"}
    request: dict[str, Any] = {field: inputs[name] for name, field in fields.items() if inputs.get(name) is not None}
    labels = tags.ec2_creation("subnet", reference)
    return cloud.client("ec2").create_subnet(**request, TagSpecifications=labels)["Subnet"]["SubnetId"]


def _find(cloud: Cloud, inputs: Properties, reference: str) -> str | None:
    del inputs
    found = cloud.client("ec2").describe_subnets(Filters=tags.ec2_made_with(reference))["Subnets"]
    return found[0]["SubnetId"] if found else None


def _finish(cloud: Cloud, id_: str, inputs: Properties) -> None:
    client = cloud.client("ec2")
    current = client.describe_subnets(SubnetIds=[id_])["Subnets"][0]
    for name, attribute in _ATTRIBUTES.items():
        if name in inputs and bool(current.get(attribute)) != inputs[name]:
            client.modify_subnet_attribute(SubnetId=id_, **{attribute: {"Value": inputs[name]}})
    tags.ec2_write(client, id_, tags.as_map(current.get("Tags")), inputs)


def _read(cloud: Cloud, id_: str, known: Properties) -> Properties | None:
    del known
    found = cloud.client("ec2").describe_subnets(SubnetIds=[id_])["Subnets"]
    if not found:
        return None
    subnet = found[0]
    return {
        "vpcId": subnet["VpcId"],
        "cidrBlock": subnet["CidrBlock"],
        "availabilityZone": subnet["AvailabilityZone"],
        "availabilityZoneId": subnet.get("AvailabilityZoneId"),
        **{name: bool(subnet.get(attribute)) for name, attribute in _ATTRIBUTES.items()},
        "arn": subnet.get("SubnetArn") or cloud.arn("ec2", f"subnet/{id_}"),
        "ownerId": subnet.get("OwnerId", ACCOUNT_ID),
        TAGS_ALL: tags.without_reference(tags.as_map(subnet.get("Tags"))),
    }


def _update(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    del state
    _finish(cloud, id_, inputs)


def _delete(cloud: Cloud, id_: str, state: Properties) -> None:
    del state
    cloud.client("ec2").delete_subnet(SubnetId=id_)


def _refusals(inputs: Properties) -> Iterator[InvalidInput]:
    block = inputs.get("cidrBlock")
    if isinstance(block, str):
        try:
            prefix = ipaddress.IPv4Network(block).prefixlen
        except ValueError:
            prefix = 0
        if not WIDEST_PREFIX <= prefix <= NARROWEST_PREFIX:
            allowed = f"an IPv4 block of /{WIDEST_PREFIX} to /{NARROWEST_PREFIX} without host bits, e.g. 10.0.0.0/24"
            yield InvalidInput("cidrBlock", block, allowed=allowed)


SUBNET: Final = Adapter(
    resource_type="aws:ec2/subnet:Subnet",
    inputs={
        "assignIpv6AddressOnCreation": bool,
        "availabilityZone": str,
        "cidrBlock": str,
        "mapPublicIpOnLaunch": bool,
        "tags": dict,
        "vpcId": str,
    },
    required=frozenset({"cidrBlock", "vpcId"}),
    defaults={"assignIpv6AddressOnCreation": False, "mapPublicIpOnLaunch": False},
    replaces=frozenset({"availabilityZone", "cidrBlock", "vpcId"}),
    keeps=frozenset({"availabilityZone"}),
    computed=frozenset({"arn", "availabilityZoneId", "ownerId"}),
    absent_codes=frozenset({"InvalidSubnetID.NotFound"}),
    refusals=_refusals,
    create=_create,
    finish=_finish,
    find=_find,
    read=_read,
    update=_update,
    delete=_delete,
)
