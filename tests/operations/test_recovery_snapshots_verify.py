"""`seawall snapshot verify`: what is said of a snapshot is what was looked at, and never more."""

from typing import Any

import pytest

from fake_rds_snapshots import SnapshotAws
from seawall_ops.failover.plans.rds_api import RdsApi
from seawall_ops.recovery.permissions import RECOVERY_CALLS
from seawall_ops.recovery.snapshot_api import SnapshotApi
from seawall_ops.recovery.snapshots import MADE_BY, MADE_BY_TAG, PROVED_TAG
from seawall_ops.recovery.verifying import verify

HOME = "eu-west-1"
SOURCE = "seawall-shop-before"
OWN = [{"Key": MADE_BY_TAG, "Value": MADE_BY}]


@pytest.fixture
def aws() -> SnapshotAws:
    """A snapshot under an enabled key."""
    account = SnapshotAws()
    account.add_snapshot(HOME, SOURCE, Encrypted=True, KmsKeyId=account.add_key(HOME), TagList=OWN)
    return account


def said(aws: SnapshotAws, **given: Any) -> str:
    return verify(SnapshotApi(RdsApi(clients=aws.client)), HOME, SOURCE, **given).said


def test_verify_says_available_or_proved_on_a_day_and_never_more(aws: SnapshotAws):
    """Available is not proved: nobody has restored it."""
    assert said(aws, instance="shop", size_gib=20) == "available"
    aws.snapshots[HOME, SOURCE]["TagList"] = [*OWN, {"Key": PROVED_TAG, "Value": "2026-11-25T03:00:00Z"}]
    assert said(aws) == "proved on 2026-11-25"
    assert aws.recorder.taken() <= set(RECOVERY_CALLS["snapshot verify"])


@pytest.mark.parametrize(
    ("change", "asked", "check"),
    [
        ({"Status": "creating"}, {}, "status"),
        ({}, {"instance": "other"}, "instance"),
        ({}, {"size_gib": 21}, "size"),
        ({"Encrypted": False}, {"kms_key": "alias/any"}, "encryption"),
        ({"KmsKeyId": "arn:aws:kms:eu-west-1:123456789012:key/gone"}, {}, "encryption"),
        ({}, {"kms_key": "alias/other"}, "encryption"),
        ({"TagList": [*OWN, {"Key": PROVED_TAG, "Value": "yesterday"}]}, {}, "mark"),
    ],
)
def test_verify_names_what_is_not_as_it_has_to_be(aws: SnapshotAws, change, asked, check):
    """A snapshot under a key that is gone is lost, whatever its status says."""
    aws.snapshots[HOME, SOURCE].update(change)
    assert said(aws, **asked) == f"not to be relied on: {check}"


def test_verify_sees_a_key_that_is_disabled(aws: SnapshotAws):
    """Nobody can restore it while it is."""
    for key in aws.keys.values():
        key["KeyState"] = "Disabled"
    assert said(aws) == "not to be relied on: encryption"
