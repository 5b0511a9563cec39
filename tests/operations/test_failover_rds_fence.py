"""The fence around a database on RDS: which rules are made, what a reboot is taken for, and what is in the way."""

from typing import Any

import boto3
import pytest
from moto import mock_aws

from fake_rds import FakeAws, Fault
from fake_rds_pair import FENCED, HOME, MARK, OLD, OPEN, REBOOT, pair, servers
from seawall.errors import CloudUnavailable, SeawallError, StepRefused
from seawall.testing import FakeClock
from seawall_ops.failover.plans.rds import RdsServers, VerifyBy
from seawall_ops.failover.plans.rds_fence import FenceTerms
from seawall_ops.failover.plans.servers import MemberUnreachable


@pytest.fixture
def aws() -> FakeAws:
    """A writer over two subnets with an ACL each, and a replica in another region."""
    return pair()


def test_a_fence_closes_every_network_and_then_reboots(aws: FakeAws):
    """Rules first: clients would be back at once after a reboot before them."""
    one = servers(aws)
    assert not one.fence_of("ireland").closed
    one.fence("ireland")
    assert one.fence_of("ireland").closed
    assert (aws.rules("acl-1"), aws.rules("acl-2"), aws.rules("acl-3")) == (FENCED, FENCED, OPEN)
    assert aws.calls.index("RebootDBInstance") > max(
        place for place, call in enumerate(aws.calls) if call == "CreateNetworkAclEntry"
    )
    calls = len(aws.calls)
    one.fence("ireland")
    assert {"RebootDBInstance", "CreateNetworkAclEntry"}.isdisjoint(aws.calls[calls:])


def test_available_right_after_a_reboot_was_taken_is_from_before(aws: FakeAws):
    """RDS begins late: what was running then would still commit."""
    aws.restarts_are_told = False
    aws.script(
        "RebootDBInstance", (30.0, {"DBInstanceStatus": "rebooting"}), (90.0, {"DBInstanceStatus": "available"})
    )  # fmt: skip
    servers(aws).fence("ireland")
    assert aws.clock.monotonic() >= 90.0
    assert aws.calls.count("RebootDBInstance") == 1


def test_a_restart_that_was_never_seen_but_told_counts_if_it_is_later(aws: FakeAws):
    """A quick reboot between two looks; an event from before the rules says nothing."""
    aws.script("RebootDBInstance")
    aws.events.append(("shop-ireland", {"Message": "DB instance restarted", "Date": aws.now()}))
    with pytest.raises(MemberUnreachable, match="sessions not ended after 200 s"):
        servers(aws, fence_seconds=200.0).fence("ireland")
    assert aws.calls.count("RebootDBInstance") > 1
    assert not servers(aws).fence_of("ireland").closed
    aws.events.append(("shop-ireland", {"Message": "DB instance restarted", "Date": aws.now()}))
    aws.sleep(5.0)
    asked = aws.calls.count("RebootDBInstance")
    assert servers(aws).fence_of("ireland").closed
    servers(aws).fence("ireland")
    assert aws.calls.count("RebootDBInstance") == asked


def test_an_instance_that_cannot_be_rebooted_yet_is_waited_for(aws: FakeAws):
    """A backup ends; its networks are closed meanwhile."""
    instance = aws.instances[HOME, "shop-ireland"]
    instance["DBInstanceStatus"] = "backing-up"
    aws.script("Backup", (60.0, {"DBInstanceStatus": "available"}))
    aws._follow("Backup", instance)  # pyright: ignore[reportPrivateUsage]
    servers(aws).fence("ireland")
    assert servers(aws).fence_of("ireland").closed


def test_a_server_that_rds_has_lost_is_silence_though_its_networks_are_closed(aws: FakeAws):
    """Nothing ends its sessions: apps' epochs have to run out."""
    aws.instances[HOME, "shop-ireland"]["DBInstanceStatus"] = "failed"
    with pytest.raises(MemberUnreachable, match="RDS says failed"):
        servers(aws).fence("ireland")
    assert aws.rules("acl-1") == FENCED
    with pytest.raises(MemberUnreachable, match="RDS says failed"):
        servers(aws).fence_of("ireland")


