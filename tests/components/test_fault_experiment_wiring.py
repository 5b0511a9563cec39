"""What a `FaultExperiment` tells FIS, and what its role may do."""

import json
from typing import Any

import pulumi
import pytest

from pulumi_seawall import FaultExperiment, FaultKind, plan_fault
from seawall.errors import InvalidInput
from seawall_policies import actions_in, grants, lint

REGION = "eu-west-1"
ACCOUNT = "123456789012"
ALARM = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:shop-errors"
TAGS = {"seawall:faults": "staging"}

# The permissions that the actions reference of FIS lists, by kind; the log's delivery comes with each.
DOCUMENTED: dict[str, set[str]] = {
    "terminate_instances": {"ec2:TerminateInstances", "ec2:DescribeInstances"},
    "stop_instances": {"ec2:StopInstances", "ec2:StartInstances", "ec2:DescribeInstances"},
    "network_cut": {
        *("ec2:CreateNetworkAcl", "ec2:CreateNetworkAclEntry", "ec2:CreateTags", "ec2:DeleteNetworkAcl"),
        *("ec2:DescribeManagedPrefixLists", "ec2:DescribeNetworkAcls", "ec2:DescribeSubnets", "ec2:DescribeVpcs"),
        *("ec2:GetManagedPrefixListEntries", "ec2:ReplaceNetworkAclAssociation"),
    },
    "disk_fill": {"ssm:SendCommand", "ssm:ListCommands", "ssm:CancelCommand"},
    "cpu_stress": {"ssm:SendCommand", "ssm:ListCommands", "ssm:CancelCommand"},
    "zone_loss": {
        *("ec2:StopInstances", "ec2:StartInstances", "ec2:DescribeInstances"),
        *("ec2:InjectApiError", "autoscaling:DescribeAutoScalingGroups"),
        *("ec2:CreateNetworkAcl", "ec2:CreateNetworkAclEntry", "ec2:CreateTags", "ec2:DeleteNetworkAcl"),
        *("ec2:DescribeManagedPrefixLists", "ec2:DescribeNetworkAcls", "ec2:DescribeSubnets", "ec2:DescribeVpcs"),
        *("ec2:GetManagedPrefixListEntries", "ec2:ReplaceNetworkAclAssociation"),
    },
}
LOG_DELIVERY = {
    *("logs:CreateLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies", "logs:PutResourcePolicy"),
}


def fault(kind: str = "stop_instances", **changes: Any) -> Any:
    args: dict[str, Any] = {
        "kind": kind,
        "region": REGION,
        "account_id": ACCOUNT,
        "environment": "staging",
        "allowed_environments": ["staging"],
        "stop_alarms": [ALARM],
        "fleet_size": 6,
    }
    args |= {"zone": f"{REGION}a", "in_zone": 2} if kind == "zone_loss" else {"count": 2}
    if kind != "terminate_instances":
        args["duration_seconds"] = 600
    return {**args, **changes}


def declared(deploy: Any, args: Any) -> Any:
    return deploy(lambda: FaultExperiment("fault", args))


def template_of(deployment: Any) -> dict[str, Any]:
    (made,) = deployment.of("ExperimentTemplate").values()
    return made.inputs


def parameters(action: dict[str, Any]) -> dict[str, str]:
    return {pair["key"]: pair["value"] for pair in action["parameters"]}


def test_stopped_instances_start_again_and_are_found_by_tag(deploy):
    """A fault carries its own end; only running instances with the tag count."""
    template = template_of(declared(deploy, fault(zone=f"{REGION}b")))
    (action,), (target,) = template["actions"], template["targets"]
    assert (action["actionId"], action["target"]) == (
        "aws:ec2:stop-instances",
        {"key": "Instances", "value": target["name"]},
    )
    assert parameters(action) == {"startInstancesAfterDuration": "PT10M", "completeIfInstancesTerminated": "true"}
    assert target["resourceType"] == "aws:ec2:instance"
    assert target["resourceTags"] == [{"key": "seawall:faults", "value": "staging"}]
    assert {each["path"]: each["values"] for each in target["filters"]} == {
        "State.Name": ["running"],
        "Placement.AvailabilityZone": [f"{REGION}b"],
    }
    assert target["selectionMode"] == "COUNT(2)"
    assert "resourceArns" not in target


def test_terminated_instances_have_no_parameters(deploy):
    """What is gone for good needs no end."""
    deployment = declared(deploy, fault("terminate_instances"))
    (action,) = template_of(deployment)["actions"]
    assert action["actionId"] == "aws:ec2:terminate-instances"
    assert not action.get("parameters")
    assert deployment.outputs["longest_seconds"] == 0


