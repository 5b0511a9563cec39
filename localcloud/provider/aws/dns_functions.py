"""What programs ask of DNS: the records of a zone, and the hosted zone of a kind of load balancer."""

import re
from typing import Any, Final

from localcloud.errors import LocalCloudError
from localcloud.provider.adapter import Properties
from localcloud.provider.aws import dns_names
from localcloud.provider.core import CloudIn

BALANCER_KINDS: Final = ("application", "network")


def records(cloud_in: CloudIn, arguments: Properties) -> Properties:
    """`aws.route53.get_records()`: the record sets of a zone whose names match.

    Raises:
        LocalCloudError: The pattern is no regular expression.
    """
    zone_id, pattern = dns_names.bare_zone_id(arguments["zoneId"]), arguments.get("nameRegex")
    try:
        wanted = re.compile(pattern or "")
    except re.error as error:
        raise LocalCloudError(f"getRecords: nameRegex = {pattern}: a regular expression ({error})") from error
    pages = cloud_in("").client("route53").get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone_id)
    found = [one for page in pages for one in page["ResourceRecordSets"] if wanted.search(one["Name"])]
    return {"id": zone_id, "zoneId": zone_id, "nameRegex": pattern, "resourceRecordSets": [_told(one) for one in found]}


def _told(found: dict[str, Any]) -> Properties:
    alias = found.get("AliasTarget")
    return {
        "name": found["Name"],
        "type": found["Type"],
        "ttl": int(found.get("TTL") or 0),
        "setIdentifier": found.get("SetIdentifier", ""),
        "resourceRecords": [{"value": one["Value"]} for one in found.get("ResourceRecords") or []],
        "aliasTarget": {
            "dnsName": alias["DNSName"],
            "hostedZoneId": alias["HostedZoneId"],
            "evaluateTargetHealth": alias["EvaluateTargetHealth"],
        }
        if alias
        else None,
    }


def balancer_zone(cloud_in: CloudIn, arguments: Properties) -> Properties:
    """`aws.lb.get_hosted_zone_id()`: made up, one per region and kind; AWS's own are a table of the provider.

    Raises:
        LocalCloudError: There is no such kind.
    """
    region, kind = arguments.get("region") or cloud_in("").region, arguments.get("loadBalancerType") or "application"
    if kind not in BALANCER_KINDS:
        raise LocalCloudError(f"getHostedZoneId: loadBalancerType = {kind}: {' or '.join(BALANCER_KINDS)}")
    zone_id = f"ZLOCAL{kind[0]}{region.replace('-', '')}".upper()
    return {"id": zone_id, "region": region, "loadBalancerType": kind}
