"""The record of what operators' tools did: every vote, decision, fence, step and result, appended and never changed.

`Trail` writes it: to a file of JSON lines at once, and behind it to sinks that a disaster here does not reach. Each record
carries the digest of the one before, so that `verify` notices what was removed or changed. `seawall audit` reads it.
"""

from seawall_ops.audit.facts import Decision, Fact, Fence, Kind, Result, StepPhase, Unrecognized, Vote
from seawall_ops.audit.files import AuditFile, TornLine
from seawall_ops.audit.forwarding import SinkState
from seawall_ops.audit.objects import S3Sink
from seawall_ops.audit.records import Record
from seawall_ops.audit.sinks import Sink
from seawall_ops.audit.tables import TableSink
from seawall_ops.audit.trail import Trail, send_all
from seawall_ops.audit.verifying import Fault, Finding, compare, verify

__all__ = [
    "AuditFile",
    "Decision",
    "Fact",
    "Fault",
    "Fence",
    "Finding",
    "Kind",
    "Record",
    "Result",
    "S3Sink",
    "Sink",
    "SinkState",
    "StepPhase",
    "TableSink",
    "TornLine",
    "Trail",
    "Unrecognized",
    "Vote",
    "compare",
    "send_all",
    "verify",
]
