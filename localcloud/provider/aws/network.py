"""EC2 networks: as much of them as private hosted zones need."""

import ipaddress
from collections.abc import Iterator
from typing import Any, Final

from localcloud.provider.adapter import TAGS_ALL, Adapter, Properties
from localcloud.provider.aws import tags
from localcloud.provider.clients import ACCOUNT_ID, Cloud
from seawall.errors import InvalidInput

TENANCIES: Final = ("default", "dedicated")
WIDEST_PREFIX: Final = 16  # a VPC's block is /16 to /28
NARROWEST_PREFIX: Final = 28

_ATTRIBUTES: Final = {
    "enableDnsSupport": "EnableDnsSupport",
    "enableDnsHostnames": "EnableDnsHostnames",
    "enableNetworkAddressUsageMetrics": "EnableNetworkAddressUsageMetrics",
}


def _create(cloud: Cloud, inputs: Properties, reference: str) -> str:
    answer = cloud.client("ec2").create_vpc(
        CidrBlock=inputs["cidrBlock"],
        InstanceTenancy=inputs["instanceTenancy"],
        TagSpecifications=tags.ec2_creation("vpc", reference),
    )
    return answer["Vpc"]["VpcId"]


def _find(cloud: Cloud, inputs: Properties, reference: str) -> str | None:
    del inputs
    found = cloud.client("ec2").describe_vpcs(Filters=tags.ec2_made_with(reference))["Vpcs"]
    return found[0]["VpcId"] if found else None


def _finish(cloud: Cloud, id_: str, inputs: Properties) -> None:
    client = cloud.client("ec2")
    for name, attribute in _ATTRIBUTES.items():
        if name in inputs:
            client.modify_vpc_attribute(VpcId=id_, **{attribute: {"Value": inputs[name]}})
    current = client.describe_vpcs(VpcIds=[id_])["Vpcs"][0]
    tags.ec2_write(client, id_, tags.as_map(current.get("Tags")), inputs)


def _attribute(client: Any, id_: str, attribute: str) -> bool:
    name = attribute[0].lower() + attribute[1:]
    return client.describe_vpc_attribute(VpcId=id_, Attribute=name)[attribute]["Value"]


def _read(cloud: Cloud, id_: str, known: Properties) -> Properties | None:
    del known
    client = cloud.client("ec2")
    found = client.describe_vpcs(VpcIds=[id_])["Vpcs"]
    if not found:
        return None
    vpc, mine = found[0], [{"Name": "vpc-id", "Values": [id_]}]
    default = [*mine, {"Name": "default", "Values": ["true"]}]
    group = client.describe_security_groups(Filters=[*mine, {"Name": "group-name", "Values": ["default"]}])
    acl = client.describe_network_acls(Filters=default)["NetworkAcls"]
    main = [*mine, {"Name": "association.main", "Values": ["true"]}]
    table = client.describe_route_tables(Filters=main)["RouteTables"]
    return {
        "cidrBlock": vpc["CidrBlock"],
        "instanceTenancy": vpc.get("InstanceTenancy", "default"),
        **{name: _attribute(client, id_, attribute) for name, attribute in _ATTRIBUTES.items()},
        "arn": cloud.arn("ec2", f"vpc/{id_}"),
        "ownerId": vpc.get("OwnerId", ACCOUNT_ID),
        "dhcpOptionsId": vpc.get("DhcpOptionsId"),
        "defaultSecurityGroupId": group["SecurityGroups"][0]["GroupId"] if group["SecurityGroups"] else None,
        "defaultNetworkAclId": acl[0]["NetworkAclId"] if acl else None,
        "defaultRouteTableId": table[0]["RouteTableId"] if table else None,
        "mainRouteTableId": table[0]["RouteTableId"] if table else None,
        TAGS_ALL: tags.without_reference(tags.as_map(vpc.get("Tags"))),
    }


def _update(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    if state.get("instanceTenancy") != inputs["instanceTenancy"]:
        cloud.client("ec2").modify_vpc_tenancy(VpcId=id_, InstanceTenancy=inputs["instanceTenancy"])
    _finish(cloud, id_, inputs)


def _delete(cloud: Cloud, id_: str, state: Properties) -> None:
    del state
    cloud.client("ec2").delete_vpc(VpcId=id_)


def _refusals(inputs: Properties) -> Iterator[InvalidInput]:
    block, tenancy = inputs.get("cidrBlock"), inputs.get("instanceTenancy")
    if isinstance(block, str):
        try:
            prefix = ipaddress.IPv4Network(block).prefixlen
        except ValueError:
            prefix = 0
        if not WIDEST_PREFIX <= prefix <= NARROWEST_PREFIX:
            allowed = f"an IPv4 block of /{WIDEST_PREFIX} to /{NARROWEST_PREFIX} without host bits, e.g. 10.0.0.0/16"
            yield InvalidInput("cidrBlock", block, allowed=allowed)
    if isinstance(tenancy, str) and tenancy not in TENANCIES:
        yield InvalidInput("instanceTenancy", tenancy, allowed=f"one of {', '.join(TENANCIES)}")


VPC: Final = Adapter(
    resource_type="aws:ec2/vpc:Vpc",
    inputs={
        "cidrBlock": str,
        "enableDnsHostnames": bool,
        "enableDnsSupport": bool,
        "enableNetworkAddressUsageMetrics": bool,
        "instanceTenancy": str,
        "tags": dict,
    },
    required=frozenset({"cidrBlock"}),
    defaults={"enableDnsSupport": True, "instanceTenancy": "default"},
    replaces=frozenset({"cidrBlock", "instanceTenancy"}),
    keeps=frozenset({"enableDnsHostnames", "enableNetworkAddressUsageMetrics"}),
    computed=frozenset(
        {"arn", "ownerId", "dhcpOptionsId", "defaultSecurityGroupId", "defaultNetworkAclId", "defaultRouteTableId"}
        | {"mainRouteTableId"}
    ),
    absent_codes=frozenset({"InvalidVpcID.NotFound"}),
    refusals=_refusals,
    create=_create,
    finish=_finish,
    find=_find,
    read=_read,
    update=_update,
    delete=_delete,
)
