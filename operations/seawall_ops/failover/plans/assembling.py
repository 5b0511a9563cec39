"""What the settings and the topology say, as the objects that a failover works on. Clients are made where they are needed."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from seawall.contract import LIVE_REGION_VARIABLE
from seawall.errors import InvalidInput
from seawall.timing import Source, Term
from seawall.timing._database import PROMOTION_SECONDS
from seawall.topology import Database, Engine, Topology
from seawall_ops.audit import Sink, TableSink, Trail
from seawall_ops.failover.operating import ServersKind
from seawall_ops.failover.plans.handover import Handover
from seawall_ops.failover.plans.kept import KeptHandovers
from seawall_ops.failover.plans.places import FilePlace, LivePlace, LiveTopology
from seawall_ops.failover.plans.plan import failover_plan
from seawall_ops.failover.plans.servers import NameSwitch, Servers
from seawall_ops.failover.plans.surroundings import Surroundings
from seawall_ops.failover.settings import Settings
from seawall_ops.lease import Arbitrated, Lease, LeaseStore
from seawall_ops.lease.dynamodb import DynamoDBLeaseStore
from seawall_ops.lease.sqlite import SqliteLeaseStore
from seawall_ops.places import audit_file, operations_folder, state_folder
from seawall_ops.steps import FileJournals, JournalStore, Plan, TableJournals

if TYPE_CHECKING:
    from seawall_ops.failover.plans.postgres import PostgresServers

__all__ = [
    "LEASE",
    "by_sql",
    "journals_of",
    "kept_of",
    "lease_of",
    "live_of",
    "plan_of",
    "servers_of",
    "surroundings_of",
    "trail_of",
]

LEASE: Final = "failover-"  # before the cluster's name
LEASE_FILE: Final = "leases.sqlite"
SQLITE: Final = "sqlite://"


def live_of(found: Settings, topology: Topology) -> LiveTopology:
    """The live topology: the arbiter's copy, and one in every region of the topology.

    Raises:
        InvalidInput: Nothing says where the arbiter is, or apps follow another one.
        CloudUnavailable: There are no credentials.
    """
    file, arbiter = found.operating.live_file, found.arbiter
    if file is not None:
        return LiveTopology(FilePlace(file))
    if arbiter is None:
        raise InvalidInput("arbiter", arbiter, allowed="an AWS region, since the board is in a file")
    followed = os.environ.get(LIVE_REGION_VARIABLE) or arbiter
    if followed != arbiter:
        because = f"{LIVE_REGION_VARIABLE} says so: apps would follow another document than the one that is written"
        raise InvalidInput("arbiter", arbiter, allowed=followed, because=because)
    from seawall_ops.failover.plans.ssm import SsmPlace

    def place(region: str) -> LivePlace:
        return SsmPlace(topology.service, topology.environment, region)

    return LiveTopology(place(arbiter), [place(region) for region in topology.regions if region != arbiter])


def surroundings_of(found: Settings, topology: Topology) -> Surroundings:
    """Everything that a failover looks at and changes.

    Raises:
        InvalidInput: The settings do not fit the topology.
        MissingExtra: A library is not installed.
        CloudUnavailable: There are no credentials.
    """
    found.refuse_inside(topology)
    return Surroundings(
        board=found.open_board(),
        live=live_of(found, topology),
        servers=None if topology.database is None else servers_of(found, topology.database),
        switch=_switch_of(found),
    )


def plan_of(found: Settings, handover: Handover, around: Surroundings) -> Plan:
    """The plan, with what is known of how long it takes."""
    typical, worst = PROMOTION_SECONDS
    reason = "several minutes or longer, by size, with a reboot"
    promotion = Term("promotion", typical, worst, Source.ASSUMED, reason)
    return failover_plan(
        handover,
        around,
        promotion=promotion if found.servers is ServersKind.RDS else None,
        promote_seconds=found.operating.promote_seconds,
    )


def servers_of(found: Settings, database: Database) -> Servers:
    """The servers of the database.

    Raises:
        InvalidInput: The settings do not fit the topology.
        MissingExtra: A library is not installed.
    """
    operating = found.operating
    names = [each.name for each in database.members]
    for name in operating.members:
        if name not in names:
            raise InvalidInput(f"members.{name}", operating.members[name], allowed=f"one of {', '.join(names)}")
    if found.servers is ServersKind.POSTGRES:
        return by_sql(found, database)
    from seawall_ops.failover.plans.rds import RdsServers, VerifyBy
    from seawall_ops.failover.plans.rds_fence import FenceTerms

    by_write = operating.verify_by == VerifyBy.WRITE.value
    return RdsServers(
        database.members,
        sql=by_sql(found, database) if by_write else None,
        verify_by=VerifyBy(operating.verify_by),
        fence_terms=FenceTerms(frozenset(operating.cut_also), operating.uncut_because),
        retention_days=operating.retention_days,
    )


def lease_of(found: Settings, topology: Topology, *, holder: str, automatic: bool, work: str = LEASE) -> Lease:
    """The lease under which one failover of the cluster is run at a time; or one for other work on it.

    Raises:
        InvalidInput: It is kept inside of what fails over.
    """
    because = None if automatic else found.policy.never_acts_because
    return Lease(
        _lease_store(found),
        work + found.policy.cluster,
        holder=holder,
        arbitrates=Arbitrated.of(topology, automatic=automatic, inside_because=because),
        terms=found.operating.lease_terms,
    )


def journals_of(found: Settings) -> JournalStore:
    """Where journals are."""
    table = found.operating.journal_table
    if table is None:
        return FileJournals(operations_folder())
    return TableJournals(table.name, region=table.region)


def kept_of(found: Settings) -> KeptHandovers:
    """Where handovers that were shown are kept: on this machine, and where journals are.

    Raises:
        CloudUnavailable: There are no credentials.
    """
    return KeptHandovers(operations_folder(), found.operating.journal_table)


def trail_of(found: Settings, file: Path | None = None) -> Trail:
    """The record: this machine's file, or the one that is named, and behind it the table of the journals."""
    table = found.operating.journal_table
    sinks: list[Sink] = [] if table is None else [TableSink(table.name, region=table.region)]
    return Trail(file or audit_file(), sinks=sinks)


