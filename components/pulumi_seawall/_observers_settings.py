"""The file that observers and operators of a failover share, checked as whoever reads it will check it, and its text.

The reader is `seawall_ops.failover.settings`, which components cannot import; tests hold the two against each other, key by
key and number by number.
"""

import copy
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from typing import Any, Final, cast

import pulumi

from pulumi_seawall._failover_tables import ALLOWED_NAME, TABLE_NAME, table_place
from pulumi_seawall._inputs import (
    checked_keys,
    flag,
    is_plain,
    line,
    listed,
    matching,
    member,
    plain_string,
    shown,
    text,
    whole,
)
from pulumi_seawall._observers_args import (
    FailoverClass,
    FailoverFenceArgs,
    FailoverMode,
    FailoverServers,
    FailoverSettingsArgs,
    FailoverTableArgs,
    MaintenanceWindowArgs,
    WriterProof,
)
from pulumi_seawall._observers_numbers import SECONDS, WHERE, lease_terms, policy_numbers, seconds, shortest_staleness
from pulumi_seawall._regions import distinct_regions, known_region, region_outside
from seawall._failover import DAYS, LONGEST_NAME, too_few
from seawall.errors import MISSING, InvalidInput

LONGEST_LINE: Final = 2_000  # characters of a reason or a statement
LONGEST_WINDOW_MINUTES: Final = 1_440  # a day
LONGEST_RETENTION_DAYS: Final = 35  # RDS's limit
HIGHEST_PORT: Final = 65_535
SIDES: Final = 2  # of a switch
REFERENCE: Final = re.compile(r"([A-Za-z0-9.-]|\{domain\})+(:(?P<port>\d{1,5}))?")
ADDRESS: Final = re.compile(r"[A-Za-z0-9.-]+:(?P<port>\d{1,5})")
LEFT_OUT: Final[Mapping[str, str]] = {
    "live": "a file is of one host: observers in clusters follow the live document in SSM",
    "rebuild_command": "an observer rebuilds nothing: it stands in the settings of who runs seawall failover rebuild",
}
"""Keys of the file that are no arguments, each with why."""


@dataclass(frozen=True, slots=True)
class FailoverSettings:
    """The file, checked.

    Args:
        content: What stands in it, with placeholders for what is known only during the deployment.
        later: That, by its place: the key, and perhaps a name below it.
        domains: With a voice.
        interval_seconds: Between two rounds.
        timeout_seconds: Of each check.
        arbiter: Region of the live document that counts.
        never_acts_because: Why nothing is ever acted on; None where it may be.
        forced: Whether that is so although the arguments do not ask for it.
    """

    content: Mapping[str, Any]
    later: Mapping[tuple[str, ...], pulumi.Output[str]] = field(repr=False)
    domains: tuple[str, ...]
    interval_seconds: float
    timeout_seconds: float
    arbiter: str
    never_acts_because: str | None
    forced: bool

    @property
    def staleness_seconds(self) -> float:
        """After so many seconds without a change a vote is unknown, and its observer counts as gone."""
        return float(self.content.get("stale_after_seconds", shortest_staleness(self.content)))

    @property
    def text(self) -> pulumi.Input[str]:
        """The file: JSON, which is YAML too."""
        if not self.later:
            return as_text(self.content)
        places = list(self.later)
        return pulumi.Output.all(*self.later.values()).apply(
            lambda known: as_text(self._with(dict(zip(places, known, strict=True))))
        )

    def _with(self, known: Mapping[tuple[str, ...], str]) -> dict[str, Any]:
        complete = copy.deepcopy(dict(self.content))
        for (*above, name), value in known.items():
            target = complete[above[0]] if above else complete
            target[name] = value
        return complete


