"""Situations as text for people and as data for programs."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from seawall_ops.dns import Fault, Outcome, Situation, Thing

__all__ = ["as_data", "failed_text", "show_one", "show_table"]


def failed_text(failed: Sequence[Thing]) -> str:
    """What has failed, in words."""
    return " + ".join(str(thing) for thing in failed) or "nothing"


def as_data(situation: Situation) -> dict[str, Any]:
    """A situation as JSON types. `share` is a ratio, rounded; the exact one is `share_exact`, e.g. `1/3`."""
    return {
        "client": str(situation.client),
        "failed": [str(thing) for thing in situation.failed],
        "because": situation.answer.because,
        "outcomes": [
            {
                "share": round(float(outcome.share), 6),
                "share_exact": str(outcome.share),
                "endpoints": [endpoint.rstrip(".") for endpoint in outcome.endpoints],
                "ttl_seconds": outcome.ttl_seconds,
                "dead": situation.is_dead(outcome),
                "path": list(outcome.lines),
            }
            for outcome in situation.answer.outcomes
        ],
        "faults": [
            {
                "rule": fault.rule.name,
                "source": fault.rule.source,
                "because": fault.because,
                "dead": [endpoint.rstrip(".") for endpoint in fault.dead],
                "live": [endpoint.rstrip(".") for endpoint in fault.live],
                "line": fault.line,
            }
            for fault in situation.faults
        ],
    }


def show_one(situation: Situation, console: Console) -> None:
    """The answer of one client with its whole path. Lines are left whole: a terminal wraps them, a log keeps them."""
    say = partial(console.print, soft_wrap=True)
    say(f"[bold]client: {escape(str(situation.client))}; failed: {escape(failed_text(situation.failed))}[/]")
    if situation.answer.because is not None:
        say(f"  no answer: {escape(situation.answer.because)}")
    for outcome in situation.answer.outcomes:
        if outcome.share < 1:
            say(f"  {float(outcome.share):.1%} of the queries:")
        for line in outcome.lines:
            say(f"  {escape(line)}")
    for fault in situation.faults:
        say(f"  [red]attention:[/] {escape(fault.line)}")


def show_table(situations: Sequence[Situation], console: Console) -> None:
    """A row per combination of failures, a column per client; then each kind of avoidable dead answer once."""
    clients = list(dict.fromkeys(str(situation.client) for situation in situations))
    table = Table("failed", *(f"client: {escape(client)}" for client in clients))
    rows: dict[tuple[Thing, ...], list[str]] = {}
    for situation in situations:
        rows.setdefault(situation.failed, []).append(_cell(situation))
    for failed, cells in rows.items():
        table.add_row(escape(failed_text(failed)), *cells)
    console.print(table)
    every = [(situation, fault) for situation in situations for fault in situation.faults]
    console.print(f"{len(rows)} combinations, {len(situations)} answers; ✗ is dead, ✗! is dead while another one lives")
    if not every:
        console.print("[green]no answer points at a dead endpoint while a live one exists[/]")
    for line, (situation, count) in _distinct(every).items():
        console.print(
            f"[red]attention:[/] {escape(line)}; {count} times, first when {escape(failed_text(situation.failed))} "
            f"failed, for client {escape(str(situation.client))}",
            soft_wrap=True,
        )


def _distinct(every: Sequence[tuple[Situation, Fault]]) -> dict[str, tuple[Situation, int]]:
    """By line, the first situation that has it, and how many do."""
    found: dict[str, tuple[Situation, int]] = {}
    for situation, fault in every:
        first, count = found.get(fault.line, (situation, 0))
        found[fault.line] = first, count + 1
    return found


def _cell(situation: Situation) -> str:
    if not situation.answer.outcomes:
        return "no answer"
    wrong = {id(fault.outcome) for fault in situation.faults}
    return "\n".join(_outcome(situation, outcome, id(outcome) in wrong) for outcome in situation.answer.outcomes)


def _outcome(situation: Situation, outcome: Outcome, wrong: bool) -> str:
    share = f"{float(outcome.share):.0%} " if outcome.share < 1 else ""
    ends = [f"{end.rstrip('.')}{' ✗' if end in situation.dead else ''}" for end in outcome.endpoints]
    text = escape(f"{share}{', '.join(ends) or 'no answer'}")
    return f"[red]{text}![/]" if wrong else text
