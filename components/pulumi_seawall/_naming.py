"""Physical names, tags and their limits."""

import hashlib
import re
from collections.abc import Mapping
from typing import Final, cast

import pulumi

from pulumi_seawall._inputs import listed, text
from seawall.errors import InvalidInput

LONGEST_ALARM_NAME: Final = 255  # CloudWatch
LONGEST_ROLE_NAME: Final = 64  # IAM
LONGEST_SET_IDENTIFIER: Final = 128  # Route 53
LONGEST_TAG_KEY: Final = 128  # AWS, all services
LONGEST_TAG_VALUE: Final = 256  # AWS, all services
MOST_TAGS: Final = 10  # a Route 53 health check takes no more; two of them are ours
MOST_ALARM_ACTIONS: Final = 5  # CloudWatch, per state
HASH_LENGTH: Final = 8  # hex digits that keep truncated names apart
TOPIC_ARN: Final = re.compile(r"arn:aws[a-z-]*:sns:(?P<region>[a-z0-9-]+):\d{12}:[A-Za-z0-9_.-]+")


def physical_name(*parts: str, longest: int) -> str:
    """Parts joined by hyphens; when that is too long, cut, with a hash of the whole: the same parts, the same name."""
    whole = "-".join(parts)
    if len(whole) <= longest:
        return whole
    digest = hashlib.sha256(whole.encode()).hexdigest()[:HASH_LENGTH]
    return f"{whole[: longest - HASH_LENGTH - 1].rstrip('-')}-{digest}"


def alarm_name(component: str, purpose: str) -> str:
    """An alarm's name, unique in an account: project, stack, component and purpose."""
    return physical_name(pulumi.get_project(), pulumi.get_stack(), component, purpose, longest=LONGEST_ALARM_NAME)


def checked_tags(where: str, given: object) -> dict[str, str]:
    """Tags within AWS's limits.

    Raises:
        InvalidInput: One is not.
    """
    tags: dict[str, str] = {}
    if given is None:
        return tags
    if not isinstance(given, Mapping):
        raise InvalidInput(f"{where}tags", given, allowed="a dictionary of tags")
    for key, value in cast("Mapping[object, object]", given).items():
        name = f"{where}tags[{key}]"
        if not isinstance(key, str) or not 1 <= len(key) <= LONGEST_TAG_KEY or key.lower().startswith("aws:"):
            raise InvalidInput(
                name, value, allowed=f"a key of 1 to {LONGEST_TAG_KEY} characters, not beginning with aws:"
            )
        if not isinstance(value, str) or len(value) > LONGEST_TAG_VALUE:
            raise InvalidInput(name, value, allowed=f"a value of at most {LONGEST_TAG_VALUE} characters")
        tags[key] = value
    if len({*tags, *own_tags("")}) > MOST_TAGS:
        raise InvalidInput(
            f"{where}tags", len(tags), allowed=f"at most {MOST_TAGS}, with Name and seawall:component among them"
        )
    return tags


def own_tags(component: str) -> dict[str, str]:
    """What every resource of a component is tagged with."""
    return {"Name": component, "seawall:component": component}


def plan_actions(name: str, region: str, given: object, because: str = "") -> tuple[pulumi.Input[str], ...]:
    """The topics of alarms in a region.

    Args:
        name: The argument.
        region: Of the alarms.
        given: ARNs.
        because: Why the alarms are there, for messages; ends in `and `.

    Raises:
        InvalidInput: There are too many, or one is none, or of another region.
    """
    actions = listed(name, given)
    if len(actions) > MOST_ALARM_ACTIONS:
        raise InvalidInput(name, len(actions), allowed=f"at most {MOST_ALARM_ACTIONS} topics")
    return tuple(
        text(f"{name}[{place}]", action, lambda label, value: topic_in_region(label, value, region, because))
        for place, action in enumerate(actions)
    )


def topic_in_region(name: str, value: str, region: str, because: str = "") -> str:
    """The ARN of an SNS topic that an alarm of a region can notify.

    Raises:
        InvalidInput: It is no topic, or one of another region.
    """
    match = TOPIC_ARN.fullmatch(value)
    if match is None:
        raise InvalidInput(name, value, allowed="the ARN of an SNS topic")
    if match["region"] != region:
        raise InvalidInput(
            name,
            value,
            allowed=f"an SNS topic in {region}",
            because=f"{because}an alarm notifies topics of its own region only",
        )
    return value
