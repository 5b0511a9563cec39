"""The load balancer behind an Ingress or a Gateway: asked for in the cluster, checked, and resolved to an alias target.

Sources: Kubernetes API reference, `IngressStatus`; Gateway API, `GatewayStatus`; Elastic Load Balancing user guides (names
of load balancers); external-dns documentation, "Annotations" and "Registries", "TXT registry".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import pulumi
import pulumi_kubernetes as kubernetes

from pulumi_seawall._clusters import LONGEST_CONTEXT, guarded, plan_kubeconfig
from pulumi_seawall._inputs import checked_keys, flag, line, member, plain, text
from pulumi_seawall._kubernetes_args import KubernetesTargetArgs, KubernetesTargetKind
from pulumi_seawall._sdk import aws_version, kubernetes_version
from seawall.errors import InvalidInput

TOKENS: Final = {
    KubernetesTargetKind.INGRESS: "kubernetes:networking.k8s.io/v1:Ingress",
    KubernetesTargetKind.GATEWAY: "kubernetes:gateway.networking.k8s.io/v1:Gateway",
}
LONGEST_OBJECT_NAME: Final = 253  # characters, RFC 1123 subdomain
LONGEST_NAMESPACE: Final = 63  # characters, RFC 1123 label
OBJECT_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
APPLICATION: Final = re.compile(r"(?P<internal>internal-)?.+\.(?P<region>[a-z0-9-]+)\.elb\.amazonaws\.com(\.cn)?")
NETWORK: Final = re.compile(r".+\.elb\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?")
HOSTNAME_ANNOTATION: Final = "external-dns.alpha.kubernetes.io/hostname"
ADDRESS_KEYS: Final = ("hostname", "ip", "value")  # of an Ingress's status, the name first; `value` is a Gateway's
OWNED: Final = "heritage=external-dns"  # in the TXT records of external-dns' registry
OWNER_PREFIXES: Final = ("", "a-", "aaaa-", "cname-")  # before the name: the registry's old form, and its own by type


@dataclass(frozen=True, slots=True)
class KubernetesPlan:
    """An object whose load balancer is to be looked up.

    Args:
        where: Prefix of its inputs in messages, e.g. `primary.kubernetes.`.
        region: Where its load balancer must be.
        kind: Ingress or Gateway.
        name: Its name.
        namespace: Its namespace.
        context: The cluster's context.
        kubeconfig: Path or contents.
        dual_stack: Whether it answers on IPv6 too.
        record_name: The name that will point at it.
        private_zone: Whether an internal load balancer is what is wanted.
        search_zone: Whether the zone is searched for the ownership records of external-dns.
    """

    where: str
    region: str
    kind: KubernetesTargetKind
    name: pulumi.Input[str]
    namespace: str
    context: str
    kubeconfig: pulumi.Input[str] | None
    dual_stack: bool
    record_name: str
    private_zone: bool
    search_zone: bool

    @property
    def shown(self) -> str:
        """For messages: kind, namespace and name."""
        return f"{self.kind.value} {self.namespace}/{plain(self.name) or '(named later)'} in {self.context}"


def plan_kubernetes(
    where: str, args: KubernetesTargetArgs, region: str, record_name: str, *, private_zone: bool
) -> KubernetesPlan:
    """Check where to look.

    Raises:
        InvalidInput: A value is not allowed.
    """
    given = checked_keys(where, args, KubernetesTargetArgs)
    return KubernetesPlan(
        where,
        region,
        member(f"{where}kind", given["kind"], KubernetesTargetKind),
        text(f"{where}name", given["name"], object_name),
        _label(f"{where}namespace", given.get("namespace", "default")),
        line(f"{where}context", given["context"], LONGEST_CONTEXT),
        plan_kubeconfig(f"{where}kubeconfig", given.get("kubeconfig")),
        flag(f"{where}dual_stack", given.get("dual_stack", False)),
        record_name,
        private_zone,
        flag(f"{where}search_zone", given.get("search_zone", True)),
    )


def object_name(name: str, value: object) -> str:
    """The name of an object in Kubernetes.

    Raises:
        InvalidInput: It is none.
    """
    known = line(name, value, LONGEST_OBJECT_NAME)
    if not OBJECT_NAME.fullmatch(known):
        raise InvalidInput(name, known, allowed="lower-case letters, digits, inner dots and hyphens")
    return known


def _label(name: str, value: object) -> str:
    known = line(name, value, LONGEST_NAMESPACE)
    if not OBJECT_NAME.fullmatch(known) or "." in known:
        raise InvalidInput(name, known, allowed="lower-case letters, digits and inner hyphens")
    return known


@dataclass(frozen=True, slots=True)
class Balancer:
    """A load balancer's name, and what follows from it."""

    dns_name: str
    region: str
    network: bool
    internal: bool


def balancer_of(dns_name: str) -> Balancer | None:
    """What an AWS load balancer's own name says; `None` when it is no such name."""
    name = dns_name.lower().rstrip(".").removeprefix("dualstack.")
    match = NETWORK.fullmatch(name)
    if match is not None and match["region"] != "amazonaws":
        return Balancer(name, match["region"], network=True, internal=False)
    match = APPLICATION.fullmatch(name)
    if match is None:
        return None
    return Balancer(name, match["region"], network=False, internal=match["internal"] is not None)


