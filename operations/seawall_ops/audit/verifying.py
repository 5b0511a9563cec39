"""Whether a record is whole: what the digests, the sequences and a second place say.

A chain notices what was changed in it or taken out of its middle or its front. It cannot notice that its last records are
gone, nor that somebody with the same rights wrote all of it anew: for that there are a second place, and Object Lock.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import cast

from seawall_ops.audit.files import TornLine
from seawall_ops.audit.records import GENESIS, Record, digest_of

__all__ = ["Fault", "Finding", "compare", "verify"]


class Fault(Enum):
    """What is wrong with a record."""

    CHANGED = "changed"
    MISSING = "missing"
    TWICE = "twice"
    DAMAGED = "damaged"
    NOT_THERE = "not there"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was written."""

    fault: Fault
    where: str
    """A record `<chain>/<sequence>`, or a line of a file."""
    because: str


def verify(found: Iterable[Record | TornLine]) -> tuple[Finding, ...]:
    """What is wrong in one place: a file, or several that follow each other, or a sink.

    A torn line at the end of a file is no finding: a crash leaves one, and its record was never acknowledged.
    """
    everything = list(found)
    records = [each for each in everything if isinstance(each, Record)]
    torn = [each for each in everything if isinstance(each, TornLine) and not each.last]
    digests = {record.digest for record in records}
    chains: dict[str, list[Record]] = {}
    for record in records:
        chains.setdefault(record.chain, []).append(record)
    findings = [
        Finding(Fault.CHANGED, one.key, "its digest is not that of what it says") for one in records if not _own(one)
    ]
    for chain in chains.values():
        findings += _chain(sorted(chain, key=lambda one: one.sequence), digests)
    # A crash in the middle of the file's life tears a line, too; then no record is missing, and its chain ended there.
    if any(finding.fault is Fault.MISSING for finding in findings):
        findings += [
            Finding(Fault.DAMAGED, f"line {one.number}", f"{one.length_bytes} bytes are no record") for one in torn
        ]
    return tuple(findings)


def compare(ours: Mapping[str, Sequence[Record]]) -> tuple[Finding, ...]:
    """What places do not agree on; what one has not received yet looks the same as what it lost."""
    known: dict[str, dict[str, Record]] = {
        place: {record.key: record for record in records} for place, records in ours.items()
    }
    everywhere: dict[str, Record] = {}
    for records in known.values():
        everywhere = {**records, **everywhere}
    findings: list[Finding] = []
    for key, record in sorted(everywhere.items()):
        for place, records in known.items():
            other = records.get(key)
            if other is None:
                findings.append(Finding(Fault.NOT_THERE, key, f"{place} does not have it"))
            elif other.digest != record.digest:
                findings.append(Finding(Fault.DIFFERS, key, f"{place} has another one"))
    return tuple(findings)


def _own(record: Record) -> bool:
    return digest_of(cast("Mapping[str, object]", json.loads(record.line))) == record.digest


def _chain(records: Sequence[Record], digests: set[str]) -> list[Finding]:
    first, findings = records[0], list[Finding]()
    if first.sequence != 1:
        findings.append(Finding(Fault.MISSING, f"{first.chain}/1", f"the chain begins at {first.sequence}"))
    elif first.previous not in (GENESIS, *digests):
        findings.append(Finding(Fault.MISSING, first.key, "the record that it follows is not there"))
    for one, two in pairwise(records):
        if two.sequence == one.sequence:
            if two.digest != one.digest:
                findings.append(Finding(Fault.TWICE, two.key, "two records claim this place"))
        elif two.sequence != one.sequence + 1:
            span = f"{one.sequence + 1} to {two.sequence - 1}"
            findings.append(Finding(Fault.MISSING, f"{one.chain}/{one.sequence + 1}", f"records {span} are not there"))
        elif two.previous != one.digest:
            findings.append(Finding(Fault.CHANGED, one.key, f"{two.key} vouches for another digest"))
    return findings
