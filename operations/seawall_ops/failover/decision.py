"""Whether to fail over: a pure function of what is known, with a line for each reason.

What holds at all times:

1. What is unknown never counts as unhealthy.
2. Never `Act` without a quorum of failure domains that see the loss now, nor on a candidate that a quorum does not know.
3. Never `Act` while another operation is open, in a cool-down, in a pause, or beyond the automatic operations allowed.
4. Never `Act` where there are fewer than three failure domains, or where the policy says `recommend`.

Three classes, each with its own evidence:

- *region*: its service and all its members of the database are unhealthy. Only domains outside of it have a voice.
- *writer*: the writer is unhealthy, and its region is not lost as a whole.
- *endpoint*: the primary's service is unhealthy, and its database is not.

What AWS says of an instance is evidence of its own: it holds a decision back while AWS works on the writer, and never
makes one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from seawall.timing import FailureClass
from seawall.topology import Effective
from seawall_ops.failover.candidates import Target, choose
from seawall_ops.failover.ledger import Ledger
from seawall_ops.failover.policy import Policy, window_open
from seawall_ops.failover.votes import Evidence, Health, Seen, Subject, Tally, tally

__all__ = ["Act", "Decision", "Recommend", "Situation", "Stay", "Target", "decide", "described", "pauses"]


@dataclass(frozen=True, slots=True)
class Stay:
    """Nothing is to be done."""

    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recommend:
    """Somebody has to look: something is lost, and it is not for a machine to act."""

    reasons: tuple[str, ...]
    target: Target | None = None
    """What would be done; `None`: nobody can take over."""
    held_by: tuple[str, ...] = ()
    """Why it is not acted on."""


@dataclass(frozen=True, slots=True)
class Act:
    """Fail over, now."""

    target: Target
    reasons: tuple[str, ...]


Decision = Stay | Recommend | Act


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that a decision rests on."""

    view: Effective
    """The roles, now."""
    votes: Sequence[Seen]
    ledger: Ledger
    """What was and is being done, with the pause."""
    ages: Mapping[str, float] = field(default_factory=dict[str, float])
    """Lower bounds of the ages of the ledger's entries in seconds, by key; one that is missing was made just now."""
    now: datetime
    """Our own wall clock, in UTC: for pauses and windows, which people state by the clock. Never compared with another's."""


def decide(policy: Policy, situation: Situation) -> Decision:
    """Decide. The same input always gives the same answer.

    Args:
        policy: The numbers.
        situation: What is known.
    """
    ledger = situation.ledger
    if ledger.open is not None:
        return Stay((str(ledger.open),))
    lost, reasons = _lost(policy, situation)
    if lost is None:
        return Stay(reasons)
    choice = choose(policy, situation.view, situation.votes, ledger.fenced, lost.target)
    reasons = (*reasons, *choice.reasons)
    if choice.target is None:
        return Recommend((*reasons, "nobody is known to be able to take over"), held_by=("no candidate",))
    held_by = (*_held(policy, situation), *lost.held_by)
    if held_by:
        return Recommend((*reasons, *(f"not acted on: {line}" for line in held_by)), choice.target, held_by)
    return Act(choice.target, (*reasons, f"decided: {choice.target}"))


@dataclass(frozen=True, slots=True)
class _Lost:
    """What is lost, as a target whose roles are still the present ones."""

    target: Target
    held_by: tuple[str, ...]


def _lost(policy: Policy, situation: Situation) -> tuple[_Lost | None, tuple[str, ...]]:
    """The gravest loss that a quorum sees, and what was counted to find it."""
    region, writer, endpoint = _evidence(policy, situation)
    by_gravity = ((FailureClass.REGION, region), (FailureClass.WRITER, writer), (FailureClass.ENDPOINT, endpoint))
    for failure_class, found in by_gravity:
        if found and all(len(each.unhealthy) >= policy.quorum for each in found):
            return _loss(policy, situation, failure_class, found), tuple(each.line for each in found)
    return None, tuple(each.line for each in (*writer, *endpoint))


def _evidence(policy: Policy, situation: Situation) -> tuple[list[Tally], list[Tally], list[Tally]]:
    """The tallies that prove the loss of the writer's region, of the writer, and of the primary's endpoint.

    A region without a service, or without a member of the database, has only half of the evidence, and is never called lost.
    """
    view = situation.view
    endpoint = [_count(policy, situation, Subject(Evidence.SERVICE, view.primary.name), policy.domains)]
    database = view.declared.database
    if view.writer is None or database is None:
        return [], [], endpoint
    home = view.writer.region
    services = [Subject(Evidence.SERVICE, each.name) for each in view.endpoints if each.region == home]
    members = [Subject(Evidence.DATABASE, each.name) for each in database.members if each.region == home]
    outside = [domain for domain in policy.domains if domain != home]
    region = [_count(policy, situation, each, outside) for each in (*services, *members)] if services else []
    writer = [_count(policy, situation, Subject(Evidence.DATABASE, view.writer.name), policy.domains)]
    return region, writer, endpoint


