"""The network ACLs around an RDS instance: how they are read, and the two rules that are a fence's. Changes nothing.

Rules have neither names nor tags. Ours are known by their numbers and by all that stands in them, and whose fence they are by
a tag of their network ACL, `seawall:fence:<instance>`, whose value is the port and how far the fence is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final, Self, cast

from seawall.errors import StepRefused
from seawall.topology import Member
from seawall_ops.failover.plans.rds_api import RdsApi

__all__ = [
    "ANYWHERE",
    "MARK",
    "TCP",
    "Mark",
    "NetworkAcl",
    "Phase",
    "networks_of",
    "port_of",
    "subnets_of",
    "tagged_networks",
]

# EC2 takes the first rule that matches, by number, in each direction. Nothing comes before these two, so that no allowing rule
# does; consoles and modules begin at 100.
DENY_IPV4: Final = 1
DENY_IPV6: Final = 2
ANYWHERE: Final[Mapping[int, tuple[str, str]]] = {
    DENY_IPV4: ("CidrBlock", "0.0.0.0/0"),
    DENY_IPV6: ("Ipv6CidrBlock", "::/0"),
}
TCP: Final = "6"  # IANA's number of the protocol, as EC2 writes it
MARK: Final = "seawall:fence:"


class Phase(Enum):
    """How far a fence is, as its mark says. A later one never stands before the rules of all networks do."""

    CUTTING = "cutting"
    """Rules are being made; sessions from before may go on inside of the server."""
    ASKED = "asked"
    """All rules stand, and after that RDS has taken a reboot; followed by when, by AWS's clock."""
    CLOSED = "closed"
    """The reboot has ended, too."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a fence's tag says.

    Args:
        port: Of the database.
        phase: How far it is.
        asked_at: When AWS took the reboot.
    """

    port: int
    phase: Phase
    asked_at: datetime | None = None

    def __str__(self) -> str:
        return f"{self.port} {self.phase.value}" + (f" {self.asked_at.isoformat()}" if self.asked_at else "")

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """From the tag's value; `None`: it is none of ours."""
        port, _, rest = text.partition(" ")
        phase, _, asked = rest.partition(" ")
        try:
            return cls(int(port), Phase(phase), datetime.fromisoformat(asked) if asked else None)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class NetworkAcl:
    """One network ACL.

    Args:
        id: EC2's.
        subnets: All that are associated with it.
        rules: Of the inbound direction, by number.
        tags: By key.
    """

    id: str
    subnets: frozenset[str]
    rules: Mapping[int, Mapping[str, Any]]
    tags: Mapping[str, str]

    @classmethod
    def read(cls, described: Mapping[str, Any]) -> Self:
        """As EC2 describes it."""
        return cls(
            id=described["NetworkAclId"],
            subnets=frozenset(each["SubnetId"] for each in described.get("Associations", ())),
            rules={each["RuleNumber"]: each for each in described.get("Entries", ()) if not each["Egress"]},
            tags={each["Key"]: each["Value"] for each in described.get("Tags", ())},
        )

    def denies(self, number: int, port: int) -> bool:
        """Whether our rule of that number stands."""
        rule = self.rules.get(number)
        if rule is None:
            return False
        key, everywhere = ANYWHERE[number]
        ports = cast("Mapping[str, int]", rule.get("PortRange") or {})
        return (rule["RuleAction"], str(rule["Protocol"]), rule.get(key)) == ("deny", TCP, everywhere) and (
            ports.get("From"),
            ports.get("To"),
        ) == (port, port)

    def stands(self, port: int) -> bool:
        """Whether both do."""
        return all(self.denies(number, port) for number in ANYWHERE)

    def foreign(self, port: int) -> str | None:
        """A rule of somebody else's under one of our numbers, in one line."""
        for number in ANYWHERE:
            if number in self.rules and not self.denies(number, port):
                rule = self.rules[number]
                ports = cast("Mapping[str, int]", rule.get("PortRange") or {})
                shown = f"{ports.get('From', 'all')}-{ports.get('To', 'all')}"
                source = rule.get("CidrBlock") or rule.get("Ipv6CidrBlock")
                return (
                    f"{self.id} has a rule of somebody else's under number {number}, which a fence needs: "
                    f"{rule['RuleAction']} protocol {rule['Protocol']}, ports {shown}, from {source}"
                )
        return None

    def mark(self, identifier: str) -> Mark | None:
        """Of that instance's fence."""
        return Mark.parse(self.tags.get(f"{MARK}{identifier}", ""))

    def others(self, identifier: str) -> list[str]:
        """Other instances whose fence stands on the same rules."""
        return sorted(
            key.removeprefix(MARK) for key in self.tags if key.startswith(MARK) and key != f"{MARK}{identifier}"
        )


def port_of(instance: Mapping[str, Any]) -> int:
    """Where the instance listens.

    Raises:
        StepRefused: RDS does not say: it has no endpoint yet.
    """
    port = cast("Mapping[str, Any]", instance.get("Endpoint") or {}).get("Port")
    if not port:
        raise StepRefused(
            f"RDS names no endpoint of {instance['DBInstanceIdentifier']}: it is {instance['DBInstanceStatus']}"
        )
    return int(port)


def subnets_of(instance: Mapping[str, Any]) -> frozenset[str]:
    """All of its subnet group: a Multi-AZ instance may move to another one at any time."""
    group = cast("Mapping[str, Any]", instance.get("DBSubnetGroup") or {})
    return frozenset(str(each["SubnetIdentifier"]) for each in group.get("Subnets", ()))


def networks_of(api: RdsApi, member: Member, instance: Mapping[str, Any]) -> Sequence[NetworkAcl]:
    """The network ACLs of all its subnets, by id.

    Raises:
        StepRefused: It has none, or one of a subnet is not known: a fence would have a gap.
        MemberUnreachable: No answer.
    """
    subnets = subnets_of(instance)
    if not subnets:
        raise StepRefused(f"{member.identifier} is in no subnet group: no network can be closed")
    found = _described(api, member, "association.subnet-id", subnets)
    gaps = subnets.difference(*(each.subnets for each in found))
    if gaps:
        raise StepRefused(f"EC2 names no network ACL of {', '.join(sorted(gaps))}")
    return found


def tagged_networks(api: RdsApi, member: Member) -> Sequence[NetworkAcl]:
    """Those on which the member's fence stands, or stood, wherever its subnets are now."""
    return _described(api, member, "tag-key", [f"{MARK}{member.identifier}"])


def _described(api: RdsApi, member: Member, name: str, values: Iterable[str]) -> list[NetworkAcl]:
    filters = [{"Name": name, "Values": sorted(values)}]
    described = api.every(member, "ec2", "DescribeNetworkAcls", "NetworkAcls", Filters=filters)
    return sorted((NetworkAcl.read(each) for each in described), key=lambda each: each.id)
