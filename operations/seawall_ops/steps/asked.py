"""What `--run`, `--resume` and `--undo` ask of a command that carries out a plan; without any of them it is a dry run."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from seawall.errors import InvalidInput
from seawall_ops.exits import ExitCode
from seawall_ops.steps.operation import Hints, Operation, literally, new_operation_id
from seawall_ops.steps.showing import conduct, print_result

__all__ = ["Asked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be done with a plan; nothing: it is shown.

    Args:
        run: Do it.
        resume: Go on with an operation, by its id.
        undo: Take an operation back, by its id.
        why: Of an undo; recorded.
        as_json: Whether the result is one JSON document.

    Raises:
        InvalidInput: More than one thing, or an undo without its reason.
    """

    run: bool
    resume: str | None
    undo: str | None
    why: str | None
    as_json: bool

    def __post_init__(self) -> None:
        if sum((self.run, self.resume is not None, self.undo is not None)) > 1:
            raise InvalidInput("--run, --resume and --undo", "several", allowed="at most one of them")
        if (self.undo is not None) != (self.why is not None):
            given = f"{self.undo}, {self.why}"
            raise InvalidInput("--undo and --why", given, allowed="both or none: the reason of an undo is recorded")

    @property
    def dry(self) -> bool:
        """Whether nothing is to be changed."""
        return not self.run and self.resume is None and self.undo is None

    def operation_id(self, plan: str) -> str:
        """Of the operation that is meant: a new one, unless one is resumed or undone."""
        return self.resume or self.undo or new_operation_id(plan)

    def conduct(self, operation: Operation) -> ExitCode:
        """Show, run, resume or undo it, and show how it ended.

        Returns:
            As `seawall_ops.steps.conduct`; `DONE`, too, for an undo that was asked for and is done.

        Raises:
            OperationInProgress: It was begun before, or runs in another process.
            InvalidInput: Its journal is broken, or of another version or plan; or it was never begun.
        """
        if self.dry or self.run:
            return conduct(operation, execute=self.run, as_json=self.as_json)
        result = operation.resume() if self.undo is None else operation.undo(self.why or "")
        print_result(result, as_json=self.as_json)
        return ExitCode.DONE if self.undo is not None and result.end == "undone" else result.exit_code

    @staticmethod
    def hints(again: Sequence[str]) -> Hints:
        """What to type next.

        Args:
            again: The words of the command line that makes the same plan, which a resume needs.
        """
        line = literally(shlex.join(again))
        return Hints(resume=f"{line} --resume {{operation}}", undo=f"{line} --undo {{operation}} --why '...'")
