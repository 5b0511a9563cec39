"""Inputs that are JSON in a text: policies and the like."""

import json
from collections.abc import Iterator
from typing import Any

from localcloud.provider.adapter import Properties
from seawall.errors import InvalidInput


def json_normal(text: Any) -> Any:
    """Normalizer: two policies are the same when they parse to the same."""
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except (TypeError, ValueError):
        return text


def json_refusals(inputs: Properties, name: str) -> Iterator[InvalidInput]:
    """An error when that input is a text that is no JSON."""
    value = inputs.get(name)
    if isinstance(value, str):
        try:
            json.loads(value)
        except ValueError:
            yield InvalidInput(name, "(given)", allowed="JSON")
