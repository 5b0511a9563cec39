"""What a router refuses, in one line each: the name, the value, what is allowed, and why."""

from collections.abc import Callable
from typing import Any

import pytest

from seawall.errors import InvalidInput
from seawall.replicas import (
    Bounded,
    ConsistencyToken,
    DatabaseServer,
    FallbackPolicy,
    LagPolicy,
    ReadYourWrites,
    ReplicaRouter,
    TimeToken,
    observe_mysql,
    observe_postgres,
)

SYSTEM = 7_712_146_970_279_348_208
GUESS: Any = "guess"
STRONG: Any = "strong"


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: DatabaseServer(""), "name = '': a text that is not empty"),
        (lambda: DatabaseServer("a", weight=-1), "weight = -1: a whole number, at least 0 and at most 65,535"),
        (lambda: LagPolicy(interval_seconds=0), "interval_seconds = 0: a number, above 0"),
        (
            lambda: LagPolicy(max_lag_seconds=1.9),
            "max_lag_seconds = 1.9: at least 2, because lag is measured every interval_seconds = 1, so that much always seems old",
        ),
        (
            lambda: LagPolicy(verdict_ttl_seconds=1.9),
            "verdict_ttl_seconds = 1.9: at least 2, because the next measurement comes after interval_seconds and may take timeout_seconds",
        ),
        (lambda: LagPolicy(max_lag_bytes=0), "max_lag_bytes = 0: a whole number, at least 1"),
        (lambda: FallbackPolicy(max_share_ratio=1.1), "max_share_ratio = 1.1: a number, at least 0 and at most 1"),
        (lambda: FallbackPolicy(max_concurrent=0), "max_concurrent = 0: a whole number, at least 1"),
        (lambda: ReadYourWrites(wait_seconds=-1), "wait_seconds = -1: a number, at least 0"),
        (lambda: Bounded(max_lag_seconds=0), "max_lag_seconds = 0: a number, above 0"),
        (
            lambda: Bounded(max_lag_seconds=9, when_writer_lost=GUESS),
            'when_writer_lost = guess: "serve" or "refuse"',
        ),
        (
            lambda: ReplicaRouter(DatabaseServer("a"), [DatabaseServer("a")]),
            "readers = a: names that differ, the writer's included",
        ),
        (
            lambda: ReplicaRouter(DatabaseServer("a"), consistency=Bounded(max_lag_seconds=9)),
            "gauge = None: a gauge, because Bounded(max_lag_seconds=...) needs lag to be measured",
        ),
        (lambda: ReplicaRouter(DatabaseServer("a"), name=""), "name = '': a text that is not empty"),
        (
            lambda: ReplicaRouter(DatabaseServer("a"), consistency=STRONG),
            "consistency = strong: WriterOnly, Bounded or ReadYourWrites",
        ),
        (lambda: ReplicaRouter(DatabaseServer("a")).measure("b"), "server = b: one of a"),
        (lambda: ConsistencyToken(SYSTEM, 0, 1), "timeline = 0: a whole number, at least 1 and at most 4,294,967,295"),
        (lambda: TimeToken(-1), "at_seconds = -1: a number, at least 0"),
        (lambda: observe_postgres((True, "1")), "row = 2: 8 columns"),
        (
            lambda: observe_postgres((1, "1", None, None, None, None, None, None)),
            "pg_is_in_recovery() = 1: true or false",
        ),
        (lambda: observe_mysql("maybe", None), "@@global.read_only = maybe: 0 or 1"),
    ],
)
def test_bad_input_gets_one_line(make: Callable[[], object], line: str) -> None:
    """The name, the value, what is allowed and why, before anything happens."""
    with pytest.raises(InvalidInput) as refused:
        make()
    assert str(refused.value) == line
