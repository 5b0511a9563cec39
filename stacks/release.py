"""How a new version gets to the clients: a bit at a time, in one region after another."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import pulumi

from pulumi_seawall import CanaryRollout, CanaryRolloutArgs, RolloutPlan, WorkloadPurpose, plan_canary_rollout
from seawall.errors import MISSING, InvalidInput
from stacks.environment import Environment
from stacks.file_keys import named_as
from stacks.identity import entitled_account
from stacks.monitoring import WHOLE_NAMES, monitoring_args
from stacks.monitoring_settings import MonitoringSettings
from stacks.release_settings import ReleaseSettings
from stacks.settings import Region, Role
from stacks.workload import Workload

BEFORE: Final = {Role.READER: 0, Role.STANDBY: 1, Role.PRIMARY: 2}
"""Who is released to first: where the fewest clients are hurt by what a canary does not show."""


@dataclass(frozen=True)
class Release:
    """What was declared."""

    component: CanaryRollout
    outputs: Mapping[str, pulumi.Input[Any]]
    """Exported by the stack; `make dev` holds `releases` against what was rendered."""


def plan_release(environment: Environment) -> RolloutPlan | None:
    """Check how a version is released; registers nothing. None where the section is absent.

    Raises:
        InvalidInput: A value is not allowed, or nothing watches the service.
    """
    settings = environment.release
    if settings is None:
        return None
    if environment.monitoring is None:
        raise InvalidInput(
            "seawall:monitoring", MISSING, allowed="required with seawall:release, whose releases it judges"
        )
    _refuse_other_account(environment, settings)
    with named_as(_in_the_file):
        return plan_canary_rollout(_args(environment, settings, environment.monitoring))


def declare_release(
    environment: Environment, plan: RolloutPlan | None, workload: Workload, options: pulumi.ResourceOptions
) -> Release | None:
    """Declare the release in every cluster. None where the section is absent.

    Args:
        environment: The environment.
        plan: From `plan_release`.
        workload: Whose Kubernetes providers are used, and whose topology must be there before the pods.
        options: For every resource.
    """
    settings, monitoring = environment.release, environment.monitoring
    if plan is None or settings is None or monitoring is None:
        return None
    component = CanaryRollout(
        f"{environment.label}-release",
        _args(environment, settings, monitoring),
        pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(depends_on=[workload.component])),
        providers=workload.component.providers,
    )
    claims = [
        {
            "region": region,
            "namespace": plan.monitoring.clusters[region].namespace,
            "name": plan.name,
            "image": settings.image,
            "weights": [step.weight for step in plan.steps],
            "services": [plan.name, *plan.router.services],
            "templates": sorted(plan.analyses[region].templates),
            "grace_seconds": plan.times.grace_seconds,
        }
        for region in plan.order
    ]
    return Release(
        component,
        {
            "releases": claims,
            "release_order": component.order,
            "release_region_seconds": component.region_seconds,
            "release_wait_seconds": component.wait_seconds,
            "release_judgement": component.judgement,
        },
    )


def _refuse_other_account(environment: Environment, settings: ReleaseSettings) -> None:
    """The app's role is taken by one service account: pods of another would have no right to read the topology."""
    if environment.identity is None or WorkloadPurpose.APP not in environment.identity.workloads:
        return
    entitled = entitled_account(environment, WorkloadPurpose.APP)
    used = settings.service_account or environment.service
    if entitled != used:
        raise InvalidInput(
            "seawall:release.service_account",
            used,
            allowed=entitled,
            because="seawall:identity.app gives the app's role to that one",
        )


def _args(environment: Environment, settings: ReleaseSettings, monitoring: MonitoringSettings) -> CanaryRolloutArgs:
    clusters = [region for region in environment.regions if region.cluster is not None]
    own = environment.identity is not None and WorkloadPurpose.APP in environment.identity.workloads
    follow = own if settings.follow_live is None else settings.follow_live
    arbiter = {"live_region": environment.arbiter.region} if environment.arbiter and follow else {}
    return cast(
        CanaryRolloutArgs,
        {
            "order": [region.name for region in sorted(clusters, key=_turn)],
            **settings.given("follow_live"),
            "monitoring": monitoring_args(environment, monitoring),
            "objectives": environment.objectives.arguments(),
            "topology": {"environment": environment.environment, "follow_live": follow, **arbiter},
        },
    )


def _turn(region: Region) -> int:
    return BEFORE[region.role]


def _in_the_file(name: str) -> str:
    return f"seawall:{name}" if name.startswith(WHOLE_NAMES) else f"seawall:release.{name}"