class Killed(BaseException):
    """A process that ends in the middle."""


def test_a_fence_killed_at_any_call_is_completed_by_another_process(aws: FakeAws):
    """Every call is a crash point, before it and after it; and half of a fence is never taken for a whole one."""
    servers(aws).fence("ireland")
    calls = len(aws.calls)
    for point in range(calls):
        account = _again()
        left = [point]

        def kill(operation: str, left: list[int] = left) -> None:
            del operation
            left[0] -= 1
            if left[0] < 0:
                raise Killed

        account.on_call = kill
        with pytest.raises(Killed):
            servers(account).fence("ireland")
        account.on_call = lambda _: None
        if account.calls.count("RebootDBInstance") == 0:
            assert not servers(account).fence_of("ireland").closed
        account.sleep(120.0)
        servers(account).fence("ireland")
        assert servers(account).fence_of("ireland").closed
        servers(account).lift("ireland")
        assert (account.rules("acl-1"), account.rules("acl-2"), account.tags("acl-1")) == (OPEN, OPEN, {})


def _again() -> FakeAws:
    account = FakeAws()
    account.add("shop-ireland", HOME, ["subnet-1", "subnet-2"])
    account.add_acl("acl-1", HOME, ["subnet-1"])
    account.add_acl("acl-2", HOME, ["subnet-2"])
    account.script("RebootDBInstance", *REBOOT)
    return account


def test_a_lifting_killed_at_any_call_is_completed(aws: FakeAws):
    """A rule that is left behind keeps a new replica's clients out."""
    servers(aws).fence("ireland")
    begun = len(aws.calls)
    servers(aws).lift("ireland")
    for point in range(len(aws.calls) - begun):
        account = _again()
        servers(account).fence("ireland")
        account.faults = [Fault("*", "time-out", after=point, lost_answer=True)]
        with pytest.raises(MemberUnreachable):
            servers(account).lift("ireland")
        servers(account).lift("ireland")
        assert (account.rules("acl-1"), account.rules("acl-2"), account.tags("acl-2")) == (OPEN, OPEN, {})
        assert not servers(account).fence_of("ireland").closed


def test_a_rule_that_somebody_removes_opens_the_fence_and_it_is_made_anew(aws: FakeAws):
    """Sessions may have been made meanwhile, so the reboot is, too."""
    servers(aws).fence("ireland")
    acl = aws.acls[HOME, "acl-2"]
    acl["Entries"] = [each for each in acl["Entries"] if each["RuleNumber"] != 1]
    assert not servers(aws).fence_of("ireland").closed
    servers(aws).fence("ireland")
    assert servers(aws).fence_of("ireland").closed
    assert aws.calls.count("RebootDBInstance") == 2


def test_a_refusal_after_the_first_change_says_that_it_is_half_done(aws: FakeAws):
    """Whoever takes it for no change would leave the rules behind."""
    aws.faults = [Fault("RebootDBInstance", "AccessDenied")]
    with pytest.raises(CloudUnavailable, match=r"half done: the role may not call rds:RebootDBInstance"):
        servers(aws).fence("ireland")
    aws.faults = [Fault("CreateTags", "UnauthorizedOperation")]
    account = _again()
    account.faults = aws.faults
    with pytest.raises(StepRefused, match="ec2:CreateTags"):
        servers(account).fence("ireland")
    assert account.rules("acl-1") == OPEN


def _foreign_rule(aws: FakeAws) -> None:
    rule = {"RuleNumber": 1, "Egress": False, "Protocol": "6", "RuleAction": "allow", "CidrBlock": "10.0.0.0/8"}
    aws.acls[HOME, "acl-1"]["Entries"].append({**rule, "PortRange": {"From": 22, "To": 22}})


def _other_database(aws: FakeAws) -> None:
    aws.add("reports", HOME, ["subnet-2"])


def _other_subnet(aws: FakeAws) -> None:
    aws.acls[HOME, "acl-1"]["Associations"].append({"SubnetId": "subnet-9"})


