"""Which series and labels a PromQL expression is about."""

import re
from typing import Any

import promql_parser


def selectors(node: Any) -> list[Any]:
    """Every vector selector in a parsed expression, those of ranges included."""
    if node is None:
        return []
    if isinstance(node, promql_parser.VectorSelector):
        return [node]
    if isinstance(node, promql_parser.MatrixSelector):
        return [node.vector_selector]
    if isinstance(node, promql_parser.Call):
        return [found for each in node.args for found in selectors(each)]
    parts = [getattr(node, name, None) for name in ("lhs", "rhs", "expr", "param")]
    return [found for part in parts for found in selectors(part)]


def grouped(expr: str) -> set[str]:
    """Every label that is grouped by."""
    found = re.findall(r"\bby ?\(([^)]*)\)", expr)
    return {label.strip() for labels in found for label in labels.split(",") if label.strip()}
