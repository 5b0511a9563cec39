"""Journals in DynamoDB: another machine resumes what this one began, and never beside it."""

from dataclasses import replace

import boto3
import pytest
from moto import mock_aws

from seawall.errors import InvalidInput, OperationInProgress
from seawall_ops.steps import TableJournals
from seawall_ops.steps.journal import begin
from steps_script import Lease, operation
from steps_world import AFTER, OPERATION, World, plan_of

REGION = "eu-central-1"


@pytest.fixture
def dynamodb(monkeypatch):
    """A table of moto's, with the keys that the audit's has, too."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        dynamodb = boto3.client("dynamodb", region_name=REGION)
        names = {"operation": "HASH", "position": "RANGE"}
        dynamodb.create_table(
            TableName="operations",
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in names.items()],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
            BillingMode="PAY_PER_REQUEST",
        )
        yield dynamodb


@pytest.fixture
def journals(dynamodb):
    return TableJournals("operations", dynamodb=dynamodb)


def test_another_machine_resumes_what_this_one_began(journals, tmp_path):
    """The folder is another one; the journal and the world are the same."""
    plan = plan_of(World(tmp_path), no_return=True)
    here = operation(plan, tmp_path / "here", journals=journals, guard=Lease(7), confirm=None).run()
    assert here.end == "stopped"
    there = operation(plan, tmp_path / "there", journals=journals, guard=Lease(8)).resume()
    assert (there.end, there.interrupted, World(tmp_path).values()) == ("done", True, AFTER)


def test_a_holder_that_was_outrun_writes_no_more(journals, tmp_path):
    """Its fence is older than the journal's: the write is refused where it is made, whatever it believes."""
    plan = plan_of(World(tmp_path), no_return=True)
    old = replace(begin(OPERATION, plan, 7), revision=1)
    journals.write(old)
    journals.write(replace(old, revision=2, fence=8))
    with pytest.raises(OperationInProgress, match="under a newer fence"):
        journals.write(replace(old, revision=3, fence=7))


def test_two_that_write_the_same_revision_do_not_both_win(journals, tmp_path):
    """The second one's world is not the one that it knows; its own write again is no second one."""
    plan = plan_of(World(tmp_path), no_return=True)
    first = replace(begin(OPERATION, plan, 7), revision=1)
    journals.write(first)
    journals.write(first)  # what the SDK does after a lost answer
    with pytest.raises(OperationInProgress, match="written by another run"):
        journals.write(replace(first, because="another"))
    assert journals.read(OPERATION) == first
    assert journals.read("move-2") is None


def test_a_run_that_loses_its_journal_to_another_one_stops(journals, tmp_path):
    """In the middle of a plan, before the next write of the world."""
    plan = plan_of(World(tmp_path), no_return=True)

    def taken_over(_point: object) -> bool:
        found = journals.read(OPERATION)
        assert found is not None
        journals.write(replace(found, revision=found.revision + 1, fence=9))
        return True

    result = operation(plan, tmp_path, journals=journals, guard=Lease(8), confirm=taken_over).run()
    assert (result.end, World(tmp_path).get("writer")) == ("stopped", "eu-west-1")
    assert "the journal cannot be written" in result.because


def test_a_broken_item_is_refused_in_one_line(journals, dynamodb):
    """With the table's name."""
    item = {"operation": {"S": OPERATION}, "position": {"S": "journal"}, "journal": {"S": "{"}}
    dynamodb.put_item(TableName="operations", Item=item)
    with pytest.raises(
        InvalidInput, match="journal = operations/move-1: a journal of an operation, because it is broken"
    ):
        journals.read(OPERATION)
