"""The base of every section of `Pulumi.<env>.yaml`."""

from collections.abc import Sequence
from typing import Any, cast

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Part of the file: no key beyond those declared, nothing changed after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def given(self, *without: str) -> dict[str, Any]:
        """What the file says, as components take it: lists for tuples, at any depth, and nothing that is absent.

        Args:
            without: Keys to leave out.
        """
        return cast("dict[str, Any]", _lists(self.model_dump(exclude_none=True, exclude=set(without))))


def _lists(value: object) -> object:
    if isinstance(value, dict):
        return {key: _lists(each) for key, each in cast("dict[str, object]", value).items()}
    if isinstance(value, list | tuple):
        return [_lists(each) for each in cast("Sequence[object]", value)]
    return value
