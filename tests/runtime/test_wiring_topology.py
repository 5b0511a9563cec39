"""From the topology to the breaker and the selector: nothing declared is lost on the way, and changes arrive."""

from dataclasses import fields

from hypothesis import given, settings
from hypothesis import strategies as st

from seawall.breaker import CircuitBreakerConfig, OpenBackoff
from seawall.selector import ActivePassive, EndpointSelector
from seawall.testing import FakeClock
from seawall.topology import Role, Texts, dump, merge
from seawall.watch import TopologyWatch
from seawall.wiring import breaker_config, selector_endpoints, steer
from seawall.worker import Worker
from topology_documents import breakers, endpoint, failed_over, shop, topologies


@settings(max_examples=40)
@given(breakers)
def test_a_declared_breaker_is_built_as_it_was_declared(policy):
    """For all policies that a document may hold: the breaker takes them, and every value is the declared one."""
    config = breaker_config(policy)
    for field in fields(policy):
        declared, built = getattr(policy, field.name), getattr(config, field.name)
        if field.name == "open_backoff" and declared is not None:
            assert isinstance(built, OpenBackoff)
            assert (built.multiplier, built.max_wait_seconds, built.jitter_ratio) == (
                declared.multiplier,
                declared.max_wait_seconds,
                declared.jitter_ratio,
            )
        else:
            assert built == declared


def test_without_a_declared_policy_the_breakers_own_defaults_count():
    """A document may leave the breaker out."""
    assert breaker_config(None) == CircuitBreakerConfig()


@settings(max_examples=40)
@given(topologies(), st.booleans())
def test_every_declared_endpoint_is_one_that_a_selector_takes(document, readers):
    """For all documents: names, weights and URLs are within the selector's limits, and one endpoint is the primary."""
    endpoints = selector_endpoints(merge(document), readers=readers)
    assert [each.role for each in endpoints].count("primary") == 1
    expected = [each for each in document.endpoints if readers or each.role is not Role.READER]
    assert [(each.name, each.url, each.region, each.weight, each.health_url) for each in endpoints] == [
        (each.name, each.url, each.region, each.weight, each.health_url) for each in expected
    ]


def test_a_region_that_only_reads_takes_no_writes():
    """Its app could not write anywhere near; it is called for reads when that is asked for."""
    assert [each.name for each in selector_endpoints(merge(shop()))] == ["eu-west-1", "eu-central-1"]
    assert [each.name for each in selector_endpoints(merge(shop()), readers=True)][2] == "us-east-1"


class Store:
    """A source whose answer is set by the test."""

    texts = Texts(dump(shop()))

    def read(self) -> Texts:
        return self.texts


def test_a_failover_moves_a_steered_selector_to_the_new_primary():
    """The app calls the region that operations have chosen, without a restart."""
    clock, store = FakeClock(), Store()
    watch = TopologyWatch(store, worker=Worker(clock=clock), clock=clock)
    selector = EndpointSelector(selector_endpoints(watch.current), policy=ActivePassive(), clock=clock)
    with steer(selector, watch):
        assert selector.pick().endpoint.name == "eu-west-1"
        store.texts = Texts(dump(shop()), dump(failed_over()))
        watch.refresh()
        clock.advance(3600)  # beyond any hold of the selector's own
        assert [each.role for each in selector.endpoints] == ["standby", "primary"]
        assert selector.pick().endpoint.name == "eu-central-1"
    store.texts = Texts(dump(shop()), dump(failed_over(epoch=5, primary_region="eu-west-1", writer="eu-west-1")))
    watch.refresh()
    assert [each.role for each in selector.endpoints] == ["standby", "primary"], "no longer steered"


def test_a_change_before_steering_is_not_missed():
    """A selector may be older than the view that it is given."""
    clock, store = FakeClock(), Store()
    watch = TopologyWatch(store, worker=Worker(clock=clock), clock=clock)
    selector = EndpointSelector(selector_endpoints(merge(shop(endpoints=(endpoint("eu-west-1", Role.PRIMARY),)))))
    steer(selector, watch)
    assert [each.name for each in selector.endpoints] == ["eu-west-1", "eu-central-1"]
