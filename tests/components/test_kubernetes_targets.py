"""Targets that are the load balancer of an Ingress or a Gateway: looked up, checked, and left alone where they are owned."""

from typing import Any

import pulumi
import pytest

import pulumi_seawall
from pulumi_seawall import plan_failover, plan_weighted
from pulumi_seawall._kubernetes_target import (
    KubernetesPlan,
    balancer_in,
    balancer_of,
    plan_kubernetes,
    refuse_annotated,
    refuse_owned,
)
from seawall.errors import InvalidInput

HOME, AWAY, NAME = "eu-west-1", "us-east-1", "shop.example.com"
ALB = "k8s-shop-web-0123456789-1234567890.eu-west-1.elb.amazonaws.com"
NLB = "k8s-shop-web-0123456789-0123456789abcdef.elb.eu-west-1.amazonaws.com"
RECORDS = "aws:route53/getRecords:getRecords"


def ingress(context: str = "eu", **more: Any) -> Any:
    return {"kind": "Ingress", "name": "web", "namespace": "shop", "context": context, **more}


def planned(args: Any = None, **more: Any) -> KubernetesPlan:
    return plan_kubernetes("primary.kubernetes.", args or ingress(), HOME, NAME, private_zone=False, **more)


def status_of(*hosts: str) -> dict[str, Any]:
    return {"loadBalancer": {"ingress": [{"hostname": host} for host in hosts]}}


def pair(**more: Any) -> Any:
    """Two regions whose load balancers the clusters know."""
    return {
        "zone_id": "Z1",
        "name": NAME,
        "primary": {"region": HOME, "kubernetes": ingress("eu")},
        "secondary": {"region": AWAY, "kubernetes": ingress("us", kind="Gateway")},
        **more,
    }


@pytest.fixture
def clusters(deployment: Any) -> Any:
    """What both clusters answer."""
    deployment.answers |= {
        "Ingress::shop-eu-west-1": {"metadata": {"name": "web"}, "status": status_of(ALB)},
        "Gateway::shop-us-east-1": {
            "metadata": {"name": "web"},
            "status": {"addresses": [{"type": "Hostname", "value": NLB.replace(HOME, AWAY)}]},
        },
    }
    return deployment


def test_both_sides_become_aliases_to_what_the_clusters_say(deploy, clusters):
    """The object is read by the region's own provider; zone ids follow from the kind of load balancer and its region."""
    deployment = deploy(lambda: pulumi_seawall.FailoverRecord("shop", pair()))
    records = deployment.of("Record")
    assert records["shop-primary-a"].inputs["aliases"] == [
        {"name": ALB, "zoneId": "ZELB", "evaluateTargetHealth": True}
    ]
    assert records["shop-secondary-a"].inputs["aliases"] == [
        {"name": NLB.replace(HOME, AWAY), "zoneId": "ZELB", "evaluateTargetHealth": True}
    ]
    read = {made.name: (made.type, made.import_id) for made in deployment.made if made.import_id}
    assert read == {
        "shop-eu-west-1": ("kubernetes:networking.k8s.io/v1:Ingress", "shop/web"),
        "shop-us-east-1": ("kubernetes:gateway.networking.k8s.io/v1:Gateway", "shop/web"),
    }
    providers = [made.inputs["context"] for made in deployment.made if made.type == "pulumi:providers:kubernetes"]
    assert sorted(providers) == ["eu", "us"]


def test_an_entry_of_a_group_is_looked_up_too(deploy, deployment):
    """A weighted name over two clusters of one region, as during a move to a new one."""
    deployment.answers["Ingress::shop-blue"] = {"status": status_of(ALB)}
    args: Any = {
        "zone_id": "Z1",
        "name": NAME,
        "entries": [{"name": "blue", "weight": 1, "target": {"region": HOME, "kubernetes": ingress()}}],
    }
    records = deploy(lambda: pulumi_seawall.WeightedRecord("shop", args)).of("Record")
    assert records["shop-blue-a"].inputs["aliases"][0]["name"] == ALB


def test_the_record_waits_for_an_object_of_the_same_program(deploy, clusters):
    """Its name is an output: the provider gives it once the object, and so its load balancer, is there."""
    later = pulumi.Output.from_input("web").apply(lambda name: name)
    args = pair(primary={"region": HOME, "kubernetes": ingress("eu", name=later)})
    records = deploy(lambda: pulumi_seawall.FailoverRecord("shop", args)).of("Record")
    assert records["shop-primary-a"].inputs["aliases"][0]["name"] == ALB