def _loss(policy: Policy, situation: Situation, failure_class: FailureClass, found: Sequence[Tally]) -> _Lost:
    view = situation.view
    writer = None if view.writer is None else view.writer.name
    home = view.primary.region if view.writer is None else view.writer.region
    failed = {FailureClass.REGION: home, FailureClass.WRITER: writer or "", FailureClass.ENDPOINT: view.primary.name}
    target = Target(
        failure_class=failure_class,
        failed=failed[failure_class],
        region=view.primary.region,
        writer=writer,
        epoch=view.epoch,
    )
    held: list[str] = []
    for each in found:
        if len(each.healthy) > policy.most_dissenting:
            names = ", ".join(each.healthy)
            held.append(f"{each.subject} is still healthy as seen from {names}, {policy.most_dissenting} may dissent")
    if failure_class not in policy.act_on:
        held.append(f"the policy does not act on a lost {failure_class.value}")
    if writer is not None and failure_class is FailureClass.WRITER:
        work = _aws_at_work(policy, situation, writer)
        held += [] if work is None else [work]
    return _Lost(target, (*held, *_strays(policy, situation)))


def _aws_at_work(policy: Policy, situation: Situation, writer: str) -> str | None:
    """What AWS says that it is doing to the writer, which ends by itself; `None`: nothing, or nobody asked."""
    for each in situation.votes:
        verdict = each.vote.verdict(Subject(Evidence.STATUS, writer))
        fresh = not each.stale(policy.staleness_seconds) and each.vote.epoch == situation.view.epoch
        if fresh and verdict is not None and verdict.latest is Health.UNKNOWN and verdict.at_work:
            return f"AWS is at work on {writer}, as {each.vote.observer} was told: {verdict.because}"
    return None


def _strays(policy: Policy, situation: Situation) -> list[str]:
    """Members that take writes and are not the writer: to promote another one would make one more history.

    One observer's word is enough: it may be the only one that reaches it.
    """
    view = situation.view
    members = () if view.declared.database is None else view.declared.database.members
    others = [each.name for each in members if view.writer is None or each.name != view.writer.name]
    lines: dict[str, str] = {}
    for each in situation.votes:
        fresh = not each.stale(policy.staleness_seconds) and each.vote.epoch == view.epoch
        for name in others if fresh else ():
            verdict = each.vote.verdict(Subject(Evidence.DATABASE, name))
            if verdict is not None and verdict.state is not None and verdict.state.writable:
                lines[name] = f"{name} takes writes as seen by {each.vote.observer}: somebody has promoted it"
    return list(lines.values())


def _held(policy: Policy, situation: Situation) -> tuple[str, ...]:
    """Why nothing may be acted on at this time, whatever is lost."""
    ledger, ages, now = situation.ledger, situation.ages, situation.now
    held: list[str] = []
    if policy.never_acts_because is not None:
        held.append(policy.never_acts_because)
    held += pauses(policy, ledger, ages, now)
    last = ledger.last
    if last is not None and ages.get(last.key, 0.0) < policy.cool_down_seconds:
        ended = ages.get(last.key, 0.0)
        held.append(
            f"cool-down: operation {last.id} ended {ended:.0f} s ago as far as anybody watched, "
            f"{policy.cool_down_seconds:.0f} s have to pass"
        )
    recent = [
        each
        for each in ledger.operations
        if each.automatic and ages.get(each.key, 0.0) < policy.operations_window_seconds
    ]
    if len(recent) >= policy.most_operations:
        held.append(
            f"{len(recent)} automatic operation{'' if len(recent) == 1 else 's'} in the last "
            f"{policy.operations_window_seconds:.0f} s, {policy.most_operations} allowed: moving it again heals nothing"
        )
    return tuple(held)


def pauses(policy: Policy, ledger: Ledger, ages: Mapping[str, float], now: datetime) -> list[str]:
    """The pause and the maintenance window that hold everything back at a time, a line each."""
    lines: list[str] = []
    if ledger.pause is not None and ledger.pause.holds(now, ages.get(ledger.pause.key, 0.0)):
        lines.append(str(ledger.pause))
    window = window_open(policy.windows, now)
    if window is not None:
        lines.append(f"a maintenance window is open: {window}")
    return lines


def _count(policy: Policy, situation: Situation, subject: Subject, domains: Sequence[str]) -> Tally:
    return tally(
        subject,
        situation.votes,
        domains,
        epoch=situation.view.epoch,
        stale_after_seconds=policy.staleness_seconds,
    )


def described(decision: Decision) -> str:
    """A decision in one line, for people."""
    match decision:
        case Stay():
            return "stay"
        case Recommend(target=None):
            return "recommend: nobody is known to be able to take over"
        case Recommend(target=target, held_by=held_by):
            return f"recommend: {target}; not acted on: {held_by[0]}" if held_by else f"recommend: {target}"
        case Act(target=target):
            return f"act: {target}"
