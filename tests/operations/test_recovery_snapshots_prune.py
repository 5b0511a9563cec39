"""What a prune may delete: a property over any set of snapshots, and a reason for each that people can act on."""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.errors import InvalidInput
from seawall_ops.recovery.pruning import Keeping, decide
from seawall_ops.recovery.snapshots import MADE_BY, MADE_BY_TAG, PROVED_TAG, SOURCE_TAG, Snapshot

NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
REGIONS = ("eu-west-1", "eu-central-1")
MARK = "2026-11-20T03:00:00Z"


def arn(region: str, name: str) -> str:
    return f"arn:aws:rds:{region}:123456789012:snapshot:{name}"


def one(name: str = "s", *, days: float | None = 1.0, proved: str | None = None, **more: object) -> Snapshot:
    """A whole one of ours, whose data is so many days old; shared with nobody."""
    tags = {MADE_BY_TAG: MADE_BY, SOURCE_TAG: "arn:shop", **({} if proved is None else {PROVED_TAG: proved})}
    whole = Snapshot(
        region=REGIONS[0],
        name=name,
        arn=arn(REGIONS[0], name),
        status="available",
        instance="shop",
        taken_at=None if days is None else NOW - timedelta(days=days),
        percent=100,
        tags=tags,
        shared_with=(),
    )
    return replace(whole, **more)


@st.composite
def any_snapshots(draw: st.DrawFn) -> list[Snapshot]:
    """Of two instances in two regions, by anybody, in any state; some being copied, some shared."""
    found: list[Snapshot] = []
    for number in range(draw(st.integers(0, 14))):
        region, name = draw(st.sampled_from(REGIONS)), f"s-{number}"
        tags = {SOURCE_TAG: draw(st.sampled_from(["arn:shop", "arn:stock"]))}
        if draw(st.integers(0, 5)):
            tags[MADE_BY_TAG] = draw(st.sampled_from([MADE_BY, MADE_BY, MADE_BY, "somebody"]))
        mark = draw(st.sampled_from([None, None, MARK, "unreadable"]))
        if mark is not None:
            tags[PROVED_TAG] = mark
        found.append(
            Snapshot(
                region=region,
                name=name,
                arn=arn(region, name),
                status=draw(st.sampled_from(["available"] * 6 + ["creating", "failed", "deleting"])),
                instance="shop",
                taken_at=draw(st.none() | st.integers(0, 40).map(lambda days: NOW - timedelta(days=days))),
                kind=draw(st.sampled_from(["manual"] * 5 + ["awsbackup"])),
                percent=draw(st.sampled_from([100, 100, 100, None, 40])),
                copied_from=draw(st.sampled_from([None, None, *(each.arn for each in found)])),
                tags=tags,
                shared_with=draw(st.sampled_from([(), (), (), None, ("all",), ("210987654321",)])),
            )
        )
    return found


def restorable(snapshot: Snapshot) -> bool:
    return (
        snapshot.kind == "manual"
        and snapshot.tags.get(MADE_BY_TAG) == MADE_BY
        and snapshot.status == "available"
        and snapshot.percent in (100, None)
        and snapshot.taken_at is not None
    )


@given(any_snapshots(), st.integers(1, 4), st.sampled_from([0.0, 7.0]))
def test_a_prune_never_removes_what_somebody_may_need(snapshots: list[Snapshot], last: int, days: float):
    """In words: never what the tool did not tag, never what is shared or being copied, or of which that is not known; never
    the newest proved one, nor the last N, of an instance in a region; never what is not older than the days; each has a verdict.
    """
    verdicts = decide(snapshots, Keeping(last=last, days=days), NOW)
    assert sorted(each.snapshot.arn for each in verdicts) == sorted(each.arn for each in snapshots)
    assert all(each.because for each in verdicts)
    gone = {each.snapshot.arn for each in verdicts if each.delete}
    under_way = {
        each.copied_from
        for each in snapshots
        if each.status not in ("failed", "deleting")
        and not restorable(replace(each, kind="manual", tags={MADE_BY_TAG: MADE_BY}))
    }
    groups: dict[tuple[str, str], list[Snapshot]] = defaultdict(list)
    for each in snapshots:
        if each.arn in gone:
            assert each.kind == "manual"
            assert each.tags.get(MADE_BY_TAG) == MADE_BY
            assert each.shared_with == ()
            assert each.arn not in under_way
            assert each.tags.get(PROVED_TAG) != "unreadable"
            assert each.status == "failed" or restorable(each)
            if each.status != "failed" and days:
                assert each.taken_at is not None
                assert NOW - each.taken_at > timedelta(days=days)
        if restorable(each):
            groups[each.region, each.tags[SOURCE_TAG]].append(each)
    for group in groups.values():
        left = [each for each in group if each.arn not in gone]
        assert len(left) >= min(last, len(group))
        times = sorted((each.taken_at for each in group if each.taken_at is not None), reverse=True)[:last]
        assert sorted((each.taken_at for each in left if each.taken_at is not None), reverse=True)[:last] == times
        proved = [each.taken_at for each in group if each.tags.get(PROVED_TAG) == MARK and each.taken_at is not None]
        if proved:
            assert max(proved) in {each.taken_at for each in left if each.tags.get(PROVED_TAG) == MARK}


