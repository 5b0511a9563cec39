"""What a canary's analysis asks of the shop, the shop exports: names, labels, and a bucket where its limit is."""

import json
from typing import Any

import anyio
import httpx
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families as parse
from shop.app import create_app
from shop.settings import Settings
from shop_fleet import PRIMARY, TOPOLOGY

from canary_samples import planned, promised
from pulumi_seawall._argo_rollouts import POD_HASH
from seawall.contract import HTTP_REQUEST_DURATION
from seawall.topology import TextSource

PROMISED = TOPOLOGY["objectives"]
OF_THE_TARGET = {"job", POD_HASH}
"""Labels that discovery adds, of the pod, and not the app."""


@pytest.fixture
def samples() -> list[Any]:
    """A scrape of the shop after a request."""

    async def asked() -> str:
        app = create_app(
            Settings(region=PRIMARY, drain_seconds=0),
            source=TextSource(json.dumps(TOPOLOGY)),
            registry=CollectorRegistry(),
        )
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            assert (await client.get("/products")).status_code == 200
            for probe in ("/livez", "/readyz", "/startupz", "/metrics"):
                await client.get(probe)
            return (await client.get("/metrics")).text

    text = anyio.run(asked)
    return [sample for family in parse(text) for sample in family.samples]


def test_what_the_analysis_asks_of_the_canarys_pods_they_export(samples):
    """A name that is right in a template and wrong in the app is a canary without data, for ever."""
    queries = [query for query in planned(objectives=promised(**PROMISED)).queries if query.metric != "error-budget"]
    assert len(queries) == 4
    for query in queries:
        for name in query.series:
            found = [set(sample.labels) for sample in samples if sample.name == name]
            assert found, name
            needed = set(query.labels) - OF_THE_TARGET - ({"le"} if name.endswith("_count") else set())
            assert any(needed <= labels for labels in found), (name, needed)


def test_probes_and_scrapes_are_no_requests_to_the_canary(samples):
    """With them a canary that nobody uses would soon have its minimum of requests, all of them good."""
    counted = [sample for sample in samples if sample.name == f"{HTTP_REQUEST_DURATION.family}_count"]
    assert {sample.labels["http_route"]: sample.value for sample in counted} == {"/products": 1}


def test_the_shop_has_a_bucket_where_the_canarys_limit_is(samples):
    """As the query writes the bound: without it no request would be quick, nor slow."""
    limit = min(1.0, PROMISED["latency_p95_seconds"])
    bounds = {sample.labels["le"] for sample in samples if sample.name == f"{HTTP_REQUEST_DURATION.family}_bucket"}
    assert f"{limit:g}" in bounds
    assert any(f'le="{limit:g}"' in query.expr for query in planned(objectives=promised(**PROMISED)).queries)
