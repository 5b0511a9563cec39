"""Makes an old writer on RDS a replica again, which RDS itself cannot: it is put aside, and a replica takes its place and name.

The order, each part observed first and waited for:

1. The key of its own region, the quotas and the new writer are looked at: what is missing there is refused, and nothing changed.
2. The old instance is tagged with the operation, and with what of it is changed next, as it was.
3. It is *closed off*: its security groups are replaced by one without a single inbound rule (`seawall-closed`, made once in a
   VPC), and it gets deletion protection. That comes before the network ACLs' fence is lifted, which both instances share: they
   are in the same subnets. A stopped instance would be no barrier: RDS starts it by itself after seven days. Nor would the fence:
   it would cut off the replica, too. Connections from before are ended by the reboot that comes with its new name.
4. It is renamed, `<name>-before-<operation>`, and kept, for what was never replicated. Nobody connects to it by accident: the
   address that everybody knows is the replica's from then on.
5. A replica of the new writer is created under the declared name, with all that the old instance had.
6. It is given what no creation takes (a parameter group in PostgreSQL, the maintenance window), and rebooted where parameters
   wait for that.

`look` calls it a follower only while the old one is closed off, so that no fence is lifted beside an instance that could be
written to. Each half of it can be completed by another process, another operation's included: what RDS and the tags say is all
that counts. A creation that RDS has given up (`failed`) is left to a person: nothing here deletes an instance.

Not carried over, since they are resources of their own: the roles of features (S3 import and export), activity streams, and the
replication of automated backups.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, final

from seawall.errors import StepRefused
from seawall.topology import Member
from seawall_ops.failover.plans.rds_api import RdsApi
from seawall_ops.failover.plans.rds_replacing import Replacing, closed_group
from seawall_ops.failover.plans.rds_settings import closed_off, is_replaced, kept_name, replaced, settled
from seawall_ops.failover.plans.rds_waiting import Judgment, Progress, replica, status_of
from seawall_ops.failover.plans.rebuilder import Following, RebuildLook
from seawall_ops.failover.plans.servers import MemberUnreachable, Servers

__all__ = ["REBUILD_SECONDS", "RdsRebuilder"]

REBUILD_SECONDS: Final = 6 * 3600.0  # as the plan's step: a copy of some terabytes to another region


@final
class RdsRebuilder:
    """`Rebuilder` of a database on RDS.

    Args:
        members: Of the topology's database, by name.
        servers: How members are looked at.
        operation: Id of the operation; part of the name under which an old writer is kept.
        api: AWS.
        seconds: The longest that `rebuild` takes.

    Raises:
        InvalidInput: Nothing of the operation's id can stand in a name.
    """

    __slots__ = ("_api", "_members", "_operation", "_seconds", "_servers")

    def __init__(
        self,
        members: Mapping[str, Member],
        servers: Servers,
        operation: str,
        *,
        api: RdsApi | None = None,
        seconds: float = REBUILD_SECONDS,
    ) -> None:
        for each in members.values():
            kept_name(each.identifier or each.name, operation)
        self._members: Final = dict(members)
        self._servers: Final = servers
        self._operation: Final = operation
        self._api: Final = api or RdsApi()
        self._seconds: Final = seconds

    @property
    def where(self) -> str:
        """Instances and regions. Not the operation: another one may complete what was left half done."""
        instances = ", ".join(f"{each.name}: {each.identifier} in {each.region}" for each in self._members.values())
        return f"new replicas on rds ({instances})"

    def look(self, member: str, writer: str) -> RebuildLook:
        """How it is, as RDS says; how far behind, as the servers say.

        Raises:
            MemberUnreachable: RDS does not answer.
            StepRefused: There is no writer, or AWS refuses.
        """
        where = self._member(member)
        source = self._api.existing(self._member(writer))
        there, old = self._api.instance(where), self._old(where)
        aside = "" if old is None else f"; the old one is kept as {old['DBInstanceIdentifier']}"
        if there is None:
            return RebuildLook(following=Following.APART, shown=f"there is no instance {where.identifier}{aside}")
        judged = replica(there, str(source["DBInstanceArn"]))
        if judged.progress is Progress.FAILED or is_replaced(there):
            kept = aside or f"; it will be kept as {self._kept_name(where)}"
            return RebuildLook(
                following=Following.APART,
                shown=f"{where.identifier} follows no such writer, RDS says {status_of(there)}{kept}",
            )
        if old is not None and judged.progress is Progress.DONE:
            judged = self._beside(where, there, old)
        if judged.progress is not Progress.DONE:
            return RebuildLook(following=Following.UNDER_WAY, shown=f"{where.identifier}: {judged.shown}{aside}")
        shown = f"{where.identifier} is a replica of {self._member(writer).identifier}{aside}"
        try:
            lag = self._servers.look(member).lag_seconds
        except MemberUnreachable as error:
            return RebuildLook(following=Following.FOLLOWS, shown=f"{shown}; {error}")
        return RebuildLook(following=Following.FOLLOWS, shown=shown, lag_seconds=lag)

    def rebuild(self, member: str, writer: str, check: Callable[[], None]) -> None:
        """Put the old instance aside, and make a replica in its place: all of it, or what is left of it.

        Raises:
            StepRefused: It cannot be done as things are; nothing was changed.
            RebuildFailed: It ended badly in the middle, or is not done in time.
            MemberUnreachable: No answer; what was asked may have happened.
        """
        where = self._member(member)
        work = Replacing(self._api, where, self._operation, self._kept_name(where), check, self._seconds)
        work.run(self._member(writer))

    def _beside(self, member: Member, there: Mapping[str, Any], old: Mapping[str, Any]) -> Judgment:
        """A replica that is there: whether it has all that it shall have, and the old instance is closed off."""
        group = closed_group(self._api, member, old)
        shut = Judgment(Progress.UNDER_WAY, "") if group is None else closed_off(old, group)
        if shut.progress is not Progress.DONE:
            return Judgment(Progress.UNDER_WAY, f"{old['DBInstanceIdentifier']} could be written to without its fence")
        return settled(there, old)

    def _old(self, member: Member) -> Mapping[str, Any] | None:
        return replaced(member.identifier or "", self._api.every(member, "rds", "DescribeDBInstances", "DBInstances"))

    def _kept_name(self, member: Member) -> str:
        return kept_name(member.identifier or "", self._operation)

    def _member(self, name: str) -> Member:
        try:
            found = self._members[name]
        except KeyError:
            raise StepRefused(f"there is no member {name}: {', '.join(self._members)}") from None
        if not found.identifier:
            raise StepRefused(f"the topology names no RDS instance of {name}")
        return found
