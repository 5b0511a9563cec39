"""Run the real engine on a sandbox: up, preview of destroy, destroy; and mend what a killed run left behind."""

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, cast

from pulumi import automation as auto
from pulumi.automation.errors import CommandError
from pulumi.automation.events import EngineEvent, OpType

from localcloud.errors import LocalCloudError
from localcloud.provider.aws import ADAPTERS
from localcloud.provider.clients import Clients
from localcloud.provider.journal import Journal
from localcloud.provider.sweep import known_ids, sweep
from localcloud.sandbox import Sandbox

MARKUP: Final = re.compile(r"<\{%[^%]*%\}>|\x1b\[[0-9;]*m")  # the engine's colour tags and ANSI colours
QUIET_OPS: Final = (OpType.SAME, OpType.READ)
SHOWN_LINES: Final = 12  # of the engine's own errors; more does not help at first sight

OnEvent = Callable[[EngineEvent], None]


@dataclass
class _Errors:
    """Collects the engine's error lines, so that a failure can be told without its whole log."""

    on_event: OnEvent
    lines: list[str] = field(default_factory=lambda: list[str]())

    def __call__(self, event: EngineEvent) -> None:
        diagnostic = event.diagnostic_event
        if diagnostic is not None and diagnostic.severity == "error" and not diagnostic.ephemeral:
            text = plain(diagnostic.message).strip()
            if text and text not in self.lines:
                self.lines.append(text)
        self.on_event(event)

    def describe(self, error: CommandError) -> str:
        """The errors that name a cause; the engine's closing "update failed" only where it stands alone."""
        causes = [line for line in self.lines if line not in ("update failed", "preview failed")]
        if causes:
            return "\n".join(causes[:SHOWN_LINES])
        tail = [line for line in plain(str(error)).splitlines() if line.strip()]
        return "\n".join(tail[-SHOWN_LINES:])


def plain(text: str) -> str:
    """The text without the engine's colour tags."""
    return MARKUP.sub("", text)


@dataclass(frozen=True)
class UpOutcome:
    """What an `up` did: how many resources per operation, and the program's outputs."""

    changes: dict[str, int]
    outputs: dict[str, Any]

    @property
    def changed(self) -> int:
        """Resources that were created, updated, replaced or deleted."""
        return sum(count for op, count in self.changes.items() if op not in {op.value for op in QUIET_OPS})


class Deployment:
    """The engine at work on one sandbox. The process's environment must be the sandbox's (`variables`)."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox: Final = sandbox
        with _refused():
            self._stack: Final = auto.create_or_select_stack(
                stack_name=sandbox.stack,
                work_dir=str(sandbox.project),
                opts=auto.LocalWorkspaceOptions(pulumi_home=str(sandbox.pulumi_home)),
            )

    def unlock(self) -> bool:
        """Take away the lock of a run that was killed. True when there was one.

        Raises:
            LocalCloudError: its process is still at work.
        """
        if not self._sandbox.lock_holders():
            return False
        holder = self._sandbox.running_holder()
        if holder is not None:
            raise LocalCloudError(
                f"another run is at work on stack {self._sandbox.stack} (process {holder}); wait for it"
            )
        self._stack.cancel()
        self._sandbox.end_orphans()
        return True

    def pending(self) -> int:
        """Operations that a killed run began and never recorded the end of."""
        return len(self._exported().get("pending_operations") or [])

    def up(self, on_event: OnEvent, *, refresh: bool = False) -> UpOutcome:
        """Bring the stack up.

        Args:
            on_event: Called with each of the engine's events.
            refresh: Read the cloud first: for when it lost what the state remembers.

        Raises:
            LocalCloudError: the engine refused or failed; the message is its own error lines.
        """
        errors = _Errors(on_event)
        try:
            result = self._stack.up(on_event=errors, refresh=refresh, show_secrets=False, suppress_outputs=True)
        except CommandError as error:
            raise LocalCloudError(errors.describe(error)) from error
        changes = {str(op): int(count) for op, count in (result.summary.resource_changes or {}).items()}
        return UpOutcome(changes, {key: output.value for key, output in result.outputs.items()})

    def settle(self) -> None:
        """Clear the pending creations of a killed run. The `up` before has adopted what they made."""
        with _refused():
            self._stack.refresh(clear_pending_creates=True, show_secrets=False)

    def sweep(self) -> int:
        """Delete what a killed run made and no later run asked for. Only after a whole `up` or `destroy`.

        Returns:
            How many objects were deleted.
        """
        journal = Journal(self._sandbox.journal)
        if not journal.entries():
            return 0
        return len(sweep(journal, ADAPTERS, Clients(), known_ids(self._exported())))

    def protected(self) -> list[str]:
        """Names of the resources that a destroy would be refused for."""
        resources = cast(list[dict[str, Any]], self._exported().get("resources") or [])
        return [str(resource["urn"]).rsplit("::", 1)[-1] for resource in resources if resource.get("protect")]

    def destroy(self, on_event: OnEvent) -> None:
        """Delete everything, or nothing: what is protected is found by a preview before the first deletion.

        Raises:
            LocalCloudError: something is protected, or the engine failed.
        """
        protected = self.protected()
        if protected:
            shown = ", ".join(protected[:3]) + (f" and {len(protected) - 3} more" if len(protected) > 3 else "")
            raise LocalCloudError(
                f"seawall:protect = true: nothing was deleted, because {shown} are protected; set it to false, run `up`, try again"
            )
        errors = _Errors(on_event)
        try:
            self._stack.preview_destroy(on_event=errors)
            self._stack.destroy(on_event=errors, show_secrets=False)
        except CommandError as error:
            raise LocalCloudError(errors.describe(error)) from error

    def _exported(self) -> dict[str, Any]:
        """The engine's own state of the stack."""
        with _refused():
            return cast(dict[str, Any], self._stack.export_stack().deployment or {})


@contextlib.contextmanager
def _refused() -> Iterator[None]:
    """Turn the engine's failure into one error of ours."""
    try:
        yield
    except CommandError as error:
        raise LocalCloudError(_Errors(lambda _: None).describe(error)) from error
