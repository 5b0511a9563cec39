"""Prometheus' rules as plain data: what both the operator's PrometheusRule and a rule file of a plain Prometheus hold."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pulumi_seawall._promql import duration, matchers
from seawall.escalation import AlertLevel
from seawall.timing import Term

RUNBOOK_PLACE: Final = "{alert}"
ALL_REGIONS: Final = "all"
"""Value of the label `region` on what is computed over every region."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What rules are about, and where they are evaluated.

    Args:
        service: Its name, a label of every rule.
        selector: Labels of the scraped series that are the service's.
        region: Label of every rule; `ALL_REGIONS` where one Prometheus sees every region.
        namespace: Label of every alert: an AlertmanagerConfig sees only alerts of its own namespace.
        runbook_url: With `{alert}` where the alert's name goes.
        scrape_seconds: Between two scrapes of the service.
        evaluation_seconds: Between two evaluations of the rules.
    """

    service: str
    selector: Mapping[str, str]
    region: str
    namespace: str
    runbook_url: str
    scrape_seconds: float
    evaluation_seconds: float

    @property
    def matchers(self) -> tuple[str, ...]:
        """Conditions that select the service's series."""
        return matchers(self.selector)

    @property
    def labels(self) -> dict[str, str]:
        """Of every rule."""
        return {"service": self.service, "region": self.region}


@dataclass(frozen=True, slots=True)
class Recording:
    """A rule that keeps a value under a name."""

    record: str
    expr: str
    labels: Mapping[str, str]

    def as_dict(self) -> dict[str, Any]:
        """As Prometheus reads it."""
        return {"record": self.record, "expr": self.expr, "labels": dict(self.labels)}


@dataclass(frozen=True, slots=True)
class Alert:
    """A rule that tells somebody.

    Args:
        name: Also its runbook's.
        expr: It fires while this has series.
        level: How bad it is.
        summary: One line, without values.
        description: One line, with Prometheus' templates.
        labels: Beyond those of every alert.
        for_seconds: How long it must hold before it fires.
        keep_firing_seconds: How long it goes on after the last time it held: one alert, where what it is about flaps.
        terms: What its time to fire consists of.
        happens: The failure that `terms` are about.
    """

    name: str
    expr: str
    level: AlertLevel
    summary: str
    description: str
    terms: tuple[Term, ...]
    happens: str
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    for_seconds: float = 0
    keep_firing_seconds: float = 0

    def as_dict(self, scope: Scope) -> dict[str, Any]:
        """As Prometheus reads it."""
        held = {
            key: duration(seconds)
            for key, seconds in (("for", self.for_seconds), ("keep_firing_for", self.keep_firing_seconds))
            if seconds
        }
        own = {"severity": self.level.severity, "level": self.level.value, "namespace": scope.namespace}
        return {
            "alert": self.name,
            "expr": self.expr,
            **held,
            "labels": {**scope.labels, **own, **self.labels},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook_url": scope.runbook_url.replace(RUNBOOK_PLACE, self.name),
            },
        }


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """Rules that are evaluated together, one after another: each sees what those before it have recorded."""

    name: str
    rules: tuple[Recording | Alert, ...]
    scope: Scope

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """Those of the rules that tell somebody."""
        return tuple(rule for rule in self.rules if isinstance(rule, Alert))

    def as_dict(self) -> dict[str, Any]:
        """As Prometheus reads it."""
        return {
            "name": self.name,
            "interval": duration(self.scope.evaluation_seconds),
            "rules": [
                rule.as_dict() if isinstance(rule, Recording) else rule.as_dict(self.scope) for rule in self.rules
            ],
        }


def spec_of(groups: Iterable[RuleGroup]) -> dict[str, Any]:
    """The `spec` of a PrometheusRule; a plain Prometheus' rule file has the same content."""
    return {"groups": [group.as_dict() for group in groups]}


def rule_file(groups: Iterable[RuleGroup]) -> str:
    """A rule file for a Prometheus without the operator: JSON, which is YAML too."""
    return json.dumps(spec_of(groups), indent=2) + "\n"