def _lease_store(found: Settings) -> LeaseStore:
    place, table = found.operating.leases, found.operating.lease_table
    timeout_seconds = found.operating.lease_terms.request_timeout_seconds
    if table is not None:
        return DynamoDBLeaseStore(table.name, region=table.region, timeout_seconds=timeout_seconds)
    if place is not None:
        return SqliteLeaseStore(place.removeprefix(SQLITE), timeout_seconds=timeout_seconds)
    state_folder().mkdir(parents=True, exist_ok=True)
    return SqliteLeaseStore(state_folder() / LEASE_FILE, timeout_seconds=timeout_seconds)


def _switch_of(found: Settings) -> NameSwitch | None:
    if not found.operating.switch:
        return None
    from seawall_ops.failover.plans.switches import parse_switch

    endpoints = found.operating.switch_endpoints
    return parse_switch(dict(found.operating.switch), None if endpoints is None else dict(endpoints))


def by_sql(found: Settings, database: Database) -> "PostgresServers":
    """The servers as their engine shows them.

    Raises:
        InvalidInput: It is not PostgreSQL.
        MissingExtra: psycopg is not installed.
    """
    if database.engine is not Engine.POSTGRES:
        raise InvalidInput(
            "verify_by", "write", allowed="status", because=f"nothing here speaks to {database.engine} by SQL"
        )
    from seawall_ops.failover.plans.postgres import PostgresServers

    return PostgresServers(
        database.members,
        port=database.port,
        database=database.database,
        timeout_seconds=found.policy.timeout_seconds,
        addresses=found.operating.members,
    )
