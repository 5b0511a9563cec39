"""What a `FailoverArbiter` will declare: every check, the tables' keys and names, before anything is registered.

Whoever writes to the tables is in `seawall_ops`, which components cannot import; tests let that code use tables of these keys.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, cast

import pulumi

from pulumi_seawall._arbiter_args import ArbiterImportIds, FailoverArbiterArgs
from pulumi_seawall._arns import key_in
from pulumi_seawall._failover_tables import ALLOWED_NAME, TABLE_NAME, table_place
from pulumi_seawall._inputs import checked_keys, flag, shown, text
from pulumi_seawall._naming import checked_tags, physical_name
from pulumi_seawall._regions import known_regions, region_outside
from seawall.errors import InvalidInput

LONGEST_TABLE_NAME: Final = 255  # characters, DynamoDB
KEYS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"board": ("cluster", "record"), "leases": ("id",), "journals": ("operation", "position")}
)
"""By table: the partition key and the sort key, where there is one. All are texts."""
KEY_BECAUSE: Final = "DynamoDB takes keys of the table's own region only"
REFUSED: Final = {
    "replicas": "a global table is last-writer-wins: two sides that are cut off from each other would both hold the lease",
    "ttl": "a lease's record keeps its last fence for ever, and a journal is what a failover is resumed by",
}


@dataclass(frozen=True, slots=True)
class ArbiterPlan:
    """What will be declared.

    Args:
        region: Of the tables.
        kms_key_arn: `None`: the account's own key for DynamoDB.
        deletion_protection: Whether DynamoDB refuses to delete them.
        adopted: Name of each existing table, by what it is for.
        tags: The user's.
    """

    region: str
    kms_key_arn: pulumi.Input[str] | None
    deletion_protection: bool
    adopted: Mapping[str, str]
    tags: Mapping[str, str]

    def table_name(self, component: str, table: str) -> str:
        """A table's name, unique in an account: project, stack, component and what it is for; an adopted one keeps its own."""
        own = (pulumi.get_project(), pulumi.get_stack(), component, table)
        return self.adopted.get(table) or physical_name(*own, longest=LONGEST_TABLE_NAME)


def plan_failover_arbiter(args: FailoverArbiterArgs) -> ArbiterPlan:
    """Check the arguments of a `FailoverArbiter`.

    Raises:
        InvalidInput: A value is not allowed; nothing has been registered.
    """
    given = checked_keys("", args, FailoverArbiterArgs, REFUSED)
    regions = known_regions("regions", given["regions"])
    if not regions:
        raise InvalidInput("regions", "[]", allowed="at least one region")
    region = region_outside("region", given["region"], regions)
    key = given.get("kms_key_arn")
    adopted = cast("dict[str, object]", checked_keys("import_ids.", given.get("import_ids", {}), ArbiterImportIds))
    names = {table: _name(f"import_ids.{table}", name) for table, name in adopted.items()}
    if len(set(names.values())) < len(names):
        raise InvalidInput("import_ids", ", ".join(names.values()), allowed="each table once")
    return ArbiterPlan(
        region,
        None if key is None else text("kms_key_arn", key, lambda name, arn: key_in(region, name, arn, KEY_BECAUSE)),
        flag("deletion_protection", given.get("deletion_protection", True)),
        names,
        checked_tags("", given.get("tags")),
    )


def _name(name: str, value: object) -> str:
    if not isinstance(value, str) or not TABLE_NAME.fullmatch(value):
        raise InvalidInput(name, shown(value), allowed=ALLOWED_NAME)
    return value


def settings_text(region: str, names: Mapping[str, str]) -> str:
    """The part of the failover's settings that follows from the tables: YAML.

    Args:
        region: Of the tables.
        names: Of the tables, by what they are for.
    """
    places = "".join(f"{table}: {table_place(region, names[table])}\n" for table in KEYS)
    return f"{places}arbiter: {region}\n"
