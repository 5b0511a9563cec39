"""The one pair of converters between the engine's property values and plain Python.

Plain means: None, bool, int, float, str, list, dict, and `UNKNOWN` in place of anything not known before an apply.
Whole numbers arrive from the engine as floats (60.0) and become ints; nulls in maps mean "absent" and are dropped.

What is secret is carried beside the plain values, as paths. A secret inside a list makes the whole list secret, since a
service may reorder a list; inside maps the exact key stays secret.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime import rpc

Path = tuple[str, ...]
Secrets = frozenset[Path]
NO_SECRETS: Final[Secrets] = frozenset()


class Unknown:
    """Its only instance, `UNKNOWN`, stands for a value that is not known before an apply."""

    _only: "Unknown | None" = None

    def __new__(cls) -> "Unknown":
        if cls._only is None:
            cls._only = super().__new__(cls)
        return cls._only

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


def to_plain(properties: Mapping[str, PropertyValue]) -> tuple[dict[str, Any], Secrets]:
    """Plain values of a map of properties, and where its secrets are.

    Raises:
        TypeError: a value is an asset, an archive or a resource, which no type here takes.
    """
    secrets: set[Path] = set()
    plain = {
        key: _plain(value, (key,), secrets, in_list=False)
        for key, value in properties.items()
        if value.value is not None
    }
    return plain, frozenset(secrets)


def _plain(value: PropertyValue, path: Path, secrets: set[Path], *, in_list: bool) -> Any:
    if value.is_secret:
        secrets.add(path)
    inner = value.value
    if isinstance(inner, str):
        return UNKNOWN if inner == rpc.UNKNOWN else inner
    if inner is None or isinstance(inner, bool):
        return inner
    if isinstance(inner, float):
        return int(inner) if inner.is_integer() else inner
    if isinstance(inner, Sequence):
        return [_plain(item, path, secrets, in_list=True) for item in inner]
    if isinstance(inner, Mapping):
        return {
            key: _plain(item, path if in_list else (*path, key), secrets, in_list=in_list)
            for key, item in inner.items()
            if item.value is not None
        }
    raise TypeError(f"{'.'.join(path)}: {type(inner).__name__} is not a value that the local cloud takes")


def to_properties(plain: Mapping[str, Any], secrets: Iterable[Path] = NO_SECRETS) -> dict[str, PropertyValue]:
    """Properties of plain values; what lies at one of the secret paths is marked secret.

    Raises:
        TypeError: a value is none of the plain kinds.
    """
    marked = frozenset(secrets)
    return {key: _property(value, (key,), marked) for key, value in plain.items() if value is not None}


def _property(value: Any, path: Path, secrets: Secrets) -> PropertyValue:
    return PropertyValue(_marshalled(value, path, secrets), is_secret=path in secrets)


def _marshalled(value: Any, path: Path, secrets: Secrets) -> Any:
    if value is UNKNOWN:
        return rpc.UNKNOWN
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, list | tuple):
        return [PropertyValue(_marshalled(item, path, NO_SECRETS)) for item in value]
    if isinstance(value, dict):
        return {key: _property(item, (*path, key), secrets) for key, item in value.items() if item is not None}
    raise TypeError(f"{'.'.join(path)}: {type(value).__name__} cannot be given to the engine")


def is_known(value: Any) -> bool:
    """Whether nothing unknown is in the value, at any depth."""
    if value is UNKNOWN:
        return False
    if isinstance(value, dict):
        return all(is_known(item) for item in value.values())
    if isinstance(value, list):
        return all(is_known(item) for item in value)
    return True


def is_empty(value: Any) -> bool:
    """Whether a service would tell the value and its absence apart: it does not for False, "", 0 and empty collections."""
    return value is not UNKNOWN and not value


def secret_texts(plain: Mapping[str, Any], secrets: Secrets) -> Iterator[str]:
    """Each text and number under a secret path, so that a message can be rid of it."""
    for path in secrets:
        value: Any = plain
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        yield from _texts(value)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str | int | float) and not isinstance(value, bool) and str(value):
        yield str(value)


def redacted(message: str, texts: Iterable[str]) -> str:
    """The message without the given texts, the longest first."""
    for text in sorted(set(texts), key=len, reverse=True):
        message = message.replace(text, "[secret]")
    return message
