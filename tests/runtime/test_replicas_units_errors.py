"""What an error in the middle of a unit of work means: elsewhere, again, or the end."""

import asyncio
from collections.abc import Iterator

import pytest

from replica_world import World
from seawall.errors import (
    DatabaseInterrupted,
    InvalidInput,
)
from seawall.replicas import (
    ChoiceReason,
    Fault,
    ReplicaRouter,
    StatementKind,
    consistency_scope,
    fault_of,
    retrying,
)

READ, WRITE, UNKNOWN = StatementKind.READ, StatementKind.WRITE, StatementKind.UNKNOWN


@pytest.mark.parametrize(
    ("sqlstate", "lost", "fault"),
    [
        ("25006", False, Fault.READ_ONLY),
        ("57P01", True, Fault.SHUTTING_DOWN),
        ("57P02", True, Fault.SHUTTING_DOWN),
        ("57P03", False, Fault.SHUTTING_DOWN),
        ("08006", True, Fault.CONNECTION_LOST),
        ("08001", False, Fault.CONNECTION_LOST),
        (None, True, Fault.CONNECTION_LOST),
        (None, False, Fault.OTHER),
        ("23505", False, Fault.OTHER),
        ("57014", False, Fault.OTHER),
        ("40001", False, Fault.OTHER),
    ],
)
def test_what_an_error_means_for_its_server(sqlstate: str | None, lost: bool, fault: Fault) -> None:
    """A constraint or a time limit says nothing about the server; a role change and a lost connection do."""
    assert fault_of(sqlstate, connection_lost=lost) is fault


def test_a_first_read_goes_elsewhere_and_a_later_one_does_not(router: ReplicaRouter) -> None:
    """Nothing has been shown yet, so that another reader's moment is as good; afterwards it would mix two."""
    unit = router.unit()
    first = unit.route(READ)
    again = unit.elsewhere(ConnectionError(), Fault.CONNECTION_LOST)
    assert again is not None
    assert again.reason is ChoiceReason.ELSEWHERE
    assert {first.server.name, again.server.name} == {"b", "c"}
    unit.route(READ)
    assert unit.elsewhere(ConnectionError(), Fault.CONNECTION_LOST) is None
    error = unit.interrupted(ConnectionError(), Fault.CONNECTION_LOST)
    assert isinstance(error, DatabaseInterrupted)
    assert error.safe_to_retry


def test_a_read_tries_every_server_once_and_the_writer_last(router: ReplicaRouter) -> None:
    """Bounded, and with a clear end."""
    unit = router.unit()
    names = [unit.route(READ).server.name]
    while (route := unit.elsewhere(ConnectionError(), Fault.CONNECTION_LOST)) is not None:
        names.append(route.server.name)
    assert names[-1] == "a"
    assert sorted(names) == ["a", "b", "c"]


def test_a_full_pool_says_nothing_about_its_server(router: ReplicaRouter) -> None:
    """The read spills over, and the reader stays as fit as it was."""
    unit = router.unit()
    full = unit.route(READ).server.name
    other = unit.elsewhere(TimeoutError(), Fault.POOL_FULL)
    assert other is not None
    assert other.server.name != full
    assert full in {router.pick_reader().server.name for _ in range(50)}


@pytest.mark.parametrize("fault", [Fault.CONNECTION_LOST, Fault.SHUTTING_DOWN])
def test_a_write_that_is_interrupted_is_safe_to_retry_until_its_commit_was_sent(
    router: ReplicaRouter, fault: Fault
) -> None:
    """Before, the server rolls back by itself; after, nobody can tell, and nothing is replayed."""
    unit = router.unit()
    unit.route(WRITE)
    assert unit.elsewhere(ConnectionError(), fault) is None, "a write never goes elsewhere by itself"
    before = unit.interrupted(ConnectionError(), fault)
    assert before is not None
    assert before.safe_to_retry
    with consistency_scope():
        unit = router.unit()
        unit.route(WRITE)
        unit.committing()
        after = unit.interrupted(ConnectionError(), fault)
        assert after is not None
        assert not after.safe_to_retry
        assert "look first" in str(after)
        unit.close()
        assert router.unit().route(READ).is_writer, "whoever looks, looks at the writer"


def test_an_autocommitted_write_that_is_interrupted_is_not_safe_to_retry(router: ReplicaRouter) -> None:
    """Each statement is its own commit; except that a read-only server has refused it."""
    for fault, safe in ((Fault.CONNECTION_LOST, False), (Fault.READ_ONLY, True), (Fault.POOL_FULL, True)):
        unit = router.unit(transaction=False)
        unit.route(WRITE)
        error = unit.interrupted(ConnectionError(), fault)
        assert error is not None
        assert error.safe_to_retry is safe


def test_an_error_of_the_apps_own_is_left_alone(router: ReplicaRouter) -> None:
    """A unique violation is not an outage."""
    unit = router.unit()
    unit.route(WRITE)
    assert unit.interrupted(ValueError(), Fault.OTHER) is None


def test_a_transaction_does_not_go_on_after_the_writer_has_changed(router: ReplicaRouter, world: World) -> None:
    """Neither its next write nor its commit is sent to the old writer, though the connection may be alive."""
    at_write, at_commit = router.unit(), router.unit()
    for unit in (at_write, at_commit):
        unit.route(WRITE)
    world.servers["a"].up = False
    world.promote("b")
    for _ in range(3):
        router.measure()
    with pytest.raises(DatabaseInterrupted, match="another server became the writer") as error:
        at_write.route(WRITE)
    assert error.value.safe_to_retry
    with pytest.raises(DatabaseInterrupted):
        at_commit.committing()
    assert router.unit().route(WRITE).server.name == "b"


def test_a_unit_is_run_again_only_when_that_is_safe() -> None:
    """As often as allowed, from its beginning; sync and async; generators are refused."""
    tries = list[bool]()

    def fail(*, safe: bool) -> str:
        tries.append(safe)
        if len(tries) < 3:
            raise DatabaseInterrupted("a", safe_to_retry=safe, because="of the test")
        return "done"

    async def fail_later(*, safe: bool) -> str:
        return fail(safe=safe)

    assert retrying(3)(fail)(safe=True) == "done"
    tries.clear()
    assert asyncio.run(retrying(3)(fail_later)(safe=True)) == "done"
    for attempts, safe, expected in ((2, True, 2), (5, False, 1)):
        tries.clear()
        with pytest.raises(DatabaseInterrupted):
            retrying(attempts)(fail)(safe=safe)
        assert len(tries) == expected
    with pytest.raises(InvalidInput, match="attempts = 0"):
        retrying(0)

    def rows() -> Iterator[int]:
        yield 1

    with pytest.raises(InvalidInput, match="what it gave cannot be taken back"):
        retrying(2)(rows)
