"""Who writes, who may be created empty, deleted or rebuilt: what is asked for by name, and what is refused."""

from collections.abc import Mapping
from typing import cast

from pulumi_seawall._database_args import ReplicatedDatabaseArgs
from pulumi_seawall._database_members import DatabaseMemberPlan, plan_members
from pulumi_seawall._inputs import flag, listed, nearest, plain_string
from seawall.errors import InvalidInput


def plan_roles(given: ReplicatedDatabaseArgs) -> tuple[tuple[DatabaseMemberPlan, ...], str | None, bool]:
    """Members with their roles, the one that may be created empty, and whether RDS refuses deletions."""
    writer = plain_string("writer", given["writer"])
    rebuilt = _names_of("rebuild_as_replica", given.get("rebuild_as_replica", {}))
    unprotected = [plain_string("unprotected", name) for name in listed("unprotected", given.get("unprotected", []))]
    members = plan_members(given["members"], writer, rebuilt, unprotected)
    names = [one.name for one in members]
    created_in = given.get("created_in")
    for key, value in (
        ("writer", writer),
        *((f"unprotected[{place}]", name) for place, name in enumerate(unprotected)),
        *((f"rebuild_as_replica.{name}", name) for name in rebuilt),
    ):
        _known_member(key, value, names)
    if created_in is not None and created_in not in names:
        raise InvalidInput(
            "created_in",
            created_in,
            allowed=f"one of {', '.join(names)}, or nothing at all",
            because="the database lives where it was created; name another member to create an empty one there",
        )
    if writer in unprotected:
        raise InvalidInput("unprotected", writer, allowed="not the writer", because="its data would be lost")
    protected = flag("deletion_protection", given.get("deletion_protection", True))
    for name, source in rebuilt.items():
        key = f"rebuild_as_replica.{name}"
        if name == writer:
            raise InvalidInput(key, source, allowed="not for the writer", because="its data would be lost")
        if source != writer:
            raise InvalidInput(
                key,
                source,
                allowed=f"{writer}, which writes",
                because="each rebuilding is asked for by name; take old ones out",
            )
        if protected and name not in unprotected:
            raise InvalidInput(
                key,
                source,
                allowed=f"only with {name} in unprotected, deployed before",
                because="RDS refuses to delete a protected instance",
            )
    for one in members:
        if one.rebuilt and one.import_id is not None:
            raise InvalidInput(f"{one.where}import_id", one.import_id, allowed="not for a member that is rebuilt")
    return members, created_in, protected


def _names_of(name: str, given: object) -> dict[str, str]:
    if not isinstance(given, Mapping):
        raise InvalidInput(name, given, allowed="a dictionary from members to the writer that each is to follow")
    entries = cast("Mapping[object, object]", given)
    return {str(key): plain_string(f"{name}.{key}", value) for key, value in entries.items()}


def _known_member(key: str, name: str, names: list[str]) -> None:
    if name not in names:
        guess = nearest(name, names)
        raise InvalidInput(
            key, name, allowed=f"a member: {', '.join(names)}" + (f"; did you mean {guess}?" if guess else "")
        )
