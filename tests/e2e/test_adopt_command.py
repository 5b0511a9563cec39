"""`seawall adopt` on an estate that somebody made by hand, and the real engine on what it proposes: nothing replaced."""

from collections.abc import Callable
from typing import Any

import pytest

from hand_made_estate import AWAY, HOME, PASSWORD, Adopted, adopt_by_command, surroundings
from seawall_ops.cost import load_prices
from seawall_ops.engine import preview
from seawall_ops.review import review

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("adopt")]

IMPORTED = {
    "aws:route53/record:Record": 4,
    "aws:route53/healthCheck:HealthCheck": 2,
    "aws:cloudwatch/metricAlarm:MetricAlarm": 1,
    "aws:rds/instance:Instance": 2,
}


@pytest.fixture(scope="module")
def adopted(data_lab: Any, tmp_path_factory: pytest.TempPathFactory) -> Adopted:
    """The estate with what the command said of it; nothing deployed yet."""
    return adopt_by_command(data_lab, tmp_path_factory.mktemp("adopt"))


def test_the_command_adopts_all_of_it_and_shows_no_secret(adopted: Adopted) -> None:
    """A whole estate, exit code 0, and nobody's password on the terminal."""
    assert (adopted.code, adopted.errors) == (0, "")
    assert PASSWORD not in adopted.text
    assert adopted.configuration["seawall:dns"]["set_identifiers"] == {"primary": HOME, "secondary": AWAY}
    assert "Run: pulumi config set --secret seawall:database_password --stack dev" in adopted.text


def test_a_preview_imports_what_exists_and_replaces_nothing(adopted: Adopted) -> None:
    """What a team looks at before it trusts the tool: imports, additions, and not one replacement or deletion."""
    with surroundings(adopted.lab, adopted.edit) as project:
        found = preview("dev", project)
    types = [(step.op, step.type) for step in found.steps]
    assert {op for op, _ in types} <= {"import", "create", "update", "same"}
    assert {kind: types.count(("import", kind)) for kind in IMPORTED} == IMPORTED
    made = {kind for op, kind in types if op == "create"}
    exists = {"aws:route53/zone:Zone", "aws:rds/instance:Instance", "aws:route53/record:Record", "aws:kms/key:Key"}
    exists |= {"aws:rds/subnetGroup:SubnetGroup", "aws:rds/parameterGroup:ParameterGroup"}
    assert not made & exists
    assert not made & {"aws:route53/healthCheck:HealthCheck"}
    text = review("dev", found, load_prices()).as_markdown()
    assert "| recovery time: region failure, reads | none | 160 s |" in text
    assert "monthly cost changes by" in text


Edit = Callable[[dict[str, Any]], None]


def waived_until(adopted: Adopted, day: str) -> Edit:
    def edit(config: dict[str, Any]) -> None:
        adopted.edit(config)
        waivers = config["seawall:database"]["waivers"]
        config["seawall:database"]["waivers"] = [{**waiver, "until": day} for waiver in waivers]

    return edit


def test_objectives_warn_first_and_a_waiver_that_ran_out_refuses(adopted: Adopted) -> None:
    """An adopting environment is let in with warnings; the day after, the same environment is refused in a line each."""
    lab = adopted.lab
    assert adopted.configuration["seawall:database"]["waivers"], "nothing to waive: this test would show nothing"
    warned = lab.pulumi("preview", edit=adopted.edit)
    assert warned.code == 0, warned.last_lines
    assert "waived until" in warned.text
    refused = lab.pulumi("preview", edit=waived_until(adopted, "2020-01-31"))
    assert refused.code != 0
    assert "its waiver ran out on 2020-01-31" in refused.text
    assert "Traceback" not in refused.text
