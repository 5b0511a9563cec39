"""What observers and operators of an estate share: the tables of the third region, and the settings that name them."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from failover_numbers import THIRD, Numbers

BOARD: Final = "seawall-board"
LEASES: Final = "seawall-leases"
RECORDS: Final = "seawall-records"
KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    BOARD: ("cluster", "record"),
    LEASES: ("id",),
    RECORDS: ("operation", "position"),
}
PROMOTE_SECONDS: Final = 60.0  # a promotion here takes a fraction of a second


def create_tables(dynamodb: Any) -> None:
    """All of them, by a client of the third region."""
    for table, keys in KEYS.items():
        dynamodb.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
            KeySchema=[
                {"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
            ],
        )


def settings_of(numbers: Numbers, reference: str) -> dict[str, Any]:
    """The settings of `seawall failover`.

    Args:
        numbers: How often everything is done.
        reference: URL of what an observer reaches unless it is cut off itself.
    """
    policy = numbers.policy
    return {
        "cluster": policy.cluster,
        "domains": list(policy.domains),
        "board": f"dynamodb://{THIRD}/{BOARD}",
        "references": [reference.removeprefix("http://")],
        "leases": f"dynamodb://{THIRD}/{LEASES}",
        "lease_terms": asdict(numbers.leases),
        "journals": f"dynamodb://{THIRD}/{RECORDS}",
        "servers": "postgres",
        "epoch_lease_seconds": numbers.epoch_lease_seconds,
        "promote_seconds": PROMOTE_SECONDS,
        "aws_status": False,
        "interval_seconds": policy.interval_seconds,
        "timeout_seconds": policy.timeout_seconds,
        "failures_to_trip": policy.failures_to_trip,
        "window": policy.window,
        "successes_to_clear": policy.successes_to_clear,
        "decision_interval_seconds": policy.decision_interval_seconds,
        "stale_after_seconds": policy.staleness_seconds,
        "cool_down_seconds": policy.cool_down_seconds,
    }
