"""The decision, as a pure function of whatever observers may say.

Invariants, in words, for every input:

1. Unknown never counts as unhealthy: turning what an observer knows into unknown never turns `Stay` or `Recommend` into
   `Act`, and a stale, isolated or outdated vote counts as unknown.
2. Never `Act` without a quorum of domains that say unhealthy now, counted once per domain.
3. Never `Act` while an operation is open, in a cool-down, in a pause, in a maintenance window, beyond the operations
   allowed, or with fewer than three domains.
4. Never `Act` on a candidate that a quorum does not know to be a healthy, close replica of the same lineage.
5. Every decision gives reasons, each one line.
"""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from failover_votes import DOMAINS, GOOD, SUBJECTS, VIEW, WRITER, all_lose, held_by, operation, seen, situation, verdict
from failover_world import AWAY, HOME, POLICY, STARTED, THIRD, with_policy
from seawall.timing import FailureClass
from seawall_ops.failover.decision import Act, Decision, Recommend, Stay, decide, described
from seawall_ops.failover.ledger import Ledger, OperationOpen, OperationState, Pause
from seawall_ops.failover.policy import MaintenanceWindow
from seawall_ops.failover.votes import (
    Evidence,
    Health,
    MemberState,
    Seen,
    Subject,
    Verdict,
)


def test_a_lost_writer_is_acted_on_with_each_count_as_a_reason():
    """What goes to the audit says who saw what, and who was chosen."""
    decision = decide(POLICY, situation(all_lose(WRITER)))
    assert isinstance(decision, Act)
    assert (decision.target.failure_class, decision.target.writer, decision.target.region) == (
        FailureClass.WRITER,
        AWAY,
        AWAY,
    )
    assert decision.reasons[0] == "database/eu-west-1: 3 unhealthy (eu-west-1, eu-central-1, us-east-1)"
    assert decision.reasons[-1].startswith("decided: writer eu-west-1 is lost")


def test_three_observers_in_one_domain_have_one_voice():
    """Processes are cheap; failure domains are what is counted."""
    votes = [seen(AWAY, lost=(WRITER,), observer=f"o{number}") for number in range(3)]
    assert isinstance(decide(POLICY, situation([*votes, seen(HOME), seen(THIRD)])), Stay)


def test_observers_of_one_domain_that_disagree_say_nothing():
    """A domain with one broken observer is in doubt."""
    votes = [seen(HOME, lost=(WRITER,)), seen(AWAY, lost=(WRITER,)), seen(AWAY, observer="other")]
    decision = decide(POLICY, situation(votes))
    assert isinstance(decision, Stay)
    assert "its observers disagree" in decision.reasons[0]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"age": None}, "not seen to change yet"),
        ({"age": 81.0}, "no vote for 81 s"),
        ({"epoch": 2}, "watches by epoch 2"),
        ({"isolated": "no answer from the board"}, "has lost its own network"),
        ({"verdicts": ()}, "does not watch it"),
    ],
)
def test_a_vote_that_says_nothing_is_unknown_and_says_why(more, why):
    """Each of the ways in which an observer's word is worth nothing."""
    votes = [seen(HOME, lost=(WRITER,)), seen(AWAY, lost=(WRITER,), **more), seen(THIRD)]
    decision = decide(POLICY, situation(votes))
    assert isinstance(decision, Stay)
    assert why in decision.reasons[0]


def test_a_domain_that_still_sees_the_writer_holds_the_others_back():
    """Two of three see it dead and one does not: the line to it is cut, and it may be writing."""
    votes = [seen(HOME), seen(AWAY, lost=(WRITER,)), seen(THIRD, lost=(WRITER,))]
    assert "still healthy as seen from eu-west-1, 0 may dissent" in held_by(decide(POLICY, situation(votes)))


def test_a_writer_that_has_just_come_back_is_not_voted_out():
    """Hysteresis keeps it unhealthy; the last check says otherwise, so that nobody acts on it."""
    back = verdict(WRITER, Health.UNHEALTHY, latest=Health.HEALTHY)
    votes = [
        seen(domain, verdicts=(back, *(verdict(each, Health.HEALTHY) for each in SUBJECTS[1:]))) for domain in DOMAINS
    ]
    assert isinstance(decide(POLICY, situation(votes)), Stay)


