"""How much of a service is released at a time, and of how many pods: checks of steps, replicas and surge.

Sources: Argo Rollouts 1.10, `docs/features/canary.md`; Kubernetes API reference, `HorizontalPodAutoscalerSpec`.
"""

import itertools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from pulumi_seawall._inputs import checked_keys, listed, number, whole
from pulumi_seawall._rollout_args import AutoscalingArgs, CanaryStepArgs
from pulumi_seawall._rollout_router import RouterPlan
from seawall.errors import InvalidInput

STEPS: Final = ((10, 300), (25, 300), (50, 300), (100, 300))  # percent, seconds
LONGEST_PAUSE: Final = 86_400  # seconds; a deployment waits for all of them
COUNT: Final = re.compile(r"(\d{1,4})|(\d{1,3})%")


@dataclass(frozen=True, slots=True)
class Step:
    """A share of the traffic in percent, and seconds until it is judged."""

    weight: int
    pause_seconds: int


@dataclass(frozen=True, slots=True)
class Autoscaling:
    """Between how many pods, at which share of the requested CPU, and how long less must be enough."""

    minimum: int
    maximum: int
    cpu_ratio: float
    scale_down_wait_seconds: int


def plan_autoscaling(given: Mapping[str, Any], *, adopting: bool) -> Autoscaling | None:
    """Between how many pods, checked; None without autoscaling.

    Raises:
        InvalidInput: A value is not allowed, or somebody else sets the number too.
    """
    if "autoscaling" not in given:
        return None
    if adopting:
        raise InvalidInput(
            "autoscaling",
            "with deployment",
            allowed="replicas while a Deployment is adopted",
            because="a Rollout that leaves its number to an autoscaler begins with one pod, and the Deployment's would go",
        )
    if "replicas" in given:
        raise InvalidInput(
            "replicas", given["replicas"], allowed="not with autoscaling", because="each would undo the other's number"
        )
    where = "autoscaling."
    entry = cast("dict[str, Any]", checked_keys(where, given["autoscaling"], AutoscalingArgs))
    minimum = whole(f"{where}minimum_replicas", entry["minimum_replicas"], 2, None, "pods")
    maximum = whole(f"{where}maximum_replicas", entry["maximum_replicas"], minimum, None, "pods", "the minimum is that")
    ratio = number(f"{where}cpu_ratio", entry.get("cpu_ratio", 0.6))
    if not 0 < ratio <= 1:
        raise InvalidInput(f"{where}cpu_ratio", ratio, allowed="a ratio above 0 and at most 1")
    wait = whole(f"{where}scale_down_wait_seconds", entry.get("scale_down_wait_seconds", 300), 0, 3600, "seconds")
    return Autoscaling(minimum, maximum, ratio, wait)


def plan_replicas(given: Mapping[str, Any], autoscaling: Autoscaling | None) -> int | None:
    """The number of pods, checked; None with autoscaling.

    Raises:
        InvalidInput: It is not allowed.
    """
    if autoscaling is not None:
        return None
    return whole("replicas", given.get("replicas", 3), 2, None, "pods", "a single one is down whenever its node is")


def plan_steps(given: Mapping[str, Any], router: RouterPlan, fewest: int) -> tuple[Step, ...]:
    """Shares that only grow, and that exist: without a router a share is a number of pods.

    Raises:
        InvalidInput: A value is not allowed.
    """
    if "steps" not in given:
        steps = tuple(Step(weight, pause) for weight, pause in STEPS)
    else:
        steps = tuple(_step(place, entry) for place, entry in enumerate(listed("steps", given["steps"])))
    if not steps:
        raise InvalidInput("steps", [], allowed="at least one step", because="a release without one is no canary")
    for place, (before, step) in enumerate(itertools.pairwise(steps), 1):
        if step.weight <= before.weight:
            raise InvalidInput(
                f"steps[{place}].weight", step.weight, allowed=f"above {before.weight}, the step before it"
            )
    least = math.ceil(100 / fewest)
    if not router.splits and steps[0].weight < least:
        raise InvalidInput(
            "steps[0].weight",
            steps[0].weight,
            allowed=f"at least {least} percent, or a router, or more than {fewest} pods",
            because=f"without a router a share is rounded up to whole pods, and one of {fewest} is {100 / fewest:.0f} percent",
        )
    return steps


def _step(place: int, args: object) -> Step:
    where = f"steps[{place}]."
    entry = cast("dict[str, Any]", checked_keys(where, args, CanaryStepArgs))
    return Step(
        whole(f"{where}weight", entry["weight"], 1, 100, "percent"),
        whole(
            f"{where}pause_seconds",
            entry["pause_seconds"],
            1,
            LONGEST_PAUSE,
            "seconds",
            "a pause without an end would hold up every later region",
        ),
    )


def plan_surge(given: Mapping[str, Any]) -> tuple[int | str, int | str]:
    """`maxSurge` and `maxUnavailable`, as Argo takes them.

    Raises:
        InvalidInput: A value is not allowed, or both are 0.
    """
    surge, unavailable = (
        _count(key, given.get(key, default)) for key, default in (("max_surge", "25%"), ("max_unavailable", "0"))
    )
    if surge in (0, "0%") and unavailable in (0, "0%"):
        raise InvalidInput(
            "max_unavailable", unavailable, allowed="above 0 where max_surge is 0", because="no pod could be replaced"
        )
    return surge, unavailable


def _count(name: str, value: object) -> int | str:
    """A number of pods, or a percentage; other languages and hasty people send 1 for "1"."""
    shown = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    match = COUNT.fullmatch(shown) if isinstance(shown, str) else None
    if match is None or int(match[2] or 0) > 100:
        raise InvalidInput(name, value, allowed="a number of pods, e.g. 1, or a percentage, e.g. 25%")
    return int(match[1]) if match[1] else f"{int(match[2])}%"
