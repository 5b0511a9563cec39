"""Plans in steps: precheck, apply, verify, undo, each looked at first, resumable after a crash anywhere.

Inherit `Step`, put a `Plan` together, make an `Operation` of it: `preview` shows what would be done, `run` does it, `resume`
and `undo` find out after a crash what happened and bring it to an end: `Done`, `Undone`, or `Stopped` at a safe point, or
`Stuck` where the only way left failed.
"""

from seawall_ops.steps.asked import Asked
from seawall_ops.steps.cancel import Cancellation, cancelled_by_signals
from seawall_ops.steps.dynamodb import TableJournals
from seawall_ops.steps.journal import Direction, Journal, JournalStore, Progress
from seawall_ops.steps.measured import measurements
from seawall_ops.steps.model import (
    Context,
    Guard,
    Observation,
    Phase,
    Plan,
    Scalar,
    Seen,
    Step,
    Timeouts,
    Values,
)
from seawall_ops.steps.operation import Hints, OnFailure, Operation, confirmed_by_name, literally, new_operation_id
from seawall_ops.steps.preview import Planned, Preview, Will
from seawall_ops.steps.results import Done, Result, Status, StepOutcome, Stopped, Stuck, Timing, Undone
from seawall_ops.steps.runner import PointOfNoReturn
from seawall_ops.steps.showing import conduct, preview_as_dict, print_result, result_as_dict, show_preview, show_result
from seawall_ops.steps.stores import FileJournals

__all__ = [
    "Asked",
    "Cancellation",
    "Context",
    "Direction",
    "Done",
    "FileJournals",
    "Guard",
    "Hints",
    "Journal",
    "JournalStore",
    "Observation",
    "OnFailure",
    "Operation",
    "Phase",
    "Plan",
    "Planned",
    "PointOfNoReturn",
    "Preview",
    "Progress",
    "Result",
    "Scalar",
    "Seen",
    "Status",
    "Step",
    "StepOutcome",
    "Stopped",
    "Stuck",
    "TableJournals",
    "Timeouts",
    "Timing",
    "Undone",
    "Values",
    "Will",
    "cancelled_by_signals",
    "conduct",
    "confirmed_by_name",
    "literally",
    "measurements",
    "new_operation_id",
    "preview_as_dict",
    "print_result",
    "result_as_dict",
    "show_preview",
    "show_result",
]
