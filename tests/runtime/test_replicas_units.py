"""Units of work: one reader each, writes to the writer, and what an error in the middle means."""

import asyncio
import copy
import math
import os
import pickle
import threading

import pytest

from replica_world import World
from seawall.errors import (
    CannotPickle,
    DatabaseInterrupted,
    InvalidInput,
    NoWriterAvailable,
    WriteAfterRead,
    WriteInReadOnlyScope,
)
from seawall.replicas import (
    ChoiceReason,
    ConsistencyToken,
    DatabaseServer,
    Fault,
    LagPolicy,
    ReaderState,
    ReadYourWrites,
    ReplicaRouter,
    StatementKind,
    WriterOnly,
    consistency_scope,
    current_scope,
    fault_of,
    read_only,
    retrying,
    use_writer,
)
from seawall.replicas._monitor import QUICK_SECONDS
from seawall.testing import FakeClock

READ, WRITE, UNKNOWN = StatementKind.READ, StatementKind.WRITE, StatementKind.UNKNOWN


@pytest.fixture
def world() -> World:
    return World(("a", "b", "c"))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(1000.0)


@pytest.fixture
def router(world: World, clock: FakeClock) -> ReplicaRouter:
    made = ReplicaRouter(
        world.writer,
        world.readers,
        gauge=world,
        consistency=ReadYourWrites(wait_seconds=0.0),
        clock=clock,
    )
    made.measure()
    return made


def test_a_unit_reads_from_one_reader(router: ReplicaRouter) -> None:
    """Two readers in one transaction would show two moments."""
    unit = router.unit()
    first = unit.route(READ)
    assert not first.is_writer
    assert all(unit.route(READ) is first for _ in range(20))


@pytest.mark.parametrize("kind", [WRITE, UNKNOWN])
def test_a_unit_that_begins_with_a_write_stays_at_the_writer(router: ReplicaRouter, kind: StatementKind) -> None:
    """Reads inside of a transaction that writes see what it has written; and what nobody knows is taken for a write."""
    unit = router.unit()
    assert unit.route(kind).server.name == "a"
    assert unit.route(READ).server.name == "a"
    assert not unit.route(READ).read_only


@pytest.mark.parametrize("kind", [WRITE, UNKNOWN])
def test_a_transaction_that_read_from_a_reader_cannot_write(router: ReplicaRouter, kind: StatementKind) -> None:
    """What it read may be older than what it would overwrite; the line says how to begin it."""
    unit = router.unit()
    server = unit.route(READ).server.name
    with pytest.raises(WriteAfterRead, match=f"read from {server} cannot write.*use_writer"):
        unit.route(kind)


def test_whether_a_write_after_a_read_is_refused_does_not_depend_on_luck(router: ReplicaRouter) -> None:
    """When the writer had to serve the read, too: else the mistake shows only on the day when the readers are well."""
    for name in ("b", "c"):
        router.suspect(name)
    unit = router.unit()
    assert unit.route(READ).server.name == "a"
    with pytest.raises(WriteAfterRead):
        unit.route(WRITE)


def test_a_transaction_can_begin_on_the_writer(router: ReplicaRouter) -> None:
    """Three ways to say so: the block, the unit, the scope."""
    with use_writer():
        by_block = router.unit()
        by_block.route(READ)
        by_block.route(WRITE)
    by_unit = router.unit(start_on="writer")
    by_unit.route(READ)
    assert by_unit.route(WRITE).server.name == "a"
    with consistency_scope(start_on="writer"):
        by_scope = router.unit()
        by_scope.route(READ)
        assert by_scope.route(WRITE).server.name == "a"
        assert not router.unit(start_on="reader").route(READ).is_writer, "what the unit says comes first"


