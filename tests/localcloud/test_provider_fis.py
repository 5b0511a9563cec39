"""Experiment templates of FIS, their log groups, and Pod Identity associations, over the plugin's protocol."""

import copy
from pathlib import Path
from typing import Any

import pytest

from localcloud.provider.recorded import recorded
from provider_samples import SAMPLES

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("provider")]

TEMPLATE = "aws:fis/experimentTemplate:ExperimentTemplate"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"


def template(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(SAMPLES[TEMPLATE][0]), **changes}


async def test_the_order_of_parts_of_a_template_is_no_difference(lab: Any) -> None:
    """FIS keeps maps: what it hands back is in its own order, and must not plan an update for ever."""
    made = await lab.create(TEMPLATE, "order", template())
    reordered = template()
    reordered["actions"][0]["parameters"].reverse()
    assert not (await made.diff(reordered)).diffs
    assert await made.refresh()
    assert not (await made.diff(reordered)).diffs
    del reordered["experimentOptions"]
    assert not (await made.diff(reordered)).diffs


async def test_a_template_becomes_one_for_several_accounts_only_by_being_made_anew(lab: Any) -> None:
    """FIS's update has no such field; the mode for missing targets is changed in place."""
    made = await lab.create(TEMPLATE, "accounts", template())
    several = {"accountTargeting": "multi-account", "emptyTargetResolutionMode": "fail"}
    assert list((await made.diff(template(experimentOptions=several))).replaces) == ["experimentOptions"]
    skipping = {"accountTargeting": "single-account", "emptyTargetResolutionMode": "skip"}
    assert not (await made.diff(template(experimentOptions=skipping))).replaces


async def test_a_template_without_a_log_is_read_back_without_one(lab: Any) -> None:
    """Removing the log is a change that arrives, not one that is planned for ever."""
    made = await lab.create(TEMPLATE, "log", template())
    silent = template()
    del silent["logConfiguration"]
    assert list((await made.diff(silent)).diffs) == ["logConfiguration"]
    await made.update(silent)
    assert not (await made.diff(silent)).diffs
    fresh = await lab.create(TEMPLATE, "silent", silent)
    assert "logConfiguration" not in fresh.state


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("description", "x" * 513, "1 to 512"),
        ("actions", [], "1 to 20"),
        ("stopConditions", [], "1 to 5"),
        ("stopConditions", [{"source": "aws:cloudwatch:metric"}], "aws:cloudwatch:alarm or none"),
        ("stopConditions", [{"source": "aws:cloudwatch:alarm"}], "with the alarm's ARN"),
        ("targets", [], "the name of one of targets"),
        ("targets", [{**template()["targets"][0], "selectionMode": "SOME(1)"}], "ALL, COUNT(n) or PERCENT(n)"),
        ("targets", [{**template()["targets"][0], "resourceTags": []}], "either resourceArns or resourceTags"),
    ],
)
async def test_what_fis_does_not_take_is_refused_in_one_line(lab: Any, name: str, value: Any, allowed: str) -> None:
    """Before anything is made."""
    reasons = list((await lab.failures(TEMPLATE, template(**{name: value}))).values())
    assert len(reasons) == 1
    assert allowed in reasons[0]
    assert "\n" not in reasons[0]


async def test_a_log_group_keeps_what_it_is_told_to_keep(lab: Any) -> None:
    """A period that CloudWatch does not offer is refused; none is for ever; a group can be left behind on purpose."""
    name = f"/{lab.prefix}/faults"
    for bad, reason in (({"retentionInDays": 31}, "one of 0, 1, 3"), ({"name": "a b"}, "letters, digits")):
        (refused,) = (await lab.failures(LOG_GROUP, {"name": name, **bad})).values()
        assert reason in refused
    made = await lab.create(LOG_GROUP, "kept", {"name": name, "skipDestroy": True})
    await made.delete()
    assert await made.refresh()
    (group,) = lab.client("logs", "eu-west-1").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert "retentionInDays" not in group


async def test_an_association_is_recorded_under_the_same_id_each_time(lab: Any, tmp_path: Path) -> None:
    """EKS has one association per cluster, namespace and service account; the file shows what it would hold."""
    inputs = SAMPLES[ASSOCIATION][0]
    made = await lab.create(ASSOCIATION, "shop", inputs)
    (entry,) = recorded(tmp_path / "recorded.json")
    assert (entry.type, entry.id, entry.properties["roleArn"]) == (ASSOCIATION, made.id, inputs["roleArn"])
    assert made.state["associationArn"].endswith(f"podidentityassociation/shop/{made.id}")
    assert list((await made.diff({**inputs, "namespace": "other"})).replaces) == ["namespace"]
    assert "roleArn" in await lab.failures(ASSOCIATION, {**inputs, "roleArn": "shop"})
    assert "namespace" in await lab.failures(ASSOCIATION, {**inputs, "namespace": "x" * 64})
