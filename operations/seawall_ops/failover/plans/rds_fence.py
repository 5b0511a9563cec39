"""The fence around an RDS instance: network ACLs deny its port, and a reboot ends what runs inside.

Why these two, and in this order:

- A network ACL has no memory: a packet of a session that is hours old is denied like that of a new one. A security group lets
  what it has once let in go on, so that a pool's connections would write for as long as they live; and another set of groups
  of the instance (`ModifyDBInstance`) would be undone by the next `pulumi up`, waits until the instance is `available`, and
  needs the old set remembered for the way back.
- The ACLs of *all* subnets of the subnet group: a Multi-AZ instance can move to another of its zones at any time.
- What a client has sent before goes on inside of the server, which does not see that the client is cut off: a long
  transaction would still commit. `RebootDBInstance` ends it. Before the networks are closed the same clients would be back at
  once, so the reboot comes after, and only one that RDS took after all rules were seen standing counts.

What it does not do: an ACL sees no packet that stays within a subnet. Network interfaces other than RDS's in the database's own
subnets are therefore refused, unless somebody says why they do not matter. It cuts whatever else listens on that port in the
subnets of these ACLs: other databases and other subnets are refused, unless they are named. The VPC's default ACL is taken
like any other: which subnets it has is what counts.

After a crash the marks tell how far it was (`rds_networks`). A reboot whose end nobody has seen is looked for among RDS's
events, which RDS does not promise to keep; where there is none it is done again, which costs a minute and nothing else.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast, final

from seawall.errors import CloudUnavailable, InvalidInput, StepRefused
from seawall.topology import Member
from seawall_ops.failover.plans.rds_api import INVALID_STATE, RdsApi, Refused, said_at
from seawall_ops.failover.plans.rds_networks import (
    ANYWHERE,
    MARK,
    TCP,
    Mark,
    NetworkAcl,
    Phase,
    networks_of,
    port_of,
    subnets_of,
    tagged_networks,
)
from seawall_ops.failover.plans.rds_settings import OURS
from seawall_ops.failover.plans.rds_waiting import Judgment, Progress, ended_badly, serves, status_of, tags_of, wait_for
from seawall_ops.failover.plans.servers import FenceLook, MemberUnreachable

__all__ = ["FENCE_SECONDS", "FenceTerms", "RdsFence"]

FENCE_SECONDS: Final = (
    600.0  # for all of it: a reboot takes a minute or two, and longer where a crash is recovered from
)
SEEN_SECONDS: Final = 60.0  # until EC2 shows what it has taken: it is eventually consistent, by seconds
SEEN_POLL_SECONDS: Final = 2.0
BEGIN_SECONDS: Final = 60.0  # until RDS shows that a reboot has begun which it has taken; then it is asked for again
REBOOTING: Final = "rebooting"
STOPPED: Final = "stopped"
RESTARTED: Final = "restarted"  # in the message of RDS-EVENT-0006, which the API gives without its number
OUR_INTERFACES: Final = ("amazon-rds", "RDSNetworkInterface")  # requester and description of RDS's own
TOO_OLD: Final = "InvalidParameterValue"  # RDS keeps events for 14 days, and takes no earlier start
ALREADY_THERE: Final = "NetworkAclEntryAlreadyExists"
ALREADY_GONE: Final = "InvalidNetworkAclEntry.NotFound"


@dataclass(frozen=True, slots=True)
class FenceTerms:
    """What a fence may cut beside its database, and what it need not cut.

    Args:
        cut_also: Identifiers of instances, and ids of subnets, that may be cut off on the same port, too. What is not named
            is refused, so that nothing new is ever cut unseen.
        uncut_because: Why network interfaces of others in the database's own subnets, which no network ACL cuts off, do not
            write to it. `None`: they are refused.

    Raises:
        InvalidInput: The reason is not one line.
    """

    cut_also: frozenset[str] = frozenset()
    uncut_because: str | None = None

    def __post_init__(self) -> None:
        because = self.uncut_because
        if because is not None and (not because.strip() or not because.isprintable()):
            raise InvalidInput("uncut_because", because, allowed="one line, for the record")


@final
class RdsFence:
    """Fences of a database's instances.

    Args:
        api: AWS.
        terms: What may be cut beside them.
        seconds: The longest that `fence` takes.
    """

    __slots__ = ("_api", "_seconds", "_terms")

    def __init__(self, api: RdsApi, terms: FenceTerms | None = None, *, seconds: float = FENCE_SECONDS) -> None:
        self._api: Final = api
        self._terms: Final = terms or FenceTerms()
        self._seconds: Final = seconds

    def look(self, member: Member) -> FenceLook:
        """As `Servers.fence_of`.

        Raises:
            MemberUnreachable: No answer, or RDS has lost the server: nothing that is asked of it now would end a session.
            StepRefused: There is no such instance, or AWS refuses to answer.
        """
        instance = self._api.existing(member)
        acls, port, status = networks_of(self._api, member, instance), port_of(instance), status_of(instance)
        names = ", ".join(each.id for each in acls)
        if all(each.stands(port) for each in acls):
            marks = [each.mark(member.identifier) for each in acls]
            if all(mark is not None and mark.phase is Phase.CLOSED for mark in marks):
                return FenceLook(True, f"{names}: port {port} denied, and rebooted since{self._uncut()}")
            if status == STOPPED:
                return FenceLook(True, f"{names}: port {port} denied, and RDS says {status}{self._uncut()}")
            asked_at = _asked_at(marks)
            if asked_at is not None and serves(status) and self._restarted_since(member, asked_at):
                return FenceLook(
                    True, f"{names}: port {port} denied, and rebooted since {asked_at.isoformat()}{self._uncut()}"
                )
            self._refuse_lost(member, status)
            return FenceLook(False, f"{names}: port {port} denied, its sessions have not been ended: RDS says {status}")
        self._refuse_lost(member, status)
        still = ", ".join(each.id for each in acls if not each.stands(port))
        against = self._against(member, instance, acls, port)
        hint = f"; it cannot be fenced: {'; '.join(against)}" if against else ""
        also = ", ".join(sorted(self._terms.cut_also))
        with_it = f"; a fence may also cut {also}" if also else ""
        return FenceLook(False, f"{still}: port {port} let through{with_it}{hint}")

    def fence(self, member: Member) -> None:
        """As `Servers.fence`: completes what is half done, and ends once it is closed.

        Raises:
            StepRefused: Somebody else's rule, database or client is in the way, or AWS refused the first call that changes
                something: nothing was changed.
            CloudUnavailable: AWS refused a later one: it is half done.
            MemberUnreachable: No answer; or it did not end in time, or RDS has lost the server: its networks are closed.
        """
        ends = self._api.clock.monotonic() + self._seconds
        instance = self._api.existing(member)
        acls, port = networks_of(self._api, member, instance), port_of(instance)
        marks = [each.mark(member.identifier) for each in acls]
        standing = all(each.stands(port) for each in acls)
        if standing and all(mark is not None and mark.phase is Phase.CLOSED for mark in marks):
            return
        against = self._against(member, instance, acls, port)
        if against:
            raise StepRefused(f"{member.name} cannot be fenced: {'; '.join(against)}")
        with _half_done(f"fence of {member.name}", begun=any(marks)) as changed:
            if not standing or None in marks:
                self._mark(member, acls, Mark(port, Phase.CUTTING), changed)
                self._cut(member, acls, port)
                self._await_standing(member, port)
                marks = [Mark(port, Phase.CUTTING)]
            self._end_sessions(member, acls, port, _asked_at(marks), ends)
            self._mark(member, acls, Mark(port, Phase.CLOSED), changed)

    def lift(self, member: Member) -> None:
        """As `Servers.lift`: takes away our rules and marks, wherever they stand; those that fence another instance, too, stay.

        Raises:
            StepRefused, CloudUnavailable, MemberUnreachable: As `fence`.
        """
        found = {each.id: each for each in tagged_networks(self._api, member)}
        instance = self._api.instance(member)
        port = None if instance is None else port_of(instance)
        if instance is not None:  # rules whose mark somebody has removed
            found |= {each.id: each for each in networks_of(self._api, member, instance)}
        with _half_done(f"lifting of {member.name}'s fence", begun=False) as changed:
            for acl in found.values():
                mark = acl.mark(member.identifier)
                ports = {port, mark.port if mark else None} - {None}
                if not acl.others(member.identifier):
                    for number in ANYWHERE:
                        if any(acl.denies(number, each) for each in ports if each is not None):
                            self._uncover(member, acl, number)
                            changed.append(acl.id)
                if f"{MARK}{member.identifier}" in acl.tags:
                    tags = [{"Key": f"{MARK}{member.identifier}"}]
                    self._api.ask(member, "ec2", "DeleteTags", Resources=[acl.id], Tags=tags)
                    changed.append(acl.id)

    # What is in the way

    def _against(self, member: Member, instance: Mapping[str, Any], acls: Sequence[NetworkAcl], port: int) -> list[str]:
        """Why it may not be fenced, a line each."""
        lines = [line for each in acls if (line := each.foreign(port)) is not None]
        own, allowed = subnets_of(instance), self._terms.cut_also
        for acl in acls:
            shared = sorted(acl.subnets - own - allowed)
            if shared:
                lines.append(f"{acl.id} is that of {', '.join(shared)}, too (cut_also)")
        cut = frozenset[str]().union(*(each.subnets for each in acls))
        others = sorted(
            each["DBInstanceIdentifier"]
            for each in self._api.every(member, "rds", "DescribeDBInstances", "DBInstances")
            if each["DBInstanceIdentifier"] not in (member.identifier, *allowed)
            and tags_of(each).get(OURS) != member.identifier  # put aside by a rebuild: nobody gets in anyway
            and subnets_of(each) & cut
            and cast("Mapping[str, Any]", each.get("Endpoint") or {}).get("Port", port)
            == port  # one that is being made may get the same
        )
        if others:
            lines.append(f"it would cut off {', '.join(others)} on port {port}, too (cut_also)")
        if self._terms.uncut_because is None:
            beside = self._beside(member, own)
            if beside:
                lines.append(f"{beside} in its subnets, which no network ACL cuts off from it (uncut_because)")
        return lines

    def _beside(self, member: Member, subnets: frozenset[str]) -> str:
        filters = [{"Name": "subnet-id", "Values": sorted(subnets)}]
        found = self._api.every(
            member, "ec2", "DescribeNetworkInterfaces", "NetworkInterfaces", Filters=filters
        )  # fmt: skip
        ids = sorted(
            each["NetworkInterfaceId"]
            for each in found
            if each.get("RequesterId") not in OUR_INTERFACES and each.get("Description") not in OUR_INTERFACES
        )
        if not ids:
            return ""
        return f"{len(ids)} network interface{'s' if len(ids) > 1 else ''} of others ({ids[0]}{', …' if len(ids) > 1 else ''}) is"

    def _uncut(self) -> str:
        because = self._terms.uncut_because
        return "" if because is None else f"; clients in its own subnets are not cut off: {because}"

    def _refuse_lost(self, member: Member, status: str) -> None:
        if ended_badly(status) and status != STOPPED:
            raise MemberUnreachable(member.name, f"RDS says {status}: its sessions cannot be ended")

    # Changes

    def _mark(self, member: Member, acls: Sequence[NetworkAcl], mark: Mark, changed: list[str]) -> None:
        tags = [{"Key": f"{MARK}{member.identifier}", "Value": str(mark)}]
        self._api.ask(member, "ec2", "CreateTags", Resources=[each.id for each in acls], Tags=tags)
        changed.append(str(mark))

    def _cut(self, member: Member, acls: Sequence[NetworkAcl], port: int) -> None:
        for acl in acls:
            for number, (key, everywhere) in ANYWHERE.items():
                if acl.denies(number, port):
                    continue
                try:
                    self._api.ask(
                        member,
                        "ec2",
                        "CreateNetworkAclEntry",
                        NetworkAclId=acl.id,
                        RuleNumber=number,
                        Protocol=TCP,
                        RuleAction="deny",
                        Egress=False,
                        PortRange={"From": port, "To": port},
                        **{key: everywhere},
                    )
                except Refused as error:
                    if error.code != ALREADY_THERE:  # whose it is, the next look tells
                        raise

    def _uncover(self, member: Member, acl: NetworkAcl, number: int) -> None:
        try:
            self._api.ask(
                member, "ec2", "DeleteNetworkAclEntry", NetworkAclId=acl.id, RuleNumber=number, Egress=False
            )  # fmt: skip
        except Refused as error:
            if error.code != ALREADY_GONE:
                raise

    def _await_standing(self, member: Member, port: int) -> None:
        """Until every ACL that the subnets have *now* denies the port: an association may have changed meanwhile."""

        def look() -> Judgment:
            acls = networks_of(self._api, member, self._api.existing(member))
            missing = ", ".join(each.id for each in acls if not each.stands(port))
            return Judgment(Progress.UNDER_WAY if missing else Progress.DONE, f"{missing} lets port {port} through")

        seen = wait_for(
            look,
            seconds=SEEN_SECONDS,
            clock=self._api.clock,
            sleep=self._api.sleep,
            poll_seconds=SEEN_POLL_SECONDS,
        )
        if seen.progress is not Progress.DONE:
            raise MemberUnreachable(member.name, f"EC2 has taken the rules, and {SEEN_SECONDS:g} s later {seen.shown}")

    def _end_sessions(
        self, member: Member, acls: Sequence[NetworkAcl], port: int, asked_at: datetime | None, ends: float
    ) -> None:
        """Reboot, unless one that was taken after the rules stood is under way or has ended."""
        reboot = _Reboot(asked_at)

        def look() -> Judgment:
            status = status_of(self._api.existing(member))
            self._refuse_lost(member, status)
            now = self._api.clock.monotonic()
            if status == STOPPED or reboot.ended(status):
                return Judgment(Progress.DONE, status)
            if reboot.asked_at is not None and serves(status) and self._restarted_since(member, reboot.asked_at):
                return Judgment(Progress.DONE, status)
            if reboot.is_coming(now) or not serves(status):
                return Judgment(Progress.UNDER_WAY, f"RDS says {status}")
            try:
                answer = self._api.ask(
                    member, "rds", "RebootDBInstance", DBInstanceIdentifier=member.identifier
                )  # fmt: skip
            except Refused as error:
                if error.code in INVALID_STATE:
                    return Judgment(Progress.UNDER_WAY, error.because)
                raise
            reboot.taken(said_at(answer), now)
            self._mark(member, acls, Mark(port, Phase.ASKED, reboot.asked_at), [])
            return Judgment(Progress.UNDER_WAY, "asked to reboot")

        seconds = max(0.0, ends - self._api.clock.monotonic())
        seen = wait_for(look, seconds=seconds, clock=self._api.clock, sleep=self._api.sleep)
        if seen.progress is not Progress.DONE:
            raise MemberUnreachable(
                member.name,
                f"its networks are closed, and its sessions not ended after {self._seconds:g} s: {seen.shown}",
            )

    def _restarted_since(self, member: Member, asked_at: datetime) -> bool:
        """Whether RDS's events say so. They may be late, missing or too old to be kept: only a yes counts."""
        try:
            events = self._api.every(
                member,
                "rds",
                "DescribeEvents",
                "Events",
                SourceIdentifier=member.identifier,
                SourceType="db-instance",
                StartTime=asked_at,
            )
        except Refused as error:
            if error.code != TOO_OLD:
                raise
            return False
        return any(RESTARTED in each.get("Message", "") and each["Date"] > asked_at for each in events)


