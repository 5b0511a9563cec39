"""What is watched beside the service's own series, and the heartbeat's numbers, checked. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final, cast

from pulumi_seawall._clusters import NAMESPACE, plan_reach
from pulumi_seawall._inputs import checked_keys, line, listed, member, number, plain_string, whole
from pulumi_seawall._monitoring_args import WatchedBackupArgs, WatchedRolloutArgs
from pulumi_seawall._regions import known_region
from pulumi_seawall._release_alerts import WatchedBackup, WatchedRollout
from seawall.contract import BackupKind
from seawall.errors import InvalidInput

HEARTBEATS_SECONDS: Final = (30, 3600)
HEARTBEAT_SECONDS: Final = 60
LONGEST_FILE: Final = 4096  # characters of a path, as Linux takes them
LONGEST_SOURCE: Final = 512  # characters; one of RDS has some 70
SOURCE: Final = re.compile(r"[a-z-]+[:/][A-Za-z0-9/_.:-]+")
ABSOLUTE: Final = "an absolute path, as Alertmanager sees it"
HIDDEN_BECAUSE: Final = "whoever knows the switch's address can keep it quiet: it must not stand in a state"


def plan_rollouts(given: Mapping[str, Any]) -> tuple[WatchedRollout, ...]:
    """The Rollouts that are watched; a namespace that is not stated is empty.

    Raises:
        InvalidInput: A value is not allowed.
    """
    found: dict[str, WatchedRollout] = {}
    for place, entry in enumerate(listed("rollouts", given.get("rollouts", []))):
        where = f"rollouts[{place}]."
        rollout = cast("dict[str, Any]", checked_keys(where, entry, WatchedRolloutArgs))
        name = plain_string(f"{where}name", rollout["name"])
        if not NAMESPACE.fullmatch(name) or name in found:
            raise InvalidInput(
                f"{where}name",
                name,
                allowed="each once: 1 to 63 lower-case letters, digits and hyphens, no hyphen at an end",
            )
        found[name] = WatchedRollout(name, plan_reach(where, rollout).namespace if "namespace" in rollout else "")
    return tuple(found.values())


def plan_watched_backups(given: Mapping[str, Any], regions: tuple[str, ...]) -> tuple[WatchedBackup, ...]:
    """The backups that are watched, each in a region whose Prometheus evaluates rules.

    Raises:
        InvalidInput: A value is not allowed.
    """
    found: list[WatchedBackup] = []
    for place, entry in enumerate(listed("backups", given.get("backups", []))):
        where = f"backups[{place}]."
        backup = cast("dict[str, Any]", checked_keys(where, entry, WatchedBackupArgs))
        region = known_region(f"{where}region", backup["region"])
        if region not in regions:
            raise InvalidInput(
                f"{where}region", region, allowed=f"one of {', '.join(regions)}", because="no other Prometheus is ours"
            )
        source = line(f"{where}source", backup["source"], LONGEST_SOURCE)
        if source.startswith("arn:") or not SOURCE.fullmatch(source):
            raise InvalidInput(
                f"{where}source",
                source,
                allowed="an ARN's part after the account, e.g. db:shop, as `seawall backups` writes it",
            )
        limit = number(f"{where}limit_seconds", backup["limit_seconds"])
        if not 0 < limit < float("inf"):
            raise InvalidInput(f"{where}limit_seconds", limit, allowed="above 0 seconds, finite")
        made = WatchedBackup(region, source, member(f"{where}kind", backup["kind"], BackupKind), limit)
        if any((each.region, each.source, each.kind) == (region, source, made.kind) for each in found):
            raise InvalidInput(f"{where}source", source, allowed=f"each {made.kind} once in {region}")
        found.append(made)
    return tuple(found)


def plan_url_file(name: str, value: object) -> str:
    """The file with the switch's address.

    Raises:
        InvalidInput: It is the address itself, which messages do not show, or no absolute path.
    """
    if isinstance(value, str) and "://" in value:
        raise InvalidInput(name, "(hidden)", allowed=ABSOLUTE, because=HIDDEN_BECAUSE)
    return plan_absolute(name, value, HIDDEN_BECAUSE)


def plan_absolute(name: str, value: object, because: str | None = None) -> str:
    """A path that Alertmanager sees.

    Raises:
        InvalidInput: It is not absolute.
    """
    path = line(name, value, LONGEST_FILE)
    if not path.startswith("/"):
        raise InvalidInput(name, path, allowed=ABSOLUTE, because=because)
    return path


def plan_heartbeat(where: str, given: Mapping[str, Any]) -> int:
    """The seconds between two heartbeats.

    Raises:
        InvalidInput: They are outside of 30 to 3600.
    """
    key = "heartbeat_seconds"
    return whole(f"{where}{key}", given.get(key, HEARTBEAT_SECONDS), *HEARTBEATS_SECONDS, "seconds")
