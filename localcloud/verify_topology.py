"""Read the topology as an app does, in every region, and hold it against the cloud: names, instances, roles."""

import functools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from localcloud.findings import GONE, Finding, bare, unlike
from localcloud.provider.kubernetes.manifests import MANIFEST_FOLDER, folder_name
from seawall.contract import DECLARED_KEY
from seawall.errors import SeawallError
from seawall.topology import Effective, SsmSource, TextSource, as_dict, load

Lookup = Callable[[str, str], dict[str, Any] | None]


def instances(session: Any, endpoint: str) -> Lookup:
    """Looks RDS instances up by region and identifier, each once; None for one that does not exist."""

    @functools.cache
    def look_up(region: str, identifier: str) -> dict[str, Any] | None:
        client = session.client("rds", region_name=region, endpoint_url=endpoint)
        try:
            return client.describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"][0]
        except client.exceptions.DBInstanceNotFoundFault:
            return None

    return look_up


def topologies(session: Any, endpoint: str, outputs: Mapping[str, Any], look_up: Lookup) -> Iterator[Finding]:
    """The published document of each region, loaded by the runtime.

    Args:
        session: Of boto3.
        endpoint: The cloud's address.
        outputs: The program's: `topology` (service, environment, epoch, regions, primary_region) and `records`.
        look_up: From `instances`.
    """
    claim = outputs.get("topology")
    if claim is None:
        return
    names = {bare(record["name"]) for record in outputs["records"]}
    documents: list[dict[str, Any]] = []
    for region in claim["regions"]:
        client = session.client("ssm", region_name=region, endpoint_url=endpoint)
        try:
            view = load(SsmSource(claim["service"], claim["environment"], region=region, client=client))
        except SeawallError as error:
            yield Finding("topology", region, "missing", (str(error),))
            continue
        documents.append(as_dict(view.declared))
        hosts = {urlsplit(each.url).hostname or "" for each in view.endpoints if each.role.value != "reader"}
        yield Finding(
            "topology",
            region,
            _described(view),
            (
                *unlike(
                    {
                        "epoch": (claim["epoch"], view.declared.epoch),
                        "primary": (claim["primary_region"], view.declared.primary.region),
                        "regions": (list(claim["regions"]), list(view.declared.regions)),
                        "document": (documents[0], documents[-1]),
                    }
                ),
                *(f"endpoint {host} has no record" for host in sorted(hosts - names)),
                *_members_unlike(look_up, view),
            ),
        )


def config_maps(outputs: Mapping[str, Any], manifests: Path) -> Iterator[Finding]:
    """The ConfigMap of each cluster, as it was rendered, with the document that apps find in it.

    Args:
        outputs: The program's: `topology`, `config_maps` (`namespace/name` by region) and `clusters` (context by region).
        manifests: Folder with a folder per cluster.
    """
    for region, name in (outputs.get("config_maps") or {}).items():
        context, (namespace, _, short) = outputs["clusters"][region], name.partition("/")
        path = manifests / folder_name(context) / MANIFEST_FOLDER / f"v1-configmap-{namespace}-{short}.yaml"
        title = f"{name} in {context}"
        if not path.exists():
            yield Finding("config map", title, "missing", GONE)
            continue
        data = yaml.safe_load(path.read_text(encoding="utf-8"))["data"]
        view = load(TextSource(data[DECLARED_KEY]))
        claim = outputs["topology"]
        yield Finding(
            "config map",
            title,
            f"rendered: {_described(view)}",
            unlike(
                {
                    "epoch": (claim["epoch"], view.declared.epoch),
                    "primary": (claim["primary_region"], view.declared.primary.region),
                }
            ),
        )


def databases(outputs: Mapping[str, Any], look_up: Lookup) -> Iterator[Finding]:
    """Each member of the database as RDS has it.

    Args:
        outputs: The program's: `database` with `writer` and `members` (name, region, identifier).
        look_up: From `instances`.
    """
    claim = outputs.get("database")
    if claim is None:
        return
    for member in claim["members"]:
        name = f"{member['identifier']} in {member['region']}"
        instance = look_up(member["region"], member["identifier"])
        if instance is None:
            yield Finding("database", name, "missing", GONE)
            continue
        source = _source_of(instance)
        writes = member["name"] == claim["writer"]
        yield Finding(
            "database",
            name,
            f"{instance['Engine']} {instance['EngineVersion']}, {'writer' if not source else f'replica of {source}'},"
            f" backups {instance['BackupRetentionPeriod']} d, {instance['DBInstanceStatus']}",
            unlike(
                {
                    "encrypted": (True, instance["StorageEncrypted"]),
                    "public": (False, instance["PubliclyAccessible"]),
                    **(
                        {"replicates": (False, bool(source)), "multi_az": (True, instance["MultiAZ"])} if writes else {}
                    ),
                }
            ),
        )


def _members_unlike(look_up: Lookup, view: Effective) -> Iterator[str]:
    """How the document's database differs from what RDS has."""
    database = view.declared.database
    for member in database.members if database else ():
        instance = look_up(member.region, member.identifier)
        if instance is None:
            yield f"member {member.name}: {member.identifier} does not exist in {member.region}"
            continue
        yield from (
            f"member {member.name}: {line}"
            for line in unlike({"host": (member.host, (instance.get("Endpoint") or {}).get("Address"))})
        )
        if view.writer is not None and member.name == view.writer.name and _source_of(instance):
            yield f"member {member.name}: the document's writer is a replica of {_source_of(instance)}"


def _source_of(instance: Mapping[str, Any]) -> str:
    """Identifier of the instance that this one replicates; empty for one that stands alone."""
    return str(instance.get("ReadReplicaSourceDBInstanceIdentifier") or "").rpartition(":")[2]


def _described(view: Effective) -> str:
    parts = [f"epoch {view.epoch}", f"primary {view.primary.region}"]
    if view.writer is not None:
        parts.append(f"writer {view.writer.name}")
    parts.append(f"{len(view.endpoints)} endpoints")
    return ", ".join(parts)
