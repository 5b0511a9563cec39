"""Observers, votes and decisions in a simulated day: what flaps is moved at most once, what is lost is decided in time.

Invariants, in words, looked at whenever something acts:

- an operation is never begun while another one is open, nor in a cool-down;
- an operation is never begun without a quorum of domains that see the loss at that moment;
- however a failure comes and goes, and even when it follows the writer, a day sees at most one automatic operation.
"""

from collections.abc import Callable

import pytest

from failover_acting_world import ActingVotes, done
from failover_world import AWAY, DAY, HOME, POLICY, THIRD, World, with_policy
from seawall.timing import FailureClass
from seawall_ops.failover.decision import Recommend, Stay
from seawall_ops.failover.policy import decision_terms

INTERVAL_SECONDS = POLICY.interval_seconds
WARM_UP_SECONDS = (
    20 * INTERVAL_SECONDS
)  # until every observer has seen everything healthy for `successes_to_clear` checks
Wave = Callable[[float], bool]


def square(intervals: float, down_ratio: float = 0.5, phase: float = 0.0) -> Wave:
    """Down for the first part of each period, which is so many intervals of checks long, after a warm-up.

    Takes the time in intervals.
    """
    return lambda now: now > 20.0 and ((now + phase) % intervals) < intervals * down_ratio


def following(world: World, wave: Wave, *, domain: str | None = None) -> None:
    """Whoever is the writer is down in the wave, as all see it or as one domain does: the worst case, where the cause moves
    with the writer."""

    def down(subject: str, seen_from: str, now: float) -> bool:
        writer = world.view.writer
        watched = subject == f"database/{writer.name if writer else ''}" and domain in (None, seen_from)
        return watched and wave(now / world.policy.interval_seconds)

    world.down = down


def out_of_phase(world: World) -> None:
    """Two domains see the writer come and go, each when the other does not."""
    first, second = square(8.0), square(8.0, phase=4.0)

    def down(subject: str, seen_from: str, now: float) -> bool:
        wave = {HOME: first, AWAY: second}.get(seen_from)
        return subject.startswith("database/") and wave is not None and wave(now / world.policy.interval_seconds)

    world.down = down


FLAPPING = {
    "fast square wave": lambda world: following(world, square(2.0)),
    "slow square wave": lambda world: following(world, square(40.0)),
    "one observer": lambda world: following(world, square(20.0), domain=AWAY),
    "two out of phase": out_of_phase,
    "beyond the thresholds": lambda world: following(world, square(120.0, 0.7)),
}
MOST = {
    "fast square wave": 0,
    "slow square wave": 1,
    "one observer": 0,
    "two out of phase": 0,
    "beyond the thresholds": 1,
}


def flap_for_a_day(kind: str, interval_seconds: float) -> None:
    """A whole day, with checks and decisions as often as that."""
    world = World(with_policy(interval_seconds=interval_seconds, decision_interval_seconds=interval_seconds))
    FLAPPING[kind](world)
    world.run(DAY)
    assert len(world.acts) == MOST[kind]
    assert all(act.target.failed == HOME for _, act in world.acts)


@pytest.mark.parametrize("kind", FLAPPING)
def test_flapping_moves_the_writer_at_most_once_in_a_day(kind):
    """What comes and goes, and follows the writer around, is healed by nobody who keeps moving it."""
    flap_for_a_day(kind, 10 * INTERVAL_SECONDS)


@pytest.mark.parametrize("kind", FLAPPING)
def test_flapping_promotes_at_most_once_in_a_day_with_the_real_plan_and_actors(kind, tmp_path, monkeypatch):
    """What is decided is acted on, waited for, resumed and fenced again as in production; the cause follows whoever takes writes."""
    monkeypatch.setenv("SEAWALL_STATE", str(tmp_path / "state"))
    interval = 10 * INTERVAL_SECONDS
    world = ActingVotes(tmp_path, with_policy(interval_seconds=interval, decision_interval_seconds=interval))
    FLAPPING[kind](world)
    cause = world.down
    world.down = lambda subject, seen_from, now: world.writes(subject) and cause(subject, seen_from, now)
    with world.acting():
        world.run(DAY)
    most = MOST[kind]
    assert len(world.promotions) == done(world.ledger) == len(world.ledger.operations) == most
    assert world.ledger.open is None
    assert world.plan.read()["broken"] == []
    # The old writer came back unfenced when its wave was over: it was fenced, and never lifted.
    assert world.plan.read()["servers"][HOME]["fenced"] is bool(most)
    assert [what for what, _ in world.servers.calls if what == "lift"] == []


