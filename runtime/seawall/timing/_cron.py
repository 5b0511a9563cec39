"""AWS's cron expressions, and the longest time that passes between two of their runs.

Sources: EventBridge user guide, "Cron expressions reference" (six fields; exactly one of day-of-month and day-of-week is
`?`; L, W and #); AWS Backup developer guide, "Backup plan options and configuration" (an hour is the shortest interval).
AWS does not say what happens to a run in the hour that a change of clocks skips or repeats: here a skipped run does not
happen and a repeated one happens once, which is the worse of the two.
"""

import bisect
import calendar
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, cached_property
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from seawall.errors import InvalidInput

FIRST_YEAR: Final = 1970  # AWS
LAST_YEAR: Final = 2199  # AWS
COUNTED_FROM: Final = date(2000, 1, 1)  # to LAST_YEAR: has every kind of year, and 2100, which is no leap year
CLOCK_YEARS: Final = range(2026, 2036)  # whose changes of clocks are looked at: rules repeat every year
MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
LONGEST_MONTH: Final = 31
MOST_WEEKS: Final = 5  # a weekday stands at most that often in a month
WEEK: Final = 7
MINUTE_SECONDS: Final = 60
HOUR_MINUTES: Final = 60
HOUR_SECONDS: Final = 3600
DAY_SECONDS: Final = 86_400
DAY_HOURS: Final = 24
FIELDS: Final = 6
DEFAULT_HOUR: Final = 5  # of AWS Backup's own default expression
RATE: Final = re.compile(r"rate\((?P<count>\d+) (?P<unit>minutes?|hours?|days?)\)")
CRON: Final = re.compile(r"cron\((?P<fields>[^()]*)\)")
PART: Final = re.compile(r"(?P<first>\*|[0-9A-Z]+)(?:-(?P<last>[0-9A-Z]+))?(?:/(?P<step>\d+))?")
NEAREST_WEEKDAY: Final = re.compile(r"(?P<day>\d{1,2})W")
NTH_WEEKDAY: Final = re.compile(r"(?P<day>[0-9A-Z]+)#(?P<week>\d)")
LAST_WEEKDAY: Final = re.compile(r"(?P<day>[0-9A-Z]+)L")


