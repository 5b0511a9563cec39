"""The writer of an estate is killed, and whoever observes it does the rest: played through, and measured."""

import time
from dataclasses import dataclass

from failover_estate import MEMBERS, Estate
from failover_measured import Leg, legs_of
from failover_numbers import THIRD
from failover_runs import records_of
from failover_settings import RECORDS
from order_load import OrderLoad
from seawall_ops.audit import Record, TableSink

WRITER = MEMBERS[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """How it went; times are the monotonic clock's."""

    killed: float
    writing: float
    """When every instance had written again."""
    records: list[Record]
    """Of all observers, and of the operation; oldest first."""
    legs: tuple[Leg, ...]


def longest_seconds(estate: Estate, takeovers: int) -> float:
    """What is waited for an outage to end: all that was predicted of it at worst, on a machine that does other things."""
    policy, slack = estate.numbers.policy, 60.0
    detected = policy.failures_to_trip * policy.interval_seconds + policy.decision_interval_seconds
    taken_over = takeovers * (estate.numbers.leases.ttl_seconds + estate.numbers.epoch_lease_seconds)
    return detected + taken_over + estate.numbers.epoch_lease_seconds + estate.numbers.topology_seconds + slack


def play(estate: Estate, load: OrderLoad, *, takeovers: int = 0) -> Outage:
    """Kill the writer by SIGKILL, and touch nothing until every instance of the shop has written again.

    Args:
        estate: With its shop and its observers running.
        load: On all instances.
        takeovers: How often whoever acts is killed meanwhile, each of which lets a lease run out.
    """
    ports = [port for ports in estate.ports.values() for port in ports]
    estate.wait(lambda: all(load.taken_since(0.0, port) for port in ports), "all instances write")
    killed = time.monotonic()
    estate.servers[WRITER].kill()
    dead = time.monotonic()

    def written() -> list[float]:
        """When each instance had taken its first order since."""
        firsts = [[each.ended for each in load.taken_since(dead, port)] for port in ports]
        return [min(each) for each in firsts if each]

    estate.wait(
        lambda: len(written()) == len(ports), "all instances write again", seconds=longest_seconds(estate, takeovers)
    )
    writing = max(written())
    estate.wait(lambda: bool(ended(estate)), "the operation is closed")
    records = all_records(estate)
    return Outage(
        killed=killed,
        writing=writing,
        records=records,
        legs=legs_of(estate.numbers, records, killed=killed, writing=writing),
    )


def all_records(estate: Estate) -> list[Record]:
    """What every observer has in its own file, in the order in which it happened."""
    found = [each for domain in estate.numbers.policy.domains for each in records_of(estate.audit(domain))]
    return sorted(found, key=lambda record: record.monotonic_seconds)


def sent_records(estate: Estate) -> list[Record]:
    """What has arrived in the table of the third region."""
    return list(TableSink(RECORDS, region=THIRD, dynamodb=estate.client("dynamodb")).read())


def ended(estate: Estate) -> list[Record]:
    """The results of operations."""
    return [each for each in all_records(estate) if each.kind == "result"]