def test_a_name_that_external_dns_owns_in_the_zone_is_refused_before_the_record(deploy, clusters):
    """Two writers of one name undo each other, every minute, for ever."""
    clusters.functions[RECORDS] = {
        "id": "x",
        "resourceRecordSets": [
            {
                "name": f"a-{NAME}.",
                "type": "TXT",
                "resourceRecords": [{"value": '"heritage=external-dns,external-dns/owner=eu"'}],
            }
        ],
    }
    with pytest.raises(Exception, match=f"external-dns owns it: its TXT record is at a-{NAME}"):
        deploy(lambda: pulumi_seawall.FailoverRecord("shop", pair()))
    assert clusters.of("Record") == {}


def test_a_zone_that_may_not_be_read_is_not_searched_when_that_is_said(deploy, clusters):
    """Whoever may write records and not list them is not locked out; whoever does not say so is stopped, and sees why."""
    clusters.functions[RECORDS] = PermissionError("AccessDenied: route53:ListResourceRecordSets")
    unsearched = pair(
        primary={"region": HOME, "kubernetes": ingress("eu", search_zone=False)},
        secondary={"region": AWAY, "kubernetes": ingress("us", kind="Gateway", search_zone=False)},
    )
    assert "shop-primary-a" in deploy(lambda: pulumi_seawall.FailoverRecord("shop", unsearched)).of("Record")
    with pytest.raises(Exception, match="ListResourceRecordSets"):
        deploy(lambda: pulumi_seawall.FailoverRecord("shop", pair()))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (ALB, (HOME, False, False)),
        (f"dualstack.{ALB}.", (HOME, False, False)),
        (f"internal-{ALB}", (HOME, False, True)),
        (NLB, (HOME, True, False)),
        ("a.elb.cn-north-1.amazonaws.com.cn", ("cn-north-1", True, False)),
        ("a-1.cn-north-1.elb.amazonaws.com.cn", ("cn-north-1", False, False)),
        ("d1.cloudfront.net", None),
        ("192.0.2.1", None),
        ("shop.example.com", None),
    ],
)
def test_a_load_balancers_name_says_what_and_where_it_is(host, expected):
    """The zone id follows from both."""
    found = balancer_of(host)
    assert (None if found is None else (found.region, found.network, found.internal)) == expected


BAD_STATUS: dict[str, tuple[Any, str]] = {
    "no status": (
        None,
        (
            "primary.kubernetes.name = Ingress shop/web in eu: an object with a load balancer's address in its status, "
            "because it has none: look at its events and its controller, then deploy again"
        ),
    ),
    "an address": (
        {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}},
        (
            "primary.kubernetes.name = Ingress shop/web in eu at 192.0.2.1: an AWS load balancer, because an alias can point "
            "at nothing else; give the address as addresses"
        ),
    ),
    "another region": (
        status_of(ALB.replace(HOME, AWAY)),
        (
            f"primary.kubernetes.name = Ingress shop/web in eu at {ALB.replace(HOME, AWAY)}: a load balancer in eu-west-1, "
            "the target's region"
        ),
    ),
    "an internal one": (
        status_of(f"internal-{ALB}"),
        (
            f"primary.kubernetes.name = Ingress shop/web in eu at internal-{ALB}: an internet-facing load balancer, or "
            "private_zone = true, because clients outside the VPC cannot reach an internal one"
        ),
    ),
}


@pytest.mark.parametrize("what", BAD_STATUS)
def test_a_status_that_leads_nowhere_is_one_exact_line(what):
    """Whoever waits for a load balancer learns which object has none, in which cluster, and what to look at."""
    status, expected = BAD_STATUS[what]
    with pytest.raises(InvalidInput) as caught:
        balancer_in(planned(), status)
    assert str(caught.value) == expected


def test_an_empty_status_of_a_gateway_is_refused_and_an_internal_one_suits_a_private_zone():
    """Both kinds have their own status; inside a VPC an internal load balancer is the point."""
    with pytest.raises(InvalidInput, match="Gateway shop/web in eu"):
        balancer_in(planned(ingress(kind="Gateway")), {"addresses": []})
    inside = plan_kubernetes("x.", ingress(), HOME, NAME, private_zone=True)
    assert balancer_in(inside, status_of(f"internal-{ALB}")).internal


