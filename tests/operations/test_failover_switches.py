"""The switch in both forms: which region the name is forced to, what is told while one is lost, and what is called."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from local_moto import moto_client, moto_server
from recorded_calls import CallRecorder
from seawall.errors import CloudUnavailable, InvalidInput
from seawall_ops.failover.plans.switches import (
    BOTH_OFF,
    ENDPOINTS,
    PERMISSIONS,
    ObjectSwitch,
    RoutingControlSwitch,
    parse_switch,
)
from seawall_policies import IAM_NAMES

HOME, AWAY = "eu-west-1", "us-west-2"
KEY = "out-of-service"
PLACES = {HOME: f"s3://home-off/{KEY}", AWAY: f"s3://away-off/{KEY}"}
CONTROLS = {
    region: f"arn:aws:route53-recovery-control::123456789012:controlpanel/0a/routingcontrol/{number}"
    for number, region in enumerate((HOME, AWAY))
}
URLS = {
    region: f"https://{region}.cluster.test" for region in (HOME, AWAY, "ap-northeast-1", "ap-southeast-2", "us-east-1")
}
OTHER = {HOME: AWAY, AWAY: HOME}


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """Makes clients of S3 as moto's server has it; both buckets are there."""
    with moto_server() as url:
        made = {region: moto_client("s3", url, region) for region in (HOME, AWAY)}
        for region, bucket in ((AWAY, "home-off"), (HOME, "away-off")):
            made[region].create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
        yield made
        for each in made.values():
            each.close()


@pytest.fixture
def buckets(server: Any) -> Any:
    """The clients by the region of the bucket; nothing is switched off."""
    server[AWAY].delete_object(Bucket="home-off", Key=KEY)
    server[HOME].delete_object(Bucket="away-off", Key=KEY)
    return server


