"""`seawall failover service`: move a Service from one Deployment or Rollout to another, in one cluster."""

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Final

import typer

from seawall.errors import InvalidInput, LeaseUnavailable, StepRefused
from seawall_ops.audit import Decision, Trail
from seawall_ops.exits import ExitCode
from seawall_ops.failover.conducting import LEASE_WAIT_SECONDS, AsJson
from seawall_ops.failover.services_move import DRAIN_SECONDS, READY_SECONDS, Move
from seawall_ops.failover.services_objects import in_text, labels_in, parse_workload
from seawall_ops.failover.services_permissions import LEASE, role_yaml
from seawall_ops.lease import Arbitrated, Lease, LeaseStore
from seawall_ops.places import audit_file, operations_folder
from seawall_ops.steps import Asked, Operation, cancelled_by_signals
from seawall_ops.who import holder

if TYPE_CHECKING:
    from seawall_ops.failover.services_cluster import Cluster

__all__ = ["SERVICE_EPILOG", "service"]

SERVICE_EPILOG: Final = (
    "Example: seawall failover service --service shop --from shop-blue --to shop-green --namespace prod --run. "
    "Exit codes: 0 done, or nothing is in the way of a dry run, 1 something is in its way, 2 wrong input, "
    "3 the cluster could not be asked, 4 it failed and was undone, 5 it stopped at a safe point, 6 it is stuck, "
    "130 interrupted."
)
LEASE_REGION: Final = (
    "in-cluster"  # the lease is in the cluster in which it arbitrates, see seawall_ops.lease.Arbitrated
)


