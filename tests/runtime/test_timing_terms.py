"""The terms of a DNS failover: each figure by hand, then what holds for every input."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall import timing
from seawall.errors import InvalidInput
from seawall.timing import FailureClass, HealthCheckProtocol, Path, Prediction, Source, Term

HTTPS = HealthCheckProtocol.HTTPS
TCP = HealthCheckProtocol.TCP

protocols = st.sampled_from(HealthCheckProtocol)
intervals = st.sampled_from(timing.CHECK_INTERVALS_SECONDS)
thresholds = st.integers(1, 10)
classes = st.sampled_from(FailureClass)
seconds = st.floats(0, 1e6, allow_nan=False)


@st.composite
def any_terms(draw: st.DrawFn) -> Term:
    """A term with whatever values are allowed."""
    low, high = sorted((draw(seconds), draw(seconds)))
    return Term("term", low, high, draw(st.sampled_from(Source)), "drawn")


def worst(terms: tuple[Term, ...]) -> float:
    """The sum of the worst values."""
    return math.fsum(term.worst_seconds for term in terms)


def typical(terms: tuple[Term, ...]) -> float:
    """The sum of the typical values."""
    return math.fsum(term.typical_seconds for term in terms)


def detect(protocol: HealthCheckProtocol, interval: int, threshold: int, **more: object) -> tuple[Term, ...]:
    """Detection with short names."""
    return timing.endpoint_detection(
        protocol=protocol,
        interval_seconds=interval,
        failure_threshold=threshold,
        **more,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("protocol", "interval", "threshold", "search", "expected"),
    [
        (HTTPS, 10, 3, False, 30 + 6 + 4),
        (HTTPS, 10, 3, True, 30 + 8 + 4),
        (HealthCheckProtocol.HTTP, 30, 1, False, 30 + 6 + 4),
        (TCP, 30, 10, False, 300 + 10 + 4),
        (TCP, 10, 1, False, 10 + 10 + 4),
    ],
)
def test_worst_detection_is_interval_times_threshold_plus_time_out_plus_aggregation(
    protocol, interval, threshold, search, expected
):
    """The formula of the design, in figures that anybody can redo."""
    assert worst(detect(protocol, interval, threshold, search=search)) == expected


def test_typical_detection_follows_from_the_18_percent_rule():
    """82 % of unaligned checkers have seen the first failure after 82 % of an interval; the others follow in step."""
    checks = detect(HTTPS, 10, 3)[0]
    assert checks.typical_seconds == pytest.approx(2 * 10 + 8.2)


def test_a_lost_region_costs_a_connect_time_out_and_a_dead_endpoint_none():
    """Packets that vanish cost 4 s (TCP checks 10 s); a refused connection is known at once."""
    assert detect(HTTPS, 10, 3, failure_class=FailureClass.REGION)[1].typical_seconds == 4
    assert detect(TCP, 10, 3, failure_class=FailureClass.REGION)[1].typical_seconds == 10
    assert detect(HTTPS, 10, 3, failure_class=FailureClass.ENDPOINT)[1].typical_seconds == 0


def test_the_aggregation_is_marked_as_assumed():
    """AWS documents no figure, so nobody may take it for one."""
    assert [term.source for term in detect(HTTPS, 10, 3)] == [Source.COMPUTED, Source.DOCUMENTED, Source.ASSUMED]


def test_detection_reads_as_arithmetic():
    """The words that stand in an error's line."""
    assert timing.arithmetic(detect(HTTPS, 10, 3)) == "3 checks x 10 s + 6 s time-out + 4 s aggregation (assumed)"
    assert timing.arithmetic(detect(HTTPS, 30, 1)[:1]) == "1 check x 30 s"


def test_an_alarm_counts_one_period_more_than_its_datapoints():
    """The period in which the failure began may pass as good; delivery comes on top."""
    terms = timing.alarm_detection(period_seconds=60, datapoints_to_alarm=2)
    assert [term.worst_seconds for term in terms] == [180, 120, 4]
    assert terms[0].typical_seconds == 150
    assert worst(terms) >= 60 * 2


def test_a_calculated_check_adds_an_aggregation_to_its_slowest_child():
    """It learns of the children's verdicts, not of the failure."""
    child = detect(HTTPS, 10, 3)
    assert worst(timing.calculated_detection(child)) == worst(child) + 4


