"""What FIS's role may do: what the chosen actions need on what bears the tags, and nothing else.

Source: AWS FIS user guide, "Actions reference" (permissions of each action), and AWS's own managed policies
`AWSFaultInjectionSimulator{EC2,Network,RDS,SSM}Access`, which allow the same without asking for the tag.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pulumi_seawall._arns import arn, partition_of
from pulumi_seawall._fault_actions import DOCUMENTS, NO_CAPACITY_ACTION, FaultAction, FaultShape, document_arn
from pulumi_seawall._policy import Statement, in_regions, trust_text

FIS: Final = "fis.amazonaws.com"
MADE_BY_FIS: Final = {"managedByFIS": "true"}  # FIS tags the network ACLs that it makes


@dataclass(frozen=True, slots=True)
class FaultScope:
    """Where, and on what.

    Args:
        region: Of the targets.
        account_id: Of the targets.
        tags: That a target bears.
        volume_key_arns: KMS keys of the instances' volumes.
    """

    region: str
    account_id: str
    tags: Mapping[str, str]
    volume_key_arns: tuple[str, ...] = ()

    def arn(self, service: str, resource: str) -> str:
        """The ARN of something where the experiment runs."""
        return arn(service, self.region, self.account_id, resource)

    def tagged(self, key: str = "aws:ResourceTag") -> dict[str, dict[str, str]]:
        """The condition that a target bears every tag."""
        return {"StringEquals": {f"{key}/{name}": value for name, value in self.tags.items()}}

    def looking(self, sid: str, *actions: str) -> Statement:
        """Reading what has no resource type, in this region."""
        return Statement(sid, actions, conditions=in_regions(self.region))


def statements_of(shape: FaultShape, actions: Sequence[FaultAction], scope: FaultScope) -> list[Statement]:
    """The role's policy."""
    found = [statement for action in actions for statement in _BY_ACTION[action.action_id](shape, scope)]
    return [*found, _logs(scope)]


def trust(name: str, region: str, account_id: str) -> str:
    """Only FIS may take the role, and only for an experiment of this account and region (the confused deputy).

    Raises:
        InvalidInput: It is larger than IAM takes by default.
    """
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Service": FIS},
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"aws:SourceAccount": account_id},
            "ArnLike": {"aws:SourceArn": arn("fis", region, account_id, "experiment/*")},
        },
    }
    return trust_text(name, [statement])


def _terminating(shape: FaultShape, scope: FaultScope) -> Iterator[Statement]:
    del shape
    instances = (scope.arn("ec2", "instance/*"),)
    yield Statement("TerminateTagged", ("ec2:TerminateInstances",), instances, scope.tagged())
    yield scope.looking("FindInstances", "ec2:DescribeInstances")


def _stopping(shape: FaultShape, scope: FaultScope) -> Iterator[Statement]:
    del shape
    instances = (scope.arn("ec2", "instance/*"),)
    yield Statement("StopAndStartTagged", ("ec2:StartInstances", "ec2:StopInstances"), instances, scope.tagged())
    yield scope.looking("FindInstances", "ec2:DescribeInstances")
    if scope.volume_key_arns:
        conditions: dict[str, dict[str, str]] = {
            "Bool": {"kms:GrantIsForAWSResource": "true"},
            "StringEquals": {"kms:ViaService": f"ec2.{scope.region}.amazonaws.com"},
        }
        yield Statement("StartOnEncryptedVolumes", ("kms:CreateGrant",), scope.volume_key_arns, conditions)


