"""The PostgreSQL servers behind the database's members: which there are to be, and whether the replicas stream."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from localcloud.databases import Databases, ask
from localcloud.errors import LocalCloudError
from localcloud.findings import Finding, unlike
from seawall.topology import Engine, SsmSource, load

# One row: whether it replays the log of another server, how it receives that, and how many receive its own.
STATUS: Final = """
SELECT pg_is_in_recovery(), coalesce((SELECT status FROM pg_stat_wal_receiver), ''),
       (SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming')
"""


def postgres_members(endpoint: str, claim: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Name of the database, and its members, the writer first; none where it is not PostgreSQL.

    Args:
        endpoint: The cloud's address.
        claim: The program's output `topology`: service, environment and regions.

    Raises:
        TopologyUnavailable, InvalidInput: the document is not there, or not one.
    """
    import boto3  # heavy: not before it is needed

    region = claim["regions"][0]
    session = boto3.Session(aws_access_key_id="local", aws_secret_access_key="local")  # noqa: S106 -- not a secret
    client = session.client("ssm", region_name=region, endpoint_url=endpoint)
    view = load(SsmSource(claim["service"], claim["environment"], region=region, client=client))
    database = view.declared.database
    if database is None or view.writer is None or database.engine is not Engine.POSTGRES:
        return "", []
    return database.database, [view.writer.name, *(member.name for member in view.readers)]


def replication(databases: Databases | None) -> Iterator[Finding]:
    """Each server: the writer takes writes and every replica streams from it."""
    if databases is None:
        return
    for member, address in databases.members.items():
        writes = member == databases.writer
        title = f"{member} at {address}"
        try:
            in_recovery, receiver, streaming = ask(databases, member, STATUS).split("|")
        except (LocalCloudError, ValueError) as error:
            yield Finding("postgres", title, "missing", (str(error),))
            continue
        found = (
            f"takes writes, {streaming} stream from it" if in_recovery == "f" else f"replica, {receiver or 'cut off'}"
        )
        yield Finding(
            "postgres",
            title,
            found,
            unlike(
                {
                    "in recovery": (not writes, in_recovery == "t"),
                    **({} if writes else {"receives": ("streaming", receiver)}),
                    **({"replicas that stream": (len(databases.members) - 1, int(streaming))} if writes else {}),
                }
            ),
        )
