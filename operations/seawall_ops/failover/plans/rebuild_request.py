"""What a rebuild is asked to do: which member is to follow which writer. Pure."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Self, cast

from seawall.errors import MISSING, InvalidInput
from seawall_ops.steps import Scalar, Values

__all__ = ["Rebuild"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuild:
    """An old writer that is to be a replica again.

    Raises:
        InvalidInput: The member is to follow itself, the limit is not above 0, or a text is not one line.
    """

    cluster: str
    """As the board has it."""
    member: str
    """What is rebuilt."""
    region: str
    """In which the member is: it may be the primary again, too, if it was fenced."""
    writer: str
    """Whom the member is to follow: the writer that is live."""
    reason: str
    opened_by: str
    """Who answers for it."""
    lag_limit_seconds: float
    """The most that it may be behind before its fence is lifted."""
    release_name: bool = False
    """Whether the name is let go that a failover has forced to another region: the health checks decide again."""

    def __post_init__(self) -> None:
        if self.member == self.writer:
            raise InvalidInput("writer", self.writer, allowed="another member than the one that is rebuilt")
        if not self.lag_limit_seconds > 0:
            raise InvalidInput("lag_limit_seconds", self.lag_limit_seconds, allowed="above 0 seconds")
        for name in ("cluster", "member", "region", "writer", "reason", "opened_by"):
            value = getattr(self, name)
            if not value.strip() or not value.isprintable():
                raise InvalidInput(name, value, allowed="one line, for the record")

    def __str__(self) -> str:
        return f"{self.member} is to follow {self.writer} again"

    @property
    def inputs(self) -> Values:
        """All of it as plain values: for the plan's digest, and to be kept."""
        return {each.name: cast("Scalar", getattr(self, each.name)) for each in dataclasses.fields(self)}

    @classmethod
    def from_inputs(cls, inputs: Values) -> Self:
        """The same from what `inputs` gave.

        Raises:
            InvalidInput: A value is missing, unknown or not allowed.
        """
        try:
            return cls(**cast("dict[str, Any]", dict(inputs)))
        except (TypeError, AttributeError) as error:
            raise InvalidInput("rebuild", MISSING, allowed="every value of a rebuild", because=str(error)) from error
