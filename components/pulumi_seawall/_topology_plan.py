"""What a `PublishedTopology` will declare: every check and the document's size, before anything is registered.

Hosts and URLs may be known only during the deployment. Until then placeholders of the length that RDS gives stand for
them, so that the size, and with it the parameter's tier, is known at once; the real document is checked again.
"""

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import pulumi

from pulumi_seawall._clusters import plan_reach
from pulumi_seawall._inputs import checked_keys, flag, is_plain, listed, plain_string
from pulumi_seawall._naming import checked_tags
from pulumi_seawall._regions import known_regions
from pulumi_seawall._topology_args import (
    PublishedBackoffArgs,
    PublishedBreakerArgs,
    PublishedClusterArgs,
    PublishedDatabaseArgs,
    PublishedEndpointArgs,
    PublishedMemberArgs,
    PublishedTopologyArgs,
)
from seawall.contract import declared_config_map, declared_parameter, live_parameter
from seawall.errors import InvalidInput
from seawall.topology import (
    ADVANCED_PARAMETER_BYTES,
    SCHEMA_VERSION,
    STANDARD_PARAMETER_BYTES,
    Tier,
    Topology,
    as_dict,
    dump,
    parameter_tier,
    refuse_secrets,
    topology_of,
)

RDS_HOST: Final = "{identifier}.{account}.{region}.rds.amazonaws.com"
RDS_ACCOUNT: Final = "x" * 12  # what RDS puts there is as long as this
UNKNOWN_URL: Final = "https://{region}.{label}.example.com"
UNKNOWN_LABEL: Final = "x" * 63
NO_SECRETS: Final = "the document is public: let the app get secrets from its own secret store"
REFUSED: Final = {
    "schema_version": "this version of Seawall writes its own",
    "live": "operations own the live document; a deployment that wrote it would undo a failover",
}


@dataclass(frozen=True, slots=True)
class ClusterPlan:
    """One cluster that gets the ConfigMap.

    Args:
        region: Its region.
        context: Of the kubeconfig.
        kubeconfig: Contents or path.
        namespace: Where the ConfigMap is.
        adopt: Whether it exists already.
    """

    region: str
    context: str | None
    kubeconfig: pulumi.Input[str] | None
    namespace: str
    adopt: bool


@dataclass(frozen=True, slots=True)
class TopologyPlan:
    """Everything that a `PublishedTopology` declares.

    Args:
        document: The document, with placeholders for what is not known yet.
        later: The path of each value that is known only during the deployment, e.g. `database.members[0].host`.
        tier: Of the parameters.
        clusters: That get a ConfigMap.
        adopted: Regions whose parameter exists already.
        tags: For the parameters.
    """

    document: Topology
    later: Mapping[str, pulumi.Output[str]]
    tier: Tier
    clusters: tuple[ClusterPlan, ...]
    adopted: frozenset[str]
    tags: Mapping[str, str]

    @property
    def parameter_name(self) -> str:
        """Of the declared document."""
        return declared_parameter(self.document.service, self.document.environment)

    @property
    def live_parameter_name(self) -> str:
        """Of the live document, which operations write."""
        return live_parameter(self.document.service, self.document.environment)

    @property
    def config_map_name(self) -> str:
        """Of the declared document."""
        return declared_config_map(self.document.service)

    def text(self, known: Mapping[str, str]) -> str:
        """The document as it is published, once everything is known.

        Raises:
            InvalidInput: A value is not allowed, looks like a secret, or makes the document too large for its tier.
        """
        data = copy.deepcopy(as_dict(self.document))
        for path, value in known.items():
            target, key = _target(data, path)
            target[key] = value
        text = dump(topology_of(data))
        if self.tier is Tier.STANDARD and parameter_tier(text) is Tier.ADVANCED:
            raise InvalidInput(
                "tier",
                self.tier.value,
                allowed=Tier.ADVANCED.value,
                because=f"the document has {len(text.encode()):,} bytes with its hosts, and a standard parameter holds "
                f"{STANDARD_PARAMETER_BYTES:,}",
            )
        return text


def plan_published_topology(args: PublishedTopologyArgs) -> TopologyPlan:
    """Check the arguments of a `PublishedTopology` and work out what it declares.

    Raises:
        InvalidInput: A value is not allowed; nothing has been registered.
    """
    if isinstance(cast("object", args), Mapping):
        # Before any line can show a value. A kubeconfig may hold what it likes: it is not in the document.
        refuse_secrets("", {key: value for key, value in args.items() if key != "clusters"})
    given = cast("dict[str, Any]", checked_keys("", args, PublishedTopologyArgs, REFUSED))
    later: dict[str, pulumi.Output[str]] = {}
    data: dict[str, Any] = {
        key: given[key] for key in ("service", "environment", "regions", "epoch", "objectives") if key in given
    }
    known_regions("regions", given["regions"])
    data["schema_version"] = SCHEMA_VERSION
    data["endpoints"] = _endpoints(listed("endpoints", given["endpoints"]), later)
    if "database" in given:
        data["database"] = _database(given["database"], later)
    if "breaker" in given:
        data["breaker"] = _breaker(given["breaker"])
    document = topology_of(data)
    text = dump(document)
    clusters = tuple(
        _cluster(place, entry, document) for place, entry in enumerate(listed("clusters", given.get("clusters", [])))
    )
    used = [cluster.region for cluster in clusters]
    for region in used:
        if used.count(region) > 1:
            raise InvalidInput("clusters", ", ".join(used), allowed=f"one per region, but {region} stands twice")
    adopted = listed("adopt_parameters", given.get("adopt_parameters", []))
    for place, region in enumerate(adopted):
        if region not in document.regions:
            raise InvalidInput(
                f"adopt_parameters[{place}]", region, allowed=f"one of the regions: {', '.join(document.regions)}"
            )
    return TopologyPlan(
        document,
        later,
        _tier(given.get("tier"), text),
        clusters,
        frozenset(cast("list[str]", adopted)),
        checked_tags("", given.get("tags")),
    )


