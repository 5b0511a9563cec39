"""Faults that can be injected on purpose: the environment's experiments, which nothing starts by itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast

import pulumi

from pulumi_seawall import FaultExperiment, FaultExperimentArgs, FaultPlan, plan_fault
from seawall.errors import InvalidInput
from stacks.environment import Environment
from stacks.fault_settings import ExperimentSettings
from stacks.file_keys import named_as

ARN: Final = "arn:"


@dataclass(frozen=True)
class Faults:
    """What was declared."""

    experiments: Mapping[str, FaultExperiment]
    outputs: Mapping[str, pulumi.Input[Any]]
    """Exported by the stack; `make dev` holds `faults` against the cloud."""


def plan_faults(environment: Environment) -> Mapping[str, FaultPlan]:
    """Check every experiment, by name; registers nothing. Empty where there are none.

    Raises:
        InvalidInput: A value is not allowed, or two experiments have one name.
    """
    plans: dict[str, FaultPlan] = {}
    if environment.faults is None:
        return plans
    environment.account("seawall:faults")
    for place, settings in enumerate(environment.faults.experiments):
        where = f"seawall:faults.experiments[{place}]"
        if settings.name in plans:
            raise InvalidInput(f"{where}.name", settings.name, allowed="each name once")
        with named_as(partial(_in_the_file, where)):
            plans[settings.name] = plan_fault(_args(environment, settings))
    return plans


def _in_the_file(where: str, name: str) -> str:
    return "seawall:faults.allowed_environments" if name == "environment" else f"{where}.{name}"


def declare_faults(
    environment: Environment,
    plans: Mapping[str, FaultPlan],
    after: list[pulumi.Resource],
    options: pulumi.ResourceOptions,
) -> Faults | None:
    """Declare the experiments. None where there are none.

    Args:
        environment: The environment.
        plans: From `plan_faults`.
        after: What declares the alarms that stop them.
        options: For every resource.
    """
    if not plans or environment.faults is None:
        return None
    waiting = pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(depends_on=after))
    experiments = {
        settings.name: FaultExperiment(f"{environment.label}-{settings.name}", _args(environment, settings), waiting)
        for settings in environment.faults.experiments
    }
    claims = [
        {
            "name": name,
            "region": plans[name].region,
            "template_id": experiment.template_id,
            "description": plans[name].description,
            "role_arn": experiment.role_arn,
            "stop_alarms": list(plans[name].stop_alarms),
            "target_tags": dict(plans[name].target_tags),
            "actions": sorted(action.action_id for action in plans[name].actions),
            "preview_command": experiment.preview_command,
            "start_command": experiment.start_command,
        }
        for name, experiment in experiments.items()
    ]
    return Faults(experiments, {"faults": claims})


def _args(environment: Environment, settings: ExperimentSettings) -> FaultExperimentArgs:
    """The section's numbers as the component wants them; what is absent is left to the component's defaults."""
    account_id, faults = environment.account("seawall:faults"), environment.faults
    alarms = [
        alarm if alarm.startswith(ARN) else f"arn:aws:cloudwatch:{settings.region}:{account_id}:alarm:{alarm}"
        for alarm in settings.stop_alarms
    ]
    return cast(
        FaultExperimentArgs,
        {
            **settings.given("name"),
            "account_id": account_id,
            "environment": environment.environment,
            "allowed_environments": list(faults.allowed_environments) if faults else [],
            "stop_alarms": alarms,
            "tags": environment.tags,
        },
    )
