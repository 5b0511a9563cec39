"""Weighted round robin: exact cycles, and never a whole pick off."""

import contextlib
import random
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seawall.errors import InvalidInput
from seawall.selector import Endpoint, EndpointSelector, NoEndpointAvailable, RegionAffinity, SlowStart
from seawall.selector import WeightedRoundRobin as RoundRobin
from seawall.selector._spread import Spread
from seawall.selector._weighted import WeightedPool
from seawall.testing import FakeClock

SMALL = st.lists(st.integers(1, 12), min_size=1, max_size=7)
ANY = st.lists(st.integers(1, 65_535), min_size=1, max_size=5)


def selector(weights: list[int], **more) -> EndpointSelector:
    return EndpointSelector([Endpoint(str(i), weight=each) for i, each in enumerate(weights)], RoundRobin(), **more)


def picks(chooser: EndpointSelector, count: int, exclude=()) -> list[str]:
    return [chooser.pick(exclude).endpoint.name for _ in range(count)]


def assert_within_one(chosen: list[str], weights: list[int]) -> None:
    """After each pick, each endpoint has had its share of the picks so far, give or take less than one."""
    total = sum(weights)
    had = Counter()
    for number, name in enumerate(chosen, start=1):
        had[name] += 1
        for index, weight in enumerate(weights):
            assert abs(had[str(index)] - Fraction(number * weight, total)) < 1


@settings(max_examples=60, deadline=None)
@given(SMALL)
def test_no_endpoint_is_ever_a_whole_pick_from_its_share(weights):
    """A naive deadline order gives a heavy endpoint all of its calls at once, and the light ones a pause."""
    assert_within_one(picks(selector(weights), 3 * sum(weights)), weights)


@settings(max_examples=30, deadline=None)
@given(ANY)
def test_the_share_is_exact_for_every_weight_there_may_be(weights):
    """Deadlines are whole numbers: no rounding decides who is next."""
    assert_within_one(picks(selector(weights), 300), weights)


@settings(max_examples=50, deadline=None)
@given(SMALL, st.integers(0, 100))
def test_any_full_cycle_holds_exactly_the_weights(weights, start):
    """Wherever one starts to count, W picks in a row hold each endpoint as often as its weight says."""
    chooser = selector(weights)
    picks(chooser, start)
    had = Counter(picks(chooser, sum(weights)))
    assert [had[str(index)] for index in range(len(weights))] == weights


def test_a_long_cycle_is_exact_too():
    """Cycles too long to be written down come from the heaps each time."""
    weights = [1 + index % 7 for index in range(100)]
    chooser = selector(weights)
    for _ in range(3):
        had = Counter(picks(chooser, sum(weights)))
        assert [had[str(index)] for index in range(100)] == weights


@settings(max_examples=40, deadline=None)
@given(SMALL, st.lists(st.tuples(st.integers(0, 6), st.integers(0, 12), st.integers(0, 30)), max_size=8))
def test_cycles_are_exact_again_after_weights_changed_while_running(weights, changes):
    """Change weights (0 included) at any moment: after at most one cycle all are in step again."""
    chooser = selector(weights)
    now = dict(enumerate(weights))
    for index, weight, before in changes:
        if index in now:
            if sum(now.values()):
                picks(chooser, before)
            chooser.set_weight(str(index), weight)
            now[index] = weight
    total = sum(now.values())
    if not total:
        with pytest.raises(NoEndpointAvailable, match="none has a weight"):
            chooser.pick()
        return
    picks(chooser, 2 * total)
    had = Counter(picks(chooser, total))
    assert {index: had[str(index)] for index in now} == now


@settings(max_examples=30, deadline=None)
@given(SMALL.filter(lambda each: len(each) > 1), st.integers(0, 60))
def test_who_joins_late_neither_catches_up_nor_waits(weights, before):
    """An endpoint added while running starts at the present: it gets its share from now on, within two picks."""
    chooser = selector(weights[:-1])
    picks(chooser, before)
    chooser.add(Endpoint("late", weight=weights[-1]))
    total = sum(weights)
    chosen = picks(chooser, 3 * total)
    for number in range(1, len(chosen) + 1):
        had = chosen[:number].count("late")
        assert abs(had - Fraction(number * weights[-1], total)) < 2


