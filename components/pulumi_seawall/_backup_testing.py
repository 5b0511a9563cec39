"""Restore tests: a backup that was never restored is a hope.

Sources: AWS Backup API reference, `RestoreTestingPlanForCreate`, `RestoreTestingSelectionForCreate`,
`RestoreTestingRecoveryPointSelection`; CloudWatch user guide, "Alarm evaluation": seven days at most.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from pulumi_seawall._backup_args import BackupResourceType, RestoreAlgorithm, RestoreTestingArgs
from pulumi_seawall._backup_names import LONGEST_REASON
from pulumi_seawall._backup_rules import DAY_SECONDS, UTC
from pulumi_seawall._inputs import checked_keys, line, member, plain_string, whole
from seawall.errors import InvalidInput
from seawall.timing import cron_of, known_zone, longest_gap_seconds

DEFAULT_SCHEDULE: Final = "cron(0 9 ? * SUN,WED *)"  # twice a week: what is missing is seen within seven days
DEFAULT_START_HOURS: Final = 24  # AWS Backup
LONGEST_HOURS: Final = 168  # AWS Backup, both windows
DEFAULT_VALIDATION_HOURS: Final = 1
LONGEST_SELECTION_DAYS: Final = 365  # AWS Backup
LONGEST_WATCH_SECONDS: Final = 7 * DAY_SECONDS  # CloudWatch: no alarm looks back further
HOUR_SECONDS: Final = 3600


@dataclass(frozen=True, slots=True)
class TestingPlan:
    """Restore tests of every source.

    Args:
        schedule: As cron.
        timezone: IANA name.
        start_window_hours: 1 to 168.
        validation_window_hours: 0 to 168.
        selection_window_days: Back to which backups are taken from.
        algorithm: Which of them.
        silence_seconds: The longest time between two completed tests although all is well.
        overrides: By resource type.
    """

    __test__ = False  # pytest collects by name

    schedule: str
    timezone: str
    start_window_hours: int
    validation_window_hours: int
    selection_window_days: int
    algorithm: RestoreAlgorithm
    silence_seconds: float
    overrides: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])


def plan_testing(
    args: RestoreTestingArgs, types: Sequence[BackupResourceType], *, silence_seconds: float, restore_worst: float
) -> TestingPlan | str:
    """The restore tests, or the reason why there are none.

    Args:
        args: The argument.
        types: What is backed up.
        silence_seconds: The longest time between two completed backups.
        restore_worst: Worst seconds of a restore.

    Raises:
        InvalidInput: A value is not allowed.
    """
    where = "restore_testing."
    given = checked_keys(where, args, RestoreTestingArgs)
    if "off_because" in given:
        if len(given) > 1:
            other = next(key for key in given if key != "off_because")
            raise InvalidInput(f"{where}{other}", "given", allowed="not beside off_because, which switches tests off")
        return line(f"{where}off_because", given["off_because"], LONGEST_REASON)
    schedule = cron_of(f"{where}schedule", plain_string(f"{where}schedule", given.get("schedule", DEFAULT_SCHEDULE)))
    zone = plain_string(f"{where}timezone", given.get("timezone", UTC))
    known_zone(f"{where}timezone", zone)
    gap = longest_gap_seconds(f"{where}schedule", schedule, zone)
    start = whole(
        f"{where}start_window_hours", given.get("start_window_hours", DEFAULT_START_HOURS), 1, LONGEST_HOURS, "hours"
    )
    silence = gap + start * HOUR_SECONDS + restore_worst
    if silence > LONGEST_WATCH_SECONDS:
        raise InvalidInput(
            f"{where}schedule",
            schedule,
            allowed="a test that is over within seven days of the one before",
            because=f"{gap} s between runs + {start} h start window + {restore_worst:.0f} s restore are "
            f"{silence:.0f} s, and an alarm on a missing test looks back {LONGEST_WATCH_SECONDS} s at most",
        )
    fewest = math.ceil(silence_seconds / DAY_SECONDS)
    return TestingPlan(
        schedule,
        zone,
        start,
        whole(
            f"{where}validation_window_hours", given.get("validation_window_hours", DEFAULT_VALIDATION_HOURS),
            0, LONGEST_HOURS, "hours",
        ),
        whole(
            f"{where}selection_window_days", given.get("selection_window_days", fewest),
            fewest, LONGEST_SELECTION_DAYS, "days",
            because=f"two backups may be {silence_seconds:.0f} s apart, and a window without one tests nothing",
        ),
        member(f"{where}algorithm", given.get("algorithm", RestoreAlgorithm.LATEST), RestoreAlgorithm),
        silence,
        _overrides(f"{where}overrides", given.get("overrides", {}), types),
    )  # fmt: skip


def _overrides(name: str, given: object, types: Sequence[BackupResourceType]) -> dict[str, dict[str, str]]:
    known = [one.value for one in types]
    if not isinstance(given, Mapping):
        raise InvalidInput(name, given, allowed="a dictionary by resource type")
    overrides: dict[str, dict[str, str]] = {}
    for key, values in cast("Mapping[object, object]", given).items():
        if key not in known:
            raise InvalidInput(f"{name}.{key}", "given", allowed=f"one of resource_types: {', '.join(known)}")
        if not isinstance(values, Mapping) or not values:
            raise InvalidInput(f"{name}.{key}", "(given)", allowed="a dictionary of metadata, not empty")
        entries = cast("Mapping[object, object]", values)
        overrides[str(key)] = {
            str(each): plain_string(f"{name}.{key}.{each}", value) for each, value in entries.items()
        }
    return overrides
