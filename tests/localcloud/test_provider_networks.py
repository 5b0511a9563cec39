"""Networks and security groups through the plugin: what is let in, drift, and what EC2 would refuse."""

from typing import Any

import pytest

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("provider")]

GROUP = "aws:ec2/securityGroup:SecurityGroup"
SUBNET = "aws:ec2/subnet:Subnet"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
PORT = {"protocol": "tcp", "fromPort": 5432, "toPort": 5432}


@pytest.fixture
async def vpc(lab: Any) -> Any:
    return await lab.create("aws:ec2/vpc:Vpc", "vpc", {"cidrBlock": "10.0.0.0/16"})


def rules_of(lab: Any, group: Any) -> list[dict[str, Any]]:
    filters = [{"Name": "group-id", "Values": [group.id]}]
    return lab.client("ec2", "eu-west-1").describe_security_group_rules(Filters=filters)["SecurityGroupRules"]


async def test_a_new_group_lets_nothing_out_that_the_program_did_not_ask_for(lab: Any, vpc: Any) -> None:
    """AWS gives each new group a rule for everything outbound; the real provider removes it."""
    bare = await lab.create(GROUP, "bare", {"vpcId": vpc.id})
    assert rules_of(lab, bare) == []
    assert bare.state["name"].startswith("bare-")
    assert bare.state["description"] == "Managed by Pulumi"


async def test_how_blocks_are_grouped_into_rules_makes_no_difference(lab: Any, vpc: Any) -> None:
    """Order, repetition and names of protocols neither; another description does."""
    inputs = {"vpcId": vpc.id, "ingress": [{**PORT, "cidrBlocks": ["10.0.0.0/16", "10.1.0.0/16"]}]}
    group = await lab.create(GROUP, "grouped", inputs)
    apart = [{**PORT, "protocol": "6", "cidrBlocks": [block]} for block in ("10.1.0.0/16", "10.0.0.0/16")]
    assert not (await group.diff({**inputs, "ingress": apart})).diffs
    described = [{**inputs["ingress"][0], "description": "shop"}]
    assert list((await group.diff({**inputs, "ingress": described})).diffs) == ["ingress"]
    await group.update({**inputs, "ingress": described})
    assert {rule["Description"] for rule in rules_of(lab, group)} == {"shop"}


async def test_a_rule_that_somebody_added_is_found_and_removed(lab: Any, vpc: Any) -> None:
    """Drift in what is let in is the drift that matters most; a group without inline rules leaves it alone."""
    inputs = {"vpcId": vpc.id, "ingress": [{**PORT, "cidrBlocks": ["10.0.0.0/16"]}], "egress": []}
    group, bare = await lab.create(GROUP, "drift", inputs), await lab.create(GROUP, "bare", {"vpcId": vpc.id})
    ec2 = lab.client("ec2", "eu-west-1")
    for one in (group, bare):
        for kind in ("ingress", "egress"):
            everything = {"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
            getattr(ec2, f"authorize_security_group_{kind}")(GroupId=one.id, IpPermissions=[everything])
        assert await one.refresh()
    assert sorted((await group.diff(inputs)).diffs) == ["egress", "ingress"]
    assert not (await bare.diff({"vpcId": vpc.id})).diffs
    await group.update(inputs)
    assert [rule["CidrIpv4"] for rule in rules_of(lab, group)] == ["10.0.0.0/16"]


async def test_a_single_rule_of_each_kind_is_changed_in_place(lab: Any, vpc: Any) -> None:
    """The rule keeps its id; moto answered that all is well and changed nothing."""
    group, peer = [await lab.create(GROUP, name, {"vpcId": vpc.id}) for name in ("group", "peer")]
    targets = {
        "cidrIpv4": ("10.0.0.0/16", "10.1.0.0/16"),
        "cidrIpv6": ("2001:db8::/32", "2001:db8:1::/48"),
        "prefixListId": ("pl-11111111", "pl-22222222"),
        "referencedSecurityGroupId": (peer.id, group.id),
    }
    for name, (first, second) in targets.items():
        inputs = {"securityGroupId": group.id, "ipProtocol": "tcp", "fromPort": 5432, "toPort": 5432, name: first}
        rule = await lab.create(INGRESS, name, inputs)
        id_ = rule.id
        await rule.update({**inputs, name: second})
        assert await rule.refresh()
        assert (rule.id, rule.state[name]) == (id_, second)
        assert not (await rule.diff({**inputs, name: second})).diffs
        await rule.delete()
    assert rules_of(lab, group) == []


async def test_what_no_rule_can_be_is_refused(lab: Any) -> None:
    """One line for each, before anything is made."""
    everything = {**PORT, "protocol": "-1", "cidrBlocks": ["0.0.0.0/0"]}
    for rule in (everything, {"protocol": "tcp", "cidrBlocks": []}):
        (failure,) = (await lab.failures(GROUP, {"ingress": [rule]})).values()
        assert failure.startswith("ingress[0].fromPort = ")
    rule = {"securityGroupId": "sg-1", "ipProtocol": "tcp", "fromPort": 1, "toPort": 2}
    assert list(await lab.failures(EGRESS, rule)) == ["cidrIpv4"]
    assert list(await lab.failures(EGRESS, {**rule, "cidrIpv4": "10.0.0.0/8", "prefixListId": "pl-1"})) == ["cidrIpv4"]
    assert sorted(await lab.failures(EGRESS, {**rule, "cidrIpv4": "10.0.0.0/8", "ipProtocol": "-1"})) == [
        "fromPort",
        "toPort",
    ]
    assert list(await lab.failures(GROUP, {"name": "sg-mine"})) == ["name"]
    assert list(await lab.failures(SUBNET, {"vpcId": "vpc-1", "cidrBlock": "10.0.0.1/24"})) == ["cidrBlock"]


async def test_a_private_zone_follows_its_networks(lab: Any, vpc: Any) -> None:
    """The writer's private name is resolved in each region's network; adding one changes the zone in place."""
    inputs = {"name": f"z{lab.prefix}.internal", "vpcs": [{"vpcId": vpc.id, "vpcRegion": "eu-west-1"}]}
    zone = await lab.create("aws:route53/zone:Zone", "private", inputs)
    far = await lab.create("aws:ec2/vpc:Vpc", "far", {"cidrBlock": "10.1.0.0/16", "region": "us-east-1"})
    both = {**inputs, "vpcs": [{"vpcId": far.id, "vpcRegion": "us-east-1"}, *inputs["vpcs"]]}
    assert not (await zone.diff(both)).replaces
    await zone.update(both)
    assert await zone.refresh()
    assert not (await zone.diff({**both, "vpcs": both["vpcs"][::-1]})).diffs
    record = {"zoneId": zone.id, "name": f"writer.{inputs['name']}", "type": "CNAME", "ttl": 5, "records": ["a.test"]}
    writer = await lab.create("aws:route53/record:Record", "writer", record)
    await writer.update({**record, "records": ["b.test"]})
    assert not (await writer.diff({**record, "records": ["b.test"]})).diffs
    await writer.delete()
    await zone.delete()
    assert not await zone.refresh()
