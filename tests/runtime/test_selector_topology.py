"""A selector made from the topology, and one that follows it live."""

import gc
import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from seawall.events import Event, EventBus, Subscription
from seawall.selector import ActiveChanged, EndpointSelector, WeightedRoundRobin
from seawall.testing import FakeClock, events_of
from seawall.topology import Live, TextSource, load, merge, parse
from seawall.watch import TopologyWatch
from seawall.worker import Worker

REGIONS = {"tokyo": "ap-northeast-1", "osaka": "ap-northeast-3", "seoul": "ap-northeast-2"}


def document() -> str:
    return json.dumps(
        {
            "schema_version": 1,
            "service": "shop",
            "environment": "dev",
            "epoch": 0,
            "regions": list(REGIONS.values()),
            "endpoints": [
                {
                    "name": name,
                    "region": region,
                    "role": "primary" if name == "tokyo" else "standby",
                    "weight": 1,
                    "url": f"https://{name}.shop.example",
                    "health_url": f"https://{name}.shop.example/readyz" if name == "tokyo" else None,
                }
                for name, region in REGIONS.items()
            ],
            "objectives": {
                "availability": 0.999,
                "latency_p95_seconds": 0.5,
                "error_rate": 0.001,
                "recovery_time_seconds": 180,
                "recovery_point_seconds": 60,
            },
        }
    )


def live(region: str, epoch: int) -> Live:
    return Live(
        service="shop",
        environment="dev",
        epoch=epoch,
        primary_region=REGIONS[region],
        writer=None,
        changed_at=datetime(2026, 1, 1, tzinfo=UTC),
        reason="drill",
    )


class Followed:
    """A topology whose live document the test changes."""

    def __init__(self) -> None:
        self.declared = parse(document())
        self.current = merge(self.declared, None)
        self.bus = EventBus()

    def subscribe(self, subscriber: Callable[[Event], None], /) -> Subscription:
        return self.bus.subscribe(subscriber)

    def fail_over(self, region: str, epoch: int) -> None:
        self.current = merge(self.declared, live(region, epoch))
        self.bus.publish(Event(source="topology", at_seconds=0.0))


@pytest.fixture(autouse=True)
def _no_region(monkeypatch):
    """The tests' own environment must not decide."""
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)


def test_endpoints_roles_urls_and_the_name_come_from_the_document():
    """What is deployed is what is called; probes ask the document's health URL, or their own path."""
    selector = EndpointSelector.from_topology(merge(parse(document()), None))
    assert selector.name == "shop"
    assert selector.snapshot().active == "tokyo"
    assert [(each.name, each.role, each.health_url) for each in selector.endpoints] == [
        ("tokyo", "primary", "https://tokyo.shop.example/readyz"),
        ("osaka", "standby", None),
        ("seoul", "standby", None),
    ]


def test_regions_that_only_read_take_no_calls_unless_asked_for():
    """A write that reached a reader would be refused by its database, at best."""
    text = json.loads(document())
    text["endpoints"][2]["role"] = "reader"
    view = merge(parse(json.dumps(text)), None)
    assert [each.name for each in EndpointSelector.from_topology(view).endpoints] == ["tokyo", "osaka"]
    reading = EndpointSelector.from_topology(view, readers=True)
    assert [(each.name, each.role) for each in reading.endpoints][2] == ("seoul", "standby")


def test_the_region_of_the_app_is_preferred(monkeypatch):
    """Said by the caller, or by the environment that EKS, ECS and Lambda set."""
    view = merge(parse(document()), None)
    assert (
        EndpointSelector.from_topology(view, WeightedRoundRobin(), region=REGIONS["osaka"]).pick().endpoint.name
        == "osaka"
    )
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGIONS["tokyo"])
    monkeypatch.setenv("AWS_REGION", REGIONS["seoul"])
    nearby = EndpointSelector.from_topology(view, WeightedRoundRobin())
    assert {nearby.pick().endpoint.name for _ in range(6)} == {"seoul"}
    standby = EndpointSelector.from_topology(view)
    assert standby.snapshot().active == "tokyo"  # roles come first where one endpoint serves all
    assert standby.pick(exclude={"tokyo"}).endpoint.name == "seoul"


def test_a_live_failover_is_followed_at_once_whatever_the_hold_says():
    """Operations declared it: no hold and no count of probes stands against it. Back again, too."""
    topology = Followed()
    clock = FakeClock()
    selector = EndpointSelector.from_topology(topology, clock=clock)
    for _ in range(3):
        selector.pick().failure()
    assert selector.snapshot().active == "osaka"
    with events_of(selector.events) as seen:
        topology.fail_over("seoul", epoch=1)
        assert selector.snapshot().active == "seoul"
        topology.fail_over("osaka", epoch=2)
        assert selector.snapshot().active == "osaka"
    assert [each.reason for each in seen if isinstance(each, ActiveChanged)] == ["endpoints changed"] * 2


def test_a_live_failover_does_not_lead_to_an_endpoint_that_is_down():
    """An order is no health: the app stays where it is served, and follows when the new primary is there."""
    topology = Followed()
    selector = EndpointSelector.from_topology(topology, clock=FakeClock())
    selector.probed("osaka", passed=False, healthy=False)
    topology.fail_over("osaka", epoch=1)
    assert selector.snapshot().active == "tokyo"
    for _ in range(3):
        selector.probed("osaka", passed=True, healthy=True)
    assert selector.snapshot().active == "osaka"


def test_what_is_known_of_an_endpoint_survives_a_change_of_roles():
    """A failover must not forgive an endpoint that fails."""
    topology = Followed()
    selector = EndpointSelector.from_topology(topology, WeightedRoundRobin(), clock=FakeClock())
    for _ in range(5):
        selector.pick(exclude={"osaka", "seoul"}).failure()
    topology.fail_over("osaka", epoch=1)
    assert [str(each.state) for each in selector.snapshot().endpoints] == ["ejected", "available", "available"]


def test_the_watch_of_this_library_is_followed():
    """The two halves fit: a document that changes reaches the selector by the watch's own reading."""
    declared = parse(document())
    texts: dict[str, str | None] = {"live": None}

    class Source:
        def read(self):
            return TextSource(document(), texts["live"]).read()

    from seawall.topology import dump

    worker = Worker()
    watch = TopologyWatch(Source(), worker=worker, initial=load(TextSource(document())))
    selector = EndpointSelector.from_topology(watch)
    assert selector.snapshot().active == "tokyo"
    texts["live"] = dump(live("osaka", 1))
    assert watch.refresh()
    assert selector.snapshot().active == "osaka"
    assert declared.epoch == 0


def test_a_watch_does_not_keep_a_selector_alive():
    """It may outlive many; the next change ends the subscription."""
    topology = Followed()
    selector = EndpointSelector.from_topology(topology)
    del selector
    gc.collect()
    topology.fail_over("osaka", epoch=1)
    assert not topology.bus.wanted
