"""Whether the tables of a failover are where the program says, with the keys that votes, leases and journals are written by."""

from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.findings import GONE, Finding, unlike


def arbiter_tables(session: Any, endpoint: str, outputs: Mapping[str, Any]) -> Iterator[Finding]:
    """One finding per table.

    Args:
        session: Of boto3.
        endpoint: The cloud's address.
        outputs: The program's: `arbiter` with `region`, `tables`, `keys` and `deletion_protection`, or none.
    """
    claim = outputs.get("arbiter")
    if claim is None:
        return
    client = session.client("dynamodb", region_name=claim["region"], endpoint_url=endpoint)
    for purpose, name in sorted(claim["tables"].items()):
        try:
            table = client.describe_table(TableName=name)["Table"]
            backups = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        except client.exceptions.ResourceNotFoundException:
            yield Finding("failover table", name, "missing", GONE)
            continue
        types = {each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]}
        keys = [each["AttributeName"] for each in table["KeySchema"]]
        recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
        ttl = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["TimeToLiveStatus"]
        yield Finding(
            "failover table",
            name,
            f"{claim['region']}: {purpose} by {' and '.join(keys)}",
            unlike(
                {
                    "keys": (claim["keys"][purpose], keys),
                    "types of the keys": (dict.fromkeys(claim["keys"][purpose], "S"), types),
                    "billing": ("PAY_PER_REQUEST", table["BillingModeSummary"]["BillingMode"]),
                    "point-in-time recovery": ("ENABLED", recovery),
                    "deletion protection": (claim["deletion_protection"], table["DeletionProtectionEnabled"]),
                    "encryption": ("KMS", table.get("SSEDescription", {}).get("SSEType")),
                    "time to live": ("DISABLED", ttl),
                    "replicas": ([], table.get("Replicas", [])),
                }
            ),
        )
