"""A preview and a result for people and for scripts, and the one way in which commands run an operation: dry by default."""

import json
from collections.abc import Sequence

import typer

from seawall.timing import Term
from seawall_ops.exits import ExitCode
from seawall_ops.steps.model import Phase
from seawall_ops.steps.operation import Operation
from seawall_ops.steps.preview import Preview
from seawall_ops.steps.results import Result, StepOutcome
from seawall_ops.tables import print_table

__all__ = ["conduct", "preview_as_dict", "print_result", "result_as_dict", "show_preview", "show_result"]


def conduct(operation: Operation, *, execute: bool, as_json: bool) -> ExitCode:
    """Show the plan; with `execute` run it, and show how it ended.

    Returns:
        The exit code: `DONE` for a dry run that nothing is in the way of, `ATTENTION` for one that would be refused,
        and that of the result otherwise.

    Raises:
        OperationInProgress: It was begun before, or runs in another process.
        InvalidInput: Its journal is broken, or of another version or plan.
    """
    if not execute:
        preview = operation.preview()
        if as_json:
            typer.echo(json.dumps({"dry_run": True, **preview_as_dict(preview)}, indent=2))
        else:
            show_preview(preview)
            typer.echo("dry run: nothing was changed")
        return ExitCode.ATTENTION if preview.refusal else ExitCode.DONE
    if not as_json:
        show_preview(operation.preview())
    result = operation.run()
    print_result(result, as_json=as_json)
    return result.exit_code


def print_result(result: Result, *, as_json: bool) -> None:
    """How it ended, for people or as one JSON document."""
    if as_json:
        typer.echo(json.dumps(result_as_dict(result), indent=2))
    else:
        show_result(result)


def show_preview(preview: Preview) -> None:
    """A line per step: what it does, how things are, what a run would do, and how long that may take."""
    typer.echo(f"{preview.plan}: {preview.summary} (operation {preview.operation})")
    rows = [
        (
            f"{number}. {step.name}",
            step.what,
            f"{step.seen.value}: {step.shown}",
            step.will.value + (" — then there is no way back" if step.no_return else ""),
            _span(step.terms),
        )
        for number, step in enumerate(preview.steps, 1)
    ]
    print_table(("step", "does", "now", "will", "predicted"), rows)
    if preview.refusal:
        typer.echo(f"in the way: {preview.refusal}")


def preview_as_dict(preview: Preview) -> dict[str, object]:
    """The preview as plain data."""
    return {
        "operation": preview.operation,
        "plan": preview.plan,
        "summary": preview.summary,
        "changes": preview.changes,
        "in_the_way": preview.refusal,
        "steps": [
            {
                "name": step.name,
                "what": step.what,
                "now": step.seen.value,
                "shown": step.shown,
                "will": step.will.value,
                "no_return": step.no_return,
                "undo": step.undo,
                "in_the_way": step.refusal,
                "predicted": [term.as_dict() for term in step.terms],
            }
            for step in preview.steps
        ],
    }


def show_result(result: Result) -> None:
    """A line per phase with its seconds beside the predicted ones, then the end and what to do next."""
    print_table(("step", "is", "phase", "measured", "predicted"), [row for step in result.steps for row in _rows(step)])
    typer.echo(f"{result.end}: {result.because} (operation {result.operation})")
    for number, line in enumerate(result.next):
        typer.echo(f"{'or' if number else 'next'}: {line}")


def result_as_dict(result: Result) -> dict[str, object]:
    """The result as plain data."""
    return {
        "operation": result.operation,
        "plan": result.plan,
        "end": result.end,
        "because": result.because,
        "next": list(result.next),
        "interrupted": result.interrupted,
        "steps": [
            {
                "name": step.name,
                "what": step.what,
                "status": step.status.value,
                "phases": [
                    {
                        "phase": timing.phase.value,
                        "seconds": timing.seconds,
                        "predicted": None if timing.predicted is None else timing.predicted.as_dict(),
                    }
                    for timing in step.timings
                ],
            }
            for step in result.steps
        ],
    }


def _rows(step: StepOutcome) -> list[tuple[str, str, str, str, str]]:
    """A row per phase: the sum over all runs."""
    rows: list[tuple[str, str, str, str, str]] = []
    for phase in Phase:
        timings = [timing for timing in step.timings if timing.phase is phase]
        if timings:
            predicted = [timing.predicted for timing in timings[:1] if timing.predicted is not None]
            seconds = sum(timing.seconds for timing in timings)
            name, status = ("", "") if rows else (step.name, step.status.value)
            rows.append((name, status, phase.value, f"{seconds:.3g} s", _span(predicted)))
    return rows or [(step.name, step.status.value, "-", "-", "-")]


def _span(terms: Sequence[Term]) -> str:
    if not terms:
        return "-"
    typical, worst = (sum(getattr(term, f"{kind}_seconds") for term in terms) for kind in ("typical", "worst"))
    sources = ", ".join(dict.fromkeys(term.source.value for term in terms))
    return f"{typical:.3g} to {worst:.3g} s ({sources})"
