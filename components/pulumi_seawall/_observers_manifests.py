"""The objects of one failure domain as manifests, each whole.

Sources: Kubernetes API reference; libpq's environment variables; `seawall failover observe --help`.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import pulumi

from pulumi_seawall._observers_plan import DatabaseLogin, ObserversPlan
from pulumi_seawall._pod_parts import (
    CONTAINER_SECURITY,
    REGION_VARIABLE,
    TOPOLOGY_MOUNT,
    pod_security,
    topology_variables,
    topology_volume,
    variables,
)
from seawall.contract import DECLARED_KEY

CONTAINER: Final = "observer"
SETTINGS_KEY: Final = "failover.yaml"
SETTINGS_FILE: Final = f"/etc/seawall/{SETTINGS_KEY}"
CERTIFICATES: Final = "/etc/seawall/database"
STATE: Final = "/var/lib/seawall"  # journals of this process, and its heartbeat
STATE_VARIABLE: Final = "SEAWALL_STATE"
HEARTBEAT: Final = f"{STATE}/heartbeat"
SETTINGS_MARK: Final = "seawall/settings"  # of the pods: an observer reads its file once, when it starts
ALIVE: Final = (
    "import sys, time; sys.exit(not 0 <= time.monotonic() - float(open(sys.argv[1]).read()) <= float(sys.argv[2]))"
)
"""Whether the heartbeat is young enough, by the clock that it was written by: monotonic, and the node's."""
PROBE_TIMEOUT_SECONDS: Final = 5  # an interpreter starts in 0.1 s, on a node that has CPUs left
LIVENESS_SECONDS: Final = 10
LIVENESS_FAILURES: Final = 2  # the heartbeat's age says it already; one more look for a busy node
STARTUP_PERIOD_SECONDS: Final = 5
STARTUP_SECONDS: Final = 120  # an interpreter, clients of AWS, the topology

Manifest = dict[str, Any]


def config_map(plan: ObserversPlan, region: str) -> Manifest:
    """The settings; outside of the service's regions the topology, too."""
    data: dict[str, Any] = {SETTINGS_KEY: plan.settings.text}
    if region not in plan.regions:
        data[DECLARED_KEY] = plan.document
    return {**_object(plan, region, "v1", "ConfigMap"), "data": data}


def service_account(plan: ObserversPlan, region: str) -> Manifest | None:
    """The pods' service account, where it is ours."""
    if plan.service_account is not None:
        return None
    return {**_object(plan, region, "v1", "ServiceAccount"), "automountServiceAccountToken": False}


def network_policy(plan: ObserversPlan, region: str) -> Manifest | None:
    """Lets nobody connect to the pods, where that is wanted."""
    if not plan.deny_ingress:
        return None
    spec = {"podSelector": {"matchLabels": plan.labels}, "policyTypes": ["Ingress"]}
    return {**_object(plan, region, "networking.k8s.io/v1", "NetworkPolicy"), "spec": spec}


def deployment(plan: ObserversPlan, region: str) -> Manifest:
    """One observer. Never two at a time: of two with one name the later ends the earlier."""
    spec = {
        "replicas": 1,
        "strategy": {"type": "Recreate"},
        "selector": {"matchLabels": plan.labels},
        "template": {
            "metadata": {"labels": plan.labels, "annotations": {SETTINGS_MARK: _mark(plan.settings.text)}},
            "spec": _pod(plan, region),
        },
    }
    return {**_object(plan, region, "apps/v1", "Deployment"), "spec": spec}


def _mark(settings: pulumi.Input[str]) -> pulumi.Input[str]:
    """Another one for other settings, so that Kubernetes starts the observer anew."""
    if isinstance(settings, str):
        return hashlib.sha256(settings.encode()).hexdigest()
    return pulumi.Output.from_input(settings).apply(lambda known: hashlib.sha256(known.encode()).hexdigest())