@dataclass(frozen=True)
class Cron:
    """A parsed expression, in wall-clock time.

    Args:
        minutes: 0 to 59.
        hours: 0 to 23.
        days_of_month: Texts of the field: numbers, ranges, `L`, `15W`; `?` when days of the week count.
        months: 1 to 12.
        days_of_week: As `days_of_month`: `FRI`, `6L`, `2#1`; `?` when days of the month count.
        years: 1970 to 2199.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days_of_month: str
    months: frozenset[int]
    days_of_week: str
    years: frozenset[int]

    @cached_property
    def times(self) -> tuple[int, ...]:
        """Seconds after midnight at which it runs, on a day on which it runs."""
        return tuple(
            sorted(HOUR_SECONDS * hour + MINUTE_SECONDS * minute for hour in self.hours for minute in self.minutes)
        )

    @cached_property
    def days(self) -> tuple[int, ...]:
        """Ordinals of the days on which it runs, 2000 to 2199."""
        found: list[int] = []
        for year in range(COUNTED_FROM.year, LAST_YEAR + 1):
            if year not in self.years:
                continue
            for month in sorted(self.months):
                first = date(year, month, 1)
                found += [first.toordinal() + day - 1 for day in self._days_of(first)]
        return tuple(found)

    def _days_of(self, first: date) -> list[int]:
        weekday, length = calendar.monthrange(first.year, first.month)
        sunday_first = (weekday + 1) % WEEK  # AWS's week begins on Sunday, as day 1
        if self.days_of_month != "?":
            return sorted(_days_of_month(self.days_of_month, sunday_first, length))
        return sorted(_days_of_week(self.days_of_week, sunday_first, length))


def parse_cron(name: str, expression: str) -> Cron:
    """The expression, by AWS's rules.

    Args:
        name: The input, for messages.
        expression: E.g. `cron(0 5 ? * MON-FRI *)`.

    Raises:
        InvalidInput: It is none.
    """
    matched = CRON.fullmatch(expression)
    if matched is None:
        raise InvalidInput(name, expression, allowed="cron(minutes hours day-of-month month day-of-week year)")
    fields = matched["fields"].split()
    if len(fields) != FIELDS:
        raise InvalidInput(
            name, expression, allowed=f"{FIELDS} fields, not {len(fields)}", because="AWS's cron has one for the year"
        )
    minutes, hours, of_month, months, of_week, years = (field.upper() for field in fields)
    if (of_month == "?") == (of_week == "?"):
        raise InvalidInput(
            name,
            expression,
            allowed="? in exactly one of day-of-month and day-of-week",
            because="AWS takes the days from the other one",
        )
    cron = Cron(
        frozenset(_numbers(name, expression, "minutes", minutes, 0, HOUR_MINUTES - 1)),
        frozenset(_numbers(name, expression, "hours", hours, 0, DAY_HOURS - 1)),
        of_month,
        frozenset(_numbers(name, expression, "month", months, 1, len(MONTHS), MONTHS)),
        of_week,
        frozenset(_numbers(name, expression, "year", years, FIRST_YEAR, LAST_YEAR)),
    )
    _check_days(name, expression, of_month, of_week)
    return cron


def _check_days(name: str, expression: str, of_month: str, of_week: str) -> None:
    for part in of_month.split(",") if of_month != "?" else []:
        nearest = NEAREST_WEEKDAY.fullmatch(part)
        if nearest is not None and not 1 <= int(nearest["day"]) <= LONGEST_MONTH:
            raise _wrong(name, expression, "day-of-month", part, f"1W to {LONGEST_MONTH}W")
        if part not in ("L", "LW") and nearest is None:
            list(_numbers(name, expression, "day-of-month", part, 1, LONGEST_MONTH))
    for part in of_week.split(",") if of_week != "?" else []:
        nth, last = NTH_WEEKDAY.fullmatch(part), LAST_WEEKDAY.fullmatch(part)
        if nth is not None and not 1 <= int(nth["week"]) <= MOST_WEEKS:
            raise _wrong(name, expression, "day-of-week", part, f"#1 to #{MOST_WEEKS}")
        if part != "L":
            bare = nth["day"] if nth else last["day"] if last else part
            list(_numbers(name, expression, "day-of-week", bare, 1, WEEK, DAYS))


def _numbers(
    name: str, expression: str, field: str, text: str, lowest: int, highest: int, words: tuple[str, ...] = ()
) -> Iterator[int]:
    """What a field of numbers, names, ranges and steps stands for."""
    span = f"{lowest} to {highest}" + (f", or {words[0]} to {words[-1]}" if words else "")
    for part in text.split(","):
        matched = PART.fullmatch(part)
        if matched is None:
            raise _wrong(name, expression, field, part, span)
        step = int(matched["step"] or 1)
        first, last = lowest, highest
        if matched["first"] == "*":
            if matched["last"] is not None:
                raise _wrong(name, expression, field, part, span)
        else:
            ends = [_number(end, words) for end in (matched["first"], matched["last"]) if end is not None]
            if any(end is None or not lowest <= end <= highest for end in ends):
                raise _wrong(name, expression, field, part, span)
            known = [end for end in ends if end is not None]
            first, last = known[0], known[-1] if len(known) > 1 or matched["step"] is None else highest
        if first > last:
            raise _wrong(name, expression, field, part, "a range that goes up")
        if step < 1:
            raise _wrong(name, expression, field, part, "a step of at least 1")
        yield from range(first, last + 1, step)


def _number(text: str, words: tuple[str, ...]) -> int | None:
    if text.isdigit():
        return int(text)
    return words.index(text) + 1 if text in words else None


def _wrong(name: str, expression: str, field: str, part: str, allowed: str) -> InvalidInput:
    return InvalidInput(name, expression, allowed=f"{field} {part} is not {allowed}")


def _days_of_month(field: str, sunday_first: int, length: int) -> set[int]:
    """Days of a month that begins on a day of the week (0 is Sunday) and has that many days."""
    days: set[int] = set()
    for part in field.split(","):
        nearest = NEAREST_WEEKDAY.fullmatch(part)
        if part == "L":
            days.add(length)
        elif part == "LW":
            days.add(_weekday_near(length, sunday_first, length))
        elif nearest is not None:
            if int(nearest["day"]) <= length:
                days.add(_weekday_near(int(nearest["day"]), sunday_first, length))
        else:
            days |= {day for day in _numbers("", "", "", part, 1, LONGEST_MONTH) if day <= length}
    return days


def _weekday_near(day: int, sunday_first: int, length: int) -> int:
    """The weekday nearest to a day, within its month."""
    of_week = (sunday_first + day - 1) % WEEK
    if of_week == 0:  # Sunday: the Monday after, or the Friday before where the month ends
        return day + 1 if day < length else day - 2
    if of_week == WEEK - 1:  # Saturday: the Friday before, or the Monday after where the month begins
        return day - 1 if day > 1 else day + 2
    return day


def _days_of_week(field: str, sunday_first: int, length: int) -> set[int]:
    """As `_days_of_month`, from days of the week."""
    days: set[int] = set()
    for part in field.split(","):
        nth, last = NTH_WEEKDAY.fullmatch(part), LAST_WEEKDAY.fullmatch(part)
        if part == "L":
            weekdays = [WEEK]  # alone it is the last day of the week
        else:
            bare = nth["day"] if nth else last["day"] if last else part
            weekdays = list(_numbers("", "", "", bare, 1, WEEK, DAYS))
        for weekday in weekdays:
            all_of_them = list(range((weekday - 1 - sunday_first) % WEEK + 1, length + 1, WEEK))
            if nth is not None:
                days |= set(all_of_them[int(nth["week"]) - 1 : int(nth["week"])])
            else:
                days |= set(all_of_them[-1:] if last is not None else all_of_them)
    return days


def cron_of(name: str, schedule: str) -> str:
    """The cron expression of a schedule: itself, or the one that runs as a `rate` says.

    AWS Backup takes cron only. A rate that fills the day in whole runs is written as cron: `rate(1 day)` at 05:00, and
    `rate(6 hours)` from midnight on.

    Raises:
        InvalidInput: It is neither, is more often than hourly, or no cron runs so.
    """
    matched = RATE.fullmatch(schedule)
    if matched is None:
        parse_cron(name, schedule)
        return schedule
    count, unit = int(matched["count"]), matched["unit"].rstrip("s")
    if unit == "minute":
        raise _too_often(name, schedule)
    hours = count * (DAY_HOURS if unit == "day" else 1)
    if not hours or DAY_HOURS % hours:
        raise InvalidInput(
            name,
            schedule,
            allowed="rate(1 day), or hours that divide a day: 1, 2, 3, 4, 6, 8, 12",
            because="AWS Backup takes cron only, which begins anew every midnight",
        )
    return f"cron(0 {DEFAULT_HOUR} * * ? *)" if hours == DAY_HOURS else f"cron(0 0/{hours} * * ? *)"


def _too_often(name: str, expression: str) -> InvalidInput:
    return InvalidInput(name, expression, allowed="at most hourly", because="AWS Backup offers no shorter interval")


@cache
def known_zone(name: str, zone: str) -> ZoneInfo | None:
    """The time zone; `None` for UTC, which needs no data.

    Raises:
        InvalidInput: There is no such zone.
    """
    if zone in ("UTC", "Etc/UTC"):
        return None
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput(name, zone, allowed="an IANA time zone, e.g. Etc/UTC or Europe/Berlin") from None


@cache
def longest_gap_seconds(name: str, expression: str, zone: str = "Etc/UTC") -> int:
    """The longest time from one run to the next, in seconds: what a schedule alone can lose.

    Args:
        name: The input, for messages.
        expression: By `cron_of`.
        zone: IANA name of the time zone in which it is read.

    Raises:
        InvalidInput: It is no cron expression or no zone, runs more often than hourly, or ends.
    """
    cron, place = parse_cron(name, expression), known_zone(name, zone)
    if len(cron.minutes) > 1 or _shortest_gap(cron) < HOUR_SECONDS:
        raise _too_often(name, expression)
    if not cron.days or LAST_YEAR not in cron.years:
        raise InvalidInput(
            name, expression, allowed="a schedule that goes on", because="after its last run nothing is backed up"
        )
    within_a_day = max((after - before for before, after in _pairs(cron.times)), default=0)
    over_night = DAY_SECONDS - cron.times[-1] + cron.times[0]
    between_days = max(after - before for before, after in _pairs(cron.days)) if len(cron.days) > 1 else 0
    if not between_days:
        raise InvalidInput(name, expression, allowed="a schedule that goes on", because="it runs on one day only")
    longest = max(within_a_day, (between_days - 1) * DAY_SECONDS + over_night)
    return max(longest, *(_gaps_around_changes(cron, place) if place is not None else (longest,)))


def _shortest_gap(cron: Cron) -> int:
    gaps = [after - before for before, after in _pairs(cron.times)]
    if any(after - before == 1 for before, after in _pairs(cron.days)):
        gaps.append(DAY_SECONDS - cron.times[-1] + cron.times[0])
    return min(gaps, default=DAY_SECONDS)


def _pairs(values: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    return itertools.pairwise(values)


def _gaps_around_changes(cron: Cron, zone: ZoneInfo) -> Iterator[int]:
    """Gaps between the runs around each change of a zone's clocks, counted in real time."""
    yield 0
    for change in _changes(zone):
        place = bisect.bisect_left(cron.days, change.toordinal())
        around = cron.days[max(place - 2, 0) : place + 3]
        runs = [
            moment
            for day in around
            for seconds in cron.times
            if (moment := _real(date.fromordinal(day), seconds, zone)) is not None
        ]
        yield from (int((after - before).total_seconds()) for before, after in itertools.pairwise(runs))


def _changes(zone: ZoneInfo) -> list[date]:
    """The days on which a zone's clocks change."""
    first = date(CLOCK_YEARS.start, 1, 1)
    days = [first + timedelta(days=count) for count in range((date(CLOCK_YEARS.stop, 1, 1) - first).days)]
    offsets = [datetime(day.year, day.month, day.day, tzinfo=zone).utcoffset() for day in days]
    return [day for day, (before, after) in zip(days, itertools.pairwise(offsets), strict=False) if before != after]


def _real(day: date, seconds: int, zone: ZoneInfo) -> datetime | None:
    """The moment of a wall-clock time; `None` for one that the clocks skip."""
    local = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(seconds=seconds)
    moment = local.astimezone(UTC)
    return moment if moment.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None) else None