def _cutting(shape: FaultShape, scope: FaultScope) -> Iterator[Statement]:
    del shape
    acls, vpcs = scope.arn("ec2", "network-acl/*"), scope.arn("ec2", "vpc/*")
    asked = {f"aws:RequestTag/{key}": value for key, value in MADE_BY_FIS.items()}
    borne = {f"aws:ResourceTag/{key}": value for key, value in MADE_BY_FIS.items()}
    creation = {"StringEquals": {**asked, "ec2:CreateAction": "CreateNetworkAcl"}}
    yield Statement("MakeAcl", ("ec2:CreateNetworkAcl",), (acls,), {"StringEquals": asked})
    yield Statement("MakeAclInVpc", ("ec2:CreateNetworkAcl",), (vpcs,))
    yield Statement("TagOwnAcl", ("ec2:CreateTags",), (acls,), creation)
    yield Statement(
        "ChangeOwnAcl", ("ec2:CreateNetworkAclEntry", "ec2:DeleteNetworkAcl"), (acls,), {"StringEquals": borne}
    )
    # The ACL to which a subnet returns is the user's own, and bears no tag: the subnet must.
    replace = ("ec2:ReplaceNetworkAclAssociation",)
    yield Statement("ReplaceAclOfTagged", replace, (scope.arn("ec2", "subnet/*"),), scope.tagged())
    yield Statement("ReplaceByAnyAcl", replace, (acls,))
    yield Statement("ReadPrefixLists", ("ec2:GetManagedPrefixListEntries",), (_prefix_lists(scope),))
    yield scope.looking(
        "FindSubnets",
        "ec2:DescribeManagedPrefixLists",
        "ec2:DescribeNetworkAcls",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
    )


def _prefix_lists(scope: FaultScope) -> str:
    """Those of AWS (S3, DynamoDB) belong to the account `aws`."""
    return f"arn:{partition_of(scope.region)}:ec2:{scope.region}:*:prefix-list/*"


def _commanding(shape: FaultShape, scope: FaultScope) -> Iterator[Statement]:
    document = document_arn(scope.region, DOCUMENTS[shape.kind])
    instances = (scope.arn("ec2", "instance/*"),)
    yield Statement("CommandTagged", ("ssm:SendCommand",), instances, scope.tagged("ssm:resourceTag"))
    yield Statement("OnlyThisDocument", ("ssm:SendCommand",), (document,))
    yield scope.looking("WatchAndCancel", "ssm:CancelCommand", "ssm:ListCommands")


def _refusing_launches(shape: FaultShape, scope: FaultScope) -> Iterator[Statement]:
    del shape
    groups = scope.arn("autoscaling", "autoScalingGroup:*:autoScalingGroupName/*")
    conditions: dict[str, dict[str, str | list[str]]] = {
        "StringEquals": {"ec2:FisActionId": NO_CAPACITY_ACTION, **in_regions(scope.region)["StringEquals"]},
        "ForAllValues:ArnLike": {"ec2:FisTargetArns": groups},
    }
    yield Statement("RefuseLaunches", ("ec2:InjectApiError",), conditions=conditions)
    yield scope.looking("FindGroups", "autoscaling:DescribeAutoScalingGroups")


def _failing_over(shape: FaultShape, scope: FaultScope) -> Iterator[Statement]:
    del shape
    databases = (scope.arn("rds", "db:*"),)
    yield Statement("FailOverTagged", ("rds:RebootDBInstance",), databases, scope.tagged())
    yield Statement("FindDatabases", ("rds:DescribeDBInstances",), databases)
    yield scope.looking("FindByTag", "tag:GetResources")


def _logs(scope: FaultScope) -> Statement:
    """Setting up the delivery of the experiment's log; none of it takes a resource, and none of it reads a log."""
    return scope.looking(
        "DeliverLog",
        "logs:CreateLogDelivery",
        "logs:DescribeLogGroups",
        "logs:DescribeResourcePolicies",
        "logs:PutResourcePolicy",
    )


_BY_ACTION: Final[Mapping[str, Callable[[FaultShape, FaultScope], Iterator[Statement]]]] = {
    "aws:ec2:terminate-instances": _terminating,
    "aws:ec2:stop-instances": _stopping,
    "aws:network:disrupt-connectivity": _cutting,
    "aws:ssm:send-command": _commanding,
    NO_CAPACITY_ACTION: _refusing_launches,
    "aws:rds:reboot-db-instances": _failing_over,
}
