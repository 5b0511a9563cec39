"""Arguments of `WorkloadIdentity` and `PipelineIdentity`. TypedDicts and Enums only: the schema for other languages is
inferred from them."""

from enum import Enum
from typing import NotRequired, TypedDict

import pulumi


class WorkloadPurpose(Enum):
    """Whose identity it is; what it may do follows from the calls that Seawall's code makes for it."""

    APP = "app"
    """The service: reads its two topology documents, logs in to its database."""
    OBSERVER = "observer"
    """Who runs `seawall failover observe`: reads the documents, asks about the named databases, votes."""
    OPERATOR = "operator"
    """Who fails over, or lets an observer act: all that an observer does; also takes the lease, keeps the record, writes the
    live document, fences and promotes the named databases, moves the named switches."""
    BACKUP_WATCHER = "backup-watcher"
    """Who runs `seawall backups`: looks at backups, and publishes how old the newest is."""
    SURVEYOR = "surveyor"
    """Who runs `seawall adopt` and `seawall dns explain`: looks at zones, checks, alarms, databases and backups, and
    changes nothing."""


class PodArgs(TypedDict):
    """The pods of one service account, by EKS Pod Identity."""

    region: str
    """AWS region of the cluster; one of `regions`."""
    cluster_name: str
    """The EKS cluster's name."""
    namespace: str
    """Kubernetes namespace of the service account."""
    service_account: str
    """The service account's name."""


class DatabaseLoginArgs(TypedDict):
    """A database that is logged in to with IAM, in place of a password."""

    region: str
    """AWS region of the instance; one of `regions`."""
    resource_id: pulumi.Input[str]
    """The instance's resource id, e.g. `db-ABCDEFGHIJKL01234`; not its identifier."""
    username: str
    """The database's user, who must have `rds_iam` (PostgreSQL) or `AWSAuthenticationPlugin` (MySQL)."""


class DatabaseRefArgs(TypedDict):
    """An RDS instance."""

    region: str
    """AWS region of the instance; one of `regions`."""
    identifier: str
    """The instance's identifier."""


class WorkloadImportIds(TypedDict):
    """Existing resources to adopt."""

    role: NotRequired[str]
    """The role's name."""
    role_policy: NotRequired[str]
    """`role:policy`, both by name."""
    associations: NotRequired[dict[str, str]]
    """Per `region/cluster/namespace/serviceaccount` the association as `cluster,id`, e.g. `shop,a-0123456789abcdef0`."""


class WorkloadIdentityArgs(TypedDict):
    """One role: for whom, where, and what in particular."""

    purpose: WorkloadPurpose
    """What the role is for."""
    service: str
    """The service's name, as in its topology."""
    environment: str
    """The environment's name, as in its topology."""
    account_id: str
    """The account's 12 digits."""
    regions: list[str]
    """Where it works: whatever is asked in another region is denied."""
    arbiter_region: NotRequired[str]
    """For the app, the observer and the operator: the region whose live document counts, none of `regions`."""
    pods: NotRequired[list[PodArgs]]
    """Who gets the role in clusters. Give this, `assumed_by`, or both."""
    assumed_by: NotRequired[list[str]]
    """ARNs of roles and users who may take the role. Never a whole account."""
    require_mfa: NotRequired[bool]
    """Whether who takes it must have logged in with a second factor; default no. For users: a session that came through
    another role does not say."""
    database_logins: NotRequired[list[DatabaseLoginArgs]]
    """For the app: databases with IAM authentication."""
    databases: NotRequired[list[DatabaseRefArgs]]
    """For the observer: instances that are asked about. For the operator: those that may be fenced and promoted."""
    cluster: NotRequired[str]
    """For the observer and the operator, with a table of votes or leases: the name in a failover's settings, whose items alone
    are in reach."""
    board_table_arn: NotRequired[pulumi.Input[str]]
    """For the observer and the operator: the table of votes, in DynamoDB."""
    leases_table_arn: NotRequired[pulumi.Input[str]]
    """For the operator: the table of leases."""
    journals_table_arn: NotRequired[pulumi.Input[str]]
    """For the operator: the table of journals and records."""
    health_check_ids: NotRequired[list[pulumi.Input[str]]]
    """For the surveyor: Route 53's health checks; default all of the account."""
    switch_object_arns: NotRequired[list[pulumi.Input[str]]]
    """For the operator: S3 objects whose presence moves the name, e.g. `arn:aws:s3:::shop-switch/standby`."""
    routing_control_arns: NotRequired[list[pulumi.Input[str]]]
    """For the operator: routing controls of ARC."""
    session_seconds: NotRequired[int]
    """How long a session lasts at most: 3600 to 43200 seconds; default 3600."""
    permissions_boundary_arn: NotRequired[str]
    """ARN of a policy that bounds the role, where the account asks for one."""
    import_ids: NotRequired[WorkloadImportIds]
    """Existing resources to adopt."""
    tags: NotRequired[dict[str, str]]
    """Tags for the role and the associations."""


