"""A PrometheusRule in the cluster of each region that has one."""

from collections.abc import Mapping
from typing import Final

import pulumi
import pulumi_kubernetes as kubernetes

from pulumi_seawall._clusters import provider_of
from pulumi_seawall._kubernetes_object import KubernetesObject
from pulumi_seawall._monitoring_plan import RulesPlan
from pulumi_seawall._rule_groups import rule_file, spec_of

API_VERSION: Final = "monitoring.coreos.com/v1"
KIND: Final = "PrometheusRule"
RESOURCE: Final = "kubernetes:monitoring.coreos.com/v1:PrometheusRule"


def declare_rules(
    component: pulumi.ComponentResource, name: str, plan: RulesPlan, providers: Mapping[str, kubernetes.Provider] | None
) -> dict[str, str]:
    """Register the rules as children of a component; gives by region `namespace/name`.

    Args:
        component: The parent.
        name: Its name.
        plan: With the rules.
        providers: By region, the program's own; one is made for each region that is not among them.
    """
    names: dict[str, str] = {}
    for region, reach in plan.monitoring.clusters.items():
        provider = provider_of(component, name, region, reach, providers)
        labels = {
            "app.kubernetes.io/name": plan.monitoring.service,
            "app.kubernetes.io/component": plan.purpose,
            **plan.monitoring.rule_labels,
        }
        KubernetesObject(
            RESOURCE,
            f"{name}-{region}",
            {
                "apiVersion": API_VERSION,
                "kind": KIND,
                "metadata": {"name": plan.object_name, "namespace": reach.namespace, "labels": labels},
                "spec": spec_of(plan.groups[region]),
            },
            pulumi.ResourceOptions(parent=component, provider=provider),
        )
        names[region] = f"{reach.namespace}/{plan.object_name}"
    return names


def rule_files(plan: RulesPlan) -> dict[str, str]:
    """By region, the same rules as a file for a Prometheus without the operator."""
    return {region: rule_file(groups) for region, groups in plan.groups.items()}
