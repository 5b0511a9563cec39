"""What a failover switch and a private zone stand on, through the plugin and against the patched server."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.moto_patches.s3 import is_public

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("provider")]

BUCKET = "aws:s3/bucket:Bucket"
BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"
RULE = "aws:route53recoverycontrol/safetyRule:SafetyRule"
CONTROL = "aws:route53recoverycontrol/routingControl:RoutingControl"
PANEL = "arn:aws:route53-recovery-control::123456789012:controlpanel/one"
CLUSTER = "arn:aws:route53-recovery-control::123456789012:cluster/one"
ALL_BLOCKED = {
    "blockPublicAcls": True, "blockPublicPolicy": True, "ignorePublicAcls": True, "restrictPublicBuckets": True,
}  # fmt: skip


def policy(bucket: str, **condition: Any) -> str:
    statement = {
        "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/out",
        "Condition": condition,
    }  # fmt: skip
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize(
    ("condition", "public"),
    [
        ({}, True),
        ({"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "198.51.100.0/24"]}}, False),
        ({"IpAddress": {"aws:SourceIp": ["192.0.2.0/24"]}, "Bool": {"aws:SecureTransport": "true"}}, False),
        ({"IpAddress": {"aws:SourceIp": "15.0.0.0/8"}}, False),
        ({"IpAddress": {"aws:SourceIp": "14.0.0.0/7"}}, True),
        ({"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "0.0.0.0/0"]}}, True),
        ({"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, True),
        ({"Bool": {"aws:SecureTransport": "true"}}, True),
        ({"StringEquals": {"aws:SourceVpc": "vpc-1"}}, False),
        ({"StringLike": {"aws:SourceVpc": "vpc-*"}}, True),
    ],
)
async def test_a_policy_is_public_unless_it_fixes_where_the_caller_comes_from(condition: Any, public: bool) -> None:
    """The meaning of public in S3's user guide; moto calls every condition a restriction."""
    assert is_public(policy("b", **condition)) is public


async def test_the_switchs_policy_passes_block_public_access_and_a_public_one_does_not(lab: Any) -> None:
    """A component whose policy AWS would refuse must be refused here, before it meets an account."""
    bucket = await lab.create(BUCKET, "switch", {"region": "us-west-2", "bucket": f"switch-{lab.prefix}"})
    name = bucket.id
    assert bucket.state["bucketRegionalDomainName"] == f"{name}.s3.us-west-2.amazonaws.com"
    await lab.create(BLOCK, "switch", {"region": "us-west-2", "bucket": name, **ALL_BLOCKED})
    with pytest.raises(Exception, match="AccessDenied"):
        await lab.create(POLICY, "open", {"region": "us-west-2", "bucket": name, "policy": policy(name)})
    narrow = policy(name, IpAddress={"aws:SourceIp": ["192.0.2.0/24"]})
    await lab.create(POLICY, "switch", {"region": "us-west-2", "bucket": name, "policy": narrow})
    kept = lab.client("s3", "us-west-2").get_bucket_policy(Bucket=name)["Policy"]
    assert json.loads(kept) == json.loads(narrow)


async def test_a_thrown_switch_is_destroyed_with_what_it_holds(lab: Any) -> None:
    """The object of a switch that was thrown must not stand in the way of removing it; any other bucket keeps its own."""
    bucket = await lab.create(
        BUCKET, "thrown", {"region": "us-west-2", "bucket": f"thrown-{lab.prefix}", "forceDestroy": True}
    )
    kept = await lab.create(BUCKET, "kept", {"region": "us-west-2", "bucket": f"kept-{lab.prefix}"})
    client = lab.client("s3", "us-west-2")
    for name in (bucket.id, kept.id):
        client.put_object(Bucket=name, Key="out-of-service")
    await bucket.delete()
    assert not await bucket.refresh()
    with pytest.raises(Exception, match="BucketNotEmpty"):
        await kept.delete()
    client.delete_object(Bucket=kept.id, Key="out-of-service")
    await kept.delete()
    with pytest.raises(ClientError, match="404"):
        client.head_bucket(Bucket=kept.id)


async def test_a_bucket_is_a_new_one_under_another_name_and_in_another_region(lab: Any) -> None:
    """Neither can be changed in place."""
    inputs = {"region": "us-west-2", "bucket": f"one-{lab.prefix}"}
    bucket = await lab.create(BUCKET, "one", inputs)
    assert list((await bucket.diff({**inputs, "bucket": "other"})).replaces) == ["bucket"]
    assert list((await bucket.diff({**inputs, "region": "eu-west-1"})).replaces) == ["region"]


