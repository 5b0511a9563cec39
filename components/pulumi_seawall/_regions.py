"""Regions that AWS has, as of November 2026 (botocore's endpoints.json, partitions aws, aws-cn and aws-us-gov)."""

from collections.abc import Sequence
from typing import Final

from pulumi_seawall._inputs import listed, nearest
from seawall.errors import InvalidInput

REGIONS: Final = (
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
)

CHECKER_REGIONS: Final = (
    "ap-northeast-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "eu-west-1",
    "sa-east-1",
    "us-east-1",
    "us-west-1",
    "us-west-2",
)
"""Where Route 53 has health checkers; it offers no others."""

FEWEST_CHECKER_REGIONS: Final = 3  # Route 53's own minimum
ROUTE53_METRICS_REGION: Final = (
    "us-east-1"  # metrics of AWS/Route53 exist there only, and so must their alarms and topics
)


def known_region(name: str, value: object) -> str:
    """A region that AWS has.

    Raises:
        InvalidInput: It has not; the line names the nearest one.
    """
    if isinstance(value, str) and value in REGIONS:
        return value
    guess = nearest(value, REGIONS) if isinstance(value, str) else None
    raise InvalidInput(name, value, allowed="an AWS region" + (f"; did you mean {guess}?" if guess else ""))


def known_regions(name: str, given: object) -> tuple[str, ...]:
    """A list of regions that AWS has.

    Raises:
        InvalidInput: It is none, or AWS has not one of them.
    """
    return tuple(known_region(f"{name}[{place}]", region) for place, region in enumerate(listed(name, given)))


def distinct_regions(name: str, given: object) -> tuple[str, ...]:
    """At least one region that AWS has, each once.

    Raises:
        InvalidInput: It is no such list.
    """
    regions = known_regions(name, given)
    if not regions or len(set(regions)) < len(regions):
        raise InvalidInput(name, ", ".join(regions) or "[]", allowed="at least one region, each once")
    return regions


def region_outside(name: str, value: object, regions: Sequence[str]) -> str:
    """A region that AWS has and that is none of these: what decides must not fail with what it decides about.

    Raises:
        InvalidInput: It is one of them, or there is none of that name.
    """
    region = known_region(name, value)
    if region in regions:
        raise InvalidInput(
            name,
            region,
            allowed=f"a region other than {', '.join(regions)}",
            because="it has to be reached when any of these is lost or cut off",
        )
    return region


def checker_regions(name: str, given: list[object]) -> tuple[str, ...]:
    """At least three of the regions with checkers, sorted.

    Raises:
        InvalidInput: One is unknown or stands there twice, or there are fewer than three.
    """
    for position, region in enumerate(given):
        if region not in CHECKER_REGIONS:
            raise InvalidInput(f"{name}[{position}]", region, allowed=f"one of {', '.join(CHECKER_REGIONS)}")
    chosen = sorted({str(region) for region in given})
    if len(chosen) < len(given):
        raise InvalidInput(name, given, allowed="each region once")
    if len(chosen) < FEWEST_CHECKER_REGIONS:
        raise InvalidInput(
            name,
            given,
            allowed=f"at least {FEWEST_CHECKER_REGIONS} regions",
            because="fewer cannot tell a dead endpoint from a checker that is cut off",
        )
    return tuple(chosen)


def import_in(region: str, import_id: str | None) -> str | None:
    """The import id of something in a region: without it, the provider looks in the stack's own."""
    return None if import_id is None else f"{import_id}@{region}"


def in_metrics_region(import_id: str | None) -> str | None:
    """The import id of an alarm on Route 53's metrics."""
    return import_in(ROUTE53_METRICS_REGION, import_id)
