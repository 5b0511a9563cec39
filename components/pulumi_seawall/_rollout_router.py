"""Who splits the traffic between the stable release and the canary: checks, and what Argo is told.

Sources: Argo Rollouts 1.10, `docs/features/traffic-management`; its Gateway API plugin, `GatewayAPITrafficRouting`; AWS Load
Balancer Controller, "Pod readiness gate".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from pulumi_seawall._clusters import NAMESPACE
from pulumi_seawall._inputs import checked_keys, flag, line, listed, whole
from pulumi_seawall._kubernetes_target import LONGEST_NAMESPACE, object_name
from pulumi_seawall._rollout_args import AlbRouterArgs, CanaryRouterArgs, GatewayRouterArgs, IstioRouterArgs
from seawall.errors import InvalidInput

GATEWAY_PLUGIN: Final = "argoproj-labs/gatewayAPI"
GATEWAY_VERSION: Final = "gateway.networking.k8s.io/v1"
READINESS_GATES: Final = {"elbv2.k8s.aws/pod-readiness-gate-inject": "enabled"}
"""Label of a namespace, by which the controller waits for a pod's target before the pod is ready."""
LONGEST_STICKINESS: Final = 604_800  # seconds: seven days, as Elastic Load Balancing has it
LONGEST_ROUTE: Final = 253  # characters of a route's name
SCALE_DOWN_DELAY_SECONDS: Final = 30  # Argo's own default: until every proxy has heard of the last weight
REFUSED: Final = {
    "nginx": "ingress-nginx was retired in March 2026: use the Gateway API",
    "smi": "the Service Mesh Interface was archived in 2023: use the Gateway API",
    "dynamic_stable_scale": "stable pods go while requests are still on their way to them: 503s (argo-rollouts#4347, #4595)",
}


@dataclass(frozen=True, slots=True)
class RouterPlan:
    """Who splits the traffic.

    Args:
        kind: `alb`, `istio`, `gateway_api`, or `replicas` for nobody.
        services: Names of the stable and of the canary Service; with ping-pong they take turns.
        ping_pong: Whether they do.
        routing: Argo's `trafficRouting`, without what depends on the cluster.
        readiness_gates: Whether the namespace is labeled for them.
        route: The HTTPRoute that is declared, if one is: `gateway`, `gateway_namespace`, `hostnames`.
    """

    kind: str
    services: tuple[str, str]
    ping_pong: bool
    routing: Mapping[str, Any]
    readiness_gates: bool
    route: Mapping[str, Any] | None

    @property
    def splits(self) -> bool:
        """Whether weights are exact: somebody splits requests, and not numbers of pods."""
        return self.kind != "replicas"

    def strategy(self, namespace: str) -> dict[str, Any]:
        """What of Argo's canary strategy follows from the router.

        Args:
            namespace: Of the Rollout.
        """
        first, second = self.services
        names = (
            {"pingPong": {"pingService": first, "pongService": second}}
            if self.ping_pong
            else {"stableService": first, "canaryService": second}
        )
        if not self.splits:
            return names
        plugins = self.routing.get("plugins")
        routing = (
            {"plugins": {name: {**settings, "namespace": namespace} for name, settings in plugins.items()}}
            if plugins
            else dict(self.routing)
        )
        return {
            **names,
            "trafficRouting": routing,
            "scaleDownDelaySeconds": SCALE_DOWN_DELAY_SECONDS,
            "abortScaleDownDelaySeconds": SCALE_DOWN_DELAY_SECONDS,
        }


def plan_router(args: object, name: str, service_port: int) -> RouterPlan:
    """The router, checked.

    Args:
        args: The argument `router`; an empty dictionary for none.
        name: Of the Rollout, and of the Service before both others.
        service_port: Of the Services.

    Raises:
        InvalidInput: A value is not allowed, or there is more than one router.
    """
    given = cast("dict[str, Any]", checked_keys("router.", args, CanaryRouterArgs, REFUSED))
    if len(given) > 1:
        raise InvalidInput("router", ", ".join(sorted(given)), allowed="at most one of alb, istio and gateway_api")
    if "alb" in given:
        return _alb(given["alb"], name, service_port)
    named = (f"{name}-stable", f"{name}-canary")
    if "istio" in given:
        return RouterPlan("istio", named, False, {"istio": _istio(given["istio"])}, False, None)
    if "gateway_api" in given:
        return _gateway(given["gateway_api"], name, named)
    return RouterPlan("replicas", named, False, {}, False, None)


