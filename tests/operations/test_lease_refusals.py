"""What a lease refuses before anything is asked: terms that lose it, names, and a store inside of what it arbitrates."""

import pytest

from seawall.errors import InvalidInput
from seawall.topology import Topology
from seawall_ops.lease import Arbitrated, Lease, LeaseTerms, Location, MemoryLeaseStore
from topology_documents import shop


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"ttl_seconds": 0.0}, "ttl_seconds = 0.0: a number, above 0"),
        ({"jitter_ratio": 2.0}, "jitter_ratio = 2.0: a number, at least 0 and at most 1"),
        (
            {"ttl_seconds": 20.0},
            (
                "ttl_seconds = 20.0: at least 22, because margin_seconds + renew_every_seconds + 2 x request_timeout_seconds + "
                "retry_seconds must pass before one unanswered renewal loses the lease"
            ),
        ),
    ],
)
def test_terms_that_would_lose_a_lease_by_one_slow_answer_are_refused(wrong, line):
    """Flapping leaders are worse than none."""
    with pytest.raises(InvalidInput) as caught:
        LeaseTerms(**wrong)
    assert str(caught.value) == line


@pytest.mark.parametrize(("name", "holder"), [("", "a"), ("x", ""), ("x" * 201, "a"), ("x", "a\nb")])
def test_names_that_no_store_could_keep_are_refused(name, holder):
    """Before anything is asked."""
    with pytest.raises(InvalidInput, match="1 to 200 printable characters"):
        Lease(MemoryLeaseStore(), name, holder=holder, arbitrates=Arbitrated())


TOPOLOGY: Topology = shop()
HOST = "shop-db.abc.eu-west-1.rds.amazonaws.com"


@pytest.mark.parametrize(
    ("location", "because"),
    [
        (Location("eu-west-1"), "the lease would be lost together with eu-west-1"),
        (Location(""), "it is in a region that is not known"),
        (Location("eu-north-1", frozenset({HOST.upper() + ".:5432"})), f"{HOST} is a member of the database"),
    ],
)
def test_a_store_inside_of_what_it_arbitrates_is_refused_in_one_line(location, because):
    """It would be lost just when somebody has to take over; what is not known is not outside."""
    arbitrated = Arbitrated(regions=frozenset({"eu-west-1", "eu-central-1"}), hosts=frozenset({HOST}))
    with pytest.raises(InvalidInput) as caught:
        arbitrated.refuse_inside("the store", location)
    assert because in str(caught.value)
    assert str(caught.value).startswith("store = the store: outside of eu-central-1, eu-west-1, shop-db")


def test_a_topology_tells_what_fails_over():
    """All regions with an endpoint or a member, and each member's host."""
    arbitrated = Arbitrated.of(TOPOLOGY)
    assert {each.region for each in TOPOLOGY.endpoints} <= arbitrated.regions
    assert TOPOLOGY.database is not None
    for member in TOPOLOGY.database.members:
        with pytest.raises(InvalidInput):
            arbitrated.refuse_inside("it", Location(member.region))
        with pytest.raises(InvalidInput):
            arbitrated.refuse_inside("it", Location("eu-north-1", frozenset({member.host})))
    arbitrated.refuse_inside("it", Location("eu-north-1"))
    with pytest.raises(InvalidInput, match="store = memory of eu-west-1"):
        Lease(MemoryLeaseStore("eu-west-1"), "x", holder="a", arbitrates=arbitrated)


def test_only_a_person_with_a_reason_may_go_inside():
    """What acts by itself gets no exception."""
    told = Arbitrated.of(TOPOLOGY, automatic=False, inside_because="no third region yet, INC-7")
    told.refuse_inside("it", Location("eu-west-1"))
    for automatic, reason in ((True, "why not"), (False, " ")):
        with pytest.raises(InvalidInput, match="inside_because"):
            Arbitrated(automatic=automatic, inside_because=reason)


def test_inside_of_one_cluster_its_own_lease_will_do():
    """Nothing there fails over to another region."""
    Arbitrated().refuse_inside("it", Location("eu-west-1"))
