"""The project's replica router. Where a topology is published: `ReplicaRouter.from_topology(watch, gauge=gauge)`."""

import os

from seawall.replicas import DatabaseServer, Gauge, ReplicaRouter


def make_router(gauge: Gauge) -> ReplicaRouter:
    """Of the servers in `SHOP_DATABASE_SERVERS`: `name=host:port@region;name=host:port@region`, the writer first."""
    servers: list[DatabaseServer] = []
    for text in os.environ["SHOP_DATABASE_SERVERS"].split(";"):
        name, _, place = text.partition("=")
        address, _, region = place.partition("@")
        servers.append(DatabaseServer(name, address, region or None))
    return ReplicaRouter(servers[0], servers[1:], gauge=gauge, name="shop", region=os.environ.get("SHOP_REGION"))