def reasons(*snapshots: Snapshot, last: int = 1, days: float = 0.0) -> dict[str, str]:
    verdicts = decide(snapshots, Keeping(last=last, days=days), NOW)
    return {each.snapshot.name: f"{'delete' if each.delete else 'keep'}: {each.because}" for each in verdicts}


def test_each_snapshot_has_the_reason_that_an_operator_asks_for():
    """The list is read before `--run` is typed."""
    found = reasons(
        one("new", days=1),
        one("proved", days=9, proved=MARK),
        one("proved-before", days=10, proved=MARK),
        one("plain", days=8),
        one("unreadable", days=11, proved="yesterday"),
        one("shared", days=12, shared_with=("all",)),
        one("not-asked", days=13, shared_with=None),
        one("foreign", days=14, tags={}),
        one("backup", days=14, kind="awsbackup"),
        one("copied", days=15),
        one("copy", days=None, status="creating", percent=40, copied_from=arn(REGIONS[0], "copied")),
        one("failed", days=None, status="failed"),
    )
    assert found == {
        "new": "keep: one of the last 1",
        "proved": "keep: the newest that a drill has proved",
        "proved-before": "delete: at least 1 newer can be restored",
        "plain": "delete: at least 1 newer can be restored",
        "unreadable": "keep: its mark cannot be read: yesterday",
        "shared": "keep: shared with all",
        "not-asked": "keep: not known whom it is shared with",
        "foreign": "keep: not made by `seawall snapshot`",
        "backup": "keep: not made by `seawall snapshot`",
        "copied": "keep: a copy of it is under way",
        "copy": "keep: RDS says creating, 40 %",
        "failed": "delete: RDS says failed: nothing can be restored from it",
    }


def test_age_keeps_more_and_never_less():
    """`--keep-days` is a second reason to keep, none to delete one of the last."""
    found = reasons(one("a", days=50), one("b", days=40), one("c", days=3), one("d", days=2), days=7)
    assert found == {
        "a": "delete: at least 1 newer can be restored, and it is older than 7 days",
        "b": "delete: at least 1 newer can be restored, and it is older than 7 days",
        "c": "keep: not older than 7 days",
        "d": "keep: one of the last 1",
    }
    assert reasons(one("only", days=400), days=7) == {"only": "keep: one of the last 1"}
    assert reasons(one("a", days=2), one("b"), days=float("inf"))["a"].startswith("keep: not older")


def test_a_copy_is_as_old_as_its_data():
    """It was made later than the snapshot that it is of."""
    said = {"DBSnapshotIdentifier": "c", "DBSnapshotArn": "arn:c", "SnapshotCreateTime": NOW}
    assert Snapshot.of(
        REGIONS[0], {**said, "OriginalSnapshotCreateTime": NOW - timedelta(days=2)}
    ).taken_at == NOW - timedelta(days=2)
    assert Snapshot.of(REGIONS[0], said).taken_at == NOW


@pytest.mark.parametrize(("given_", "name"), [({"last": 0}, "--keep"), ({"last": 1, "days": -1.0}, "--keep-days")])
def test_to_keep_nothing_is_refused(given_, name):
    """The last snapshot is what is left when all else is gone."""
    with pytest.raises(InvalidInput, match=name):
        Keeping(**given_)
