"""The command `seawall cost`: a month of a stack, or of what a preview would make of it."""

import json
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from seawall_ops.cost.estimate import Estimate, Kind, estimate
from seawall_ops.cost.prices import Prices, load_prices
from seawall_ops.engine import Preview, read_document
from seawall_ops.files import reading
from seawall_ops.tables import print_table

__all__ = ["CENT", "EPILOG", "cost", "estimates", "gaps"]

EPILOG: Final = (
    "Example: pulumi stack export --stack prod | seawall cost. "
    "Exit codes: 0 done, 2 wrong input. What has no price, and what costs by use, is named and not in the sum."
)
STDIN: Final = "-"
CENT: Final = 0.005  # US dollars: less than half a cent is no change


def estimates(found: Preview, prices: Prices) -> tuple[Estimate, Estimate]:
    """What a month costs before and after a preview."""
    before = [(step.type, step.name, step.before) for step in found.steps if step.before is not None]
    after = [(step.type, step.name, step.after) for step in found.steps if step.after is not None]
    return estimate(before, prices), estimate(after, prices)


def gaps(found: Estimate, prices: Prices) -> list[str]:
    """What the sum leaves out, a line each."""
    lines = [
        f"list prices of {' to '.join(dict.fromkeys((prices.dates[0], prices.dates[-1])))}; no free tier, tax or discount"
    ]
    for kind, words in ((Kind.USAGE, "by use, not included"), (Kind.UNKNOWN, "NO PRICE KNOWN, not included")):
        reasons = {f"{line.type} ({line.because})": None for line in found.of(kind)}
        lines += [f"{words}: {reason}" for reason in sorted(reasons)]
    return lines


def cost(
    file: Annotated[
        str,
        typer.Option("--file", help="Of `pulumi stack export`, or `pulumi preview --json --show-sames`; - is stdin."),
    ] = STDIN,
    price_file: Annotated[Path | None, typer.Option("--prices", help="Your own prices, over the table's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Estimate what a stack costs per month, in US dollars, from a table of list prices. No network."""
    prices = load_prices(price_file)
    with reading("--file", file):
        text = sys.stdin.read() if file == STDIN else Path(file).read_text(encoding="utf-8")
    before, after = estimates(read_document(text, "--file" if file == STDIN else file), prices)
    if as_json:
        document = {
            "usd_per_month": {"before": round(before.usd, 2), "after": round(after.usd, 2)},
            "lines": [
                {
                    "type": one.type,
                    "name": one.name,
                    "kind": one.kind.value,
                    "usd": round(one.usd, 2),
                    "because": one.because,
                }
                for one in after.lines
            ],
            "prices_of": list(prices.dates),
        }
        typer.echo(json.dumps(document, indent=2))
        return
    dearest = sorted(after.of(Kind.PRICED), key=lambda one: (-one.usd, one.type, one.name))
    rows = [(line.name, line.type, f"{line.usd:.2f}", line.because) for line in dearest]
    print_table(("resource", "type", "USD a month", "what"), rows)
    changed = "" if abs(before.usd - after.usd) < CENT else f" (now {before.usd:.2f})"
    typer.echo(f"{after.usd:.2f} USD a month{changed}")
    for line in gaps(after, prices):
        typer.echo(f"- {line}")
