"""The health paths, described in OpenAPI 3.1."""

from typing import Any, Final

from seawall.health._registry import Probe, Status
from seawall.health._runner import Outcome

__all__ = ["PATHS", "health_openapi"]

PATHS: Final = {
    "/livez": Probe.LIVE,
    "/startupz": Probe.STARTED,
    "/readyz": Probe.READY,
    "/regionz": Probe.REGION,
    "/health": Probe.ALL,
}
"""Path to who asks there."""

_SUMMARIES: Final = {
    Probe.LIVE: "Whether the process runs: if not, restart it",
    Probe.STARTED: "Whether it has started",
    Probe.READY: "Whether to send it requests",
    Probe.REGION: "Whether its region can serve, whatever all regions depend on",
    Probe.ALL: "What every check found",
}


def health_openapi(prefix: str = "") -> dict[str, Any]:
    """An OpenAPI document of the health paths, to publish or to merge into an app's own.

    Args:
        prefix: Where the app is mounted, e.g. `/internal`; empty or without a slash at its end.
    """
    return {
        "openapi": "3.1.0",
        "info": {"title": "Health", "version": "1", "description": "What probes ask. See the manual, health."},
        "paths": {
            f"{prefix}{path}": {method: _operation(probe, method) for method in ("get", "head")}
            for path, probe in PATHS.items()
        },
        "components": {
            "schemas": {"HealthReport": _REPORT, "CheckResult": _RESULT},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(probe: Probe, method: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/HealthReport"}}} if method == "get" else {}
    headers = {"Cache-Control": {"required": True, "schema": {"const": "no-store"}}}
    return {
        "operationId": f"{method}_{probe.value}",
        "summary": _SUMMARIES[probe],
        # Either way: the token only uncovers details.
        "security": [{}, {"token": []}],
        "responses": {
            "200": {"description": "It does.", "headers": headers, "content": content},
            "503": {"description": "It does not.", "headers": headers, "content": content},
        },
    }


_RESULT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["status", "outcome", "critical", "duration_seconds"],
    "additionalProperties": False,
    "properties": {
        "status": {"enum": ["healthy", "unhealthy"]},
        "outcome": {"enum": [each.value for each in Outcome]},
        "critical": {"type": "boolean", "description": "Whether it decides."},
        "duration_seconds": {"type": "number", "minimum": 0},
        "note": {"type": "string", "description": "What the check had to say. Only with the token."},
        "error": {"type": "string", "description": "What it raised. Only with the token."},
        "trace": {"type": "string", "description": "Where it was raised. Only with the token."},
    },
}
_REPORT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["status", "timestamp", "redacted", "checks"],
    "additionalProperties": False,
    "properties": {
        "status": {"enum": [each.value for each in Status]},
        "timestamp": {"type": "string", "format": "date-time"},
        "redacted": {"type": "boolean", "description": "Whether details were left out for want of the token."},
        "checks": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/CheckResult"}},
    },
}