class Failing:
    """A bucket's region that does not answer, or refuses."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        def call(**_: Any) -> None:
            self.asked.append(name)
            raise self.error

        return call


def gone() -> Failing:
    return Failing(ConnectTimeoutError(endpoint_url="https://s3"))


def refused(code: str, status: int) -> Failing:
    response: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return Failing(ClientError(response, "ListObjectsV2"))


def switch(clients: Any, **instead: Any) -> ObjectSwitch:
    """With other clients `instead`, by `home` and `away`."""
    found = {HOME: instead.get("home", clients[HOME]), AWAY: instead.get("away", clients[AWAY])}
    return ObjectSwitch(PLACES, found.__getitem__)


def test_the_name_is_forced_to_either_region_and_let_go(buckets):
    """The object that switches a region off is in the other one; there is never one too many."""
    there = switch(buckets)
    assert (there.region(), there.look().shown) == (None, "nothing is switched off")
    for region in (AWAY, HOME, HOME):
        there.force(region)
        assert (there.region(), there.look().shown) == (region, f"{OTHER[region]} is switched off")
    there.force(None)
    assert there.region() is None
    assert there.where == f"{HOME} by s3://home-off/{KEY}, {AWAY} by s3://away-off/{KEY}"


def test_both_off_is_told_apart_and_mended(buckets):
    """Route 53 then answers the primary, whichever region that is: nobody has forced it anywhere."""
    buckets[AWAY].put_object(Bucket="home-off", Key=KEY)
    buckets[HOME].put_object(Bucket="away-off", Key=KEY)
    there = switch(buckets)
    assert (there.region(), there.look().shown) == (None, BOTH_OFF)
    there.force(AWAY)
    assert there.region() == AWAY


def test_another_object_of_the_bucket_is_no_switch(buckets):
    """A key that only begins alike throws nothing."""
    buckets[AWAY].put_object(Bucket="home-off", Key=f"{KEY}.txt")
    assert switch(buckets).region() is None


def test_a_lost_regions_object_counts_as_absent_and_is_told(buckets):
    """The checkers cannot see it either; so the failover goes on, and whoever reads the line knows."""
    there = switch(buckets, home=gone())
    assert there.region() is None
    with pytest.raises(CloudUnavailable, match=f"{HOME} is off; perhaps {AWAY} is, too, once its switch can be seen"):
        there.force(AWAY)
    look = there.look()
    assert look.region == AWAY
    assert f"what switches {AWAY} off is unseen, and counts as absent" in look.shown
    assert "ConnectTimeoutError" in look.shown
    assert there.region() == AWAY


def test_letting_go_is_certain_or_an_error(buckets):
    """What cannot be taken away forces the name again when its region is back."""
    buckets[HOME].put_object(Bucket="away-off", Key=KEY)
    with pytest.raises(CloudUnavailable, match="s3 DeleteObject home-off"):
        switch(buckets, away=gone()).force(None)
    assert "Contents" not in buckets[HOME].list_objects_v2(Bucket="away-off")


def test_nothing_is_taken_away_where_nothing_could_be_put(buckets):
    """Otherwise a move that failed would leave the name to the health checks."""
    buckets[HOME].put_object(Bucket="away-off", Key=KEY)
    with pytest.raises(CloudUnavailable, match="s3 PutObject home-off"):
        switch(buckets, away=gone()).force(AWAY)
    assert switch(buckets).region() == HOME


def test_without_any_answer_nothing_is_known(buckets):
    """Unknown is never taken for "not thrown" on both sides."""
    with pytest.raises(CloudUnavailable, match="ConnectTimeoutError"):
        switch(buckets, home=gone(), away=gone()).region()


@pytest.mark.parametrize(("code", "status"), [("AccessDenied", 403), ("NoSuchBucket", 404)])
def test_a_bucket_that_refuses_is_not_taken_for_a_lost_region(buckets, code, status):
    """The checkers may see what this role may not."""
    with pytest.raises(CloudUnavailable, match=code):
        switch(buckets, home=refused(code, status)).region()
    assert switch(buckets, home=refused("InternalError", 500)).region() is None


def test_the_calls_on_s3_are_those_of_the_table(buckets):
    """One call more is denied in production, in the one moment that counts."""
    recorder = CallRecorder()
    there = switch({region: recorder.watch(client) for region, client in buckets.items()})
    there.force(AWAY)
    there.region()
    assert recorder.taken() == {IAM_NAMES.get(each, each) for each in PERMISSIONS["object"]}


class Cluster:
    """What five endpoints keep together; some of them do not answer."""

    def __init__(self, *states: str, silent: int = 0, code: str = "EndpointTemporarilyUnavailableException") -> None:
        self.states = dict(zip(CONTROLS.values(), states, strict=True))
        self.silent = silent
        self.code = code
        self.asked: list[str] = []

    def client(self, region: str, url: str) -> Any:
        assert url == URLS[region]
        return Endpoint(self, region)


class Endpoint:
    def __init__(self, cluster: Cluster, region: str) -> None:
        self.cluster = cluster
        self.region = region

    def _answer(self, operation: str) -> None:
        self.cluster.asked.append(self.region)
        if self.cluster.silent > 0:
            self.cluster.silent -= 1
            raise ClientError({"Error": {"Code": self.cluster.code, "Message": "no"}}, operation)

    def get_routing_control_state(self, **asked: Any) -> dict[str, str]:
        self._answer("GetRoutingControlState")
        return {"RoutingControlState": self.cluster.states[asked["RoutingControlArn"]]}

    def update_routing_control_states(self, **asked: Any) -> None:
        self._answer("UpdateRoutingControlStates")
        assert set(asked) == {"UpdateRoutingControlStateEntries"}  # the safety rule is never overridden
        for each in asked["UpdateRoutingControlStateEntries"]:
            self.cluster.states[each["RoutingControlArn"]] = each["RoutingControlState"]


def controls(cluster: Cluster) -> RoutingControlSwitch:
    return RoutingControlSwitch(CONTROLS, URLS, cluster.client)


def test_both_controls_are_set_in_one_call():
    """One after the other would break the safety rule on the way."""
    cluster = Cluster("Off", "Off")
    there = controls(cluster)
    assert (there.region(), there.look().shown) == (None, BOTH_OFF)
    for region, states in ((AWAY, ["Off", "On"]), (HOME, ["On", "Off"]), (None, ["On", "On"])):
        cluster.asked.clear()
        there.force(region)
        assert (list(cluster.states.values()), len(cluster.asked)) == (states, 1)
        assert there.region() == region


def test_endpoints_are_asked_in_turn_and_the_lost_regions_last():
    """Any of the five knows; the one of the region that is lost costs its time-out."""
    cluster = Cluster("On", "On", silent=ENDPOINTS - 1)
    controls(cluster).force(AWAY)
    assert cluster.asked == [AWAY, "ap-northeast-1", "ap-southeast-2", "us-east-1", HOME]
    with pytest.raises(CloudUnavailable, match="EndpointTemporarilyUnavailableException"):
        controls(Cluster("On", "On", silent=ENDPOINTS)).region()


def test_a_refusal_is_the_same_everywhere():
    """Five denials take no longer to be told than one."""
    cluster = Cluster("On", "On", silent=1, code="AccessDeniedException")
    with pytest.raises(CloudUnavailable, match="AccessDeniedException"):
        controls(cluster).force(AWAY)
    assert len(cluster.asked) == 1


def test_clients_of_its_own_go_where_they_are_told(monkeypatch):
    """A cluster's endpoints are in no list of the SDK's."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    client = RoutingControlSwitch(CONTROLS, URLS)._client(AWAY)
    assert (client.meta.endpoint_url, client.meta.config.retries["total_max_attempts"]) == (URLS[AWAY], 1)
    recorder = CallRecorder()
    recorder.watch(client).meta.events.register("before-send.*.*", lambda **_: pytest.fail("nothing is sent here"))
    assert {f"route53-recovery-cluster:{name}" for name in client.meta.service_model.operation_names} > set(
        PERMISSIONS["routing_control"]
    )


