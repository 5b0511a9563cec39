"""Merging: who is the primary and who writes, whatever order documents arrive in."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seawall.errors import InvalidInput
from seawall.topology import Role, merge, unreconciled
from seawall.topology._checks import LARGEST_EPOCH
from topology_documents import failed_over, lives, shop, topologies


@settings(max_examples=60)
@given(st.data())
def test_merging_keeps_its_laws(data):
    """Nothing is live: the declared roles. A live document that counts: its roles, and exactly one primary. Declaring what
    is live, and merging again, changes nothing: that is what reconciling means.
    """
    declared = data.draw(topologies())
    live = data.draw(lives(declared))
    assert merge(declared).endpoints == declared.endpoints
    view = merge(declared, live)
    assert [each.role for each in view.endpoints].count(Role.PRIMARY) == 1
    assert view.epoch == max(declared.epoch, live.epoch)
    assert {each.name for each in view.endpoints} == {each.name for each in declared.endpoints}
    if live.epoch >= declared.epoch:
        assert view.primary.region == live.primary_region
        assert view.writer is None or view.writer.name == live.writer
    else:
        assert view.primary == declared.primary
    adopted = merge(view.as_topology(), live)
    assert (adopted.primary, adopted.writer, adopted.epoch) == (view.primary, view.writer, view.epoch)
    assert unreconciled(view.as_topology(), live) is None


@settings(max_examples=40)
@given(st.data())
def test_of_two_live_documents_the_order_of_arrival_decides_nothing(data):
    """Merging with the older one and adopting it never undoes the newer one."""
    declared = data.draw(topologies())
    one, two = data.draw(lives(declared)), data.draw(lives(declared))
    if one.epoch == two.epoch:  # the largest epoch has none after it
        two = replace(two, epoch=one.epoch + 1 if one.epoch < LARGEST_EPOCH else one.epoch - 1)
    later = max(one, two, key=lambda live: live.epoch)
    through = [merge(merge(declared, first).as_topology(), second) for first, second in ((one, two), (two, one))]
    if later.epoch >= declared.epoch:
        assert {(view.primary.region, view.epoch) for view in through} == {(later.primary_region, later.epoch)}


def test_a_failover_makes_the_primary_a_standby_and_leaves_readers():
    """The old primary is where the next failover goes to; a region that only reads keeps to reading."""
    view = merge(shop(), failed_over())
    assert [each.role for each in view.endpoints] == [Role.STANDBY, Role.PRIMARY, Role.READER]
    assert view.writer is not None
    assert view.writer.name == "eu-central-1"
    assert [member.name for member in view.readers] == ["eu-west-1", "us-east-1"]
    assert view.live_ahead


def test_readers_in_the_primarys_region_come_first():
    """Reads stay in the region where they are made, when they can."""
    view = merge(shop(), failed_over(writer="us-east-1"))
    assert [member.name for member in view.readers] == ["eu-central-1", "eu-west-1"]


def test_a_live_document_that_is_behind_is_ignored_and_says_so():
    """The deployment after a failover has adopted it; the live document of before is history."""
    view = merge(shop(epoch=5), failed_over())
    assert (view.live, view.primary.region) == (None, "eu-west-1")
    assert view.ignored == "live epoch 4 is behind the declared epoch 5"


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"service": "cart"}, "live.service = cart: shop, as declared"),
        ({"environment": "dev"}, "live.environment = dev: prod, as declared"),
        (
            {"primary_region": "eu-west-3"},
            "live.primary_region = eu-west-3: a region with an endpoint: eu-west-1, eu-central-1, us-east-1",
        ),
        ({"writer": "eu-west-3"}, "live.writer = eu-west-3: one of eu-west-1, eu-central-1, us-east-1"),
    ],
)
def test_documents_that_contradict_each_other_are_one_line(changes, line):
    """Guessing here would send writes to the wrong database."""
    with pytest.raises(InvalidInput) as caught:
        merge(shop(), failed_over(**changes))
    assert str(caught.value) == line


def test_a_deployment_that_would_undo_a_failover_is_told_what_reconciles_it():
    """One line: both epochs, since when and why, the roles to declare."""
    assert unreconciled(shop(), failed_over()) == (
        "epoch = 3: 4, because the live document (epoch 4, 2026-11-25 12:30 UTC: eu-west-1 is lost) is ahead of the "
        "declared one: declare the primary eu-central-1 and the writer eu-central-1, and nothing is replaced"
    )


def test_roles_changed_without_an_epoch_are_not_deployed_either():
    """Apps would go on to follow the live document, and the file would say something else."""
    line = unreconciled(shop(epoch=4), failed_over())
    assert line is not None
    assert line.startswith("epoch = 4: 4, because the live document (epoch 4, ")
    assert "has other roles than the declared one" in line


def test_an_epoch_that_is_ahead_is_adopted_also_when_the_roles_are_back():
    """After a failover and a failback the roles are the old ones, and the file still knows of neither."""
    back = failed_over(epoch=5, primary_region="eu-west-1", writer="eu-west-1")
    line = unreconciled(shop(), back)
    assert line is not None
    assert line.startswith("epoch = 3: 5, because ")
    assert unreconciled(shop(epoch=5), back) is None


def test_the_schema_version_that_a_document_was_read_with_changes_no_role():
    """A declared document that a later Seawall wrote says the same as ours."""
    adopted = replace(merge(shop(), failed_over()).as_topology(), schema_version=2)
    assert unreconciled(adopted, failed_over()) is None


@pytest.mark.parametrize("live", [None, failed_over(epoch=2)])
def test_a_deployment_with_nothing_live_or_only_history_goes_ahead(live):
    """The usual day."""
    assert unreconciled(shop(), live) is None
