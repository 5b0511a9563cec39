"""The user's own Pulumi, asked for a preview: what would change, and what the stack's outputs would be.

The command is `pulumi preview` on PATH, in the user's environment. Its event log is read, which Pulumi's Automation API
reads too: it has each resource before and after, and the outputs of the stack, with secrets masked by the engine.
"""

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from seawall.errors import InvalidInput, SeawallError

__all__ = ["CannotTell", "Preview", "Step", "preview", "read_document", "read_events"]

STACK_TYPE: Final = "pulumi:pulumi:Stack"
UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # how the engine writes a value that a preview cannot know
MARKUP: Final = re.compile(r"<\{%[^%]*%\}>|\x1b\[[0-9;]*m")  # the engine's color tags, and a terminal's
# Beginnings of lines that say nothing beside a cause.
CLOSING_LINES: Final = ("update failed", "preview failed", "an unhandled error occurred: program exited")
QUIET_OPS: Final = ("same", "read", "refresh")
SHOWN_LINES: Final = 5  # of the engine's own errors; more does not help at first sight
TIMEOUT_SECONDS: Final = 1800  # a refresh of a large stack asks AWS for each resource

Properties = Mapping[str, Any]


class CannotTell(SeawallError):
    """The engine gave no preview: no such stack, no Pulumi, a program that refuses. The lines are its own."""


