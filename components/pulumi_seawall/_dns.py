"""Names and addresses as DNS and Route 53 take them."""

import ipaddress
import re
from typing import Final

from seawall.errors import InvalidInput

LONGEST_NAME: Final = 253  # RFC 1035: 255 bytes on the wire, which are 253 characters without the trailing dot
LONGEST_LABEL: Final = 63  # RFC 1035
LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?")
SHARED_ADDRESS_SPACE: Final = ipaddress.ip_network("100.64.0.0/10")  # RFC 6598


def dns_name(name: str, value: str, *, wildcard: bool = False) -> str:
    """A fully qualified name in lower case, without the trailing dot.

    Raises:
        InvalidInput: It is not one.
    """
    given = value.removesuffix(".").lower()
    labels = given.split(".")
    if wildcard and labels[0] == "*":
        labels = labels[1:]
    if is_address(given) or len(labels) < 2:
        raise InvalidInput(name, value, allowed="a fully qualified DNS name, e.g. shop.example.com")
    if len(given) > LONGEST_NAME:
        raise InvalidInput(name, value, allowed=f"at most {LONGEST_NAME} characters, not {len(given)}")
    for label in labels:
        if len(label) > LONGEST_LABEL:
            raise InvalidInput(name, value, allowed=f"labels of at most {LONGEST_LABEL} characters, not {len(label)}")
        if not LABEL.fullmatch(label):
            raise InvalidInput(name, value, allowed=f"labels of letters, digits and inner hyphens, unlike {label!r}")
    return given


def in_zone(name: str, value: str, zone_name: str) -> str:
    """A name that lies in a zone.

    Raises:
        InvalidInput: It does not.
    """
    if value != zone_name and not value.endswith(f".{zone_name}"):
        raise InvalidInput(name, value, allowed=f"a name in the zone {zone_name}")
    return value


def is_address(value: str) -> bool:
    """Whether a string is an IP address."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def address(name: str, value: str) -> str:
    """An IP address in its shortest form.

    Raises:
        InvalidInput: It is not one.
    """
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise InvalidInput(name, value, allowed="an IPv4 or IPv6 address") from None


def address_v4(name: str, value: str) -> str:
    """An IPv4 address.

    Raises:
        InvalidInput: It is not one.
    """
    if family(address(name, value)) != 4:
        raise InvalidInput(
            name,
            value,
            allowed="an IPv4 address",
            because="an address known only during the deployment goes into the A record",
        )
    return address(name, value)


def public_address(name: str, value: str) -> str:
    """An address that checkers on the internet can reach (ranges for documentation pass, so that examples can run).

    Raises:
        InvalidInput: It is private, local, multicast or otherwise unreachable.
    """
    shown = address(name, value)
    ip = ipaddress.ip_address(shown)
    documentation = any(ip in block for block in DOCUMENTATION if block.version == ip.version)
    shared = ip.version == SHARED_ADDRESS_SPACE.version and ip in SHARED_ADDRESS_SPACE
    if shared or ip.is_multicast or not (ip.is_global or documentation):
        raise InvalidInput(
            name,
            value,
            allowed="a public address, or an alarm's check for a private target",
            because="Route 53's checkers are outside the VPC",
        )
    return shown


DOCUMENTATION: Final = tuple(
    ipaddress.ip_network(block)
    for block in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")  # RFC 5737, RFC 3849
)


def family(value: str) -> int:
    """4 or 6."""
    return ipaddress.ip_address(value).version
