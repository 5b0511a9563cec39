"""Arguments and outputs of a canary's analysis. TypedDicts and Enums only, for schema inference."""

from typing import NotRequired, TypedDict

from seawall.slo import NoData


class CanaryAnalysisArgs(TypedDict):
    """When a new release is good enough, when it is not, and how sure one must be."""

    no_data: NoData
    """What too few requests, or none, mean at the end of a step: `pass` goes on, `pause` waits for people, `fail` aborts.
    Required: there is no good default."""
    prometheus_url: str
    """Address of the region's Prometheus as Argo's controller sees it, e.g. `http://prometheus-operated.monitoring:9090`.
    Never with a password in it: it stands in the cluster for everybody to read."""
    error_ratio: NotRequired[float]
    """Share of failed requests that a release may have, above 0 and at most the objectives' `error_rate`; default 0.05, or
    that where it is less."""
    latency_p95_seconds: NotRequired[float]
    """Seconds within which 95 % of a release's requests are answered: a bound of the app's buckets, at most the objectives'
    `latency_p95_seconds`; default 1, or that where it is less."""
    minimum_requests: NotRequired[int]
    """Requests to the canary during a step below which its look decides nothing; default five failures' worth at the
    stricter of both limits, e.g. 100 for 5 %. At most 1000000."""
    confidence: NotRequired[float]
    """Probability that a release exactly at both limits is not aborted by chance, over all looks at it; 0.8 to 0.9999,
    default 0.95."""
    interval_seconds: NotRequired[int]
    """Seconds between two looks in the background, 10 to 600 and no shorter than the scrape interval; default 60."""
    minimum_error_budget_ratio: NotRequired[float]
    """Share of the error budget that must be left before a release begins, 0 to below 1; default 0: any."""
    requests_per_second: NotRequired[float]
    """Requests per second that the service gets in one region when it is quiet. Where it is stated, steps that could never
    reach `minimum_requests` are refused."""


class CanaryLook(TypedDict):
    """What one look at a canary tells."""

    metric: str
    """`error-ratio`: failed requests; `slow-ratio`: requests above the latency."""
    when: str
    """`step`: once, at the end of a step's pause; `background`: all the time."""
    window_seconds: float
    """Over which requests are counted."""
    minimum_requests: int
    """To the canary within the window, below which nothing is judged."""
    limit_ratio: float
    """What a release may have. A step passes at or below."""
    aborts_from_ratio: float
    """From here on a release is aborted. Between both, a step waits for people."""
    false_abort_ratio: float
    """Probability, in one look, that a release exactly at its limit is aborted."""
    detects_ratio: float
    """A release with this share is aborted by one such look, at the minimum of requests, with the stated confidence."""


class CanaryJudgement(TypedDict):
    """How a canary is judged, with the arithmetic behind it."""

    confidence: float
    """That a release at both limits is not aborted by chance."""
    no_data: str
    """What too few requests mean."""
    step_looks: int
    """Looks at the ends of steps: each step's pause has one."""
    background_looks: int
    """Looks in between, while the pauses last as planned."""
    false_abort_ratio: float
    """At most so many releases at both limits are aborted by chance: the sum over all looks at both metrics."""
    needed_requests_per_second: float
    """That the service must get in a region, for each step to reach its minimum of requests."""
    looks: list[CanaryLook]
    """One of each kind."""
