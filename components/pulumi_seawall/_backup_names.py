"""Names and ARNs as AWS Backup takes them.

Sources: AWS Backup API reference, `CreateBackupVault`, `BackupRule`, `BackupSelection`, `RestoreTestingPlanForCreate`.
"""

import re
from typing import Final

import pulumi

from pulumi_seawall._arns import key_in
from pulumi_seawall._naming import physical_name
from pulumi_seawall._regions import known_region
from seawall.errors import InvalidInput

LONGEST_VAULT_NAME: Final = 50  # characters
LONGEST_RULE_NAME: Final = 50  # characters
LONGEST_TEST_NAME: Final = 50  # characters, restore testing plans and selections
LONGEST_REASON: Final = 200  # characters: one line
VAULT_NAME: Final = re.compile(r"[A-Za-z0-9_-]{2,50}")
RULE_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,50}")
VAULT_ARN: Final = re.compile(
    r"arn:aws[a-z-]*:backup:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):backup-vault:(?P<name>[A-Za-z0-9_-]{2,50})"
)
ROLE_ARN: Final = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+")
PRINCIPAL_ARN: Final = re.compile(r"arn:aws[a-z-]*:(iam|sts)::\d{12}:[\w+=,.@/*-]+")
RESOURCE_ARN: Final = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:(?P<region>[a-z0-9-]*):\d*:\S+")


def vault_name(name: str, value: object) -> str:
    """A vault's name.

    Raises:
        InvalidInput: AWS Backup would not take it.
    """
    if not isinstance(value, str) or not VAULT_NAME.fullmatch(value):
        raise InvalidInput(name, value, allowed="2 to 50 letters, digits, hyphens and underscores")
    return value


def default_vault_name(component: str) -> str:
    """The vault of a component whose arguments give no name: always one that AWS Backup takes, and always the same."""
    whole = "-".join((pulumi.get_project(), pulumi.get_stack(), component))
    return physical_name(re.sub(r"[^A-Za-z0-9_-]", "-", whole), longest=LONGEST_VAULT_NAME)


def testing_name(*parts: str) -> str:
    """A name of a restore testing plan or selection: letters, digits and underscores only."""
    whole = physical_name(*parts, longest=LONGEST_TEST_NAME)
    return re.sub(r"\W", "_", whole, flags=re.ASCII)


def rule_name(name: str, value: object) -> str:
    """A rule's name.

    Raises:
        InvalidInput: AWS Backup would not take it.
    """
    if not isinstance(value, str) or not RULE_NAME.fullmatch(value):
        raise InvalidInput(name, value, allowed="1 to 50 letters, digits, hyphens, underscores and periods")
    return value


def foreign_vault(name: str, value: str) -> tuple[str, str]:
    """Region and account of the vault with an ARN.

    Raises:
        InvalidInput: It is none.
    """
    match = VAULT_ARN.fullmatch(value)
    if match is None:
        raise InvalidInput(name, value, allowed="the ARN of a backup vault")
    return known_region(name, match["region"]), match["account"]


def existing_vault(name: str, value: object, region: str) -> str:
    """The ARN of a vault of a region.

    Raises:
        InvalidInput: It is none, or of another region.
    """
    if not isinstance(value, str) or (match := VAULT_ARN.fullmatch(value)) is None:
        raise InvalidInput(name, value, allowed="the ARN of a backup vault")
    if match["region"] != region:
        raise InvalidInput(name, value, allowed=f"a vault in {region}")
    return value


def vault_key(region: str, name: str, value: str) -> str:
    """The ARN of a key for a vault of a region.

    Raises:
        InvalidInput: It is none, or of another region.
    """
    return key_in(region, name, value, "backups are encrypted with a key of their own region")


def resource_in(region: str, name: str, value: str) -> str:
    """The ARN of something in a region.

    Raises:
        InvalidInput: It is none, or elsewhere: a plan backs up what is in its own region.
    """
    match = RESOURCE_ARN.fullmatch(value)
    if match is None:
        raise InvalidInput(name, value, allowed="a resource's ARN")
    if match["region"] not in ("", region):
        raise InvalidInput(
            name, value, allowed=f"something in {region}", because="a backup plan sees its own region only"
        )
    if "*" in value.removesuffix("*"):
        raise InvalidInput(name, value, allowed="a * at the end only", because="AWS Backup matches prefixes")
    return value
