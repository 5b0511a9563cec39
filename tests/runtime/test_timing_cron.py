"""AWS's cron expressions: what is one, on which days it runs, and the longest time between two runs."""

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seawall.errors import InvalidInput
from seawall.timing import cron_of, known_zone, longest_gap_seconds, parse_cron

HOUR, DAY = 3600, 86_400
ONE_OF_BOTH = "? in exactly one of day-of-month and day-of-week, because AWS takes the days from the other one"
ENDS = "a schedule that goes on, because after its last run nothing is backed up"


def gap(expression: str, zone: str = "Etc/UTC") -> int:
    return longest_gap_seconds("schedule", expression, zone)


@pytest.mark.parametrize(
    ("expression", "zone", "seconds"),
    [
        ("cron(0 * * * ? *)", "Etc/UTC", HOUR),
        ("cron(15 0/6 * * ? *)", "Etc/UTC", 6 * HOUR),
        ("cron(0 5 ? * * *)", "Etc/UTC", DAY),
        ("cron(0 6,18 ? * MON-FRI *)", "Etc/UTC", 60 * HOUR),  # Friday evening to Monday morning
        ("cron(0 9 ? * SUN,WED *)", "Etc/UTC", 4 * DAY),
        ("cron(0 5 1 * ? *)", "Etc/UTC", 31 * DAY),
        ("cron(0 5 L * ? *)", "Etc/UTC", 31 * DAY),
        ("cron(0 5 ? * 2#1 *)", "Etc/UTC", 35 * DAY),  # the first Mondays of two months
        ("cron(0 5 ? * 6L *)", "Etc/UTC", 35 * DAY),
        ("cron(0 5 29 2 ? *)", "Etc/UTC", 2921 * DAY),  # 2096 to 2104: 2100 is no leap year
        ("cron(0 5 ? * * *)", "Asia/Tokyo", DAY),  # never changes its clocks
        ("cron(0 5 ? * * *)", "Europe/Berlin", DAY + HOUR),
        ("cron(30 2 ? * * *)", "Europe/Berlin", 2 * DAY - HOUR),  # in spring there is no 02:30
        ("cron(0 * * * ? *)", "Europe/Berlin", 2 * HOUR),  # in autumn 02:00 comes twice and counts once
        ("cron(0 5 ? * * *)", "Australia/Lord_Howe", DAY + HOUR // 2),  # half an hour
    ],
)
def test_the_longest_gap_is_what_a_calendar_says(expression, zone, seconds):
    """The recovery point begins with it: a gap that is too short is a promise that one week of the year breaks."""
    assert gap(expression, zone) == seconds


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("0 5 ? * * *", "cron(minutes hours day-of-month month day-of-week year)"),
        ("cron(0 5 * * ?)", "6 fields, not 5, because AWS's cron has one for the year"),
        ("cron(0 5 * * * *)", ONE_OF_BOTH),
        ("cron(0 5 ? * ? *)", ONE_OF_BOTH),
        ("cron(60 5 ? * * *)", "minutes 60 is not 0 to 59"),
        ("cron(0 24 ? * * *)", "hours 24 is not 0 to 23"),
        ("cron(0 5 0 * ? *)", "day-of-month 0 is not 1 to 31"),
        ("cron(0 5 32W * ? *)", "day-of-month 32W is not 1W to 31W"),
        ("cron(0 5 ? 13 * *)", "month 13 is not 1 to 12, or JAN to DEC"),
        ("cron(0 5 ? * MOO *)", "day-of-week MOO is not 1 to 7, or SUN to SAT"),
        ("cron(0 5 ? * 2#6 *)", "day-of-week 2#6 is not #1 to #5"),
        ("cron(0 5 ? * * 1969)", "year 1969 is not 1970 to 2199"),
        ("cron(0 9-5 ? * * *)", "hours 9-5 is not a range that goes up"),
        ("cron(0 0/0 ? * * *)", "hours 0/0 is not a step of at least 1"),
        ("cron(0 *-5 ? * * *)", "hours *-5 is not 0 to 23"),
        ("cron(0/30 * ? * * *)", "at most hourly, because AWS Backup offers no shorter interval"),
        ("cron(0 5 ? * * 2026-2030)", ENDS),
        ("cron(0 5 31 2 ? *)", ENDS),
        ("cron(0 5 1 1 ? 2199)", "a schedule that goes on, because it runs on one day only"),
    ],
)
def test_what_aws_would_refuse_or_never_run_is_refused_in_one_line(expression, allowed):
    """AWS says it when the plan is created, in words that name no field; a schedule that ends it takes without a word."""
    with pytest.raises(InvalidInput) as caught:
        gap(expression)
    assert str(caught.value) == f"schedule = {expression}: {allowed}"


