"""Who may take over: never one whose state is not known. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from seawall.timing import FailureClass
from seawall.topology import Effective, Engine, Member, Role
from seawall_ops.failover.policy import Policy
from seawall_ops.failover.votes import Evidence, Health, MemberState, Seen, Subject, Tally, tally

__all__ = ["Choice", "Target", "choose"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is to become of the roles."""

    failure_class: FailureClass
    failed: str
    """The member, the endpoint or the region that is lost."""
    region: str
    """Whose endpoint becomes, or stays, the primary."""
    writer: str | None
    """The member that becomes, or stays, the writer; `None` where there is no database."""
    epoch: int
    """Of the topology that was decided by: a target is void once roles have changed."""

    def __str__(self) -> str:
        writer = "" if self.writer is None else f", writer {self.writer}"
        return f"{self.failure_class.value} {self.failed} is lost: primary {self.region}{writer}"


@dataclass(frozen=True, slots=True)
class Choice:
    """The target, if there is one, and a line for each candidate that was looked at."""

    target: Target | None
    reasons: tuple[str, ...]


class _Fit(Enum):
    """Why a domain's word for a candidate counts, or does not."""

    YES = auto()
    NOT_HEALTHY = auto()
    OTHER_LINEAGE = auto()
    LINEAGE_UNKNOWN = auto()
    NOT_A_REPLICA = auto()
    LAG_UNKNOWN = auto()
    TOO_FAR_BEHIND = auto()


WORDS = {
    _Fit.NOT_HEALTHY: "not known to be healthy",
    _Fit.OTHER_LINEAGE: "not of the writer's lineage",
    _Fit.LINEAGE_UNKNOWN: "lineage not known",
    _Fit.NOT_A_REPLICA: "takes writes itself",
    _Fit.LAG_UNKNOWN: "lag not known",
    _Fit.TOO_FAR_BEHIND: "too far behind",
}


def choose(policy: Policy, view: Effective, seen: Sequence[Seen], fenced: Sequence[str], lost: Target) -> Choice:
    """Choose who takes over from what is lost.

    For a lost writer the members of its own region come first, and its primary stays where it is unless the new writer is
    elsewhere. For a lost region only what is outside of it counts. For a lost endpoint the writer stays where it is.

    Args:
        policy: The numbers.
        view: The roles, now.
        seen: The votes, with their ages.
        fenced: Members and regions that must not take over.
        lost: What is lost; its `region` and `writer` are those that are now.
    """
    reasons: list[str] = []
    endpoint_fits = _endpoint_fits(policy, view, seen, fenced, reasons)
    if lost.failure_class is FailureClass.ENDPOINT or view.writer is None:
        return _by_endpoint(view, lost, endpoint_fits, reasons)
    writer = view.writer
    lost_region = lost.failed if lost.failure_class is FailureClass.REGION else None
    readers = [each for each in view.readers if each.region != lost_region]
    for member in sorted(readers, key=lambda each: each.region != writer.region):
        why_not = _why_not(policy, view, seen, fenced, member, reasons)
        if why_not is not None:
            reasons.append(f"{member.name}: no candidate: {why_not}")
        elif member.region != view.primary.region and not endpoint_fits(member.region):
            reasons.append(f"{member.name}: no candidate: {member.region} has no healthy endpoint to serve from")
        else:
            reasons.append(f"{member.name}: candidate, in {member.region}")
            return Choice(_target(lost, member.region, member.name), tuple(reasons))
    if not readers:
        reasons.append("there is no other member" if lost_region is None else f"no member is outside of {lost_region}")
    return Choice(None, tuple(reasons))


def _by_endpoint(view: Effective, lost: Target, fits: Callable[[str], bool], reasons: list[str]) -> Choice:
    """The first standby that is healthy."""
    for endpoint in view.endpoints:
        if endpoint.role is Role.STANDBY and endpoint.region != view.primary.region and fits(endpoint.region):
            reasons.append(f"{endpoint.name}: candidate, in {endpoint.region}")
            return Choice(_target(lost, endpoint.region, lost.writer), tuple(reasons))
    reasons.append("no standby is known to be healthy")
    return Choice(None, tuple(reasons))


