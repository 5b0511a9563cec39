"""`FailoverObservers`: the file that is mounted is the one that `seawall failover` reads, key by key and number by number."""

import dataclasses
from typing import Any

import pulumi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observers_args import ARBITER, AWAY, EVERY_SETTING, HOME, SETTINGS, observers_args, planned
from pulumi_seawall import FailoverObservers, _observers_args, _observers_numbers, _observers_settings
from seawall.errors import InvalidInput
from seawall_ops.failover.operating import FENCE_KEYS, KEYS, ServersKind
from seawall_ops.failover.policy import MaintenanceWindow, Mode, Policy
from seawall_ops.failover.settings import OWN_KEYS, Settings, parse_settings
from seawall_ops.lease import LeaseTerms

REGIONS = (HOME, AWAY)
SECONDS = st.one_of(st.integers(1, 400), st.floats(0.001, 400.0), st.just(_observers_numbers.LONGEST_SECONDS))


def keys_of(shape: Any) -> set[str]:
    """Those of a TypedDict."""
    return set(shape.__required_keys__ | shape.__optional_keys__)


def fields_of(kind: Any) -> set[str]:
    """Those of a dataclass."""
    return {each.name for each in dataclasses.fields(kind)}


def read(**changes: Any) -> Settings:
    """What an observer reads, of the settings with each key set."""
    text = planned(settings={**SETTINGS, **changes}).settings.text
    assert isinstance(text, str)
    return parse_settings(text)


def accepted(check: Any) -> bool:
    """Whether it refuses nothing."""
    try:
        check()
    except InvalidInput:
        return False
    return True


def test_every_key_of_the_file_is_an_argument_or_named_as_left_out():
    """A key that nobody can give would be missed on the day that somebody needs it."""
    known = fields_of(Policy) | set(OWN_KEYS) | set(KEYS)
    arguments, left_out = keys_of(_observers_args.FailoverSettingsArgs), set(_observers_settings.LEFT_OUT)
    assert arguments | left_out == known
    assert not arguments & left_out
    assert keys_of(_observers_args.FailoverFenceArgs) == set(FENCE_KEYS)
    assert keys_of(_observers_args.FailoverLeaseArgs) == fields_of(LeaseTerms) == set(_observers_numbers.LEASE)
    assert keys_of(_observers_args.MaintenanceWindowArgs) == fields_of(MaintenanceWindow)
    assert set(EVERY_SETTING) == arguments


def test_every_argument_arrives_as_it_was_given():
    """Nothing is lost on the way into the ConfigMap, nor comes out as a text."""
    found = read(**EVERY_SETTING)
    policy, operating = found.policy, found.operating
    for key in fields_of(Policy) - {"domains", "mode", "act_on", "windows"}:
        assert getattr(policy, key) == EVERY_SETTING[key], key
    assert policy.domains == (HOME, AWAY, ARBITER)
    assert policy.mode is Mode.AUTOMATIC
    assert sorted(each.value for each in policy.act_on) == ["endpoint", "writer"]
    assert policy.windows == (MaintenanceWindow(day="sun", start="03:00", minutes=60, why="RDS's own"),)
    assert (found.board, found.references) == (f"dynamodb://{ARBITER}/seawall-votes", tuple(SETTINGS["references"]))
    assert (found.aws_status, found.write_statement) == (False, EVERY_SETTING["write_statement"])
    assert operating.leases == f"dynamodb://{ARBITER}/seawall-leases"
    assert operating.journals == f"dynamodb://{ARBITER}/seawall-records"
    assert operating.lease_terms == LeaseTerms(**EVERY_SETTING["lease_terms"])
    assert (operating.servers, operating.verify_by) == (ServersKind.RDS, "status")
    assert (operating.cut_also, operating.uncut_because) == (("subnet-0a1b2c3d",), "they belong to the shop")
    for key in ("arbiter", "retention_days", "switch", "switch_endpoints", "members", "promote_seconds"):
        assert getattr(operating, key) == EVERY_SETTING[key], key
    assert operating.epoch_lease_seconds == 30


def test_numbers_that_other_languages_send_as_floats_stay_whole():
    """The reader takes 3 failures, not 3.0."""
    found = read(failures_to_trip=2.0, retention_days=7.0, windows=[{"day": "mon", "start": "01:00", "minutes": 30.0}])
    assert (found.policy.failures_to_trip, found.operating.retention_days) == (2, 7)
    assert isinstance(found.policy.windows[0].minutes, int)