def test_a_cut_denies_what_was_asked_for_in_the_vpc(deploy):
    """The filter keeps the cut in one VPC; the scope says which traffic."""
    args = fault("network_cut", scope="vpc", vpc_id=pulumi.Output.from_input("vpc-1"), duration_seconds=90)
    template = template_of(declared(deploy, args))
    (action,), (target,) = template["actions"], template["targets"]
    assert action["actionId"] == "aws:network:disrupt-connectivity"
    assert action["target"]["key"] == "Subnets"
    assert parameters(action) == {"duration": "PT90S", "scope": "vpc"}
    assert target["resourceType"] == "aws:ec2:subnet"
    assert target["filters"] == [{"path": "VpcId", "values": ["vpc-1"]}]


@pytest.mark.parametrize(
    ("kind", "changes", "document", "percent"),
    [
        ("disk_fill", {}, "AWSFIS-Run-Disk-Fill", {"Percent": "90"}),
        ("disk_fill", {"fill_percent": 50}, "AWSFIS-Run-Disk-Fill", {"Percent": "50"}),
        ("cpu_stress", {"load_percent": 80}, "AWSFIS-Run-CPU-Stress", {"LoadPercent": "80"}),
    ],
)
def test_a_command_is_watched_until_its_fault_is_over(deploy, kind, changes, document, percent):
    """FIS watches for the action's duration: shorter than the document's, and the fault outlives the experiment."""
    deployment = declared(deploy, fault(kind, **changes))
    (action,) = template_of(deployment)["actions"]
    given = parameters(action)
    assert action["actionId"] == "aws:ssm:send-command"
    assert given["documentArn"] == f"arn:aws:ssm:{REGION}::document/{document}"
    assert json.loads(given["documentParameters"]) == {
        "DurationSeconds": "600",
        "InstallDependencies": "True",
        **percent,
    }
    assert given["duration"] == "PT15M"
    assert deployment.outputs["longest_seconds"] == 900


def test_a_lost_zone_loses_everything_tagged_in_it_at_once(deploy):
    """Instances, new capacity, connections and writers go together, in that zone only."""
    parts = ["instances", "launches", "subnets", "database"]
    template = template_of(declared(deploy, fault("zone_loss", zone_parts=parts)))
    actions = {action["actionId"]: action for action in template["actions"]}
    targets = {target["name"]: target for target in template["targets"]}
    assert set(actions) == {
        "aws:ec2:stop-instances",
        "aws:ec2:asg-insufficient-instance-capacity-error",
        "aws:network:disrupt-connectivity",
        "aws:rds:reboot-db-instances",
    }
    assert not any(action.get("startAfters") for action in actions.values())
    launches = parameters(actions["aws:ec2:asg-insufficient-instance-capacity-error"])
    assert launches == {"availabilityZoneIdentifiers": f"{REGION}a", "duration": "PT10M", "percentage": "100"}
    assert parameters(actions["aws:rds:reboot-db-instances"]) == {"forceFailover": "true"}
    assert targets["databases"]["parameters"] == {"availabilityZoneIdentifiers": f"{REGION}a"}
    assert targets["subnets"]["filters"] == [{"path": "AvailabilityZone", "values": [f"{REGION}a"]}]
    assert all(target["resourceTags"] for target in targets.values())
    assert {target["selectionMode"] for target in targets.values()} == {"ALL"}


def test_a_zone_loses_only_the_parts_that_were_chosen(deploy):
    """FIS fails an experiment in which a target is missing: who has no Auto Scaling group leaves that part out."""
    template = template_of(declared(deploy, fault("zone_loss", zone_parts=["subnets"])))
    assert [action["actionId"] for action in template["actions"]] == ["aws:network:disrupt-connectivity"]


@pytest.mark.parametrize("kind", [kind.value for kind in FaultKind])
def test_every_template_stops_on_its_alarms_logs_and_fails_without_targets(deploy, kind):
    """What holds for every fault: `none` as a stop condition is not to be had."""
    deployment = declared(deploy, fault(kind))
    template = template_of(deployment)
    assert template["stopConditions"] == [{"source": "aws:cloudwatch:alarm", "value": ALARM}]
    assert template["experimentOptions"] == {
        "accountTargeting": "single-account",
        "emptyTargetResolutionMode": "fail",
    }
    log = template["logConfiguration"]
    assert log["logSchemaVersion"] == 2
    assert log["cloudwatchLogsConfiguration"]["logGroupArn"].endswith(":*")
    (group,) = deployment.of("LogGroup").values()
    assert (group.inputs["name"], group.inputs["retentionInDays"]) == ("/aws/vendedlogs/fis/seawall/test/fault", 90)
    assert template["tags"]["seawall:component"] == "fault"
    assert all(made.inputs.get("region", REGION) == REGION for made in deployment.made)


