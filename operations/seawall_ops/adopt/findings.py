"""What an adoption says beside its configuration: what stays outside, and what somebody should know or decide."""

from dataclasses import dataclass, field

__all__ = ["Findings", "Refusal"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that exists and cannot be adopted."""

    what: str
    """Kind and name, e.g. `health check 1234`."""
    because: str
    """Why, and what to do about it; one line."""

    def __str__(self) -> str:
        return f"{self.what}: {self.because}"


@dataclass(slots=True)
class Findings:
    """Collected while a proposal is made."""

    refusals: list[Refusal] = field(default_factory=list[Refusal])
    notes: list[str] = field(default_factory=list[str])
    """What the adoption changes in place, and what it could not know."""

    def refuse(self, what: str, because: str) -> None:
        """Note something that stays outside."""
        self.refusals.append(Refusal(what, because))

    def note(self, line: str) -> None:
        """Note something to know; each line once."""
        if line not in self.notes:
            self.notes.append(line)
