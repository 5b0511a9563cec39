"""A writer hands over while it lives, because somebody has planned it: nothing that was acknowledged may be lost."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from failover_estate import MEMBERS, Estate, logged_on_failure, orders_of, region_of
from failover_numbers import HOME, SCALED
from failover_runs import phases, records_of, run, servers_of, surroundings, switchover
from localcloud.postgres_fleet import PostgresFleet
from order_load import OrderLoad

pytestmark = [pytest.mark.xdist_group("postgres"), pytest.mark.usefixtures("_as_operator")]

WRITER, CANDIDATE = MEMBERS[:2]


def test_a_planned_switchover_waits_until_all_is_replayed_and_loses_no_order(
    postgres_fleet: PostgresFleet, tmp_path: Path
):
    """The candidate replays nothing while the old writer is fenced: it is not promoted before it has caught up."""
    with Estate(tmp_path, postgres_fleet, SCALED) as estate, logged_on_failure(estate):
        estate.start_shop()
        old, new = estate.servers[WRITER], estate.servers[CANDIDATE]
        around = surroundings(estate, servers_of(estate))
        ports = [port for ports in estate.ports.values() for port in ports]

        def done(step: str, phase: str, outcome: str) -> bool:
            return (step, phase, outcome) in phases(records_of(tmp_path / "audit.jsonl"))

        with ThreadPoolExecutor(1) as operator, OrderLoad(ports) as load:
            estate.wait(lambda: all(load.taken_since(0.0, port) for port in ports), "all instances write")
            handover = switchover(estate)
            new.pause_replay()
            behind = max(each.ended for each in load.attempts)
            estate.wait(lambda: len(load.taken_since(behind)) > 10, "orders that the candidate has not replayed")
            handing_over = operator.submit(run, estate, handover, around)
            estate.wait(lambda: done("fence", "verify", "done") or handing_over.done(), "the old writer is fenced")
            assert not handing_over.done(), handing_over.result().because
            servers = servers_of(estate)
            assert servers.fence_of(WRITER).closed
            assert (servers.look(CANDIDATE).position or 0) < (servers.look(WRITER).position or 0)
            assert not done("promote", "apply", "begun")
            new.resume_replay()
            result = handing_over.result(60)
            assert result.end == "done", result.because
            published = phases(records_of(tmp_path / "audit.jsonl"))["publish", "apply", "done"].monotonic_seconds
            estate.wait(lambda: all(load.taken_since(published, port) for port in ports), "all instances write again")
        taken = {each.number for each in load.attempts if each.taken}
        assert taken <= orders_of(new)
        assert orders_of(old) <= orders_of(new)
        assert {region_of(port)["writer"] for port in ports} == {CANDIDATE}
        ledger = around.board.read().ledger
        assert (ledger.open, ledger.fenced) == (None, (WRITER,))
        live = estate.live()
        assert live is not None
        assert live.epoch == handover.epoch + 2
        assert estate.live(HOME) == live
        assert not old.in_recovery()
