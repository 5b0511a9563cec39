"""An observer that acts by itself, as a process: it votes and decides, runs the plan under the lease, and takes over what another left.

Run as a program, with what `seawall failover observe` reads in the environment:
`python acting_observer.py --settings FILE --domain DOMAIN --name NAME --audit FILE`
"""

import argparse
import logging
import signal
import threading
from pathlib import Path
from typing import Final

from failover_estate import LEASES, RECORDS
from failover_numbers import SCALED, SEED, THIRD
from seawall.errors import SeawallError
from seawall.topology import Effective, default_source, load, merge
from seawall.worker import Worker
from seawall_ops.audit import TableSink, Trail
from seawall_ops.failover.command import _checks, _recorder
from seawall_ops.failover.decision import Act
from seawall_ops.failover.ledger import Operation as Entry
from seawall_ops.failover.observer import Observer
from seawall_ops.failover.operating import Table
from seawall_ops.failover.plans.choosing import Conditions, decided
from seawall_ops.failover.plans.handover import Handover
from seawall_ops.failover.plans.kept import KeptHandovers
from seawall_ops.failover.plans.places import LiveTopology
from seawall_ops.failover.plans.plan import failover_plan
from seawall_ops.failover.plans.postgres import PostgresServers
from seawall_ops.failover.plans.ssm import SsmPlace
from seawall_ops.failover.plans.surroundings import Surroundings
from seawall_ops.failover.settings import Settings, read_settings
from seawall_ops.lease import Arbitrated, Held, Lease
from seawall_ops.lease.dynamodb import DynamoDBLeaseStore
from seawall_ops.places import operations_folder
from seawall_ops.steps import Operation, TableJournals, new_operation_id

_log: Final = logging.getLogger(__name__)

LOOK_SECONDS: Final = 0.5  # between two looks at what another observer may have left


class Actor:
    """Runs failovers of one service, one at a time, under the lease.

    Args:
        found: The settings.
        view: The roles, for what does not change: all clients are made before anything is lost.
        name: Who this is.
        trail: The record.
    """

    def __init__(self, found: Settings, view: Effective, *, name: str, trail: Trail) -> None:
        declared = view.declared
        assert declared.database is not None
        places = [SsmPlace(declared.service, declared.environment, each) for each in (THIRD, *declared.regions)]
        self._declared: Final = declared
        self._found: Final = found
        self._name: Final = name
        self._trail: Final = trail
        self._around: Final = Surroundings(
            board=found.open_board(),
            live=LiveTopology(places[0], places[1:]),
            servers=PostgresServers(
                declared.database.members,
                port=declared.database.port,
                database=declared.database.database,
                timeout_seconds=found.policy.timeout_seconds,
            ),
        )
        self._journals: Final = TableJournals(RECORDS, region=THIRD)
        self._kept: Final = KeptHandovers(operations_folder(), Table(THIRD, RECORDS))
        numbers = SEED if found.policy.interval_seconds == SEED.policy.interval_seconds else SCALED
        self._lease: Final = Lease(
            DynamoDBLeaseStore(LEASES, region=THIRD),
            f"failover-{found.policy.cluster}",
            holder=name,
            arbitrates=Arbitrated.of(declared),
            terms=numbers.leases,
        )
        self._lock: Final = threading.Lock()  # one of the two below at a time

    def act(self, act: Act) -> None:
        """What was decided, unless somebody else is faster."""
        conditions = Conditions(
            by=self._name,
            reason=f"a quorum sees that {act.target.failed} is lost",
            epoch_lease_seconds=self._found.operating.epoch_lease_seconds,
            automatic=True,
        )
        handover = decided(self._around_view(), self._found.policy, act.target, conditions)
        with self._lock:
            held = self._lease.try_acquire()
            if held is None:
                return
            with held:
                operation = new_operation_id(f"failover-{handover.kind}")
                self._kept.keep(operation, handover)
                self._operation(operation, handover, held).run()

    def take_over(self) -> float:
        """What is open, and nobody holds the lease for; seconds until the next look."""
        try:
            entry = self._around.board.read().ledger.open
            if entry is not None and entry.automatic:
                self._resume(entry)
        except SeawallError as error:
            _log.info("not taken over: %s", error)
        return LOOK_SECONDS

    def _resume(self, entry: Entry) -> None:
        with self._lock:
            held = self._lease.try_acquire()
            if held is None:
                return
            with held:
                self._operation(entry.id, self._kept.find(entry.id), held).resume()

    def _operation(self, operation: str, handover: Handover, held: Held) -> Operation:
        return Operation(
            failover_plan(handover, self._around, promote_seconds=self._found.operating.promote_seconds),
            id=operation,
            folder=operations_folder(),
            journals=self._journals,
            guard=held,
            trail=self._trail,
            confirm=lambda _: True,  # the quorum has
        )

    def _around_view(self) -> Effective:
        return merge(self._declared, self._around.live.read())


def main() -> None:
    """Observe until a signal comes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--act", action="store_true", required=True)
    parser.add_argument("--settings", type=Path, required=True)
    for name in ("domain", "name"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--audit", type=Path, required=True)
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    found, source = read_settings(options.settings), default_source()
    view = load(source)
    trail = Trail(options.audit, sinks=[TableSink(RECORDS, region=THIRD)])
    actor = Actor(found, view, name=options.name, trail=trail)
    observer = Observer(
        policy=found.policy,
        board=found.open_board(),
        name=options.name,
        domain=options.domain,
        look=_checks(found, view, options.domain).look,
        topology=lambda: load(source),
        record=_recorder(options.audit),
        act=actor.act,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: observer.stop())
    with Worker("takes over") as worker:
        worker.add(actor.take_over)
        observer.run()


if __name__ == "__main__":
    main()
