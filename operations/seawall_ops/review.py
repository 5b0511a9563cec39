"""`seawall preview`: what a pull request would change: resources, predicted recovery, and the monthly bill."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, cast

import typer

from seawall_ops.cost.command import CENT, estimates, gaps
from seawall_ops.cost.estimate import Estimate
from seawall_ops.cost.prices import Prices, load_prices
from seawall_ops.engine import TIMEOUT_SECONDS, Preview, Step, preview
from seawall_ops.exits import ExitCode

__all__ = ["EPILOG", "RecoveryChange", "Review", "preview_command", "recovery_changes", "review"]

EPILOG: Final = (
    "Example: seawall preview --stack prod --comment comment.md. "
    "Exit codes: 0 done, 1 with --strict when something is replaced, deleted or recovers later, "
    "2 cannot tell (the engine's own lines)."
)
LOSING_OPS: Final = ("delete", "replace")
MARKER: Final = "<!-- seawall preview -->"  # by which a workflow finds its own comment again

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class RecoveryChange:
    """One predicted figure, in seconds at worst; `None` where there is none."""

    failure_class: str
    path: str
    measure: str
    before: float | None
    after: float | None

    @property
    def worse(self) -> bool:
        """Whether it takes longer, loses more, or is not recovered from any more."""
        return self.before is not None and (self.after is None or self.after > self.before)


@dataclass(frozen=True, slots=True)
class Review:
    """All that a reviewer should see."""

    stack: str
    steps: tuple[Step, ...]
    """Those that change something."""
    recovery: tuple[RecoveryChange, ...]
    """Every figure, changed or not."""
    before: Estimate
    after: Estimate
    prices: Prices

    @property
    def attention(self) -> list[str]:
        """What somebody must look at before this is merged, a line each."""
        lines = [f"{step.op}s {step.type} {step.name}" for step in self.steps if step.op in LOSING_OPS]
        return [*lines, *(f"worse {_case(one)}" for one in self.recovery if one.worse)]

    def as_markdown(self) -> str:
        """The comment's text."""
        return "\n".join([
            MARKER,
            f"### Seawall: preview of `{self.stack}`",
            "",
            *_changes(self.steps),
            *(f"- **{_cell(line)}**" for line in self.attention),
            "",
            *_recovery_table(self.recovery),
            "",
            *_cost_lines(self.before, self.after, self.prices),
            "",
        ])  # fmt: skip


def review(stack: str, found: Preview, prices: Prices) -> Review:
    """Work out what to show of a preview."""
    before, after = estimates(found, prices)
    steps = tuple(step for step in found.steps if step.changes)
    return Review(stack, steps, recovery_changes(found.outputs_before, found.outputs_after), before, after, prices)


def recovery_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[RecoveryChange, ...]:
    """The stack output `predictions` before and after: of several for one case, the slowest."""
    old, new = _slowest(before.get("predictions")), _slowest(after.get("predictions"))
    return tuple(RecoveryChange(*key, old.get(key), new.get(key)) for key in dict.fromkeys((*old, *new)))


def _slowest(predictions: object) -> dict[Key, float]:
    found: dict[Key, float] = {}
    for one in cast("Sequence[Mapping[str, Any]]", predictions if isinstance(predictions, list) else []):
        key = (str(one["failure_class"]), str(one["path"]), str(one["measure"]))
        found[key] = max(found.get(key, 0.0), float(one["worst_seconds"]))
    return found


def _case(one: RecoveryChange) -> str:
    what = "recovery time" if one.measure == "recovery_time_seconds" else "recovery point"
    return f"{what}: {one.failure_class} failure, {one.path}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _changes(steps: Sequence[Step]) -> list[str]:
    if not steps:
        return ["Nothing changes.", ""]
    counts = ", ".join(f"{count} {op}" for op, count in sorted(Counter(step.op for step in steps).items()))
    rows = [
        f"| {step.op} | {_cell(step.type)} | {_cell(step.name)} | {_cell(', '.join(step.properties)) or '-'} |"
        for step in sorted(steps, key=lambda step: (step.op, step.type, step.name))
    ]
    return [
        f"<details><summary>{counts}</summary>",
        "",
        "| | type | resource | in |",
        "| --- | --- | --- | --- |",
        *rows,
        "",
        "</details>",
        "",
    ]


def _recovery_table(changes: Sequence[RecoveryChange]) -> list[str]:
    if not changes:
        return ["No predicted recovery: the stack has no output `predictions`."]
    different = [one for one in changes if one.before != one.after]
    if not different:
        return ["Predicted recovery does not change."]
    return [
        "| predicted at worst | before | after |",
        "| --- | ---: | ---: |",
        *(f"| {_case(one)} | {_seconds(one.before)} | {_seconds(one.after)} |" for one in different),
    ]


def _seconds(value: float | None) -> str:
    return "none" if value is None else f"{value:g} s"


def _cost_lines(before: Estimate, after: Estimate, prices: Prices) -> list[str]:
    change = after.usd - before.usd
    shown = "does not change" if abs(change) < CENT else f"changes by **{change:+.2f} USD** from {before.usd:.2f}"
    return [
        f"The estimated monthly cost {shown}: **{after.usd:.2f} USD**.",
        "",
        "<details><summary>What that leaves out</summary>",
        "",
        *(f"- {_cell(line)}" for line in gaps(after, prices)),
        "",
        "</details>",
    ]


def preview_command(
    stack: Annotated[str, typer.Option("--stack", help="The stack to preview.")],
    folder: Annotated[Path, typer.Option("--cwd", help="The folder with Pulumi.yaml.")] = Path(),
    comment: Annotated[
        Path | None, typer.Option("--comment", help="Write the text here instead of showing it.")
    ] = None,
    price_file: Annotated[Path | None, typer.Option("--prices", help="Your own prices, over the table's.")] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 when something is replaced, deleted or recovers later.")
    ] = False,
    timeout: Annotated[int, typer.Option("--timeout-seconds", help="Then it cannot tell.", min=1)] = TIMEOUT_SECONDS,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Preview a stack, with the change of predicted recovery and of the monthly cost, as Markdown."""
    prices = load_prices(price_file)
    found = review(stack, preview(stack, folder, timeout=timeout), prices)
    text = json.dumps(_as_json(found), indent=2) if as_json else found.as_markdown()
    if comment is not None:
        comment.write_text(text + "\n", encoding="utf-8")
    else:
        typer.echo(text)
    if strict and found.attention:
        for line in found.attention:
            typer.echo(f"attention: {line}", err=True)
        raise typer.Exit(ExitCode.ATTENTION)


def _as_json(found: Review) -> dict[str, Any]:
    return {
        "stack": found.stack,
        "changes": [
            {"op": step.op, "type": step.type, "resource": step.name, "properties": list(step.properties)}
            for step in found.steps
        ],
        "recovery": [
            {
                "failure_class": one.failure_class,
                "path": one.path,
                "measure": one.measure,
                "worst_seconds": {"before": one.before, "after": one.after},
            }
            for one in found.recovery
        ],
        "usd_per_month": {"before": round(found.before.usd, 2), "after": round(found.after.usd, 2)},
        "attention": found.attention,
    }
