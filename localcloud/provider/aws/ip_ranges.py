"""`aws.get_ip_ranges()`: the address ranges that AWS publishes. The local cloud makes up two, of RFC 5737."""

from typing import Any, Final

from localcloud.errors import LocalCloudError
from localcloud.provider.adapter import Properties

MADE_UP: Final = ("192.0.2.0/24", "198.51.100.0/24")  # nobody owns them: nothing in the local cloud comes from AWS
MADE_UP_V6: Final = ("2001:db8::/32",)  # RFC 3849
CREATED: Final = "2026-01-01-00-00-00"


def ip_ranges(cloud_in: Any, arguments: Properties) -> Properties:
    """The made-up ranges, whatever is asked for.

    Raises:
        LocalCloudError: No service was named.
    """
    del cloud_in
    services = list(arguments.get("services") or [])
    if not services:
        raise LocalCloudError("getIpRanges: give the services, e.g. route53_healthchecks")
    return {
        "id": "made-up",
        "cidrBlocks": list(MADE_UP),
        "ipv6CidrBlocks": list(MADE_UP_V6),
        "createDate": CREATED,
        "regions": arguments.get("regions") or [],
        "services": services,
        "syncToken": 0,
        "url": "",
    }
