"""Whether a candidate may take over, as it says itself, now: looked at before anything is announced, and again before it is
promoted."""

from seawall.errors import StepRefused
from seawall_ops.failover.ledger import Ledger
from seawall_ops.failover.plans.handover import Handover
from seawall_ops.failover.plans.servers import MemberLook, MemberUnreachable, Servers
from seawall_ops.failover.plans.surroundings import Surroundings

__all__ = [
    "answer_of",
    "require_new_writer",
    "servers_of",
    "why_no_candidate",
    "why_other_history",
    "why_too_far_behind",
]


def why_no_candidate(handover: Handover, around: Surroundings, ledger: Ledger) -> str | None:
    """Why the new writer, or the new region, may not take over; `None`: it may. Lag is looked at, replay is not waited for.

    Raises:
        MemberUnreachable: The candidate does not answer.
    """
    taking_over = {handover.new_region if handover.moves_region else None, handover.new_writer} - {None}
    for name in sorted(taking_over & {*ledger.fenced}, key=str):
        return f"{name} is fenced until it has been rebuilt"
    if not handover.moves_writer:
        return None
    servers = servers_of(around)
    new = servers.look(str(handover.new_writer))
    if new.takes_writes:
        return f"{handover.new_writer} takes writes already: somebody has promoted it"
    old = answer_of(servers, str(handover.old_writer))
    return why_other_history(handover, old, new) or why_too_far_behind(handover, new)


def why_other_history(handover: Handover, old: MemberLook | None, new: MemberLook) -> str | None:
    """Why what the candidate has is not the old writer's; `None`: it is, or the old writer does not answer to tell."""
    if old is None:
        return None
    if new.of_another_cluster(old):
        return f"{handover.new_writer} is of another cluster than {handover.old_writer}"
    if not old.takes_writes:
        return (
            f"{handover.old_writer} takes no writes itself: it follows another server, and roles are not what they seem"
        )
    if old.timeline is not None and new.timeline is not None and new.timeline < old.timeline:
        return (
            f"{handover.new_writer} replays timeline {new.timeline}, and {handover.old_writer} is on {old.timeline}: "
            "what was written since is not there"
        )
    return None


def why_too_far_behind(handover: Handover, new: MemberLook) -> str | None:
    """Why too much would be lost; `None`: it is within the limit, or somebody answers for it."""
    if handover.lag_accepted_because is not None:
        return None
    if new.lag_seconds is None:
        return f"nobody knows how far {handover.new_writer} is behind: say why that is accepted (--accept-lag)"
    if new.lag_seconds > handover.lag_limit_seconds:
        return (
            f"{handover.new_writer} is {new.lag_seconds:.1f} s behind, or its writer is silent for so long: "
            f"{handover.lag_limit_seconds:g} s are allowed (--accept-lag)"
        )
    return None


def require_new_writer(handover: Handover, around: Surroundings) -> None:
    """Refuse to send anybody to a new writer that takes no writes.

    Raises:
        StepRefused: It takes none.
        MemberUnreachable: It does not answer.
    """
    if handover.moves_writer and not servers_of(around).look(str(handover.new_writer)).takes_writes:
        raise StepRefused(f"{handover.new_writer} takes no writes")


def answer_of(servers: Servers, member: str) -> MemberLook | None:
    """What a member says of itself; `None`: it does not answer, which says nothing about it."""
    try:
        return servers.look(member)
    except MemberUnreachable:
        return None


def servers_of(around: Surroundings) -> Servers:
    """The servers of a plan that moves a writer.

    Raises:
        StepRefused: There are none.
    """
    if around.servers is None:
        raise StepRefused("a writer is to move, and no servers are known")
    return around.servers
