"""The steps of a Service's failover: look who else writes, scale the target, shift the selector, drain, scale the source."""

from dataclasses import dataclass
from typing import Final

from seawall.clock import SYSTEM_CLOCK, Clock
from seawall.errors import StepRefused
from seawall.timing import Source, Term
from seawall_ops.failover.services_change import Change, Now
from seawall_ops.failover.services_cluster import Cluster
from seawall_ops.failover.services_move import (
    Move,
    covers,
    needed,
    not_apart,
    selector_owner,
    wanted_selector,
)
from seawall_ops.failover.services_objects import (
    AUTOSCALERS,
    ENDPOINT_SLICES,
    PODS,
    SCALED_OBJECTS,
    Json,
    Service,
    Workload,
    backends,
    in_text,
    labels_in,
    ready_pods,
    value_at,
)
from seawall_ops.failover.services_owners import REPLICAS, SELECTOR, autoscaled, set_by_others
from seawall_ops.steps import Context, Observation, Phase, Seen, Step, Timeouts, Values

__all__ = ["Drain", "Owners", "ScaleSource", "ScaleTarget", "Shift"]

SERVICE_NAME: Final = "kubernetes.io/service-name"  # the label by which EndpointSlices are a Service's
ENDPOINTS_SECONDS: Final = 60.0  # for the slices to follow a selector; a busy control plane takes seconds
ENDED_SECONDS: Final = 120.0  # for pods to end: four times Kubernetes' own patience with one
UNDO_SECONDS: Final = 60.0  # of a patch, and of looking at it, beyond what it has to wait for


@dataclass(frozen=True, slots=True)
class _View:
    """All objects that a failover is about."""

    service: Service
    source: Workload
    target: Workload


def _view(cluster: Cluster, move: Move) -> _View:
    return _View(cluster.service(move.service), cluster.workload(move.source), cluster.workload(move.target))


def _replicas_owner(cluster: Cluster, move: Move, workload: Workload, wanted: int) -> str:
    """Who else writes a workload's replicas, or why this is no time to; empty when nothing is in the way."""
    scaled = cluster.listed(SCALED_OBJECTS, perhaps_unknown=True)
    because = autoscaled(workload, cluster.listed(AUTOSCALERS), scaled, wanted) or move.owned_by_git(workload, REPLICAS)
    if because or not workload.release:
        return because
    return f"{workload} cannot be scaled now: {workload.release}; promote or abort it first"


def _behind(cluster: Cluster, service: Service, target: Workload, at_least: int) -> str:
    """What is wrong with the Service's endpoints; empty when ready pods of the target, enough of them, are all there is."""
    own = ready_pods(cluster.listed(PODS, target.selector))
    found = backends(cluster.listed(ENDPOINT_SLICES, {SERVICE_NAME: service.name}))
    for each in found:
        if each.pod not in own:
            return f"{each.shown} is behind {service}, and is no ready pod of {target}"
        if each.ports < service.ports:
            return f"{each.shown} has {each.ports} of {service.ports} ports of {service}"
    pods = len({each.pod for each in found})
    return "" if pods >= at_least else f"{pods} of {at_least} pods of {target} are behind {service}"


def _enough_pods(move: Move, source: Workload, target: Workload) -> int:
    """Pods of the target that have to serve: what is needed, or all that it is asked for where that is less."""
    return max(1, min(needed(move, source), target.replicas))


class Owners(Step):
    """Looks whether anybody else writes what is to be changed. Changes nothing."""

    name = "owners"
    what = "look who else writes what is to be changed"

    def __init__(self, cluster: Cluster, move: Move) -> None:
        self.cluster: Final = cluster
        self.move: Final = move

    def observe(self, context: Context) -> Observation:
        """Nobody: it is so already."""
        del context
        because = self._in_the_way()
        if because:
            return Observation(Seen.BEFORE, because)
        return Observation(Seen.AFTER, "; ".join(("nobody else is in the way", *self._noted())))

    def precheck(self, context: Context) -> None:
        """Refuse with what is in the way: asked only when something was seen."""
        del context
        raise StepRefused(self._in_the_way() or "what was in the way has just gone: run again")

    def apply(self, context: Context) -> None:
        """Never comes to it: where nobody is in the way it is so already."""

    def undo(self, context: Context) -> None:
        """Nothing was done."""

    def _in_the_way(self) -> str:
        cluster, move = self.cluster, self.move
        try:
            view = _view(cluster, move)
            wanted = wanted_selector(move, view.service.selector, view.target)
            because = not_apart(view.service, view.source, view.target, wanted)
            if not because and view.service.selector != wanted:
                because = selector_owner(move, view.service) or _no_target(move, view)
            if not because and view.target.replicas < needed(move, view.source):
                because = _replicas_owner(cluster, move, view.target, needed(move, view.source))
            if not because and view.service.selector != wanted and view.target.release:
                because = f"{view.target} is no place to move to now: {view.target.release}"
            least = move.scale_source_to
            if not because and least is not None and view.source.replicas > least:
                because = _replicas_owner(cluster, move, view.source, least)
        except StepRefused as refusal:
            return refusal.because
        return because

    def _noted(self) -> list[str]:
        """Tools that are in nobody's way now, and set things back when somebody runs them."""
        view = _view(self.cluster, self.move)
        fields: list[tuple[Service | Workload, tuple[str, ...]]] = [
            (view.service, SELECTOR),
            (view.target, REPLICAS),
            *([(view.source, REPLICAS)] if self.move.scale_source_to is not None else []),
        ]
        found = ((thing, path, set_by_others(thing.meta, path)) for thing, path in fields)
        return [f"{tool} sets {'.'.join(path)} of {thing} when it is run" for thing, path, tool in found if tool]


