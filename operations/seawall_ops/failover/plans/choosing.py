"""From what was decided, or what a person asks for, to a handover. Pure."""

from dataclasses import dataclass
from typing import Final

from seawall.errors import MISSING, InvalidInput
from seawall.timing import FailureClass
from seawall.topology import Effective, Role
from seawall_ops.failover.candidates import Target
from seawall_ops.failover.plans.handover import Handover
from seawall_ops.failover.policy import Policy

__all__ = ["Conditions", "decided", "to_member", "to_region"]

LONGEST_REASON: Final = 300  # characters, of the ledger's entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """Who asks, and what is accepted.

    Raises:
        InvalidInput: The reason is empty, too long, or more than a line.
    """

    by: str
    reason: str | None = None
    accept_lag: str | None = None
    """Why a lag that nobody can measure, or that is too large, is accepted."""
    unfenced: str | None = None
    """Why it goes on although the old writer cannot be fenced."""
    epoch_lease_seconds: float | None = None
    automatic: bool = False

    def __post_init__(self) -> None:
        for name, value in (
            ("--why", self.reason),
            ("--accept-lag", self.accept_lag),
            ("--force-without-fence", self.unfenced),
        ):
            if value is not None and not (value.strip() and value.isprintable() and len(value) <= LONGEST_REASON):
                raise InvalidInput(name, value, allowed=f"one line of 1 to {LONGEST_REASON} characters, for the record")


def decided(view: Effective, policy: Policy, target: Target, conditions: Conditions) -> Handover:
    """What the votes have decided, or recommend.

    The lag of a replica whose writer is gone grows, whatever it has replayed: what a quorum knew of it while the writer was
    seen is what counts, and is why the lag is accepted.

    Raises:
        InvalidInput: Nothing would move, or the roles have changed since.
    """
    if target.epoch != view.epoch:
        raise InvalidInput(
            "epoch", view.epoch, allowed=str(target.epoch), because="roles have changed since the decision"
        )
    word = f"a quorum knew it to be within {policy.lag_limit_seconds:g} s when the writer was last seen"
    return _handover(
        view,
        policy,
        conditions,
        failure_class=target.failure_class,
        region=target.region,
        writer=target.writer,
        reason=conditions.reason or f"{target.failure_class.value} {target.failed} is lost",
        accept_lag=conditions.accept_lag or word,
    )


def to_member(view: Effective, policy: Policy, name: str, conditions: Conditions) -> Handover:
    """Another member becomes the writer; its region the primary's, if it serves at all.

    Raises:
        InvalidInput: There is no such member, it is the writer, or its region has no endpoint to serve from.
    """
    database, writer = view.declared.database, view.writer
    if database is None or writer is None:
        raise InvalidInput("--to", name, allowed="--to-region", because="there is no database")
    others = {each.name: each for each in database.members if each.name != writer.name}
    if name not in others:
        raise InvalidInput(
            "--to",
            name,
            allowed=", ".join(others) or "no other member is there",
            because=f"{writer.name} is the writer",
        )
    region = others[name].region
    if region != view.primary.region:
        _refuse_without_endpoint(view, "--to", region)
    return _handover(view, policy, conditions, failure_class=FailureClass.WRITER, region=region, writer=name)


def to_region(view: Effective, policy: Policy, region: str, conditions: Conditions) -> Handover:
    """Another region becomes the primary, and its first member the writer; where it has none the writer stays.

    Raises:
        InvalidInput: It is the primary, or has no endpoint to serve from.
    """
    _refuse_without_endpoint(view, "--to-region", region)
    writer = view.writer
    members = [] if writer is None else [each for each in view.readers if each.region == region]
    if writer is None or writer.region == region or not members:
        name = None if writer is None else writer.name
        return _handover(view, policy, conditions, failure_class=FailureClass.ENDPOINT, region=region, writer=name)
    return _handover(view, policy, conditions, failure_class=FailureClass.REGION, region=region, writer=members[0].name)


def _handover(
    view: Effective,
    policy: Policy,
    conditions: Conditions,
    *,
    failure_class: FailureClass,
    region: str,
    writer: str | None,
    reason: str | None = None,
    accept_lag: str | None = None,
) -> Handover:
    why = reason or conditions.reason
    if why is None:
        raise InvalidInput(
            "--why", MISSING, allowed="a reason, for the record", because="nobody but you has decided it"
        )
    moves = view.writer is not None and writer != view.writer.name
    return Handover(
        cluster=policy.cluster,
        service=view.declared.service,
        environment=view.declared.environment,
        failure_class=failure_class,
        old_region=view.primary.region,
        new_region=region,
        old_writer=None if view.writer is None else view.writer.name,
        new_writer=writer,
        epoch=view.epoch,
        reason=why,
        opened_by=conditions.by,
        automatic=conditions.automatic,
        lag_limit_seconds=policy.lag_limit_seconds,
        lag_accepted_because=(accept_lag or conditions.accept_lag) if moves else None,
        epoch_lease_seconds=conditions.epoch_lease_seconds,
        unfenced_because=conditions.unfenced if moves else None,
    )


def _refuse_without_endpoint(view: Effective, name: str, region: str) -> None:
    serving = [each.region for each in view.endpoints if each.role is not Role.READER and each is not view.primary]
    if region not in serving:
        raise InvalidInput(
            name,
            region,
            allowed=", ".join(serving) or "no other region serves",
            because="it needs an endpoint to serve from",
        )
