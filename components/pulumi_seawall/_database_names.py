"""Identifiers, versions, ARNs and networks as RDS takes them.

Sources: RDS API reference, `CreateDBInstance`, `CreateDBParameterGroup`, `CreateDBInstanceReadReplica`.
"""

import hashlib
import ipaddress
import re
from typing import Final

import pulumi

from pulumi_seawall._arns import key_in
from pulumi_seawall._database_args import DatabaseEngine
from pulumi_seawall._naming import HASH_LENGTH, physical_name
from seawall.errors import InvalidInput

LONGEST_IDENTIFIER: Final = 63  # characters, RDS instances
LONGEST_DATABASE_NAME: Final = 63  # characters: PostgreSQL's limit, MySQL and MariaDB take one more
LONGEST_USERNAME: Final = {DatabaseEngine.POSTGRES: 63, DatabaseEngine.MYSQL: 16, DatabaseEngine.MARIADB: 16}
PASSWORD_LENGTH: Final = {
    DatabaseEngine.POSTGRES: (8, 128),
    DatabaseEngine.MYSQL: (8, 41),
    DatabaseEngine.MARIADB: (8, 41),
}
RESERVED_USERNAMES: Final = ("admin", "rdsadmin")  # PostgreSQL reserves the first, RDS the second
MAJOR_VERSION: Final = {
    DatabaseEngine.POSTGRES: (re.compile(r"[1-9]\d"), "17"),
    DatabaseEngine.MYSQL: (re.compile(r"\d+\.\d+"), "8.4"),
    DatabaseEngine.MARIADB: (re.compile(r"\d+\.\d+"), "11.4"),
}
IDENTIFIER: Final = re.compile(r"[a-z](-?[a-z0-9])*")
WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
SUBNET_GROUP_ARN: Final = re.compile(
    r"arn:aws[a-z-]*:rds:(?P<region>[a-z0-9-]+):\d{12}:subgrp:(?P<name>[A-Za-z0-9 ._-]+)"
)


class Hidden:
    """Stands in messages for a secret."""

    def __repr__(self) -> str:
        return "(secret)"


def identifier(name: str, value: str) -> str:
    """An instance's identifier.

    Raises:
        InvalidInput: RDS would not take it.
    """
    if len(value) > LONGEST_IDENTIFIER:
        raise InvalidInput(name, value, allowed=f"at most {LONGEST_IDENTIFIER} characters, not {len(value)}")
    if value.endswith("-"):
        raise InvalidInput(name, value, allowed="a name that does not end in a hyphen")
    if not IDENTIFIER.fullmatch(value):
        raise InvalidInput(
            name, value, allowed="lower-case letters, digits and single hyphens between them, a letter first"
        )
    return value


def instance_identifier(component: str, member: str) -> str:
    """The identifier of a member whose arguments give none: always one that RDS takes, and always the same."""
    whole = "-".join((pulumi.get_project(), pulumi.get_stack(), component, member))
    plain = re.sub(r"-{2,}", "-", re.sub(r"[^a-z0-9]", "-", whole.lower())).strip("-")
    if not plain[:1].isalpha():
        plain = f"db-{plain}"
    if plain != whole:  # two names that differ only in what RDS does not take stay apart
        digest = hashlib.sha256(whole.encode()).hexdigest()[:HASH_LENGTH]
        plain = f"{plain[: LONGEST_IDENTIFIER - HASH_LENGTH - 1].rstrip('-')}-{digest}"
    return physical_name(plain, longest=LONGEST_IDENTIFIER)


def major_version(name: str, value: str, engine: DatabaseEngine) -> str:
    """A version without its minor part.

    Raises:
        InvalidInput: It is none, or has a minor part.
    """
    pattern, example = MAJOR_VERSION[engine]
    if not pattern.fullmatch(value):
        raise InvalidInput(
            name,
            value,
            allowed=f"the major version only, e.g. {example}",
            because="RDS upgrades minor versions by itself, and a pinned one would be a downgrade then",
        )
    return value


def word(name: str, value: str, longest: int) -> str:
    """A database's or a user's name.

    Raises:
        InvalidInput: It is none.
    """
    if len(value) > longest or not WORD.fullmatch(value):
        raise InvalidInput(name, value, allowed=f"1 to {longest} letters, digits and underscores, a letter first")
    return value


def username(name: str, value: str, engine: DatabaseEngine) -> str:
    """The master user's name.

    Raises:
        InvalidInput: It is none, or reserved.
    """
    if value.lower() in RESERVED_USERNAMES:
        raise InvalidInput(name, value, allowed="another name", because="it is reserved")
    return word(name, value, LONGEST_USERNAME[engine])


def password(name: str, value: str, engine: DatabaseEngine) -> str:
    """The master user's password; it is never shown.

    Raises:
        InvalidInput: RDS would not take it.
    """
    shortest, longest = PASSWORD_LENGTH[engine]
    right = shortest <= len(value) <= longest and all("!" <= letter <= "~" and letter not in '/"@' for letter in value)
    if not right:
        raise InvalidInput(
            name, Hidden(), allowed=f'{shortest} to {longest} printable ASCII characters without /, ", @ and spaces'
        )
    return value


def key_arn(name: str, value: str, region: str) -> str:
    """The ARN of a key of a region.

    Raises:
        InvalidInput: It is none, or of another region.
    """
    return key_in(region, name, value, "a member's storage is encrypted with a key of its own region")


def subnet_group(name: str, value: str, region: str, others: dict[str, str]) -> str:
    """The name of the subnet group with an ARN.

    Args:
        name: The argument.
        value: The ARN.
        region: The member's.
        others: The other members' names, by region.

    Raises:
        InvalidInput: It is none, or of another region.
    """
    match = SUBNET_GROUP_ARN.fullmatch(value)
    if match is None:
        raise InvalidInput(name, value, allowed="the ARN of an RDS subnet group")
    if match["region"] != region:
        owner = others.get(match["region"])
        raise InvalidInput(
            name,
            value,
            allowed=f"a subnet group of {region}",
            because="a subnet group has subnets of one region only" + (f", and this is {owner}'s" if owner else ""),
        )
    return match["name"]


def network(name: str, value: str) -> str:
    """A network that may connect.

    Raises:
        InvalidInput: It is none, or the whole internet.
    """
    try:
        block = ipaddress.ip_network(value)
    except ValueError:
        raise InvalidInput(name, value, allowed="a network as CIDR, e.g. 10.0.0.0/16") from None
    if block.prefixlen == 0:
        raise InvalidInput(name, value, allowed="a smaller network", because="it is the whole internet")
    return str(block)


def parameter_family(engine: DatabaseEngine, version: str) -> str:
    """The family of parameter groups for a major version, e.g. `postgres17`."""
    return f"{engine.value}{version}"
