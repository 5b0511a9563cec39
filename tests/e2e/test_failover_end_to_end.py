"""A writer dies: observers vote, one of them acts, the apps' epoch runs out, a replica is promoted, and the shop writes again.

All of it with real processes, by the commands that people run. What is asserted of times are facts that no slow machine can
turn around: what came before what, and what cannot have been faster than the numbers allow. That nothing is slower than
predicted is asserted with the seed's numbers alone, where some of the predicted seconds are time-outs that a killed process
does not use up; see `test_the_seeds_numbers_bound_what_is_measured`.
"""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from failover_estate import MEMBERS, Estate, logged_on_failure, orders_of, region_of
from failover_measured import table_of
from failover_numbers import AWAY, HOME, SCALED, SEED, THIRD
from failover_runs import phases, records_of
from localcloud.postgres_fleet import PostgresFleet
from order_load import OrderLoad
from seawall.topology import Live
from seawall_ops.audit import Decision, Fence, Record, StepPhase, Vote
from seawall_ops.failover.plans.acting import WATCH
from writer_outage import Outage, all_records, ended, play, sent_records

pytestmark = pytest.mark.xdist_group("postgres")

WRITER, CANDIDATE = MEMBERS[:2]
READ_ONLY = "SHOW default_transaction_read_only"


def opened(records: list[Record]) -> set[str]:
    """The operations that have begun to change anything."""
    return {each.operation for each in records if isinstance(each.fact, StepPhase) and each.fact.phase == "apply"}


def in_order(records: list[Record]) -> list[str]:
    """The kinds of what leads from a lost writer to a new one, as they first appear."""
    steps = ("announce", "fence", "promote", "publish", "close")
    kinds: list[str] = []
    for each in records:
        fact = each.fact
        kind = each.kind
        if isinstance(fact, Vote):
            kind = "vote" if (fact.subject, fact.verdict) == (f"database/{WRITER}", "unhealthy") else ""
        elif isinstance(fact, Decision):
            kind = "decision" if fact.decision.startswith("act:") else ""
        elif isinstance(fact, StepPhase):
            kind = fact.step if fact.step in steps and (fact.phase, fact.outcome) == ("verify", "done") else ""
        if kind and kind not in kinds:
            kinds.append(kind)
    return kinds


