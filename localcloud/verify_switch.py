"""Whether the operator's switch is where the program says, closed to the public, and not thrown."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from localcloud.findings import GONE, Finding, unlike
from localcloud.provider.recorded import recorded

S3: Final = "s3://"
ROUTING_CONTROL: Final = "aws:route53recoverycontrol/routingControl:RoutingControl"


def switches(session: Any, endpoint: str, outputs: Mapping[str, Any], recorded_file: Path) -> Iterator[Finding]:
    """One finding per region that can be switched off.

    Args:
        session: Of boto3.
        endpoint: The cloud's address.
        outputs: The program's: `switch`, or none.
        recorded_file: Where the provider plugin keeps what the cloud cannot emulate.
    """
    claim = outputs.get("switch")
    for position in claim["positions"] if claim else ():
        place, title = position["place"], f"off: {position['switches_off']}"
        if not place.startswith(S3):
            noted = {entry.id for entry in recorded(recorded_file) if entry.type == ROUTING_CONTROL}
            found = place in noted
            missing = () if found else GONE
            yield Finding("switch", title, "recorded only: moto has no ARC", missing, recorded_only=found)
            continue
        bucket, _, key = place.removeprefix(S3).partition("/")
        client = session.client("s3", region_name=position["kept_in"], endpoint_url=endpoint)
        yield _bucket(client, title, bucket, key, position["kept_in"])


def _bucket(client: Any, title: str, bucket: str, key: str, region: str) -> Finding:
    from botocore.exceptions import ClientError

    try:
        where = client.get_bucket_location(Bucket=bucket)["LocationConstraint"] or "us-east-1"
        blocked = client.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
        public = client.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"]
        thrown = bool(client.list_objects_v2(Bucket=bucket, Prefix=key).get("KeyCount"))
    except ClientError as error:
        return Finding("switch", title, "missing", (f"{bucket}: {error.response['Error']['Code']}",))
    found = f"{bucket} in {where}, {'thrown' if thrown else 'not thrown'}"
    return Finding(
        "switch",
        title,
        found,
        unlike(
            {
                "region": (region, where),
                "public access": (4 * [True], list(blocked.values())),
                "public": (False, public),
            }
        ),
    )