def _endpoint_fits(
    policy: Policy, view: Effective, seen: Sequence[Seen], fenced: Sequence[str], reasons: list[str]
) -> Callable[[str], bool]:
    """Whether a region has an endpoint that a quorum sees as healthy, and that is not fenced."""

    def fits(region: str) -> bool:
        endpoint = next((each for each in view.endpoints if each.region == region), None)
        if endpoint is None or endpoint.role is Role.READER or {region, endpoint.name} & {*fenced}:
            return False
        found = _tally(policy, view, seen, Subject(Evidence.SERVICE, endpoint.name))
        reasons.append(found.line)
        return len(found.healthy) >= policy.quorum

    return fits


def _why_not(
    policy: Policy, view: Effective, seen: Sequence[Seen], fenced: Sequence[str], member: Member, reasons: list[str]
) -> str | None:
    """Why a member may not take over; `None`: it may."""
    if {member.name, member.region} & {*fenced}:
        return "it is fenced until it has been rebuilt"
    subject = Subject(Evidence.DATABASE, member.name)
    found = _tally(policy, view, seen, subject)
    reasons.append(found.line)
    if len(found.healthy) < policy.quorum:
        return (
            f"{len(found.healthy)} of {len(policy.domains)} domains know it to be healthy, {policy.quorum} are needed"
        )
    words: dict[str, list[_Fit]] = {domain: [] for domain in found.healthy}
    lags: list[float] = []
    for each in seen:
        verdict = each.vote.verdict(subject)
        if each.vote.domain in words and _counts(policy, view, each) and verdict is not None:
            words[each.vote.domain].append(_fit(policy, verdict.standing, verdict.state))
            if verdict.state is not None and verdict.state.lag_seconds is not None:
                lags.append(verdict.state.lag_seconds)
    # One observer that saw another history, or a lag above the limit, is enough against it: it may know more.
    for verdict_against in (_Fit.OTHER_LINEAGE, _Fit.NOT_A_REPLICA, _Fit.TOO_FAR_BEHIND):
        if any(verdict_against in fits for fits in words.values()):
            lag = f": up to {max(lags):.1f} s, {policy.lag_limit_seconds:g} s are allowed" if lags else ""
            return WORDS[verdict_against] + (lag if verdict_against is _Fit.TOO_FAR_BEHIND else "")
    sure = [domain for domain, fits in words.items() if _Fit.YES in fits]
    if len(sure) < policy.quorum:
        doubts = sorted({WORDS[fit] for fits in words.values() for fit in fits if fit is not _Fit.YES})
        hint = _hint(view, doubts)
        return f"{len(sure)} of {policy.quorum} domains vouch for it: {', '.join(doubts)}{hint}"
    return None


def _hint(view: Effective, doubts: Sequence[str]) -> str:
    """What can be done about a lineage that nobody knows."""
    database = view.declared.database
    if WORDS[_Fit.LINEAGE_UNKNOWN] not in doubts or database is None:
        return ""
    if database.engine is Engine.POSTGRES:
        return " (grant pg_monitor to the observers' role)"
    return f" (nothing that {database.engine} says proves whose history it replays)"


def _fit(policy: Policy, standing: Health, state: MemberState | None) -> _Fit:
    if standing is not Health.HEALTHY or state is None:
        return _Fit.NOT_HEALTHY
    if state.writable:
        return _Fit.NOT_A_REPLICA
    if state.same_lineage is not True:
        return _Fit.LINEAGE_UNKNOWN if state.same_lineage is None else _Fit.OTHER_LINEAGE
    if state.lag_seconds is None:
        return _Fit.LAG_UNKNOWN
    return _Fit.YES if state.lag_seconds <= policy.lag_limit_seconds else _Fit.TOO_FAR_BEHIND


def _counts(policy: Policy, view: Effective, seen: Seen) -> bool:
    """Whether a vote says anything at all."""
    fresh = not seen.stale(policy.staleness_seconds)
    return fresh and seen.vote.epoch == view.epoch and seen.vote.isolated is None


def _tally(policy: Policy, view: Effective, seen: Sequence[Seen], subject: Subject) -> Tally:
    return tally(subject, seen, policy.domains, epoch=view.epoch, stale_after_seconds=policy.staleness_seconds)


def _target(lost: Target, region: str, writer: str | None) -> Target:
    return Target(failure_class=lost.failure_class, failed=lost.failed, region=region, writer=writer, epoch=lost.epoch)
