"""What the commands call on AWS: the least that their roles have to allow.

A test holds `pulumi_seawall.WorkloadIdentity` to it: its purpose `observer` is for `observe`, `operator` for the rest.
"""

from collections.abc import Mapping
from typing import Final

from seawall_ops.audit.tables import PERMISSIONS as AUDIT
from seawall_ops.failover.plans import ssm, switches
from seawall_ops.failover.plans.rds import RDS_CALLS
from seawall_ops.lease.dynamodb import PERMISSIONS as LEASES
from seawall_ops.steps.dynamodb import PERMISSIONS as JOURNALS

__all__ = ["CALLS", "FAILOVER_CALLS", "policy_document"]

_TOPOLOGY: Final = ("ssm:GetParameters",)
_BOARD: Final = ("dynamodb:Query", "dynamodb:PutItem")

CALLS: Final[Mapping[str, tuple[str, ...]]] = {
    "observe": (*_TOPOLOGY, *_BOARD, "dynamodb:DeleteItem", "rds:DescribeDBInstances"),
    "status": (*_TOPOLOGY, "dynamodb:Query"),
    "pause": _BOARD,
    "resume": _BOARD,
}
"""By command. `ssm:GetParameters` only where the topology is read from SSM, `rds:` only with `aws_status: true`."""

_RDS_READS: Final = tuple(each for each in RDS_CALLS["fence"] if each.split(":")[1].startswith("Describe"))
_SWITCH: Final = tuple(each for form in switches.PERMISSIONS.values() for each in form)
_SWITCH_READS: Final = ("s3:ListBucket", "route53-recovery-cluster:GetRoutingControlState")
_RECORD: Final = (*LEASES["use"], *JOURNALS, *AUDIT)
_LOOKS: Final = (*ssm.PERMISSIONS["read"], *RDS_CALLS["look"], *_RDS_READS, *_SWITCH_READS)
_WORK: Final = (*_LOOKS, *_BOARD, *_RECORD, *_SWITCH)


def _servers(*done: str) -> tuple[str, ...]:
    return tuple(call for each in done for call in RDS_CALLS[each])


_CHANGES: Final = (*_WORK, *ssm.PERMISSIONS["write"], *_servers("fence", "lift", "promote"))
_REBUILD: Final = (*_WORK, *_servers("fence", "lift", "rebuild", "rebuild, by RDS"))


def _each_once(calls: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(calls)))


FAILOVER_CALLS: Final[Mapping[str, tuple[str, ...]]] = {
    "plan": _each_once((*_LOOKS, "dynamodb:Query", *JOURNALS)),
    "run": _each_once(_CHANGES),
    "undo": _each_once(_CHANGES),
    "adopt": _each_once(ssm.PERMISSIONS["read"]),
    "rebuild": _each_once(_REBUILD),
    "end": _each_once((*ssm.PERMISSIONS["read"], *_BOARD, *_RECORD)),
    "observe --act": _each_once((*_CHANGES, *CALLS["observe"])),
}
"""By command, of which kind the tables, the servers and the switch are: `dynamodb:` where tables are in DynamoDB, `rds:`, `ec2:`
`kms:`, `iam:` and `cloudwatch:` where the servers are RDS's, `s3:` or `route53-recovery-cluster:` by the form of the switch."""


def policy_document(
    command: str, *, table_arn: str, cluster: str, instance_arns: tuple[str, ...], parameter_arns: tuple[str, ...]
) -> dict[str, object]:
    """The IAM policy of a command's role; each statement names what it is about.

    Args:
        command: One of `CALLS`.
        table_arn: The board's.
        cluster: Only the items of that cluster may be touched.
        instance_arns: The database's instances.
        parameter_arns: The topology's documents.
    """
    resources = {"ssm": parameter_arns, "dynamodb": (table_arn,), "rds": instance_arns}
    statements: list[dict[str, object]] = []
    for service, arns in resources.items():
        actions = [each for each in CALLS[command] if each.startswith(f"{service}:")]
        if actions and arns:
            statement: dict[str, object] = {
                "Sid": service.capitalize(),
                "Effect": "Allow",
                "Action": actions,
                "Resource": list(arns),
            }
            if service == "dynamodb":
                statement["Condition"] = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [cluster]}}
            statements.append(statement)
    return {"Version": "2012-10-17", "Statement": statements}
