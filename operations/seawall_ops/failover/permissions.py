"""What the commands call on AWS: the least that their roles have to allow."""

from collections.abc import Mapping
from typing import Final

__all__ = ["CALLS", "policy_document"]

_TOPOLOGY: Final = ("ssm:GetParameters",)
_BOARD: Final = ("dynamodb:Query", "dynamodb:PutItem")

CALLS: Final[Mapping[str, tuple[str, ...]]] = {
    "observe": (*_TOPOLOGY, *_BOARD, "dynamodb:DeleteItem", "rds:DescribeDBInstances"),
    "status": (*_TOPOLOGY, "dynamodb:Query"),
    "pause": _BOARD,
    "resume": _BOARD,
}
"""By command. `ssm:GetParameters` only where the topology is read from SSM, `rds:` only with `aws_status: true`."""


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
