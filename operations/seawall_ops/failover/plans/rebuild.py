"""What becomes of a writer that has handed over: a replica again, that may take over again.

The steps: rebuild (the point of no return: what the old writer has alone is thrown away) -> lift its fence -> release the name,
if that is asked for -> tell the ledger. The member stays fenced in the ledger until the last of them, so that it cannot take
over meanwhile. Nothing is opened in the ledger: a base backup takes hours, and a failover is not to wait for it. For the same
reason it is run under a lease of its own (`LEASE` before the cluster's name), and looks afresh before each step.
"""

from typing import Final

from seawall.errors import InvalidInput
from seawall.timing import Term
from seawall_ops.failover.plans.rebuild_request import Rebuild
from seawall_ops.failover.plans.rebuild_steps import LiftFence, RebuildMember, ReleaseName, TellLedger
from seawall_ops.failover.plans.rebuilder import Rebuilder
from seawall_ops.failover.plans.surroundings import Surroundings
from seawall_ops.steps import Phase, Plan, Step, Timeouts

__all__ = ["LEASE", "REBUILD_SECONDS", "VERSION", "Rebuild", "rebuild_plan"]

LEASE: Final = "rebuild-"  # before the cluster's name
VERSION: Final = 1  # of what the steps mean
REBUILD_SECONDS: Final = 6 * 3600.0  # ours: a base backup of a terabyte at 50 MB/s, for instance
ANSWER_SECONDS: Final = 60.0  # for what rebuilds to end by itself once its time is up, before it is given up
LIFT_SECONDS: Final = 900.0  # as for making a fence


def rebuild_plan(
    request: Rebuild,
    around: Surroundings,
    rebuilder: Rebuilder,
    *,
    declared_primary: str | None = None,
    rebuild_seconds: float = REBUILD_SECONDS,
    prediction: Term | None = None,
) -> Plan:
    """The plan. Nothing of it can be undone.

    Args:
        request: What is to be done; all of it stands in the plan's inputs.
        around: What it works on.
        rebuilder: What makes servers replicas.
        declared_primary: The primary region as it is declared now; needed to release the name.
        rebuild_seconds: For the rebuild, which what does it has to keep by itself, and for what the member then has to catch up
            with, each; after that a person is needed.
        prediction: How long the rebuild is predicted to take.

    Raises:
        InvalidInput: The name is to be released, and there is no switch, or nothing says what is declared.
    """
    release = _release(request, around, declared_primary)
    steps: list[Step] = [
        RebuildMember(
            request,
            around,
            rebuilder,
            release,
            timeouts=Timeouts(apply_seconds=rebuild_seconds + ANSWER_SECONDS, verify_seconds=rebuild_seconds),
            terms={} if prediction is None else {Phase.APPLY: prediction},
        ),
        LiftFence(request, around, rebuilder, timeouts=Timeouts(apply_seconds=LIFT_SECONDS)),
        *(() if release is None else (release,)),
        TellLedger(request, around, rebuilder),
    ]
    return Plan(
        name="failover-rebuild",
        version=VERSION,
        steps=tuple(steps),
        inputs={**request.inputs, **around.inputs, "rebuilder": rebuilder.where},
        summary=f"{request}, because {request.reason}",
    )


def _release(request: Rebuild, around: Surroundings, declared_primary: str | None) -> ReleaseName | None:
    if not request.release_name:
        return None
    if around.switch is None:
        raise InvalidInput("release_name", True, allowed="False, since there is no switch")
    if declared_primary is None:
        raise InvalidInput("declared_primary", None, allowed="a region, for the name to be released")
    return ReleaseName(request, around, around.switch, declared_primary)