def _client_beside(aws: FakeAws) -> None:
    own = {"NetworkInterfaceId": "eni-1", "SubnetId": "subnet-1", "RequesterId": "amazon-rds"}
    aws.interfaces += [(HOME, own), (HOME, {"NetworkInterfaceId": "eni-2", "SubnetId": "subnet-1"})]


@pytest.mark.parametrize(
    ("arrange", "said", "terms"),
    [
        (_foreign_rule, "acl-1 has a rule of somebody else's under number 1, which a fence needs: allow", None),
        (_other_database, "it would cut off reports on port 5432, too", FenceTerms(frozenset({"reports"}))),
        (_other_subnet, "acl-1 is that of subnet-9, too", FenceTerms(frozenset({"subnet-9"}))),
        (_client_beside, r"1 network interface of others \(eni-2\)", FenceTerms(uncut_because="a bastion, closed")),
    ],
)
def test_what_a_fence_would_cut_or_miss_is_refused_unless_it_is_allowed(
    aws: FakeAws, arrange: Any, said: str, terms: Any
):
    """Nothing is cut off that nobody thought of, and no gap is taken for a fence. The dry run says it, too."""
    arrange(aws)
    with pytest.raises(StepRefused, match=said):
        servers(aws).fence("ireland")
    assert aws.rules("acl-2") == OPEN
    assert "it cannot be fenced" in servers(aws).fence_of("ireland").shown
    if terms is not None:
        servers(aws, fence_terms=terms).fence("ireland")
        assert servers(aws, fence_terms=terms).fence_of("ireland").closed


def test_a_lifting_leaves_the_rules_of_others_and_those_of_another_fence(aws: FakeAws):
    """Two databases behind one ACL: to open one must not open the other."""
    servers(aws).fence("ireland")
    aws.acls[HOME, "acl-1"]["Tags"].append({"Key": "seawall:fence:reports", "Value": "5432 closed"})
    servers(aws).lift("ireland")
    assert (aws.rules("acl-1"), aws.rules("acl-2")) == (FENCED, OPEN)
    assert MARK not in aws.tags("acl-1")


def test_the_rules_are_such_as_ec2_takes_and_shows_again():
    """moto's network ACLs are right, a VPC's default one included; its reboots show nothing, so that nothing is closed by it."""
    clock = FakeClock()
    with mock_aws():

        def client(service: str, region: str) -> Any:
            return boto3.client(service, region_name=region, aws_access_key_id="a", aws_secret_access_key="b")  # type: ignore[call-overload]

        ec2, rds = client("ec2", HOME), client("rds", HOME)
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"{HOME}{zone}")["Subnet"][
                "SubnetId"
            ]
            for n, zone in enumerate("ab")
        ]
        rds.create_db_subnet_group(DBSubnetGroupName="data", DBSubnetGroupDescription="data", SubnetIds=subnets)
        rds.create_db_instance(
            DBInstanceIdentifier="shop-ireland", Engine="postgres", DBInstanceClass="db.r6g.large", AllocatedStorage=20,
            MasterUsername="shop", MasterUserPassword="long-enough-1", DBSubnetGroupName="data", Port=5432,
        )  # fmt: skip
        one = RdsServers(
            [OLD], clients=client, clock=clock, sleep=clock.advance, verify_by=VerifyBy.STATUS, fence_seconds=30.0
        )  # fmt: skip
        with pytest.raises(SeawallError):
            one.fence("ireland")
        [acl] = ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": subnets}])["NetworkAcls"]
        rules = {each["RuleNumber"]: each for each in acl["Entries"] if not each["Egress"] and each["RuleNumber"] < 100}
        assert (rules[1]["CidrBlock"], rules[2]["Ipv6CidrBlock"]) == ("0.0.0.0/0", "::/0")
        one.lift("ireland")
        [acl] = ec2.describe_network_acls(NetworkAclIds=[acl["NetworkAclId"]])["NetworkAcls"]
        assert min(each["RuleNumber"] for each in acl["Entries"]) == 100
        assert acl.get("Tags", []) == []