def test_a_lost_endpoint_alone_is_recommended_since_dns_moves_it():
    """Route 53's health checks do that without us."""
    decision = decide(POLICY, situation(all_lose(Subject(Evidence.SERVICE, HOME))))
    assert "does not act on a lost endpoint" in held_by(decision)
    assert isinstance(decision, Recommend)
    assert decision.target is not None
    assert (decision.target.region, decision.target.writer) == (AWAY, HOME)


def test_a_lost_region_is_seen_from_outside_and_left():
    """Its own domain has no voice in it, and none of its members is a candidate."""
    lost = (WRITER, Subject(Evidence.SERVICE, HOME))
    decision = decide(POLICY, situation([seen(AWAY, lost=lost), seen(THIRD, lost=lost)]))
    assert isinstance(decision, Act)
    assert (decision.target.failure_class, decision.target.failed) == (FailureClass.REGION, HOME)


def test_while_aws_works_on_the_writer_it_is_only_recommended():
    """A reboot ends by itself, and promoting meanwhile would make two writers."""
    busy = verdict(Subject(Evidence.STATUS, HOME), Health.UNKNOWN, at_work=True, because="AWS says rebooting")
    votes = all_lose(WRITER)
    votes[0] = Seen(replace(votes[0].vote, verdicts=(*votes[0].vote.verdicts, busy)), 5.0)
    assert "AWS is at work on eu-west-1" in held_by(decide(POLICY, situation(votes)))


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ({"lag_seconds": None}, "lag not known"),
        ({"lag_seconds": 31.0}, "too far behind: up to 31.0 s, 30 s are allowed"),
        ({"same_lineage": False}, "not of the writer's lineage"),
        ({"same_lineage": None}, "lineage not known (grant pg_monitor"),
        ({"writable": True}, "takes writes itself"),
    ],
)
def test_who_is_not_known_to_be_fit_never_takes_over(state, why):
    """Losing commits, another history, or a second writer: each is worse than waiting."""
    unfit = replace(GOOD, **state)
    votes = [
        Seen(
            replace(
                each.vote,
                verdicts=tuple(
                    replace(one, state=unfit) if one.subject.name != HOME else one for one in each.vote.verdicts
                ),
            ),
            5.0,
        )
        for each in all_lose(WRITER)
    ]
    decision = decide(POLICY, situation(votes))
    assert isinstance(decision, Recommend)
    assert decision.target is None
    assert any(why in line for line in decision.reasons)


def test_a_second_writer_holds_everything_back_whoever_sees_it():
    """Somebody has promoted a replica by hand: another one would make a third history."""
    votes = all_lose(WRITER)
    stray = verdict(Subject(Evidence.DATABASE, THIRD), Health.HEALTHY, state=replace(GOOD, writable=True))
    votes[1] = Seen(replace(votes[1].vote, verdicts=(stray, *votes[1].vote.verdicts)), 5.0)
    decision = decide(POLICY, situation(votes))
    assert held_by(decision) == f"{THIRD} takes writes as seen by o-{AWAY}: somebody has promoted it"


@pytest.mark.parametrize("fenced", [AWAY])
def test_the_fenced_are_no_candidates(fenced):
    """An old writer that comes back must not take over before it has been rebuilt."""
    decision = decide(POLICY, situation(all_lose(WRITER), ledger=Ledger(cluster="shop-prod", fenced=(fenced,))))
    assert isinstance(decision, Recommend)
    assert any("fenced until it has been rebuilt" in line for line in decision.reasons)


