"""Django's middleware, sync and async, on real servers: what one request has written, the next one reads."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from django_project import orders_model, project, servers_of
from localcloud.postgres_fleet import PostgresFleet
from seawall.replicas import ReadYourWrites, current_scope

pytestmark = [pytest.mark.xdist_group("postgres"), pytest.mark.anyio]

COOKIE = "seawall_consistency"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def calm(_postgres_servers: PostgresFleet) -> Iterator[PostgresFleet]:
    """The project on a fleet to which nothing happens, once for all tests here; patient: a read at the writer is a fault."""
    fleet = _postgres_servers
    fleet.mend()
    with project(servers_of(fleet), fleet.primary.password, consistency=ReadYourWrites(wait_seconds=5.0)):
        yield fleet


@pytest.fixture
def shop(calm: PostgresFleet) -> PostgresFleet:
    """The same, without orders."""
    orders_model().objects.using("default").all().delete()
    calm.wait_in_step()
    return calm


@pytest.fixture
async def async_shop(shop: PostgresFleet) -> AsyncIterator[PostgresFleet]:
    """As `shop`; the connections of the thread in which async requests use the ORM are closed as well."""
    from asgiref.sync import sync_to_async
    from django.db import connections

    yield shop
    await sync_to_async(connections.close_all)()


def test_what_a_post_wrote_the_next_get_reads_at_a_replica(shop: PostgresFleet):
    """The cookie carries the token; a POST reads from the writer; a GET that writes nothing sets no cookie."""
    from django.test import Client

    browser, writer, outside = Client(), shop.primary.port, current_scope()
    for number in range(3):
        answer = browser.post("/orders", {"what": str(number)})
        assert answer.status_code == 201
        assert {port for _, port in answer.json()["before"]} <= {writer}
        cookie = answer.cookies[COOKIE]
        assert (cookie["httponly"], cookie["max-age"], cookie["path"]) == (True, 300, "/")
        assert cookie["samesite"].lower() == "lax"
        answer = browser.get("/orders")
        assert COOKIE not in answer.cookies
        seen = answer.json()["orders"]
        assert [what for what, _ in seen] == [str(each) for each in range(number + 1)]
        assert writer not in {port for _, port in seen}
    assert current_scope() is outside


async def test_async_requests_carry_their_tokens_too(async_shop: PostgresFleet):
    """The ORM runs in another thread there; the scope is shared."""
    from django.test import AsyncClient

    browser = AsyncClient()
    for number in range(2):
        answer = await browser.post("/orders/async")
        assert COOKIE in answer.cookies
        assert (await browser.get("/orders/async")).json()["orders"] == ["async"] * (number + 1)


def test_a_streamed_body_reads_what_its_request_wrote(shop: PostgresFleet):
    """It is made after the middleware has returned: without the request's scope it would read what is old."""
    from django.test import Client

    answer: Any = Client().post("/stream")
    assert COOKIE in answer.cookies
    assert b"".join(answer.streaming_content) == b"streamed"


async def test_a_body_that_is_streamed_async_reads_what_its_request_wrote(async_shop: PostgresFleet):
    """As the sync one."""
    from django.test import AsyncClient

    answer: Any = await AsyncClient().post("/stream/async")
    assert COOKIE in answer.cookies
    assert b"".join([part async for part in answer.streaming_content]) == b"streamed"


def test_the_projects_own_tests_need_nothing_special(shop: PostgresFleet):
    """A TestCase holds a transaction on default: all reads go there, and no member has to stand in its `databases`."""
    import unittest

    from django.test import TestCase

    from django_project import seen_at

    class Tests(TestCase):
        def test_it(self) -> None:
            self.client.post("/orders", {"what": "inside"})
            seen = json.loads(self.client.get("/orders").content)["orders"]
            assert seen == [["inside", shop.primary.port]]

    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(Tests).run(result)
    assert (result.testsRun, result.errors, result.failures) == (1, [], [])
    assert seen_at() == []