@final
class _Reboot:
    """What one process knows of a reboot that RDS has taken, after all rules stood."""

    def __init__(self, asked_at: datetime | None) -> None:
        self.asked_at = asked_at
        self._taken_at: float | None = None
        self._begun = False

    def taken(self, at: datetime | None, now: float) -> None:
        """RDS has taken it."""
        self.asked_at, self._taken_at, self._begun = at, now, False

    def ended(self, status: str) -> bool:
        """Whether it was seen to begin, and serves again: `available` right after RDS took it is from before."""
        if status == REBOOTING:
            self._begun = self.asked_at is not None or self._taken_at is not None
        return self._begun and serves(status)

    def is_coming(self, now: float) -> bool:
        """Whether it has to be waited for, and not asked for again."""
        return self._begun or (self._taken_at is not None and now - self._taken_at < BEGIN_SECONDS)


def _asked_at(marks: Sequence[Mark | None]) -> datetime | None:
    """When the reboot was taken, where every mark says that one was: a later one than all rules."""
    times = [mark.asked_at for mark in marks if mark is not None and mark.phase in (Phase.ASKED, Phase.CLOSED)]
    known = [each for each in times if each is not None]
    return max(known) if known and len(times) == len(marks) else None


@contextmanager
def _half_done(what: str, *, begun: bool) -> Generator[list[str]]:
    """A refusal after something was changed is no refusal of the whole any more."""
    changed: list[str] = []
    try:
        yield changed
    except StepRefused as error:
        if changed or begun:
            raise CloudUnavailable(what, f"half done: {error.because}") from error
        raise
