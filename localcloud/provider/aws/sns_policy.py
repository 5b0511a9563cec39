"""Who may publish to an SNS topic. The id is the topic's ARN."""

import json
from typing import Any, Final

from localcloud.provider.adapter import Adapter, Properties
from localcloud.provider.aws.json_text import json_normal, json_refusals
from localcloud.provider.clients import ACCOUNT_ID, Cloud

DEFAULT_ID: Final = "__default_policy_ID"  # of the policy that a topic has without one of its own
OWNERS_ACTIONS: Final = (
    "SNS:GetTopicAttributes", "SNS:SetTopicAttributes", "SNS:AddPermission", "SNS:RemovePermission", "SNS:DeleteTopic",
    "SNS:Subscribe", "SNS:ListSubscriptionsByTopic", "SNS:Publish",
)  # fmt: skip


def _default(arn: str) -> str:
    """What a topic has without a policy of its own: its account may do everything."""
    statement: dict[str, Any] = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": list(OWNERS_ACTIONS),
        "Resource": arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": ACCOUNT_ID}},
    }
    return json.dumps({"Version": "2008-10-17", "Id": DEFAULT_ID, "Statement": [statement]})


def _create(cloud: Cloud, inputs: Properties, reference: str) -> str:
    del reference  # writing the same again does no harm
    _update(cloud, inputs["arn"], {}, inputs)
    return inputs["arn"]


def _read(cloud: Cloud, id_: str, known: Properties) -> Properties | None:
    del known
    attributes = cloud.client("sns").get_topic_attributes(TopicArn=id_)["Attributes"]
    policy = attributes.get("Policy")
    if not policy or json.loads(policy).get("Id") == DEFAULT_ID:
        return None
    return {"arn": id_, "policy": policy, "owner": attributes.get("Owner", ACCOUNT_ID)}


def _update(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    del state
    cloud.client("sns").set_topic_attributes(TopicArn=id_, AttributeName="Policy", AttributeValue=inputs["policy"])


def _delete(cloud: Cloud, id_: str, state: Properties) -> None:
    """As the real provider does it: the topic gets back what it had without one."""
    del state
    cloud.client("sns").set_topic_attributes(TopicArn=id_, AttributeName="Policy", AttributeValue=_default(id_))


TOPIC_POLICY: Final = Adapter(
    resource_type="aws:sns/topicPolicy:TopicPolicy",
    inputs={"arn": str, "policy": str},
    required=frozenset({"arn", "policy"}),
    replaces=frozenset({"arn"}),
    computed=frozenset({"owner"}),
    normalizers={"policy": json_normal},
    absent_codes=frozenset({"NotFound", "NotFoundException"}),
    refusals=lambda inputs: json_refusals(inputs, "policy"),
    create=_create,
    read=_read,
    update=_update,
    delete=_delete,
)
