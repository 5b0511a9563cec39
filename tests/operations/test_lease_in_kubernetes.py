"""What is particular to leases in Kubernetes: the role's rules, what others write beside it, and how its API refuses."""

from collections.abc import Iterator

import pytest
from lightkube import KubeConfig

from kubernetes_api import KubernetesApi
from lease_places import NAMESPACE, RECORD, REGION, Place, in_kubernetes, use
from lease_world import NAME, Bearer
from seawall.errors import FenceOutrun, InvalidInput, LeaseUnavailable
from seawall.testing import FakeClock
from seawall_ops.lease import Arbitrated, Lease
from seawall_ops.lease.kubernetes import RULES, WRITE, KubernetesLeaseStore

pytestmark = pytest.mark.xdist_group("leases")


@pytest.fixture
def kubernetes() -> Iterator[Place]:
    with KubernetesApi() as api:
        there = in_kubernetes(api)
        yield there
        there.close()


def test_the_rules_of_the_role_are_those_of_the_calls(kubernetes):
    """Nothing is denied at night, nothing allowed for nothing."""
    use(kubernetes)
    allowed = {(verb, resource) for rule in RULES for resource in rule["resources"] for verb in rule["verbs"]}
    assert kubernetes.behind.calls == allowed


def test_kubectl_shows_who_holds_it(kubernetes):
    """The fields that others know are kept, though never read."""
    lease = Lease(kubernetes.store, NAME, holder="observer-1", arbitrates=Arbitrated())
    lease.create()
    lease.acquire(wait_seconds=0.0, renew=False)
    spec = kubernetes.behind.objects["leases", NAME]["spec"]
    assert spec["holderIdentity"].startswith("observer-1@")
    assert spec["leaseDurationSeconds"] == 30
    assert spec["renewTime"].endswith("Z") or "+00:00" in spec["renewTime"]


def test_a_lease_of_another_program_is_left_alone(kubernetes):
    """Two ways to count fences in one object would give one number twice."""
    kubernetes.store.create(NAME, RECORD)
    kubernetes.behind.touch("leases", NAME, WRITE, None)
    with pytest.raises(LeaseUnavailable, match=f"the lease {NAME} is another program's"):
        kubernetes.store.read(NAME)


def test_a_change_by_another_hand_is_another_version(kubernetes):
    """A label that somebody adds makes the holder read again, and go on."""
    clock = FakeClock()
    lease = Lease(kubernetes.store, NAME, holder="a", arbitrates=Arbitrated(), clock=clock, wall=clock.monotonic)
    lease.create()
    held = lease.acquire(wait_seconds=0.0, renew=False)
    for _ in range(5):
        clock.advance(10.0)
        kubernetes.behind.touch("leases", NAME, "note", "by hand")
        held.renew()
        assert held.remaining_seconds() == lease.terms.usable_seconds


def test_a_refusal_of_the_api_server_is_one_line(kubernetes):
    """Whatever it says beyond that."""
    kubernetes.behind.broken_with = 500
    with pytest.raises(LeaseUnavailable, match=r"namespace shop could not be asked: 500: broken$"):
        kubernetes.store.read(NAME)


def test_a_server_that_is_gone_is_one_line():
    """Refused connections are not httpx's traceback."""
    with KubernetesApi() as api:
        there = in_kubernetes(api)
    with pytest.raises(LeaseUnavailable, match="ConnectError"):
        there.store.read(NAME)
    there.close()


def test_a_configuration_without_a_cluster_is_refused(tmp_path):
    """With one line, before anything is asked."""
    with pytest.raises(InvalidInput, match="a kubeconfig that can be read, with a current"):
        KubernetesLeaseStore(NAMESPACE, region=REGION, config=KubeConfig.from_dict({"clusters": [], "contexts": []}))
    with pytest.raises(InvalidInput, match="namespace"):
        KubernetesLeaseStore("", region=REGION)


def test_a_state_that_others_write_meanwhile_is_not_overwritten(kubernetes):
    """The version of a ConfigMap is the condition; a higher fence that came in between is seen."""

    class Interrupting:
        fence = 3
        done = False

        def check(self) -> None:
            if not self.done:
                self.done = True
                kubernetes.state.put("shop.prod", "later", Bearer(4))

    kubernetes.state.put("shop.prod", "first", Bearer(1))
    with pytest.raises(FenceOutrun, match="fence 4"):
        kubernetes.state.put("shop.prod", "mine", Interrupting())
    assert kubernetes.state.read("shop.prod").text == "later"
