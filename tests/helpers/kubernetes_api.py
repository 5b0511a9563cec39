"""An API server of Kubernetes for leases and ConfigMaps on loopback, with its optimistic concurrency: one revision over all.

What it does is that of the real one's generic registry: a PUT with another `resourceVersion` or `uid` is a conflict, and a PUT
of a Lease that does not exist makes it, unless it names a `uid`.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar

from loopback_http import HttpServer, Quiet

PREFIXES = {"/apis/coordination.k8s.io/v1/namespaces/": "leases", "/api/v1/namespaces/": "configmaps"}
CREATED_BY_PUT = {"leases"}  # AllowCreateOnUpdate of its strategy


class KubernetesApi(HttpServer):
    """The server. Use it with `with`."""

    def __init__(self, revision: int = 1000) -> None:
        self.revision = revision
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self.calls: set[tuple[str, str]] = set()
        """Verb and resource, as RBAC has them."""
        self.broken_with: int | None = None
        """Answer everything with this status."""
        self._lock = threading.Lock()
        super().__init__(type("Handler", (_Handler,), {"api": self}))

    def delete(self, kind: str, name: str) -> None:
        """As `kubectl delete` does."""
        with self._lock:
            if self.objects.pop((kind, name), None) is not None:
                self.revision += 1

    def touch(self, kind: str, name: str, key: str, value: str | None) -> None:
        """Change an annotation, as another program might; `None` takes it away."""
        with self._lock:
            notes = self.objects[kind, name]["metadata"]["annotations"]
            notes.pop(key, None)
            if value is not None:
                notes[key] = value
            self._stamp(self.objects[kind, name])

    def get(self, kind: str, name: str) -> tuple[int, dict[str, Any]]:
        with self._lock:
            found = self.objects.get((kind, name))
            return _status(404, "not found") if found is None else (200, found)

    def create(self, kind: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        with self._lock:
            if (kind, body["metadata"]["name"]) in self.objects:
                return _status(409, "already exists")
            if body["metadata"].get("resourceVersion"):
                return _status(422, "resourceVersion should not be set on objects to be created")
            return 201, self._make(kind, body)

    def replace(self, kind: str, name: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        with self._lock:
            present, given = self.objects.get((kind, name)), body["metadata"]
            if present is None:
                if given.get("uid"):
                    return _status(409, "Precondition failed: UID in precondition")
                return (200, self._make(kind, body)) if kind in CREATED_BY_PUT else _status(404, "not found")
            for field in ("uid", "resourceVersion"):
                if given.get(field) not in (None, "", present["metadata"][field]):
                    return _status(409, "the object has been modified")
            given["uid"] = present["metadata"]["uid"]
            self.objects[kind, name] = body
            return 200, self._stamp(body)

    def _make(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        body["metadata"]["uid"] = f"uid-{self.revision + 1}"
        self.objects[kind, body["metadata"]["name"]] = body
        return self._stamp(body)

    def _stamp(self, body: dict[str, Any]) -> dict[str, Any]:
        self.revision += 1
        body["metadata"]["resourceVersion"] = str(self.revision)
        return body


def _status(code: int, message: str) -> tuple[int, dict[str, Any]]:
    return code, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message}


class _Handler(Quiet, BaseHTTPRequestHandler):
    api: ClassVar[KubernetesApi]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        kind, name = self._target()
        self._answer("get", kind, lambda: self.api.get(kind, name))

    def do_POST(self) -> None:
        kind, _ = self._target()
        body = self._body()
        self._answer("create", kind, lambda: self.api.create(kind, body))

    def do_PUT(self) -> None:
        kind, name = self._target()
        body = self._body()
        self._answer("update", kind, lambda: self.api.replace(kind, name, body))

    def _target(self) -> tuple[str, str]:
        for prefix, kind in PREFIXES.items():
            if self.path.startswith(prefix):
                _, resource, *name = self.path.removeprefix(prefix).split("/")
                assert resource == kind, self.path
                return kind, name[0] if name else ""
        raise AssertionError(self.path)

    def _body(self) -> dict[str, Any]:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, verb: str, kind: str, do: Any) -> None:
        self.api.calls.add((verb, kind))
        code, body = do() if self.api.broken_with is None else _status(self.api.broken_with, "broken\nfor the test")
        data = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
