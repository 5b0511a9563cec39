"""Arguments of `FailoverArbiter`. TypedDicts only: the schema for other languages is inferred from them."""

from typing import NotRequired, TypedDict

import pulumi


class ArbiterImportIds(TypedDict):
    """Existing tables to adopt, which keep their names."""

    board: NotRequired[str]
    """Name of the table with the keys `cluster` and `record`."""
    leases: NotRequired[str]
    """Name of the table with the key `id`."""
    journals: NotRequired[str]
    """Name of the table with the keys `operation` and `position`."""


class FailoverArbiterArgs(TypedDict):
    """The tables of a failover, in a region that nothing fails over from or to."""

    region: str
    """AWS region of the tables and of the live document that counts; none of `regions`. Changing it replaces the tables, and
    what is in them is not moved."""
    regions: list[str]
    """Every AWS region of the service: what may fail over, and whatever else of it may be lost with that."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """ARN of a KMS key of `region`; default `aws/dynamodb`, which needs no rights. The key's own policy has to
    let observers and operators use yours by way of DynamoDB (`kms:ViaService`)."""
    deletion_protection: NotRequired[bool]
    """Whether DynamoDB refuses to delete the tables; default yes."""
    import_ids: NotRequired[ArbiterImportIds]
    """Existing tables to adopt."""
    tags: NotRequired[dict[str, str]]
    """Tags for the tables, beside `Name` and `seawall:component`."""
