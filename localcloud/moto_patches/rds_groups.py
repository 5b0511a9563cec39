"""RDS: subnet groups and parameter groups."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from moto.core.responses import ActionResult
from moto.rds import models, responses
from moto.rds.exceptions import (
    DBParameterGroupNotFoundError,
    DBSubnetGroupNotFoundError,
    RDSClientError,
)

FEWEST_ZONES: Final = 2  # of a subnet group
DEFAULT_GROUP: Final = "default."  # how the names of RDS's own parameter groups begin


def hold_subnet_groups_to_their_rules() -> None:
    """moto loses a subnet group that is changed, and takes a second one of the same name over the first.

    AWS: a changed group stays; a name is taken once in a region; the subnets lie in at least two zones; a group in use
    is not deleted.
    """
    create: Callable[..., Any] = models.RDSBackend.create_subnet_group
    delete: Callable[..., Any] = models.RDSBackend.delete_subnet_group

    def create_subnet_group(
        self: Any, subnet_name: str, description: str, subnets: list[Any], tags: list[dict[str, str]]
    ) -> Any:
        if subnet_name in self.subnet_groups:
            raise RDSClientError("DBSubnetGroupAlreadyExists", f"The DB subnet group '{subnet_name}' already exists.")
        _check_zones(subnets)
        return create(self, subnet_name, description, subnets, tags)

    def modify_db_subnet_group(self: Any, subnet_name: str, description: str | None, subnets: list[Any]) -> Any:
        group = self.subnet_groups.get(subnet_name)
        if group is None:
            raise DBSubnetGroupNotFoundError(subnet_name)
        _check_zones(subnets)
        group.subnets = subnets
        if description is not None:
            group.description = description
        return group

    def delete_subnet_group(self: Any, subnet_name: str) -> Any:
        users = [
            name
            for name, one in self.databases.items()
            if (one._db_subnet_group_name or "").lower() == subnet_name.lower()
        ]
        if users:
            raise RDSClientError(
                "InvalidDBSubnetGroupStateFault", f"The DB subnet group '{subnet_name}' is used by {', '.join(users)}."
            )
        return delete(self, subnet_name)

    models.RDSBackend.create_subnet_group = create_subnet_group  # type: ignore[method-assign]
    models.RDSBackend.modify_db_subnet_group = modify_db_subnet_group  # type: ignore[method-assign]
    models.RDSBackend.delete_subnet_group = delete_subnet_group  # type: ignore[method-assign]


def hold_parameter_groups_to_their_rules() -> None:
    """moto deletes a parameter group in use, changes RDS's own, describes one that is gone, cannot reset a parameter.

    AWS: the first two are InvalidDBParameterGroupState, the third DBParameterGroupNotFound; ResetDBParameterGroup takes
    parameters back to their defaults.
    """
    describe: Callable[..., list[Any]] = models.RDSBackend.describe_db_parameter_groups
    delete: Callable[..., Any] = models.RDSBackend.delete_db_parameter_group
    modify: Callable[..., Any] = models.RDSBackend.modify_db_parameter_group

    def delete_db_parameter_group(self: Any, db_parameter_group_name: str) -> Any:
        users = [name for name, one in self.databases.items() if one.db_parameter_group_name == db_parameter_group_name]
        if users:
            raise RDSClientError(
                "InvalidDBParameterGroupState",
                f"The DB parameter group '{db_parameter_group_name}' is used by {', '.join(users)}.",
            )
        return delete(self, db_parameter_group_name)

    def describe_db_parameter_groups(self: Any, db_parameter_group_kwargs: dict[str, Any]) -> list[Any]:
        found = describe(self, db_parameter_group_kwargs)
        name = db_parameter_group_kwargs.get("db_parameter_group_name")
        if name and not found:
            raise DBParameterGroupNotFoundError(name)
        return found

    def modify_db_parameter_group(
        self: Any, db_parameter_group_name: str, db_parameter_group_parameters: Iterable[dict[str, Any]]
    ) -> Any:
        if db_parameter_group_name.startswith(DEFAULT_GROUP):
            raise RDSClientError("InvalidDBParameterGroupState", "A default DB parameter group cannot be changed.")
        return modify(self, db_parameter_group_name, db_parameter_group_parameters)

    def reset_db_parameter_group(self: Any) -> ActionResult:
        name = self.params["DBParameterGroupName"]
        group = self.backend.db_parameter_groups.get(name)
        if group is None:
            raise DBParameterGroupNotFoundError(name)
        if self.params.get("ResetAllParameters"):
            group.parameters.clear()
        for parameter in self.params.get("Parameters", []):
            group.parameters.pop(parameter["ParameterName"], None)
        return ActionResult({"DBParameterGroupName": name})

    models.RDSBackend.delete_db_parameter_group = delete_db_parameter_group  # type: ignore[method-assign]
    models.RDSBackend.describe_db_parameter_groups = describe_db_parameter_groups  # type: ignore[method-assign]
    models.RDSBackend.modify_db_parameter_group = modify_db_parameter_group  # type: ignore[method-assign]
    responses.RDSResponse.reset_db_parameter_group = reset_db_parameter_group  # type: ignore[attr-defined]


def _check_zones(subnets: list[Any]) -> None:
    """Refuse subnets that cannot make a group.

    Raises:
        RDSClientError: they lie in one zone only, or in several networks.
    """
    if len({subnet.availability_zone for subnet in subnets}) < FEWEST_ZONES:
        raise RDSClientError(
            "DBSubnetGroupDoesNotCoverEnoughAZs", f"The subnets must cover at least {FEWEST_ZONES} Availability Zones."
        )
    if len({subnet.vpc_id for subnet in subnets}) > 1:
        raise RDSClientError("InvalidSubnet", "All subnets of a DB subnet group must be in one VPC.")


PATCHES: Final = (hold_subnet_groups_to_their_rules, hold_parameter_groups_to_their_rules)
