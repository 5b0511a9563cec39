"""Accounts, partitions and the ARNs that follow from them."""

import re
from typing import Final

from seawall.errors import InvalidInput

ACCOUNT_ID: Final = re.compile(r"\d{12}")
KEY_ARN: Final = re.compile(r"arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):\d{12}:key/(?P<id>[A-Za-z0-9-]+)")
ARN_PARTS: Final = 6  # arn, partition, service, region, account, resource
PARTITIONS: Final = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}  # by the beginning of a region's name


def partition_of(region: str) -> str:
    """The partition that a region is in."""
    return next((partition for start, partition in PARTITIONS.items() if region.startswith(start)), "aws")


def arn(service: str, region: str, account_id: str, resource: str) -> str:
    """The ARN of something in a region."""
    return f"arn:{partition_of(region)}:{service}:{region}:{account_id}:{resource}"


def account(name: str, value: object) -> str:
    """An account's id.

    Raises:
        InvalidInput: It is none.
    """
    if not isinstance(value, str) or not ACCOUNT_ID.fullmatch(value):
        raise InvalidInput(name, value, allowed="the 12 digits of an AWS account, as a string")
    return value


def arn_of(name: str, value: str, service: str, kind: str, region: str, account_id: str | None = None) -> str:
    """An ARN of one kind of resource.

    Args:
        name: Of the argument.
        value: The ARN.
        service: Its service, e.g. `cloudwatch`.
        kind: How its last part begins, e.g. `alarm:`.
        region: Where it must be; empty for what is global.
        account_id: Whose it must be; `None` for anybody's.

    Raises:
        InvalidInput: It is another kind's, another region's or another account's.
    """
    head, *rest = value.split(":", ARN_PARTS - 1)
    of_kind = len(rest) == ARN_PARTS - 1 and head == "arn" and rest[1] == service and len(rest[4]) > len(kind)
    if not of_kind or not rest[4].startswith(kind) or (not region and rest[2]):
        raise InvalidInput(
            name, value, allowed=f"an ARN such as arn:aws:{service}:{region}:{account_id or ''}:{kind}..."
        )
    if rest[2] != region:
        raise InvalidInput(name, value, allowed=f"one in {region}")
    if account_id is not None and rest[3] != account_id:
        raise InvalidInput(name, value, allowed=f"one of account {account_id}")
    return value


def key_in(region: str, name: str, value: str, because: str) -> str:
    """The ARN of a KMS key of a region.

    Args:
        region: Where it must be.
        name: Of the argument.
        value: The ARN.
        because: Why it must be there.

    Raises:
        InvalidInput: It is none, or of another region.
    """
    match = KEY_ARN.fullmatch(value)
    if match is None:
        raise InvalidInput(name, value, allowed="the ARN of a KMS key, not of an alias")
    if match["region"] != region:
        raise InvalidInput(name, value, allowed=f"a key of {region}", because=because)
    return value


def boundary(name: str, value: object) -> str | None:
    """The ARN of a policy that bounds a role, when there is one.

    Raises:
        InvalidInput: It is none.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidInput(name, value, allowed="a policy's ARN")
    return arn_of(name, value, "iam", "policy/", "")
