"""The documents: what is written can be read, also by the versions before and after; what is wrong is one line."""

import json
import os
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seawall import topology
from seawall.breaker import CircuitBreakerConfig, OpenBackoff
from seawall.errors import InvalidInput
from seawall.topology import (
    BackoffPolicy,
    BreakerPolicy,
    Live,
    Tier,
    Topology,
    as_dict,
    dump,
    merge,
    parameter_tier,
    parse,
    parse_live,
    readable_versions,
    refuse_secrets,
    topology_of,
)
from topology_documents import failed_over, lives, shop, topologies

GOLDEN = Path(__file__).parent / "golden"


def plain(**more: Any) -> dict[str, Any]:
    """The shop's document as plain data, changed."""
    data: dict[str, Any] = json.loads(dump(shop()))
    for path, value in more.items():
        target = data
        *parents, last = path.split("__")
        for part in parents:
            target = target[int(part) if part.isdecimal() else part]  # type: ignore[call-overload]
        target[int(last) if last.isdecimal() else last] = value  # type: ignore[index]
    return data


@settings(max_examples=60)
@given(topologies())
def test_a_declared_document_is_read_as_it_was_written(document):
    """For all documents: parse(dump(x)) == x, and what is written again is the same text."""
    text = dump(document)
    assert parse(text) == document
    assert dump(parse(text)) == text


@settings(max_examples=40)
@given(st.data())
def test_a_live_document_is_read_as_it_was_written(data):
    """For all documents: parse_live(dump(x)) == x, in UTC whatever the zone was."""
    live = data.draw(lives(data.draw(topologies())))
    text = dump(live)
    assert parse_live(text) == live
    assert json.loads(text)["changed_at"].endswith("Z")


@settings(max_examples=40)
@given(st.data())
def test_unknown_keys_anywhere_change_nothing(data):
    """A later version adds keys; apps of today read its documents all the same."""
    document = data.draw(topologies())
    raw = json.loads(dump(document))
    objects: list[dict[str, Any]] = []

    def collect(value: object) -> None:
        if isinstance(value, dict):
            objects.append(value)
            for inner in value.values():
                collect(inner)
        elif isinstance(value, list):
            for inner in value:
                collect(inner)

    collect(raw)
    data.draw(st.sampled_from(objects))["x_of_tomorrow"] = {"anything": [1, None]}
    assert parse(json.dumps(raw)) == document


def test_whole_numbers_of_other_languages_make_no_difference():
    """Pulumi's engine and Go write 10 as 10.0: that must not be another document, nor another text."""
    as_floats = plain(
        epoch=3.0, endpoints__0__weight=1.0, database__port=5432.0, objectives__recovery_time_seconds=120.0
    )
    assert parse(json.dumps(as_floats)) == shop()
    assert dump(parse(json.dumps(as_floats))) == dump(shop())


@pytest.mark.parametrize(("name", "document"), [("declared", shop()), ("live", failed_over())])
def test_what_is_written_is_the_golden_document(name, document):
    """A changed document is read by apps that were built long ago; it changes with a schema version, on purpose."""
    golden = GOLDEN / f"topology_{name}_v{topology.SCHEMA_VERSION}.json"
    shown = json.dumps(as_dict(document), indent=2, sort_keys=True) + "\n"
    if os.environ.get("SEAWALL_UPDATE_GOLDEN"):
        golden.write_text(shown, encoding="utf-8")
    assert shown == golden.read_text(encoding="utf-8")


def test_golden_documents_of_every_readable_version_are_read():
    """Version N reads N - 1 and N + 1. The one of N + 1 is ours with the keys that a later version may add."""
    versions = [version for version in readable_versions() if (GOLDEN / f"topology_declared_v{version}.json").exists()]
    assert versions == list(readable_versions())
    for version in versions:
        read = parse((GOLDEN / f"topology_declared_v{version}.json").read_text(encoding="utf-8"))
        live = parse_live((GOLDEN / f"topology_live_v{version}.json").read_text(encoding="utf-8"))
        assert (read.schema_version, live.schema_version) == (version, version)
        assert replace(read, schema_version=topology.SCHEMA_VERSION) == shop()
        assert merge(read, live).writer == shop().database.member("eu-central-1")  # type: ignore[union-attr]


