"""From the topology to what acts on it: the breaker's config, the selector's endpoints, and keeping them up to date.

```python
with Worker() as worker:
    watch = TopologyWatch(worker=worker)
    shop = EndpointSelector(selector_endpoints(watch.current))
    with steer(shop, watch):
        serve()
```
"""

from dataclasses import fields

from seawall.breaker import CircuitBreakerConfig, OpenBackoff
from seawall.events import Event, Subscription
from seawall.selector import Endpoint, EndpointSelector
from seawall.selector._topology import endpoints_of
from seawall.topology import BreakerPolicy, Effective
from seawall.watch import TopologyChanged, TopologyWatch

__all__ = ["breaker_config", "selector_endpoints", "steer"]


def breaker_config(policy: BreakerPolicy | None) -> CircuitBreakerConfig:
    """The config that a document declares; the breaker's own defaults where it declares none.

    What counts as a failure is code and stands in no document: add it by `dataclasses.replace(config, record=...)`.
    """
    if policy is None:
        return CircuitBreakerConfig()
    values = {field.name: getattr(policy, field.name) for field in fields(policy)}
    backoff = policy.open_backoff
    if backoff is not None:
        values["open_backoff"] = OpenBackoff(**{field.name: getattr(backoff, field.name) for field in fields(backoff)})
    return CircuitBreakerConfig(**values)


def selector_endpoints(view: Effective, *, readers: bool = False) -> tuple[Endpoint, ...]:
    """The endpoints to call, with the roles that they have now.

    Args:
        view: From `topology.load()` or `TopologyWatch.current`.
        readers: Whether regions that only read are among them, as standbys: for selectors of reads, never of writes.
    """
    return endpoints_of(view, readers=readers)


def steer(selector: EndpointSelector, watch: TopologyWatch, *, readers: bool = False) -> Subscription:
    """Give the selector the watch's endpoints, now and with every change.

    Returns:
        The subscription; `cancel()`, or the end of its `with` block, leaves the selector as it is then.
    """

    def changed(event: Event) -> None:
        if isinstance(event, TopologyChanged):
            selector.update(selector_endpoints(event.current, readers=readers))

    subscription = watch.subscribe(changed)
    # After subscribing: a change in between is then given twice, and never missed.
    selector.update(selector_endpoints(watch.current, readers=readers))
    return subscription