def test_an_undeclared_check_is_assumed_at_route_53s_defaults():
    """30 s, 3 checks, the longest time-out: not the shortest that would look good."""
    (term,) = timing.undeclared_detection()
    assert term.worst_seconds == 30 * 3 + 10 + 4
    assert term.assumed
    assert "3 checks x 30 s + 10 s time-out + 4 s aggregation" in term.reason


def test_an_alias_has_a_fixed_ttl_and_a_record_its_own():
    """60 s for an alias is documented; a record's is what it was given."""
    assert (timing.alias_ttl().worst_seconds, timing.alias_ttl().source) == (60, Source.DOCUMENTED)
    assert (timing.record_ttl(30).typical_seconds, timing.record_ttl(30).worst_seconds) == (15, 30)


def test_client_caches_are_assumed_whether_stated_or_not():
    """Nothing in a deployment can see the clients."""
    assert (timing.client_caches().worst_seconds, timing.client_caches().assumed) == (30, True)
    assert (timing.client_caches(0).worst_seconds, timing.client_caches(0).assumed) == (0, True)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: detect(HTTPS, 15, 3),
            "interval_seconds = 15: 10 or 30 seconds, because Route 53 offers no other interval",
        ),
        (
            lambda: detect(HTTPS, 10, 0),
            "failure_threshold = 0: 1 to 10 checks, because Route 53 offers no other threshold",
        ),
        (
            lambda: detect(HTTPS, 10, 11),
            "failure_threshold = 11: 1 to 10 checks, because Route 53 offers no other threshold",
        ),
        (
            lambda: timing.alarm_detection(period_seconds=90, datapoints_to_alarm=1),
            "period_seconds = 90: a multiple of 60 seconds, because Route 53 follows standard-resolution metrics only",
        ),
        (
            lambda: timing.alarm_detection(period_seconds=60, datapoints_to_alarm=0),
            "datapoints_to_alarm = 0: at least 1",
        ),
        (lambda: timing.record_ttl(-1), "ttl_seconds = -1: 0 to 2147483647 seconds"),
        (lambda: timing.record_ttl(2**31), "ttl_seconds = 2147483648: 0 to 2147483647 seconds"),
        (
            lambda: timing.client_caches(math.inf),
            "client_cache_seconds = inf: a finite number of seconds, at least 0",
        ),
        (
            lambda: timing.declared_detection(typical_seconds=9, worst_seconds=8),
            "detection.worst_seconds = 8: at least typical 9",
        ),
        (
            lambda: timing.largest_ttl_affordable(math.nan, ()),
            "recovery_time_seconds = nan: a finite number of seconds, at least 0",
        ),
        (
            lambda: Term("x", -1, 2, Source.COMPUTED, ""),
            "x.typical_seconds = -1: a finite number of seconds, at least 0",
        ),
        (lambda: Term("x", 3, 2, Source.COMPUTED, ""), "x.worst_seconds = 2: at least typical 3"),
        (
            lambda: Prediction(FailureClass.REGION, Path.READS, ()),
            "terms = (): at least one, because a prediction is a sum of terms",
        ),
    ],
)
def test_what_no_service_offers_is_one_exact_line(call, message):
    """A wrong number is named with what is allowed."""
    with pytest.raises(InvalidInput) as refused:
        call()
    assert str(refused.value) == message


def prediction() -> Prediction:
    """A region's loss with default settings."""
    terms = (*detect(HTTPS, 10, 3), timing.record_ttl(60), timing.client_caches())
    return Prediction(FailureClass.REGION, Path.READS, terms, not_included=("Promotion.",))