def _no_target(move: Move, view: _View) -> str:
    if needed(move, view.source) > 0 or view.target.replicas > 0:
        return ""
    return f"{view.source} and {view.target} both have 0 replicas: say --replicas"


class ScaleTarget(Change):
    """The target has at least the source's replicas, and they serve."""

    name = "scale-target"

    def __init__(self, cluster: Cluster, move: Move) -> None:
        super().__init__(cluster, move)
        self.what = f"scale {move.target} up to what {move.source} has, and wait until it is ready"
        self.timeouts = Timeouts(verify_seconds=move.ready_seconds)

    def now(self, prior: Values) -> Now:
        """Replicas that are asked for."""
        target = self.cluster.workload(self.move.target)
        if prior:
            wanted = int(prior["wanted"] or 0)
        else:
            wanted = max(target.replicas, needed(self.move, self.cluster.workload(self.move.source)))
        missing = target.missing(max(1, wanted)) if target.replicas >= wanted else ""
        return Now(target, str(target.replicas), str(wanted), target.replicas >= wanted, missing)

    def spec(self, value: str, instead_of: str) -> Json:
        """Replicas."""
        del instead_of
        return {"spec": {"replicas": int(value)}}

    def in_the_way(self, now: Now, prior: Values) -> str:
        """Whoever else scales it."""
        del prior
        target = self.cluster.workload(self.move.target)
        return "" if now.enough else _replicas_owner(self.cluster, self.move, target, int(now.wanted))


class Shift(Change):
    """The Service selects the target's pods, and ready ones of them are all that is behind it."""

    name = "shift"

    def __init__(self, cluster: Cluster, move: Move) -> None:
        super().__init__(cluster, move)
        self.what = f"shift Service {move.service} to {move.target}, and see that only its ready pods are behind it"
        self.timeouts = Timeouts(verify_seconds=ENDPOINTS_SECONDS, undo_seconds=move.drain_seconds + UNDO_SECONDS)

    def now(self, prior: Values) -> Now:
        """The selector, and who is behind it."""
        view = _view(self.cluster, self.move)
        present = labels_in(str(prior["value"])) if prior else view.service.selector
        wanted = wanted_selector(self.move, present, view.target)
        enough = view.service.selector == wanted
        missing = ""
        if enough:
            at_least = _enough_pods(self.move, view.source, view.target)
            missing = _behind(self.cluster, view.service, view.target, at_least)
        return Now(view.service, in_text(view.service.selector), in_text(wanted), enough, missing)

    def spec(self, value: str, instead_of: str) -> Json:
        """The whole selector: keys that the other one had are taken away."""
        return {"spec": {"selector": {**dict.fromkeys(labels_in(instead_of)), **labels_in(value)}}}

    def in_the_way(self, now: Now, prior: Values) -> str:
        """Whoever else writes the selector, and a target that is not ready."""
        del prior
        view = _view(self.cluster, self.move)
        because = not_apart(view.service, view.source, view.target, labels_in(now.wanted))
        because = because or ("" if now.enough else selector_owner(self.move, view.service))
        if because:
            return because
        if view.target.release:
            return f"{view.target} is no place to move to now: {view.target.release}"
        missing = view.target.missing(_enough_pods(self.move, view.source, view.target))
        return f"{view.target} is not ready: {missing}" if missing else ""

    def undo(self, context: Context) -> None:
        """The selector first; then the target's pods drain, because they may be scaled down next."""
        super().undo(context)
        context.wait(self.move.drain_seconds)

    def not_back(self, now: Now, prior: Values) -> str:
        """The target's pods have to be gone from behind it, unless they were there before."""
        target = self.cluster.workload(self.move.target)
        if covers(labels_in(str(prior["value"])), target.template):
            return ""
        own = {value_at(pod, "metadata", "uid") for pod in self.cluster.listed(PODS, target.selector)}
        found = backends(self.cluster.listed(ENDPOINT_SLICES, {SERVICE_NAME: self.move.service}))
        left = next((each.shown for each in found if each.pod in own), "")
        return f"{left} of {target} is still behind {now.thing}" if left else ""