def balancer_in(plan: KubernetesPlan, status: Mapping[str, Any] | None) -> Balancer:
    """The load balancer that the object's status names.

    Raises:
        InvalidInput: It has none (yet), or one that no alias can point at, or one of another region.
    """
    label = f"{plan.where}name"
    told = cast("Mapping[str, Mapping[str, object]]", status or {})
    gateway = plan.kind is KubernetesTargetKind.GATEWAY
    entries = told.get("addresses") if gateway else told.get("loadBalancer", {}).get("ingress")
    found = [address for one in _entries(entries) for key in ADDRESS_KEYS if (address := str(one.get(key) or ""))]
    if not found:
        raise InvalidInput(
            label,
            plan.shown,
            allowed="an object with a load balancer's address in its status",
            because="it has none: look at its events and its controller, then deploy again",
        )
    balancer = balancer_of(found[0])
    if balancer is None:
        raise InvalidInput(
            label,
            f"{plan.shown} at {found[0]}",
            allowed="an AWS load balancer",
            because="an alias can point at nothing else; give the address as addresses",
        )
    if balancer.region != plan.region:
        raise InvalidInput(
            label,
            f"{plan.shown} at {balancer.dns_name}",
            allowed=f"a load balancer in {plan.region}, the target's region",
        )
    if balancer.internal and not plan.private_zone:
        raise InvalidInput(
            label,
            f"{plan.shown} at {balancer.dns_name}",
            allowed="an internet-facing load balancer, or private_zone = true",
            because="clients outside the VPC cannot reach an internal one",
        )
    return balancer


def refuse_annotated(plan: KubernetesPlan, metadata: Mapping[str, Any] | None) -> None:
    """Refuse a name that external-dns will write because the object asks for it.

    Raises:
        InvalidInput: The object's annotation names it.
    """
    annotations: Any = (metadata or {}).get("annotations") or {}
    asked = [one.strip().lower().rstrip(".") for one in str(annotations.get(HOSTNAME_ANNOTATION, "")).split(",")]
    if plan.record_name in asked:
        raise InvalidInput(
            "name",
            plan.record_name,
            allowed=f"a name that {plan.shown} does not ask for",
            because=f"external-dns writes it too: take it out of {HOSTNAME_ANNOTATION}",
        )


def refuse_owned(name: str, record_sets: object) -> None:
    """Refuse a name that external-dns says it owns, by its TXT records in the zone.

    Raises:
        InvalidInput: There is one.
    """
    owned = {f"{prefix}{name}" for prefix in OWNER_PREFIXES}
    for one in _entries(record_sets):
        at = str(one.get("name", "")).rstrip(".").lower()
        values = [str(value.get("value", "")) for value in _entries(one.get("resourceRecords"))]
        if one.get("type") == "TXT" and at in owned and any(OWNED in value for value in values):
            raise InvalidInput(
                "name",
                name,
                allowed="a name that nobody else writes",
                because=f"external-dns owns it: its TXT record is at {at}",
            )


def _entries(given: object) -> list[Mapping[str, object]]:
    """A list of objects as a status or a function tells it; empty when there is none."""
    return cast("list[Mapping[str, object]]", given or [])


class _Existing(pulumi.CustomResource):
    """An object that somebody else made: read, never changed."""

    metadata: pulumi.Output[Any]
    status: pulumi.Output[Any]

    def __init__(self, token: str, name: str, id_: pulumi.Input[str], opts: pulumi.ResourceOptions) -> None:
        read = pulumi.ResourceOptions(id=id_, version=kubernetes_version())
        super().__init__(token, name, {"metadata": None, "status": None}, pulumi.ResourceOptions.merge(opts, read))


def resolve(
    parent: pulumi.ComponentResource, name: str, plan: KubernetesPlan, zone_id: pulumi.Input[str]
) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
    """DNS name and hosted zone id of the object's load balancer, once nobody else is known to write the record.

    Args:
        parent: The component.
        name: Of the resources: the object as it is read, and the cluster's provider.
        plan: Where to look.
        zone_id: The zone of the record, which is searched for the ownership records of external-dns.
    """
    provider = kubernetes.Provider(
        name, context=plan.context, kubeconfig=guarded(plan.kubeconfig), opts=pulumi.ResourceOptions(parent=parent)
    )
    id_ = pulumi.Output.concat(plan.namespace, "/", plan.name)
    found = _Existing(TOKENS[plan.kind], name, id_, pulumi.ResourceOptions(parent=parent, provider=provider))

    async def looked_up(known: list[Any]) -> tuple[str, str]:
        metadata, status, zone = known
        balancer = balancer_in(plan, status)
        refuse_annotated(plan, metadata)
        if plan.search_zone:
            pattern = f"{re.escape(plan.record_name)}\\.?$"
            records = await _ask("aws:route53/getRecords:getRecords", {"zoneId": zone, "nameRegex": pattern})
            refuse_owned(plan.record_name, records["resourceRecordSets"])
        kind = "network" if balancer.network else "application"
        asked = {"region": balancer.region, "loadBalancerType": kind}
        told = await _ask("aws:lb/getHostedZoneId:getHostedZoneId", asked)
        return balancer.dns_name, str(told["id"])

    both = pulumi.Output.all(found.metadata, found.status, zone_id).apply(looked_up)
    return both.apply(lambda pair: pair[0]), both.apply(lambda pair: pair[1])


async def _ask(token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    options = pulumi.InvokeOptions(version=aws_version())
    return cast("Mapping[str, Any]", await pulumi.runtime.invoke_async(token, dict(arguments), options))
