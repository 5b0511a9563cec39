"""Alertmanager's routes and receivers as plain data, in both spellings: the operator's, and Alertmanager's own. Pure.

Sources: Alertmanager's documentation, "Configuration"; prometheus-operator v0.85.0, AlertmanagerConfig v1alpha1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pulumi_seawall._promql import literal, quoted

EVERY_LABEL: Final = "..."
"""In `group_by`: each alert is a group of its own."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """A condition on one label."""

    name: str
    value: str
    operator: str = "="

    def config(self) -> str:
        """As Alertmanager reads it."""
        return f"{self.name}{self.operator}{quoted(self.value)}"

    def manifest(self) -> dict[str, str]:
        """As the operator reads it."""
        return {"name": self.name, "value": self.value, "matchType": self.operator}


@dataclass(frozen=True, slots=True)
class Timing:
    """When a group of alerts is told, in seconds.

    Args:
        wait: From the first alert's firing to the first notification. What ends or is silenced before is never told.
        interval: Between looks at a group that was told: what is new or over waits for the next.
        repeat: Between two notifications of the same.
    """

    wait: float
    interval: float
    repeat: float


@dataclass(frozen=True, slots=True)
class Route:
    """Which alerts go to whom; the first child that matches takes them, unless it lets them go on."""

    receiver: str
    matchers: tuple[Matcher, ...] = ()
    timing: Timing | None = None
    group_by: tuple[str, ...] = ()
    goes_on: bool = False
    routes: tuple["Route", ...] = ()

    def config(self) -> dict[str, Any]:
        """As Alertmanager reads it."""
        return self._spelled("group_by", ("group_wait", "group_interval", "repeat_interval"), manifest=False)

    def manifest(self) -> dict[str, Any]:
        """As the operator reads it."""
        return self._spelled("groupBy", ("groupWait", "groupInterval", "repeatInterval"), manifest=True)

    def _spelled(self, group_by: str, times: tuple[str, str, str], *, manifest: bool) -> dict[str, Any]:
        timing = self.timing
        spelled: dict[str, Any] = {
            "receiver": self.receiver,
            "matchers": [each.manifest() if manifest else each.config() for each in self.matchers],
            group_by: list(self.group_by),
            "continue": self.goes_on,
            "routes": [each.manifest() if manifest else each.config() for each in self.routes],
        }
        if timing is not None:
            seconds = (timing.wait, timing.interval, timing.repeat)
            spelled |= {key: f"{literal(each)}s" for key, each in zip(times, seconds, strict=True)}
        return {key: value for key, value in spelled.items() if value}


@dataclass(frozen=True, slots=True)
class SecretKey:
    """A key of a Kubernetes Secret."""

    name: str
    key: str

    def manifest(self) -> dict[str, str]:
        """As the operator reads it."""
        return {"name": self.name, "key": self.key}

    def path(self, folder: str) -> str:
        """The file that it is where Secrets are mounted below a folder."""
        return f"{folder}/{self.name}/{self.key}"


@dataclass(frozen=True, slots=True)
class Integration:
    """One way of telling somebody, in both spellings.

    Args:
        kind: E.g. `webhook`.
        manifest: As the operator reads it.
        config: As Alertmanager reads it.
    """

    kind: str
    manifest: Mapping[str, Any]
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Receiver:
    """A name, and the ways of telling whoever it is; none is nobody."""

    name: str
    integrations: tuple[Integration, ...] = ()

    def config(self) -> dict[str, Any]:
        """As Alertmanager reads it."""
        grouped: dict[str, list[Any]] = {}
        for each in self.integrations:
            grouped.setdefault(f"{each.kind}_configs", []).append(dict(each.config))
        return {"name": self.name, **grouped}

    def manifest(self) -> dict[str, Any]:
        """As the operator reads it."""
        grouped: dict[str, list[Any]] = {}
        for each in self.integrations:
            grouped.setdefault(f"{each.kind}Configs", []).append(dict(each.manifest))
        return {"name": self.name, **grouped}


@dataclass(frozen=True, slots=True)
class InhibitRule:
    """While an alert of `source` fires, nobody is told of those of `target` with the same values of `equal`."""

    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...]

    def config(self) -> dict[str, Any]:
        """As Alertmanager reads it."""
        return {
            "source_matchers": [each.config() for each in self.source],
            "target_matchers": [each.config() for each in self.target],
            "equal": list(self.equal),
        }

    def manifest(self) -> dict[str, Any]:
        """As the operator reads it."""
        return {
            "sourceMatch": [each.manifest() for each in self.source],
            "targetMatch": [each.manifest() for each in self.target],
            "equal": list(self.equal),
        }


def spec_of(route: Route, receivers: Sequence[Receiver], inhibited: Sequence[InhibitRule]) -> dict[str, Any]:
    """The `spec` of an AlertmanagerConfig. The operator lets the first route go on by itself."""
    return {
        "route": route.manifest(),
        "receivers": [each.manifest() for each in receivers],
        "inhibitRules": [each.manifest() for each in inhibited],
    }


def config_of(root: Route, receivers: Sequence[Receiver], inhibited: Sequence[InhibitRule]) -> dict[str, Any]:
    """A whole configuration of a plain Alertmanager."""
    return {
        "route": root.config(),
        "receivers": [each.config() for each in receivers],
        "inhibit_rules": [each.config() for each in inhibited],
    }