@pytest.mark.soak
@pytest.mark.parametrize("kind", FLAPPING)
def test_flapping_at_the_default_interval_moves_the_writer_at_most_once_in_a_day(kind):
    """The same day with ten times as many checks."""
    flap_for_a_day(kind, INTERVAL_SECONDS)


def test_without_its_limit_flapping_that_follows_the_writer_would_move_it_again():
    """That the days above stay quiet is the limit's doing, and not the simulation's."""
    world = World(with_policy(interval_seconds=180.0, decision_interval_seconds=180.0, most_operations=9))
    FLAPPING["slow square wave"](world)
    world.run(DAY / 2)
    assert len(world.acts) > 1


@pytest.mark.parametrize("offset", [0.0, 1.0, 7.5, 14.0, 22.0, 29.9])
@pytest.mark.parametrize(
    ("failure_class", "lost"),
    [
        (FailureClass.WRITER, ("database/eu-west-1",)),
        (FailureClass.REGION, ("database/eu-west-1", "service/eu-west-1")),
    ],
)
def test_a_real_outage_is_decided_within_the_predicted_time(offset, failure_class, lost):
    """The prediction that is shown to people is a bound, wherever in the rounds the failure falls."""
    world = World()
    dies = WARM_UP_SECONDS + offset

    def down(subject: str, _from: str, now: float) -> bool:
        if now >= dies and failure_class is FailureClass.REGION:
            world.isolated.add(HOME)  # the region's own observer goes with it
        return now >= dies and subject in lost

    world.down = down
    world.run(WARM_UP_SECONDS + 400.0)
    (decided, act), *more = world.acts
    terms = decision_terms(POLICY, failure_class)
    assert not more
    assert act.target.failure_class is failure_class
    assert (act.target.region, act.target.writer) == (AWAY, AWAY)
    assert decided - dies <= sum(term.worst_seconds for term in terms)
    assert decided - dies >= POLICY.interval_seconds * (POLICY.failures_to_trip - 1)


def test_a_lost_region_takes_its_observer_with_it_and_is_decided_by_the_others():
    """The case that all of this is for: two of three are left, and they are a quorum."""
    world = World()

    def down(subject: str, _from: str, now: float) -> bool:
        if now >= 900.0:
            world.isolated.add(HOME)
        return now >= 900.0 and subject.endswith(HOME)

    world.down = down
    world.run(1200.0)
    assert [(act.target.failure_class, act.target.writer) for _, act in world.acts] == [(FailureClass.REGION, AWAY)]


def test_an_isolated_observer_votes_for_nothing():
    """It sees everybody dead, and says unknown; nobody else does, and nothing is done."""
    world = World()
    world.run(600.0)
    world.isolated.add(THIRD)
    world.run(1200.0)
    assert world.acts == []
    assert isinstance(world.observers[f"observer-{THIRD}"].decision, Stay)


def test_two_isolated_observers_leave_no_quorum():
    """Two that have lost the network do not vote a healthy writer out, and one that is left decides nothing alone."""
    world = World()
    world.run(600.0)
    world.isolated.update((AWAY, THIRD))
    world.down = lambda subject, _from, _now: subject == f"database/{HOME}"
    world.run(1200.0)
    assert world.acts == []


def test_without_a_third_domain_it_recommends_and_never_acts():
    """With two, a dead region and a cut line look the same: one line says so."""
    world = World(with_policy(domains=(HOME, AWAY)))
    world.down = lambda subject, _from, now: now > WARM_UP_SECONDS and subject == f"database/{HOME}"
    world.run(1500.0)
    assert world.acts == []
    decision = world.observers[f"observer-{AWAY}"].decision
    assert isinstance(decision, Recommend)
    assert decision.target is not None
    assert decision.held_by[0].startswith("2 failure domains (eu-west-1, eu-central-1): without a third witness")


def test_a_restart_of_all_observers_does_not_begin_the_cool_down_anew_nor_forget_the_operation():
    """Ages of the ledger's entries are on the board, as what was watched: they survive whoever counts them."""
    world = World(with_policy(cool_down_seconds=3600.0, operations_window_seconds=7200.0, most_operations=1))
    following(world, lambda intervals: 20.0 < intervals < 50.0)
    world.run(1800.0)
    assert len(world.acts) == 1
    world.run(1800.0)
    world.workers.clear()
    for place, domain in enumerate(world.policy.domains):
        world.start(f"observer-{domain}", domain, after=3.0 * place)
    world.run(120.0)
    ages = world.observers[f"observer-{HOME}"]._ages
    assert 1800.0 < ages["operation op-1 done"] < 3600.0
