"""The `identity` section of `Pulumi.<env>.yaml`. Limits: see `pulumi_seawall.WorkloadIdentity` and `PipelineIdentity`."""

from pulumi_seawall import WorkloadPurpose
from stacks.section import Section


class WorkloadSettings(Section):
    """Who gets the role of a purpose; what it may do follows from the environment."""

    clusters: dict[str, str] | None = None
    """Per region the EKS cluster's name: the pods of `service_account`, in the namespace of the region's cluster."""
    service_account: str | None = None
    """Default: the service's name, a dash and the purpose; the app's is the service's name alone."""
    assumed_by: tuple[str, ...] | None = None
    require_mfa: bool | None = None
    session_seconds: int | None = None
    import_ids: dict[str, str] | None = None


class TablesSettings(Section):
    """A failover's tables in DynamoDB that are somebody else's, by name, all in the arbiter's region.

    Those of `seawall:arbiter.tables` need no name here.
    """

    board: str | None = None
    """Of votes."""
    leases: str | None = None
    journals: str | None = None
    """Of journals and records."""
    cluster: str | None = None
    """The name in the failover's settings; default the service's and the environment's, with a hyphen between."""


class BranchSettings(Section):
    """See `BranchPatternArgs`."""

    repository: str
    pattern: str


class SubjectsSettings(Section):
    """See `PipelineSubjectsArgs`."""

    subjects: tuple[str, ...] | None = None
    branches: tuple[BranchSettings, ...] | None = None


class StateSettings(Section):
    """See `PipelineStateArgs`."""

    bucket: str
    prefix: str | None = None
    key_arn: str | None = None


class PipelineSettings(Section):
    """See `PipelineIdentityArgs`."""

    preview: SubjectsSettings
    deploy: SubjectsSettings
    issuer: str | None = None
    audience: str | None = None
    existing_provider: bool | None = None
    name_prefixes: tuple[str, ...] | None = None
    """Default: the project's and the stack's name, and the service's and the environment's, each with a hyphen behind it."""
    resource_types: tuple[str, ...] | None = None
    role_boundary_arn: str | None = None
    state: StateSettings | None = None
    import_ids: dict[str, str] | None = None


class IdentitySettings(Section):
    """Roles of the service and of those who look after it."""

    app: WorkloadSettings | None = None
    observer: WorkloadSettings | None = None
    operator: WorkloadSettings | None = None
    backup_watcher: WorkloadSettings | None = None
    surveyor: WorkloadSettings | None = None
    tables: TablesSettings | None = None
    """What observers and operators of a failover write to beside the live document."""
    permissions_boundary_arn: str | None = None
    """ARN of a policy that bounds those roles."""
    pipeline: PipelineSettings | None = None
    """The pipeline's two roles, where this stack declares them."""

    @property
    def workloads(self) -> dict[WorkloadPurpose, WorkloadSettings]:
        """By purpose, those that are asked for."""
        given = {
            WorkloadPurpose.APP: self.app,
            WorkloadPurpose.OBSERVER: self.observer,
            WorkloadPurpose.OPERATOR: self.operator,
            WorkloadPurpose.BACKUP_WATCHER: self.backup_watcher,
            WorkloadPurpose.SURVEYOR: self.surveyor,
        }
        return {purpose: settings for purpose, settings in given.items() if settings is not None}
