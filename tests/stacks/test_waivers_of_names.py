"""Objectives that warn first: a name that an adopting environment cannot make faster yet, until a day."""

import copy
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from seawall.errors import InvalidInput, ObjectiveNotMet
from stacks.edge import plan_edge
from stacks.environment import Environment, parse_environment

DEV = yaml.safe_load((Path(__file__).parents[2] / "Pulumi.dev.yaml").read_text(encoding="utf-8"))["config"]
KEY = "recovery_time_seconds/region/reads"
ENDPOINT = "recovery_time_seconds/endpoint/reads"


def slow(*waivers: dict[str, str], **dns: Any) -> Environment:
    """A name with a TTL of 60 s and a recovery time of 90 s: checks, TTL and clients' caches need 130."""
    config = copy.deepcopy(DEV)
    config.pop("seawall:database_password")
    config.pop("seawall:database")
    config["seawall:objectives"]["recovery_time_seconds"] = 90
    config["seawall:dns"].pop("switch", None)
    config["seawall:dns"].update(ttl_seconds=60, waivers=list(waivers), **dns)
    return parse_environment(config, stack="dev")


def waiver(key: str = KEY, until: str = "2999-12-31") -> dict[str, str]:
    return {"key": key, "until": until, "reason": "the load balancer goes first"}


def test_without_a_waiver_the_ttl_is_refused():
    """The numbers contradict each other: nothing is deployed."""
    with pytest.raises(InvalidInput, match=r"seawall:dns.ttl_seconds = 60: at most 20"):
        plan_edge(slow())


def test_with_waivers_the_name_is_let_in_with_a_warning_for_each():
    """The line still has the arithmetic, the day and the reason; the TTL stays what it is."""
    plan = plan_edge(slow(waiver(), waiver(ENDPOINT)))
    assert plan.ttl_seconds == 60
    waived = [warning.line for warning in plan.warnings if warning.key in (KEY, ENDPOINT)]
    assert len(waived) == 2
    for line in waived:
        assert line.startswith(
            "waived until 2999-12-31 (the load balancer goes first): recovery_time_seconds = 90: at least 130"
        )


@pytest.mark.parametrize("until", ["2020-01-31", date(2026, 1, 1).isoformat()])
def test_the_day_after_the_name_is_refused_in_one_line(until: str):
    """With the waiver's own day and reason, so that whoever reads it knows what was promised."""
    with pytest.raises(ObjectiveNotMet) as caught:
        plan_edge(slow(waiver(until=until), waiver(ENDPOINT)))
    line = str(caught.value)
    assert "\n" not in line
    assert line.endswith(f"; its waiver ran out on {until} (the load balancer goes first)")


def test_a_waiver_that_waives_nothing_is_a_warning():
    """Else it would hide the next violation of its kind."""
    plan = plan_edge(slow(waiver(), waiver(ENDPOINT), waiver("recovery_time_seconds/zone/writes")))
    assert "waiver recovery_time_seconds/zone/writes: waives nothing; remove it" in plan.warnings[-1].line


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        (waiver(until="soon"), "seawall:dns.waivers[0].until = soon: a date, e.g. 2027-03-31"),
        (waiver() | {"reason": " "}, "seawall:dns.waivers[0].reason = ' ': one line"),
        (waiver() | {"unitl": "2027-01-01"}, "seawall:dns.waivers[0].unitl = 2027-01-01: no such key"),
    ],
)
def test_a_wrong_waiver_names_its_key_in_the_file(wrong: dict[str, str], line: str):
    """A waiver that is not read would refuse a deployment at night."""
    with pytest.raises(InvalidInput) as caught:
        plan_edge(slow(wrong))
    assert str(caught.value).startswith(line)