def test_a_name_that_the_object_gives_to_external_dns_is_refused():
    """The annotation is a list; any of its names counts."""
    asked = {"annotations": {"external-dns.alpha.kubernetes.io/hostname": f"www.example.com, {NAME.upper()}."}}
    with pytest.raises(InvalidInput) as caught:
        refuse_annotated(planned(), asked)
    assert str(caught.value) == (
        "name = shop.example.com: a name that Ingress shop/web in eu does not ask for, because external-dns writes it too: "
        "take it out of external-dns.alpha.kubernetes.io/hostname"
    )
    refuse_annotated(planned(), {"annotations": {"external-dns.alpha.kubernetes.io/hostname": "www.example.com"}})
    refuse_annotated(planned(), None)


@pytest.mark.parametrize("prefix", ["", "a-", "aaaa-", "cname-"])
def test_every_form_of_the_ownership_record_is_known(prefix):
    """external-dns writes them by type since 0.12, and without a type before."""
    text = {"value": '"heritage=external-dns,external-dns/owner=default"'}
    record = {"name": f"{prefix}{NAME}.", "type": "TXT", "resourceRecords": [text]}
    with pytest.raises(InvalidInput, match="external-dns owns it"):
        refuse_owned(NAME, [record])


def test_other_texts_and_other_names_own_nothing():
    """A verification text at the name, or an ownership record of another name, is no reason to refuse."""
    text = {"value": '"heritage=external-dns"'}
    refuse_owned(NAME, [{"name": f"{NAME}.", "type": "TXT", "resourceRecords": [{"value": '"v=spf1 -all"'}]}])
    refuse_owned(NAME, [{"name": f"a-other.{NAME}.", "type": "TXT", "resourceRecords": [text]}])
    refuse_owned(NAME, None)


BAD: dict[str, tuple[Any, str]] = {
    "a kind that has no load balancer": (
        pair(primary={"region": HOME, "kubernetes": ingress(kind="Deployment")}),
        "primary.kubernetes.kind = Deployment: Ingress or Gateway",
    ),
    "a name that Kubernetes has not": (
        pair(primary={"region": HOME, "kubernetes": ingress(name="Web")}),
        "primary.kubernetes.name = Web: lower-case letters, digits, inner dots and hyphens",
    ),
    "a namespace with a dot": (
        pair(primary={"region": HOME, "kubernetes": ingress(namespace="a.b")}),
        "primary.kubernetes.namespace = a.b: lower-case letters, digits and inner hyphens",
    ),
    "an empty kubeconfig, which would be the deploying user's own": (
        pair(primary={"region": HOME, "kubernetes": ingress(kubeconfig="")}),
        "primary.kubernetes.kubeconfig = (hidden): the contents of a kubeconfig, or its path",
    ),
    "a namespace too long": (
        pair(primary={"region": HOME, "kubernetes": ingress(namespace="n" * 64)}),
        f"primary.kubernetes.namespace = {'n' * 64}: a string of 1 to 63 characters",
    ),
    "the same object on both sides": (
        pair(secondary={"region": AWAY, "kubernetes": ingress("eu")}),
        "secondary.kubernetes.name = Ingress shop/web in eu: another than the primary's",
    ),
    "an object and addresses": (
        pair(primary={"region": HOME, "kubernetes": ingress(), "addresses": ["192.0.2.1"]}),
        "primary.target = addresses and kubernetes: exactly one of addresses, load_balancer, group and kubernetes",
    ),
    "families that differ": (
        pair(primary={"region": HOME, "kubernetes": ingress(dual_stack=True)}),
        "secondary = IPv4: IPv4 and IPv6 as the primary, because clients of the other family would have no standby",
    ),
    "no context": (
        pair(primary={"region": HOME, "kubernetes": {"kind": "Ingress", "name": "web"}}),
        "primary.kubernetes.context is missing: required",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_object_is_one_exact_line_before_anything_is_asked(what):
    """What is wrong in the arguments is said without a cluster."""
    args, expected = BAD[what]
    with pytest.raises(InvalidInput) as caught:
        plan_failover(args)
    assert str(caught.value) == expected


def test_the_longest_names_are_allowed():
    """Just inside: 253 characters of a name, 63 of a namespace."""
    target: Any = {"region": HOME, "kubernetes": ingress(name="n" * 253, namespace="s" * 63)}
    plan_weighted({"zone_id": "Z1", "name": NAME, "entries": [{"name": "a", "weight": 1, "target": target}]})