def test_pause_window_open_operation_and_cool_down_each_hold_it_back():
    """The four that people rely on, each with its own line."""
    pause = Pause(id="p", who="kim", why="storage", until=STARTED + timedelta(hours=1), duration_seconds=3600)
    votes = all_lose(WRITER)
    paused = Ledger(cluster="shop-prod", pause=pause)
    assert "paused by kim until 2026-11-25 01:00 UTC: storage" in held_by(
        decide(POLICY, situation(votes, ledger=paused))
    )
    late = {"ledger": paused, "now": STARTED + timedelta(hours=2)}
    assert "paused by kim" in held_by(decide(POLICY, situation(votes, **late, ages={pause.key: 3599.0})))
    assert isinstance(decide(POLICY, situation(votes, **late, ages={pause.key: 3600.0})), Act)

    window = MaintenanceWindow(day="tue", start="23:30", minutes=60)  # it reaches over midnight
    with_window = with_policy(windows=(window,))
    assert "a maintenance window is open" in held_by(decide(with_window, situation(votes)))
    assert isinstance(decide(with_window, situation(votes, now=STARTED + timedelta(minutes=30))), Act)

    open_ = Ledger(cluster="shop-prod").opened(operation())
    assert isinstance(decide(POLICY, situation(votes, ledger=open_)), Stay)

    done = open_.ended("op-1", OperationState.DONE, fence=1)
    key = done.operations[0].key
    assert "cool-down: operation op-1" in held_by(decide(POLICY, situation(votes, ledger=done)))
    assert "1 automatic operation in the last" in held_by(
        decide(POLICY, situation(votes, ledger=done, ages={key: 7200.0}))
    )
    assert isinstance(decide(POLICY, situation(votes, ledger=done, ages={key: 90_000.0})), Act)


def test_of_five_domains_one_may_dissent():
    """One broken observer must not hold back four."""
    policy = with_policy(domains=(*DOMAINS, "fourth", "fifth"))
    votes = [seen(domain, lost=(WRITER,)) for domain in policy.domains[:-1]] + [seen("fifth")]
    assert isinstance(decide(policy, situation(votes)), Act)
    votes[2] = seen(THIRD)
    assert "healthy as seen from us-east-1, fifth, 1 may dissent" in held_by(decide(policy, situation(votes)))


healths = st.sampled_from(list(Health))
ages = st.sampled_from((None, 0.0, 5.0, POLICY.staleness_seconds, POLICY.staleness_seconds + 1))
states = st.builds(
    MemberState,
    writable=st.booleans(),
    same_lineage=st.sampled_from((True, False, None)),
    lag_seconds=st.sampled_from((None, 0.0, 30.0, 31.0)),
)
verdicts = st.builds(
    Verdict, subject=st.sampled_from(SUBJECTS), judged=healths, latest=healths, state=st.one_of(st.none(), states)
)


@st.composite
def votes(draw: st.DrawFn) -> list[Seen]:
    """Votes of one to six observers, mostly about a lost writer."""
    found: list[Seen] = []
    for number in range(draw(st.integers(1, 6))):
        base = seen(
            draw(st.sampled_from((*DOMAINS, "stranger"))), lost=draw(st.sampled_from(((WRITER,), (), SUBJECTS[:4])))
        )
        changed = {each.subject: each for each in (*base.vote.verdicts, *draw(st.lists(verdicts, max_size=3)))}
        vote = replace(
            base.vote,
            observer=f"o{number}",
            verdicts=tuple(changed.values()),
            epoch=draw(st.sampled_from((3, 3, 3, 2))),
            isolated=draw(st.sampled_from((None, None, None, "cut off"))),
        )
        found.append(Seen(vote, draw(ages)))
    return found


def domains_that_say(found: list[Seen], subject: Subject, health: Health) -> set[str]:
    """Written anew, and not as the code has it: domains with a counting vote of that standing and none of the other."""
    counting = [
        each
        for each in found
        if each.age_seconds is not None
        and each.age_seconds <= POLICY.staleness_seconds
        and each.vote.epoch == VIEW.epoch
        and each.vote.isolated is None
    ]
    opposite = {Health.HEALTHY: Health.UNHEALTHY, Health.UNHEALTHY: Health.HEALTHY}[health]

    def say(word: Health) -> set[str]:
        return {
            each.vote.domain
            for each in counting
            for one in each.vote.verdicts
            if one.subject == subject and one.judged is word and one.latest is word
        }

    return (say(health) - say(opposite)) & set(DOMAINS)


@given(votes())
@example(all_lose(WRITER))
def test_whatever_is_voted_an_act_has_its_quorum_and_a_known_candidate(found):
    """Invariants 2, 4 and 5."""
    decision = decide(POLICY, situation(found))
    assert decision.reasons
    assert all(line.isprintable() for line in decision.reasons)
    assert described(decision)
    if isinstance(decision, Act):
        target = decision.target
        assert target.writer is not None
        lost = domains_that_say(found, WRITER, Health.UNHEALTHY)
        assert len(lost) >= 2
        assert len(domains_that_say(found, Subject(Evidence.DATABASE, target.writer), Health.HEALTHY)) >= 2
        assert target.writer != HOME