class Drain(Change):
    """What the source was doing when traffic moved has its time to end."""

    name = "drain"

    def __init__(self, cluster: Cluster, move: Move, clock: Clock = SYSTEM_CLOCK) -> None:
        super().__init__(cluster, move)
        self._clock: Final = clock
        self._since: float | None = None
        self.what = f"wait {move.drain_seconds:g} s for what {move.source} is doing still"
        self.timeouts = Timeouts(verify_seconds=move.drain_seconds + UNDO_SECONDS)
        reason = "the seconds that were asked for"
        term = Term(
            "drain", move.drain_seconds, move.drain_seconds, Source.COMPUTED, reason, inputs=("--drain-seconds",)
        )
        self.terms = {Phase.VERIFY: term}

    def now(self, prior: Values) -> Now:
        """Only a mark is set; where the source has nothing to lose there is nothing to wait for."""
        source = self.cluster.workload(self.move.source)
        shown = f"{source.replicas} replicas"
        if prior:
            shown = str(prior["value"])
        return Now(source, shown, shown, source.replicas <= (self.move.scale_source_to or 0))

    def spec(self, value: str, instead_of: str) -> Json:
        """Nothing."""
        del value, instead_of
        return {}

    def in_the_way(self, now: Now, prior: Values) -> str:
        """Traffic that still goes elsewhere than to the target."""
        del now, prior
        return _still_elsewhere(self.cluster, self.move)

    def verify(self, context: Context) -> str | None:
        """The time is counted by this run from the moment that it looked first: after a crash, all of it anew."""
        now = self._clock.monotonic()
        self._since = now if self._since is None else self._since
        left = self._since + self.move.drain_seconds - now
        if left > 0:
            return f"{left:.0f} s of {self.move.drain_seconds:g} s are left"
        return super().verify(context)


class ScaleSource(Change):
    """The source has no more replicas than were asked for."""

    name = "scale-source"

    def __init__(self, cluster: Cluster, move: Move) -> None:
        super().__init__(cluster, move)
        self.what = f"scale {move.source} down to {move.scale_source_to}"
        self.timeouts = Timeouts(verify_seconds=ENDED_SECONDS, undo_seconds=move.ready_seconds + UNDO_SECONDS)

    def now(self, prior: Values) -> Now:
        """Replicas that are asked for."""
        source = self.cluster.workload(self.move.source)
        wanted = int(prior["wanted"] or 0) if prior else min(source.replicas, self.move.scale_source_to or 0)
        enough = source.replicas <= wanted
        missing = f"{source.ready} pods still serve" if enough and source.ready > wanted else ""
        return Now(source, str(source.replicas), str(wanted), enough, missing)

    def spec(self, value: str, instead_of: str) -> Json:
        """Replicas."""
        del instead_of
        return {"spec": {"replicas": int(value)}}

    def in_the_way(self, now: Now, prior: Values) -> str:
        """Whoever else scales it, and traffic that still goes elsewhere than to the target."""
        del prior
        source = self.cluster.workload(self.move.source)
        because = "" if now.enough else _replicas_owner(self.cluster, self.move, source, int(now.wanted))
        return because or _still_elsewhere(self.cluster, self.move)

    def more_prior(self, now: Now) -> dict[str, int]:
        """How many were ready: traffic goes back only to as many."""
        del now
        return {"ready": self.cluster.workload(self.move.source).ready}

    def not_back(self, now: Now, prior: Values) -> str:
        """As many have to be ready as were before."""
        del now
        ready, before = self.cluster.workload(self.move.source).ready, int(prior["ready"] or 0)
        return f"{ready} of {before} ready, as it was before" if ready < before else ""


def _still_elsewhere(cluster: Cluster, move: Move) -> str:
    view = _view(cluster, move)
    return _behind(cluster, view.service, view.target, _enough_pods(move, view.source, view.target))
