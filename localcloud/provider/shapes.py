"""Whether inputs have the names and kinds that a type takes, as the real provider's schema check does.

Scalars are converted where that loses nothing ("60" for a number, 60 for a text), as the real provider converts them.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from localcloud.provider.values import UNKNOWN


@dataclass(frozen=True)
class Misfit:
    """A name or a value that does not fit: where, and why, without the value (it may be a secret)."""

    where: str
    reason: str


KIND_NAMES: Final[Mapping[Any, str]] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    dict: "a map of texts",
}


def fitted(values: Mapping[str, Any], kinds: Mapping[str, Any], of: str) -> tuple[dict[str, Any], list[Misfit]]:
    """The values in their kinds, and one error for each name or value that does not fit.

    Args:
        values: What the program gave.
        kinds: Name to kind, as in `Adapter.inputs`.
        of: What takes them, for the message, e.g. `aws:route53/zone:Zone`.
    """
    errors: list[Misfit] = []
    fit = _object(values, kinds, "", of, errors)
    return fit, errors


def _object(
    values: Mapping[str, Any], kinds: Mapping[str, Any], path: str, of: str, errors: list[Misfit]
) -> dict[str, Any]:
    fit: dict[str, Any] = {}
    for name, value in values.items():
        where = f"{path}.{name}" if path else name
        if name not in kinds:
            errors.append(unknown_name(where, name, kinds, of))
        else:
            fit[name] = _fit(value, kinds[name], where, of, errors)
    return fit


def unknown_name(where: str, name: str, known: Iterable[str], of: str) -> Misfit:
    """The error for a name that nothing takes, with the nearest right one."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return Misfit(
        where, f"{of} has none" + (f", did you mean {near[0]}?" if near else f"; it takes {', '.join(names)}")
    )


def _fit(value: Any, kind: Any, where: str, of: str, errors: list[Misfit]) -> Any:
    if value is UNKNOWN or value is None:
        return value
    if isinstance(kind, list):
        return _list(value, kind[0], where, of, errors)
    if isinstance(kind, dict):
        if isinstance(value, dict):
            return _object(value, kind, where, of, errors)
        errors.append(_misfit(where, value, f"an object with {', '.join(kind)}"))
        return value
    if kind is dict:
        if isinstance(value, dict):
            return {key: _fit(item, str, f"{where}.{key}", of, errors) for key, item in value.items()}
    elif not isinstance(value, dict | list):
        converted = list(_converted(value, kind))
        if converted:
            return converted[0]
    errors.append(_misfit(where, value, KIND_NAMES[kind]))
    return value


def _list(value: Any, kind: Any, where: str, of: str, errors: list[Misfit]) -> Any:
    if not isinstance(value, list):
        errors.append(_misfit(where, value, "a list"))
        return value
    return [_fit(item, kind, f"{where}[{index}]", of, errors) for index, item in enumerate(value)]


def _converted(value: Any, kind: type) -> Iterator[Any]:
    """The scalar in that kind, or nothing where it does not fit."""
    if kind is bool:
        if isinstance(value, bool):
            yield value
        elif value in ("true", "false"):
            yield value == "true"
    elif kind is str:
        yield ("true" if value else "false") if isinstance(value, bool) else str(value)
    elif not isinstance(value, bool):
        try:
            number = float(value)
        except ValueError:
            return
        if number.is_integer():
            yield int(number)
        elif kind is float:
            yield number


def _misfit(where: str, value: Any, allowed: str) -> Misfit:
    return Misfit(where, f"must be {allowed}, not of type {type(value).__name__}")