@dataclass(frozen=True, slots=True)
class Step:
    """One resource in a preview.

    Args:
        op: What would be done: `same`, `create`, `update`, `replace`, `delete`, `import`, …
        type: E.g. `aws:rds/instance:Instance`.
        name: The resource's name in the program.
        before: Its outputs and inputs as deployed; `None` when there is none.
        after: Its inputs as the program wants them, over what is known of it; `None` when it goes.
        properties: Names of the inputs that differ.
    """

    op: str
    type: str
    name: str
    before: Properties | None = None
    after: Properties | None = None
    properties: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether anything would be done, beyond looking."""
        return self.op not in QUIET_OPS


@dataclass(frozen=True, slots=True)
class Preview:
    """What a deployment would do."""

    steps: tuple[Step, ...]
    outputs_before: Properties
    outputs_after: Properties
    errors: tuple[str, ...] = ()
    complete: bool = True
    """Whether the engine came to an end by itself."""


def preview(
    stack: str, folder: Path, *, refresh: bool = False, arguments: Sequence[str] = (), timeout: int = TIMEOUT_SECONDS
) -> Preview:
    """Ask the engine.

    Args:
        stack: The stack's name.
        folder: With Pulumi.yaml.
        refresh: Whether to read the cloud first.
        arguments: Further ones of `pulumi preview`.
        timeout: Seconds until the engine is ended.

    Raises:
        CannotTell: There is no preview; the lines say why.
    """
    with tempfile.TemporaryDirectory(prefix="seawall-") as scratch:
        log = Path(scratch) / "events.json"
        command = ["pulumi", "preview", "--stack", stack, "--non-interactive", "--json", "--event-log", str(log)]
        command += [*(["--refresh"] if refresh else []), *arguments]
        # The option --event-log is Automation API's, which switches it on by the first of these.
        variables = {**os.environ, "PULUMI_DEBUG_COMMANDS": "true", "PULUMI_SKIP_UPDATE_CHECK": "true"}
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env=variables,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
        except FileNotFoundError:
            missing = "pulumi" if folder.is_dir() else f"the folder {folder}"
            raise CannotTell(f"{missing} was not found") from None
        except subprocess.TimeoutExpired:
            raise CannotTell(f"pulumi preview took more than {timeout} s and was ended") from None
        found = read_events(log.read_text(encoding="utf-8").splitlines()) if log.exists() else None
    if done.returncode or found is None or not found.complete:
        lines = found.errors if found else ()
        raise CannotTell("\n".join(lines[:SHOWN_LINES]) or _last_line(done.stderr) or "pulumi preview failed")
    return found


def read_events(lines: Iterable[str]) -> Preview:
    """An event log as a preview.

    Raises:
        CannotTell: A line is no event.
    """
    steps: dict[str, Step] = {}
    errors: list[str] = []
    before: Properties = {}
    after: Properties = {}
    complete = False
    for event in _events(lines):
        if "summaryEvent" in event:
            complete = event["summaryEvent"].get("result", "succeeded") == "succeeded"
        elif "diagnosticEvent" in event:
            diagnostic = event["diagnosticEvent"]
            text = MARKUP.sub("", str(diagnostic.get("message", ""))).strip()
            if (
                diagnostic.get("severity") == "error"
                and text
                and text not in errors
                and not text.startswith(CLOSING_LINES)
            ):
                errors.append(text)
        elif "resourcePreEvent" in event:
            metadata = event["resourcePreEvent"]["metadata"]
            if metadata["type"] == STACK_TYPE:
                before = _outputs(metadata.get("old"))
            elif metadata["op"] != "refresh":
                step = _step(metadata)
                steps[metadata["urn"]] = _merged(steps.get(metadata["urn"]), step)
        elif "resOutputsEvent" in event:
            metadata = event["resOutputsEvent"]["metadata"]
            if metadata["type"] == STACK_TYPE and metadata["op"] != "refresh":
                after = _outputs(metadata.get("new")) or after
    return Preview(tuple(steps.values()), before, after, tuple(errors), complete)


def read_document(text: str, name: str) -> Preview:
    """A file that Pulumi wrote, as a preview: `preview --json --show-sames`, or `stack export` (nothing changes then).

    Args:
        text: The file's content.
        name: What messages call it.

    Raises:
        InvalidInput: It is neither, or a preview without what stays the same.
    """
    allowed = "the output of: pulumi preview --json --show-sames, or pulumi stack export"
    try:
        content: Any = json.loads(text)
    except ValueError:
        raise InvalidInput(name, "no JSON", allowed=allowed) from None
    document = cast("dict[str, Any]", content) if isinstance(content, dict) else {}
    if isinstance(document.get("deployment"), dict):
        return _read_state(cast("list[dict[str, Any]]", document["deployment"].get("resources") or []))
    if not isinstance(document.get("steps"), list):
        raise InvalidInput(name, "another JSON document", allowed=allowed)
    events = [_as_event(step) for step in cast("list[dict[str, Any]]", document["steps"])]
    same = sum(1 for step in document["steps"] if step.get("op") == "same")
    summary = cast("dict[str, int]", document.get("changeSummary") or {})
    if same < summary.get("same", 0):
        raise InvalidInput(name, "a preview of changes alone", allowed=allowed)
    return read_events(map(json.dumps, events))


def _as_event(step: Properties) -> dict[str, Any]:
    """A step of `preview --json` as the event log has it."""
    old, new = step.get("oldState"), step.get("newState")
    type_ = cast("Properties", new or old or {}).get("type", "")
    fields = {key: step.get(key) for key in ("op", "urn", "detailedDiff")}
    return {
        "resourcePreEvent": {
            "metadata": {**fields, "diffs": step.get("diffReasons"), "type": type_, "old": old, "new": new}
        }
    }


def _read_state(resources: Sequence[Properties]) -> Preview:
    steps: list[Step] = []
    outputs: Properties = {}
    for resource in resources:
        if resource.get("type") == STACK_TYPE:
            outputs = _outputs(resource)
        elif not resource.get("delete"):
            state = _state(resource)
            steps.append(Step("same", resource["type"], str(resource["urn"]).rpartition("::")[2], state, state))
    return Preview(tuple(steps), outputs, outputs)


def _events(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        if not line.strip():
            continue
        try:
            yield cast("dict[str, Any]", json.loads(line))
        except ValueError:
            raise CannotTell("the event log of pulumi preview cannot be read") from None


def _step(metadata: Properties) -> Step:
    old, new = metadata.get("old"), metadata.get("new")
    before = _state(old) if old else None
    # What is not given keeps its value: a replica's storage is its source's, and no input.
    after = {**(before or {}), **_known(cast("Properties", new.get("inputs") or {}))} if new else None
    changed = cast("Mapping[str, Any]", metadata.get("detailedDiff") or {})
    names = sorted({str(path).partition(".")[0].partition("[")[0] for path in (changed or metadata.get("diffs") or ())})
    name = str(metadata["urn"]).rpartition("::")[2]
    return Step(metadata["op"], metadata["type"], name, before, after, tuple(names))


def _merged(earlier: Step | None, step: Step) -> Step:
    """A replacement is several events of one resource, an import with changes two: the first state, the last wish."""
    if earlier is None:
        return step
    ops = {earlier.op, step.op}
    op = next((one for one in ("replace", "import") if one in ops), step.op)
    after = None if step.op == "delete" and op != "replace" else step.after or earlier.after
    properties = tuple(sorted({*earlier.properties, *step.properties}))
    return Step(op, step.type, step.name, earlier.before or step.before, after, properties)


def _state(state: Properties) -> dict[str, Any]:
    inputs, outputs = (cast("Properties", state.get(key) or {}) for key in ("inputs", "outputs"))
    return {**_known(inputs), **_known(outputs)}


def _known(properties: Properties) -> dict[str, Any]:
    """The properties but those that a preview cannot know."""
    return {key: value for key, value in properties.items() if value != UNKNOWN}


def _outputs(state: Properties | None) -> Properties:
    return _known(cast("Properties", (state or {}).get("outputs") or {}))


def _last_line(text: str) -> str:
    lines = [MARKUP.sub("", line).strip() for line in text.splitlines()]
    return next((line for line in reversed(lines) if line), "").removeprefix("error: ")
