"""An observer that acts: it runs what was decided, takes over what another one left behind, and fences who comes back.

All of it under the cluster's lease, one thing at a time, and in a thread of its own: votes and decisions go on meanwhile.
What another process left is resumed from the shared journal, by whoever gets its lease first; an operation that a person has
begun is left to people.
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, Literal, final

from seawall.clock import SYSTEM_CLOCK, Clock
from seawall.errors import LeaseHeld, SeawallError, StepRefused
from seawall.topology import Effective
from seawall.worker import Worker
from seawall_ops.audit import Decision, Fence, Trail
from seawall_ops.failover.decision import Act, described
from seawall_ops.failover.ledger import Operation as Entry
from seawall_ops.failover.plans.assembling import plan_of
from seawall_ops.failover.plans.choosing import Conditions, decided
from seawall_ops.failover.plans.handover import Handover
from seawall_ops.failover.plans.kept import KeptHandovers
from seawall_ops.failover.plans.recording import record_reasons
from seawall_ops.failover.plans.surroundings import Surroundings
from seawall_ops.failover.policy import Mode
from seawall_ops.failover.settings import Settings
from seawall_ops.lease import Held, Lease
from seawall_ops.places import operations_folder
from seawall_ops.steps import Cancellation, JournalStore, Operation, Result, new_operation_id

__all__ = ["Actor"]

_log: Final = logging.getLogger("seawall.failover")

LEASE_WAIT_SECONDS: Final = 5.0  # whoever was faster keeps it for longer; the next decision comes soon
AGAIN_SECONDS: Final = 60.0  # after a run that came to no end: what is in its way takes a person, or a while
SUBJECT: Final = "failover"
WATCH: Final = "failover-watch"  # under which members that are fenced again stand in the record
STOP_SECONDS: Final = 30.0  # for an operation to come to its next safe point when the observer is stopped


@final
class Actor:
    """Acts for one observer. `act` is for `Observer`; within its `with` block the thread runs.

    Args:
        found: The settings.
        around: What a failover works on. Made before anything is lost.
        topology: Reads the declared document; roles are the arbiter's.
        name: The observer's.
        lease: The cluster's.
        journals: Where journals are shared.
        kept: Where handovers are.
        trail: The record; closed with the actor.
        clock: Monotonic time.
        sleep: Waits between two polls of a step, in seconds.
    """

    def __init__(
        self,
        *,
        found: Settings,
        around: Surroundings,
        topology: Callable[[], Effective],
        name: str,
        lease: Lease,
        journals: JournalStore,
        kept: KeptHandovers,
        trail: Trail,
        clock: Clock = SYSTEM_CLOCK,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._found: Final = found
        self._around: Final = around
        self._topology: Final = topology
        self._name: Final = name
        self._lease: Final = lease
        self._journals: Final = journals
        self._kept: Final = kept
        self._trail: Final = trail
        self._clock: Final = clock
        self._sleep: Final = sleep
        self._cancellation: Final = Cancellation()
        self._lock: Final = threading.Lock()
        self._wanted: tuple[Act, str | None] | None = None
        self._not_before = 0.0
        self._worker: Final = Worker("seawall-acting", clock=clock)
        self._job: Final = self._worker.add(self.round)

    def act(self, act: Act) -> None:
        """Have it done, soon, by the actor's own thread. Callable from any thread; returns at once.

        Raises:
            BoardUnavailable: What has been done until now cannot be read.
        """
        last = self._around.board.read().ledger.last
        with self._lock:
            self._wanted = (act, None if last is None else last.id)
        self._job.wake()

    def round(self) -> float:
        """One round: do what is wanted, else look after what was left; seconds until the next."""
        with self._lock:
            wanted, self._wanted = self._wanted, None
        try:
            if wanted is not None:
                self._do(*wanted)
            else:
                self._look_after()
        except SeawallError as error:  # somebody was faster, or a place does not answer: the next round looks again
            _log.warning("not acted: %s", error)
        return self._found.policy.decision_interval_seconds

    def __enter__(self) -> "Actor":
        self._meet_lease()
        self._worker.add(self._meet_servers)
        self._worker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._cancellation.request("the observer was stopped")
        self._worker.stop(STOP_SECONDS)
        self._trail.close()

    def _meet_lease(self) -> None:
        """Look at the lease for the first time: where it has no record, its time passes now, and not in the outage."""
        try:
            held = self._lease.try_acquire(renew=False)
        except SeawallError as error:
            _log.warning("%s", error)
            return
        if held is not None:
            held.release()

    def _meet_servers(self) -> float:
        """Ask each server and the switch for the first time: clients that are made by that are made now, and not in the outage."""
        servers, switch, database = self._around.servers, self._around.switch, self._topology().declared.database
        asked: list[Callable[[], object]] = [] if switch is None else [switch.region]
        if servers is not None and database is not None:
            for each in database.members:
                asked += [partial(servers.look, each.name), partial(servers.fence_of, each.name)]
        for ask in asked:
            with suppress(SeawallError):  # whoever is silent now is no concern yet
                ask()
        return math.inf

    # ---- what was decided

    def _do(self, act: Act, last: str | None) -> None:
        """Run it, unless anything was done since it was decided."""
        with self._lease.acquire(wait_seconds=LEASE_WAIT_SECONDS) as held:
            ledger = self._around.board.read().ledger
            if (None if ledger.last is None else ledger.last.id) != last:
                raise StepRefused(f"something was done since the decision: {ledger.last}")
            conditions = Conditions(
                by=self._name, epoch_lease_seconds=self._found.operating.epoch_lease_seconds, automatic=True
            )
            handover = decided(self._view(), self._found.policy, act.target, conditions)
            operation = new_operation_id(f"failover-{handover.kind}")
            self._kept.keep(operation, handover)
            for reason in act.reasons:
                fact = Decision(subject=SUBJECT, decision=described(act), because=reason)
                self._trail.write(operation, fact, fence=held.fence)
            record_reasons(self._trail, operation, handover, by=self._name, fence=held.fence)
            self._told(self._operation(operation, handover, held).run())

    # ---- what was left

    def _look_after(self) -> None:
        ledger = self._around.board.read().ledger
        entry = ledger.open
        if entry is None:
            self._fence_again(ledger.fenced)
        elif entry.automatic and self._clock.monotonic() >= self._not_before:
            self._take_over(entry)

    def _take_over(self, entry: Entry) -> None:
        """Resume what another process left: its lease has run out, or was released at a safe point."""
        held = self._lease.try_acquire()
        if held is None:
            return
        with held:
            now = self._around.board.read().ledger.open
            if now is None or now.id != entry.id:
                return
            fact = Decision(subject=SUBJECT, decision="taken over", because=f"by {self._name}, from {entry.opened_by}")
            self._trail.write(entry.id, fact, fence=held.fence)
            self._told(self._operation(entry.id, self._kept.find(entry.id), held).resume())

    # ---- who comes back

    def _fence_again(self, fenced: tuple[str, ...]) -> None:
        """An old writer that is back, and takes writes, is fenced again: nobody knows who still has its address."""
        back = self._back(fenced)
        if not back:
            return
        with suppress(LeaseHeld):
            held = self._lease.try_acquire()
            if held is None:
                return
            with held:
                ledger = self._around.board.read().ledger
                for member in self._back(ledger.fenced) if ledger.open is None else ():
                    self._fence(member, held)

    def _back(self, fenced: tuple[str, ...]) -> list[str]:
        """Members that the ledger has fenced, that answer, and that can be written to."""
        servers, database = self._around.servers, self._topology().declared.database
        if servers is None or database is None or not fenced:
            return []
        writer = self._view().writer
        found: list[str] = []
        for member in database.members:
            if member.name in fenced and (writer is None or member.name != writer.name):
                with suppress(SeawallError):  # who does not answer, or does not say, is asked again next time
                    if servers.look(member.name).takes_writes and not servers.fence_of(member.name).closed:
                        found.append(member.name)
        return found

    def _fence(self, member: str, held: Held) -> None:
        servers = self._around.servers
        if servers is None:
            return
        held.check()
        why = f"the ledger has it fenced, and {self._name} saw that it can be written to"

        def say(state: Literal["requested", "confirmed", "failed"], because: str) -> None:
            fact = Fence(subject=member, method=servers.where, state=state, because=because)
            self._trail.write(WATCH, fact, fence=held.fence)

        say("requested", why)
        try:
            servers.fence(member)
            look = servers.fence_of(member)
        except SeawallError as error:
            say("failed", str(error))
            raise
        say("confirmed" if look.closed else "failed", look.shown)
        _log.warning("%s came back and was fenced again: %s", member, look.shown)

    # ---- parts

    def _view(self) -> Effective:
        """The roles as the arbiter has them."""
        return self._around.view(self._topology().declared)

    def _operation(self, operation: str, handover: Handover, held: Held) -> Operation:
        return Operation(
            plan_of(self._found, handover, self._around),
            id=operation,
            folder=operations_folder(),
            journals=self._journals,
            guard=held,
            trail=self._trail,
            confirm=lambda _: self._found.policy.mode is Mode.AUTOMATIC,
            cancellation=self._cancellation,
            clock=self._clock,
            sleep=self._sleep,
        )

    def _told(self, result: Result) -> None:
        _log.warning("%s: %s: %s", result.operation, result.end, result.because)
        if result.end in ("stopped", "stuck"):
            self._not_before = self._clock.monotonic() + AGAIN_SECONDS
