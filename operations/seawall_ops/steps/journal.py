"""The journal of one operation: what was begun, what was done, and what an undo needs. Written before each phase and after it.

It holds the digest of the plan, not the plan: whoever resumes makes the plan again from the same inputs, and one that
differs is refused. What stands in it is plain text; a prior value that looks like a secret is refused before it is kept.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, Protocol, cast

from seawall.errors import InvalidInput
from seawall_ops.steps.model import Phase, Plan, Scalar, Values
from seawall_ops.steps.results import Status

__all__ = [
    "VERSION",
    "Direction",
    "Journal",
    "JournalStore",
    "Progress",
    "Seconds",
    "begin",
    "dump",
    "parse",
    "refuse_other",
]

VERSION: Final = 1  # of the journal's form
SHOWN_DIGITS: Final = 12  # of a digest in a message


class Direction(Enum):
    """Where an operation is going."""

    FORWARD = "forward"
    BACK = "back"


@dataclass(frozen=True, slots=True)
class Seconds:
    """What a phase took."""

    phase: Phase
    seconds: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one step is."""

    name: str
    status: Status = Status.PENDING
    prior: Values = dataclasses.field(default_factory=dict[str, Scalar])
    timings: tuple[Seconds, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """How far an operation is. Never changed: each change is a new one, one revision on."""

    operation: str
    plan: str
    plan_version: int
    plan_digest: str
    fence: int | None
    """The guard's number of the run that wrote it last."""
    revision: int
    """Counts up with every write."""
    runs: int
    """How many processes have taken it up."""
    direction: Direction
    because: str
    """Why it goes back; empty on the way forward."""
    current: str
    """The phase that is under way, `step: phase`; empty between phases."""
    end: str
    """`done` or `undone` once it is; empty before."""
    steps: tuple[Progress, ...]

    def with_step(self, position: int, **changes: object) -> "Journal":
        """The journal with one step changed."""
        steps = list(self.steps)
        steps[position] = replace(steps[position], **changes)  # pyright: ignore[reportArgumentType]
        return replace(self, steps=tuple(steps))


class JournalStore(Protocol):
    """Where journals are kept: on this machine, or where another operator's machine reaches them."""

    def read(self, operation: str) -> Journal | None:
        """The journal; `None` where the operation was never begun.

        Raises:
            InvalidInput: It is of another version, or broken.
        """
        ...

    def write(self, journal: Journal) -> None:
        """Keep it, durably, in place of the revision before.

        Raises:
            OperationInProgress: Somebody else wrote it meanwhile, or holds a newer fence.
        """
        ...


def begin(operation: str, plan: Plan, fence: int | None) -> Journal:
    """The journal of an operation of which nothing is done."""
    return Journal(
        operation=operation,
        plan=plan.name,
        plan_version=plan.version,
        plan_digest=plan.digest,
        fence=fence,
        revision=0,
        runs=0,
        direction=Direction.FORWARD,
        because="",
        current="",
        end="",
        steps=tuple(Progress(step.name) for step in plan.steps),
    )


def refuse_other(journal: Journal, plan: Plan) -> None:
    """Refuse to go on with a plan that is not the one that was begun.

    Raises:
        InvalidInput: Its name, version, steps or inputs differ.
    """
    begun, given = f"{journal.plan} version {journal.plan_version}", f"{plan.name} version {plan.version}"
    if begun != given:
        raise InvalidInput("plan", given, allowed=f"{begun}, of which operation {journal.operation} was begun")
    if journal.plan_digest != plan.digest:
        raise InvalidInput(
            "plan",
            f"{given}, digest {plan.digest[:SHOWN_DIGITS]}",
            allowed=f"the steps and inputs with which operation {journal.operation} was begun",
            because=f"its journal has digest {journal.plan_digest[:SHOWN_DIGITS]}",
        )


def dump(journal: Journal) -> str:
    """The journal as JSON."""
    content = {
        **{
            field.name: getattr(journal, field.name)
            for field in dataclasses.fields(journal)
            if field.name not in ("direction", "steps")
        },
        "version": VERSION,
        "direction": journal.direction.value,
        "steps": [
            {
                "name": step.name,
                "status": step.status.value,
                "prior": dict(step.prior),
                "timings": [[each.phase.value, each.seconds] for each in step.timings],
            }
            for step in journal.steps
        ],
    }
    return json.dumps(content)


def parse(text: str, where: str) -> Journal:
    """The journal of JSON.

    Args:
        text: What `dump` wrote.
        where: Where it was read, for the message.

    Raises:
        InvalidInput: It is of another version, or broken.
    """
    try:
        content = cast("dict[str, object]", json.loads(text))
        version = content["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput("journal", where, allowed="a journal of an operation", because="it is broken") from error
    if version != VERSION:
        raise InvalidInput(
            "journal",
            f"{where}, version {version}",
            allowed=f"version {VERSION}",
            because="this Seawall wrote no other",
        )
    try:
        fields = {field.name: content[field.name] for field in dataclasses.fields(Journal)}
        steps = tuple(_progress(each) for each in cast("list[Mapping[str, object]]", fields["steps"]))
        made = {**fields, "direction": Direction(fields["direction"]), "steps": steps}
        return Journal(**made)  # pyright: ignore[reportArgumentType]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput("journal", where, allowed="a journal of an operation", because="it is broken") from error


def _progress(content: Mapping[str, object]) -> Progress:
    timings = cast("list[tuple[str, float]]", content["timings"])
    return Progress(
        name=str(content["name"]),
        status=Status(content["status"]),
        prior=dict(cast("Values", content["prior"])),
        timings=tuple(Seconds(Phase(phase), float(seconds)) for phase, seconds in timings),
    )
