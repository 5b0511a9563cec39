"""The `observers` section of `Pulumi.<env>.yaml`. Limits: see the component that it is for."""

from pulumi_seawall import FailoverClass, FailoverMode, FailoverServers, SslMode, WriterProof
from stacks.release_settings import ResourceSettings, SecretKeySettings
from stacks.section import Section


class TableSettings(Section):
    """See `pulumi_seawall.FailoverTableArgs`."""

    table: str
    region: str | None = None
    """Default the arbiter's."""


class WindowSettings(Section):
    """See `pulumi_seawall.MaintenanceWindowArgs`."""

    day: str
    start: str
    minutes: int
    why: str | None = None


class LeaseSettings(Section):
    """See `pulumi_seawall.FailoverLeaseArgs`."""

    ttl_seconds: float | None = None
    margin_seconds: float | None = None
    renew_every_seconds: float | None = None
    request_timeout_seconds: float | None = None
    retry_seconds: float | None = None
    jitter_ratio: float | None = None


class FenceSettings(Section):
    """See `pulumi_seawall.FailoverFenceArgs`."""

    cut_also: tuple[str, ...] | None = None
    uncut_because: str | None = None


class FailoverSettings(Section):
    """The file that observers and operators share: see `pulumi_seawall.FailoverSettingsArgs`.

    The arbiter comes from the rest of the file, as do the tables and the name's switch, unless they stand here.
    """

    references: tuple[str, ...]
    cluster: str | None = None
    """Default the name in `seawall:identity.tables`, else the service's and the environment's, with a hyphen between."""
    domains: tuple[str, ...] | None = None
    """Default the regions with a cluster, and where these are fewer than three, the arbiter's: somebody else runs an observer
    there."""
    board: TableSettings | None = None
    leases: TableSettings | None = None
    journals: TableSettings | None = None
    lease_terms: LeaseSettings | None = None
    aws_status: bool | None = None
    write_statement: str | None = None
    mode: FailoverMode | None = None
    interval_seconds: float | None = None
    timeout_seconds: float | None = None
    failures_to_trip: int | None = None
    window: int | None = None
    successes_to_clear: int | None = None
    decision_interval_seconds: float | None = None
    stale_after_seconds: float | None = None
    lag_limit_seconds: float | None = None
    cool_down_seconds: float | None = None
    most_operations: int | None = None
    operations_window_seconds: float | None = None
    act_on: tuple[FailoverClass, ...] | None = None
    windows: tuple[WindowSettings, ...] | None = None
    servers: FailoverServers | None = None
    verify_by: WriterProof | None = None
    retention_days: int | None = None
    fence: FenceSettings | None = None
    switch: dict[str, str] | None = None
    """Default `seawall:dns.switch`; of routing controls only together with the endpoints of their cluster."""
    switch_endpoints: dict[str, str] | None = None
    epoch_lease_seconds: float | None = None
    members: dict[str, str] | None = None
    promote_seconds: float | None = None


class CertificateSettings(Section):
    """See `pulumi_seawall.ObserverCertificateArgs`."""

    key: str
    config_map: str | None = None
    secret: str | None = None


class LoginSettings(Section):
    """See `pulumi_seawall.ObserverDatabaseArgs`."""

    user: SecretKeySettings
    password: SecretKeySettings
    ssl_mode: SslMode | None = None
    root_certificate: CertificateSettings | None = None


class ObserversSettings(Section):
    """Who watches from each region with a cluster, votes, and perhaps fails over: see `pulumi_seawall.FailoverObserversArgs`.

    The service, its regions and its clusters come from the rest of the file.
    """

    image: str
    settings: FailoverSettings
    act: bool | None = None
    """Whether they fail over by themselves. Their pods then have the operator's role in place of the observer's."""
    database: LoginSettings | None = None
    """Required with `seawall:database`."""
    service_account: str | None = None
    """An existing one; by default the one that `seawall:identity` gives the role to is declared."""
    resources: ResourceSettings | None = None
    env: dict[str, str] | None = None
    secrets: dict[str, SecretKeySettings] | None = None
    priority_class: str | None = None
    deny_ingress: bool | None = None
    run_as_user: int | None = None
