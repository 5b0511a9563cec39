"""Application Recovery Controller: clusters, panels, routing controls and safety rules. Recorded only: moto has none.

The id of each is its ARN. Sources: the service's API reference ("Recovery Control Configuration") and the provider's
`aws_route53recoverycontrolconfig_*`.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from localcloud.provider import recorded
from localcloud.provider.adapter import Adapter, Properties
from localcloud.provider.aws.keeping import recorded_calls
from localcloud.provider.clients import ACCOUNT_ID, PARTITION, Cloud
from localcloud.provider.values import UNKNOWN
from seawall.errors import InvalidInput

LONGEST_NAME: Final = 64  # characters
ENDPOINT_REGIONS: Final = ("ap-northeast-1", "ap-southeast-2", "eu-west-1", "us-east-1", "us-west-2")
RULE_TYPES: Final = ("ATLEAST", "AND", "OR")
NETWORK_TYPES: Final = ("IPV4", "DUALSTACK")
STATUS: Final = "DEPLOYED"
CLUSTER_TYPE: Final = "aws:route53recoverycontrol/cluster:Cluster"
PANEL_TYPE: Final = "aws:route53recoverycontrol/controlPanel:ControlPanel"
CONTROL_TYPE: Final = "aws:route53recoverycontrol/routingControl:RoutingControl"
RULE_TYPE: Final = "aws:route53recoverycontrol/safetyRule:SafetyRule"
NAMESPACE: Final = f"arn:{PARTITION}:route53-recovery-control::{ACCOUNT_ID}"

Outputs = Callable[[Properties], Properties]


def _calls(token: str, arn_of: Callable[[Properties, str], str], outputs: Outputs) -> dict[str, Any]:
    """The calls of a recorded-only type whose ARN has the reference of its creation, by which it is found."""

    def find(cloud: Cloud, inputs: Properties, reference: str) -> str | None:
        del inputs
        kept = recorded.recorded(Path(cloud.recorded_file))
        return next((one.id for one in kept if one.type == token and one.id.endswith(f"/{reference}")), None)

    def computed(cloud: Cloud, id_: str, inputs: Properties) -> Properties:
        del cloud
        return {"arn": id_, "status": STATUS, **outputs(inputs)}

    return {**recorded_calls(token, id_of=arn_of, outputs=computed), "find": find}


def _endpoints(_: Properties) -> Properties:
    return {
        "clusterEndpoints": [
            {"region": region, "endpoint": f"https://local.route53-recovery-cluster.{region}.amazonaws.com/v1"}
            for region in ENDPOINT_REGIONS
        ]
    }


def _named(inputs: Properties) -> Iterator[InvalidInput]:
    name = inputs.get("name")
    if isinstance(name, str) and not 1 <= len(name) <= LONGEST_NAME:
        yield InvalidInput("name", name, allowed=f"1 to {LONGEST_NAME} characters")


def _cluster_refusals(inputs: Properties) -> Iterator[InvalidInput]:
    yield from _named(inputs)
    network = inputs.get("networkType")
    if isinstance(network, str) and network not in NETWORK_TYPES:
        yield InvalidInput("networkType", network, allowed=" or ".join(NETWORK_TYPES))


def _rule_refusals(inputs: Properties) -> Iterator[InvalidInput]:
    yield from _named(inputs)
    asserted = "assertedControls" in inputs
    gating = "gatingControls" in inputs and "targetControls" in inputs
    if asserted == gating:
        yield InvalidInput(
            "assertedControls",
            "given" if asserted else "missing",
            allowed="either assertedControls, or gatingControls with targetControls",
        )
    config: Any = inputs.get("ruleConfig")
    if isinstance(config, dict):
        if config.get("type") not in (*RULE_TYPES, UNKNOWN):
            yield InvalidInput("ruleConfig.type", config.get("type"), allowed=f"one of {', '.join(RULE_TYPES)}")
        threshold, controls = config.get("threshold"), inputs.get("assertedControls")
        if isinstance(threshold, int) and isinstance(controls, list) and threshold > len(controls):
            yield InvalidInput("ruleConfig.threshold", threshold, allowed=f"at most the {len(controls)} controls")
    wait = inputs.get("waitPeriodMs")
    if isinstance(wait, int) and wait < 0:
        yield InvalidInput("waitPeriodMs", wait, allowed="at least 0 milliseconds")


CLUSTER: Final = Adapter(
    resource_type=CLUSTER_TYPE,
    regional=False,
    inputs={"name": str, "networkType": str, "tags": dict},
    required=frozenset({"name"}),
    replaces=frozenset({"name"}),
    keeps=frozenset({"networkType"}),
    computed=frozenset({"arn", "clusterEndpoints", "status"}),
    refusals=_cluster_refusals,
    **_calls(CLUSTER_TYPE, lambda _, reference: f"{NAMESPACE}:cluster/{reference}", _endpoints),
)
CONTROL_PANEL: Final = Adapter(
    resource_type=PANEL_TYPE,
    regional=False,
    inputs={"clusterArn": str, "name": str, "tags": dict},
    required=frozenset({"clusterArn", "name"}),
    replaces=frozenset({"clusterArn"}),
    computed=frozenset({"arn", "defaultControlPanel", "routingControlCount", "status"}),
    refusals=_named,
    **_calls(
        PANEL_TYPE,
        lambda _, reference: f"{NAMESPACE}:controlpanel/{reference}",
        lambda _: {"defaultControlPanel": False, "routingControlCount": 0},
    ),
)
ROUTING_CONTROL: Final = Adapter(
    resource_type=CONTROL_TYPE,
    regional=False,
    inputs={"clusterArn": str, "controlPanelArn": str, "name": str},
    required=frozenset({"clusterArn", "name"}),
    replaces=frozenset({"clusterArn", "controlPanelArn"}),
    keeps=frozenset({"controlPanelArn"}),
    computed=frozenset({"arn", "status"}),
    refusals=_named,
    **_calls(
        CONTROL_TYPE,
        lambda inputs, reference: f"{inputs.get('controlPanelArn') or NAMESPACE}/routingcontrol/{reference}",
        lambda _: {},
    ),
)
SAFETY_RULE: Final = Adapter(
    resource_type=RULE_TYPE,
    regional=False,
    inputs={
        "assertedControls": [str],
        "controlPanelArn": str,
        "gatingControls": [str],
        "name": str,
        "ruleConfig": {"inverted": bool, "threshold": int, "type": str},
        "tags": dict,
        "targetControls": [str],
        "waitPeriodMs": int,
    },
    required=frozenset({"controlPanelArn", "name", "ruleConfig", "waitPeriodMs"}),
    replaces=frozenset({"assertedControls", "controlPanelArn", "gatingControls", "ruleConfig", "targetControls"}),
    computed=frozenset({"arn", "status"}),
    refusals=_rule_refusals,
    **_calls(
        RULE_TYPE,
        lambda inputs, reference: f"{inputs['controlPanelArn']}/safetyrule/{reference}",
        lambda _: {},
    ),
)