@pytest.mark.parametrize("seed", range(6))
def test_cycles_are_exact_after_any_history(seed):
    """Picks, retries elsewhere, weights, arrivals, departures and probes in any order leave no debt and no dead entry."""
    dice = random.Random(seed)
    most = (3, 17, 200)[seed % 3]
    chooser = selector([dice.randint(1, most) for _ in range(dice.randint(2, 40))])
    for number in range(300):
        names = [each.name for each in chooser.endpoints]
        what = dice.random()
        if what < 0.5:
            picks(chooser, dice.randint(1, 20))
        elif what < 0.6:
            with contextlib.suppress(NoEndpointAvailable):
                chooser.pick(exclude=set(dice.sample(names, min(len(names) - 1, 3))))
        elif what < 0.75:
            chooser.set_weight(dice.choice(names), dice.randint(1, most))
        elif what < 0.85 and len(names) > 2:
            chooser.remove(dice.choice(names))
        elif what < 0.95:
            chooser.add(Endpoint(f"new-{number}", weight=dice.randint(1, most)))
        else:
            chooser.probed(dice.choice(names), passed=number % 2 == 0, healthy=number % 2 == 0)
    weights = {each.name: each.weight for each in chooser.endpoints}
    for name in weights:
        chooser.probed(name, passed=True, healthy=True)
    picks(chooser, 2 * sum(weights.values()))
    assert Counter(picks(chooser, sum(weights.values()))) == weights
    spread = chooser._core.standing
    assert isinstance(spread, Spread)
    pool = spread._near[0]
    assert isinstance(pool, WeightedPool)
    assert len(pool._ready) + len(pool._pending) <= 2 * len(weights) + 66


def test_5_1_1_are_mixed_evenly():
    """The light ones are not next to each other at the end of the cycle."""
    chosen = picks(selector([5, 1, 1]), 7)
    assert Counter(chosen) == {"0": 5, "1": 1, "2": 1}
    assert "".join(chosen).find("12") == "".join(chosen).find("21") == -1


def test_excluded_endpoints_keep_their_turns():
    """A retry elsewhere does not cost the excluded one anything."""
    chooser = selector([1, 1, 1])
    assert set(picks(chooser, 9, exclude={"0", "1"})) == {"2"}
    with pytest.raises(NoEndpointAvailable, match="3 of 3 are available, and excluded are 0, 1, 2"):
        chooser.pick({"0", "1", "2"})
    assert chooser.pick().endpoint.name in {"0", "1"}


def test_weight_0_gets_nothing_even_when_all_others_are_down():
    """0 is an order of a person, not a health: panic does not overrule it."""
    chooser = selector([1, 0])
    chooser.probed("0", passed=False, healthy=False)
    assert set(picks(chooser, 5)) == {"0"}
    assert [each.state for each in chooser.snapshot().endpoints] == ["unhealthy", "drained"]


def test_slow_start_gives_a_tenth_and_then_more():
    """An endpoint that comes back is not buried under its whole share at once."""
    clock = FakeClock()
    chooser = selector([1, 1], slow_start=SlowStart(seconds=10.0), clock=clock)
    assert Counter(picks(chooser, 20)) == {"0": 10, "1": 10}
    chooser.probed("1", passed=False, healthy=False)
    chooser.probed("1", passed=True, healthy=True)
    shares = []
    for _ in range(11):
        shares.append(picks(chooser, 220).count("1"))
        clock.advance(1.0)
    assert shares[0] == 20  # 1 of 11
    assert shares == sorted(shares)
    assert shares[-1] == 110


def test_a_region_keeps_its_calls_and_spills_what_it_cannot_carry():
    """All stay near while enough is left there; then in proportion, and all of them when nothing is."""
    near = [Endpoint(f"near-{i}", region="here") for i in range(4)]
    far = [Endpoint(f"far-{i}", region="there") for i in range(2)]
    affinity = RegionAffinity(region="here", spill_over_below_ratio=0.75)
    chooser = EndpointSelector([*near, *far], RoundRobin(), affinity=affinity)

    def share_near() -> int:
        return sum(name.startswith("near") for name in picks(chooser, 300))

    def down(name: str) -> None:
        chooser.probed(name, passed=False, healthy=False)

    assert share_near() == 300
    down("near-0")  # 0.75 are left
    assert share_near() == 300
    down("near-1")  # 0.5 of 0.75
    assert share_near() == 200
    down("near-2")  # 0.25 of 0.75
    assert share_near() == 100
    assert chooser.pick(exclude={"near-3"}).endpoint.name.startswith("far")
    down("near-3")
    assert share_near() == 0


def test_a_retry_leaves_the_region_when_all_in_it_were_tried():
    """Nothing is spilled while the region is well, but the far endpoints are there for whoever excludes the near."""
    chooser = EndpointSelector(
        [Endpoint("near", region="here"), Endpoint("far", region="there")],
        RoundRobin(),
        affinity=RegionAffinity(region="here"),
    )
    assert set(picks(chooser, 5)) == {"near"}
    assert chooser.pick(exclude={"near"}).endpoint.name == "far"


@pytest.mark.parametrize("weight", [-1, 65_536, 1.5, True, None])
def test_a_weight_that_cannot_be_is_refused_with_one_line(weight):
    """The line names what is allowed."""
    with pytest.raises(InvalidInput, match=r"weight = .*at least 0 and at most 65,535"):
        Endpoint("a", weight=weight)
    with pytest.raises(InvalidInput):
        selector([1]).set_weight("0", weight)