@pytest.mark.parametrize(
    ("kind", "inputs", "property_", "line"),
    [
        (BUCKET, {"bucket": "Shop"}, "bucket", "3 to 63 lower-case letters"),
        (POLICY, {"bucket": "b", "policy": "{"}, "policy", "JSON"),
        (
            RULE,
            {"controlPanelArn": PANEL, "name": "r", "waitPeriodMs": 1, "ruleConfig": {"type": "ATLEAST", "threshold": 1}},
            "assertedControls",
            "either assertedControls, or gatingControls",
        ),
        (
            RULE,
            {
                "controlPanelArn": PANEL, "name": "r", "waitPeriodMs": 1, "assertedControls": ["a"],
                "ruleConfig": {"type": "MOST", "threshold": 1},
            },
            "ruleConfig.type",
            "one of ATLEAST, AND, OR",
        ),
        (
            RULE,
            {
                "controlPanelArn": PANEL, "name": "r", "waitPeriodMs": 1, "assertedControls": ["a", "b"],
                "ruleConfig": {"type": "ATLEAST", "threshold": 3},
            },
            "ruleConfig.threshold",
            "at most the 2 controls",
        ),
        (
            RULE,
            {
                "controlPanelArn": PANEL, "name": "r", "waitPeriodMs": -1, "assertedControls": ["a"],
                "ruleConfig": {"type": "ATLEAST", "threshold": 1},
            },
            "waitPeriodMs",
            "at least 0 milliseconds",
        ),
        (CONTROL, {"clusterArn": CLUSTER, "name": "n" * 65}, "name", "1 to 64 characters"),
        ("aws:route53recoverycontrol/cluster:Cluster", {"name": "c", "networkType": "IPV6"}, "networkType", "IPV4 or DUALSTACK"),
    ],
)  # fmt: skip
async def test_what_is_wrong_by_itself_is_refused_in_a_preview(
    lab: Any, kind: str, inputs: dict[str, Any], property_: str, line: str
) -> None:
    """One line at the input that is wrong, before anything is created."""
    failures = await lab.failures(kind, inputs)
    assert line in failures[property_]
    assert "\n" not in failures[property_]


async def test_a_routing_control_keeps_its_arn_under_a_new_name(lab: Any) -> None:
    """The check that follows it names the ARN: a rename must not cut the switch off."""
    inputs = {"clusterArn": CLUSTER, "controlPanelArn": PANEL, "name": "primary"}
    control = await lab.create(CONTROL, "primary", inputs)
    await control.update({**inputs, "name": "first"})
    assert await control.refresh()
    assert control.state["arn"] == control.id
    assert control.state["name"] == "first"
    assert list((await control.diff({**inputs, "controlPanelArn": f"{PANEL}2"})).replaces) == ["controlPanelArn"]


async def test_the_published_ranges_are_made_up_and_need_a_service(lab: Any) -> None:
    """Nothing in the local cloud comes from AWS's addresses; a question without a service is a mistake."""
    told = await lab.invoke("aws:index/getIpRanges:getIpRanges", services=["route53_healthchecks"])
    assert told["cidrBlocks"] == ["192.0.2.0/24", "198.51.100.0/24"]
    with pytest.raises(Exception, match="give the services"):
        await lab.invoke("aws:index/getIpRanges:getIpRanges")


async def test_a_zones_records_are_found_by_pattern_and_balancers_zones_by_kind_and_region(lab: Any) -> None:
    """What the lookup of an Ingress's load balancer asks: who owns a name, and which zone an alias needs."""
    zone = await lab.create("aws:route53/zone:Zone", "zone", {"name": f"{lab.prefix}.test"})
    name, text = f"shop.{lab.prefix}.test", "heritage=external-dns,external-dns/owner=eu"
    owned = {"zoneId": zone.id, "name": f"a-{name}", "type": "TXT", "ttl": 300, "records": [text]}
    await lab.create("aws:route53/record:Record", "owned", owned)
    asked = {"zoneId": zone.id, "nameRegex": f"{name}[.]?$"}
    told = await lab.invoke("aws:route53/getRecords:getRecords", **asked)
    assert [(one["name"], one["resourceRecords"]) for one in told["resourceRecordSets"]] == [
        (f"a-{name}.", [{"value": f'"{text}"'}])
    ]
    assert not (await lab.invoke("aws:route53/getRecords:getRecords", **{**asked, "nameRegex": "^nobody"}))[
        "resourceRecordSets"
    ]
    with pytest.raises(Exception, match="a regular expression"):
        await lab.invoke("aws:route53/getRecords:getRecords", **{**asked, "nameRegex": "("})
    ids = {
        (await lab.invoke("aws:lb/getHostedZoneId:getHostedZoneId", region=region, loadBalancerType=kind))["id"]
        for region in ("eu-west-1", "us-east-1")
        for kind in ("application", "network")
    }
    assert len(ids) == 4
    with pytest.raises(Exception, match="application or network"):
        await lab.invoke("aws:lb/getHostedZoneId:getHostedZoneId", loadBalancerType="classic")
