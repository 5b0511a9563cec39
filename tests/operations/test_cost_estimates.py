"""`seawall cost`: what is counted, what is not and says so, and a user's own prices."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from localcloud.provider.aws import ADAPTERS
from seawall.errors import InvalidInput
from seawall_ops import cli
from seawall_ops.cost import estimate, load_prices
from seawall_ops.cost.estimate import Kind
from seawall_ops.cost.prices import HOURS_PER_MONTH

CHECK, INSTANCE, PARAMETER = (
    "aws:route53/healthCheck:HealthCheck", "aws:rds/instance:Instance", "aws:ssm/parameter:Parameter"
)  # fmt: skip
PRICES = load_prices()


def line(type_: str, **properties: Any) -> Any:
    (found,) = estimate([(type_, "x", properties)], PRICES).lines
    return found


@pytest.mark.parametrize(
    ("properties", "usd"),
    [
        ({"type": "HTTP", "requestInterval": 30}, 0.50),
        ({"type": "TCP", "requestInterval": 10}, 1.50),
        ({"type": "HTTPS", "requestInterval": 10}, 2.50),
        ({"type": "HTTPS_STR_MATCH", "requestInterval": 10, "measureLatency": True}, 4.50),
        ({"type": "CALCULATED"}, 0.50),
    ],
)
def test_a_check_costs_its_options(properties: dict[str, Any], usd: float):
    """The fast interval is what makes a failover fast, and it is not in the basic price."""
    assert line(CHECK, **properties).usd == pytest.approx(usd)


def test_a_second_zone_doubles_instance_and_storage_and_regions_differ():
    """730 h and 100 GB, in one zone of us-east-1, in two, and in two in Frankfurt at 1.2."""
    base = {"engine": "postgres", "instanceClass": "db.r7g.large", "allocatedStorage": 100, "storageType": "gp3"}
    one = 0.239 * HOURS_PER_MONTH + 0.115 * 100
    assert line(INSTANCE, **base, region="us-east-1").usd == pytest.approx(one)
    assert line(INSTANCE, **base, region="us-east-1", multiAz=True).usd == pytest.approx(2 * one)
    assert line(INSTANCE, **base, region="eu-central-1", multiAz=True).usd == pytest.approx(2.4 * one)
    arn = "arn:aws:rds:us-west-2:123456789012:db:x"
    assert line(INSTANCE, **base, arn=arn).usd == pytest.approx(one)


def test_a_replica_is_counted_with_its_sources_engine_and_storage():
    """Before it is made nothing says how large it will be."""
    writer = {
        "engine": "postgres", "instanceClass": "db.t4g.medium", "allocatedStorage": 50, "storageType": "gp3", "region": "us-east-1"
    }  # fmt: skip
    replica = {
        "instanceClass": "db.t4g.medium",
        "storageType": "gp3",
        "region": "us-west-2",
        "replicateSourceDb": "arn",
    }
    writer_line, replica_line = estimate([(INSTANCE, "w", writer), (INSTANCE, "r", replica)], PRICES).lines
    assert writer_line.usd == pytest.approx(replica_line.usd) == pytest.approx(0.065 * HOURS_PER_MONTH + 0.115 * 50)


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"region": "af-south-1"}, "no price of RDS in af-south-1"),
        ({"region": ""}, "no price of RDS in an unknown region"),
        ({"instanceClass": "db.x2g.large"}, "no price of db.x2g.large for postgres"),
        ({"engine": ""}, "no price of db.r7g.large for an unknown engine"),
        ({"storageType": "io1"}, "no price of io1 storage"),
        ({"allocatedStorage": None}, "its storage is not known yet"),
    ],
)
def test_what_the_table_does_not_know_is_unknown_and_never_nothing(changes: dict[str, Any], because: str):
    """A sum that silently misses the database would be believed."""
    base = {
        "engine": "postgres",
        "instanceClass": "db.r7g.large",
        "allocatedStorage": 100,
        "storageType": "gp3",
        "region": "us-east-1",
    }
    found = line(INSTANCE, **{**base, **changes})
    assert (found.kind, found.because) == (Kind.UNKNOWN, because)


@pytest.mark.parametrize(
    ("type_", "properties", "kind"),
    [
        ("aws:ec2/natGateway:NatGateway", {}, Kind.UNKNOWN),
        ("aws:sns/topic:Topic", {}, Kind.USAGE),
        ("kubernetes:core/v1:ConfigMap", {}, Kind.USAGE),
        ("aws:iam/role:Role", {}, Kind.FREE),
        (PARAMETER, {"tier": "Standard"}, Kind.FREE),
        (PARAMETER, {"tier": "Advanced"}, Kind.PRICED),
    ],
)
def test_every_resource_has_a_line_that_says_how_it_costs(type_: str, properties: dict[str, Any], kind: Kind):
    """Free, by use, priced or unknown: four different things to a reader of a bill."""
    assert line(type_, **properties).kind is kind


def test_a_routing_control_cluster_is_the_dearest_line():
    """2.50 an hour, all month: whoever turns it on should see it before it runs."""
    assert line("aws:route53recoverycontrol/cluster:Cluster").usd == pytest.approx(1825)


def test_programs_and_components_are_no_resources_of_a_cloud():
    """They would be listed as unknown prices."""
    assert estimate([("seawall:index:FailoverRecord", "x", {}), ("pulumi:providers:aws", "x", {})], PRICES).lines == ()


def test_the_local_clouds_types_have_a_price_or_a_reason():
    """What Seawall declares itself is known to its own table: a new type brings its line."""
    samples = {INSTANCE, *PRICES.free, *PRICES.usage}
    unknown = [type_ for type_ in ADAPTERS if type_ not in samples and line(type_).kind is Kind.UNKNOWN]
    assert unknown == []


def test_own_prices_go_over_the_tables(tmp_path: Path):
    """A discount, a region or a class that the table lacks: the rest stays."""
    own = tmp_path / "own.yaml"
    own.write_text(
        "monthly: {alarm: {usd: 0.05}}\n"
        "instances: {engines: {postgres: {db.x9g.large: 1.0}}}\n"
        "region_factors: {factors: {af-south-1: 1.3}}\n"
        "free: [aws:ec2/natGateway:NatGateway]\n",
        encoding="utf-8",
    )
    prices = load_prices(own)
    assert (prices.monthly["alarm"], prices.monthly["composite_alarm"]) == (0.05, 0.50)
    assert prices.instances["postgres"]["db.x9g.large"] == 1.0
    assert prices.region_factors["af-south-1"] == 1.3
    assert "aws:ec2/natGateway:NatGateway" in prices.free
    assert "aws:iam/role:Role" in prices.free


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{", "no YAML: a table of prices"),
        ("- 1", "own.yaml = no section: sections currency, region"),
        ("month: {}", "own.yaml = month: sections currency, region"),
        ("monthly: {alarm: {usd: -1}}", "own.yaml: monthly.alarm = -1: a price in US dollars"),
        ("monthly: {alarm: 0.1}", "own.yaml: monthly.alarm = None: a price in US dollars"),
        ("storage: {gp3: {usd: .nan}}", "own.yaml: storage.gp3 = nan: a price"),
        ("instances: {engines: {postgres: {db.x: free}}}", "own.yaml: instances.engines.postgres.db.x = free: a price"),
    ],
)
def test_a_wrong_table_is_refused_in_one_line(tmp_path: Path, text: str, line: str):
    """A price that is no number would vanish from the sum."""
    own = tmp_path / "own.yaml"
    own.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        load_prices(own)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_each_price_has_its_date_and_source():
    """An old price is still a price, but a reader must be able to tell."""
    table = yaml.safe_load((Path(__file__).parents[2] / "operations/seawall_ops/cost/prices.yaml").read_text())
    pieces = [price for section in ("monthly", "hourly", "storage") for price in table[section].values()]
    for piece in [*pieces, table["instances"], table["region_factors"]]:
        assert piece["as_of"] >= "2025-01"
        assert piece["source"].startswith("AWS, ")
    assert PRICES.dates[0] <= PRICES.dates[-1]


def state(*resources: tuple[str, dict[str, Any]]) -> str:
    return json.dumps({
        "version": 3,
        "deployment": {"resources": [
            {"urn": f"urn:pulumi:p::s::{type_}::r{place}", "type": type_, "custom": True, "inputs": properties}
            for place, (type_, properties) in enumerate(resources)
        ]},
    })  # fmt: skip


def test_the_command_shows_the_sum_and_what_it_leaves_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """The dearest first, then the gaps, in words."""
    path = tmp_path / "state.json"
    path.write_text(state((CHECK, {"type": "HTTPS"}), ("aws:kms/key:Key", {}), ("aws:ec2/natGateway:NatGateway", {})))
    assert cli.main(["cost", "--file", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "2.50 USD a month\n" in shown
    assert shown.index("r0") < shown.index("r1")
    assert "- NO PRICE KNOWN, not included: aws:ec2/natGateway:NatGateway (no price in the table)" in shown
    assert cli.main(["cost", "--file", str(path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["usd_per_month"] == {"before": 2.5, "after": 2.5}
    assert {one["kind"] for one in document["lines"]} == {"priced", "unknown"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{", "no JSON: the output of"),
        ("{}", "another JSON document: the output of"),
        ('{"steps": [], "changeSummary": {"same": 3}}', "a preview of changes alone: the output of"),
    ],
)
def test_a_file_that_is_no_state_or_preview_is_wrong_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, line: str
):
    """An empty sum would look like a free stack."""
    path = tmp_path / "x.json"
    path.write_text(text)
    assert cli.main(["cost", "--file", str(path)]) == 2
    assert line in capsys.readouterr().err
    assert cli.main(["cost", "--file", str(tmp_path / "none")]) == 2