def test_what_reads_at_the_writer_by_rule_may_write_in_the_same_transaction(world: World, clock: FakeClock) -> None:
    """`WriterOnly` is for apps that are being moved to replicas: it must not make a read before a write an error."""
    router = ReplicaRouter(world.writer, world.readers, gauge=world, consistency=WriterOnly(), clock=clock)
    unit = router.unit()
    first = unit.route(READ)
    assert first.is_writer
    assert not first.read_only, "a transaction that was begun READ ONLY could not write any more"
    assert unit.route(WRITE) is first
    with read_only():
        assert router.unit().route(READ).read_only


def test_statements_that_stand_for_themselves_move_to_the_writer_and_stay(router: ReplicaRouter) -> None:
    """Autocommit: a write after reads is no surprise, but reads after it must see it."""
    unit = router.unit(transaction=False)
    assert not unit.route(READ).is_writer
    assert unit.route(WRITE).server.name == "a"
    assert unit.route(READ).server.name == "a"


def test_nothing_is_written_inside_of_read_only(router: ReplicaRouter) -> None:
    """The write is refused before it is sent; what nobody knows goes to a reader, where the server refuses writes."""
    with read_only():
        unit = router.unit()
        with pytest.raises(WriteInReadOnlyScope, match="nothing was sent"):
            unit.route(WRITE)
        route = unit.route(UNKNOWN)
        assert route.read_only
        assert not route.is_writer
        with use_writer():
            at_writer = router.unit().route(UNKNOWN)
        assert (at_writer.server.name, at_writer.read_only) == ("a", True)


def test_scopes_decorate_functions_and_coroutine_functions(router: ReplicaRouter) -> None:
    """A coroutine function's body runs inside, not just the making of its coroutine; a generator's cannot, and is refused."""

    @read_only()
    def report() -> bool:
        return router.unit().route(UNKNOWN).is_writer

    @use_writer()
    async def order() -> bool:
        await asyncio.sleep(0)
        return router.unit().route(READ).is_writer

    assert report() is False
    assert asyncio.run(order()) is True
    with pytest.raises(InvalidInput, match="no generator, because its body runs after the block has ended"):

        @read_only()
        def rows():
            yield 1


def test_a_commit_leaves_a_token_in_the_scope_and_the_unit_begins_anew(router: ReplicaRouter, world: World) -> None:
    """A session goes on after its commit: its next reads see the write, from a reader that has it."""
    with consistency_scope() as scope:
        unit = router.unit()
        unit.route(WRITE)
        assert unit.committing()
        _, token = world.commit("a")
        unit.committed(token)
        assert scope.tokens.positions == (token,)
        assert unit.route(READ).reason is ChoiceReason.BEHIND
        unit.rolled_back()
        world.replay("c", "a")
        router.measure()
        assert unit.route(READ).server.name == "c"
        assert not unit.committing(), "it only read: no token is wanted"


def test_a_commit_without_a_position_keeps_the_sessions_reads_at_the_writer(
    router: ReplicaRouter, world: World, clock: FakeClock
) -> None:
    """Until the next commit says where it is, or every reader that is not left out for lagging has it."""
    with consistency_scope():
        unit = router.unit()
        unit.route(WRITE)
        unit.committing()
        unit.committed(None)
        assert unit.route(READ).server.name == "a"
        unit.rolled_back()
        unit.route(WRITE)
        unit.committed(ConsistencyToken(world.measure(DatabaseServer("a"), 1).system_id or 0, 1, 1))
        assert unit.route(READ).server.name != "a"
        unit.rolled_back()
        unit.route(WRITE)
        unit.committed(None)
        clock.advance(15.1)
        router.measure()
        assert unit.route(READ).server.name != "a"


def test_outside_of_any_scope_the_first_commit_makes_one_for_the_context(router: ReplicaRouter, world: World) -> None:
    """A script reads its own writes without having been told of scopes; other threads have scopes of their own."""
    found: list[bool] = []

    def script() -> None:
        unit = router.unit()
        unit.route(WRITE)
        _, token = world.commit("a")
        unit.committed(token)
        found.append(router.unit().route(READ).is_writer)

    thread = threading.Thread(target=script)
    thread.start()
    thread.join()
    assert found == [True]
    assert current_scope() is None


