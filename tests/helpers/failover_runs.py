"""Failovers of an estate that are run in this process, as an operator's command runs them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from failover_estate import ENVIRONMENT, MEMBERS, SERVICE, Estate
from failover_numbers import AWAY, HOME, THIRD
from failover_settings import BOARD, PROMOTE_SECONDS, RECORDS
from seawall.timing import FailureClass
from seawall_ops.audit import AuditFile, Record, StepPhase, Trail
from seawall_ops.failover.board import Board
from seawall_ops.failover.plans.handover import Handover
from seawall_ops.failover.plans.places import LiveTopology
from seawall_ops.failover.plans.plan import failover_plan
from seawall_ops.failover.plans.postgres import PostgresServers
from seawall_ops.failover.plans.servers import Servers
from seawall_ops.failover.plans.ssm import SsmPlace
from seawall_ops.failover.plans.surroundings import Surroundings
from seawall_ops.failover.store_dynamodb import DynamoDbStore
from seawall_ops.steps import Operation, Result, TableJournals, new_operation_id


def servers_of(estate: Estate) -> Servers:
    """The servers, as who is in the third region reaches them; user and password are libpq's variables."""
    database = estate.declared(THIRD).database
    assert database is not None
    return PostgresServers(
        database.members,
        port=database.port,
        database=database.database,
        timeout_seconds=estate.numbers.policy.timeout_seconds,
    )


def surroundings(estate: Estate, servers: Servers) -> Surroundings:
    """What a failover of the estate works on."""
    cluster = estate.numbers.policy.cluster
    arbiter, *copies = [
        SsmPlace(SERVICE, ENVIRONMENT, region, client=estate.client("ssm", region, domain=THIRD))
        for region in (THIRD, HOME, AWAY)
    ]
    store = DynamoDbStore(BOARD, cluster, region=THIRD, client=estate.client("dynamodb"))
    return Surroundings(board=Board(store, cluster), live=LiveTopology(arbiter, copies), servers=servers)


def switchover(estate: Estate, **changes: Any) -> Handover:
    """The first writer hands over to the first replica of the other region, as a person has asked for."""
    given: dict[str, Any] = {
        "cluster": estate.numbers.policy.cluster,
        "service": SERVICE,
        "environment": ENVIRONMENT,
        "failure_class": FailureClass.WRITER,
        "old_region": HOME,
        "new_region": AWAY,
        "old_writer": MEMBERS[0],
        "new_writer": MEMBERS[1],
        "epoch": estate.view.epoch,
        "reason": "the host is replaced",
        "opened_by": "somebody",
        "lag_limit_seconds": estate.numbers.policy.lag_limit_seconds,
        "epoch_lease_seconds": estate.numbers.epoch_lease_seconds,
        **changes,
    }
    return Handover(**given)


def run(estate: Estate, handover: Handover, around: Surroundings) -> Result:
    """Run it under the lease, with its journal and its record where the others have theirs."""
    plan = failover_plan(handover, around, promote_seconds=PROMOTE_SECONDS)
    with (
        estate.lease(handover.opened_by).acquire(wait_seconds=estate.numbers.leases.ttl_seconds) as held,
        Trail(estate.folder / "audit.jsonl") as trail,
    ):
        operation = Operation(
            plan,
            id=new_operation_id(plan.name),
            folder=estate.folder,
            journals=TableJournals(RECORDS, region=THIRD, dynamodb=estate.client("dynamodb")),
            guard=held,
            trail=trail,
            confirm=lambda _: True,
        )
        return operation.run()


def records_of(path: Path) -> list[Record]:
    """The records of a file, oldest first; none while there is no file."""
    return [each for _, each in AuditFile(path).read() if isinstance(each, Record)] if path.exists() else []


def phases(records: Iterable[Record]) -> dict[tuple[str, str, str], Record]:
    """The first record of each step, phase and outcome."""
    found: dict[tuple[str, str, str], Record] = {}
    for record in records:
        if isinstance(record.fact, StepPhase):
            found.setdefault((record.fact.step, record.fact.phase, record.fact.outcome), record)
    return found
