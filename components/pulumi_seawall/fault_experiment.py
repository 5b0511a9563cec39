"""`FaultExperiment`: a fault that FIS injects on purpose, whom it may hit, and what stops it."""

from typing import Final

import pulumi
import pulumi_aws as aws

from pulumi_seawall._arns import arn
from pulumi_seawall._fault_actions import FaultAction, FaultTarget
from pulumi_seawall._fault_args import FaultExperimentArgs
from pulumi_seawall._fault_permissions import trust
from pulumi_seawall._fault_plan import FaultPlan, plan_fault
from pulumi_seawall._inputs import known
from pulumi_seawall._naming import LONGEST_ROLE_NAME, own_tags, physical_name
from pulumi_seawall._regions import import_in

LONGEST_LOG_GROUP_NAME: Final = 512  # characters; CloudWatch Logs
LOG_SCHEMA_VERSION: Final = 2  # FIS's newest
# AWS's services deliver to groups below this without each one filling the account's one resource policy.
LOG_GROUPS: Final = "/aws/vendedlogs/fis"


class FaultExperiment(pulumi.ComponentResource):
    """A template of AWS FIS for one fault. Declaring it breaks nothing: somebody has to start it (`start_command`).

    Targets are selected by tag and again when the experiment starts, never by ARN; at least two of the fleet stay
    untouched; alarms that stop it are required; every fault carries its own end. The role lets FIS do what the fault
    needs, on what bears the tags only. FIS fails an experiment that finds no target, since that would prove nothing.

    A zone's loss is composed from the actions that take targets by tag. What the console's scenario has beyond that
    (errors for named IAM roles, ElastiCache, paused volumes) is left out.
    """

    template_id: pulumi.Output[str]
    """Id of the experiment template."""
    template_arn: pulumi.Output[str]
    """Its ARN, e.g. for whoever may start it."""
    role_arn: pulumi.Output[str]
    """ARN of the role that FIS takes."""
    log_group_arn: pulumi.Output[str]
    """ARN of the log group that keeps what happened."""
    description: pulumi.Output[str]
    """What it does, to how many, and which limits it goes beyond; as in the template."""
    target_tags: pulumi.Output[dict[str, str]]
    """What a target must bear."""
    hit: pulumi.Output[int]
    """How many of the stated fleet are hit at most."""
    healthy_left: pulumi.Output[int]
    """How many of the stated fleet stay untouched; at least 2."""
    longest_seconds: pulumi.Output[int]
    """Seconds that FIS works on it at most, until the fault has been taken back; 0 for what is over at once."""
    policy: pulumi.Output[str]
    """What the declared role may do, as JSON."""
    preview_command: pulumi.Output[str]
    """Shell command that shows which targets would be hit, and hits none."""
    start_command: pulumi.Output[str]
    """Shell command that starts it."""

    def __init__(self, name: str, args: FaultExperimentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the template, and its role and log group where none are given.

        Raises:
            InvalidInput: An argument is not allowed; nothing has been registered.
        """
        plan = plan_fault(args)
        super().__init__("seawall:index:FaultExperiment", name, {}, opts)
        role_arn = plan.role_arn if plan.role_arn is not None else self._role(name, plan)
        log_group_arn = plan.log_group_arn if plan.log_group_arn is not None else self._log_group(name, plan)
        template = self._template(name, plan, role_arn, log_group_arn)

        self.template_id = template.id
        self.template_arn = template.id.apply(
            lambda id_: arn("fis", plan.region, plan.account_id, f"experiment-template/{id_}")
        )
        self.role_arn = pulumi.Output.from_input(role_arn)
        self.log_group_arn = pulumi.Output.from_input(log_group_arn)
        self.description = pulumi.Output.from_input(plan.description)
        self.target_tags = known(dict(plan.target_tags))
        self.hit = pulumi.Output.from_input(plan.hit)
        self.healthy_left = pulumi.Output.from_input(plan.healthy_left)
        self.longest_seconds = pulumi.Output.from_input(plan.longest_seconds)
        self.policy = pulumi.Output.from_input(plan.policy)
        start = f"aws fis start-experiment --region {plan.region} --experiment-template-id "
        self.preview_command = template.id.apply(lambda id_: f"{start}{id_} --experiment-options actionsMode=skip-all")
        self.start_command = template.id.apply(lambda id_: f"{start}{id_}")
        self.register_outputs(
            {
                "template_id": self.template_id,
                "template_arn": self.template_arn,
                "role_arn": self.role_arn,
                "log_group_arn": self.log_group_arn,
                "description": self.description,
                "target_tags": self.target_tags,
                "hit": self.hit,
                "healthy_left": self.healthy_left,
                "longest_seconds": self.longest_seconds,
                "policy": self.policy,
                "preview_command": self.preview_command,
                "start_command": self.start_command,
            }
        )

    def _role(self, name: str, plan: FaultPlan) -> pulumi.Output[str]:
        label = physical_name(pulumi.get_project(), pulumi.get_stack(), name, "fis", longest=LONGEST_ROLE_NAME)
        role = aws.iam.Role(
            f"{name}-fis",
            name=plan.import_ids.get("role", label),
            description=f"What FIS may do for {name}",
            assume_role_policy=trust("the role's trust policy", plan.region, plan.account_id),
            permissions_boundary=plan.permissions_boundary_arn,
            tags={**own_tags(name), **plan.tags},
            opts=pulumi.ResourceOptions(parent=self, import_=plan.import_ids.get("role")),
        )
        import_id = plan.import_ids.get("role_policy")
        aws.iam.RolePolicy(
            f"{name}-fis",
            role=role.name,
            name=import_id.partition(":")[2] if import_id else "faults",
            policy=plan.policy,
            opts=pulumi.ResourceOptions(parent=self, import_=import_id),
        )
        return role.arn

    def _log_group(self, name: str, plan: FaultPlan) -> pulumi.Output[str]:
        import_id = plan.import_ids.get("log_group")
        label = f"{LOG_GROUPS}/{pulumi.get_project()}/{pulumi.get_stack()}/{name}"
        group = aws.cloudwatch.LogGroup(
            f"{name}-fis",
            region=plan.region,
            name=import_id or physical_name(label, longest=LONGEST_LOG_GROUP_NAME),
            retention_in_days=plan.log_retention_days,
            tags={**own_tags(name), **plan.tags},
            opts=pulumi.ResourceOptions(parent=self, import_=import_in(plan.region, import_id)),
        )
        return group.arn

    def _template(
        self, name: str, plan: FaultPlan, role_arn: pulumi.Input[str], log_group_arn: pulumi.Input[str]
    ) -> aws.fis.ExperimentTemplate:
        targets = {action.target.name: action.target for action in plan.actions}
        return aws.fis.ExperimentTemplate(
            name,
            region=plan.region,
            description=plan.description,
            role_arn=role_arn,
            actions=[_action(action) for action in plan.actions],
            targets=[_target(target, plan) for target in targets.values()],
            stop_conditions=[
                aws.fis.ExperimentTemplateStopConditionArgs(source="aws:cloudwatch:alarm", value=alarm)
                for alarm in plan.stop_alarms
            ],
            experiment_options=aws.fis.ExperimentTemplateExperimentOptionsArgs(
                account_targeting="single-account", empty_target_resolution_mode="fail"
            ),
            log_configuration=aws.fis.ExperimentTemplateLogConfigurationArgs(
                log_schema_version=LOG_SCHEMA_VERSION,
                cloudwatch_logs_configuration=aws.fis.ExperimentTemplateLogConfigurationCloudwatchLogsConfigurationArgs(
                    log_group_arn=pulumi.Output.from_input(log_group_arn).apply(_all_streams)
                ),
            ),
            tags={**own_tags(name), **plan.tags},
            opts=pulumi.ResourceOptions(parent=self, import_=import_in(plan.region, plan.import_ids.get("template"))),
        )


def _all_streams(group_arn: str) -> str:
    """A log group's ARN as FIS wants it: with all of its streams."""
    return group_arn if group_arn.endswith(":*") else f"{group_arn}:*"


def _action(action: FaultAction) -> aws.fis.ExperimentTemplateActionArgs:
    return aws.fis.ExperimentTemplateActionArgs(
        name=action.name,
        action_id=action.action_id,
        target=aws.fis.ExperimentTemplateActionTargetArgs(key=action.target_key, value=action.target.name),
        parameters=[
            aws.fis.ExperimentTemplateActionParameterArgs(key=key, value=value)
            for key, value in action.parameters.items()
        ],
    )


def _target(target: FaultTarget, plan: FaultPlan) -> aws.fis.ExperimentTemplateTargetArgs:
    return aws.fis.ExperimentTemplateTargetArgs(
        name=target.name,
        resource_type=target.resource_type,
        selection_mode=target.selection,
        resource_tags=[
            aws.fis.ExperimentTemplateTargetResourceTagArgs(key=key, value=value)
            for key, value in plan.target_tags.items()
        ],
        filters=[
            aws.fis.ExperimentTemplateTargetFilterArgs(path=path, values=list(values))
            for path, values in target.filters.items()
        ],
        parameters=dict(target.parameters) or None,
    )