@pytest.mark.parametrize(
    ("schedule", "cron", "seconds"),
    [
        ("cron(0 5 ? * * *)", "cron(0 5 ? * * *)", DAY),
        ("rate(1 day)", "cron(0 5 * * ? *)", DAY),
        ("rate(24 hours)", "cron(0 5 * * ? *)", DAY),
        ("rate(12 hours)", "cron(0 0/12 * * ? *)", 12 * HOUR),
        ("rate(1 hour)", "cron(0 0/1 * * ? *)", HOUR),
    ],
)
def test_a_rate_becomes_the_cron_that_runs_as_often(schedule, cron, seconds):
    """AWS Backup takes cron only; a rate that it takes for something else would be found at night."""
    assert cron_of("schedule", schedule) == cron
    assert gap(cron) == seconds


@pytest.mark.parametrize("schedule", ["rate(5 hours)", "rate(2 days)", "rate(0 hours)", "rate(25 hours)"])
def test_a_rate_that_no_cron_runs_is_refused(schedule):
    """Five does not divide a day: cron begins anew at midnight, and the interval would be four hours once a day."""
    with pytest.raises(InvalidInput, match="rate\\(1 day\\), or hours that divide a day"):
        cron_of("schedule", schedule)


def test_a_rate_in_minutes_is_too_often():
    """An hour is the shortest interval that AWS Backup offers."""
    with pytest.raises(InvalidInput, match="at most hourly"):
        cron_of("schedule", "rate(30 minutes)")


def test_an_unknown_time_zone_is_refused_and_utc_needs_no_data():
    """A typing error in a zone would shift every backup into business hours."""
    with pytest.raises(InvalidInput, match="an IANA time zone"):
        known_zone("timezone", "Europe/Belrin")
    assert known_zone("timezone", "Etc/UTC") is None


NAMES = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
hours = st.lists(st.integers(0, 23), min_size=1, max_size=4, unique=True)
weekdays = st.lists(st.integers(1, 7), min_size=1, max_size=4, unique=True)
month_days = st.lists(st.integers(1, 28), min_size=1, max_size=4, unique=True)


@st.composite
def expressions(draw: st.DrawFn) -> str:
    """Hours at one minute, on days of the week (by number or name) or of the month."""
    minute = draw(st.integers(0, 59))
    times = ",".join(str(hour) for hour in draw(hours))
    if draw(st.booleans()):
        named = draw(st.booleans())
        days = ",".join(NAMES[day - 1] if named else str(day) for day in draw(weekdays))
        return f"cron({minute} {times} ? * {days} *)"
    return f"cron({minute} {times} {','.join(str(day) for day in draw(month_days))} * ? *)"


def runs_of(expression: str, first: date, days: int) -> list[datetime]:
    """A model that knows nothing of gaps: look at every hour of every day, and ask whether the expression names it."""
    minutes, hours_, of_month, _, of_week, _ = expression.removeprefix("cron(").removesuffix(")").split()
    found: list[datetime] = []
    for day in (first + timedelta(days=count) for count in range(days)):
        weekday = day.isoweekday() % 7 + 1  # AWS's week begins on Sunday, as 1
        if of_month == "?":
            runs = any(part in (str(weekday), NAMES[weekday - 1]) for part in of_week.split(","))
        else:
            runs = str(day.day) in of_month.split(",")
        if runs:
            found += [
                datetime(day.year, day.month, day.day, hour, int(minutes), tzinfo=UTC)
                for hour in range(24)
                if str(hour) in hours_.split(",")
            ]
    return found


@settings(max_examples=60, deadline=None)
@given(expressions())
def test_no_two_runs_are_ever_further_apart_and_some_two_are_that_far(expression):
    """The invariant: the longest gap is the maximum over all pairs of neighbors, here of four years, a leap year in them."""
    runs = runs_of(expression, date(2024, 1, 1), 366 + 3 * 365)
    longest = max((after - before).total_seconds() for before, after in itertools.pairwise(runs))
    assert gap(expression) == longest


@settings(max_examples=25, deadline=None)
@given(expressions(), st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]))
def test_clocks_that_change_never_make_a_gap_longer_than_predicted(expression, zone):
    """The invariant: in real time, through both changes of a year, no gap is longer; a run in a skipped hour is none."""
    place = ZoneInfo(zone)
    local = [moment.replace(tzinfo=None) for moment in runs_of(expression, date(2027, 1, 1), 730)]
    real = [
        moment.replace(tzinfo=place).astimezone(UTC)
        for moment in local
        if moment.replace(tzinfo=place).astimezone(UTC).astimezone(place).replace(tzinfo=None) == moment
    ]
    longest = max((after - before).total_seconds() for before, after in itertools.pairwise(real))
    assert longest <= gap(expression, zone)


@given(st.text(alphabet="cron()0123456789 */-,?LW#MONSU", max_size=30))
def test_any_text_is_a_schedule_or_one_line(text):
    """Nothing but `InvalidInput`, in one line, leaves the parser; what it takes runs at some time of the day."""
    try:
        times = parse_cron("schedule", text).times
    except InvalidInput as error:
        lines = str(error).splitlines()
    else:
        lines = [str(seconds) for seconds in times[:1]]
    assert len(lines) == 1
