"""The operator's switch by itself: what it declares, what it refuses, and what an operator runs."""

import json
from typing import Any

import pulumi
import pytest

import pulumi_seawall
from pulumi_seawall import plan_switch
from pulumi_seawall._switch_plan import bucket_policy
from seawall.errors import InvalidInput

CLUSTER = "arn:aws:route53-recovery-control::123456789012:cluster/0123abcd"
ENDPOINTS = {
    region: f"https://{region}.example/v1"
    for region in ("ap-northeast-1", "ap-southeast-2", "eu-west-1", "us-east-1", "us-west-2")
}
EXISTING = "11111111-2222-3333-4444-555555555555"


def switch(**more: Any) -> Any:
    """A switch between Tokyo and Oregon."""
    return {"primary_region": "ap-northeast-1", "standby_region": "us-west-2", **more}


BAD: dict[str, tuple[Any, str]] = {
    "no form": (switch(), "form is missing: exactly one of object and routing_control"),
    "two forms": (
        switch(object={}, routing_control={}),
        "form = object and routing_control: exactly one of object and routing_control",
    ),
    "the same region": (
        switch(standby_region="ap-northeast-1", object={}),
        (
            "standby_region = ap-northeast-1: another region than the primary's, because the switch must work while the "
            "primary's region does not"
        ),
    ),
    "an unknown region": (
        switch(standby_region="us-west2", object={}),
        "standby_region = us-west2: an AWS region; did you mean us-west-2?",
    ),
    "a key that begins with a slash": (
        switch(object={"key": "/thrown"}),
        "object.key = /thrown: letters, digits, dots, hyphens and underscores between single slashes",
    ),
    "a key too long": (
        switch(object={"key": "k" * 255}),
        f"object.key = {'k' * 119}…: a string of 1 to 254 characters",
    ),
    "an interval": (
        switch(object={"interval_seconds": 20}),
        "object.interval_seconds = 20: 10 or 30 seconds, because Route 53 offers no other interval",
    ),
    "two checker regions": (
        switch(object={"checker_regions": ["us-east-1", "eu-west-1"]}),
        (
            "object.checker_regions = ['us-east-1', 'eu-west-1']: at least 3 regions, because fewer cannot tell a dead "
            "endpoint from a checker that is cut off"
        ),
    ),
    "no ranges": (
        switch(object={"checker_cidrs": []}),
        "object.checker_cidrs = []: at least one range",
    ),
    "a range that S3 calls public": (
        switch(object={"checker_cidrs": ["8.0.0.0/7"]}),
        (
            "object.checker_cidrs[0] = 8.0.0.0/7: at most a /8, because S3 calls a policy with wider ranges public, and "
            "Block Public Access refuses it"
        ),
    ),
    "a range that is none": (
        switch(object={"checker_cidrs": ["192.0.2.1/24"]}),
        "object.checker_cidrs[0] = 192.0.2.1/24: an IPv4 range, e.g. 192.0.2.0/24",
    ),
    "a cluster without its endpoints": (
        switch(routing_control={"cluster_arn": CLUSTER}),
        (
            "routing_control.cluster_endpoints = 0: the cluster's 5 endpoint URLs by region, because the operator's command "
            "must not have to ask the control plane for them"
        ),
    ),
    "endpoints without a cluster": (
        switch(routing_control={"cluster_endpoints": ENDPOINTS}),
        "routing_control.cluster_endpoints = 5 endpoints: only with cluster_arn",
    ),
    "an endpoint that is no URL": (
        switch(routing_control={"cluster_arn": CLUSTER, "cluster_endpoints": {**ENDPOINTS, "us-west-2": "x"}}),
        "routing_control.cluster_endpoints.us-west-2 = x: a URL that begins with https://",
    ),
    "a cluster used and adopted": (
        switch(
            routing_control={"cluster_arn": CLUSTER, "cluster_endpoints": ENDPOINTS}, import_ids={"cluster": CLUSTER}
        ),
        (f"routing_control.cluster_arn = {CLUSTER}: not together with import_ids.cluster, which adopts it"),
    ),
    "a cluster to adopt for an object": (
        switch(object={}, import_ids={"cluster": CLUSTER}),
        f"import_ids.cluster = {CLUSTER}: not with object",
    ),
    "a bucket to adopt for a routing control": (
        switch(routing_control={}, import_ids={"primary": {"bucket": "old"}}),
        "import_ids.primary.bucket = old: not with routing_control",
    ),
    "an unknown key": (switch(objekt={}), "objekt = {}: did you mean object?"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_input_of_a_switch_is_one_exact_line(what):
    """A switch that cannot work is found out while nothing burns."""
    args, expected = BAD[what]
    with pytest.raises(InvalidInput) as caught:
        plan_switch(args)
    assert str(caught.value) == expected


INSIDE: dict[str, Any] = {
    "the longest key": switch(object={"key": "k" * 254}),
    "an inner slash": switch(object={"key": "switches/shop/out-of-service"}),
    "a range of /8": switch(object={"checker_cidrs": ["15.0.0.0/8"]}),
    "a cluster with its five endpoints": switch(
        routing_control={"cluster_arn": CLUSTER, "cluster_endpoints": ENDPOINTS}
    ),
    "an own cluster": switch(routing_control={}),
}


@pytest.mark.parametrize("what", INSIDE)
def test_just_inside_each_limit_of_a_switch_is_allowed(what):
    """A limit that is off by one refuses somebody's good switch."""
    plan_switch(INSIDE[what])


def test_a_switch_by_object_is_private_and_switches_each_region_off_from_the_other(deploy):
    """Block Public Access is on as a whole; only Route 53's checkers may look, over TLS, at one key; the bucket that takes
    the primary out is in the standby's region, which is what is left when the primary's is lost."""
    deployment = deploy(lambda: pulumi_seawall.FailoverSwitch("shop", switch(object={})))
    buckets, blocks = deployment.of("Bucket"), deployment.of("BucketPublicAccessBlock")
    assert {name: made.inputs["region"] for name, made in buckets.items()} == {
        "shop-ap-northeast-1": "us-west-2",
        "shop-us-west-2": "ap-northeast-1",
    }
    for name, made in blocks.items():
        assert made.inputs == {
            "region": buckets[name].inputs["region"],
            "bucket": "made-up-bucket",
            "blockPublicAcls": True,
            "blockPublicPolicy": True,
            "ignorePublicAcls": True,
            "restrictPublicBuckets": True,
        }
    policy = json.loads(deployment.of("BucketPolicy")["shop-ap-northeast-1"].inputs["policy"])
    assert policy["Statement"] == [
        {
            "Sid": "Route53CheckersMayLook",
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::made-up-bucket/out-of-service",
            "Condition": {
                "IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "198.51.100.0/24"]},
                "Bool": {"aws:SecureTransport": "true"},
            },
        }
    ]
    check = deployment.of("healthCheck:HealthCheck")["shop-ap-northeast-1"].inputs
    assert (check["fqdn"], check["resourcePath"], check["invertHealthcheck"], check["type"]) == (
        "made-up-bucket.s3.us-west-2.amazonaws.com",
        "/out-of-service",
        True,
        "HTTPS",
    )


def test_the_operators_commands_ask_the_standbys_region_alone(deploy):
    """At three in the morning the line is copied and run; it must need nothing of the region that is lost."""
    outputs = deploy(lambda: pulumi_seawall.FailoverSwitch("shop", switch(object={}))).outputs
    tail = "--region us-west-2 --bucket made-up-bucket --key out-of-service"
    assert outputs["throw_commands"] == [f"aws s3api put-object {tail}"]
    assert outputs["release_commands"] == [f"aws s3api delete-object {tail}"]
    assert outputs["status_commands"] == [f"aws s3api head-object {tail}"]
    assert outputs["prepare_commands"] == []
    assert outputs["positions"] == dict.fromkeys(("ap-northeast-1", "us-west-2"), "s3://made-up-bucket/out-of-service")
    assert outputs["takes_worst_seconds"] == 3 * 10 + 6 + 4  # checks, time-out and aggregation


def test_a_switch_by_routing_control_keeps_somebody_serving(deploy):
    """The safety rule refuses to turn both controls off; each check follows its control."""
    deployment = deploy(lambda: pulumi_seawall.FailoverSwitch("shop", switch(routing_control={})))
    rule = deployment.of("SafetyRule")["shop"].inputs
    assert rule["ruleConfig"] == {"inverted": False, "threshold": 1, "type": "ATLEAST"}
    assert len(rule["assertedControls"]) == 2
    checks = deployment.of("healthCheck:HealthCheck")
    assert {made.inputs["type"] for made in checks.values()} == {"RECOVERY_CONTROL"}
    assert checks["shop-us-west-2"].inputs["routingControlArn"] == "arn:aws:test:::shop-us-west-2"


def test_a_clusters_endpoints_are_tried_with_the_standbys_first_and_the_primarys_last(deploy):
    """Five regions keep the state; the one that is lost is the last to ask."""
    args = switch(routing_control={"cluster_arn": CLUSTER, "cluster_endpoints": ENDPOINTS})
    deployment = deploy(lambda: pulumi_seawall.FailoverSwitch("shop", args))
    assert deployment.of("Cluster") == {}
    commands = deployment.outputs["throw_commands"]
    asked = [command.split("--region ")[1].split()[0] for command in commands]
    assert asked == ["us-west-2", "ap-southeast-2", "eu-west-1", "us-east-1", "ap-northeast-1"]
    assert commands[0] == (
        "aws route53-recovery-cluster update-routing-control-states --region us-west-2 --endpoint-url "
        "https://us-west-2.example/v1 --update-routing-control-state-entries "
        "RoutingControlArn=arn:aws:test:::shop-ap-northeast-1,RoutingControlState=Off "
        "RoutingControlArn=arn:aws:test:::shop-us-west-2,RoutingControlState=On"
    )
    assert "RoutingControlState=Off" not in deployment.outputs["release_commands"][0]
    assert deployment.outputs["prepare_commands"] == deployment.outputs["release_commands"]


def test_an_own_clusters_endpoints_come_from_the_cluster(deploy):
    """Nobody has to look them up while the control plane may be gone."""
    outputs = deploy(lambda: pulumi_seawall.FailoverSwitch("shop", switch(routing_control={}))).outputs
    assert "--endpoint-url https://us-west-2.arc/v1 " in outputs["throw_commands"][0]
    assert len(outputs["throw_commands"]) == 5


def test_what_exists_of_a_switch_is_adopted(deploy):
    """A switch made by hand is taken over, with its bucket's name and in its bucket's region."""
    ids = {"primary": {"bucket": "old-bucket", "health_check": EXISTING}}
    deployment = deploy(lambda: pulumi_seawall.FailoverSwitch("shop", switch(object={}, import_ids=ids)))
    assert {
        (made.type.rpartition(":")[2], made.name): made.import_id for made in deployment.made if made.import_id
    } == {
        ("Bucket", "shop-ap-northeast-1"): "old-bucket@us-west-2",
        ("HealthCheck", "shop-ap-northeast-1"): EXISTING,
    }
    assert deployment.of("Bucket")["shop-ap-northeast-1"].inputs["bucket"] == "old-bucket"


def test_controls_are_adopted_by_their_arns(deploy):
    """An existing panel is taken over with its controls and its rule."""
    ids = {
        "cluster": CLUSTER,
        "control_panel": "arn:panel",
        "safety_rule": "arn:rule",
        "primary": {"routing_control": "arn:one"},
        "standby": {"routing_control": "arn:two", "health_check": EXISTING},
    }
    deployment = deploy(lambda: pulumi_seawall.FailoverSwitch("shop", switch(routing_control={}, import_ids=ids)))
    assert sorted(made.import_id for made in deployment.made if made.import_id) == sorted(
        [CLUSTER, "arn:panel", "arn:rule", "arn:one", "arn:two", EXISTING]
    )


def test_a_policy_without_ranges_is_refused_during_the_deployment():
    """An empty list would be a policy that lets nobody look, or everybody: AWS decides, and the switch would be dead."""
    with pytest.raises(InvalidInput, match="no checker could see the switch"):
        bucket_policy("arn:aws:s3:::b", "key", [])


def test_protection_reaches_what_a_switch_is_made_of(deploy, monkeypatch):
    """A bucket that is deleted by mistake is a switch that cannot be thrown."""
    seen: list[bool | None] = []
    original = pulumi.CustomResource.__init__

    def watched(
        self: Any, kind: str, name: str, props: Any = None, opts: Any = None, *more: Any, **others: Any
    ) -> None:
        original(self, kind, name, props, opts, *more, **others)
        if kind.startswith("aws:s3/"):
            seen.append(self._protect)

    monkeypatch.setattr(pulumi.CustomResource, "__init__", watched)
    options = pulumi.ResourceOptions(protect=True)
    deploy(lambda: pulumi_seawall.FailoverSwitch("shop", switch(object={}), options))
    assert seen == [True] * 6
