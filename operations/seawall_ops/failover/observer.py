"""The observer: looks, votes, reads what the others say, and decides; again and again.

Several run, each in another failure domain. Each decides for itself by the same pure function; that only one acts is the
business of the lease and of the ledger, where an operation is opened by a conditional writing.
"""

import logging
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, final

from seawall.clock import SYSTEM_CLOCK, Clock
from seawall.errors import SeawallError
from seawall.topology import Effective
from seawall.worker import Worker
from seawall_ops.failover.board import Board, BoardUnavailable, Outrun
from seawall_ops.failover.decision import Act, Decision, Recommend, Situation, Stay, decide, described
from seawall_ops.failover.meanings import MEANINGS, Outcome, aws_meaning
from seawall_ops.failover.observe import Answer, Look
from seawall_ops.failover.policy import Policy
from seawall_ops.failover.positions import Positions
from seawall_ops.failover.votes import Evidence, Judge, Observation, Subject, Verdict, Vote, Watch

__all__ = ["NameTaken", "Observer", "Record", "self_check"]

_log: Final = logging.getLogger("seawall.failover")

FORGET_AFTER_SECONDS: Final = 3_600.0  # a vote that we have not seen change for so long is taken off the board
POST_TRIES: Final = 3  # to write over what a lost answer has left; the next round comes anyway
LONGEST_THOUGHT: Final = 200  # characters of what an observer last decided, on the board for people


class NameTaken(SeawallError):
    """Another process votes under this observer's name; the later one keeps it.

    Args:
        observer: The name.
    """

    def __init__(self, observer: str) -> None:
        self.observer: Final = observer
        super().__init__(f"another process observes as {observer}: give each its own name; this one ends")

    def __reduce__(self) -> "tuple[object, ...]":
        return NameTaken, (self.observer,)


Record = Callable[[Vote | None, Decision | None], None]
"""Told what has changed: a vote in which a verdict differs from the one before, or a decision that does."""


def self_check(*, board: bool, references: Mapping[str, bool], others: bool | None) -> str | None:
    """Whether the observer's own network is lost: unless more than half of what is independent answers.

    Args:
        board: Whether the board could be read.
        references: Which of the configured ones answered.
        others: Whether anything that is watched outside of the observer's own domain answered; `None`: nothing is there.

    Returns:
        Why, in one line; `None`: it is not lost.
    """
    answered = {"the board": board, **references} | ({} if others is None else {"anything in other domains": others})
    silent = [name for name, answers in answered.items() if not answers]
    if 2 * len(silent) < len(answered):
        return None
    return f"no answer from {', '.join(silent)}"


