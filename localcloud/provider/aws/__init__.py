"""The table of AWS types that the local cloud takes. The next one is an adapter and a line here."""

from collections.abc import Mapping
from typing import Final

from localcloud.provider.adapter import Adapter
from localcloud.provider.aws.alarms import COMPOSITE_ALARM, METRIC_ALARM
from localcloud.provider.aws.backup_plan import PLAN, SELECTION
from localcloud.provider.aws.backup_testing import RESTORE_TESTING_PLAN, RESTORE_TESTING_SELECTION
from localcloud.provider.aws.backup_vault import (
    REGION_SETTINGS,
    VAULT,
    VAULT_LOCK,
    VAULT_NOTIFICATIONS,
    VAULT_POLICY,
)
from localcloud.provider.aws.database import INSTANCE
from localcloud.provider.aws.database_backups import AUTOMATED_BACKUPS_REPLICATION
from localcloud.provider.aws.database_groups import PARAMETER_GROUP, SUBNET_GROUP
from localcloud.provider.aws.fis import EXPERIMENT_TEMPLATE
from localcloud.provider.aws.functions import FUNCTIONS
from localcloud.provider.aws.health_check import HEALTH_CHECK
from localcloud.provider.aws.iam import ROLE, ROLE_POLICY, ROLE_POLICY_ATTACHMENT
from localcloud.provider.aws.iam_oidc import OPEN_ID_CONNECT_PROVIDER
from localcloud.provider.aws.iam_policy import POLICY
from localcloud.provider.aws.key import ALIAS_OF_KEY, KEY
from localcloud.provider.aws.log_group import LOG_GROUP
from localcloud.provider.aws.network import VPC
from localcloud.provider.aws.parameter import PARAMETER
from localcloud.provider.aws.pod_identity import POD_IDENTITY_ASSOCIATION
from localcloud.provider.aws.record import RECORD
from localcloud.provider.aws.recovery_control import CLUSTER, CONTROL_PANEL, ROUTING_CONTROL, SAFETY_RULE
from localcloud.provider.aws.s3 import BUCKET, BUCKET_POLICY, PUBLIC_ACCESS_BLOCK
from localcloud.provider.aws.security_group import SECURITY_GROUP
from localcloud.provider.aws.security_group_rule import EGRESS_RULE, INGRESS_RULE
from localcloud.provider.aws.sns import SUBSCRIPTION, TOPIC
from localcloud.provider.aws.sns_policy import TOPIC_POLICY
from localcloud.provider.aws.subnet import SUBNET
from localcloud.provider.aws.table import TABLE
from localcloud.provider.aws.zone import ZONE
from localcloud.provider.aws.zone_association import ZONE_ASSOCIATION

__all__ = ["ADAPTERS", "FUNCTIONS"]

_ADAPTERS: Final = (
    ALIAS_OF_KEY,
    AUTOMATED_BACKUPS_REPLICATION,
    BUCKET,
    BUCKET_POLICY,
    CLUSTER,
    COMPOSITE_ALARM,
    CONTROL_PANEL,
    EGRESS_RULE,
    EXPERIMENT_TEMPLATE,
    HEALTH_CHECK,
    INGRESS_RULE,
    INSTANCE,
    KEY,
    LOG_GROUP,
    METRIC_ALARM,
    OPEN_ID_CONNECT_PROVIDER,
    PARAMETER,
    PARAMETER_GROUP,
    PLAN,
    POD_IDENTITY_ASSOCIATION,
    POLICY,
    PUBLIC_ACCESS_BLOCK,
    RECORD,
    REGION_SETTINGS,
    RESTORE_TESTING_PLAN,
    RESTORE_TESTING_SELECTION,
    ROLE,
    ROLE_POLICY,
    ROLE_POLICY_ATTACHMENT,
    ROUTING_CONTROL,
    SAFETY_RULE,
    SECURITY_GROUP,
    SELECTION,
    SUBNET,
    SUBNET_GROUP,
    SUBSCRIPTION,
    TABLE,
    TOPIC,
    TOPIC_POLICY,
    VAULT,
    VAULT_LOCK,
    VAULT_NOTIFICATIONS,
    VAULT_POLICY,
    VPC,
    ZONE,
    ZONE_ASSOCIATION,
)
ADAPTERS: Final[Mapping[str, Adapter]] = {adapter.resource_type: adapter for adapter in _ADAPTERS}
