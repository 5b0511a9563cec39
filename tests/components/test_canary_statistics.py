"""What a look at a canary can tell: the binomial distribution against known values, and what follows from it."""

import math

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from canary_samples import PAUSES, planned
from pulumi_seawall._canary_analysis_looks import JudgedStep, plan_looks, plan_windows
from pulumi_seawall._canary_analysis_statistics import at_least, detected_ratio, fewest_requests, proving_count

RATIOS = st.sampled_from((0.001, 0.005, 0.01, 0.05, 0.1, 0.3))


def exactly(count: int, requests: int, ratio: float) -> float:
    """Probability of just so many."""
    return at_least(count, requests, ratio) - at_least(count + 1, requests, ratio)


def fisher_power(requests: int, worse: float, better: float, chance: float) -> float:
    """How often Fisher's exact test, one-sided, tells two arms of so many requests apart."""
    some = range(round(3 * requests * worse))  # more are bad as good as never
    first = [exactly(bad, requests, worse) for bad in some]
    second = [exactly(bad, requests, better) for bad in some]
    power = 0.0
    for both in range(2 * len(some) - 1):
        tail = 0.0
        for bad in range(min(both, requests), max(0, both - requests) - 1, -1):
            tail += math.comb(requests, bad) * math.comb(requests, both - bad) / math.comb(2 * requests, both)
            if tail > chance:
                break
            if bad < len(some) and both - bad < len(some):
                power += first[bad] * second[both - bad]
    return power


@pytest.mark.parametrize(
    ("count", "requests", "ratio", "expected"),
    [
        (3, 10, 0.1, 1 - 0.9298091736),  # printed tables of the binomial distribution, n = 10
        (11, 20, 0.5, 1 - 0.5880985260),
        (1, 300, 0.01, 1 - 0.99**300),
        (10, 10, 0.5, 0.5**10),
        (0, 5, 0.2, 1.0),
        (6, 5, 0.2, 0.0),
        (1, 5, 0.0, 0.0),
        (5, 5, 1.0, 1.0),
    ],
)
def test_the_tail_of_the_binomial_distribution_is_that_of_the_tables(count, requests, ratio, expected):
    """Every other number is drawn from this one."""
    assert at_least(count, requests, ratio) == pytest.approx(expected, rel=1e-9)


@given(requests=st.integers(1, 400), share=st.floats(0, 1), ratio=st.floats(1e-4, 0.9999))
def test_a_tail_is_the_sum_of_its_exact_terms(requests, share, ratio):
    """Both directions of summing, near the mode and far from it, against the sum term by term."""
    count = round(requests * share)
    terms = (
        math.comb(requests, bad) * ratio**bad * (1 - ratio) ** (requests - bad) for bad in range(count, requests + 1)
    )
    assert at_least(count, requests, ratio) == pytest.approx(math.fsum(terms), rel=1e-8, abs=1e-12)


@pytest.mark.parametrize(("requests", "power"), [(500, 0.983), (600, 0.994)])
def test_fishers_test_has_the_power_that_is_known_of_it(requests, power):
    """To tell 5 % of errors from 1 % at 0.05, 500 requests per arm give 98.3 %, and 600 give 99.4 %."""
    assert fisher_power(requests, 0.05, 0.01, 0.05) == pytest.approx(power, abs=0.0005)


def test_no_bad_request_of_three_hundred_rules_out_one_percent():
    """The rule of three, exactly: Clopper's and Pearson's bound for none of n is 1 - (1 - confidence)^(1/n)."""
    assert detected_ratio(1, 300, 0.95) == pytest.approx(1 - 0.05 ** (1 / 300), rel=1e-9)