def _pod(plan: ObserversPlan, region: str) -> dict[str, Any]:
    topology = topology_volume(plan.service)
    if region not in plan.regions:
        items = [{"key": DECLARED_KEY, "path": DECLARED_KEY}]
        topology = {"name": topology["name"], "configMap": {"name": plan.name, "items": items}}
    volumes: list[dict[str, Any]] = [
        {"name": "settings", "configMap": {"name": plan.name}},
        {"name": "state", "emptyDir": {}},
        topology,
    ]
    mounts: list[dict[str, Any]] = [
        # By subPath, beside the topology; it is never updated, and need not be: see `SETTINGS_MARK`.
        {"name": "settings", "mountPath": SETTINGS_FILE, "subPath": SETTINGS_KEY, "readOnly": True},
        {"name": "state", "mountPath": STATE},
        dict(TOPOLOGY_MOUNT),
    ]
    certificate = plan.database.certificate if plan.database else None
    if certificate is not None:
        source = {"secretName" if certificate.kind == "secret" else "name": certificate.name}
        items = [{"key": certificate.key, "path": certificate.key}]
        volumes.append({"name": "certificates", certificate.kind: {**source, "items": items}})
        mounts.append({"name": "certificates", "mountPath": CERTIFICATES, "readOnly": True})
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "serviceAccountName": plan.account,
        "containers": [
            {
                "name": CONTAINER,
                "image": plan.image,
                "command": _command(plan, region),
                "env": _variables(plan, region),
                "resources": {"requests": dict(plan.requests), "limits": dict(plan.limits)},
                "startupProbe": _probe(plan, STARTUP_PERIOD_SECONDS, STARTUP_SECONDS // STARTUP_PERIOD_SECONDS),
                "livenessProbe": _probe(plan, LIVENESS_SECONDS, LIVENESS_FAILURES),
                "securityContext": dict(CONTAINER_SECURITY),
                "volumeMounts": mounts,
            }
        ],
        **({"priorityClassName": plan.priority_class} if plan.priority_class else {}),
        "securityContext": pod_security(plan.run_as),
        "terminationGracePeriodSeconds": plan.grace_seconds,
        "volumes": volumes,
    }


def _command(plan: ObserversPlan, region: str) -> list[str]:
    command = ["seawall", "failover", "observe", "--settings", SETTINGS_FILE, "--domain", region]
    command += ["--name", plan.observer(region), "--heartbeat", HEARTBEAT]
    return [*command, *(["--act"] if plan.act else [])]


def _probe(plan: ObserversPlan, period: int, failures: int) -> dict[str, Any]:
    """Once its vote counts as stale an observer that is stuck is of no use to anybody."""
    oldest = f"{plan.settings.staleness_seconds:g}"
    return {
        "exec": {"command": ["python", "-I", "-S", "-c", ALIVE, HEARTBEAT, oldest]},
        "periodSeconds": period,
        "timeoutSeconds": PROBE_TIMEOUT_SECONDS,
        "failureThreshold": failures,
    }


def _variables(plan: ObserversPlan, region: str) -> list[dict[str, Any]]:
    topology = topology_variables(plan.service, plan.environment, follow_live=True, live_region=plan.settings.arbiter)
    plain = {**plan.env, REGION_VARIABLE: region, STATE_VARIABLE: STATE, **topology}
    secrets = dict(plan.secrets)
    if plan.database is not None:
        plain |= _libpq(plan.database)
        secrets |= {"PGUSER": plan.database.user, "PGPASSWORD": plan.database.password}
    return variables(plain, secrets)


def _libpq(database: DatabaseLogin) -> dict[str, str]:
    """How the server is made sure of. No PGPASSFILE: libpq refuses one that its group can read, as a mounted Secret is."""
    certificate = database.certificate
    root = {"PGSSLROOTCERT": f"{CERTIFICATES}/{certificate.key}"} if certificate else {}
    return {"PGSSLMODE": database.ssl_mode.value, **root}


def _object(plan: ObserversPlan, region: str, version: str, kind: str) -> Manifest:
    labels: Mapping[str, str] = {**plan.labels, "app.kubernetes.io/part-of": plan.service}
    metadata = {"name": plan.name, "namespace": plan.clusters[region].namespace, "labels": dict(labels)}
    return {"apiVersion": version, "kind": kind, "metadata": metadata}
