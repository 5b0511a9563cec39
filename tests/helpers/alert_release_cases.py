"""Lives of the alerts on releases and on backups."""

from typing import Any

from alert_lives import BACKUPS, HALF_HOUR, MINUTES, NEWEST, RELEASES, RENAMED, TEN, UP, Case, rollout
from rule_samples import SCRAPE, counter, gauge

HOUR = 60 * MINUTES
AGES = counter((SCRAPE, HOUR))
"""A backup that is always of this moment: Unix time in these tests begins with them."""


def _release(alert: str, life: str, fires: int, series: dict[str, str], samples: int = HALF_HOUR) -> Case:
    return Case(alert=alert, life=life, fires=fires, series=series, samples=samples, rules=RELEASES)


def _backup(life: str, fires: int, newest: str | None, **more: Any) -> Case:
    series = {UP: gauge((1, HOUR)), **({NEWEST: newest} if newest else {}), **more}
    return Case(alert="BackupMissing", life=life, fires=fires, series=series, samples=HOUR, rules=BACKUPS)


WELL, GONE = gauge((1, 20 * MINUTES), ("_", 10 * MINUTES)), gauge(("_", 20 * MINUTES), (1, 10 * MINUTES))
"""The controller shows one phase at a time: the series of the one before vanishes."""

RELEASE_CASES = [
    _release("CanaryAborted", "aborted", 1, {rollout("Progressing"): WELL, rollout("Abort"): GONE}),
    _release(
        "CanaryAborted",
        "aborted, as a scrape that renames the namespace shows it",
        1,
        {rollout("Progressing", namespace=RENAMED): WELL, rollout("Abort", namespace=RENAMED): GONE},
    ),
    _release(
        "CanaryAborted",
        "aborted, as two controllers see it",
        1,
        {rollout("Abort", pod="a"): GONE, rollout("Abort", pod="b"): GONE},
    ),
    _release("CanaryAborted", "it does not become ready in time", 1, {rollout("Timeout"): GONE}),
    _release("CanaryAborted", "under way", 0, {rollout("Progressing"): gauge((1, HALF_HOUR))}),
    _release("CanaryAborted", "paused, and done", 0, {rollout("Paused"): WELL, rollout("Completed"): GONE}),
    _release("CanaryAborted", "another Rollout of the namespace", 0, {rollout("Abort", name="stock"): GONE}),
    _release(
        "CanaryAborted", "a Rollout of that name elsewhere", 0, {rollout("Abort", namespace='namespace="other"'): GONE}
    ),
    _release(
        "CanaryAborted",
        "flapping: aborted and tried again, every minute",
        1,
        {rollout("Abort"): gauge(*[(1, MINUTES // 2), ("_", MINUTES // 2)] * 30)},
    ),
    _release("CanaryAborted", "no data", 0, {UP: gauge((1, HALF_HOUR))}),
    _release("CanaryUnwatched", "no data", 1, {UP: gauge((1, HALF_HOUR))}),
    _release(
        "CanaryUnwatched", "gone for ten minutes and more", 1, {rollout("Completed"): gauge((1, TEN), ("_", 2 * TEN))}
    ),
    _release("CanaryUnwatched", "watched", 0, {rollout("Completed"): gauge((1, HALF_HOUR))}),
    _release(
        "CanaryUnwatched",
        "watched by a scrape that renames the namespace",
        0,
        {rollout("Completed", namespace=RENAMED): gauge((1, HALF_HOUR))},
    ),
    _release(
        "CanaryUnwatched",
        "flapping: the controller restarts",
        0,
        {rollout("Completed"): gauge((1, TEN), ("_", 3 * MINUTES), (1, 17 * MINUTES))},
    ),
]

BACKUP_CASES = [
    _backup("always of this moment", 0, AGES),
    _backup("the newest is of the beginning", 1, gauge((0, HOUR))),
    _backup("a file that nobody writes any more", 1, counter((SCRAPE, 20 * MINUTES), (0, 40 * MINUTES))),
    _backup(
        "too old for ten minutes, then a new one",
        0,
        f"{gauge((0, HALF_HOUR))} {HALF_HOUR * SCRAPE}+{SCRAPE}x{HALF_HOUR}",
    ),
    _backup("no data", 1, None),
    _backup(
        "the data is gone for a minute",
        0,
        f"{counter((SCRAPE, HALF_HOUR))} _x{MINUTES} {30 * 60 + 60}+{SCRAPE}x{28 * MINUTES}",
    ),
    _backup("flapping: every other run fails to write", 0, gauge((0, 1), *[("_", 1), (3600, 1)] * (HOUR // 2))),
]
