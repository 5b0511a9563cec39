"""How operations that moto's AWS Backup lacks are answered, and where a region keeps what they are about."""

from collections.abc import Callable, Mapping
from typing import Any

from moto.backup import responses
from moto.core.responses import ActionResult

Answer = Mapping[str, Any]


def kept(backend: Any, kind: str) -> dict[Any, Any]:
    """What a region keeps of one kind, beside what moto knows."""
    return backend.__dict__.setdefault(f"kept_{kind}", {})


def answer_operation(name: str, answer: Callable[[Any, dict[str, Any]], Answer]) -> None:
    """Answer an operation that moto lacks: given the region's backend and the request's parameters."""

    def operation(self: Any) -> ActionResult:
        self.parse_parameters(self.normalized_request)
        return ActionResult(answer(self.backup_backend, self.params))

    setattr(responses.BackupResponse, name, operation)
