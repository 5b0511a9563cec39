"""Documents to and from JSON: strict in what is written, tolerant in what is read.

Written: canonical JSON (sorted keys, no spaces, ASCII, whole numbers without a point), so that equal documents are equal
texts and a deployment that changes nothing changes nothing. Read: unknown keys are ignored, absent optional keys get
their defaults, and the schema version may be one more or one less than ours.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING as NO_DEFAULT
from dataclasses import fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeVar, cast

from seawall.errors import MISSING, InvalidInput
from seawall.objectives import ObjectiveException, Objectives
from seawall.topology._documents import (
    SCHEMA_VERSION,
    BackoffPolicy,
    BreakerPolicy,
    Database,
    Endpoint,
    Live,
    Member,
    Topology,
)
from seawall.topology._secrets import refuse_secrets

STANDARD_PARAMETER_BYTES: Final = 4096  # SSM: what a standard parameter holds
ADVANCED_PARAMETER_BYTES: Final = 8192  # SSM: what an advanced parameter holds; it is charged for
LARGEST_TEXT_BYTES: Final = 1_048_576  # a ConfigMap's limit: more is no document of ours, and is not parsed
EXACT_WHOLE: Final = 2**53  # below it a float that is whole can be written as a whole number and read back
DOCUMENT_PARTS: Final = (
    Topology,
    Live,
    Endpoint,
    Member,
    Database,
    BreakerPolicy,
    BackoffPolicy,
    Objectives,
    ObjectiveException,
)

T = TypeVar("T")


class Tier(StrEnum):
    """Which kind of SSM parameter a text needs. The values are SSM's words."""

    STANDARD = "Standard"
    ADVANCED = "Advanced"


def readable_versions(own: int = SCHEMA_VERSION) -> range:
    """The schema versions that a reader of version `own` reads: the one before, its own, and the one after."""
    return range(max(1, own - 1), own + 2)


def parse(text: str | bytes) -> Topology:
    """Read the declared document.

    Raises:
        InvalidInput: It is no JSON, its schema version is too far from ours, or a value in it is not allowed.
    """
    return topology_of(_object("topology", text))


def parse_live(text: str | bytes) -> Live:
    """Read the live document.

    Raises:
        InvalidInput: It is no JSON, its schema version is too far from ours, or a value in it is not allowed.
    """
    raw = _object("live", text)
    return _build(Live, "live", raw, changed_at=_time, schema_version=_version)


def topology_of(document: Mapping[str, object]) -> Topology:
    """The declared document from plain data, e.g. what `json.loads` answered.

    Raises:
        InvalidInput: A key is missing, or a value is not allowed.
    """
    return _build(
        Topology,
        "",
        document,
        regions=_each(lambda _, value: value),
        endpoints=_each(lambda where, value: _build(Endpoint, where, value)),
        objectives=lambda where, value: _build(
            Objectives, where, value, exceptions=_each(lambda inner, each: _build(ObjectiveException, inner, each))
        ),
        database=lambda where, value: _build(
            Database, where, value, members=_each(lambda inner, member: _build(Member, inner, member))
        ),
        breaker=lambda where, value: _build(
            BreakerPolicy, where, value, open_backoff=lambda inner, backoff: _build(BackoffPolicy, inner, backoff)
        ),
        schema_version=_version,
    )


def dump(document: Topology | Live) -> str:
    """Write a document as canonical JSON: `parse(dump(x)) == x`, and equal documents are equal texts.

    Raises:
        InvalidInput: Something in it looks like a secret, it is of another schema version than this Seawall writes, or
            it is larger than an SSM parameter can be.
    """
    if document.schema_version != SCHEMA_VERSION:
        raise InvalidInput(
            "schema_version", document.schema_version, allowed=f"{SCHEMA_VERSION}, which is what we write"
        )
    data = as_dict(document)
    refuse_secrets("", data)
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    parameter_tier(text)
    return text


