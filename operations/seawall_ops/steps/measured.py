"""What a run measured, in the form in which drills write it back into predictions."""

from datetime import date
from itertools import groupby

from seawall.timing import Measurement, Source
from seawall_ops.steps.results import Done, Result

__all__ = ["measurements"]


def measurements(result: Result, source: Source, on: date) -> tuple[Measurement, ...]:
    """One measurement per predicted term: the seconds of all phases at which the term stands, pauses between polls included.

    None of an operation that did not end well, or that took more than one run: its times are no times of the thing.

    Args:
        result: Of an operation.
        source: Where it ran: `MEASURED_LOCALLY` or `MEASURED_IN_ACCOUNT`.
        on: The day.

    Raises:
        InvalidInput: `source` is not a measured one.
    """
    if not isinstance(result, Done) or result.interrupted:
        return ()
    timings = [timing for step in result.steps for timing in step.timings if timing.predicted is not None]
    named = sorted(
        ((timing.predicted.name, timing.seconds) for timing in timings if timing.predicted), key=lambda x: x[0]
    )
    when = f"{on.isoformat()}, operation {result.operation}"
    return tuple(
        Measurement(term=name, typical_seconds=seconds, worst_seconds=seconds, source=source, when=when)
        for name, seconds in ((name, sum(each for _, each in group)) for name, group in groupby(named, lambda x: x[0]))
    )
