"""From the topology to what a caller of the shop needs: endpoints with roles, a selector that follows them, a client.

The shop's instances use it to reach the primary region; any other service that calls the shop may use it just so.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

import httpx

from seawall.events import Event
from seawall.http import AsyncSelectorTransport
from seawall.prober import HealthProber, HttpProbe
from seawall.selector import ActivePassive, Endpoint, EndpointSelector, FailbackPolicy
from seawall.topology import Effective
from seawall.watch import TopologyChanged, TopologyWatch
from seawall.wiring import selector_endpoints
from seawall.worker import Worker

__all__ = ["endpoints_of", "following_selector", "shop_client"]

TIMEOUT_SECONDS: Final = 2.0  # of one attempt; with two retries a caller waits three times that at worst
PROBE_SECONDS: Final = 2.0
FAILURE_THRESHOLD: Final = 3  # the document that asked for the system says 3

NONE: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({})


def endpoints_of(view: Effective, instances: Mapping[str, tuple[str, ...]] = NONE) -> list[Endpoint]:
    """The topology's endpoints that take part in failover; of a region in `instances`, its instances instead."""
    found: list[Endpoint] = []
    for each in selector_endpoints(view):
        urls = instances.get(each.region or "")
        if urls is None:
            found.append(each)
        else:
            found.extend(
                replace(each, name=f"{each.name}-{n}", url=url, health_url=None) for n, url in enumerate(urls, 1)
            )
    # ActivePassive takes primaries first, and else keeps this order: the primary region's instances before the others'.
    return sorted(found, key=lambda endpoint: endpoint.role != "primary")


def following_selector(
    topology: TopologyWatch, worker: Worker, instances: Mapping[str, tuple[str, ...]] = NONE, *, name: str = "shop"
) -> EndpointSelector:
    """A selector that uses the primary region while it is well, and follows the topology and its own probes."""
    selector = EndpointSelector(
        endpoints_of(topology.current, instances),
        ActivePassive(failure_threshold=FAILURE_THRESHOLD),
        failback=FailbackPolicy(good_probes=3, minimum_hold_seconds=60.0),
        name=name,
    )

    def follow(event: Event) -> None:
        if isinstance(event, TopologyChanged):
            selector.update(endpoints_of(event.current, instances))

    topology.subscribe(follow)
    prober = HealthProber(
        selector, HttpProbe(path="/readyz", timeout_seconds=1.0), interval_seconds=PROBE_SECONDS, timeout_seconds=1.0
    )
    prober.start(worker)
    return selector


def shop_client(
    selector: EndpointSelector, *, make_transport: Callable[[Endpoint], httpx.AsyncBaseTransport] | None = None
) -> httpx.AsyncClient:
    """A client of the shop: `await client.get("/products")` goes where the selector says, and again where it may.

    Only idempotent requests are tried again, at most twice, and within a budget: the transport's defaults.

    Args:
        selector: Chooses.
        make_transport: Makes the connections to one endpoint; the transport's own when left out.
    """
    return httpx.AsyncClient(
        transport=AsyncSelectorTransport(selector, make_transport=make_transport),
        base_url="http://shop",  # a placeholder: the endpoint's URL replaces it
        timeout=TIMEOUT_SECONDS,
    )