def as_dict(document: Topology | Live) -> dict[str, object]:
    """The document as plain data. What is `None` or an empty list is left out."""
    return cast("dict[str, object]", _plain(document))


def parameter_tier(text: str) -> Tier:
    """The cheapest SSM parameter that holds a text.

    Raises:
        InvalidInput: None does.
    """
    size = len(text.encode())
    if size > ADVANCED_PARAMETER_BYTES:
        raise InvalidInput(
            "the document's size",
            f"{size:,} bytes",
            allowed=f"at most {ADVANCED_PARAMETER_BYTES:,} bytes",
            because=f"an SSM parameter holds {STANDARD_PARAMETER_BYTES:,} (standard) or {ADVANCED_PARAMETER_BYTES:,} "
            "(advanced); use fewer endpoints or shorter names",
        )
    return Tier.STANDARD if size <= STANDARD_PARAMETER_BYTES else Tier.ADVANCED


Convert = Callable[[str, object], object]


def _object(what: str, text: str | bytes) -> Mapping[str, object]:
    if len(text) > LARGEST_TEXT_BYTES:
        raise InvalidInput(what, f"{len(text):,} bytes", allowed=f"at most {LARGEST_TEXT_BYTES:,} bytes")
    try:
        raw: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        # Neither the text nor the decoder's copy of it is shown: a file taken by mistake may hold anything.
        raise InvalidInput(what, "(not shown)", allowed="JSON", because=f"it cannot be read: {error}") from None
    return _mapping(what, raw)


def _mapping(name: str, raw: object) -> Mapping[str, object]:
    if not isinstance(raw, Mapping):
        raise InvalidInput(name or "topology", type(raw).__name__, allowed="a JSON object")
    return cast("Mapping[str, object]", raw)


def _build(kind: type[T], where: str, raw: object, **converts: Convert) -> T:
    """A dataclass from a JSON object: unknown keys are ignored, null is absent, errors name the whole path."""
    given = _mapping(where, raw)
    values: dict[str, Any] = {}
    for field in fields(cast("Any", kind)):
        path = f"{where}.{field.name}" if where else field.name
        value = given.get(field.name)
        if value is not None:
            values[field.name] = converts[field.name](path, value) if field.name in converts else value
        elif field.default is NO_DEFAULT or field.name == "schema_version":
            raise InvalidInput(path, MISSING, allowed="required")
    try:
        return kind(**values)
    except InvalidInput as error:
        if not where:
            raise
        name = f"{where}.{error.name}"
        raise InvalidInput(name, error.value, allowed=error.allowed, because=error.because) from None


def _each(convert: Convert) -> Convert:
    def items(where: str, value: object) -> object:
        if not isinstance(value, list | tuple):
            raise InvalidInput(where, type(value).__name__, allowed="a list")
        return tuple(
            convert(f"{where}[{position}]", item) for position, item in enumerate(cast("Sequence[object]", value))
        )

    return items


def _version(where: str, value: object) -> int:
    versions = readable_versions(SCHEMA_VERSION)
    if isinstance(value, bool) or not isinstance(value, int | float) or value not in versions:
        raise InvalidInput(
            where,
            value,
            allowed=f"{versions[0]} to {versions[-1]}",
            because="this Seawall reads one version more or less",
        )
    return int(value)


def _time(where: str, value: object) -> datetime:
    try:
        return datetime.fromisoformat(cast("str", value))
    except (TypeError, ValueError):
        raise InvalidInput(where, value, allowed="a time as ISO 8601 writes it, e.g. 2026-11-25T12:00:00Z") from None


def _plain(value: object) -> object:
    if isinstance(value, DOCUMENT_PARTS):
        pairs = ((field.name, getattr(value, field.name)) for field in fields(value))
        return {name: _plain(inner) for name, inner in pairs if inner not in (None, ())}
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, tuple):
        return [_plain(inner) for inner in cast("tuple[object, ...]", value)]
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT_WHOLE:
        return int(value)
    return value
