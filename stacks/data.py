"""The replicated database: from the environment's numbers to the component, and what apps are told of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any, Final, cast

import pulumi

from pulumi_seawall import (
    DatabaseMemberArgs,
    DatabasePlan,
    ObjectivesArgs,
    ReplicatedDatabase,
    ReplicatedDatabaseArgs,
    instance_identifier,
    plan_database,
)
from seawall.errors import MISSING, InvalidInput
from seawall.topology import Database, Engine, Member
from stacks.database_settings import DatabaseMember, DatabaseSettings, Network
from stacks.environment import PASSWORD_KEY, SHOWN_SECRET, Environment
from stacks.file_keys import named_as

AWS_VERSION: Final = version("pulumi_aws")  # of the provider, as the SDK's own resources ask for it
UNKNOWN_HOST: Final = "unknown.invalid"  # RFC 6761: never resolves


@dataclass(frozen=True)
class Data:
    """What the database declares, and what it tells the world."""

    component: ReplicatedDatabase
    plan: DatabasePlan
    outputs: Mapping[str, pulumi.Input[Any]]
    """Exported by the stack; nothing of it is secret."""


def plan_data(environment: Environment) -> DatabasePlan | None:
    """Check everything that the database will declare; registers nothing. None where there is no database.

    Raises:
        InvalidInput: A value is not allowed.
        ObjectiveNotMet: Replication cannot meet the environment's objectives.
    """
    settings = environment.database
    if settings is None:
        if environment.database_password is not None:
            raise InvalidInput(f"seawall:{PASSWORD_KEY}", SHOWN_SECRET, allowed="no such key without seawall:database")
        return None
    regions = [region.name for region in environment.regions]
    for position, member in enumerate(settings.members):
        if member.region not in regions:
            raise InvalidInput(
                f"seawall:database.members[{position}].region", member.region, allowed=f"one of {', '.join(regions)}"
            )
    if environment.database_password is None:
        raise InvalidInput(
            f"seawall:{PASSWORD_KEY}", MISSING, allowed=f"pulumi config set --secret seawall:{PASSWORD_KEY}"
        )
    unknown = {
        member.member: _unknown_network(position, network)
        for position, member in enumerate(settings.members)
        if (network := member.network) is not None
    }
    password = environment.database_password.get_secret_value()
    with named_as(_in_the_file):
        # In the clear, or what RDS refuses in it would be found only by RDS; the plan that is kept has it as a secret.
        plan = plan_database({**_args(environment, settings, unknown, {}), "password": password})
    return replace(plan, password=pulumi.Output.secret(password))


def planned_database(environment: Environment, plan: DatabasePlan) -> Database:
    """The database as the topology's document will have it, but for hosts that nobody knows before a deployment."""
    return Database(
        engine=Engine(plan.engine.value),
        database=plan.database_name,
        port=plan.port,
        writer=plan.writer.name,
        members=tuple(
            Member(
                name=member.name,
                region=member.region,
                identifier=member.identifier or instance_identifier(environment.label, member.name),
                host=UNKNOWN_HOST,
            )
            for member in plan.members
        ),
    )


def declare_data(
    environment: Environment,
    plan: DatabasePlan | None,
    topics: Mapping[str, pulumi.Input[str]],
    options: pulumi.ResourceOptions,
) -> Data | None:
    """Declare the networks that are asked for, and the database.

    Args:
        environment: The environment.
        plan: From `plan_data`.
        topics: ARN of the alarms' topic, by region.
        options: For every resource.
    """
    settings = environment.database
    if plan is None or settings is None:
        return None
    name = environment.label
    networks = {
        member.member: _network(environment, f"{name}-{member.member}", member.region, network, options)
        for member in settings.members
        if (network := member.network) is not None
    }
    component = ReplicatedDatabase(name, _args(environment, settings, networks, topics), options)
    return Data(
        component,
        plan,
        {
            "writer_host": component.writer_host,
            "database": pulumi.Output.all(
                writer=component.writer, identifiers=component.identifiers, regions=component.regions
            ).apply(_claim),
            "database_alarms": component.alarm_names,
            "predictions": component.predictions,
            "warnings": component.warnings,
        },
    )


def _claim(known: Mapping[str, Any]) -> dict[str, Any]:
    """What `make dev` holds against RDS."""
    return {
        "writer": known["writer"],
        "members": [
            {"name": name, "region": known["regions"][name], "identifier": identifier}
            for name, identifier in known["identifiers"].items()
        ],
    }


