"""Votes and ledgers as JSON: what stands on the board. Unknown keys are ignored, so that versions can follow one another."""

import functools
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast

from seawall.errors import InvalidInput
from seawall_ops.failover.ledger import Ledger, Operation, OperationState, Pause
from seawall_ops.failover.votes import Health, MemberState, Subject, Verdict, Vote

__all__ = ["LARGEST_RECORD_BYTES", "dump_ledger", "dump_vote", "parse_ledger", "parse_vote"]

SCHEMA_VERSION: Final = 1
LARGEST_RECORD_BYTES: Final = 65_536  # a vote with its most verdicts; DynamoDB's own limit is 400 KB
KEPT: Final = 64  # two of each observer that fits on a board


def dump_vote(vote: Vote) -> str:
    """A vote as it is kept.

    Raises:
        InvalidInput: It is too large.
    """
    return _dump(
        "vote",
        {
            "observer": vote.observer,
            "domain": vote.domain,
            "boot": vote.boot,
            "sequence": vote.sequence,
            "epoch": vote.epoch,
            "verdicts": [_verdict(each) for each in vote.verdicts],
            "isolated": vote.isolated,
            "watched": dict(vote.watched),
            "thinks": vote.thinks,
        },
    )


@functools.lru_cache(maxsize=KEPT)  # the board is read several times per vote, and a vote is a frozen value
def parse_vote(text: str) -> Vote:
    """A vote as it was kept.

    Raises:
        InvalidInput: It is none.
    """
    content = _parse("vote", text)
    try:
        return Vote(
            observer=_text(content, "observer"),
            domain=_text(content, "domain"),
            boot=_text(content, "boot"),
            sequence=int(content["sequence"]),
            epoch=int(content["epoch"]),
            verdicts=tuple(_verdict_of(each) for each in cast("Sequence[Mapping[str, Any]]", content["verdicts"])),
            isolated=None if content.get("isolated") is None else _text(content, "isolated"),
            watched=tuple(
                (key, float(seconds)) for key, seconds in cast("Mapping[str, float]", content["watched"]).items()
            ),
            thinks=str(content.get("thinks", "")),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput("vote", text, allowed="what an observer wrote", because=str(error)) from error


def dump_ledger(ledger: Ledger) -> str:
    """A ledger as it is kept.

    Raises:
        InvalidInput: It is too large.
    """
    pause = ledger.pause
    return _dump(
        "ledger",
        {
            "cluster": ledger.cluster,
            "operations": [
                {
                    "id": each.id,
                    "opened_by": each.opened_by,
                    "automatic": each.automatic,
                    "fence": each.fence,
                    "epoch": each.epoch,
                    "target": each.target,
                    "reason": each.reason,
                    "state": each.state.value,
                }
                for each in ledger.operations
            ],
            "pause": None
            if pause is None
            else {
                "id": pause.id,
                "who": pause.who,
                "why": pause.why,
                "until": pause.until.isoformat(),
                "duration_seconds": pause.duration_seconds,
            },
            "fenced": list(ledger.fenced),
        },
    )


def parse_ledger(text: str) -> Ledger:
    """A ledger as it was kept.

    Raises:
        InvalidInput: It is none. It is never taken for an empty one: that would forget an open operation.
    """
    content = _parse("ledger", text)
    try:
        pause = cast("Mapping[str, Any] | None", content["pause"])
        return Ledger(
            cluster=_text(content, "cluster"),
            operations=tuple(_operation(each) for each in cast("Sequence[Mapping[str, Any]]", content["operations"])),
            pause=None
            if pause is None
            else Pause(
                id=_text(pause, "id"),
                who=_text(pause, "who"),
                why=_text(pause, "why"),
                until=datetime.fromisoformat(_text(pause, "until")),
                duration_seconds=float(pause["duration_seconds"]),
            ),
            fenced=tuple(str(each) for each in cast("Sequence[object]", content["fenced"])),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput("ledger", text, allowed="what Seawall wrote", because=str(error)) from error


def _operation(content: Mapping[str, Any]) -> Operation:
    return Operation(
        id=_text(content, "id"),
        opened_by=_text(content, "opened_by"),
        automatic=bool(content["automatic"]),
        fence=int(content["fence"]),
        epoch=int(content["epoch"]),
        target=_text(content, "target"),
        reason=_text(content, "reason"),
        state=OperationState(content["state"]),
    )


def _verdict(verdict: Verdict) -> dict[str, object]:
    """Without what is as usual: a vote is written every half a minute by every observer."""
    kept: dict[str, object] = {
        "subject": str(verdict.subject),
        "judged": verdict.judged.value,
        "latest": verdict.latest.value,
    }
    if verdict.because:
        kept["because"] = verdict.because
    for flag in ("at_work", "proven"):
        if getattr(verdict, flag):
            kept[flag] = True
    if verdict.state is not None:
        kept["state"] = {
            "writable": verdict.state.writable,
            "same_lineage": verdict.state.same_lineage,
            "lag_seconds": verdict.state.lag_seconds,
        }
    return kept


def _verdict_of(content: Mapping[str, Any]) -> Verdict:
    state = cast("Mapping[str, Any] | None", content.get("state"))
    return Verdict(
        subject=Subject.parse(_text(content, "subject")),
        judged=Health(content["judged"]),
        latest=Health(content["latest"]),
        because=str(content.get("because", "")),
        at_work=content.get("at_work") is True,
        proven=content.get("proven") is True,
        state=None
        if state is None
        else MemberState(
            writable=state["writable"] is True,
            same_lineage=cast("bool | None", state["same_lineage"]),
            lag_seconds=None if state["lag_seconds"] is None else float(state["lag_seconds"]),
        ),
    )


def _text(content: Mapping[str, Any], key: str) -> str:
    value = content[key]
    if not isinstance(value, str):
        raise TypeError(f"{key} is no text")
    return value


def _dump(name: str, content: Mapping[str, object]) -> str:
    text = json.dumps({"schema_version": SCHEMA_VERSION, **content}, separators=(",", ":"), allow_nan=False)
    if len(text) > LARGEST_RECORD_BYTES:  # ASCII: characters are bytes
        raise InvalidInput(name, f"{len(text)} bytes", allowed=f"at most {LARGEST_RECORD_BYTES}")
    return text


def _parse(name: str, text: str) -> Mapping[str, Any]:
    try:
        content: object = json.loads(text)
    except ValueError as error:
        raise InvalidInput(name, text, allowed="JSON") from error
    if not isinstance(content, dict):
        raise InvalidInput(name, text, allowed="a JSON object")
    return cast("dict[str, Any]", content)
