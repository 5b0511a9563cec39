"""What an environment's file has to say after a failover: the roles that are live, and their epoch. Pure.

The file is edited where its values stand, character by character: comments, order, quotes and everything else stay as they
are. What comes out is read again, and refused unless it differs in these values and in nothing else.
"""

import copy
from dataclasses import dataclass
from typing import Any, Final, cast

import yaml

from seawall.errors import MISSING, InvalidInput
from seawall.topology import Live

__all__ = ["declared_after"]

CONFIG: Final = "config"
REGIONS: Final = "seawall:regions"
DATABASE: Final = "seawall:database"
EPOCH: Final = "seawall:epoch"
PRIMARY, STANDBY = "primary", "standby"
PULUMI_SET: Final = "a YAML structure, as `pulumi config set --path` makes it"


@dataclass(frozen=True, slots=True)
class _Change:
    """One replacement in the text."""

    begins: int
    ends: int
    text: str


def declared_after(text: str, live: Live) -> str:
    """The file that declares what is live; the same where it does, or is ahead.

    Args:
        text: Of `Pulumi.<env>.yaml`.
        live: The live document that counts.

    Raises:
        InvalidInput: The file is of another service, names no such region or member, or cannot be edited exactly.
    """
    config, before = _parsed(text)
    service = before.get("seawall:service")
    if service != live.service:
        raise InvalidInput("seawall:service", service, allowed=f"{live.service}, of which the live document is")
    epoch = before.get(EPOCH, 0)
    if isinstance(epoch, str) and epoch.isdecimal():
        epoch = int(epoch)
    if isinstance(epoch, bool) or not isinstance(epoch, int):
        raise InvalidInput(EPOCH, epoch, allowed="a whole number")
    if epoch > live.epoch:
        return text
    after = copy.deepcopy(before)
    changes = _roles(config, after, live.primary_region)
    if live.writer is not None:
        changes += _writer(config, after, live.writer)
    if epoch != live.epoch:
        changes.append(_epoch(text, config, after, live.epoch))
    for change in sorted(changes, key=lambda each: each.begins, reverse=True):
        text = text[: change.begins] + change.text + text[change.ends :]
    if not _says(text, after):
        raise InvalidInput(
            "--file",
            "this file",
            allowed="an edit by hand",
            because="a value has an anchor or is an alias, and an edit would change more than it has to",
        )
    return text


def _says(text: str, content: dict[str, Any]) -> bool:
    try:
        return _parsed(text)[1] == content
    except InvalidInput:
        return False


def _parsed(text: str) -> tuple[yaml.MappingNode, dict[str, Any]]:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        content: object = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidInput("--file", "YAML", allowed="a mapping", because=str(error).replace("\n", " ")) from error
    config = _value(root, CONFIG) if isinstance(root, yaml.MappingNode) else None
    if not isinstance(config, yaml.MappingNode) or not isinstance(content, dict):
        raise InvalidInput(CONFIG, MISSING, allowed="a mapping, as in every Pulumi.<env>.yaml")
    return config, cast("dict[str, Any]", content)[CONFIG]


def _roles(config: yaml.MappingNode, after: dict[str, Any], primary: str) -> list[_Change]:
    """The region in which the primary is now becomes the declared one, and the declared one its standby."""
    listed = _value(config, REGIONS)
    if not isinstance(listed, yaml.SequenceNode):
        raise InvalidInput(REGIONS, "no list", allowed=PULUMI_SET)
    regions = cast("list[dict[str, Any]]", after[REGIONS])
    wanted = {each["name"]: each["role"] for each in regions}
    if primary not in wanted:
        raise InvalidInput("live.primary_region", primary, allowed=f"one of {', '.join(wanted)}")
    if wanted[primary] not in (PRIMARY, STANDBY):
        raise InvalidInput(
            "live.primary_region",
            primary,
            allowed="the primary or the standby",
            because=f"{primary} is declared as a {wanted[primary]}: which region is its standby is yours to say",
        )
    changes: list[_Change] = []
    for node, region in zip(cast("list[yaml.Node]", listed.value), regions, strict=True):
        name, role = region["name"], region["role"]
        new = PRIMARY if name == primary else STANDBY if role == PRIMARY else role
        if new != role:
            changes.append(_replaced(_value(node, "role"), new, f"{REGIONS}.role"))
            region["role"] = new
    return changes


def _writer(config: yaml.MappingNode, after: dict[str, Any], writer: str) -> list[_Change]:
    database = after.get(DATABASE)
    if not isinstance(database, dict):
        raise InvalidInput(DATABASE, MISSING if database is None else "no mapping", allowed=PULUMI_SET)
    content = cast("dict[str, Any]", database)
    members = [each.get("name", each["region"]) for each in content["members"]]
    if writer not in members:
        raise InvalidInput("live.writer", writer, allowed=f"one of {', '.join(members)}")
    if content["writer"] == writer:
        return []
    content["writer"] = writer
    return [_replaced(_value(_value(config, DATABASE), "writer"), writer, f"{DATABASE}.writer")]


def _epoch(text: str, config: yaml.MappingNode, after: dict[str, Any], epoch: int) -> _Change:
    """Its new value; where it is not there, a line of its own above the regions, whose roles it counts."""
    given, after[EPOCH] = after.get(EPOCH), epoch
    if given is not None:
        node = _value(config, EPOCH)
        if isinstance(given, str):
            after[EPOCH] = str(epoch)
        return _replaced(node, str(epoch), EPOCH)
    key = next(key for key, _ in config.value if key.value == REGIONS)
    line = text.rfind("\n", 0, key.start_mark.index) + 1
    indent = text[line : key.start_mark.index]
    if indent.strip():
        raise InvalidInput(EPOCH, MISSING, allowed=f"{epoch}, by hand", because=f"{REGIONS} does not begin its line")
    ends = "\r\n" if text[:line].endswith("\r\n") else "\n"
    return _Change(line, line, f"{indent}{EPOCH}: {epoch}{ends}")


def _value(node: yaml.Node | None, name: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for key, value in node.value if key.value == name), None)


def _replaced(node: yaml.Node | None, value: str, name: str) -> _Change:
    """With the quotes that it had."""
    if not isinstance(node, yaml.ScalarNode):
        raise InvalidInput(name, "no text", allowed=f"{value}, by hand")
    quote = node.style if node.style in ("'", '"') else ""
    return _Change(node.start_mark.index, node.end_mark.index, f"{quote}{value}{quote}")
