"""Event logs as the engine writes them, and a `pulumi` on PATH that writes one."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # what a preview cannot know
STACK = "pulumi:pulumi:Stack"

# Writes what it was asked, then a log that a test has laid out.
PULUMI = """#!/bin/sh
echo "$@" > "$PULUMI_ASKED"
echo "$PULUMI_DEBUG_COMMANDS" >> "$PULUMI_ASKED"
while [ $# -gt 0 ]; do [ "$1" = --event-log ] && [ -f "$PULUMI_LOG" ] && cat "$PULUMI_LOG" > "$2"; shift; done
[ -z "$PULUMI_SAYS" ] || echo "error: $PULUMI_SAYS" >&2
exit "$PULUMI_CODE"
"""


def prediction(failure_class: str, worst: float, path: str = "reads", measure: str = "recovery_time_seconds") -> Any:
    """One figure of the stack output `predictions`."""
    return {"failure_class": failure_class, "path": path, "measure": measure, "worst_seconds": worst}


def step(op: str, type_: str, name: str, old: Any = None, new: Any = None, diff: Iterable[str] = ()) -> dict[str, Any]:
    """A resource's event; `old` and `new` are its inputs."""
    metadata = {
        "op": op,
        "type": type_,
        "urn": f"urn:pulumi:prod::seawall::{type_}::{name}",
        "old": None if old is None else {"inputs": old, "outputs": {}},
        "new": None if new is None else {"inputs": new, "outputs": {}},
        "detailedDiff": {path: {"diffKind": "update"} for path in diff} or None,
    }
    return {"resourcePreEvent": {"metadata": metadata}}


def stack(before: Any, after: Any) -> list[dict[str, Any]]:
    """The stack's own events: its outputs before and after."""
    metadata = {"op": "same", "type": STACK, "urn": f"urn:pulumi:prod::seawall::{STACK}::seawall-prod"}
    old = {"outputs": before}
    return [
        {"resourcePreEvent": {"metadata": {**metadata, "old": old, "new": old}}},
        {"resOutputsEvent": {"metadata": {**metadata, "old": old, "new": {"outputs": after}}}},
    ]


def finished(result: str = "succeeded") -> dict[str, Any]:
    """The last event of a whole run."""
    return {"summaryEvent": {"result": result}}


def said(message: str, severity: str = "error") -> dict[str, Any]:
    """A line of the engine."""
    return {"diagnosticEvent": {"message": message, "severity": severity}}


def lines(*events: dict[str, Any]) -> list[str]:
    """The log, a line per event."""
    return [json.dumps(event) for event in events]


class FakePulumi:
    """What `pulumi` answers, and what it was asked."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.log, self._asked, self._patch = folder / "log.json", folder / "asked", patch
        program = folder / "bin" / "pulumi"
        program.parent.mkdir()
        program.write_text(PULUMI, encoding="utf-8")
        program.chmod(0o755)
        patch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
        patch.setenv("PULUMI_ASKED", str(self._asked))
        patch.setenv("PULUMI_LOG", str(self.log))
        self.answers([])

    def answers(self, log: Iterable[str], code: int = 0, says: str = "") -> None:
        """Lay out the next answer."""
        self.log.write_text("\n".join(log) + "\n", encoding="utf-8")
        self._patch.setenv("PULUMI_CODE", str(code))
        self._patch.setenv("PULUMI_SAYS", says)

    @property
    def asked(self) -> list[str]:
        """The arguments of the last call, and whether the log was switched on."""
        return self._asked.read_text(encoding="utf-8").split()
