"""A namespace with two Deployments behind a Service, as an API server and its controllers keep it.

What it does is that of the real one: a merge patch over another `resourceVersion` is a conflict; a Deployment makes pods of its
template, which are ready at once unless they are said to start slowly; EndpointSlices follow the Service's selector. It
answers without sockets, or on loopback within `served`, and keeps itself in a file where one is given.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx2
from lightkube import KubeConfig
from lightkube.config.models import Cluster as ClusterConfig
from lightkube.config.models import User

from crash_points import Bomb
from loopback_http import HttpServer, Quiet
from seawall_ops.failover.services_cluster import Cluster

CREATED = {"leases"}  # what may be made here: the lease's own object
NAMESPACE = "prod"


def deployment(side: str, replicas: int) -> dict[str, Any]:
    labels = {"app": "shop", "side": side}
    return {
        "metadata": {"name": f"shop-{side}", "generation": 1, "annotations": {}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}},
        },
    }


class FakeNamespace:
    """The API server.

    Args:
        file: Where it outlives its process.
        bomb: With a point before and after each patch.
    """

    def __init__(self, file: Path | None = None, bomb: Bomb | None = None) -> None:
        self.file = file
        self.bomb = bomb or Bomb()
        self.revision = 100
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self.patches: list[dict[str, Any]] = []
        self.calls: set[tuple[str, str]] = set()
        """Verb and resource, as RBAC has them."""
        self.interfere = 0
        """So many of the next patches find that somebody else has just written."""
        self.starting: set[str] = set()
        """Deployments whose pods never become ready."""
        self.denied: set[tuple[str, str]] = set()
        """Verbs and resources that the user may not use."""
        self.broken_with: int | None = None
        """Answer everything with this status."""
        self.gap = False
        """Whether there was a moment without a ready pod behind the Service."""
        if file is not None and file.exists():
            kept = json.loads(file.read_text(encoding="utf-8"))
            self.revision, self.gap = kept["revision"], kept["gap"]
            self.objects = {(kind, body["metadata"]["name"]): body for kind, body in kept["objects"]}
            return
        self.put("deployments", deployment("blue", 3))
        self.put("deployments", deployment("green", 0))
        self.put(
            "services",
            {
                "metadata": {"name": "shop", "annotations": {}},
                "spec": {"selector": {"app": "shop", "side": "blue"}, "ports": [{"port": 80}]},
            },
        )

    @property
    def cluster(self) -> Cluster:
        config = KubeConfig.from_one(
            cluster=ClusterConfig(server="http://cluster.test", insecure=True), user=User(token="of-the-test")
        )
        return Cluster(NAMESPACE, config.get(), transport=httpx2.MockTransport(self.answer))  # pyright: ignore[reportArgumentType]

    def put(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        self.objects[kind, body["metadata"]["name"]] = body
        return self._stamp(body)

    def change(self, kind: str, name: str, **spec: Any) -> None:
        """As somebody else does."""
        self.objects[kind, name]["spec"].update(spec)
        self._stamp(self.objects[kind, name])

    @property
    def replicas(self) -> dict[str, int]:
        return {name: body["spec"]["replicas"] for (kind, name), body in self.objects.items() if kind == "deployments"}

    @property
    def selector(self) -> dict[str, str]:
        return self.objects["services", "shop"]["spec"]["selector"]

    @property
    def marks(self) -> set[str]:
        """Our annotations, on whatever object."""
        notes = (body["metadata"]["annotations"] for (kind, _), body in self.objects.items() if kind not in CREATED)
        return {key for each in notes for key in each if key.startswith("seawall/")}

    def _stamp(self, body: dict[str, Any]) -> dict[str, Any]:
        self.revision += 1
        body["metadata"]["resourceVersion"] = str(self.revision)
        if self.file is not None:
            kept = [(kind, each) for (kind, _), each in self.objects.items()]
            draft = self.file.with_suffix(".new")
            text = json.dumps({"revision": self.revision, "gap": self.gap, "objects": kept})
            draft.write_text(text, encoding="utf-8")
            draft.replace(self.file)
        return body

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        parts = request.url.path.split(f"/namespaces/{NAMESPACE}/")[1].split("/")
        kind, name = parts[0], parts[1] if len(parts) > 1 else None
        verb = {"GET": "get" if name else "list", "PATCH": "patch", "POST": "create", "PUT": "update"}[request.method]
        self.calls.add((verb, kind))
        if self.broken_with is not None:
            return _status(self.broken_with, "broken\nfor the test")
        if (verb, kind) in self.denied:
            return _status(403, f"User cannot {verb} resource {kind}")
        if verb in ("create", "update"):
            assert kind in CREATED, kind
            return self._write(kind, verb, json.loads(request.content))
        if name is None:
            wanted = request.url.params.get("labelSelector", "")
            labels = dict(each.split("=", 1) for each in wanted.split(",") if each)
            return httpx2.Response(200, json={"kind": "List", "metadata": {}, "items": self._list(kind, labels)})
        found = self.objects.get((kind, name))
        if found is None:
            return _status(404, f'{kind} "{name}" not found')
        if request.method == "PATCH":
            return self._patch(found, json.loads(request.content))
        return httpx2.Response(200, json=self._shown(kind, found))

    def _patch(self, found: dict[str, Any], body: dict[str, Any]) -> httpx2.Response:
        if self.interfere > 0:
            self.interfere -= 1
            self._stamp(found)
        if body["metadata"].pop("resourceVersion") != found["metadata"]["resourceVersion"]:
            return _status(409, "the object has been modified")
        self.bomb.tick("before patch")
        self.patches.append(body)
        _merge(found, body)
        if "spec" in body:
            found["metadata"]["generation"] = found["metadata"].get("generation", 0) + 1
        self.gap = self.gap or not any(self._ready(pod) for pod in self._pods(self.selector))
        answer = httpx2.Response(200, json=self._stamp(found))
        self.bomb.tick("after patch")  # the answer is lost
        return answer

    def _write(self, kind: str, verb: str, body: dict[str, Any]) -> httpx2.Response:
        present, given = self.objects.get((kind, body["metadata"]["name"])), body["metadata"]
        if verb == "create":
            if present is not None:
                return _status(409, "already exists")
            given["uid"] = f"uid-{self.revision}"
        else:
            if present is None:
                return _status(404, "not found")
            if (given["uid"], given["resourceVersion"]) != (
                present["metadata"]["uid"],
                present["metadata"]["resourceVersion"],
            ):
                return _status(409, "the object has been modified")
        return httpx2.Response(200, json=self.put(kind, body))

    def _shown(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        if kind != "deployments":
            return body
        pods = body["spec"]["replicas"]
        ready = 0 if body["metadata"]["name"] in self.starting else pods
        counts = {"updatedReplicas": pods, "readyReplicas": ready, "availableReplicas": ready}
        return {**body, "status": {"observedGeneration": body["metadata"]["generation"], **counts}}

    @staticmethod
    def _ready(pod: dict[str, Any]) -> bool:
        return pod["status"]["conditions"][0]["status"] == "True"

    def _pods(self, labels: dict[str, str]) -> list[dict[str, Any]]:
        pods = [
            {
                "metadata": {
                    "name": f"{name}-{number}",
                    "uid": f"{name}-{number}",
                    "labels": body["spec"]["template"]["metadata"]["labels"],
                },
                "status": {"conditions": [{"type": "Ready", "status": str(name not in self.starting)}]},
            }
            for (kind, name), body in self.objects.items()
            if kind == "deployments"
            for number in range(body["spec"]["replicas"])
        ]
        return [pod for pod in pods if labels.items() <= pod["metadata"]["labels"].items()]

    def _list(self, kind: str, labels: dict[str, str]) -> list[dict[str, Any]]:
        if kind == "pods":
            return self._pods(labels)
        if kind == "endpointslices":
            endpoints = [
                {
                    "addresses": ["10.0.0.1"],
                    "conditions": {"ready": self._ready(pod)},
                    "targetRef": {"kind": "Pod", "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]},
                }
                for pod in self._pods(self.selector)
            ]
            return [{"metadata": {"name": "shop-1"}, "ports": [{"port": 80}], "endpoints": endpoints}]
        return [body for (each, _), body in self.objects.items() if each == kind]


@contextmanager
def served(namespace: FakeNamespace, folder: Path) -> Iterator[Path]:
    """The same over HTTP on loopback, and the kubeconfig that leads there."""
    lock = threading.Lock()

    class Handler(Quiet, BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = httpx2.Request(self.command, f"http://cluster.test{self.path}", content=content)
            with lock:
                found = namespace.answer(request)
            data = found.content
            self.send_response(found.status_code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = answer  # noqa: N815 - their names in the base class

    with HttpServer(Handler) as server:
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(json.dumps(_kubeconfig(server.port)), encoding="utf-8")
        yield kubeconfig


def _kubeconfig(port: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "fake", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "tester", "user": {"token": "of-the-test"}}],
        "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "tester"}}],
        "current-context": "fake",
    }


def _merge(into: dict[str, Any], changes: dict[str, Any]) -> None:
    """RFC 7396."""
    for key, value in changes.items():
        if value is None:
            into.pop(key, None)
        elif isinstance(value, dict):
            _merge(into.setdefault(key, {}), value)
        else:
            into[key] = value


def _status(code: int, message: str) -> httpx2.Response:
    return httpx2.Response(
        code,
        json={
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "code": code,
            "message": message,
            "metadata": {},
        },
    )
