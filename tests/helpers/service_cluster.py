"""A namespace with two Deployments behind a Service, as an API server and its controllers keep it. No sockets.

What it does is that of the real one: a merge patch over another `resourceVersion` is a conflict; a Deployment makes pods of its
template, which are ready at once; EndpointSlices follow the Service's selector.
"""

import json
from typing import Any

import httpx2
from lightkube import KubeConfig
from lightkube.config.models import Cluster as ClusterConfig
from lightkube.config.models import User

from seawall_ops.failover.services_cluster import Cluster

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
    """The API server."""

    def __init__(self) -> None:
        self.revision = 100
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self.patches: list[dict[str, Any]] = []
        self.calls: set[tuple[str, str]] = set()
        """Verb and resource, as RBAC has them."""
        self.interfere = 0
        """So many of the next patches find that somebody else has just written."""
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
            cluster=ClusterConfig(server="http://cluster.test"), user=User(token="of-the-test")
        )
        return Cluster(NAMESPACE, config.get(), transport=httpx2.MockTransport(self._answer))  # pyright: ignore[reportArgumentType]

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

    def _stamp(self, body: dict[str, Any]) -> dict[str, Any]:
        self.revision += 1
        body["metadata"]["resourceVersion"] = str(self.revision)
        return body

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        parts = request.url.path.split(f"/namespaces/{NAMESPACE}/")[1].split("/")
        kind, name = parts[0], parts[1] if len(parts) > 1 else None
        verb = {"GET": "get" if name else "list", "PATCH": "patch"}[request.method]
        self.calls.add((verb, kind))
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
        self.patches.append(body)
        _merge(found, body)
        return httpx2.Response(200, json=self._stamp(found))

    def _shown(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        if kind != "deployments":
            return body
        pods = body["spec"]["replicas"]
        counts = dict.fromkeys(("updatedReplicas", "readyReplicas", "availableReplicas"), pods)
        return {**body, "status": {"observedGeneration": 1, **counts}}

    def _pods(self, labels: dict[str, str]) -> list[dict[str, Any]]:
        pods = [
            {
                "metadata": {
                    "name": f"{name}-{number}",
                    "uid": f"{name}-{number}",
                    "labels": body["spec"]["template"]["metadata"]["labels"],
                },
                "status": {"conditions": [{"type": "Ready", "status": "True"}]},
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
                    "conditions": {"ready": True},
                    "targetRef": {"kind": "Pod", "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]},
                }
                for pod in self._pods(self.selector)
            ]
            return [{"metadata": {"name": "shop-1"}, "ports": [{"port": 80}], "endpoints": endpoints}]
        return [body for (each, _), body in self.objects.items() if each == kind]


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