def as_text(content: Mapping[str, Any]) -> str:
    """The file's text. Beyond ASCII nothing is escaped: YAML 1.1 knows no pairs of surrogates."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def plan_settings(args: object, regions: Sequence[str]) -> FailoverSettings:
    """Check the file.

    Args:
        args: `FailoverSettingsArgs`.
        regions: That may fail over.

    Raises:
        InvalidInput: A value is not allowed, two contradict each other, or something is kept where it is lost together with
            what it is for.
    """
    given = cast("dict[str, Any]", checked_keys(WHERE, args, FailoverSettingsArgs, LEFT_OUT))
    domains = distinct_regions(f"{WHERE}domains", given["domains"])
    asked = member(f"{WHERE}mode", given["mode"], FailoverMode) if "mode" in given else None
    few = too_few(domains)
    forced = few is not None and asked is not FailoverMode.RECOMMEND
    mode = FailoverMode.RECOMMEND if forced else asked or FailoverMode.AUTOMATIC
    never = None
    if mode is FailoverMode.RECOMMEND:
        never = few if forced else "settings.mode = recommend"
    away_from = regions if never is None else ()
    later: dict[tuple[str, ...], pulumi.Output[str]] = {}
    board, board_region = _table("board", given["board"], away_from, later)
    content: dict[str, Any] = {
        "cluster": _printable("cluster", given["cluster"], LONGEST_NAME),
        "domains": list(domains),
        "board": board,
        "references": _references(given["references"]),
        **({"mode": mode.value} if forced or asked is not None else {}),
        **policy_numbers(given),
        **_watching(given),
    }
    arbiter = _outside("arbiter", given.get("arbiter", board_region), away_from)
    for name in ("leases", "journals"):
        if name in given:
            content[name], _ = _table(name, given[name], away_from, later)
    if "arbiter" in given:
        content["arbiter"] = arbiter
    content |= _failing_over(given)
    content |= _switch(given, later)
    return FailoverSettings(
        content,
        later,
        domains,
        float(content.get("interval_seconds", SECONDS["interval_seconds"])),
        float(content.get("timeout_seconds", SECONDS["timeout_seconds"])),
        arbiter,
        never,
        forced,
    )


def _outside(name: str, region: object, regions: Sequence[str]) -> str:
    name = f"{WHERE}{name}"
    return region_outside(name, region, regions) if regions else known_region(name, region)


def _table(
    name: str, args: object, away_from: Sequence[str], later: dict[tuple[str, ...], pulumi.Output[str]]
) -> tuple[str, str]:
    """The table as the file names it, and its region; a name that is not known yet goes into `later`."""
    given = checked_keys(f"{WHERE}{name}.", args, FailoverTableArgs)
    region = _outside(f"{name}.region", given["region"], away_from)
    table = matching(f"{WHERE}{name}.table", given["table"], TABLE_NAME, ALLOWED_NAME)
    if isinstance(table, str):
        return table_place(region, table), region
    later[name,] = pulumi.Output.from_input(table).apply(lambda known: table_place(region, known))
    return table_place(region, ""), region


def _references(given: object) -> list[str]:
    name = f"{WHERE}references"
    references = listed(name, given)
    if not references:
        raise InvalidInput(
            name,
            "[]",
            allowed="at least one, e.g. dynamodb.{domain}.amazonaws.com:443",
            because="without one an observer cannot tell its own network's loss from everybody else's",
        )
    for place, each in enumerate(references):
        _host(f"{name}[{place}]", each, REFERENCE, "host or host:port; {domain} is the observer's own")
    return references


def _host(name: str, value: object, form: re.Pattern[str], allowed: str) -> str:
    match = form.fullmatch(value) if isinstance(value, str) else None
    if match is None or not 1 <= int(match["port"] or 1) <= HIGHEST_PORT:
        raise InvalidInput(name, shown(value), allowed=allowed)
    return match[0]


def _watching(given: Mapping[str, Any]) -> dict[str, Any]:
    """What is looked at and acted on, as far as it is given."""
    found: dict[str, Any] = {}
    if "aws_status" in given:
        found["aws_status"] = flag(f"{WHERE}aws_status", given["aws_status"])
    if "write_statement" in given:
        found["write_statement"] = _printable("write_statement", given["write_statement"], LONGEST_LINE)
    if "act_on" in given:
        classes = enumerate(listed(f"{WHERE}act_on", given["act_on"]))
        found["act_on"] = [member(f"{WHERE}act_on[{place}]", each, FailoverClass).value for place, each in classes]
    if "windows" in given:
        windows = enumerate(listed(f"{WHERE}windows", given["windows"]))
        found["windows"] = [_window(f"{WHERE}windows[{place}].", each) for place, each in windows]
    return found


def _window(where: str, args: object) -> dict[str, Any]:
    given = cast("dict[str, Any]", checked_keys(where, args, MaintenanceWindowArgs))
    if given["day"] not in DAYS:
        raise InvalidInput(f"{where}day", shown(given["day"]), allowed=", ".join(DAYS))
    try:
        time.fromisoformat(plain_string(f"{where}start", given["start"]))
    except ValueError:
        raise InvalidInput(f"{where}start", given["start"], allowed="a time of day in UTC, e.g. 03:30") from None
    minutes = whole(f"{where}minutes", given["minutes"], 1, LONGEST_WINDOW_MINUTES, "minutes")
    why = {"why": _printable(f"{where}why".removeprefix(WHERE), given["why"], LONGEST_LINE)} if "why" in given else {}
    return {"day": given["day"], "start": given["start"], "minutes": minutes, **why}


def _failing_over(given: Mapping[str, Any]) -> dict[str, Any]:
    """How a failover is run, as far as it is given."""
    found: dict[str, Any] = {}
    if "lease_terms" in given:
        found["lease_terms"] = lease_terms(given["lease_terms"])
    for key, kind in (("servers", FailoverServers), ("verify_by", WriterProof)):
        if key in given:
            found[key] = member(f"{WHERE}{key}", given[key], kind).value
    if "retention_days" in given:
        days = whole(f"{WHERE}retention_days", given["retention_days"], 1, LONGEST_RETENTION_DAYS, "days")
        found["retention_days"] = days
    if "fence" in given:
        found["fence"] = _fence(given["fence"])
    for key in ("epoch_lease_seconds", "promote_seconds"):
        if key in given:
            found[key] = seconds(key, given[key])
    if "members" in given:
        members = _named("members", given["members"])
        found["members"] = {
            name: _host(f"{WHERE}members[{name}]", each, ADDRESS, "host:port") for name, each in members.items()
        }
    return found


def _fence(args: object) -> dict[str, Any]:
    given = cast("dict[str, Any]", checked_keys(f"{WHERE}fence.", args, FailoverFenceArgs))
    found: dict[str, Any] = {}
    if "cut_also" in given:
        names = listed(f"{WHERE}fence.cut_also", given["cut_also"])
        if not names:
            raise InvalidInput(f"{WHERE}fence.cut_also", "[]", allowed="at least one")
        found["cut_also"] = [
            _printable(f"fence.cut_also[{place}]", each, LONGEST_LINE) for place, each in enumerate(names)
        ]
    if "uncut_because" in given:
        found["uncut_because"] = _printable("fence.uncut_because", given["uncut_because"], LONGEST_LINE)
    return found


def _switch(given: Mapping[str, Any], later: dict[tuple[str, ...], pulumi.Output[str]]) -> dict[str, Any]:
    """The switch's positions and endpoints; what is not known yet goes into `later`."""
    found: dict[str, Any] = {}
    for key in ("switch", "switch_endpoints"):
        if key not in given:
            continue
        found[key] = dict[str, str]()
        for name, each in _named(key, given[key]).items():
            known_region(f"{WHERE}{key}", name)
            value = text(f"{WHERE}{key}[{name}]", each, lambda where, known: line(where, known, LONGEST_LINE))
            found[key][name] = value if is_plain(value) else ""
            if not is_plain(value):
                later[key, name] = pulumi.Output.from_input(value)
    if len(found.get("switch", ["", ""])) != SIDES:
        raise InvalidInput(f"{WHERE}switch", ", ".join(found["switch"]), allowed="exactly the two regions of the name")
    if "switch_endpoints" in found and "switch" not in found:
        raise InvalidInput(f"{WHERE}switch", MISSING, allowed="required with settings.switch_endpoints")
    return found


def _named(name: str, given: object) -> dict[str, Any]:
    """A dictionary that is not empty."""
    if not isinstance(given, Mapping) or not given:
        raise InvalidInput(f"{WHERE}{name}", shown(cast("object", given)), allowed="a dictionary, not empty")
    return {str(key): value for key, value in cast("Mapping[object, Any]", given).items()}


def _printable(name: str, value: object, longest: int) -> str:
    known = line(f"{WHERE}{name}", value, longest)
    if not known.isprintable():
        raise InvalidInput(f"{WHERE}{name}", known, allowed="one line of printable characters")
    return known