@pytest.mark.parametrize(("own", "read"), [(1, [1, 2]), (2, [1, 2, 3]), (7, [6, 7, 8])])
def test_a_reader_reads_the_version_before_and_the_one_after(own, read):
    """A deployment may be ahead of the apps, and apps ahead of a deployment, by one."""
    assert list(readable_versions(own)) == read


def test_what_a_later_version_wrote_is_not_written_back():
    """Writing it as ours would drop the keys that we do not know."""
    with pytest.raises(InvalidInput, match=r"schema_version = 2: 1, which is what we write"):
        dump(replace(shop(), schema_version=2))


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no service": ({"service": None}, "service is missing: required"),
    "a service with a slash": (
        {"service": "shop/prod"},
        "service = shop/prod: 2 to 32 lower-case letters, digits and hyphens, a letter first, no hyphen last",
    ),
    "no version": ({"schema_version": None}, "schema_version is missing: required"),
    "far version": (
        {"schema_version": 3},
        "schema_version = 3: 1 to 2, because this Seawall reads one version more or less",
    ),
    "true version": (
        {"schema_version": True},
        "schema_version = True: 1 to 2, because this Seawall reads one version more or less",
    ),
    "negative epoch": ({"epoch": -1}, "epoch = -1: a whole number, 0 to 9007199254740991"),
    "half an epoch": ({"epoch": 0.5}, "epoch = 0.5: a whole number, 0 to 9007199254740991"),
    "no region": ({"regions": []}, "regions = (): a list of at least one"),
    "regions as text": ({"regions": "eu-west-1"}, "regions = str: a list"),
    "a region twice": (
        {"regions": ["eu-west-1", "eu-central-1", "us-east-1", "us-east-1"]},
        "regions = eu-west-1, eu-central-1, us-east-1, us-east-1: each once, but us-east-1 stands twice",
    ),
    "a region that is none": ({"regions__1": "Frankfurt"}, "regions[1] = Frankfurt: an AWS region, e.g. eu-west-1"),
    "an endpoint elsewhere": (
        {"endpoints__1__region": "eu-west-3"},
        "endpoints[1].region = eu-west-3: one of the regions: eu-west-1, eu-central-1, us-east-1",
    ),
    "two endpoints of a region": (
        {"endpoints__2__region": "eu-central-1"},
        "endpoints by region = eu-west-1, eu-central-1, eu-central-1: each once, but eu-central-1 stands twice",
    ),
    "two primaries": (
        {"endpoints__1__role": "primary"},
        "endpoints with role primary = eu-west-1, eu-central-1: exactly one",
    ),
    "no primary": ({"endpoints__0__role": "standby"}, "endpoints with role primary = none: exactly one"),
    "a role of tomorrow": (
        {"endpoints__1__role": "witness"},
        "endpoints[1].role = witness: primary, standby, reader",
    ),
    "no url": ({"endpoints__1__url": None}, "endpoints[1].url is missing: required"),
    "a url with a user": (
        {"endpoints__1__url": "https://app:hunter2@shop.example.com"},
        "endpoints[1].url = (hidden): a URL without user and password, because the document is no place for a secret",
    ),
    "a url of a database": (
        {"endpoints__1__health_url": "postgres://shop.example.com"},
        "endpoints[1].health_url = postgres://shop.example.com: an absolute http or https URL without a fragment",
    ),
    "a url with a bad port": (
        {"endpoints__1__url": "https://shop.example.com:http"},
        "endpoints[1].url = https://shop.example.com:http: a URL",
    ),
    "a negative weight": ({"endpoints__1__weight": -1}, "endpoints[1].weight = -1: a whole number, 0 to 65535"),
    "an unknown engine": (
        {"database__engine": "aurora-postgresql"},
        "database.engine = aurora-postgresql: postgres, mysql, mariadb",
    ),
    "a writer that is no member": (
        {"database__writer": "ap-east-1"},
        "database.writer = ap-east-1: one of the members: eu-west-1, eu-central-1, us-east-1",
    ),
    "a member elsewhere": (
        {"database__members__2__region": "eu-west-3"},
        "database.members[2].region = eu-west-3: one of the regions: eu-west-1, eu-central-1, us-east-1",
    ),
    "a host with a user": (
        {"database__members__0__host": "app:hunter2@db"},
        "database.members[0].host = (hidden): a host's name, without scheme, port and user",
    ),
    "an identifier with a hyphen last": (
        {"database__members__0__identifier": "shop-"},
        "database.members[0].identifier = shop-: 1 to 63 letters, digits and single hyphens, a letter first, no hyphen last",
    ),
    "port 0": ({"database__port": 0}, "database.port = 0: a whole number, 1 to 65535"),
    "no availability": ({"objectives__availability": None}, "objectives.availability is missing: required"),
    "a window that never fills": (
        {"breaker__minimum_calls": 101},
        "breaker.minimum_calls = 101: at most 100",
    ),
    "a back-off below the wait": (
        {"breaker__open_backoff__max_wait_seconds": 10},
        "breaker.open_backoff.max_wait_seconds = 10: at least wait_in_open_seconds = 30",
    ),
    "an endpoint that is no object": ({"endpoints__0": "eu-west-1"}, "endpoints[0] = str: a JSON object"),
}


