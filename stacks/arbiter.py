"""The third region: the tables that `seawall failover` votes, decides and keeps its record in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import pulumi

from pulumi_seawall import ArbiterPlan, FailoverArbiter, FailoverArbiterArgs, plan_failover_arbiter
from pulumi_seawall._arbiter_plan import KEYS
from pulumi_seawall._arns import arn
from stacks.environment import Environment
from stacks.file_keys import below, named_as


@dataclass(frozen=True)
class ArbiterTables:
    """The component, and what it tells the world."""

    component: FailoverArbiter
    outputs: Mapping[str, pulumi.Input[Any]]
    """`failover_settings` are lines for the failover's settings; `make dev` holds `arbiter` against the cloud."""


def plan_arbiter(environment: Environment) -> ArbiterPlan | None:
    """Check the tables, where the environment declares them; registers nothing.

    Raises:
        InvalidInput: A value is not allowed.
    """
    if environment.arbiter is None or environment.arbiter.tables is None:
        return None
    with named_as(below("seawall:arbiter.tables.")):
        return plan_failover_arbiter(_args(environment))


def planned_tables(environment: Environment, plan: ArbiterPlan | None) -> dict[str, str]:
    """Names of the tables before they are there, by what they are for; none where the environment declares none."""
    return {} if plan is None else {table: plan.table_name(_component(environment), table) for table in KEYS}


def planned_table_arns(environment: Environment, plan: ArbiterPlan | None) -> dict[str, str]:
    """ARNs of the tables before they are there, by what they are for; none where the environment declares none.

    Raises:
        InvalidInput: The file has no account.
    """
    if plan is None:
        return {}
    account_id = environment.account("seawall:identity")
    names = planned_tables(environment, plan)
    return {table: arn("dynamodb", plan.region, account_id, f"table/{name}") for table, name in names.items()}


def declare_arbiter(
    environment: Environment, plan: ArbiterPlan | None, options: pulumi.ResourceOptions
) -> ArbiterTables | None:
    """Declare the tables, where the environment has them.

    Args:
        environment: The environment.
        plan: From `plan_arbiter`.
        options: For every resource.
    """
    if plan is None:
        return None
    component = FailoverArbiter(_component(environment), _args(environment), options)
    claim = {
        "region": component.region,
        "tables": component.tables,
        "keys": {table: list(keys) for table, keys in KEYS.items()},
        "deletion_protection": plan.deletion_protection,
    }
    return ArbiterTables(component, {"arbiter": claim, "failover_settings": component.settings})


def _component(environment: Environment) -> str:
    return f"{environment.label}-arbiter"


def _args(environment: Environment) -> FailoverArbiterArgs:
    arbiter = environment.arbiter
    assert arbiter is not None  # noqa: S101 -- the callers have looked
    tables = arbiter.tables.given() if arbiter.tables else {}
    return cast(
        FailoverArbiterArgs,
        {
            **tables,
            "region": arbiter.region,
            "regions": [region.name for region in environment.regions],
            "deletion_protection": environment.protect,
            "tags": environment.tags,
        },
    )