@final
class Observer:
    """One observer. `run` is the process; the two rounds are what it does, for tests and for other schedulers.

    Args:
        policy: The numbers.
        board: Where votes and ledger are.
        name: Its own, unique on the board.
        domain: The failure domain that it runs in, one of the policy's; where domains are regions, the region's name.
        look: Does one round of checks.
        topology: Reads who has which role, now.
        clock: Monotonic time.
        wall: Our own wall clock, for pauses and maintenance windows alone.
        record: Told of changes, e.g. by an audit.
        act: Told to fail over; `None`: this observer only votes and says what it would do. It opens the operation.
        beat: Called at the end of each round of votes, also of one whose vote could not be written; `None`: nobody is.

    Raises:
        InvalidInput: The domain is not one of the policy's.
    """

    def __init__(
        self,
        *,
        policy: Policy,
        board: Board,
        name: str,
        domain: str,
        look: Callable[[Effective], Look],
        topology: Callable[[], Effective],
        clock: Clock = SYSTEM_CLOCK,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        record: Record = lambda _vote, _decision: None,
        act: Callable[[Act], None] | None = None,
        beat: Callable[[], None] | None = None,
    ) -> None:
        policy.check_domain(domain)
        self.policy: Final = policy
        self.name: Final = name
        self.domain: Final = domain
        self.boot: Final = uuid.uuid4().hex
        self.decision: Decision = Stay(("nothing was looked at yet",))
        """The last one."""
        self._board: Final = board
        self._look: Final = look
        self._topology: Final = topology
        self._clock: Final = clock
        self._wall: Final = wall
        self._record: Final = record
        self._act: Final = act
        self._beat: Final = beat
        self._watch: Final = Watch(clock)
        self._positions: Final = Positions()
        self._judges: dict[Subject, Judge] = {}
        self._proven: frozenset[Subject] | None = (
            None  # seen healthy, also before we began; `None`: the board was not read yet
        )
        self._view: Effective | None = None
        self._sequence: int | None = None  # of our vote on the board
        self._ages: Mapping[str, float] = {}
        self._voted: Vote | None = None
        self._stopped = threading.Event()
        self._ended_by: SeawallError | None = None

    def vote_round(self) -> float:
        """Look once and vote; seconds until the next round.

        Raises:
            NameTaken: Another process votes under this name.
        """
        began = self._clock.monotonic()
        try:
            view = self._followed()
            if view is not None:
                self._vote(view)
        except BoardUnavailable as error:
            _log.warning("no vote: %s", error)
        if self._beat is not None:
            self._beat()
        return max(0.0, self.policy.interval_seconds - (self._clock.monotonic() - began))

    def decide_round(self) -> float:
        """Read the board once, decide, and act if that is decided; seconds until the next round."""
        began = self._clock.monotonic()
        decision = self._decided()
        changed = _mark(decision) != _mark(self.decision)
        self.decision = decision
        if changed:
            _log.warning("%s", described(decision)) if not isinstance(decision, Stay) else _log.info("stay")
            self._record(None, decision)
        if isinstance(decision, Act) and self._act is not None:
            try:
                self._act(decision)
            except SeawallError as error:  # somebody else was faster, or the lease is not to be had
                _log.warning("not acted: %s", error)
        return max(0.0, self.policy.decision_interval_seconds - (self._clock.monotonic() - began))

    def run(self) -> None:
        """Vote and decide until `stop`, each in a thread of its own; then take the vote off the board.

        Raises:
            NameTaken: Another process votes under this name.
        """
        with (
            Worker("seawall-votes", clock=self._clock) as votes,
            Worker("seawall-decisions", clock=self._clock) as reads,
        ):
            votes.add(self._ending(self.vote_round))
            reads.add(self.decide_round)
            self._stopped.wait()
        if self._ended_by is not None:
            raise self._ended_by
        self.withdraw()

    def stop(self) -> None:
        """End `run`. Callable from a signal handler. Idempotent."""
        self._stopped.set()

    def withdraw(self) -> None:
        """Take the vote off the board: from now on this observer is unknown. What fails is logged: the vote goes stale."""
        if self._sequence is not None:
            try:
                self._board.withdraw(self.name, over=self._sequence)
            except (BoardUnavailable, Outrun) as error:
                _log.warning("the vote stays on the board until it is stale: %s", error)

    def _ending(self, round_: Callable[[], float]) -> Callable[[], float]:
        def guarded() -> float:
            try:
                return round_()
            except NameTaken as error:
                self._ended_by = error
                self.stop()
                return self.policy.interval_seconds

        return guarded

    def _followed(self) -> Effective | None:
        """The topology, or the last one that could be read: votes say by which epoch they were made."""
        try:
            view = self._topology()
        except SeawallError as error:
            _log.warning("%s", error)
            return self._view
        if self._view is not None and self._view.epoch != view.epoch:
            self._positions.forget()
            # Roles have changed, and with them what a member has to answer.
            self._judges = {each: judge for each, judge in self._judges.items() if each.evidence is Evidence.SERVICE}
        self._view = view
        return view

    def _vote(self, view: Effective) -> None:
        look = self._look(view)
        try:
            posted = self._board.read().votes
        except SeawallError as error:
            _log.warning("%s", error)
            posted = None
        isolated = self_check(
            board=posted is not None, references=look.references, others=_others(view, self.domain, look.answers)
        )
        if posted is not None and self._proven is None:
            self._take_up(next((each for each in posted if each.observer == self.name), None))
        verdicts = tuple(self._judge(each).note(each) for each in self._observations(view, look.answers, isolated))
        if self._proven is not None:
            self._proven |= {each.subject for each in verdicts if each.proven}
        vote = Vote(
            observer=self.name,
            domain=self.domain,
            boot=self.boot,
            sequence=(self._sequence or 0) + 1,
            epoch=view.epoch,
            verdicts=verdicts,
            isolated=isolated,
            watched=tuple(self._ages.items()),
            thinks=described(self.decision)[:LONGEST_THOUGHT],
        )
        if self._voted is None or _standings(vote) != _standings(self._voted):
            self._record(vote, None)
        self._voted = vote
        if self._proven is not None:
            self._post(vote)

    def _take_up(self, left: Vote | None) -> None:
        """Go on from the vote that an earlier process of this name left on the board."""
        self._sequence = None if left is None else left.sequence
        self._proven = frozenset(() if left is None else (each.subject for each in left.verdicts if each.proven))
        self._judges.clear()  # those of rounds before the board could be read knew nothing of that
        if left is not None:
            self._ages = {**dict(left.watched), **self._ages}

    def _post(self, vote: Vote) -> None:
        """Write the vote. One of ours may be there already, whose answer was lost; anybody else's ends us.

        Raises:
            NameTaken: Another process votes under this name.
            BoardUnavailable: It does not answer, or so late that only our own writes were in the way, each time.
        """
        for _ in range(POST_TRIES):
            try:
                self._board.post(vote, over=self._sequence)
            except Outrun:
                there = next((each for each in self._board.read().votes if each.observer == self.name), None)
                if there is not None and there.boot != self.boot:
                    raise NameTaken(self.name) from None
                self._sequence = None if there is None else there.sequence
                vote = replace(vote, sequence=(self._sequence or 0) + 1)
            else:
                self._sequence = vote.sequence
                return
        raise BoardUnavailable(self._board.where, "it takes writes of ours late, and refuses those that follow")

    def _judge(self, observation: Observation) -> Judge:
        subject = observation.subject
        if subject not in self._judges:
            self._judges[subject] = self.policy.judge(proven=subject in (self._proven or ()))
        return self._judges[subject]

    def _observations(
        self, view: Effective, answers: Mapping[Subject, Answer], isolated: str | None
    ) -> list[Observation]:
        """What the answers mean; nothing, where our own network is lost."""
        writer = None if view.writer is None else Subject(Evidence.DATABASE, view.writer.name)
        of_writer = None if writer is None else answers.get(writer)
        if of_writer is not None and of_writer.said is not None and not of_writer.said.in_recovery:
            self._positions.writer_seen(view.writer.name if view.writer else "", of_writer.asked_at, of_writer.said)
        alive = of_writer is not None and of_writer.outcome is Outcome.ANSWERED
        return [self._observation(subject, answer, isolated, alive) for subject, answer in answers.items()]

    def _observation(self, subject: Subject, answer: Answer, isolated: str | None, writer_alive: bool) -> Observation:
        at_work = False
        health = MEANINGS[Outcome.NOT_ASKED if isolated is not None else answer.outcome]
        if answer.status is not None and isolated is None:
            meaning = aws_meaning(answer.status)
            health, at_work = meaning.health, meaning.at_work
        because = answer.because if answer.status is not None else _line(answer)
        return Observation(
            subject=subject,
            health=health,
            because=because,
            state=None
            if answer.said is None
            else self._positions.state_of(subject.name, answer.said, writer_answers=writer_alive),
            at_work=at_work,
        )

    def _decided(self) -> Decision:
        try:
            view = self._topology()
            posted = self._board.read()
        except SeawallError as error:  # without the board or the roles nothing is known
            return Stay((str(error),))
        seen = self._watch.votes(posted.votes)
        self._ages = self._watch.ages(posted.ledger.keys, posted.votes)
        self._forget_old(posted.votes)
        return decide(
            self.policy,
            Situation(view=view, votes=seen, ledger=posted.ledger, ages=self._ages, now=self._wall()),
        )

    def _forget_old(self, votes: tuple[Vote, ...]) -> None:
        """Take votes off the board whose observers are gone: it is bounded."""
        for vote in votes:
            if vote.observer != self.name and self._watch.unchanged_seconds(vote.observer) > FORGET_AFTER_SECONDS:
                try:
                    self._board.withdraw(vote.observer, over=vote.sequence)
                except (BoardUnavailable, Outrun) as error:
                    _log.info("%s", error)