@pytest.mark.parametrize("kind", DOCUMENTED)
def test_the_role_may_do_what_fis_documents_for_the_action_and_nothing_else(deploy, kind):
    """One permission less, and the experiment fails halfway; one more, and somebody can do it without an experiment."""
    policy = json.loads(declared(deploy, fault(kind)).outputs["policy"])
    assert actions_in(policy) == DOCUMENTED[kind] | LOG_DELIVERY
    assert lint(policy) == []


DESTRUCTIVE = {
    "terminate_instances": [("ec2:TerminateInstances", "aws:ResourceTag")],
    "stop_instances": [("ec2:StopInstances", "aws:ResourceTag"), ("ec2:StartInstances", "aws:ResourceTag")],
    "network_cut": [("ec2:ReplaceNetworkAclAssociation", "aws:ResourceTag")],
    "disk_fill": [("ssm:SendCommand", "ssm:resourceTag")],
    "cpu_stress": [("ssm:SendCommand", "ssm:resourceTag")],
}


@pytest.mark.parametrize("kind", DESTRUCTIVE)
def test_what_breaks_something_is_allowed_on_what_bears_the_tags_only(kind):
    """The tag is the owner's consent: without it FIS's role must be refused too."""
    policy = json.loads(str(plan_fault(fault(kind, target_tags={**TAGS, "service": "shop"})).policy))
    for action, key in DESTRUCTIVE[kind]:
        hitting = [
            statement
            for statement in grants(policy, action)
            if any(part in statement["Resource"][0] for part in (":instance/", ":subnet/"))
        ]
        wanted = {f"{key}/seawall:faults": "staging", f"{key}/service": "shop"}
        assert [statement["Condition"]["StringEquals"] for statement in hitting] == [wanted]


def test_a_command_may_run_no_other_document():
    """`ssm:SendCommand` on any document is a shell on every tagged instance."""
    policy = json.loads(str(plan_fault(fault("disk_fill")).policy))
    documents = [
        resource
        for statement in grants(policy, "ssm:SendCommand")
        for resource in statement["Resource"]
        if ":document/" in resource
    ]
    assert documents == [f"arn:aws:ssm:{REGION}::document/AWSFIS-Run-Disk-Fill"]


def test_launches_are_refused_by_this_action_only():
    """`ec2:InjectApiError` takes no resource: its condition keys are what bounds it."""
    policy = json.loads(str(plan_fault(fault("zone_loss")).policy))
    (statement,) = grants(policy, "ec2:InjectApiError")
    assert statement["Condition"]["StringEquals"]["ec2:FisActionId"] == (
        "aws:ec2:asg-insufficient-instance-capacity-error"
    )
    assert statement["Condition"]["ForAllValues:ArnLike"]["ec2:FisTargetArns"].startswith(
        f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup:"
    )


def test_encrypted_volumes_get_a_grant_of_the_named_keys_only():
    """Without it a stopped instance does not start again; with more, FIS could use any key."""
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/abc"
    policy = json.loads(str(plan_fault(fault(volume_key_arns=[key])).policy))
    (statement,) = grants(policy, "kms:CreateGrant")
    assert statement["Resource"] == [key]
    assert statement["Condition"] == {
        "Bool": {"kms:GrantIsForAWSResource": "true"},
        "StringEquals": {"kms:ViaService": f"ec2.{REGION}.amazonaws.com"},
    }
    assert grants(json.loads(str(plan_fault(fault()).policy)), "kms:CreateGrant") == []


