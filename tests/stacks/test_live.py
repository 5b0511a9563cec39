"""A deployment never undoes a failover: what the regions' live documents say, and what is refused because of them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime import mocks

from seawall.errors import InvalidInput
from seawall.topology import Topology
from stacks.environment import parse_environment
from stacks.live import FailoverNotAdopted, LiveReading, read_live, refuse_to_undo
from stacks.workload import plan_topology

ROOT = Path(__file__).resolve().parents[2]
REGIONS = ("ap-northeast-1", "us-west-2")
ARBITER = "eu-north-1"
NAME = "/seawall/shop/dev/live"


def live(epoch: int, primary: str, **more: Any) -> str:
    return json.dumps({
        "schema_version": 1, "service": "shop", "environment": "dev", "epoch": epoch, "primary_region": primary,
        "changed_at": "2026-11-25T10:00:00Z", "reason": "region lost", **more,
    })  # fmt: skip


class Regions(mocks.Mocks):
    """SSM in each region: a text, None (no document), or an exception."""

    def __init__(self, documents: dict[str, object]) -> None:
        self.documents = documents

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        raise AssertionError(f"nothing may be registered, but {args.typ}")

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        assert args.token == "aws:ssm/getParametersByPath:getParametersByPath"
        assert args.args["path"] == "/seawall/shop/dev"
        document = self.documents[args.args["region"]]
        if isinstance(document, Exception):
            raise document
        names = ["/seawall/shop/dev/topology", *([NAME] if document else [])]
        return {"id": "x", "arns": [], "names": names, "types": [], "values": ["{}", document][: len(names)]}, []


@pytest.fixture
def reading(pulumi_loop: object) -> Callable[..., LiveReading]:
    def read(*documents: object) -> LiveReading:
        asked = (*REGIONS, ARBITER)[: len(documents)]
        regions = Regions(dict(zip(asked, documents, strict=True)))
        pulumi.runtime.set_mocks(regions, project="seawall", stack="dev", preview=False)
        return read_live("shop", "dev", asked)

    return read


def declared(**changes: str) -> Topology:
    config = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text(encoding="utf-8"))["config"]
    for key in ("seawall:database", "seawall:database_password"):
        del config[key]
    config.update(changes)
    text = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    return plan_topology(parse_environment(text, stack="dev"), None)


def test_without_a_live_document_nothing_is_in_the_way(reading):
    """The first deployment of an environment has no document yet."""
    found = reading(None, None)
    assert found == LiveReading(None)
    refuse_to_undo(declared(), found)


def test_a_failover_that_the_file_does_not_know_of_is_not_undone(reading):
    """One line: the key, what it has to be, when and why it happened, and what to declare."""
    found = reading(None, live(1, "us-west-2"))
    with pytest.raises(FailoverNotAdopted) as caught:
        refuse_to_undo(declared(), found)
    line = str(caught.value)
    assert line.startswith(
        "seawall:epoch = 0: 1, because the live document (epoch 1, 2026-11-25 10:00 UTC: region lost)"
    )
    assert line.endswith("declare the primary us-west-2, and nothing is replaced")
    assert "\n" not in line


def test_the_same_epoch_with_other_roles_is_refused_too(reading):
    """Whoever raises the epoch and forgets the role would move clients back by a deployment."""
    with pytest.raises(FailoverNotAdopted, match="has other roles than the declared one"):
        refuse_to_undo(declared(**{"seawall:epoch": "1"}), reading(live(1, "us-west-2"), None))


def test_a_reconciled_file_is_deployed(reading):
    """After adoption epoch and roles agree; a file that is ahead starts a planned change, and is deployed as well."""
    refuse_to_undo(declared(**{"seawall:epoch": "1"}), reading(live(1, "ap-northeast-1"), None))
    refuse_to_undo(declared(**{"seawall:epoch": "2"}), reading(live(1, "us-west-2"), None))


def test_the_region_that_is_ahead_counts(reading):
    """The failover could not reach the lost region, whose document is still the old one."""
    found = reading(live(1, "ap-northeast-1"), live(2, "us-west-2"))
    assert found.live is not None
    assert found.live.epoch == 2


def test_the_arbiter_decides_when_it_is_ahead(reading):
    """A failover that reached nobody else yet: it writes there first, and a deployment in between would undo it."""
    found = reading(live(1, "ap-northeast-1"), None, live(2, "us-west-2"))
    with pytest.raises(FailoverNotAdopted, match=r"the live document \(epoch 2"):
        refuse_to_undo(declared(**{"seawall:epoch": "1"}), found)


def test_an_arbiter_that_is_down_is_a_warning_unless_nobody_answers(reading):
    """It must not keep an environment from being deployed to; that nobody knows anything must."""
    down = RuntimeError("connect timeout")
    found = reading(live(1, "us-west-2"), None, down)
    assert found.live is not None
    assert found.warnings == (f"the live document of {ARBITER} could not be read: connect timeout",)
    with pytest.raises(FailoverNotAdopted, match="no region could be asked"):
        reading(down, down, down)


def test_a_region_that_is_down_is_a_warning(reading):
    """A lost region must not keep the others from being deployed to: that is when a deployment is needed most."""
    found = reading(RuntimeError("connect timeout\nmore"), live(1, "us-west-2"))
    assert found.live is not None
    assert found.warnings == ("the live document of ap-northeast-1 could not be read: connect timeout",)


def test_when_no_region_answers_nothing_is_deployed(reading):
    """Nobody knows then whether a failover has happened."""
    with pytest.raises(FailoverNotAdopted, match="no region could be asked"):
        reading(RuntimeError("a"), RuntimeError("b"))


def test_two_failovers_that_did_not_know_of_each_other_are_not_chosen_between(reading):
    """One epoch, two primaries: somebody has to decide, and the regions are named."""
    with pytest.raises(InvalidInput, match=r"live\.epoch in us-west-2 = 1: one document per epoch"):
        reading(live(1, "ap-northeast-1"), live(1, "us-west-2"))


@pytest.mark.parametrize("text", ["{", '{"schema_version": 9}', live(-1, "us-west-2")])
def test_a_document_that_cannot_be_read_is_named_with_its_region(reading, text):
    """It may be a failover's: to take it for none would undo that."""
    with pytest.raises(InvalidInput, match="in us-west-2"):
        reading(None, text)


def test_a_live_document_of_what_is_not_declared_is_refused(reading):
    """A region that was taken out of the file while it is the primary."""
    with pytest.raises(InvalidInput, match=r"live\.primary_region = eu-west-1"):
        refuse_to_undo(declared(), reading(live(1, "eu-west-1"), None))
