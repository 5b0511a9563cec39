"""What an update would change: new inputs against the state.

Not against the old inputs: a refresh that found drift has changed the state, and the next update must bring it back.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from localcloud.provider.adapter import TAGS, TAGS_ALL, Adapter, Properties
from localcloud.provider.values import is_empty, is_known

_PATH_PART: Final = re.compile(r'\.?([^.\["]+)|\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]')


IGNORED_ITEM: Final = "(ignored)"  # stands for an ignored element, so that the others keep their places


@dataclass(frozen=True)
class Change:
    """One input that differs.

    Args:
        name: Of the input.
        kind: `add`, `update` or `delete`.
        replaces: Whether a new object is needed.
        by_input: Whether the program changed it; otherwise the object itself was changed.
    """

    name: str
    kind: str
    replaces: bool
    by_input: bool


def changes(
    adapter: Adapter,
    state: Properties,
    old_inputs: Properties,
    new_inputs: Properties,
    ignored: Iterable[str] = (),
) -> list[Change]:
    """The changes that bring the state to the new inputs, in the order of their names.

    Args:
        adapter: The type.
        state: The object's properties as the engine last knew them.
        old_inputs: What the program gave last time.
        new_inputs: What it gives now, checked, with `tagsAll` where the type has tags.
        ignored: Property paths that count as unchanged.
    """
    for path in ignored:
        state, old_inputs, new_inputs = (_without(values, path) for values in (state, old_inputs, new_inputs))
    found: list[Change] = []
    for name in sorted(adapter.takes.keys() | ({TAGS_ALL} if adapter.taggable else set())):
        kind = _kind(adapter, name, state, old_inputs, new_inputs)
        if kind:
            by_input = adapter.normal(name, old_inputs.get(name)) != adapter.normal(name, new_inputs.get(name))
            replaces = name in adapter.replacing or adapter.replaces_when(name, state.get(name), new_inputs.get(name))
            found.append(Change(name, kind, replaces, by_input))
    if any(change.name == TAGS for change in found):  # says the same twice
        found = [change for change in found if change.name != TAGS_ALL]
    return found


def _kind(adapter: Adapter, name: str, state: Properties, old_inputs: Properties, new_inputs: Properties) -> str | None:
    new, old = new_inputs.get(name), state.get(name)
    if old is None and name in adapter.write_only:
        old = old_inputs.get(name)
    if new is None:
        return None if old is None or name in adapter.keeps or is_empty(old) else "delete"
    if not is_known(new):
        return "update"
    if old is None:
        return None if is_empty(new) else "add"
    return None if adapter.normal(name, new) == adapter.normal(name, old) else "update"


def path_parts(path: str) -> list[str]:
    """The keys of a property path: `tags["a.b"]` and `tags.a` alike."""
    return [plain or quoted.replace('\\"', '"') or index for plain, quoted, index in _PATH_PART.findall(path)]


def _without(values: Mapping[str, Any], path: str) -> Properties:
    """A copy of the values without what lies at the path."""

    def cut(value: Any, parts: list[str]) -> Any:
        if not parts:
            return value
        if isinstance(value, list) and parts[0] in ("*", *map(str, range(len(value)))):
            wanted = range(len(value)) if parts[0] == "*" else [int(parts[0])]
            return [
                (IGNORED_ITEM if len(parts) == 1 else cut(item, parts[1:])) if index in wanted else item
                for index, item in enumerate(value)
            ]
        if not isinstance(value, dict):
            return value
        wanted_keys = list(value) if parts[0] == "*" else [parts[0]]
        return {
            key: cut(item, parts[1:]) if key in wanted_keys else item
            for key, item in value.items()
            if not (len(parts) == 1 and key in wanted_keys)
        }

    parts = path_parts(path)
    result = cut(dict(values), parts)
    if parts and parts[0] == TAGS:  # what is ignored in tags is ignored in their sum
        result = cut(result, [TAGS_ALL, *parts[1:]])
    return result
