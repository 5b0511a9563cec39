"""Where alarms go: a topic in each region that has alarms, since an alarm notifies topics of its own region only."""

from collections.abc import Mapping
from typing import Final

import pulumi
import pulumi_aws as aws

from seawall.errors import InvalidInput
from stacks.environment import Environment

ROUTE53_REGION: Final = "us-east-1"  # alarms on Route 53's metrics live there


def plan_topics(environment: Environment) -> tuple[str, ...]:
    """The regions that need a topic; registers nothing.

    Raises:
        InvalidInput: A topic is given for a region that has no alarms, or is of another region.
    """
    database = environment.database
    members = [member.region for member in database.members] if database else []
    regions = tuple(dict.fromkeys((ROUTE53_REGION, *members)))
    for region, arn in environment.alarms.topic_arns.items():
        name = f"seawall:alarms.topic_arns.{region}"
        if region not in members:
            raise InvalidInput(name, arn, allowed=f"a region of the database: {', '.join(members) or 'there is none'}")
        if arn.split(":")[3:4] != [region]:
            raise InvalidInput(
                name, arn, allowed=f"a topic in {region}", because="an alarm notifies its own region only"
            )
        if region == ROUTE53_REGION and environment.alarms.topic_arn not in (None, arn):
            raise InvalidInput(name, arn, allowed="the same as seawall:alarms.topic_arn, or only one of them")
    return regions


def declare_topics(
    environment: Environment, name: str, tags: Mapping[str, str], options: pulumi.ResourceOptions
) -> dict[str, pulumi.Input[str]]:
    """ARN of the topic of each region that has alarms; declared where none is given."""
    alarms = environment.alarms
    topics: dict[str, pulumi.Input[str]] = dict(alarms.topic_arns)
    if alarms.topic_arn is not None:
        topics[ROUTE53_REGION] = alarms.topic_arn
    for region in plan_topics(environment):
        if region in topics:
            continue
        label = f"{name}-alarms" if region == ROUTE53_REGION else f"{name}-alarms-{region}"
        topic = aws.sns.Topic(label, region=region, tags=dict(tags), opts=options)
        for email in alarms.emails:
            aws.sns.TopicSubscription(
                f"{label}-{email}", region=region, topic=topic.arn, protocol="email", endpoint=email, opts=options
            )
        topics[region] = topic.arn
    return topics
