"""What the components of faults and identities declare is what the local cloud's plugin takes, input by input."""

from pathlib import Path
from typing import Any

import pytest
from pulumi.provider.experimental import provider as sdk

from localcloud.provider import values
from localcloud.provider.aws import ADAPTERS, FUNCTIONS
from localcloud.provider.clients import Clients
from localcloud.provider.core import Provider
from localcloud.provider.journal import Journal
from pulumi_seawall import FaultExperiment, FaultKind, PipelineIdentity, WorkloadIdentity

ACCOUNT = "123456789012"


def fault(kind: FaultKind) -> Any:
    args: dict[str, Any] = {
        "kind": kind,
        "region": "eu-west-1",
        "account_id": ACCOUNT,
        "environment": "staging",
        "allowed_environments": ["staging"],
        "stop_alarms": [f"arn:aws:cloudwatch:eu-west-1:{ACCOUNT}:alarm:shop-errors"],
        "fleet_size": 6,
        "duration_seconds": 600,
    }
    if kind is FaultKind.ZONE_LOSS:
        args |= {"zone": "eu-west-1a", "in_zone": 2, "zone_parts": ["instances", "launches", "subnets", "database"]}
    else:
        args["count"] = 1
    if kind is FaultKind.TERMINATE_INSTANCES:
        del args["duration_seconds"]
    return args


WORKLOAD: Any = {
    "purpose": "operator",
    "service": "shop",
    "environment": "dev",
    "account_id": ACCOUNT,
    "regions": ["eu-west-1"],
    "pods": [{"region": "eu-west-1", "cluster_name": "shop", "namespace": "shop", "service_account": "shop"}],
    "permissions_boundary_arn": f"arn:aws:iam::{ACCOUNT}:policy/bound",
}
PIPELINE: Any = {
    "account_id": ACCOUNT,
    "regions": ["eu-west-1"],
    "preview": {"subjects": ["repo:acme/shop:pull_request"]},
    "deploy": {"subjects": ["repo:acme/shop:environment:prod"]},
    "name_prefixes": ["seawall-prod"],
}
PROGRAMS = {
    **{kind.value: lambda kind=kind: FaultExperiment("fault", fault(kind)) for kind in FaultKind},
    "workload": lambda: WorkloadIdentity("shop-operator", WORKLOAD),
    "pipeline": lambda: PipelineIdentity("ci", PIPELINE),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_plugin_takes_every_input_that_is_declared(
    program: str, deploy: Any, pulumi_loop: Any, tmp_path: Path
) -> None:
    """An input that only the real provider knows would end `make dev`, and one that AWS refuses the first deployment."""
    plugin = Provider(ADAPTERS, FUNCTIONS, Journal(tmp_path / "journal.json"), Clients({}))
    declared = [made for made in deploy(PROGRAMS[program]).made if made.type in ADAPTERS]
    assert declared
    for made in declared:
        urn = f"urn:pulumi:dev::seawall::{made.type}::{made.name}"
        inputs = values.to_properties({key: value for key, value in made.inputs.items() if value is not None})
        answer = pulumi_loop.run_until_complete(plugin.check(sdk.CheckRequest(urn, {}, inputs, b"seed")))
        assert [(failure.property, failure.reason) for failure in answer.failures] == [], made.type
