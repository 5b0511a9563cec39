"""What dashboards ask Prometheus for: the metrics and labels in each of their queries, Grafana's variables filled in."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import promql_parser

from monitoring_args import MONITORING, OBJECTIVES, changed
from pulumi_seawall import DashboardsPlan

VARIABLES = {"$__rate_interval": "5m", "$region": "eu-west-1|us-east-1", "$instance": ".*"}
LABEL_VALUES = re.compile(r"label_values\((.*), (\w+)\)")


@dataclass(frozen=True)
class Asked:
    """A metric, and the labels that are asked of it."""

    metric: str
    labels: frozenset[str]


def dashboards_args(**changes: Any) -> Any:
    """Of `Dashboards`."""
    args = {
        "monitoring": MONITORING,
        "objectives": OBJECTIVES,
        "environment": "prod",
        "sidecar_labels": {"grafana_dashboard": "1"},
    }
    return changed(args, changes)


def expressions(plan: DashboardsPlan) -> Iterator[tuple[str, str]]:
    """Each query of the JSON as Prometheus would get it, with the title of its panel: panels, annotations, variables."""
    for text in plan.files.values():
        page = json.loads(text)
        for panel in page["panels"]:
            for target in panel.get("targets", []):
                yield panel["title"], filled(target["expr"])
        for annotation in page["annotations"]["list"]:
            yield annotation["name"], filled(annotation["target"]["expr"])
        for variable in page["templating"]["list"]:
            if match := LABEL_VALUES.fullmatch(str(variable.get("definition"))):
                yield variable["name"], f"count by ({match[2]}) ({filled(match[1])})"


def filled(expression: str) -> str:
    """With values in the places of Grafana's variables.

    Raises:
        AssertionError: there is a variable that Grafana would not know.
    """
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    assert "$" not in expression, expression
    return expression


def asked(plan: DashboardsPlan) -> set[Asked]:
    """Every metric that the dashboards ask for, each with the labels of one query."""
    return {found for _, expression in expressions(plan) for found in asked_in(expression)}


def asked_in(expression: str) -> Iterator[Asked]:
    """The metrics of one expression. A label that results are grouped by counts for each metric in the group."""
    return _asked(promql_parser.parse(expression), frozenset())


def _asked(node: Any, grouped: frozenset[str]) -> Iterator[Asked]:
    match node:
        case promql_parser.VectorSelector():
            yield Asked(node.name or "", grouped | {each.name for each in node.matchers.matchers})
        case promql_parser.MatrixSelector():
            yield from _asked(node.vector_selector, grouped)
        case promql_parser.AggregateExpr():
            labels = frozenset(node.modifier.labels) if node.modifier else frozenset()
            yield from _asked(node.expr, grouped | labels)
        case promql_parser.Call():
            for each in node.args:
                yield from _asked(each, grouped)
        case promql_parser.BinaryExpr():
            yield from _asked(node.lhs, grouped)
            yield from _asked(node.rhs, grouped)
        case promql_parser.ParenExpr() | promql_parser.UnaryExpr() | promql_parser.SubqueryExpr():
            yield from _asked(node.expr, grouped)
        case _:
            return


def metrics_of(found: Iterable[Asked]) -> set[str]:
    """Their names."""
    return {each.metric for each in found}