@given(votes(), st.data())
def test_to_know_less_never_leads_to_an_act(found, data):
    """Invariant 1: an observer that becomes unknown never decides for acting.

    Where a healthy word held it back, it is what dissents that has gone: a domain that cannot be heard is not outvoted,
    it is as lost as the region that it may have been in. That word alone is left as it is.
    """
    decision = decide(POLICY, situation(found))
    place = data.draw(st.integers(0, len(found) - 1))
    muted = found[place]
    said = muted.vote.verdict(WRITER)
    if isinstance(decision, Act) or (said is not None and said.standing is not Health.UNHEALTHY):
        return
    service = muted.vote.verdict(Subject(Evidence.SERVICE, HOME))
    others = [each for each in found if each is not muted and each.vote.domain == muted.vote.domain]
    if others or (service is not None and service.standing is Health.HEALTHY):
        return
    if any(one.state is not None and one.state != GOOD for one in muted.vote.verdicts):
        return  # what it knew against a candidate is gone with it
    less = [replace(each, age_seconds=None) if each is muted else each for each in found]
    assert not isinstance(decide(POLICY, situation(less)), Act)


class Ledgers(RuleBasedStateMachine):
    """Operations, pauses and restarts, with a writer that is lost all the time: every reason to act is there always."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(cluster="shop-prod")
        self.seconds = 0.0
        self.since: dict[str, float] = {}
        self.number = 0
        self.last_ended: float | None = None
        self.opened_at: list[float] = []

    @property
    def decision(self) -> Decision:
        for key in self.ledger.keys:
            self.since.setdefault(key, self.seconds)
        known = {key: self.seconds - self.since[key] for key in self.ledger.keys}
        now = STARTED + timedelta(seconds=self.seconds)
        return decide(POLICY, situation(all_lose(WRITER), ledger=self.ledger, ages=known, now=now))

    @rule(seconds=st.sampled_from((1.0, 600.0, 3600.0, 40_000.0, 86_400.0)))
    def time_passes(self, seconds: float) -> None:
        _ = self.decision
        self.seconds += seconds

    @precondition(lambda self: isinstance(self.decision, Act))
    @rule()
    def act(self) -> None:
        self.number += 1
        self.ledger = self.ledger.opened(operation(id=f"op-{self.number}", fence=self.number))
        self.opened_at.append(self.seconds)

    @precondition(lambda self: self.ledger.open is not None)
    @rule(state=st.sampled_from((OperationState.DONE, OperationState.UNDONE, OperationState.FAILED)))
    def end(self, state: OperationState) -> None:
        self.ledger = self.ledger.ended(f"op-{self.number}", state, fence=self.number)
        self.last_ended = self.seconds

    @rule(seconds=st.sampled_from((60.0, 7200.0)))
    def pause(self, seconds: float) -> None:
        until = STARTED + timedelta(seconds=self.seconds + seconds)
        self.ledger = self.ledger.paused(
            Pause(id=f"p{self.seconds}{seconds}", who="kim", why="w", until=until, duration_seconds=seconds)
        )

    @rule()
    def resume(self) -> None:
        self.ledger = self.ledger.paused(None)

    @rule()
    def a_second_operation_is_refused(self) -> None:
        if self.ledger.open is not None:
            with pytest.raises(OperationOpen):
                self.ledger.opened(operation(id="another", fence=self.number))

    @invariant()
    def never_acts_where_it_must_not(self) -> None:
        if isinstance(self.decision, Act):
            assert self.ledger.open is None
            assert self.last_ended is None or self.seconds - self.last_ended >= POLICY.cool_down_seconds
            assert all(self.seconds - at >= POLICY.operations_window_seconds for at in self.opened_at)
            pause = self.ledger.pause
            assert pause is None or STARTED + timedelta(seconds=self.seconds) >= pause.until

    @invariant()
    def at_most_one_is_open(self) -> None:
        assert sum(each.state is OperationState.OPEN for each in self.ledger.operations) <= 1


TestLedgers = Ledgers.TestCase