def test_only_fis_takes_the_role_and_only_for_this_account_and_region(deploy):
    """Without the source's conditions somebody else's experiment could take it (the confused deputy)."""
    (role,) = declared(deploy, fault()).of("Role").values()
    (statement,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    assert statement["Principal"] == {"Service": "fis.amazonaws.com"}
    assert statement["Action"] == "sts:AssumeRole"
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": f"arn:aws:fis:{REGION}:{ACCOUNT}:experiment/*"},
    }


def test_a_role_and_a_log_group_that_exist_are_used_as_they_are(deploy):
    """Whoever has both declares the template alone."""
    role, group = f"arn:aws:iam::{ACCOUNT}:role/fis", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:faults:*"
    deployment = declared(deploy, fault(role_arn=role, log_group_arn=pulumi.Output.from_input(group)))
    assert [made.type for made in deployment.made if "fis" in made.type] == [
        "aws:fis/experimentTemplate:ExperimentTemplate"
    ]
    assert not deployment.of("Role") | deployment.of("RolePolicy") | deployment.of("LogGroup")
    template = template_of(deployment)
    assert template["roleArn"] == role
    assert template["logConfiguration"]["cloudwatchLogsConfiguration"]["logGroupArn"] == group


def test_existing_resources_are_adopted_under_their_own_names(deploy):
    """A name of ours in place of theirs would replace what is imported."""
    ids = {"template": "EXT123", "role": "old-fis", "role_policy": "old-fis:old", "log_group": "/aws/fis/old"}
    deployment = declared(deploy, fault(import_ids=ids))
    made = {each.type.rpartition(":")[2]: each for each in deployment.made}
    assert {kind: made[kind].import_id for kind in ("ExperimentTemplate", "Role", "RolePolicy", "LogGroup")} == {
        "ExperimentTemplate": "EXT123@eu-west-1",
        "Role": "old-fis",
        "RolePolicy": "old-fis:old",
        "LogGroup": "/aws/fis/old@eu-west-1",
    }
    assert (made["Role"].inputs["name"], made["RolePolicy"].inputs["name"]) == ("old-fis", "old")
    assert made["LogGroup"].inputs["name"] == "/aws/fis/old"


def test_outputs_say_what_it_does_and_how_to_start_it(deploy):
    """The operator needs the commands; the reviewer needs what is hit, what is left and why a limit does not hold."""
    exceptions = [{"limit": "percent", "reason": "agreed for the game day"}]
    outputs = declared(deploy, fault(count=3, exceptions=exceptions)).outputs
    assert outputs["description"] == (
        "Stop EC2 instances of staging in eu-west-1 for 600 s: 3 of 6 hit, 3 left."
        " Beyond percent: agreed for the game day"
    )
    assert (outputs["hit"], outputs["healthy_left"], outputs["target_tags"]) == (3, 3, TAGS)
    start = f"aws fis start-experiment --region {REGION} --experiment-template-id fault-id"
    assert outputs["start_command"] == start
    assert outputs["preview_command"] == f"{start} --experiment-options actionsMode=skip-all"
    assert outputs["template_arn"] == f"arn:aws:fis:{REGION}:{ACCOUNT}:experiment-template/fault-id"


@pytest.mark.parametrize(
    ("changes", "selection", "hit"),
    [
        ({"count": 1}, "COUNT(1)", 1),
        ({"count": None, "percent": 33}, "PERCENT(33)", 1),
        ({"count": 2, "percent": 20}, "COUNT(1)", 1),
        ({"count": 1, "percent": 34}, "COUNT(1)", 1),
    ],
)
def test_of_a_count_and_a_percentage_the_smaller_one_counts(deploy, changes, selection, hit):
    """FIS takes one of both: together they are a count, from the fleet that was stated; a share is rounded down."""
    deployment = declared(deploy, fault(**changes))
    (target,) = template_of(deployment)["targets"]
    assert (target["selectionMode"], deployment.outputs["hit"]) == (selection, hit)


def test_a_long_description_is_cut_to_what_fis_takes():
    """FIS takes 512 characters, and would refuse the template during the deployment."""
    limits = ("production", "count", "percent", "duration")
    args = fault(
        environment="prod",
        allowed_environments=["prod"],
        fleet_size=12,
        count=6,
        duration_seconds=3601,
        exceptions=[{"limit": limit, "reason": "x" * 200} for limit in limits],
    )
    description = plan_fault(args).description
    assert len(description) == 512
    assert description.endswith("…")


def test_a_policy_too_large_for_a_role_is_refused():
    """Tags of the longest values in every statement: IAM would refuse it during the deployment."""
    tags = {f"{number}{'k' * 126}": "v" * 256 for number in range(5)}
    parts = ["instances", "launches", "subnets", "database"]
    with pytest.raises(InvalidInput, match=r"^the role's policy = \d+ characters: at most 10240"):
        plan_fault(fault("zone_loss", zone_parts=parts, target_tags=tags | {}, volume_key_arns=[
            f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{'k' * 300}{number}" for number in range(12)
        ]))  # fmt: skip