class BranchPatternArgs(TypedDict):
    """Branches by pattern: the one place where a subject may have a wildcard."""

    repository: str
    """`owner/name`, exactly."""
    pattern: str
    """Of the branch, e.g. `release/*`: with at least one character before the first `*`."""


class PipelineSubjectsArgs(TypedDict):
    """Which tokens of the pipeline are believed."""

    subjects: NotRequired[list[str]]
    """Exact `sub` claims, e.g. `repo:acme/shop:environment:prod` or `repo:acme/shop:pull_request`."""
    branches: NotRequired[list[BranchPatternArgs]]
    """Branches by pattern."""


class PipelineStateArgs(TypedDict):
    """Where Pulumi keeps the state, when that is a bucket of yours."""

    bucket: str
    """The bucket's name."""
    prefix: NotRequired[str]
    """Folder in the bucket, without slashes at its ends; default the whole bucket."""
    key_arn: NotRequired[str]
    """ARN of the KMS key of the secrets provider or of the bucket."""


class PipelineImportIds(TypedDict):
    """Existing resources to adopt."""

    provider: NotRequired[str]
    """The OpenID Connect provider's ARN."""
    preview_role: NotRequired[str]
    """The role's name, with none of `name_prefixes`."""
    deploy_role: NotRequired[str]
    """The role's name, with none of `name_prefixes`."""


class PipelineIdentityArgs(TypedDict):
    """Two roles for a pipeline: one that only looks, one that deploys."""

    account_id: str
    """The account's 12 digits."""
    regions: list[str]
    """Where the stack has resources; `us-east-1`, where Route 53's alarms live, is added."""
    preview: PipelineSubjectsArgs
    """Who may preview and look for drift: reads only."""
    deploy: PipelineSubjectsArgs
    """Who may deploy. Never a pull request: its code runs before anybody has read it."""
    name_prefixes: list[str]
    """What names of the stack's resources begin with, each at least 3 characters, best with a hyphen at the end: others' are
    out of reach where the name is in the ARN."""
    issuer: NotRequired[str]
    """Address of the tokens' issuer; default GitHub's, `https://token.actions.githubusercontent.com`."""
    audience: NotRequired[str]
    """The tokens' `aud` claim, exactly; default `sts.amazonaws.com`."""
    existing_provider: NotRequired[bool]
    """Whether the account has the issuer's OpenID Connect provider already: IAM has one per issuer; default no."""
    resource_types: NotRequired[list[str]]
    """Types that the stack declares, e.g. `aws:rds/instance:Instance`; default all that Seawall's components declare."""
    role_boundary_arn: NotRequired[str]
    """ARN of a policy: with it the deploy role may make and change roles that this policy bounds. Without it the pipeline
    changes no identity at all, and roles are an administrator's work."""
    state: NotRequired[PipelineStateArgs]
    """Where Pulumi keeps the state."""
    import_ids: NotRequired[PipelineImportIds]
    """Existing resources to adopt."""
    tags: NotRequired[dict[str, str]]
    """Tags for everything."""
