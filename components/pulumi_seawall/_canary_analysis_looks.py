"""How many looks at a canary there are, what each can tell, and whether it can tell anything at all. Pure.

A release at its limit is to survive all looks at both metrics with the stated confidence. So each look may abort it with
(1 - confidence) / number of looks at most (Boole's inequality). From that and from the fewest requests of a look follows, by
the binomial distribution, how many must be bad to abort; their share stays the bound for more requests, where chance
reaches it less often still.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pulumi_seawall._canary_analysis_args import CanaryLook
from pulumi_seawall._canary_analysis_queries import ERROR_METRIC, SLOW_METRIC
from pulumi_seawall._canary_analysis_statistics import at_least, detected_ratio, fewest_requests, proving_count
from pulumi_seawall._promql import literal
from pulumi_seawall._slo_rules import SAMPLES_IN_A_WINDOW
from seawall.errors import InvalidInput

STEP: Final = "step"
BACKGROUND: Final = "background"
SLOW_SHARE: Final = 0.05
"""Of requests that may take longer than the limit of a 95th percentile."""
METRICS: Final = (ERROR_METRIC, SLOW_METRIC)
BAD_AT_LIMIT: Final = 5
"""Bad requests that the default minimum lets expect of a release at its limit: fewer say little."""
BACKGROUND_SECONDS: Final = 120.0
"""Window in the background, the seed's "over the last 2 minutes"; longer where scrapes are rare."""
RATIO_DIGITS: Final = 6  # of a bound, rounded down, so that the exact share is on its right side


@dataclass(frozen=True, slots=True)
class JudgedStep:
    """A step that is looked at when its pause is over.

    Args:
        weight_percent: Share of the traffic that the canary gets, above 0 and at most 100.
        pause_seconds: How long it gets it before it is judged, above 0.
    """

    weight_percent: float
    pause_seconds: float


@dataclass(frozen=True, slots=True)
class Windows:
    """When a canary is looked at.

    Args:
        step_seconds: What a step's look sees: the shortest pause, so that it sees one step only.
        background_seconds: What a look in the background sees.
        interval_seconds: Between two of those.
        step_looks: Steps.
        background_looks: While the pauses last as planned.
    """

    step_seconds: float
    background_seconds: float
    interval_seconds: int
    step_looks: int
    background_looks: int

    @property
    def looks(self) -> int:
        """At both metrics."""
        return len(METRICS) * (self.step_looks + self.background_looks)


@dataclass(frozen=True, slots=True)
class Look:
    """What one look tells about one metric.

    Args:
        metric: Its name.
        when: `STEP` or `BACKGROUND`.
        window_seconds: What it sees.
        minimum_requests: Fewer are not judged.
        limit_ratio: What a release may have.
        aborts_at: Bad requests of the minimum that abort it.
        confidence: With which `detects_ratio` is told.
    """

    metric: str
    when: str
    window_seconds: float
    minimum_requests: int
    limit_ratio: float
    aborts_at: int
    confidence: float

    @property
    def aborts_from_ratio(self) -> float:
        """The share that aborts a release."""
        scale = 10**RATIO_DIGITS
        return self.aborts_at * scale // self.minimum_requests / scale

    @property
    def false_abort_ratio(self) -> float:
        """Probability of aborting a release at its limit."""
        return at_least(self.aborts_at, self.minimum_requests, self.limit_ratio)

    def as_dict(self) -> CanaryLook:
        """As plain data for an output."""
        return {
            "metric": self.metric,
            "when": self.when,
            "window_seconds": self.window_seconds,
            "minimum_requests": self.minimum_requests,
            "limit_ratio": self.limit_ratio,
            "aborts_from_ratio": self.aborts_from_ratio,
            "false_abort_ratio": self.false_abort_ratio,
            "detects_ratio": detected_ratio(self.aborts_at, self.minimum_requests, self.confidence),
        }


