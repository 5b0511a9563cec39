"""Alertmanager's own rules of routing, in a few lines: which receivers an alert reaches, in either spelling of the routes.

Source: Alertmanager's documentation, "Configuration", "Routing-related settings": children are asked in their order; the first
that matches takes the alert unless it says `continue`; a node whose children take nothing takes it itself.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

WRITTEN = re.compile(r"(?P<name>[a-zA-Z_][a-zA-Z0-9_]*)(?P<matchType>=~|!~|!=|=)(?P<quoted>\".*\")")


def _condition(matcher: Mapping[str, str] | str) -> tuple[str, str, str]:
    if not isinstance(matcher, str):
        return matcher["name"], matcher["matchType"], matcher["value"]
    found = WRITTEN.fullmatch(matcher)
    assert found, matcher
    return found["name"], found["matchType"], json.loads(found["quoted"])


def holds(matcher: Mapping[str, str] | str, labels: Mapping[str, str]) -> bool:
    """Whether a condition holds; a label that is absent is empty."""
    name, operator, value = _condition(matcher)
    own = labels.get(name, "")
    same = own == value if operator in ("=", "!=") else re.fullmatch(value, own) is not None
    return same is (operator in ("=", "=~"))


def routes_of(
    route: Mapping[str, Any], labels: Mapping[str, str], above: Mapping[str, Any] = {}
) -> Iterator[dict[str, Any]]:
    """The routes that an alert ends in, with what they have from those above them."""
    if not all(holds(each, labels) for each in route.get("matchers", [])):
        return
    own = {**{key: value for key, value in above.items() if key not in ("routes", "matchers", "continue")}, **route}
    taken = False
    for child in route.get("routes", []):
        found = list(routes_of(child, labels, own))
        yield from found
        taken = taken or bool(found)
        if found and not child.get("continue"):
            break
    if not taken:
        yield own


def receivers_of(route: Mapping[str, Any], labels: Mapping[str, str]) -> list[str]:
    """Names of the receivers that an alert reaches, in their order."""
    return [each["receiver"] for each in routes_of(route, labels)]


def inhibits(rule: Mapping[str, Any], source: Mapping[str, str], target: Mapping[str, str]) -> bool:
    """Whether one alert keeps another one back; either spelling."""
    sources = rule.get("source_matchers") or rule["sourceMatch"]
    targets = rule.get("target_matchers") or rule["targetMatch"]
    return (
        all(holds(each, source) for each in sources)
        and all(holds(each, target) for each in targets)
        and all(source.get(label, "") == target.get(label, "") for label in rule["equal"])
    )
