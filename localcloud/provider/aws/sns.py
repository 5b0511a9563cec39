"""SNS topics and their subscriptions."""

import re
from collections.abc import Iterator
from typing import Any, Final

from localcloud.provider.adapter import TAGS_ALL, Adapter, Autoname, Properties
from localcloud.provider.aws import tags
from localcloud.provider.aws.json_text import json_normal, json_refusals
from localcloud.provider.clients import ACCOUNT_ID, Cloud
from seawall.errors import InvalidInput

LONGEST_NAME: Final = 256  # characters
FIFO_SUFFIX: Final = ".fifo"
PROTOCOLS: Final = (*("application", "email", "email-json", "firehose", "http", "https", "lambda", "sms", "sqs"),)
_NAME: Final = re.compile(r"[A-Za-z0-9_-]+(?:\.fifo)?")

# Input to attribute. What only delivery logs use is left out until something declares it.
_TOPIC: Final = {
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "deliveryPolicy": "DeliveryPolicy",
    "displayName": "DisplayName",
    "fifoTopic": "FifoTopic",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "policy": "Policy",
    "signatureVersion": "SignatureVersion",
    "tracingConfig": "TracingConfig",
}
_SUBSCRIPTION: Final = {
    "deliveryPolicy": "DeliveryPolicy",
    "filterPolicy": "FilterPolicy",
    "filterPolicyScope": "FilterPolicyScope",
    "rawMessageDelivery": "RawMessageDelivery",
    "redrivePolicy": "RedrivePolicy",
    "subscriptionRoleArn": "SubscriptionRoleArn",
}
_BOOLEANS: Final = ("contentBasedDeduplication", "fifoTopic", "rawMessageDelivery")
_INTEGERS: Final = ("signatureVersion",)


def _text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _from_texts(attributes: dict[str, str], names: dict[str, str]) -> Properties:
    told: Properties = {}
    for name, attribute in names.items():
        text = attributes.get(attribute)
        if text in (None, ""):
            continue
        told[name] = text.lower() == "true" if name in _BOOLEANS else int(text) if name in _INTEGERS else text
    return told


def _create_topic(cloud: Cloud, inputs: Properties, reference: str) -> str:
    del reference  # SNS answers a repeated name with the topic that has it
    attributes = {"FifoTopic": "true"} if inputs.get("fifoTopic") else {}
    return cloud.client("sns").create_topic(Name=inputs["name"], Attributes=attributes)["TopicArn"]


def _finish_topic(cloud: Cloud, id_: str, inputs: Properties) -> None:
    client = cloud.client("sns")
    current = client.get_topic_attributes(TopicArn=id_)["Attributes"]
    for name, attribute in _TOPIC.items():
        value = inputs.get(name)
        if name != "fifoTopic" and value is not None and current.get(attribute) != _text(value):
            client.set_topic_attributes(TopicArn=id_, AttributeName=attribute, AttributeValue=_text(value))
    tags.arn_write(client, id_, inputs, name="ResourceArn")