@pytest.mark.parametrize("case", BAD)
def test_each_bad_declared_document_is_one_exact_line(case):
    """The path in the document, the value, and what is allowed there."""
    changes, line = BAD[case]
    with pytest.raises(InvalidInput) as caught:
        parse(json.dumps(plain(**changes)))
    assert str(caught.value) == line


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("{", "topology = (not shown): JSON, because it cannot be read: "),
        (b"\xff\xfe\x00", "topology = (not shown): JSON, because it cannot be read: "),
        ("[1]", "topology = list: a JSON object"),
        ("[" * 100_000, "topology = (not shown): JSON, because it cannot be read: "),
        ("x" * 1_048_577, "topology = 1,048,577 bytes: at most 1,048,576 bytes"),
    ],
)
def test_what_is_no_document_is_one_line_that_does_not_show_it(text, start):
    """A path that names a key file by mistake must not print the key."""
    with pytest.raises(InvalidInput) as caught:
        parse(text)
    assert str(caught.value).startswith(start)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            {"changed_at": "yesterday"},
            "live.changed_at = yesterday: a time as ISO 8601 writes it, e.g. 2026-11-25T12:00:00Z",
        ),
        (
            {"changed_at": "2026-11-25T12:00:00"},
            "live.changed_at = datetime.datetime(2026, 11, 25, 12, 0): a time with its zone",
        ),
        ({"reason": "a\nb"}, "live.reason = 'a\\nb': one line of 1 to 300 characters"),
        ({"primary_region": "x"}, "live.primary_region = x: an AWS region, e.g. eu-west-1"),
        ({"epoch": "4"}, "live.epoch = 4: a whole number, 0 to 9007199254740991"),
    ],
)
def test_each_bad_live_document_is_one_exact_line(change, line):
    """The line says that it is the live document: an operator wrote it."""
    with pytest.raises(InvalidInput) as caught:
        parse_live(json.dumps({**as_dict(failed_over()), **change}))
    assert str(caught.value) == line


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({"database": {"password": "x"}}, "database.password"),
        ({"a": [{"apiKey": "x"}]}, "a[0].apiKey"),
        ({"a": {"db_pwd": "x"}}, "a.db_pwd"),
        ({"a": ["postgres://app:hunter2@db/shop"]}, "a[0]"),
        ({"a": "https://token@example.com"}, "a"),
        ({"a": "host=db password=hunter2"}, "a"),
        ({"a": "AKIAIOSFODNN7EXAMPLE"}, "a"),
        ({"a": "https://b.example.com/x?X-Amz-Signature=abc"}, "a"),
        ({"a": "-----BEGIN RSA PRIVATE KEY-----"}, "a"),
        ({"a": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc"}, "a"),
    ],
)
def test_what_looks_like_a_secret_is_refused_and_not_shown(document, where):
    """Whoever can read a parameter or a ConfigMap would have it, and so would every log."""
    with pytest.raises(InvalidInput) as caught:
        refuse_secrets("", document)
    line = str(caught.value)
    assert line.startswith(f"{where} = (hidden): no ")
    assert "hunter2" not in line
    assert "EXAMPLE" not in line


