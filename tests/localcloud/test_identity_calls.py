"""The policies of identities against the calls that the code really makes, as botocore sends them to the local server."""

from typing import Any

import pytest

from identity_code import CODE
from pulumi_seawall import WorkloadPurpose
from pulumi_seawall._identity_calls import (
    CALLS,
    PRINTED,
    RDS,
    Call,
)
from seawall_ops.failover.permissions import CALLS as COMMANDS
from seawall_ops.failover.permissions import FAILOVER_CALLS
from seawall_ops.failover.plans.rds import RDS_CALLS
from seawall_policies import operations

pytestmark = pytest.mark.xdist_group("provider")

# Of a transaction IAM asks for the parts.
PARTS = {"dynamodb:TransactWriteItems": {"dynamodb:PutItem", "dynamodb:UpdateItem"}}

RUN = [
    (purpose, caller)
    for purpose, calls in CALLS.items()
    for caller in CODE
    if any(caller in call.callers for call in calls)
]


@pytest.mark.parametrize(("purpose", "caller"), RUN)
def test_a_purpose_is_granted_exactly_the_calls_of_the_code_that_it_runs(
    purpose: WorkloadPurpose, caller: str, local_clients: Any
) -> None:
    """One call less in the table is denied in production; one more is a right that nobody needs."""
    run = CODE[caller](local_clients.clients)
    local_clients.calls.taken()
    run()
    taken = {part for each in local_clients.calls.taken() for part in PARTS.get(each, {each})}
    assert taken == {call.permission for call in CALLS[purpose] if caller in call.callers}


def test_every_caller_in_the_table_is_run() -> None:
    """A module that is named but never run would prove nothing."""
    callers = [call.callers for calls in CALLS.values() for call in calls]
    assert all(callers)
    assert {each for named in callers for each in named} == {*CODE, RDS}


def test_the_calls_on_the_databases_are_those_that_their_code_says() -> None:
    """Look, fence, lift, promote and rebuild, and what RDS does of that in the caller's name."""
    said = {call for calls in RDS_CALLS.values() for call in calls}
    assert {call.permission for call in CALLS[WorkloadPurpose.OPERATOR] if RDS in call.callers} == said


@pytest.mark.parametrize("command", ["observe", "status", "pause", "resume"])
def test_an_observer_may_run_what_watches(command: str) -> None:
    """Its policy is generated from one table, the page of the commands from another one."""
    granted = {call.permission for call in CALLS[WorkloadPurpose.OBSERVER]}
    assert set(COMMANDS[command]) <= granted
    assert granted == set(COMMANDS["observe"])


@pytest.mark.parametrize("command", [*COMMANDS, *FAILOVER_CALLS])
def test_an_operator_may_run_every_command_and_nothing_else(command: str) -> None:
    """A failover that is denied in its third step is worse than one that never began."""
    calls = CALLS[WorkloadPurpose.OPERATOR]
    assert set({**COMMANDS, **FAILOVER_CALLS}[command]) <= {call.permission for call in calls}
    by_code = {call.permission for call in calls if call.callers != (PRINTED,)}
    assert by_code == {each for taken in FAILOVER_CALLS.values() for each in taken}


@pytest.mark.parametrize("call", [call for calls in CALLS.values() for call in calls], ids=lambda call: call.permission)
def test_every_call_is_an_operation_of_its_service(call: Call) -> None:
    """A misspelled operation would be a permission that IAM takes and nothing ever uses."""
    assert call.operation in operations(call.service)
