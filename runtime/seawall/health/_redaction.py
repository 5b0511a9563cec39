"""What of a result is told to whom."""

import re
from collections.abc import Mapping
from typing import Any, Final

from seawall.health._registry import HealthReport
from seawall.health._runner import CheckResult

__all__ = ["body_of", "masked"]

MASK: Final = "***"
LONGEST_TEXT: Final = 4000  # characters, the end of it: a probe's body is not a log
_IN_URL: Final = re.compile(r"(?<=://)[^/\s@]*@")
_IN_TEXT: Final = re.compile(
    r"(?i)((?:password|passwd|pwd|secret|token|api[-_]?key|authorization)[\"']?\s*[=:]\s*)"
    r"(?:(?:bearer|basic)\s+)?(?:\"[^\"]*\"|'[^']*'|[^\s,;&\"')]+)"
)


def masked(text: str) -> str:
    """The text without what looks like credentials: drivers put their whole connection string into an error."""
    return _IN_TEXT.sub(rf"\1{MASK}", _IN_URL.sub(f"{MASK}@", text))


def body_of(report: HealthReport, *, trusted: bool) -> Mapping[str, Any]:
    """The answer's JSON. Only who is trusted sees what a check or a driver said: it names hosts.

    Credentials are masked in either case.
    """
    return {
        "status": report.status.value,
        "timestamp": report.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "redacted": not trusted,
        "checks": {
            name: {
                "status": "healthy" if result.healthy else "unhealthy",
                "outcome": result.outcome.value,
                "critical": name in report.critical,
                "duration_seconds": round(result.duration_seconds, 6),
                **(_details(result) if trusted else {}),
            }
            for name, result in report.results.items()
        },
    }


def _details(result: CheckResult) -> dict[str, str]:
    said = {"note": result.note, "error": result.error, "trace": result.trace}
    return {name: masked(text)[-LONGEST_TEXT:] for name, text in said.items() if text is not None}
