"""What `FailoverObservers` will declare: every check before anything is registered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import pulumi

from pulumi_seawall._clusters import NAMESPACE, Reach, plan_reach
from pulumi_seawall._inputs import checked_keys, flag, line, listed, member, text
from pulumi_seawall._kubernetes_target import object_name
from pulumi_seawall._observers_args import (
    FailoverObserversArgs,
    ObserverCertificateArgs,
    ObserverClusterArgs,
    ObserverDatabaseArgs,
    SslMode,
)
from pulumi_seawall._observers_settings import FailoverSettings, plan_settings
from pulumi_seawall._pod_parts import (
    EXIT_SECONDS,
    OWN_PREFIX,
    REGION_VARIABLE,
    image_that_is,
    key_of,
    plan_env,
    plan_resources,
    plan_secret_key,
    plan_secrets,
    plan_user,
    refuse_twice,
)
from pulumi_seawall._regions import distinct_regions, known_region
from seawall.contract import checked_environment, checked_service
from seawall.errors import MISSING, InvalidInput
from seawall.topology import parse

LONGEST_NAME: Final = 45  # characters; what is appended to it must fit into a label's 63
WATCHING: Final = {"cpu": "100m", "memory": "256Mi"}  # measured: 120 MiB, before clients shared a session
ACTING: Final = {"cpu": "100m", "memory": "768Mi"}  # measured: 350 MiB, likewise
PG_PREFIX: Final = "PG"  # libpq's variables
VERIFYING: Final = (SslMode.VERIFY_FULL, SslMode.VERIFY_CA)
LAST_REQUESTS: Final = 4  # of a round that is under way: checks, the board read and written; then the vote taken back
LAST_STEP_SECONDS: Final = 30  # an operation's way to its next safe point, as `observe --act` gives it


@dataclass(frozen=True, slots=True)
class Certificate:
    """Where the certificates of trusted authorities are.

    Args:
        kind: `configMap` or `secret`.
        name: The object's.
        key: In it.
    """

    kind: str
    name: str
    key: str


@dataclass(frozen=True, slots=True)
class DatabaseLogin:
    """How the database is logged in to.

    Args:
        user: A Secret's name and key.
        password: Likewise.
        ssl_mode: libpq's.
        certificate: Of whom is trusted.
    """

    user: tuple[str, str]
    password: tuple[str, str]
    ssl_mode: SslMode
    certificate: Certificate | None


@dataclass(frozen=True, slots=True)
class ObserversPlan:
    """Everything that `FailoverObservers` declares.

    Args:
        service: Its name.
        environment: Its name.
        regions: That may fail over.
        clusters: By failure domain.
        image: Of the pods.
        settings: The file.
        act: Whether observers fail over by themselves.
        database: How it is logged in to; None where there is none.
        document: The declared topology, for clusters outside of `regions`.
        name: Of the Deployment.
        service_account: An existing one; None for one that is declared.
        requests: CPU and memory.
        limits: Memory, and CPU where it is limited.
        env: Further variables.
        secrets: Further variables, each a Secret's name and key.
        priority_class: Of the pods.
        deny_ingress: Whether nobody may connect to the pods.
        run_as: User and group.
    """

    service: str
    environment: str
    regions: tuple[str, ...]
    clusters: Mapping[str, Reach]
    image: pulumi.Input[str]
    settings: FailoverSettings
    act: bool
    database: DatabaseLogin | None
    document: pulumi.Input[str] | None
    name: str
    service_account: str | None
    requests: Mapping[str, str]
    limits: Mapping[str, str]
    env: Mapping[str, str]
    secrets: Mapping[str, tuple[str, str]]
    priority_class: str | None
    deny_ingress: bool
    run_as: int

    @property
    def labels(self) -> dict[str, str]:
        """By which pods are found: by nothing that a Service of the app may select."""
        return {"app.kubernetes.io/name": self.name, "app.kubernetes.io/component": "observer"}

    @property
    def account(self) -> str:
        """The pods' service account."""
        return self.service_account or self.name

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """Domains without a cluster."""
        return tuple(domain for domain in self.settings.domains if domain not in self.clusters)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is not as somebody may expect it."""
        forced = f"nothing is ever acted on: {self.settings.never_acts_because}"
        return (forced,) if self.settings.forced else ()

    @property
    def grace_seconds(self) -> int:
        """What the kubelet waits before it kills: a round that is under way, and with `act` a step."""
        round_seconds = LAST_REQUESTS * self.settings.timeout_seconds
        return round(round_seconds + (LAST_STEP_SECONDS if self.act else 0) + EXIT_SECONDS)

    def observer(self, domain: str) -> str:
        """The name on the board: of the domain and not of the pod, so that one that was restarted still knows what it has
        seen healthy, and of two the later ends the earlier.
        """
        return f"{self.name}-{domain}"


def plan_failover_observers(args: FailoverObserversArgs) -> ObserversPlan:
    """Check the arguments of `FailoverObservers` and work out what it declares.

    Raises:
        InvalidInput: A value is not allowed; nothing has been registered.
    """
    given = cast("dict[str, Any]", checked_keys("", args, FailoverObserversArgs))
    regions = distinct_regions("regions", given["regions"])
    settings = plan_settings(given["settings"], regions)
    clusters = _clusters(given["clusters"], settings.domains)
    service = checked_service("service", given["service"])
    act = flag("act", given.get("act", False))
    requests, limits = plan_resources(given.get("resources", ACTING if act else WATCHING))
    plan = ObserversPlan(
        service,
        checked_environment("environment", given["environment"]),
        regions,
        clusters,
        text("image", given["image"], image_that_is("the same text twice is the same observer to Kubernetes")),
        settings,
        act,
        _database(given["database"]) if "database" in given else None,
        text("document", given["document"], _document) if "document" in given else None,
        _name(given.get("name", f"{service}-observer")),
        object_name("service_account", given["service_account"]) if "service_account" in given else None,
        requests,
        limits,
        plan_env(given.get("env", {}), _is_ours),
        plan_secrets(given.get("secrets", {}), _is_ours),
        object_name("priority_class", given["priority_class"]) if "priority_class" in given else None,
        flag("deny_ingress", given.get("deny_ingress", True)),
        plan_user(given),
    )
    refuse_twice(plan.env, plan.secrets)
    _refuse_without_topology(plan)
    if plan.act:
        _refuse_to_act_alone(settings)
    return plan


def _clusters(given: object, domains: Sequence[str]) -> dict[str, Reach]:
    clusters: dict[str, Reach] = {}
    for place, entry in enumerate(listed("clusters", given)):
        where = f"clusters[{place}]."
        cluster = cast("dict[str, Any]", checked_keys(where, entry, ObserverClusterArgs))
        region = known_region(f"{where}region", cluster["region"])
        if region not in domains:
            raise InvalidInput(f"{where}region", region, allowed=f"one of settings.domains: {', '.join(domains)}")
        if region in clusters:
            because = "two observers of one domain have one voice"
            raise InvalidInput(f"{where}region", region, allowed="each region once", because=because)
        clusters[region] = plan_reach(where, cluster)
    if not clusters:
        raise InvalidInput("clusters", "[]", allowed="at least one cluster, in which an observer runs")
    _refuse_one_for_two(clusters)
    return clusters


def _refuse_one_for_two(clusters: Mapping[str, Reach]) -> None:
    """Observers of two domains in one cluster fail together."""
    places: dict[object, str] = {}
    for region, reach in clusters.items():
        place = reach.context, reach.kubeconfig if isinstance(reach.kubeconfig, str | None) else region
        if place in places:
            raise InvalidInput(
                "clusters",
                f"{places[place]}, {region}",
                allowed="another cluster for each region",
                because=f"both are {reach.context or 'the current context'}, which would have two voices",
            )
        places[place] = region


def _database(args: object) -> DatabaseLogin:
    given = cast("dict[str, Any]", checked_keys("database.", args, ObserverDatabaseArgs))
    certificate = _certificate(given["root_certificate"]) if "root_certificate" in given else None
    default = SslMode.REQUIRE if certificate is None else SslMode.VERIFY_FULL
    mode = member("database.ssl_mode", given.get("ssl_mode", default), SslMode)
    if mode in VERIFYING and certificate is None:
        raise InvalidInput(
            "database.root_certificate", MISSING, allowed=f"required with database.ssl_mode = {mode.value}"
        )
    return DatabaseLogin(
        plan_secret_key("database.user", given["user"]),
        plan_secret_key("database.password", given["password"]),
        mode,
        certificate,
    )


def _certificate(args: object) -> Certificate:
    where = "database.root_certificate."
    given = cast("dict[str, Any]", checked_keys(where, args, ObserverCertificateArgs))
    kinds = [(key, kind) for key, kind in (("config_map", "configMap"), ("secret", "secret")) if key in given]
    if len(kinds) != 1:
        names = " and ".join(key for key, _ in kinds) or MISSING
        raise InvalidInput(where.rstrip("."), names, allowed="exactly one of config_map and secret")
    key, kind = kinds[0]
    return Certificate(kind, object_name(f"{where}{key}", given[key]), key_of(f"{where}key", given["key"]))


def _name(given: object) -> str:
    name = line("name", given, LONGEST_NAME)
    if not NAMESPACE.fullmatch(name) or not name[0].isalpha():
        allowed = "lower-case letters, digits and hyphens, a letter first, no hyphen last"
        raise InvalidInput("name", name, allowed=allowed)
    return name


def _document(name: str, value: str) -> str:
    try:
        parse(value)
    except InvalidInput as error:
        raise InvalidInput(
            f"{name}: {error.name}", error.value, allowed=error.allowed, because=error.because
        ) from error
    return value


def _is_ours(variable: str) -> bool:
    return variable == REGION_VARIABLE or variable.startswith((OWN_PREFIX, PG_PREFIX))


def _refuse_without_topology(plan: ObserversPlan) -> None:
    """`PublishedTopology` publishes in the service's own regions alone."""
    outside = [region for region in plan.clusters if region not in plan.regions]
    if outside and plan.document is None:
        raise InvalidInput(
            "document",
            MISSING,
            allowed=f"the declared topology, for the cluster in {outside[0]}",
            because="it is published in the service's own regions alone",
        )


def _refuse_to_act_alone(settings: FailoverSettings) -> None:
    if settings.never_acts_because is not None:
        raise InvalidInput("act", True, allowed="not with these settings", because=settings.never_acts_because)
    for key in ("leases", "journals"):
        if key not in settings.content:
            because = "whoever takes over from an observer that died must find it"
            raise InvalidInput(f"settings.{key}", MISSING, allowed="required with act", because=because)