def test_what_is_not_given_is_left_to_the_reader():
    """Its defaults may become better, and stand in one place; those that are checked against here are the same."""
    plan = planned().settings
    assert set(plan.content) == set(SETTINGS)
    policy = read().policy
    for key, value in {**_observers_numbers.SECONDS, **_observers_numbers.COUNTS}.items():
        assert getattr(policy, key) == value, key
    assert plan.staleness_seconds == policy.staleness_seconds
    assert (plan.interval_seconds, plan.timeout_seconds) == (policy.interval_seconds, policy.timeout_seconds)
    assert LeaseTerms(**_observers_numbers.LEASE) == LeaseTerms()


@settings(max_examples=150, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys((*_observers_numbers.SECONDS, "stale_after_seconds"), SECONDS),
            **dict.fromkeys(_observers_numbers.COUNTS, st.integers(0, 12)),
        },
    )
)
def test_numbers_are_refused_here_if_and_only_if_the_reader_refuses_them(numbers: dict[str, float]):
    """Whoever deploys is told, and not a pod that starts again and again."""
    policy: dict[str, Any] = {"cluster": "shop-prod", "domains": (HOME, AWAY, ARBITER), **numbers}
    ours = accepted(lambda: _observers_settings.plan_settings({**SETTINGS, **numbers}, REGIONS))
    assert ours is accepted(lambda: Policy(**policy))
    if ours:
        assert read(**numbers).policy == Policy(**policy)


@settings(max_examples=100, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(_observers_numbers.LEASE, SECONDS),
            "margin_seconds": st.one_of(st.just(0), SECONDS),
            "jitter_ratio": st.floats(0.001, 1.5),
        },
    )
)
def test_terms_of_a_lease_are_refused_here_if_and_only_if_the_reader_refuses_them(terms: dict[str, float]):
    """As for the policy."""
    ours = accepted(lambda: _observers_settings.plan_settings({**SETTINGS, "lease_terms": terms}, REGIONS))
    assert ours is accepted(lambda: LeaseTerms(**terms))
    if ours:
        assert read(lease_terms=terms).operating.lease_terms == LeaseTerms(**terms)


@pytest.mark.parametrize("text", ["Größe ≤ 3 🌊", "yes", "1:30", "null", "'quoted' \"twice\"", "# no comment"])
def test_text_arrives_as_text(text: str):
    """Whatever YAML would make of it."""
    found = read(cluster=text, write_statement=text, fence={"cut_also": [text], "uncut_because": text})
    assert (found.policy.cluster, found.write_statement) == (text, text)
    assert (found.operating.cut_also, found.operating.uncut_because) == ((text,), text)


def test_two_domains_only_recommend_and_that_is_said():
    """Without a third witness a dead region and a cut line look the same; the board may then be where people can look."""
    changes = {"domains": [HOME, AWAY], "board": {"region": HOME, "table": "seawall-votes"}}
    plan = planned(settings={**SETTINGS, **changes})
    line = (
        "nothing is ever acted on: 2 failure domains (eu-west-1, eu-central-1): without a third witness a dead region and a "
        "cut line look the same"
    )
    assert plan.warnings == (line,)
    assert read(**changes).policy.mode is Mode.RECOMMEND
    assert planned(settings={**SETTINGS, **changes, "mode": "automatic"}).warnings == (line,)
    assert planned(settings={**SETTINGS, **changes, "mode": "recommend"}).warnings == ()
    assert planned().warnings == ()


def test_what_is_declared_in_the_same_program_stands_in_the_file(deploy, deployment):
    """Names of buckets and tables are known only during the deployment; so is what the pods are marked with."""
    switch = {HOME: "s3://switch-1/out-of-service", AWAY: "s3://switch-2/out-of-service"}

    def program() -> FailoverObservers:
        later = {region: pulumi.Output.from_input(place) for region, place in switch.items()}
        board = {"region": ARBITER, "table": pulumi.Output.from_input("seawall-votes")}
        return FailoverObservers("shop", observers_args(settings__switch=later, settings__board=board))

    deploy(program)
    (text,) = {made.inputs["data"]["failover.yaml"] for made in deployment.of("ConfigMap").values()}
    assert parse_settings(text).operating.switch == switch
    assert text == planned(settings__switch=switch).settings.text == deployment.outputs["settings"]
    marks = {
        made.inputs["spec"]["template"]["metadata"]["annotations"]["seawall/settings"]
        for made in deployment.of("Deployment").values()
    }
    assert len(marks) == 1
    assert len(marks.pop()) == 64