def asked(estate: Estate, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What a command of `seawall` says to somebody in the third region."""
    return subprocess.run(
        [sys.executable, "-m", "seawall_ops.cli", *arguments], env=estate.as_operator(THIRD), cwd=estate.folder,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def hold_promises(estate: Estate, load: OrderLoad, outage: Outage) -> Live:
    """What holds after every lost writer, however it went."""
    old, new = estate.servers[WRITER], estate.servers[CANDIDATE]
    found = phases(outage.records)
    promoted = found["promote", "apply", "begun"].monotonic_seconds

    # A quorum has voted, and one operation has been opened, by the order that is written down.
    domains = {
        each.fact.domain
        for each in outage.records
        if isinstance(each.fact, Vote) and each.fact.verdict == "unhealthy" and each.monotonic_seconds < promoted
    }
    assert len(domains) >= estate.numbers.policy.quorum
    assert len(opened(outage.records)) == 1
    assert in_order(outage.records) == [
        "vote",
        "decision",
        "announce",
        "fence",
        "promote",
        "publish",
        "close",
        "result",
    ]

    # The epoch has run out before: from the announcement on no app had it for longer than its lease.
    waited = promoted - found["announce", "apply", "begun"].monotonic_seconds
    assert waited >= estate.numbers.epoch_lease_seconds

    # Two epochs on, in the region that counts and in both others.
    live = estate.live(THIRD)
    assert live is not None
    assert (live.epoch, live.writer, live.primary_region) == (3, CANDIDATE, AWAY)
    assert estate.live(HOME) == estate.live(AWAY) == live

    # Every instance writes to the new writer, and nothing that it was told of is lost.
    ports = [port for ports in estate.ports.values() for port in ports]
    assert {region_of(port)["writer"] for port in ports} == {CANDIDATE}
    assert {each.number for each in load.taken_since(promoted)} <= orders_of(new)
    assert not old.running
    return live


def test_a_killed_writer_is_replaced_once_and_nobody_writes_to_it_when_it_returns(
    postgres_fleet: PostgresFleet, tmp_path: Path
):
    """From the kill to the orders, and what comes back afterward: nobody writes to it, an observer fences it, status says why."""
    with Estate(tmp_path, postgres_fleet, SCALED) as estate, logged_on_failure(estate):
        estate.start_shop()
        estate.start_observers()
        ports = [port for ports in estate.ports.values() for port in ports]
        with OrderLoad(ports) as load:
            outage = play(estate, load)
            hold_promises(estate, load, outage)
            least = SCALED.policy.interval_seconds * (SCALED.policy.failures_to_trip - 1)
            assert outage.legs[0].seconds >= least  # three checks, however fast each one fails
            assert sum(leg.seconds for leg in outage.legs) == pytest.approx(outage.writing - outage.killed)
            sys.stdout.write(table_of(outage.legs) + "\n")

            # It returns as a writer of its own, of an earlier history and without a fence: it is fenced for good.
            old = estate.servers[WRITER]
            old.start()
            assert not old.in_recovery()
            kept = orders_of(old)
            estate.wait(lambda: old.sql(READ_ONLY) == "on", "an observer has fenced who came back", *observers(estate))
            estate.wait(lambda: "confirmed" in fenced_again(estate), "it is on the record", *observers(estate))
            since = time.monotonic()
            estate.wait(lambda: all(load.taken_since(since, port) for port in ports), "all instances write on")
        assert orders_of(old) == kept
        assert {each.number for each in load.taken_since(since)} <= orders_of(estate.servers[CANDIDATE])
        assert len(opened(all_records(estate))) == 1  # a failure that was healed is not healed again

        shown = asked(estate, "failover", "status", "--settings", str(estate.settings), "--json")
        assert shown.stdout, shown.stderr
        status = json.loads(shown.stdout)
        assert status["fenced"] == [WRITER]
        assert [each["state"] for each in status["operations"]] == ["done"]
        assert fenced_again(estate)[0] == "requested"
        # What the observers have recorded is whole, on their own disks and in the third region.
        for domain in SCALED.policy.domains:
            verified = asked(estate, "audit", "verify", "--file", str(estate.audit(domain)))
            assert verified.returncode == 0, verified.stdout + verified.stderr
        assert opened(sent_records(estate)) == opened(outage.records)


def observers(estate: Estate) -> list[str]:
    """Their processes' names."""
    return [f"observer-{domain}" for domain in estate.numbers.policy.domains]


def fenced_again(estate: Estate) -> list[str]:
    """What is recorded of the old writer's fences outside of any failover: `requested`, and then how it went."""
    facts = [each.fact for each in all_records(estate) if each.operation == WATCH]
    return [each.state for each in facts if isinstance(each, Fence) and each.subject == WRITER]


def acting(estate: Estate) -> str | None:
    """The domain whose observer waits for the epoch to run out; `None`: none does yet."""
    for domain in estate.numbers.policy.domains:
        found = phases(records_of(estate.audit(domain)))
        if ("fence", "apply", "begun") in found and ("fence", "apply", "done") not in found:
            return domain
    return None


@pytest.mark.soak
def test_when_whoever_acts_is_killed_in_the_middle_another_one_brings_it_to_its_end(
    postgres_fleet: PostgresFleet, tmp_path: Path
):
    """It is killed while it waits for the epoch to run out. Another one takes the lease, finds the journal, and goes on."""
    with Estate(tmp_path, postgres_fleet, SCALED) as estate, logged_on_failure(estate):
        estate.start_shop()
        estate.start_observers()
        ports = [port for ports in estate.ports.values() for port in ports]
        with ThreadPoolExecutor(1) as beside, OrderLoad(ports) as load:
            outage = beside.submit(play, estate, load, takeovers=1)
            estate.wait(lambda: acting(estate) is not None or outage.done(), "one of the observers acts")
            first = acting(estate)
            assert first is not None
            estate.kill(f"observer-{first}")
            live = hold_promises(estate, load, outage.result())
        (operation,) = opened(all_records(estate))
        assert live.reason.startswith(operation)
        (result,) = ended(estate)
        assert result.operation == operation
        assert result.fence is not None
        begun = phases(records_of(estate.audit(first)))["open", "apply", "begun"].fence
        assert begun is not None
        assert result.fence > begun


@pytest.mark.soak
def test_the_seeds_numbers_bound_what_is_measured(postgres_fleet: PostgresFleet, tmp_path: Path):
    """Three failed checks of 30 s each, given up after 5 s: no leg takes longer than predicted.

    A killed process refuses at once, so that the time-outs in the predicted seconds, 15 of them, are there for a machine that
    stumbles. The decision is held to the sum of its terms: which of them a vote falls into is up to the rounds.
    """
    with Estate(tmp_path, postgres_fleet, SEED) as estate, logged_on_failure(estate):
        estate.start_shop()
        estate.start_observers()
        with OrderLoad([port for ports in estate.ports.values() for port in ports], customers=1) as load:
            outage = play(estate, load)
            hold_promises(estate, load, outage)
        sys.stdout.write(table_of(outage.legs) + "\n")
        detect, decide, *others = outage.legs
        assert detect.seconds + decide.seconds <= detect.worst_seconds + decide.worst_seconds
        for leg in others:
            assert leg.seconds <= leg.worst_seconds, leg.name
