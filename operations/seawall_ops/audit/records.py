"""One record, and the digest by which the next one vouches for it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, cast

from seawall_ops.audit.facts import Fact, Unrecognized, decode, encode

__all__ = ["GENESIS", "VERSION", "Draft", "Record", "parse"]

VERSION: Final = 1  # of a record's form; later ones are read as far as they are understood
GENESIS: Final = ""  # what stands for the record before the first


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One thing that happened, with its place in a chain."""

    chain: str
    """Of the process that wrote it: one chain per opened trail."""
    sequence: int
    """From 1, without gaps within the chain."""
    previous: str
    """Digest of the record before; for the first of a chain that of the last one that its file held, or `GENESIS`."""
    operation: str
    at: datetime
    """The writer's wall clock, in UTC."""
    monotonic_seconds: float
    """The writer's monotonic clock: differences within one chain are true durations, whatever the wall clock did."""
    actor: str
    """The person or program on whose behalf."""
    host: str
    fence: int | None
    fact: Fact | Unrecognized
    digest: str
    line: str
    """The record as it is kept everywhere: one line of JSON, without its end."""

    @property
    def kind(self) -> str:
        """`vote`, `decision`, `fence`, `step`, `result`, or what a later Seawall wrote."""
        return self.fact.name if isinstance(self.fact, Unrecognized) else self.fact.kind.value

    @property
    def key(self) -> str:
        """Unique among all records: `<chain>/<sequence>`."""
        return f"{self.chain}/{self.sequence}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a record says, before it has a place in a chain."""

    operation: str
    at: datetime
    monotonic_seconds: float
    actor: str
    host: str
    fence: int | None
    fact: Fact

    def chained(self, chain: str, sequence: int, previous: str) -> Record:
        """The record at that place."""
        content: dict[str, object] = {
            "version": VERSION,
            "chain": chain,
            "sequence": sequence,
            "previous": previous,
            "operation": self.operation,
            "at": self.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "monotonic_seconds": self.monotonic_seconds,
            "actor": self.actor,
            "host": self.host,
            "fence": self.fence,
            "kind": self.fact.kind.value,
            "facts": encode(self.fact),
        }
        return _record({**content, "digest": digest_of(content)})


def digest_of(content: Mapping[str, object]) -> str:
    """SHA-256 of a record's canonical JSON without its own digest."""
    return hashlib.sha256(_canonical({key: content[key] for key in content if key != "digest"}).encode()).hexdigest()


def parse(line: str) -> Record | None:
    """The record on a line; `None` when it is none: torn, or something else. Whether its digest is right is not looked at."""
    try:
        content = json.loads(line)
        return _record(cast("Mapping[str, object]", content))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _record(content: Mapping[str, object]) -> Record:
    at = datetime.fromisoformat(_text(content, "at"))
    fence, facts, sequence, monotonic = (content[name] for name in ("fence", "facts", "sequence", "monotonic_seconds"))
    if not (at.tzinfo and isinstance(sequence, int) and isinstance(monotonic, int | float) and isinstance(facts, dict)):
        raise ValueError("not a record")
    return Record(
        chain=_text(content, "chain"),
        sequence=sequence,
        previous=_text(content, "previous"),
        operation=_text(content, "operation"),
        at=at,
        monotonic_seconds=float(monotonic),
        actor=_text(content, "actor"),
        host=_text(content, "host"),
        fence=fence if isinstance(fence, int) else None,
        fact=decode(_text(content, "kind"), cast("Mapping[str, object]", facts)),
        digest=_text(content, "digest"),
        line=_canonical(content),
    )


def _text(content: Mapping[str, object], name: str) -> str:
    value = content[name]
    if not isinstance(value, str):
        raise TypeError(name)
    return value


def _canonical(content: Mapping[str, object]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