def test_a_secret_in_a_reason_is_not_written():
    """An operator pastes a connection string: it would be in every region's parameter."""
    with pytest.raises(InvalidInput, match=r"reason = \(hidden\)"):
        dump(failed_over(reason="moved to postgres://app:hunter2@db"))


@settings(max_examples=40)
@given(topologies())
def test_no_document_of_ours_looks_like_a_secret(document):
    """The refusal must not stand in the way of any name that is allowed."""
    refuse_secrets("", as_dict(document))


def with_many_endpoints(count: int) -> Topology:
    """A document that grows with the number of its regions."""
    regions = tuple(f"eu-west-{place}" for place in range(1, count + 1))
    roles = ["primary", *["standby"] * (count - 1)]
    data = plain()
    data["regions"] = regions
    data["database"] = None
    data["endpoints"] = [
        {"name": region, "region": region, "role": role, "url": f"https://{region}.shop.example.com/{'x' * 200}"}
        for region, role in zip(regions, roles, strict=True)
    ]
    return topology_of(data)


def test_the_tier_follows_from_the_size_and_too_much_is_one_line():
    """SSM refuses at 4,096 and 8,192 bytes, in the middle of a deployment: we refuse before it."""
    assert parameter_tier("x" * 4096) is Tier.STANDARD
    assert parameter_tier("x" * 4097) is Tier.ADVANCED
    assert parameter_tier("ü" * 2049) is Tier.ADVANCED
    assert parameter_tier("x" * 8192) is Tier.ADVANCED
    assert parameter_tier(dump(with_many_endpoints(20))) is Tier.ADVANCED
    with pytest.raises(InvalidInput) as caught:
        dump(with_many_endpoints(40))
    assert str(caught.value) == (
        "the document's size = 13,723 bytes: at most 8,192 bytes, because an SSM parameter holds 4,096 (standard) or "
        "8,192 (advanced); use fewer endpoints or shorter names"
    )


@pytest.mark.parametrize(("policy", "config"), [(BreakerPolicy, CircuitBreakerConfig), (BackoffPolicy, OpenBackoff)])
def test_the_breaker_policy_has_the_breakers_own_names_and_defaults(policy, config):
    """A renamed or changed setting of the breaker must not be lost on its way through the document."""
    ours = {field.name: field.default for field in fields(policy)}
    theirs = {field.name: field.default for field in fields(config)}
    assert ours == {name: theirs[name] for name in ours}
    assert set(theirs) - set(ours) <= {"record", "ignore", "record_result"}, "what is code cannot be written down"


def test_an_object_that_exists_is_consistent():
    """Documents cannot be made wrong in code either, nor changed afterwards."""
    with pytest.raises(InvalidInput, match="endpoints with role primary = none"):
        replace(shop(), endpoints=shop().endpoints[1:])
    with pytest.raises(AttributeError):
        shop().epoch = 5  # type: ignore[misc]


def test_the_next_live_document_is_one_epoch_later():
    """An epoch that is used twice makes two truths."""
    live = failed_over()
    after = live.next(primary_region="eu-west-1", writer="eu-west-1", changed_at=live.changed_at, reason="back")
    assert (after.epoch, after.primary_region, after.service) == (5, "eu-west-1", "shop")
    assert isinstance(after, Live)
