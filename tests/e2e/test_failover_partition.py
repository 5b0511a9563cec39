"""The old writer lives, and its region is cut off from all others: what a failover must never make two writers of."""

from pathlib import Path

import pytest

from failover_estate import MEMBERS, Estate, logged_on_failure, orders_of, region_of
from failover_numbers import AWAY, HOME, SCALED, THIRD
from failover_runs import phases, records_of, run, servers_of, surroundings, switchover
from localcloud.postgres import PostgresServer
from localcloud.postgres_fleet import PostgresFleet
from localcloud.postgres_install import USER
from order_load import OrderLoad
from seawall.timing import FailureClass

pytestmark = [pytest.mark.xdist_group("postgres"), pytest.mark.usefixtures("_as_operator")]

WRITER, CANDIDATE = MEMBERS[:2]
CLOCKED = "ALTER TABLE orders ADD COLUMN written_at timestamptz NOT NULL DEFAULT clock_timestamp()"
LAST = "SELECT extract(epoch FROM max(written_at)) FROM orders"


def last_written(server: PostgresServer) -> float:
    """When the last order was written there, in seconds of this machine's wall clock."""
    return float(server.sql(LAST, database=USER))


def test_a_region_that_is_cut_off_stops_writing_before_another_writer_is_made(
    postgres_fleet: PostgresFleet, tmp_path: Path
):
    """Its apps reach their writer, their region's old copy of the live topology, and nothing else: the lease ends them."""
    with Estate(tmp_path, postgres_fleet, SCALED, partitioned=True) as estate, logged_on_failure(estate):
        estate.start_shop()
        old, new = estate.servers[WRITER], estate.servers[CANDIDATE]
        old.sql(CLOCKED, database=USER)
        postgres_fleet.wait_in_step()
        around = surroundings(estate, servers_of(estate))
        (inside,), (outside,) = estate.ports[HOME], estate.ports[AWAY]
        with OrderLoad((inside, outside)) as load:
            estate.wait(lambda: all(load.taken_since(0.0, port) for port in (inside, outside)), "both regions write")
            estate.cut_off_home()
            lost = switchover(
                estate,
                failure_class=FailureClass.REGION,
                reason="nobody reaches the region",
                lag_accepted_because="it was in step when it was last seen",
            )
            result = run(estate, lost, around)
            assert result.end == "done", result.because
            found = phases(records_of(tmp_path / "audit.jsonl"))
            announced, promoted = found["announce", "apply", "begun"], found["promote", "apply", "begun"]

            # The lease was waited for: nobody could fence a server that nobody reaches.
            waited = promoted.monotonic_seconds - announced.monotonic_seconds
            assert waited >= SCALED.epoch_lease_seconds

            # Apps in the region that is cut off have said no by themselves before that, and their server has taken nothing since.
            refused = [each for each in load.attempts if each.port == inside and each.status == 503]
            assert min(each.began for each in refused) < promoted.monotonic_seconds
            assert last_written(old) < promoted.at.timestamp()
            kept = orders_of(old)

            # The others write again, to the new writer.
            published = found["publish", "apply", "done"].monotonic_seconds
            estate.wait(lambda: bool(load.taken_since(published, outside)), "the other region writes")
            assert region_of(outside)["writer"] == CANDIDATE
            assert not load.taken_since(promoted.monotonic_seconds, inside)

            # When the region is back, its apps follow; what still takes writes there gets none.
            estate.mend()
            back = max(each.ended for each in load.attempts)
            estate.wait(lambda: bool(load.taken_since(back, inside)), "the region that was cut off writes elsewhere")
            assert region_of(inside)["writer"] == CANDIDATE
        assert not old.in_recovery()
        assert orders_of(old) == kept

        # No order is on both sides of the cut, and none that was taken since the promotion is lost.
        taken = {each.number for each in load.taken_since(promoted.monotonic_seconds)}
        assert taken <= orders_of(new)
        assert not taken & kept
        spread = around.live.spread(around.live.read() or pytest.fail("nothing was published"))
        assert [each for each in spread.behind if HOME not in each] == []
        assert estate.live(THIRD) == estate.live(AWAY)
