"""Functions of the provider: what `aws.get_region()` and the like ask."""

from typing import Final

from localcloud.errors import LocalCloudError
from localcloud.provider.adapter import Properties
from localcloud.provider.aws import dns_names, tags
from localcloud.provider.aws.database import get_instance
from localcloud.provider.aws.dns_functions import balancer_zone, records
from localcloud.provider.aws.ip_ranges import ip_ranges
from localcloud.provider.aws.parameter_functions import parameter, parameters_by_path
from localcloud.provider.clients import PARTITION
from localcloud.provider.core import CloudIn


def _region(cloud_in: CloudIn, arguments: Properties) -> Properties:
    region = arguments.get("name") or arguments.get("region") or cloud_in("").region
    return {
        "id": region,
        "region": region,
        "name": region,
        "description": region,
        "endpoint": f"ec2.{region}.amazonaws.com",
    }


def _caller_identity(cloud_in: CloudIn, arguments: Properties) -> Properties:
    del arguments
    answer = cloud_in("").client("sts").get_caller_identity()
    return {
        "id": answer["Account"],
        "accountId": answer["Account"],
        "arn": answer["Arn"],
        "userId": answer["UserId"],
    }


def _partition(cloud_in: CloudIn, arguments: Properties) -> Properties:
    del arguments
    region = cloud_in("").region
    suffix = "amazonaws.com"
    return {
        "id": PARTITION,
        "partition": PARTITION,
        "dnsSuffix": suffix,
        "reverseDnsPrefix": "com.amazonaws",
        "region": region,
    }


def _zone(cloud_in: CloudIn, arguments: Properties) -> Properties:
    client = cloud_in("").client("route53")
    zone_id = arguments.get("zoneId") or _zone_id(cloud_in, arguments)
    answer = client.get_hosted_zone(Id=dns_names.bare_zone_id(zone_id))
    zone, servers = answer["HostedZone"], (answer.get("DelegationSet") or {}).get("NameServers") or []
    id_ = dns_names.bare_zone_id(zone["Id"])
    return {
        "id": id_,
        "zoneId": id_,
        "name": dns_names.normal(zone["Name"]),
        "arn": f"arn:{PARTITION}:route53:::hostedzone/{id_}",
        "callerReference": zone["CallerReference"],
        "comment": zone.get("Config", {}).get("Comment", ""),
        "nameServers": sorted(servers),
        "primaryNameServer": min(servers, default=""),
        "privateZone": zone.get("Config", {}).get("PrivateZone", False),
        "resourceRecordSetCount": zone.get("ResourceRecordSetCount", 0),
        "tags": tags.route53_read(cloud_in(""), "hostedzone", id_),
        "linkedServiceDescription": "",
        "linkedServicePrincipal": "",
        "enableAcceleratedRecovery": False,
    }


def _zone_id(cloud_in: CloudIn, arguments: Properties) -> str:
    """The one zone of that name. As the real provider, it must be exactly one."""
    name, private = dns_names.normal(arguments.get("name", "")), bool(arguments.get("privateZone"))
    if not name:
        raise LocalCloudError("getZone: give either zoneId or name")
    pages = cloud_in("").client("route53").get_paginator("list_hosted_zones").paginate()
    found = [
        zone["Id"]
        for page in pages
        for zone in page["HostedZones"]
        if dns_names.normal(zone["Name"]) == name and zone.get("Config", {}).get("PrivateZone", False) == private
    ]
    if len(found) != 1:
        raise LocalCloudError(f"getZone: {len(found)} zones are called {name}; give the zoneId of one")
    return found[0]


FUNCTIONS: Final = {
    "aws:index/getCallerIdentity:getCallerIdentity": _caller_identity,
    "aws:index/getIpRanges:getIpRanges": ip_ranges,
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getRegion:getRegion": _region,
    "aws:lb/getHostedZoneId:getHostedZoneId": balancer_zone,
    "aws:rds/getInstance:getInstance": get_instance,
    "aws:route53/getRecords:getRecords": records,
    "aws:route53/getZone:getZone": _zone,
    "aws:ssm/getParameter:getParameter": parameter,
    "aws:ssm/getParametersByPath:getParametersByPath": parameters_by_path,
}