BAD: dict[str, tuple[Any, Any, str]] = {
    "no mapping": ("s3://a/b", None, "switch = s3://a/b: a mapping by region"),
    "one region": ({HOME: "s3://a/b"}, None, f"switch = {HOME}: the two regions that can be switched off"),
    "a number": ({HOME: 1, AWAY: "s3://a/b"}, None, f"switch.{HOME} = 1: a text"),
    "no key": (
        {HOME: "s3://a", AWAY: "s3://a/b"},
        None,
        f"switch.{HOME} = s3://a: s3://BUCKET/KEY, as the other region's",
    ),
    "two forms": (
        {HOME: CONTROLS[HOME], AWAY: "s3://a/b"},
        None,
        f"switch.{HOME} = {CONTROLS[HOME]}: s3://BUCKET/KEY, as the other region's",
    ),
    "endpoints of objects": (PLACES, URLS, "switch_endpoints = given: only with routing controls"),
    "no endpoints": (
        CONTROLS,
        None,
        "switch_endpoints is missing: the cluster's 5, by region, since nobody can ask for them later",
    ),
    "four endpoints": (
        CONTROLS,
        dict(list(URLS.items())[1:]),
        "switch_endpoints = 4: the cluster's 5, by region",
    ),
    "an open line": (
        CONTROLS,
        {**URLS, HOME: "http://x"},
        f"switch_endpoints.{HOME} = http://x: a URL that begins with https://",
    ),
    "neither form": (
        {HOME: "arn:aws:s3:::a/b", AWAY: CONTROLS[AWAY]},
        URLS,
        f"switch.{HOME} = arn:aws:s3:::a/b: s3://BUCKET/KEY, or a routing control's ARN",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_each_bad_setting_is_one_exact_line(case):
    """Name, value, what is allowed and why: enough for a tired person."""
    positions, endpoints, line = BAD[case]
    with pytest.raises(InvalidInput) as caught:
        parse_switch(positions, endpoints)
    assert str(caught.value) == line


def test_a_region_that_the_switch_does_not_know_is_refused(buckets):
    """Nothing is written for a misspelled region."""
    for there in (switch(buckets), controls(Cluster("On", "On"))):
        with pytest.raises(InvalidInput, match=f"region = eu-west-9: one that the switch knows: {HOME}, {AWAY}"):
            there.force("eu-west-9")


def test_the_settings_give_the_form_that_they_say(monkeypatch):
    """Both forms stand under one key, as the stack's output has them."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    assert isinstance(parse_switch(PLACES), ObjectSwitch)
    assert isinstance(parse_switch(CONTROLS, URLS), RoutingControlSwitch)
    assert parse_switch(CONTROLS, URLS).where == ", ".join(f"{region} by {arn}" for region, arn in CONTROLS.items())
