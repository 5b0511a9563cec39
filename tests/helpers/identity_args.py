"""Arguments of `WorkloadIdentity`."""

from typing import Any

ABSENT: Any = object()
ACCOUNT = "123456789012"
REGIONS = ["eu-west-1", "eu-central-1"]
POD = {"region": "eu-west-1", "cluster_name": "shop", "namespace": "shop", "service_account": "shop"}
OPERATOR = f"arn:aws:iam::{ACCOUNT}:role/on-call"

VOTES, LEASES, RECORDS = (
    f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{name}" for name in ("votes", "leases", "records")
)


def identity(purpose: str = "app", **changes: Any) -> Any:
    """An identity that is right, with more, other or fewer (`ABSENT`) entries."""
    args: dict[str, Any] = {
        "purpose": purpose,
        "service": "shop",
        "environment": "prod",
        "account_id": ACCOUNT,
        "regions": REGIONS,
        "pods": [POD],
    }
    return {key: value for key, value in {**args, **changes}.items() if value is not ABSENT}