def topology_args(
    document: Topology,
    *,
    hosts: Mapping[str, pulumi.Input[str]] | None = None,
    clusters: Sequence[PublishedClusterArgs] = (),
    tags: Mapping[str, str] | None = None,
) -> PublishedTopologyArgs:
    """The arguments that publish a document made in Python.

    Args:
        document: As planned; its hosts may be placeholders.
        hosts: By member's name, the hosts that take their place: Outputs of the instances.
        clusters: That get a ConfigMap.
        tags: For the parameters.

    Raises:
        InvalidInput: `hosts` names a member that there is not.
    """
    data = cast("dict[str, Any]", as_dict(document))
    del data["schema_version"]
    members = {member["name"]: member for member in data.get("database", {}).get("members", [])}
    for name, host in (hosts or {}).items():
        if name not in members:
            raise InvalidInput("hosts", name, allowed=f"members: {', '.join(members) or 'there are none'}")
        members[name]["host"] = host
    if clusters:
        data["clusters"] = list(clusters)
    if tags:
        data["tags"] = dict(tags)
    return cast("PublishedTopologyArgs", data)


def _endpoints(entries: list[Any], later: dict[str, pulumi.Output[str]]) -> list[dict[str, Any]]:
    endpoints: list[dict[str, Any]] = []
    for place, entry in enumerate(entries):
        where = f"endpoints[{place}]."
        endpoint = cast("dict[str, Any]", dict(checked_keys(where, entry, PublishedEndpointArgs)))
        for key in ("url", "health_url"):
            if key in endpoint:
                unknown = UNKNOWN_URL.format(region=endpoint["region"], label=UNKNOWN_LABEL)
                endpoint[key] = _known_or(unknown, f"{where}{key}", endpoint[key], later)
        endpoints.append(endpoint)
    return endpoints


def _database(entry: object, later: dict[str, pulumi.Output[str]]) -> dict[str, Any]:
    database = cast("dict[str, Any]", dict(checked_keys("database.", entry, PublishedDatabaseArgs)))
    members: list[dict[str, Any]] = []
    for place, each in enumerate(listed("database.members", database["members"])):
        where = f"database.members[{place}]."
        member = cast("dict[str, Any]", dict(checked_keys(where, each, PublishedMemberArgs)))
        unknown = RDS_HOST.format(identifier=member["identifier"], account=RDS_ACCOUNT, region=member["region"])
        member["host"] = _known_or(unknown, f"{where}host", member["host"], later)
        members.append(member)
    database["members"] = members
    return database


def _breaker(entry: object) -> dict[str, Any]:
    breaker = cast("dict[str, Any]", dict(checked_keys("breaker.", entry, PublishedBreakerArgs)))
    if "open_backoff" in breaker:
        breaker["open_backoff"] = checked_keys("breaker.open_backoff.", breaker["open_backoff"], PublishedBackoffArgs)
    return breaker


def _cluster(place: int, entry: object, document: Topology) -> ClusterPlan:
    where = f"clusters[{place}]."
    given = checked_keys(where, entry, PublishedClusterArgs)
    region = plain_string(f"{where}region", given["region"])
    if region not in document.regions:
        raise InvalidInput(f"{where}region", region, allowed=f"one of the regions: {', '.join(document.regions)}")
    reach = plan_reach(where, cast("dict[str, Any]", given))
    adopt = flag(f"{where}adopt", given.get("adopt", False))
    return ClusterPlan(region, reach.context, reach.kubeconfig, reach.namespace, adopt)


def _known_or(placeholder: str, path: str, value: object, later: dict[str, pulumi.Output[str]]) -> object:
    if is_plain(value):
        return value
    later[path] = pulumi.Output.from_input(cast("pulumi.Input[str]", value))
    return placeholder


def _tier(asked: object, text: str) -> Tier:
    needed = parameter_tier(text)
    if asked is None:
        return needed
    if asked not in [tier.value for tier in Tier]:
        raise InvalidInput("tier", asked, allowed="Standard or Advanced")
    tier = Tier(cast("str", asked))
    if tier is Tier.STANDARD and needed is Tier.ADVANCED:
        raise InvalidInput(
            "tier",
            tier.value,
            allowed=Tier.ADVANCED.value,
            because=f"the document has {len(text.encode()):,} bytes, and a standard parameter holds "
            f"{STANDARD_PARAMETER_BYTES:,} (an advanced one {ADVANCED_PARAMETER_BYTES:,})",
        )
    return tier


def _target(data: Any, path: str) -> tuple[Any, str]:
    """The container and the key that a path such as `database.members[0].host` names."""
    *parents, key = re.findall(r"[A-Za-z_]+|\d+", path)
    for part in parents:
        data = data[int(part) if part.isdecimal() else part]
    return data, key
