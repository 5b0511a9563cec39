"""The figures of the failover's page: those that a drill has written, and consistent in themselves."""

import re

import pytest

import failover_drill
from failover_measured import Leg, table_of
from seawall.timing import Source, Term

ROW = re.compile(
    r"^\| (?P<leg>[^|]+) \|[^|]+\| (?P<measured>[\d.]+) s \| [\d.]+ to (?P<worst>[\d.]+) s \| (?P<source>[^|]*)\|$"
)
PAGE = failover_drill.PAGE.read_text(encoding="utf-8")
ROUNDING_SECONDS = 0.05  # of each figure


def test_the_figures_add_up_and_no_computed_bound_is_broken():
    """Each leg begins where the one before ends; what was computed to be the worst was not exceeded when it was measured."""
    rows = [found for line in PAGE.splitlines() if (found := ROW.match(line))]
    *legs, total = rows
    assert [each["leg"] for each in legs] == ["detect", "decide", "announce", "fence", "promote", "apps follow"]
    assert total["leg"] == "**total**"
    measured = sum(float(each["measured"]) for each in legs)
    assert float(total["measured"]) == pytest.approx(measured, abs=ROUNDING_SECONDS * len(rows))
    for each in legs:
        if "computed" in each["source"]:
            assert float(each["measured"]) <= float(each["worst"]), each["leg"]
    promotion = next(each for each in legs if each["leg"] == "promote")
    assert promotion["source"].strip() == "measured locally"


def test_a_drill_replaces_the_figures_and_nothing_else():
    """Its own table, in its own place; a page without that place is refused."""
    term = Term("checks", 1.0, 2.0, Source.COMPUTED, "as it is")
    table = table_of([Leg(name="detect", what="it is seen", seconds=1.5, terms=(term,))])
    page = failover_drill.written(PAGE, table)
    assert "| detect | it is seen | 1.5 s | 1.0 to 2.0 s | computed |" in page
    assert "| **total** | from the kill until every instance writes again | 1.5 s | 1.0 to 2.0 s | |" in page
    assert page.partition(failover_drill.BEGIN)[0] == PAGE.partition(failover_drill.BEGIN)[0]
    assert page.partition(failover_drill.END)[2] == PAGE.partition(failover_drill.END)[2]
    with pytest.raises(ValueError, match="lacks"):
        failover_drill.written("# another page", table)