def _line(answer: Answer) -> str:
    return answer.outcome.value if not answer.because else f"{answer.outcome.value}: {answer.because}"


def _others(view: Effective, domain: str, answers: Mapping[Subject, Answer]) -> bool | None:
    """Whether anything answered that is watched outside of a domain; `None`: there is nothing."""
    database = view.declared.database
    regions = {Subject(Evidence.SERVICE, each.name): each.region for each in view.endpoints}
    regions |= {Subject(Evidence.DATABASE, each.name): each.region for each in (database.members if database else ())}
    found = [
        answer.outcome is Outcome.ANSWERED
        for subject, answer in answers.items()
        if regions.get(subject, domain) != domain
    ]
    return any(found) if found else None


def _standings(vote: Vote) -> tuple[object, ...]:
    """What has to differ for a vote to be worth a record."""
    return vote.epoch, vote.isolated is None, tuple((each.subject, each.standing) for each in vote.verdicts)


def _mark(decision: Decision) -> tuple[object, ...]:
    """What has to differ for a decision to be worth a record: not the seconds in its reasons."""
    match decision:
        case Stay():
            return ("stay",)
        case Recommend():
            return ("recommend", decision.target, len(decision.held_by))
        case Act():
            return ("act", decision.target)


def changes_of(vote: Vote, before: Vote | None) -> tuple[Verdict, ...]:
    """The verdicts of a vote whose standing differs from the one before."""
    if before is None:
        return vote.verdicts
    known = {each.subject: each.standing for each in before.verdicts}
    return tuple(each for each in vote.verdicts if known.get(each.subject) is not each.standing)
