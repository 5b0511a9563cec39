"""EKS Pod Identity associations: which role the pods of a service account get. Recorded only: moto has none."""

import hashlib
from collections.abc import Iterator
from typing import Final

from localcloud.provider.adapter import Adapter, Properties
from localcloud.provider.aws.keeping import recorded_calls
from localcloud.provider.clients import Cloud
from localcloud.provider.values import UNKNOWN
from seawall.errors import InvalidInput

TOKEN: Final = "aws:eks/podIdentityAssociation:PodIdentityAssociation"  # noqa: S105 -- a type's
ID_DIGITS: Final = 17  # as EKS makes them, behind `a-`
LONGEST_KUBERNETES_NAME: Final = 63  # characters; of a namespace and a service account


def _association(inputs: Properties, reference: str) -> str:
    """EKS has one association per cluster, namespace and service account: the same ones, the same id."""
    del reference
    parts = (str(inputs[name]) for name in ("clusterName", "namespace", "serviceAccount"))
    return f"a-{hashlib.sha256('/'.join(parts).encode()).hexdigest()[:ID_DIGITS]}"


def _outputs(cloud: Cloud, id_: str, inputs: Properties) -> Properties:
    arn = cloud.arn("eks", f"podidentityassociation/{inputs['clusterName']}/{id_}")
    return {"associationArn": arn, "associationId": id_}


def _refusals(inputs: Properties) -> Iterator[InvalidInput]:
    role = inputs.get("roleArn")
    if role is not None and role is not UNKNOWN and not str(role).startswith("arn:"):
        yield InvalidInput("roleArn", role, allowed="a role's ARN")
    for name in ("namespace", "serviceAccount"):
        value = inputs.get(name)
        if isinstance(value, str) and not 1 <= len(value) <= LONGEST_KUBERNETES_NAME:
            yield InvalidInput(name, value, allowed=f"1 to {LONGEST_KUBERNETES_NAME} characters")


POD_IDENTITY_ASSOCIATION: Final = Adapter(
    resource_type=TOKEN,
    inputs={
        "clusterName": str,
        "disableSessionTags": bool,
        "namespace": str,
        "roleArn": str,
        "serviceAccount": str,
        "tags": dict,
    },
    required=frozenset({"clusterName", "namespace", "roleArn", "serviceAccount"}),
    replaces=frozenset({"clusterName", "namespace", "serviceAccount"}),
    keeps=frozenset({"disableSessionTags"}),
    computed=frozenset({"associationArn", "associationId"}),
    refusals=_refusals,
    **recorded_calls(TOKEN, id_of=_association, outputs=_outputs),
)
