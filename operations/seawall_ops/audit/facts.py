"""What may be recorded: one typed kind each for a vote, a decision, a fence, a step and a result."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Final, Literal

from seawall_ops.audit.scrubbing import scrubbed

__all__ = ["Decision", "Fact", "Fence", "Kind", "Result", "StepPhase", "Unrecognized", "Vote", "decode", "encode"]


class Kind(Enum):
    """The kind of a record."""

    VOTE = "vote"
    DECISION = "decision"
    FENCE = "fence"
    STEP = "step"
    RESULT = "result"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """What one observer says of one subject."""

    kind: ClassVar[Kind] = Kind.VOTE
    observer: str
    domain: str
    """The failure domain that it looks from, e.g. `eu-central-1`."""
    subject: str
    """What it looks at, e.g. `eu-west-1`."""
    verdict: Literal["healthy", "unhealthy", "unknown"]
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was decided, by a rule or by a person: a trip, a recommendation, a confirmation, a pause."""

    kind: ClassVar[Kind] = Kind.DECISION
    subject: str
    """What it is about, e.g. `eu-west-1`, or a step's name."""
    decision: str
    """E.g. `fail over`, `recommend`, `pass the point of no return`, `paused`."""
    because: str
    """The rule with its numbers, or the reason that a person gave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """What keeps an old holder from writing."""

    kind: ClassVar[Kind] = Kind.FENCE
    subject: str
    """Who is fenced, e.g. `database shop in eu-west-1`."""
    method: str
    """E.g. `network ACL`, `sessions terminated`, `epoch 7 expired`."""
    state: Literal["requested", "confirmed", "failed", "lifted"]
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPhase:
    """One phase of one step began or ended."""

    kind: ClassVar[Kind] = Kind.STEP
    plan: str
    step: str
    phase: Literal["observe", "precheck", "apply", "verify", "undo"]
    outcome: Literal["begun", "done", "already so", "refused", "failed", "not so yet", "timed out"]
    because: str = ""
    """What was seen, or what is in the way."""
    seconds: float | None = None
    """How long it took; `None` when it began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How an operation ended, or where it rests."""

    kind: ClassVar[Kind] = Kind.RESULT
    plan: str
    end: Literal["done", "undone", "stopped", "stuck"]
    because: str
    next: str = ""
    """What to do next; empty when nothing is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrecognized:
    """A kind of a later Seawall: kept as it is, so that an old reader can verify a new trail."""

    name: str
    values: Mapping[str, object]


Fact = Vote | Decision | Fence | StepPhase | Result

_TYPES: Final[Mapping[str, type[Fact]]] = {each.kind.value: each for each in (Vote, Decision, Fence, StepPhase, Result)}


def encode(fact: Fact) -> dict[str, object]:
    """The fact as plain data. Texts that look like a secret are replaced, never refused: a record is not to be lost."""
    values = {field.name: getattr(fact, field.name) for field in dataclasses.fields(fact)}
    return {name: scrubbed(value) if isinstance(value, str) else value for name, value in values.items()}


def decode(kind: str, values: Mapping[str, object]) -> Fact | Unrecognized:
    """The fact of plain data; `Unrecognized` where it is none that this Seawall knows."""
    type_ = _TYPES.get(kind)
    if type_ is None or not _fits(type_, values):
        return Unrecognized(name=kind, values=dict(values))
    return type_(**values)  # pyright: ignore[reportArgumentType]  # _fits has looked


def _fits(type_: type[Fact], values: Mapping[str, object]) -> bool:
    hints = {name: hint for name, hint in typing.get_type_hints(type_).items() if name != "kind"}
    needed = {field.name for field in dataclasses.fields(type_) if field.default is dataclasses.MISSING}
    return needed <= set(values) <= set(hints) and all(_is(value, hints[name]) for name, value in values.items())


def _is(value: object, hint: object) -> bool:
    if typing.get_origin(hint) is Literal:
        return value in typing.get_args(hint)
    if isinstance(hint, types.UnionType):
        return any(_is(value, each) for each in typing.get_args(hint))
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(hint, type) and isinstance(value, hint)
