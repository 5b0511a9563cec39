"""The record that describes one resource type. A new type is one of these, plus its four calls.

An adapter says what the type's inputs are and which of them replace; `core` does the rest for all types alike: unknown
inputs, defaults, names, regions, tags, secrets, previews, diffs, refresh, import and the journal.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from localcloud.provider.clients import Cloud
from localcloud.provider.values import is_known

Properties = dict[str, Any]

# The kind of an input: a type; `[kind]` for a list; `{name: kind}` for an object with exactly these fields;
# `dict` for a map of the user's own keys to texts.
Kind = type | list[Any] | dict[str, Any]

TAGS: Final = "tags"
TAGS_ALL: Final = "tagsAll"
REGION: Final = "region"


@dataclass(frozen=True)
class Autoname:
    """How a name is made up when none is given: the resource's name, a dash and seven hexadecimal digits."""

    property: str = "name"
    longest: int = 255  # characters; the resource's own name is cut to fit
    suffix: Callable[[Properties], str] = lambda _: ""  # e.g. `.fifo`


def _no_refusals(_: Properties) -> Iterable[Exception]:
    return ()


def _nothing_to_finish(*_: Any) -> None:
    return None


def _never_replaces(*_: Any) -> bool:
    return False


def _cannot_find(*_: Any) -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """One resource type.

    Args:
        resource_type: As in the program's URN, e.g. `aws:route53/zone:Zone`.
        inputs: Name to kind. Anything else is refused.
        required: Inputs that must be given.
        regional: Whether the type has a `region` input, filled from the provider's configuration.
        defaults: What the real provider fills in.
        autoname: How a missing name is made up; None when the name must be given, or there is none.
        replaces: Inputs whose change needs a new object.
        replaces_when: Whether this change of an input needs one: given its name, the old and the new value. Pure.
        keeps: Optional and computed inputs: left out, what exists stays as it is.
        write_only: Inputs that the service does not tell back; their last known value stands.
        computed: Outputs, unknown in the preview of a create.
        normalizers: Input name to a function under which equal means "no change".
        absent_codes: Error codes by which the service says that the object is gone.
        refusals: What the real provider refuses at plan time. Pure, and must bear `UNKNOWN` anywhere.
        create: One call to the service that makes the object and returns its id. Given a reference, unique for
            this creation, the same when a killed run is taken up again.
        finish: What follows the creation (tags, attributes). Repeatable.
        find: The id of the object that an interrupted `create` with that reference made, if it did. Types whose
            `create` may be repeated without harm need none. A sweep asks without inputs.
        read: Every property of the object that the service tells, or None when it is gone. The known state
            is empty on import.
        update: Make the object what the inputs say. Given the object's state and the new inputs.
        delete: Remove it.
        recorded_only: The local server has no such API; objects are only kept in a file, and shown as such.
    """

    resource_type: str
    inputs: Mapping[str, Kind]
    create: Callable[[Cloud, Properties, str], str]
    read: Callable[[Cloud, str, Properties], Properties | None]
    update: Callable[[Cloud, str, Properties, Properties], None]
    delete: Callable[[Cloud, str, Properties], None]
    required: frozenset[str] = frozenset()
    regional: bool = True
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])
    autoname: Autoname | None = None
    replaces: frozenset[str] = frozenset()
    replaces_when: Callable[[str, Any, Any], bool] = _never_replaces
    keeps: frozenset[str] = frozenset()
    write_only: frozenset[str] = frozenset()
    computed: frozenset[str] = frozenset()
    normalizers: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict[str, Callable[[Any], Any]])
    absent_codes: frozenset[str] = frozenset()
    refusals: Callable[[Properties], Iterable[Exception]] = _no_refusals
    finish: Callable[[Cloud, str, Properties], None] = _nothing_to_finish
    find: Callable[[Cloud, Properties, str], str | None] = _cannot_find
    recorded_only: bool = False

    @property
    def takes(self) -> Mapping[str, Kind]:
        """All inputs, with the region where there is one."""
        return {**self.inputs, REGION: str} if self.regional else self.inputs

    @property
    def replacing(self) -> frozenset[str]:
        """All inputs that replace: the region does, always."""
        return self.replaces | {REGION} if self.regional else self.replaces

    @property
    def taggable(self) -> bool:
        return TAGS in self.inputs

    def normal(self, name: str, value: Any) -> Any:
        """The value in the form in which equal means "no change".

        One that is not known is like no other: the engine asks with it what the replacement of something else would do.
        """
        normalizer = self.normalizers.get(name)
        return value if normalizer is None or value is None or not is_known(value) else normalizer(value)


def as_set(value: list[Any]) -> list[Any]:
    """Normalizer of lists in which neither order nor repetition counts."""
    return sorted(set(value))
