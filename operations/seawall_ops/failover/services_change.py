"""One patch of one object as a step: over exactly the version that was read, under a fence, with a mark of whose it is.

The rules. What was there is in the journal before it is patched. A patch that finds another version reads again, and goes
on only if the value is still the one in the journal. An undo restores a value only where the one that this operation set is
still there with its mark: what somebody else has set since is never overwritten, and stops it with a line. The fence in
the annotation only grows: a holder of an older lease writes nothing any more.
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from seawall.errors import FenceOutrun, StepRefused
from seawall_ops.failover.services_cluster import Cluster
from seawall_ops.failover.services_move import Move
from seawall_ops.failover.services_objects import Json, Service, Workload
from seawall_ops.steps import Context, Observation, Seen, Step, Values

__all__ = ["FENCE", "Change", "Now"]

FENCE: Final = "seawall/fence"  # as on every object that a lease's holder writes
MARK: Final = "seawall/"  # and the step's name: the operation that has taken it
ATTEMPTS: Final = 5  # of a patch while others write too


@dataclass(frozen=True, slots=True)
class Now:
    """How things are."""

    thing: Service | Workload
    """What would be patched."""
    value: str
    wanted: str
    """The value that the step sets; the same as `value` where only something has to be waited for."""
    enough: bool
    """Whether the value is what is wanted, or more than that."""
    missing: str = ""
    """What has to be waited for besides; empty when nothing is."""


class Change(Step):
    """Sets one value of one object, and waits for what follows from it."""

    def __init__(self, cluster: Cluster, move: Move) -> None:
        self.cluster: Final = cluster
        self.move: Final = move

    @property
    def mark(self) -> str:
        """The annotation that says which operation has set the value."""
        return f"{MARK}{self.name}"

    @abstractmethod
    def now(self, prior: Values) -> Now:
        """Look. What `prior` says was wanted is wanted still.

        Raises:
            StepRefused: There is nothing to look at.
        """

    @abstractmethod
    def spec(self, value: str, instead_of: str) -> Json:
        """The part of a merge patch that sets a value in place of another."""

    @abstractmethod
    def in_the_way(self, now: Now, prior: Values) -> str:
        """Why it may not be applied now; empty when it may."""

    def more_prior(self, now: Now) -> Mapping[str, int]:
        """What an undo needs besides the value."""
        del now
        return {}

    def not_back(self, now: Now, prior: Values) -> str:
        """What an undo has to wait for once the value is back; empty when for nothing."""
        del now, prior
        return ""

    def observe(self, context: Context) -> Observation:
        """Where the value is, and whether the mark on it is ours."""
        prior = context.prior
        now = self.now(prior)
        shown = now.value if now.enough or now.value == now.wanted else f"{now.value}, {now.wanted} is wanted"
        if not prior:
            seen = Seen.AFTER if now.enough and not now.missing else Seen.BEFORE
            return Observation(seen, _with(shown, now.missing), self._prior(now))
        if prior["value"] == prior["wanted"]:  # nothing is set but the mark
            if not self._marked(now, context):
                return Observation(Seen.BEFORE, _with(shown, now.missing))
            return Observation(Seen.PARTLY if now.missing else Seen.AFTER, _with(shown, now.missing))
        if now.value == prior["value"]:
            missing = self.not_back(now, prior)
            return Observation(Seen.PARTLY if missing else Seen.BEFORE, _with(shown, missing))
        if now.enough:
            return Observation(Seen.PARTLY if now.missing else Seen.AFTER, _with(shown, now.missing))
        return Observation(Seen.PARTLY, _somebody_else(now, prior))

    def precheck(self, context: Context) -> None:
        """Whether anybody or anything is in the way."""
        because = self.in_the_way(self.now(context.prior), context.prior)
        if because:
            raise StepRefused(because)

    def apply(self, context: Context) -> None:
        """Set value, mark and fence in one patch, over the version that was read."""
        prior = context.prior
        for _ in range(ATTEMPTS):
            now = self.now(prior)
            kept = prior["value"] == prior["wanted"]
            if self._marked(now, context) and (kept or now.enough):
                return
            if not kept and now.value != prior["value"]:
                if now.enough:
                    return  # somebody else has done it: theirs, and left alone
                raise StepRefused(_somebody_else(now, prior))
            changes: Json = {} if kept else self.spec(now.wanted, now.value)
            if self._patch(now, changes, context, mark=context.operation):
                return
        raise StepRefused(self._outpaced())

    def undo(self, context: Context) -> None:
        """Bring back the value in the journal, where the one that is there is ours."""
        prior = context.prior
        for _ in range(ATTEMPTS):
            now = self.now(prior)
            ours = self._marked(now, context)
            back = now.value == prior["value"]
            if back and not ours:
                return
            if not back and not (ours and now.value == prior["wanted"]):
                raise StepRefused(_somebody_else(now, prior))
            changes: Json = {} if back else self.spec(str(prior["value"]), now.value)
            if self._patch(now, changes, context, mark=None):
                return
        raise StepRefused(self._outpaced())

    def _prior(self, now: Now) -> Values:
        return {"value": now.value, "wanted": now.wanted, **self.more_prior(now)}

    def _marked(self, now: Now, context: Context) -> bool:
        return now.thing.meta.annotations.get(self.mark) == context.operation

    def _patch(self, now: Now, changes: Json, context: Context, *, mark: str | None) -> bool:
        _refuse_outrun(self.cluster.where, now.thing, context.fence)
        notes: dict[str, Any] = {self.mark: mark}
        if context.fence is not None:
            notes[FENCE] = str(context.fence)
        context.check()
        return self.cluster.patch(
            now.thing.resource,
            now.thing.name,
            now.thing.meta.version,
            {"metadata": {"annotations": notes}, **changes},
        )

    def _outpaced(self) -> str:
        return f"{self.name}: others wrote the object {ATTEMPTS} times meanwhile; nothing was changed"


def _refuse_outrun(where: str, thing: Service | Workload, fence: int | None) -> None:
    text = thing.meta.annotations.get(FENCE)
    if text is None:
        return
    if not text.isdecimal():
        raise StepRefused(f"the annotation {FENCE} of {thing} is {text!r}: no number of a lease of ours")
    if fence is None:
        raise StepRefused(f"{thing} is fenced with {text}: it is written only under a lease")
    if int(text) > fence:
        raise FenceOutrun(f"{where}, {thing}", fence, int(text))


def _somebody_else(now: Now, prior: Values) -> str:
    return (
        f"{now.thing} has {now.value}, and this operation knows {prior['value']} from before and {prior['wanted']} of its own: "
        "somebody else has changed it"
    )


def _with(shown: str, missing: str) -> str:
    return f"{shown}: {missing}" if missing else shown