def plan_windows(steps: Sequence[JudgedStep], *, scrape_seconds: float, interval_seconds: int) -> Windows:
    """When a canary is looked at.

    Raises:
        InvalidInput: No step has a pause, or one is too short for a rate.
    """
    if not steps:
        raise InvalidInput("steps", "none with a pause", allowed="at least one", because="nothing would be judged")
    shortest = SAMPLES_IN_A_WINDOW * scrape_seconds
    for place, step in enumerate(steps):
        if step.pause_seconds < shortest:
            raise InvalidInput(
                f"steps[{place}].pause_seconds",
                step.pause_seconds,
                allowed=f"at least {literal(shortest)} seconds",
                because=f"what is judged after it is to span {SAMPLES_IN_A_WINDOW} scrapes, "
                f"monitoring.scrape_interval_seconds = {literal(scrape_seconds)} apart",
            )
    window = float(math.floor(min(step.pause_seconds for step in steps)))
    background = min(window, float(max(BACKGROUND_SECONDS, shortest)))
    watched = math.fsum(step.pause_seconds for step in steps) - background  # the first look waits for a whole window
    return Windows(window, background, interval_seconds, len(steps), math.floor(watched / interval_seconds) + 1)


def plan_looks(
    windows: Windows, *, error_ratio: float, confidence: float, minimum_requests: int | None
) -> tuple[Look, ...]:
    """What each kind of look tells: of a step and in the background, of errors and of slow requests.

    Args:
        windows: When there are looks.
        error_ratio: Share of failed requests that a release may have.
        confidence: That a release at both limits survives.
        minimum_requests: Of a step's look; None for what the limits ask for.

    Raises:
        InvalidInput: The minimum is too low to tell a limit.
    """
    chance = (1 - confidence) / windows.looks
    limits: dict[str, float] = {ERROR_METRIC: error_ratio, SLOW_METRIC: SLOW_SHARE}
    least = {
        metric: max(math.ceil(_exact(1 / limit)), fewest_requests(limit, chance)) for metric, limit in limits.items()
    }
    if minimum_requests is None:
        expected = max(math.ceil(_exact(BAD_AT_LIMIT / limit)) for limit in limits.values())
        minimum_requests = max(expected, *least.values())
    for metric, needed in least.items():
        if minimum_requests < needed:
            limit = limits[metric]
            resolved = f"one bad request of {minimum_requests} is more than the limit of {metric}, {literal(limit)}"
            sure = f"even {minimum_requests} bad requests of {minimum_requests} abort too many releases by chance"
            raise InvalidInput(
                "analysis.minimum_requests",
                minimum_requests,
                allowed=f"at least {needed}",
                because=resolved if minimum_requests * limit < 1 else sure,
            )
    share = windows.background_seconds / windows.step_seconds
    looks: list[Look] = []
    for metric, limit in limits.items():
        fewer = max(math.ceil(minimum_requests * share), fewest_requests(limit, chance))  # as many per second
        for when, window, requests in (
            (STEP, windows.step_seconds, minimum_requests),
            (BACKGROUND, windows.background_seconds, fewer),
        ):
            count = proving_count(requests, limit, chance)
            looks.append(Look(metric, when, window, requests, limit, count, confidence))
    return tuple(looks)


def needed_rate(steps: Sequence[JudgedStep], windows: Windows, minimum_requests: int) -> float:
    """Requests per second that a service must get, for the lightest step to see the minimum within its window."""
    lightest = min(step.weight_percent for step in steps)
    return minimum_requests / (windows.step_seconds * lightest / 100)


def require_rate(steps: Sequence[JudgedStep], windows: Windows, minimum_requests: int, rate: float) -> None:
    """Refuse steps that never see the minimum of requests.

    Raises:
        InvalidInput: At this rate, in requests per second, a step sees fewer.
    """
    for place, step in enumerate(steps):
        seen = step.weight_percent / 100 * rate * windows.step_seconds
        if seen < minimum_requests:
            raise InvalidInput(
                "analysis.minimum_requests",
                minimum_requests,
                allowed=f"at most {math.floor(seen)}, or more weight or longer pauses",
                because=f"steps[{place}] sends {literal(step.weight_percent)} % of requests_per_second = {literal(rate)} "
                f"for {literal(windows.step_seconds)} s: its look never decides",
            )


def _exact(number: float) -> float:
    """Without what dividing by a decimal fraction adds: 5 / 0.05 is 100, and not a request more."""
    return float(literal(number))