def _args(
    environment: Environment,
    settings: DatabaseSettings,
    networks: Mapping[str, tuple[pulumi.Input[str], Sequence[pulumi.Input[str]]]],
    topics: Mapping[str, pulumi.Input[str]],
) -> ReplicatedDatabaseArgs:
    """The environment's numbers as the component wants them; what is absent is left to the component's defaults."""
    password = environment.database_password
    given = settings.given()  # the same names, as the settings' docstring says
    given |= {
        "members": [_member(member, networks, topics) for member in settings.members],
        "password": pulumi.Output.secret(password.get_secret_value()) if password is not None else "",
        "deletion_protection": given.get("deletion_protection", environment.protect),
        "keep_backups": given.get("keep_backups", environment.protect),
        "epoch": environment.epoch,
        "objectives": environment.objectives.arguments(),
        "tags": environment.tags,
    }
    if environment.backups is not None:
        given["recovered_elsewhere"] = list(environment.backups.covers)
    return cast(ReplicatedDatabaseArgs, given)


def _member(
    settings: DatabaseMember,
    networks: Mapping[str, tuple[pulumi.Input[str], Sequence[pulumi.Input[str]]]],
    topics: Mapping[str, pulumi.Input[str]],
) -> DatabaseMemberArgs:
    given = settings.given("network")
    args = cast(DatabaseMemberArgs, given)  # the same names, as the settings' docstring says
    network = networks.get(settings.member)
    if network is not None:
        for key in ("vpc_id", "subnet_ids", "subnet_group_arn"):
            if key in given:
                raise InvalidInput(
                    f"members.{settings.member}.{key}", given[key], allowed="not beside network, which declares it"
                )
        args["vpc_id"], args["subnet_ids"] = network[0], list(network[1])
        if settings.network is not None and "allowed_cidrs" not in args and "security_group_ids" not in args:
            args["allowed_cidrs"] = [settings.network.cidr]
    if settings.region in topics and "alarm_actions" not in args:
        args["alarm_actions"] = [topics[settings.region]]
    return args


def _unknown_network(position: int, network: Network) -> tuple[str, list[str]]:
    """Ids that stand for what is not made yet, while the plan is checked; each once."""
    return f"vpc-{position:017x}", [f"subnet-{position:08x}{number:09x}" for number, _ in enumerate(network.subnets())]


def _network(
    environment: Environment, name: str, region: str, network: Network, options: pulumi.ResourceOptions
) -> tuple[pulumi.Input[str], list[pulumi.Input[str]]]:
    """A VPC and a private subnet per zone; their ids."""
    tags = {**environment.tags, "Name": name}
    vpc = _ec2(
        "vpc:Vpc",
        name,
        {
            "region": region,
            "cidrBlock": network.cidr,
            "enableDnsHostnames": True,
            "enableDnsSupport": True,  # with the other: what a private zone needs
            "tags": tags,
        },
        options,
    )
    return vpc.id, [
        _ec2(
            "subnet:Subnet",
            f"{name}-{zone}",
            {
                "region": region,
                "vpcId": vpc.id,
                "availabilityZone": zone,
                "cidrBlock": block,
                "mapPublicIpOnLaunch": False,
                "tags": {**tags, "Name": f"{name}-{zone}"},
            },
            options,
        ).id
        for zone, block in network.subnets()
    ]


def _ec2(
    kind: str, name: str, inputs: dict[str, pulumi.Input[Any]], options: pulumi.ResourceOptions
) -> pulumi.CustomResource:
    """A resource of `aws.ec2` by its token: loading that package takes more than a second in every preview."""
    versioned = pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(version=AWS_VERSION))
    return pulumi.CustomResource(f"aws:ec2/{kind}", name, inputs, versioned)


def _in_the_file(name: str) -> str:
    """The component's name of an input as the key of `Pulumi.<env>.yaml` that gave it."""
    if name == "password":
        return f"seawall:{PASSWORD_KEY}"
    if name == "epoch":
        return "seawall:epoch"
    if name in ObjectivesArgs.__annotations__:
        return f"seawall:objectives.{name}"
    if name.startswith("objectives."):
        return f"seawall:{name}"
    return f"seawall:database.{name}"
