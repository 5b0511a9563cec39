"""S3: policies that Block Public Access refuses."""

import ipaddress
import json
from collections.abc import Iterable
from typing import Any, Final

from moto.s3 import models, responses
from moto.s3.exceptions import BucketAccessDeniedError

WIDEST_PREFIX: Final = {4: 8, 6: 32}  # by IP version; S3 calls wider ranges public
FIXED_KEYS: Final = ("aws:sourcearn", "aws:sourceaccount", "aws:sourceowner", "aws:sourcevpc", "aws:sourcevpce")


def is_public(policy: str | bytes) -> bool:
    """Whether S3 calls a bucket policy public: anybody may do something, from anywhere.

    Sources: S3 user guide, "Blocking public access", "The meaning of public". A statement for everybody is not public
    when a condition fixes where the caller comes from: address ranges that are not too wide, a VPC, an account, an ARN.
    """
    try:
        document: Any = json.loads(policy)
    except ValueError:
        return False
    statements = document.get("Statement") or []
    return any(_opens(one) for one in (statements if isinstance(statements, list) else [statements]))


def _opens(statement: dict[str, Any]) -> bool:
    if statement.get("Effect") != "Allow":
        return False
    principal = statement.get("Principal")
    named = principal.get("AWS", []) if isinstance(principal, dict) else principal
    if "*" not in (named if isinstance(named, list) else [named]):
        return False
    return not any(
        _fixes(operator, key, values if isinstance(values, list) else [values])
        for operator, conditions in (statement.get("Condition") or {}).items()
        for key, values in conditions.items()
    )


def _fixes(operator: str, key: str, values: Iterable[str]) -> bool:
    """Whether a condition fixes where the caller comes from."""
    if operator == "IpAddress" and key.lower() == "aws:sourceip":
        ranges = [ipaddress.ip_network(value, strict=False) for value in values]
        return bool(ranges) and all(one.prefixlen >= WIDEST_PREFIX[one.version] for one in ranges)
    exact = operator in ("StringEquals", "ArnEquals", "StringLike", "ArnLike")
    return exact and key.lower() in FIXED_KEYS and not any("*" in value or "?" in value for value in values)


def refuse_public_policies_where_they_are_blocked() -> None:
    """moto stores any policy, whatever the bucket's Block Public Access says, and calls every condition restrictive.

    AWS: with BlockPublicPolicy a policy that is public is refused with AccessDenied, and the one before stays.
    """
    original = models.S3Backend.put_bucket_policy

    def put_bucket_policy(self: Any, bucket_name: str, policy: bytes) -> None:
        block = self.get_bucket(bucket_name).public_access_block
        if block is not None and block.block_public_policy and is_public(policy):
            raise BucketAccessDeniedError(bucket=bucket_name)
        original(self, bucket_name, policy)

    models.S3Backend.put_bucket_policy = put_bucket_policy  # type: ignore[method-assign]
    responses.bucket_policy_is_public = is_public  # type: ignore[assignment]


PATCHES: Final = (refuse_public_policies_where_they_are_blocked,)
