"""Whether `make dev` notices a switch that is open to the public, thrown, elsewhere or gone."""

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from localcloud.provider.recorded import RecordedObject, keep
from localcloud.verify_switch import ROUTING_CONTROL, switches

pytestmark = pytest.mark.xdist_group("provider")

REGION = "us-west-2"
BLOCKED = dict.fromkeys(("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True)


def policy(bucket: str, **condition: Any) -> str:
    statement = {
        "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/out",
        "Condition": condition,
    }  # fmt: skip
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def bucket(connect: Callable[..., Any]) -> str:
    """A bucket as the switch declares it."""
    s3, name = connect("s3", REGION), f"switch-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=BLOCKED)
    s3.put_bucket_policy(Bucket=name, Policy=policy(name, IpAddress={"aws:SourceIp": ["192.0.2.0/24"]}))
    return name


@pytest.fixture
def found(aws_endpoint: str, tmp_path: Path) -> Callable[..., Any]:
    """The one finding for a position."""

    def look(place: str, kept_in: str | None = REGION) -> Any:
        session = boto3.Session(aws_access_key_id="local", aws_secret_access_key="local")
        position = {"switches_off": "ap-northeast-1", "kept_in": kept_in, "place": place}
        (finding,) = switches(session, aws_endpoint, {"switch": {"positions": [position]}}, tmp_path / "recorded.json")
        return finding

    return look


def test_a_switch_as_it_was_declared_is_found_and_not_thrown(bucket: str, found: Any) -> None:
    """The ordinary case says so in words."""
    finding = found(f"s3://{bucket}/out")
    assert finding.differences == ()
    assert finding.found == f"{bucket} in {REGION}, not thrown"


def test_a_thrown_switch_is_shown(bucket: str, found: Any, connect: Any) -> None:
    """Whoever wonders why the standby serves sees it here."""
    connect("s3", REGION).put_object(Bucket=bucket, Key="out")
    assert found(f"s3://{bucket}/out").found == f"{bucket} in {REGION}, thrown"


def test_a_switch_that_was_opened_to_the_public_differs(bucket: str, found: Any, connect: Any) -> None:
    """Somebody who switched Block Public Access off, and wrote a policy for everybody, is found out."""
    s3 = connect("s3", REGION)
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={**BLOCKED, "BlockPublicPolicy": False})
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, Bool={"aws:SecureTransport": "true"}))
    differences = found(f"s3://{bucket}/out").differences
    assert [difference.partition(":")[0] for difference in differences] == ["public access", "public"]


def test_a_switch_that_is_gone_or_elsewhere_differs(bucket: str, found: Any) -> None:
    """A switch that cannot be thrown is worse than none."""
    assert found("s3://nobody-has-this/out").differences == ("nobody-has-this: NoSuchBucket",)
    assert found(f"s3://{bucket}/out", "eu-west-1").differences == (
        f"region: declared eu-west-1, the cloud has {REGION}",
    )


def test_a_routing_control_is_recorded_only_and_its_absence_differs(found: Any, tmp_path: Path) -> None:
    """Nothing emulates it, and that is said; what was never recorded is missing."""
    arn = "arn:aws:route53-recovery-control::123456789012:controlpanel/one/routingcontrol/two"
    assert found(arn, None).differences == ("does not exist",)
    keep(tmp_path / "recorded.json", RecordedObject(ROUTING_CONTROL, "", arn, {}))
    finding = found(arn, None)
    assert (finding.differences, finding.recorded_only) == ((), True)


def test_without_a_switch_nothing_is_looked_for(aws_endpoint: str, tmp_path: Path) -> None:
    """An environment need not have one."""
    assert list(switches(boto3.Session(), aws_endpoint, {"switch": None}, tmp_path / "recorded.json")) == []