def http_route(plan: RouterPlan, namespace: str, service_port: int) -> dict[str, Any] | None:
    """The `spec` of the HTTPRoute that is declared; None where none is. Argo owns the weights in it."""
    if plan.route is None:
        return None
    parent = {"name": plan.route["gateway"], "namespace": plan.route.get("gateway_namespace", namespace)}
    stable, canary = plan.services
    return {
        "parentRefs": [parent],
        **({"hostnames": plan.route["hostnames"]} if plan.route.get("hostnames") else {}),
        "rules": [
            {
                "backendRefs": [
                    {"name": stable, "port": service_port, "weight": 100},
                    {"name": canary, "port": service_port, "weight": 0},
                ]
            }
        ],
    }


def _alb(args: object, name: str, service_port: int) -> RouterPlan:
    where = "router.alb."
    given = cast("dict[str, Any]", checked_keys(where, args, AlbRouterArgs, REFUSED))
    ping_pong = flag(f"{where}ping_pong", given.get("ping_pong", True))
    gates = flag(f"{where}readiness_gates", given.get("readiness_gates", True))
    routing: dict[str, Any] = {
        "ingress": object_name(f"{where}ingress", given["ingress"]),
        "servicePort": service_port,
        "rootService": name,
    }
    if "annotation_prefix" in given:
        routing["annotationPrefix"] = object_name(f"{where}annotation_prefix", given["annotation_prefix"])
    if "stickiness_seconds" in given:
        seconds = whole(f"{where}stickiness_seconds", given["stickiness_seconds"], 1, LONGEST_STICKINESS, "seconds")
        routing["stickinessConfig"] = {"enabled": True, "durationSeconds": seconds}
    services = (f"{name}-ping", f"{name}-pong") if ping_pong else (f"{name}-stable", f"{name}-canary")
    return RouterPlan("alb", services, ping_pong, {"alb": routing}, gates, None)


def _istio(args: object) -> dict[str, Any]:
    where = "router.istio."
    given = cast("dict[str, Any]", checked_keys(where, args, IstioRouterArgs, REFUSED))
    service: dict[str, Any] = {"name": object_name(f"{where}virtual_service", given["virtual_service"])}
    routes = [
        line(f"{where}routes[{place}]", route, LONGEST_ROUTE)
        for place, route in enumerate(listed(f"{where}routes", given.get("routes", [])))
    ]
    if routes:
        service["routes"] = routes
    return {"virtualService": service}


def _gateway(args: object, name: str, services: tuple[str, str]) -> RouterPlan:
    where = "router.gateway_api."
    given = cast("dict[str, Any]", checked_keys(where, args, GatewayRouterArgs, REFUSED))
    if ("http_route" in given) == ("gateway" in given):
        raise InvalidInput(
            "router.gateway_api", ", ".join(sorted(given)) or "{}", allowed="exactly one of http_route and gateway"
        )
    if "http_route" in given:
        for key in ("gateway_namespace", "hostnames"):
            if key in given:
                raise InvalidInput(
                    f"{where}{key}", given[key], allowed="only with gateway, for which a route is declared"
                )
        route, declared = object_name(f"{where}http_route", given["http_route"]), None
    else:
        route = name
        declared = {"gateway": object_name(f"{where}gateway", given["gateway"])} | _reach_of(where, given)
    return RouterPlan(
        "gateway_api", services, False, {"plugins": {GATEWAY_PLUGIN: {"httpRoute": route}}}, False, declared
    )


def _reach_of(where: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Where the Gateway is, and which names are its route's."""
    reach: dict[str, Any] = {}
    if "gateway_namespace" in given:
        namespace = line(f"{where}gateway_namespace", given["gateway_namespace"], LONGEST_NAMESPACE)
        if not NAMESPACE.fullmatch(namespace):
            raise InvalidInput(f"{where}gateway_namespace", namespace, allowed="a namespace's name")
        reach["gateway_namespace"] = namespace
    if "hostnames" in given:
        hosts = listed(f"{where}hostnames", given["hostnames"])
        for place, host in enumerate(hosts):
            object_name(f"{where}hostnames[{place}]", host.removeprefix("*.") if isinstance(host, str) else host)
        reach["hostnames"] = hosts
    return reach
