"""What a failover is asked to do: who hands over to whom, and under which conditions. Pure."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Final, Self, cast, get_args

from seawall.errors import MISSING, InvalidInput
from seawall.timing import FailureClass
from seawall_ops.failover.ledger import Operation
from seawall_ops.steps import Scalar, Values

__all__ = ["CATCH_UP_SECONDS", "Handover"]

CATCH_UP_SECONDS: Final = 60.0  # for a replica to replay what a fenced writer has written: seconds of log, as a rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """From one writer, or one region, to another one.

    Raises:
        InvalidInput: Nothing moves, a number is out of bounds, a reason is empty, or one is given to act by itself on it.
    """

    cluster: str
    """As the board has it."""
    service: str
    environment: str
    failure_class: FailureClass
    """What is lost, or is to be given up."""
    old_region: str
    """The primary region so far."""
    new_region: str
    """The primary region from then on; the same where only the writer moves."""
    old_writer: str | None = None
    """`None` where there is no database."""
    new_writer: str | None = None
    """The same where only the region moves."""
    epoch: int
    """Of the topology that was decided by: nothing is done once roles have changed since."""
    reason: str
    opened_by: str
    """Who: an observer, or a person."""
    automatic: bool = False
    """Whether a quorum decided it, and no person."""
    lag_limit_seconds: float
    """The most that a replica may be behind."""
    lag_accepted_because: str | None = None
    """Why a lag that cannot be measured any more, or is above the limit, is accepted: a quorum's word from when the writer
    was last seen, or a person's reason."""
    epoch_lease_seconds: float | None = None
    """The `ttl_seconds` of the `EpochLease` that every app has; `None`: not every one has it, and nothing can be waited for."""
    unfenced_because: str | None = None
    """A person's reason to go on although the old writer cannot be fenced."""

    def __post_init__(self) -> None:
        if (self.old_writer is None) != (self.new_writer is None):
            raise InvalidInput(
                "new_writer", self.new_writer, allowed="one if there is an old one, none if there is none"
            )
        if not self.moves_writer and not self.moves_region:
            raise InvalidInput(
                "new_region", self.new_region, allowed=f"another one than {self.old_region}, or another writer"
            )
        for name in ("lag_limit_seconds", "epoch_lease_seconds"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise InvalidInput(name, value, allowed="above 0 seconds, and finite")
        if self.epoch < 0:
            raise InvalidInput("epoch", self.epoch, allowed="0 or more")
        for name in ("reason", "opened_by", "lag_accepted_because", "unfenced_because"):
            value = getattr(self, name)
            if value is not None and (not value.strip() or not value.isprintable()):
                raise InvalidInput(name, value, allowed="one line, for the record")
        if self.automatic and self.unfenced_because is not None:
            raise InvalidInput(
                "unfenced_because", self.unfenced_because, allowed="only a person's: no machine goes on unfenced"
            )

    @property
    def moves_writer(self) -> bool:
        """Whether another member is to be the writer."""
        return self.old_writer != self.new_writer

    @property
    def moves_region(self) -> bool:
        """Whether another region is to be the primary."""
        return self.old_region != self.new_region

    @property
    def last_epoch(self) -> int:
        """Of the document that names the new roles; where a writer moves, one was announced before it."""
        return self.epoch + (2 if self.moves_writer else 1)

    @property
    def kind(self) -> str:
        """Part of the plan's name: `region`, `writer` or `endpoint`."""
        return self.failure_class.value

    @property
    def fenced(self) -> tuple[str, ...]:
        """Members and regions that must not take over before somebody has rebuilt them."""
        lost = (self.old_region,) if self.failure_class is FailureClass.REGION else ()
        return (*((self.old_writer,) if self.moves_writer and self.old_writer else ()), *lost)

    def __str__(self) -> str:
        writer = f"writer {self.old_writer} to {self.new_writer}" if self.moves_writer else ""
        region = f"primary region {self.old_region} to {self.new_region}" if self.moves_region else ""
        return ", ".join(each for each in (writer, region) if each)

    def as_operation(self, id_: str, fence: int) -> Operation:
        """The ledger's entry."""
        return Operation(
            id=id_,
            opened_by=self.opened_by,
            automatic=self.automatic,
            fence=fence,
            epoch=self.epoch,
            target=str(self),
            reason=self.reason,
        )

    @property
    def inputs(self) -> Values:
        """All of it as plain values: for the plan's digest, and to be kept."""
        return {each.name: _plain(getattr(self, each.name)) for each in dataclasses.fields(self)}

    @classmethod
    def from_inputs(cls, inputs: Values) -> Self:
        """The same from what `inputs` gave.

        Raises:
            InvalidInput: A value is missing, unknown or not allowed.
        """
        known = {each.name for each in dataclasses.fields(cls)}
        for name in inputs:
            if name not in known:
                raise InvalidInput(name, inputs[name], allowed=f"one of {', '.join(sorted(known))}")
        values = dict(cast("dict[str, object]", dict(inputs)))
        try:
            values["failure_class"] = FailureClass(values["failure_class"])
            for each in dataclasses.fields(cls):
                if each.name in values and not _fits(values[each.name], each.type):
                    raise InvalidInput(
                        each.name, values[each.name], allowed=f"a value of its kind, {_kinds(each.type)}"
                    )
            return cls(**values)  # pyright: ignore[reportArgumentType]
        except (KeyError, TypeError) as error:
            raise InvalidInput("handover", MISSING, allowed="every value of a handover", because=str(error)) from error
        except ValueError as error:
            if isinstance(error, InvalidInput):
                raise
            allowed = ", ".join(each.value for each in FailureClass)
            raise InvalidInput("failure_class", values["failure_class"], allowed=allowed) from error


def _fits(value: object, kind: Any) -> bool:
    """Whether a kept value is what a field may hold; a whole number may stand for a float, and `True` is no number."""
    kinds = get_args(kind) or (kind,)
    if isinstance(value, bool):
        return bool in kinds
    return isinstance(value, (*kinds, int) if float in kinds else kinds)


def _kinds(kind: Any) -> str:
    return " or ".join("none" if each is type(None) else each.__name__ for each in get_args(kind) or (kind,))


def _plain(value: object) -> Scalar:
    return value.value if isinstance(value, FailureClass) else cast("Scalar", value)