def _update_topic(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    for name in _TOPIC.keys() - TOPIC.keeps - TOPIC.replaces:  # what was removed goes back to nothing
        if state.get(name) and inputs.get(name) is None:
            empty = "false" if name in _BOOLEANS else ""
            cloud.client("sns").set_topic_attributes(TopicArn=id_, AttributeName=_TOPIC[name], AttributeValue=empty)
    _finish_topic(cloud, id_, inputs)


def _read_topic(cloud: Cloud, id_: str, known: Properties) -> Properties:
    del known
    client = cloud.client("sns")
    attributes = client.get_topic_attributes(TopicArn=id_)["Attributes"]
    return _from_texts(attributes, _TOPIC) | {
        "name": id_.rpartition(":")[2],
        "arn": id_,
        "owner": attributes.get("Owner", ACCOUNT_ID),
        TAGS_ALL: tags.as_map(client.list_tags_for_resource(ResourceArn=id_)["Tags"]),
    }


def _delete_topic(cloud: Cloud, id_: str, state: Properties) -> None:
    del state
    cloud.client("sns").delete_topic(TopicArn=id_)


def _topic_refusals(inputs: Properties) -> Iterator[InvalidInput]:
    name = inputs.get("name")
    if isinstance(name, str):
        if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
            yield InvalidInput("name", name, allowed=f"1 to {LONGEST_NAME} letters, digits, - and _")
        elif name.endswith(FIFO_SUFFIX) != bool(inputs.get("fifoTopic")):
            yield InvalidInput(
                "name", name, allowed=f"{FIFO_SUFFIX} at the end of a FIFO topic's name, and of no other's"
            )
    for policy in ("policy", "deliveryPolicy"):
        yield from json_refusals(inputs, policy)


TOPIC: Final = Adapter(
    resource_type="aws:sns/topic:Topic",
    inputs={
        "contentBasedDeduplication": bool,
        "deliveryPolicy": str,
        "displayName": str,
        "fifoTopic": bool,
        "kmsMasterKeyId": str,
        "name": str,
        "policy": str,
        "signatureVersion": int,
        "tags": dict,
        "tracingConfig": str,
    },
    defaults={"contentBasedDeduplication": False, "fifoTopic": False},
    autoname=Autoname(longest=LONGEST_NAME, suffix=lambda inputs: FIFO_SUFFIX if inputs.get("fifoTopic") else ""),
    replaces=frozenset({"name", "fifoTopic"}),
    keeps=frozenset({"policy", "signatureVersion", "tracingConfig"}),
    computed=frozenset({"arn", "owner"}),
    normalizers={"policy": json_normal, "deliveryPolicy": json_normal},
    absent_codes=frozenset({"NotFound", "NotFoundException"}),
    refusals=_topic_refusals,
    create=_create_topic,
    finish=_finish_topic,
    read=_read_topic,
    update=_update_topic,
    delete=_delete_topic,
)


def _create_subscription(cloud: Cloud, inputs: Properties, reference: str) -> str:
    del reference  # SNS answers a repeated subscription with the one that exists
    answer = cloud.client("sns").subscribe(
        TopicArn=inputs["topic"], Protocol=inputs["protocol"], Endpoint=inputs["endpoint"], ReturnSubscriptionArn=True
    )
    return answer["SubscriptionArn"]


def _finish_subscription(cloud: Cloud, id_: str, inputs: Properties) -> None:
    client = cloud.client("sns")
    current = client.get_subscription_attributes(SubscriptionArn=id_)["Attributes"]
    for name, attribute in _SUBSCRIPTION.items():
        value = inputs.get(name)
        if (
            value is not None
            and current.get(attribute) != _text(value)
            and not (value is False and attribute not in current)
        ):
            client.set_subscription_attributes(
                SubscriptionArn=id_, AttributeName=attribute, AttributeValue=_text(value)
            )


def _update_subscription(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    for name in _SUBSCRIPTION.keys() - SUBSCRIPTION.keeps:
        if state.get(name) and inputs.get(name) is None:
            empty = "false" if name in _BOOLEANS else "{}" if name.endswith("Policy") else ""
            cloud.client("sns").set_subscription_attributes(
                SubscriptionArn=id_, AttributeName=_SUBSCRIPTION[name], AttributeValue=empty
            )
    _finish_subscription(cloud, id_, inputs)


def _read_subscription(cloud: Cloud, id_: str, known: Properties) -> Properties:
    del known
    attributes = cloud.client("sns").get_subscription_attributes(SubscriptionArn=id_)["Attributes"]
    return _from_texts(attributes, _SUBSCRIPTION) | {
        "topic": attributes["TopicArn"],
        "protocol": attributes["Protocol"],
        "endpoint": attributes["Endpoint"],
        "arn": id_,
        "ownerId": attributes.get("Owner", ACCOUNT_ID),
        "pendingConfirmation": attributes.get("PendingConfirmation", "false") == "true",
        "confirmationWasAuthenticated": attributes.get("ConfirmationWasAuthenticated", "true") == "true",
    }


def _delete_subscription(cloud: Cloud, id_: str, state: Properties) -> None:
    del state
    cloud.client("sns").unsubscribe(SubscriptionArn=id_)


def _subscription_refusals(inputs: Properties) -> Iterator[InvalidInput]:
    protocol, topic = inputs.get("protocol"), inputs.get("topic")
    if isinstance(protocol, str) and protocol not in PROTOCOLS:
        yield InvalidInput("protocol", protocol, allowed=f"one of {', '.join(PROTOCOLS)}")
    if isinstance(topic, str) and not topic.startswith("arn:"):
        yield InvalidInput("topic", topic, allowed="a topic's ARN")
    for policy in ("filterPolicy", "deliveryPolicy", "redrivePolicy"):
        yield from json_refusals(inputs, policy)


SUBSCRIPTION: Final = Adapter(
    resource_type="aws:sns/topicSubscription:TopicSubscription",
    inputs={
        "confirmationTimeoutInMinutes": int,
        "deliveryPolicy": str,
        "endpoint": str,
        "endpointAutoConfirms": bool,
        "filterPolicy": str,
        "filterPolicyScope": str,
        "protocol": str,
        "rawMessageDelivery": bool,
        "redrivePolicy": str,
        "subscriptionRoleArn": str,
        "topic": str,
    },
    required=frozenset({"endpoint", "protocol", "topic"}),
    defaults={"confirmationTimeoutInMinutes": 1, "endpointAutoConfirms": False, "rawMessageDelivery": False},
    replaces=frozenset({"endpoint", "protocol", "topic"}),
    keeps=frozenset({"filterPolicyScope"}),
    write_only=frozenset({"confirmationTimeoutInMinutes", "endpointAutoConfirms"}),
    computed=frozenset({"arn", "ownerId", "pendingConfirmation", "confirmationWasAuthenticated"}),
    normalizers=dict.fromkeys(("filterPolicy", "deliveryPolicy", "redrivePolicy"), json_normal),
    absent_codes=frozenset({"NotFound", "NotFoundException"}),
    refusals=_subscription_refusals,
    create=_create_subscription,
    finish=_finish_subscription,
    read=_read_subscription,
    update=_update_subscription,
    delete=_delete_subscription,
)
