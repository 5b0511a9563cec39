"""The numbers of a failover's settings, held against each other as whoever reads them will do it.

Sources: `seawall_ops.failover.policy` and `seawall_ops.lease`, which components cannot import. What both need stands in
`seawall._failover`; for the rest properties in tests hold both to the same answers.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

from pulumi_seawall._inputs import checked_keys, whole
from pulumi_seawall._observers_args import FailoverLeaseArgs
from seawall._failover import check_ttl, shortest_staleness_seconds
from seawall._numbers import number
from seawall.errors import InvalidInput
from seawall.timing import DEFAULT_LAG_LIMIT_SECONDS

WHERE: Final = "settings."
LONGEST_SECONDS: Final = 31_536_000  # a year: beyond it is a typing error
SHORTEST_SECONDS: Final = 0.001  # what is shorter no clock here tells apart
MOST_CHECKS: Final = 1_000  # to look back at
SECONDS: Final[Mapping[str, float]] = {
    "interval_seconds": 30.0,
    "timeout_seconds": 5.0,
    "decision_interval_seconds": 10.0,
    "lag_limit_seconds": DEFAULT_LAG_LIMIT_SECONDS,
    "cool_down_seconds": 3_600.0,
    "operations_window_seconds": 86_400.0,
}
"""Of the policy, with the reader's defaults; so are the next two."""
COUNTS: Final[Mapping[str, int]] = {"failures_to_trip": 3, "window": 3, "successes_to_clear": 6, "most_operations": 1}
LEASE: Final[Mapping[str, float]] = {
    "ttl_seconds": 30.0,
    "margin_seconds": 3.0,
    "renew_every_seconds": 8.0,
    "request_timeout_seconds": 5.0,
    "retry_seconds": 1.0,
    "jitter_ratio": 0.1,
}
MAY_BE_ZERO: Final = ("margin_seconds", "jitter_ratio")


def shortest_staleness(content: Mapping[str, Any]) -> float:
    """Seconds that a vote lives at least, of settings that need not name what it follows from."""
    values = {**SECONDS, **content}
    return float(shortest_staleness_seconds(values["interval_seconds"], values["timeout_seconds"]))


def policy_numbers(given: Mapping[str, Any]) -> dict[str, Any]:
    """The policy's numbers that are given, of all arguments.

    Raises:
        InvalidInput: One is not allowed, or contradicts another.
    """
    counts = {key: whole(f"{WHERE}{key}", given[key], 1, MOST_CHECKS) for key in COUNTS if key in given}
    count = {**COUNTS, **counts}
    if count["window"] < count["failures_to_trip"]:
        allowed = f"at least failures_to_trip = {count['failures_to_trip']}"
        raise InvalidInput(f"{WHERE}window", count["window"], allowed=allowed)
    if count["successes_to_clear"] <= count["failures_to_trip"]:
        raise InvalidInput(
            f"{WHERE}successes_to_clear",
            count["successes_to_clear"],
            allowed=f"more than failures_to_trip = {count['failures_to_trip']}",
            because="what flaps has to stay out for longer than it took to notice",
        )
    found = {key: seconds(key, given[key]) for key in SECONDS if key in given}
    values = {**SECONDS, **found}
    seconds("timeout_seconds", values["timeout_seconds"], at_most=values["interval_seconds"] / 2)
    least = shortest_staleness(values)
    if "stale_after_seconds" in given:
        found["stale_after_seconds"] = seconds("stale_after_seconds", given["stale_after_seconds"], least)
    seconds("cool_down_seconds", values["cool_down_seconds"], found.get("stale_after_seconds", least))
    seconds("operations_window_seconds", values["operations_window_seconds"], values["cool_down_seconds"])
    return {**counts, **found}


def seconds(name: str, value: object, least: float = SHORTEST_SECONDS, at_most: float = LONGEST_SECONDS) -> float:
    """A number of seconds.

    Raises:
        InvalidInput: It is none, or out of its bounds.
    """
    number(f"{WHERE}{name}", value, at_least=least, at_most=at_most)
    return cast("float", value)


def lease_terms(args: object) -> dict[str, float]:
    """How long a lease is good for, of `FailoverLeaseArgs`.

    Raises:
        InvalidInput: A number is not allowed, or one unanswered renewal would lose the lease.
    """
    where = "lease_terms."
    given = cast("dict[str, Any]", checked_keys(f"{WHERE}{where}", args, FailoverLeaseArgs))
    most = {"jitter_ratio": 1.0}
    terms = {
        key: seconds(
            f"{where}{key}", value, 0.0 if key in MAY_BE_ZERO else SHORTEST_SECONDS, most.get(key, LONGEST_SECONDS)
        )
        for key, value in given.items()
    }
    for key in MAY_BE_ZERO:
        if 0 < terms.get(key, 0) < SHORTEST_SECONDS:
            raise InvalidInput(f"{WHERE}{where}{key}", terms[key], allowed=f"0, or at least {SHORTEST_SECONDS}")
    values = {**LEASE, **terms}
    check_ttl(
        f"{WHERE}{where}ttl_seconds",
        values["ttl_seconds"],
        margin_seconds=values["margin_seconds"],
        renew_every_seconds=values["renew_every_seconds"],
        request_timeout_seconds=values["request_timeout_seconds"],
        retry_seconds=values["retry_seconds"],
    )
    return terms