@given(limit=RATIOS, chance=st.floats(1e-5, 0.05), requests=st.integers(20, 3000), more=st.integers(0, 40))
def test_more_requests_than_the_minimum_never_make_a_false_abort_likelier(limit, chance, requests, more):
    """The share that aborts is drawn from the minimum; at every higher number of requests the chance of it is lower still.

    Its local maxima are where one bad request more is needed next: those numbers are tried.
    """
    assume(requests * limit >= 1 and requests >= fewest_requests(limit, chance))
    count = proving_count(requests, limit, chance)
    needed = count + more
    assert at_least(needed, requests * needed // count, limit) <= chance


@given(limit=RATIOS, chance=st.floats(1e-5, 0.05), requests=st.integers(1, 3000))
@example(limit=0.001, chance=0.001, requests=1)  # rounding decides
def test_a_count_proves_as_late_as_it_must_and_no_later(limit, chance, requests):
    """One bad request less would be within chance."""
    count = proving_count(requests, limit, chance)
    assert at_least(count, requests, limit) <= chance < at_least(count - 1, requests, limit)
    assert (count <= requests) == (requests >= fewest_requests(limit, chance))


@given(
    error_ratio=st.sampled_from((0.001, 0.01, 0.05)),
    confidence=st.floats(0.8, 0.9999),
    pauses=st.lists(st.integers(60, 3600), min_size=1, max_size=8),
    interval=st.integers(15, 600),
)
def test_all_looks_together_keep_the_confidence(error_ratio, confidence, pauses, interval):
    """The more often one looks, the likelier a false abort: the correction holds for every number of looks."""
    steps = [JudgedStep(10, pause) for pause in pauses]
    windows = plan_windows(steps, scrape_seconds=15, interval_seconds=interval)
    looks = plan_looks(windows, error_ratio=error_ratio, confidence=confidence, minimum_requests=None)
    times = {"step": windows.step_looks, "background": windows.background_looks}
    assert math.fsum(look.false_abort_ratio * times[look.when] for look in looks) <= 1 - confidence
    assert all(look.limit_ratio < look.aborts_from_ratio <= 1 for look in looks)


def test_the_judgement_says_what_the_looks_can_tell():
    """The numbers of the docs: 3 looks at steps, 14 in the background, and how bad a release must be to be caught."""
    judgement = planned().judgement
    assert (judgement["step_looks"], judgement["background_looks"], judgement["confidence"]) == (3, 14, 0.95)
    assert judgement["false_abort_ratio"] == pytest.approx(0.0287, abs=5e-5)
    assert judgement["needed_requests_per_second"] == pytest.approx(100 / 30)
    step, background = (
        next(look for look in judgement["looks"] if look["when"] == when) for when in ("step", "background")
    )
    assert (step["minimum_requests"], step["aborts_from_ratio"], step["window_seconds"]) == (100, 0.13, 300)
    assert step["detects_ratio"] == pytest.approx(0.187, abs=0.0005)
    assert (background["minimum_requests"], background["aborts_from_ratio"]) == (40, 0.2)


@pytest.mark.parametrize(
    ("limit", "minimum", "aborts_from", "detects", "needed"),
    [
        (0.05, 20, 0.3, 0.456, 0.7),
        (0.05, None, 0.14, 0.199, 3.3),
        (0.05, 500, 0.084, 0.105, 16.7),
        (0.05, 1000, 0.073, 0.087, 33.3),
        (0.001, 1000, 0.006, 0.0105, 33.3),
        (0.001, None, 0.0028, 0.00413, 166.7),
    ],
)
def test_the_table_in_the_docs_is_right(limit, minimum, aborts_from, detects, needed):
    """Four steps of five minutes, as they are by default."""
    stated = {} if minimum is None else {"minimum_requests": minimum}
    judgement = planned(steps=(*PAUSES, JudgedStep(100, 300)), error_ratio=limit, **stated).judgement
    assert (judgement["step_looks"], judgement["background_looks"]) == (4, 19)
    look = judgement["looks"][0]
    assert look["aborts_from_ratio"] == aborts_from
    assert look["detects_ratio"] == pytest.approx(detects, rel=0.005)
    assert judgement["needed_requests_per_second"] == pytest.approx(needed, abs=0.05)


def test_more_requests_tell_smaller_differences():
    """What a user gets for a higher minimum: a canary is aborted nearer to its limit."""
    caught = [planned(minimum_requests=minimum).judgement["looks"][0]["detects_ratio"] for minimum in (100, 500, 5000)]
    assert caught == sorted(caught, reverse=True)
    assert caught[-1] < 0.07


def test_a_limit_of_one_in_a_thousand_asks_for_thousands_of_requests():
    """Five failures' worth at the stricter limit: with fewer one failure would be more than allowed."""
    judgement = planned(error_ratio=0.001).judgement
    assert judgement["looks"][0]["minimum_requests"] == 5000
    assert judgement["needed_requests_per_second"] == pytest.approx(5000 / (0.1 * 300))


def test_a_step_is_judged_by_its_own_requests_only():
    """The window is the shortest pause: none reaches back into the step before, whose share of the traffic was less."""
    plan = planned(steps=(PAUSES[0], JudgedStep(50, 240)))
    windows = {look["when"]: look["window_seconds"] for look in plan.judgement["looks"]}
    assert windows == {"step": 240, "background": 120}