def service(
    name: Annotated[str, typer.Option("--service", help="The Service to move.")],
    source: Annotated[str, typer.Option("--from", help="What serves now: a Deployment, or rollout/<name>.")],
    target: Annotated[str, typer.Option("--to", help="What is to serve: a Deployment, or rollout/<name>.")],
    namespace: Annotated[str, typer.Option("--namespace", help="Of all of them.")] = "default",
    context: Annotated[str | None, typer.Option("--context", help="Of the kubeconfig; default its current.")] = None,
    kubeconfig: Annotated[
        str | None, typer.Option("--kubeconfig", help="Default: KUBECONFIG, the pod's own account, ~/.kube/config.")
    ] = None,
    replicas: Annotated[
        int | None, typer.Option("--replicas", help="Of the target, at least; default as many as the source has.")
    ] = None,
    selector: Annotated[
        str | None,
        typer.Option("--selector", help="The new one, e.g. app=shop,side=green; default the target's own values."),
    ] = None,
    scale_source_to: Annotated[
        int | None,
        typer.Option("--scale-source-to", help="Drain the source, and scale it down to this; default it keeps all."),
    ] = None,
    drain_seconds: Annotated[
        float, typer.Option("--drain-seconds", help="Before pods that had traffic are scaled down.")
    ] = DRAIN_SECONDS,
    ready_seconds: Annotated[
        float, typer.Option("--ready-seconds", help="For the target to become ready.")
    ] = READY_SECONDS,
    gitops_paused: Annotated[
        str | None, typer.Option("--gitops-paused", help="Why Argo CD or Flux will not set it back; recorded.")
    ] = None,
    run: Annotated[bool, typer.Option("--run", help="Do it. Without it nothing is changed.")] = False,
    resume: Annotated[str | None, typer.Option("--resume", help="Go on with an operation, by its id.")] = None,
    undo: Annotated[
        str | None, typer.Option("--undo", help="Undo an operation, by its id; also one that is done.")
    ] = None,
    why: Annotated[str | None, typer.Option("--why", help="Of an undo; recorded.")] = None,
    role: Annotated[
        bool, typer.Option("--role", help="Print the least RBAC Role, and ask the cluster nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Move a Service to another Deployment or Rollout of its cluster. Dry by default: the plan is shown."""
    if sum((run, resume is not None, undo is not None, role)) > 1:
        raise InvalidInput("--run, --resume, --undo and --role", "several", allowed="at most one of them")
    asked = Asked(run=run, resume=resume, undo=undo, why=why, as_json=as_json)
    move = Move(
        service=name,
        source=parse_workload("--from", source),
        target=parse_workload("--to", target),
        replicas=replicas,
        selector=None if selector is None else _selector(selector),
        scale_source_to=scale_source_to,
        drain_seconds=drain_seconds,
        ready_seconds=ready_seconds,
        gitops_paused=gitops_paused,
    )
    if role:
        typer.echo(role_yaml(move, namespace, changes=True), nl=False)
        return
    # lightkube is an extra, and imported where a cluster is asked, so that `--help` is instant.
    from seawall_ops.failover.services_cluster import Cluster, ClusterUnavailable, configured
    from seawall_ops.lease.kubernetes import KubernetesLeaseStore

    config = configured(kubeconfig, context)
    cluster = Cluster(namespace, config)
    store = KubernetesLeaseStore(namespace, region=LEASE_REGION, config=config)
    try:
        with suppress(StepRefused):  # said by the plan's first step
            cluster.service(name)  # so that a cluster that does not answer is said at once
        code = _conducted(cluster, store, move, _again(move, namespace, context, kubeconfig), asked)
    except LeaseUnavailable as error:
        raise ClusterUnavailable(error.store, error.because) from error
    finally:
        store.close()
        cluster.close()
    if code is not ExitCode.DONE:
        raise typer.Exit(code)


def _conducted(cluster: "Cluster", store: LeaseStore, move: Move, again: list[str], asked: Asked) -> ExitCode:
    """Show the plan; or run, resume or undo it under the namespace's lease, and on the record."""
    from seawall_ops.failover.services import PLAN, plan_of

    plan, folder = plan_of(cluster, move), operations_folder()
    operation_id = asked.operation_id(PLAN)
    if asked.dry:
        return asked.conduct(Operation(plan, id=operation_id, folder=folder))
    lease = Lease(store, LEASE, holder=holder(), arbitrates=Arbitrated(automatic=False))
    with (
        Trail(audit_file()) as trail,
        cancelled_by_signals() as cancellation,
        lease.acquire(wait_seconds=LEASE_WAIT_SECONDS) as held,
    ):
        if move.gitops_paused is not None:
            taken = Decision(subject="GitOps", decision="taken to be paused", because=move.gitops_paused)
            trail.write(operation_id, taken, fence=held.fence)
        operation = Operation(
            plan,
            id=operation_id,
            folder=folder,
            guard=held,
            trail=trail,
            cancellation=cancellation,
            hints=asked.hints(again),
        )
        return asked.conduct(operation)


def _selector(text: str) -> dict[str, str]:
    parts = text.split(",")
    found = labels_in(text)
    if len(found) != len(parts) or not all(key and value for key, value in found.items()):
        raise InvalidInput("--selector", text, allowed="key=value, each key once, with a comma between two")
    return found


def _again(move: Move, namespace: str, context: str | None, kubeconfig: str | None) -> list[str]:
    """The words of the command line that makes the same plan, which a resume needs."""
    words = ["seawall", "failover", "service", "--service", move.service]
    words += ["--from", move.source.given, "--to", move.target.given, "--namespace", namespace]
    given = {
        "--context": context,
        "--kubeconfig": kubeconfig,
        "--replicas": move.replicas,
        "--selector": None if move.selector is None else in_text(move.selector),
        "--scale-source-to": move.scale_source_to,
        "--drain-seconds": None if move.drain_seconds == DRAIN_SECONDS else repr(move.drain_seconds),
        "--ready-seconds": None if move.ready_seconds == READY_SECONDS else repr(move.ready_seconds),
        "--gitops-paused": move.gitops_paused,
    }
    for option, value in given.items():
        words += [] if value is None else [option, str(value)]
    return words
