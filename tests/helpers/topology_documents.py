"""Topology documents for tests: one of each kind, and Hypothesis strategies for all of them."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from seawall.objectives import ObjectiveException, Objectives
from seawall.timing import FailureClass
from seawall.topology import (
    BackoffPolicy,
    BreakerPolicy,
    Database,
    Endpoint,
    Engine,
    Live,
    Member,
    Role,
    Topology,
)

OBJECTIVES = Objectives(
    availability=0.999,
    latency_p95_seconds=0.5,
    error_rate=0.001,
    recovery_time_seconds=120,
    recovery_point_seconds=60,
)
REGIONS = ("eu-west-1", "eu-central-1", "us-east-1")


def endpoint(region: str, role: Role, **more: Any) -> Endpoint:
    """An endpoint of that region, named by it."""
    url = f"https://{region}.shop.example.com"
    values: dict[str, Any] = {"url": url, "health_url": f"{url}/livez", **more}
    return Endpoint(name=region, region=region, role=role, **values)


def member(region: str) -> Member:
    """A database member of that region, named by it."""
    return Member(name=region, region=region, identifier=f"shop-{region}", host=f"db.{region}.example.com")


def shop(**more: Any) -> Topology:
    """Two regions and a reader's, with a database and a breaker policy."""
    values: dict[str, Any] = {
        "service": "shop",
        "environment": "prod",
        "epoch": 3,
        "regions": REGIONS,
        "endpoints": (
            endpoint("eu-west-1", Role.PRIMARY),
            endpoint("eu-central-1", Role.STANDBY),
            endpoint("us-east-1", Role.READER, weight=0, health_url=None),
        ),
        "database": Database(
            engine=Engine.POSTGRES,
            database="shop",
            port=5432,
            writer="eu-west-1",
            members=tuple(member(region) for region in REGIONS),
        ),
        "objectives": OBJECTIVES,
        "breaker": BreakerPolicy(wait_in_open_seconds=30.0, open_backoff=BackoffPolicy(max_wait_seconds=120.0)),
        **more,
    }
    return Topology(**values)


def failed_over(**more: Any) -> Live:
    """The live document after a failover of `shop()` to the standby."""
    values: dict[str, Any] = {
        "service": "shop",
        "environment": "prod",
        "epoch": 4,
        "primary_region": "eu-central-1",
        "writer": "eu-central-1",
        "changed_at": datetime(2026, 11, 25, 12, 30, tzinfo=UTC),
        "reason": "eu-west-1 is lost",
        **more,
    }
    return Live(**values)


seconds = st.floats(min_value=0.001, max_value=1e6)
ratios = st.floats(min_value=0.001, max_value=0.999)
epochs = st.integers(min_value=0, max_value=2**53 - 1)
names = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,20}[A-Za-z0-9])?", fullmatch=True)
regions = st.sampled_from(("eu-west-1", "eu-west-2", "eu-central-1", "us-east-1", "us-west-2", "ap-northeast-1"))
objectives = st.builds(
    Objectives,
    availability=ratios,
    latency_p95_seconds=seconds,
    error_rate=ratios,
    recovery_time_seconds=seconds,
    recovery_point_seconds=st.floats(min_value=0, max_value=1e6),
    exceptions=st.lists(
        st.builds(
            ObjectiveException,
            failure_class=st.sampled_from([each.value for each in FailureClass]),
            path=st.sampled_from((None, "reads", "writes")),
            recovery_time_seconds=seconds,
            recovery_point_seconds=st.none() | seconds,
        ),
        max_size=3,
        unique_by=lambda each: (each.failure_class, each.path),
    ).map(tuple),
)
breakers = st.builds(
    BreakerPolicy,
    sliding_window=st.sampled_from(("count", "time", "consecutive")),
    sliding_window_size=st.integers(100, 1000),
    minimum_calls=st.integers(1, 100),
    failure_rate_threshold=ratios,
    slow_call_seconds=st.none() | seconds,
    wait_in_open_seconds=st.floats(min_value=0.1, max_value=100),
    open_backoff=st.none() | st.builds(BackoffPolicy, max_wait_seconds=st.floats(min_value=100, max_value=1e5)),
    after_half_open_wait=st.sampled_from(("open", "closed")),
)


@st.composite
def topologies(draw: st.DrawFn) -> Topology:
    """Any declared document of up to four regions."""
    used = tuple(draw(st.lists(regions, min_size=1, max_size=4, unique=True)))
    served = draw(st.lists(st.sampled_from(used), min_size=1, unique=True))
    others = st.sampled_from((Role.STANDBY, Role.READER))
    roles = [Role.PRIMARY, *(draw(others) for _ in served[1:])]
    members = draw(st.lists(names, max_size=4, unique=True))
    database = None
    if members:
        database = Database(
            engine=draw(st.sampled_from(Engine)),
            database=draw(names),
            port=draw(st.integers(1, 65535)),
            writer=draw(st.sampled_from(members)),
            members=tuple(
                Member(
                    name=name, region=draw(st.sampled_from(used)), identifier=f"i{place}", host=f"h{place}.example.com"
                )
                for place, name in enumerate(members)
            ),
        )
    return Topology(
        service="shop",
        environment="prod",
        epoch=draw(epochs),
        regions=used,
        endpoints=tuple(
            endpoint(region, role, weight=draw(st.integers(0, 1000)))
            for region, role in zip(served, roles, strict=True)
        ),
        database=database,
        objectives=draw(objectives),
        breaker=draw(st.none() | breakers),
    )


@st.composite
def lives(draw: st.DrawFn, declared: Topology) -> Live:
    """Any live document that fits a declared one."""
    zone = timezone(timedelta(minutes=draw(st.integers(-720, 720))))
    return Live(
        service=declared.service,
        environment=declared.environment,
        epoch=draw(st.integers(max(0, declared.epoch - 2), min(2**53 - 1, declared.epoch + 2))),
        primary_region=draw(st.sampled_from([each.region for each in declared.endpoints])),
        writer=draw(st.sampled_from([each.name for each in declared.database.members])) if declared.database else None,
        changed_at=draw(st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1))).replace(tzinfo=zone),  # noqa: DTZ001
        reason=draw(st.sampled_from(("drill", "eu-west-1 is lost", "Störung in Zürich"))),
    )