def test_a_prediction_shows_span_terms_and_assumptions_never_one_bare_figure():
    """A reader sees what a figure is made of, in a line, in a table and as data."""
    assert str(prediction()) == (
        "region, reads: 64.2 s to 130 s = 3 checks x 10 s + 6 s time-out + 4 s aggregation (assumed) + 60 s TTL + "
        "30 s client caches (assumed)"
    )
    rows = prediction().rows()
    assert [row[:4] for row in rows] == [
        ("failed checks", "28.2 s", "30 s", "computed"),
        ("time-out", "4 s", "6 s", "documented"),
        ("aggregation", "2 s", "4 s", "assumed"),
        ("TTL", "30 s", "60 s", "computed"),
        ("client caches", "0 s", "30 s", "assumed"),
        ("sum", "64.2 s", "130 s", "computed"),
    ]
    assert rows[-1][4] == "2 of 5 terms assumed"
    data = prediction().as_dict()
    assert data["assumed"] == ["aggregation", "client caches"]
    assert data["not_included"] == ["Promotion."]


def test_a_prediction_names_the_inputs_that_change_it():
    """An objective that is not met must say what to turn."""
    assert prediction().inputs == (
        "interval_seconds",
        "failure_threshold",
        "protocol",
        "ttl_seconds",
        "client_cache_seconds",
    )


@given(protocols, intervals, thresholds, classes, st.booleans())
def test_detection_is_never_typically_longer_than_at_worst(protocol, interval, threshold, failure_class, search):
    """Each term holds it by construction; so does their sum."""
    terms = detect(protocol, interval, threshold, failure_class=failure_class, search=search)
    assert 0 <= typical(terms) <= worst(terms)


@given(protocols, intervals, st.integers(1, 9), classes)
def test_detection_grows_with_the_threshold_by_one_interval(protocol, interval, threshold, failure_class):
    """One check more costs exactly one interval, typically and at worst."""
    less = detect(protocol, interval, threshold, failure_class=failure_class)
    more = detect(protocol, interval, threshold + 1, failure_class=failure_class)
    assert worst(more) - worst(less) == interval
    assert typical(more) - typical(less) == pytest.approx(interval)


@given(protocols, thresholds, classes)
def test_detection_grows_with_the_interval(protocol, threshold, failure_class):
    """The shorter interval is never slower."""
    fast = detect(protocol, 10, threshold, failure_class=failure_class)
    slow = detect(protocol, 30, threshold, failure_class=failure_class)
    assert worst(fast) < worst(slow)
    assert typical(fast) < typical(slow)


@given(st.integers(1, 60), st.integers(1, 100))
def test_alarm_detection_grows_with_period_and_datapoints(minutes, datapoints):
    """Monotone in both inputs, and never below the datapoints themselves."""

    def at(period: int, points: int) -> float:
        return worst(timing.alarm_detection(period_seconds=period, datapoints_to_alarm=points))

    period = 60 * minutes
    assert at(period, datapoints) < at(period, datapoints + 1)
    assert at(period, datapoints) < at(period + 60, datapoints)
    assert at(period, datapoints) >= period * datapoints


@given(st.integers(0, 2**31 - 2))
def test_the_ttl_term_grows_with_the_ttl(ttl):
    """A second of TTL is a second at worst."""
    assert timing.record_ttl(ttl + 1).worst_seconds - timing.record_ttl(ttl).worst_seconds == 1


@given(st.lists(any_terms(), min_size=1, max_size=8))
def test_a_prediction_is_the_sum_of_its_terms(terms):
    """Nothing is added and nothing left out, whatever the floats round to."""
    whole = Prediction(FailureClass.REGION, Path.WRITES, tuple(terms))
    exact = sum(Fraction(term.worst_seconds) for term in terms)
    assert whole.worst_seconds == float(exact)
    assert whole.typical_seconds == float(sum(Fraction(term.typical_seconds) for term in terms))
    assert whole.typical_seconds <= whole.worst_seconds
    assert whole.assumed == tuple(term for term in terms if term.source is Source.ASSUMED)


@given(st.floats(0, 1e6, allow_nan=False), st.lists(any_terms(), max_size=6))
def test_the_largest_ttl_affordable_passes_and_one_second_more_does_not(recovery_time, others):
    """Exact in both directions, or the error's line would name a TTL that is refused in its turn."""
    largest = timing.largest_ttl_affordable(recovery_time, others)

    def meets(ttl: int) -> bool:
        terms = (*others, timing.record_ttl(ttl))
        return not Prediction(FailureClass.REGION, Path.READS, terms).exceeds(recovery_time)

    if largest >= 0:
        assert meets(largest)
        assert not meets(largest + 1)
    else:
        assert not meets(0)
