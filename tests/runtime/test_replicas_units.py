"""Units of work: one reader each, writes to the writer."""

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
    InvalidInput,
    NoWriterAvailable,
    WriteAfterRead,
    WriteInReadOnlyScope,
)
from seawall.replicas import (
    ChoiceReason,
    ConsistencyToken,
    DatabaseServer,
    LagPolicy,
    ReaderState,
    ReadYourWrites,
    ReplicaRouter,
    StatementKind,
    WriterOnly,
    consistency_scope,
    current_scope,
    read_only,
    use_writer,
)
from seawall.replicas._monitor import QUICK_SECONDS
from seawall.testing import FakeClock

READ, WRITE, UNKNOWN = StatementKind.READ, StatementKind.WRITE, StatementKind.UNKNOWN


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
