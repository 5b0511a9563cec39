"""Arguments as they arrive: unchecked dictionaries, plain values or values that are known only during the deployment.

All casts around Pulumi's `Input` are in this file.
"""

import difflib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, TypeVar, cast

import pulumi

from pulumi_seawall._health_args import PredictedRecovery, PredictedTerm
from seawall import timing
from seawall.errors import MISSING, InvalidInput
from seawall.timing import Term

T = TypeVar("T")
E = TypeVar("E", bound=Enum)

CLOSE_ENOUGH: Final = 0.5  # similarity above which a known key is worth suggesting


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like a mistyped one, when one is like it at all."""
    words = list(known)
    longer = [candidate for candidate in words if word and candidate.startswith(f"{word}_")]  # ttl for ttl_seconds
    matches = longer or difflib.get_close_matches(word, words, n=1, cutoff=CLOSE_ENOUGH)
    return matches[0] if matches else None


def checked_keys(where: str, given: object, shape: type[T], refused: Mapping[str, str] = MappingProxyType({})) -> T:
    """The arguments without absent (`None`) entries, after a look at their keys. TypedDicts are unchecked at run time.

    Args:
        where: Prefix for names in messages, e.g. `primary.`; empty at the top.
        given: What the caller passed.
        shape: The TypedDict that it should be.
        refused: Keys that somebody may expect to work, each with why they do not.

    Raises:
        InvalidInput: It is no dictionary, has an unknown key, or lacks a required one.
    """
    label = where.rstrip(".") or "args"
    if not isinstance(given, Mapping):
        raise InvalidInput(label, shown(given), allowed="one dictionary of arguments")
    entries = {str(key): value for key, value in cast("Mapping[object, object]", given).items() if value is not None}
    required = cast("frozenset[str]", getattr(shape, "__required_keys__", frozenset[str]()))
    optional = cast("frozenset[str]", getattr(shape, "__optional_keys__", frozenset[str]()))
    known = sorted(required | optional)
    for key in entries:
        if key in refused:
            raise InvalidInput(f"{where}{key}", shown(entries[key]), allowed="not offered", because=refused[key])
        if key not in known:
            guess = nearest(key, known)
            raise InvalidInput(
                f"{where}{key}",
                shown(entries[key]),
                allowed=f"did you mean {guess}?" if guess else f"no such key; there are {', '.join(known)}",
            )
    for key in sorted(required):
        if key not in entries:
            raise InvalidInput(f"{where}{key}", MISSING, allowed="required")
    return cast("T", entries)


class _Later:
    """Stands in messages for a value that is known only during the deployment."""

    def __repr__(self) -> str:
        return "(known only during the deployment)"


def shown(value: object) -> object:
    """The value as a message may show it."""
    return value if is_plain(value) else _Later()


def is_plain(value: object) -> bool:
    """Whether a value is known now, and not only during the deployment."""
    return not isinstance(value, pulumi.Output) and not inspect.isawaitable(value)


def plain(value: pulumi.Input[T] | None) -> T | None:
    """The value when it is known now, else `None`."""
    return cast("T", value) if value is not None and is_plain(value) else None


def text(name: str, value: pulumi.Input[str], check: Callable[[str, str], str]) -> pulumi.Input[str]:
    """A string that is checked at once when it is known, else during the deployment.

    Raises:
        InvalidInput: It is known and not allowed.
    """

    def checked(known: object) -> str:
        if not isinstance(known, str):
            raise InvalidInput(name, known, allowed="a string")
        return check(name, known)

    return checked(value) if is_plain(value) else pulumi.Output.from_input(value).apply(checked)


def matching(name: str, value: pulumi.Input[str], pattern: re.Pattern[str], allowed: str) -> pulumi.Input[str]:
    """A string of a pattern, checked at once when it is known, else during the deployment.

    Raises:
        InvalidInput: It is known and no such string.
    """

    def check(label: str, known: str) -> str:
        if not pattern.fullmatch(known):
            raise InvalidInput(label, known, allowed=allowed)
        return known

    return text(name, value, check)


def whole(name: str, value: object, lowest: int, highest: int | None, unit: str = "", because: str = "") -> int:
    """A whole number within limits; other languages send 10 as 10.0.

    Raises:
        InvalidInput: It is not.
    """
    span = f"{lowest} to {highest}" if highest is not None else f"at least {lowest}"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidInput(name, shown(value), allowed=f"a whole number{' without quotes' * isinstance(value, str)}")
    if value < lowest or (highest is not None and value > highest):
        raise InvalidInput(name, value, allowed=f"{span} {unit}".rstrip(), because=because or None)
    return value


def number(name: str, value: object) -> float:
    """A number.

    Raises:
        InvalidInput: It is not.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput(name, shown(value), allowed="a number")
    return value


def flag(name: str, value: object) -> bool:
    """A truth value.

    Raises:
        InvalidInput: It is not.
    """
    if not isinstance(value, bool):
        raise InvalidInput(name, shown(value), allowed="true or false")
    return value


def line(name: str, value: object, longest: int) -> str:
    """A plain string that is neither empty nor too long.

    Raises:
        InvalidInput: It is not.
    """
    if not isinstance(value, str) or not 1 <= len(value) <= longest:
        raise InvalidInput(name, shown(value), allowed=f"a string of 1 to {longest} characters")
    return value


def member(name: str, value: object, choices: type[E]) -> E:
    """A member of an Enum, given as such or by its value.

    Raises:
        InvalidInput: It is neither.
    """
    if isinstance(value, choices):
        return value
    for choice in choices:
        if value == choice.value:
            return choice
    names = [str(choice.value) for choice in choices]
    raise InvalidInput(name, shown(value), allowed=f"{', '.join(names[:-1])} or {names[-1]}")


def listed(name: str, value: object) -> list[Any]:
    """A list, and not a string that would fall apart into letters.

    Raises:
        InvalidInput: It is not.
    """
    if not isinstance(value, list | tuple):
        raise InvalidInput(name, shown(value), allowed="a list")
    return list(cast("Iterable[Any]", value))


def plain_string(name: str, value: object) -> str:
    """A string that is known now.

    Raises:
        InvalidInput: It is not.
    """
    if not isinstance(value, str):
        raise InvalidInput(name, shown(value), allowed="a plain string")
    return value


def plain_terms(terms: Iterable[Term]) -> list[PredictedTerm]:
    """Terms as plain data for an output."""
    return [cast("PredictedTerm", term.as_dict()) for term in terms]


def plain_prediction(prediction: timing.Prediction) -> PredictedRecovery:
    """A prediction as plain data for an output."""
    return cast("PredictedRecovery", prediction.as_dict())


def known(value: T) -> pulumi.Output[T]:
    """An output of plain data.

    `Output.from_input` would look into every list and dictionary for outputs and make one of each element: hundreds for a
    prediction, each of which the engine's client waits for again and again.
    """
    return pulumi.Output.from_input(None).apply(lambda _: value)