def test_a_scope_is_shared_by_the_threads_of_its_request(router: ReplicaRouter, world: World) -> None:
    """A value that is set in a thread pool is lost to the request; the scope can change, and is not."""
    with consistency_scope() as scope:

        async def request() -> None:
            def endpoint() -> None:
                unit = router.unit()
                unit.route(WRITE)
                unit.committed(world.commit("a")[1])

            await asyncio.to_thread(endpoint)
            await asyncio.create_task(asyncio.to_thread(endpoint))

        asyncio.run(request())
        assert scope.version == 2


# Errors


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
    with pytest.raises(InvalidInput, match="what it gave cannot be taken back"):
        retrying(2)(lambda: (yield))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_has_locks_and_measurements_of_its_own(world: World) -> None:
    """A preforking server: the parent's threads are gone in the child, and whatever they held."""
    router = ReplicaRouter(world.writer, world.readers, gauge=world)
    with router, router._core.lock:
        child = os.fork()
        if not child:
            code = 1
            try:
                router.suspect("b")
                router.pick_writer()
                code = 0
            finally:
                os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


def test_live_objects_are_neither_pickled_nor_copied(router: ReplicaRouter) -> None:
    """They hold locks and connections' state; one line says so."""
    for live in (router, router.unit(), router.pick_writer(), router.pick_reader()):
        with pytest.raises(CannotPickle):
            pickle.dumps(live)
        with pytest.raises(CannotPickle):
            copy.copy(live)


def test_a_reader_that_seems_to_lag_at_first_sight_is_looked_at_again_at_once(world: World, clock: FakeClock) -> None:
    """On a busy writer every reader is some bytes behind when first measured, and by how many seconds nobody knows yet.

    Until the next interval all reads fell on the writer, and beyond the fallback's limit failed.
    """
    world.commit("a")
    router = ReplicaRouter(world.writer, world.readers, gauge=world, clock=clock)
    monitor = router._monitor
    assert monitor is not None
    reader = world.readers[0]
    monitor.round(world.writer)
    assert monitor.round(reader) == QUICK_SECONDS
    assert router.snapshot().servers[1].lag_seconds == math.inf
    clock.advance(QUICK_SECONDS)
    world.replay("b", "a")
    assert monitor.round(reader) > 10 * QUICK_SECONDS
    assert router.snapshot().servers[1].state is ReaderState.FRESH
    world.commit("a")
    clock.advance(1.0)
    monitor.round(world.writer)
    assert monitor.round(reader) > 10 * QUICK_SECONDS, "how far it is behind is known now"


def test_a_reader_that_stands_still_is_not_looked_at_in_a_hurry_for_ever(world: World, clock: FakeClock) -> None:
    """A replica whose replay was paused before this process began is measured as often as any other, after a while."""
    world.commit("a")
    router = ReplicaRouter(world.writer, world.readers, gauge=world, clock=clock)
    monitor = router._monitor
    assert monitor is not None
    router.measure()
    clock.advance(LagPolicy().max_lag_seconds)
    assert monitor.round(world.readers[0]) > 10 * QUICK_SECONDS


def test_many_threads_choose_while_roles_change(world: World) -> None:
    """No choice is torn: a route names a server and a generation that belong together."""
    router = ReplicaRouter(world.writer, world.readers, gauge=world, consistency=ReadYourWrites(wait_seconds=0.0))
    wrong: list[str] = []
    ended = threading.Event()
    of_generation = {0: "a", 1: "b"}

    def choose() -> None:
        while not ended.is_set():
            try:
                route = router.pick_writer()
            except NoWriterAvailable:
                continue
            if of_generation[route.generation] != route.server.name:
                wrong.append(f"{route.server.name} of generation {route.generation}")
            router.pick_reader().success()

    router.measure()
    threads = [threading.Thread(target=choose) for _ in range(4)]
    for thread in threads:
        thread.start()
    world.servers["a"].up = False
    world.promote("b")
    for _ in range(50):
        router.measure()
    ended.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert router.pick_writer().server.name == "b"
