"""Django's middleware, sync and async, on real servers: what one request has written, the next one reads."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from django_project import configure, project, servers_of
from localcloud.postgres_fleet import PostgresFleet
from seawall.replicas import ReadYourWrites, current_scope

pytestmark = [pytest.mark.xdist_group("postgres"), pytest.mark.anyio]

COOKIE = "seawall_consistency"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def on(fleet: PostgresFleet, *, wait_seconds: float) -> Any:
    """The project on the fleet; a replica that is behind is waited for so long."""
    return project(servers_of(fleet), fleet.primary.password, consistency=ReadYourWrites(wait_seconds=wait_seconds))


@pytest.fixture
def shop(postgres_fleet: PostgresFleet) -> Iterator[PostgresFleet]:
    """The project on the fleet, patient enough that a read at the writer is a fault."""
    with on(postgres_fleet, wait_seconds=5.0):
        yield postgres_fleet


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


def test_a_token_is_what_makes_the_difference(postgres_fleet: PostgresFleet):
    """With replay paused, who has it reads the write at the writer; who has none, or a forged one, reads what is old."""
    from django.test import Client, override_settings

    cookie = {"name": "rw", "header": "X-Consistency", "secure": True}
    with on(postgres_fleet, wait_seconds=0.0), override_settings(SEAWALL_REPLICAS_COOKIE=cookie):
        postgres_fleet.wait_in_step()
        for replica in postgres_fleet.servers:
            if replica is not postgres_fleet.primary:
                replica.pause_replay()
        answer = Client().post("/orders")
        text = answer.headers["X-Consistency"]
        assert (answer.cookies["rw"].value, answer.cookies["rw"]["secure"]) == (text, True)
        for given, count in (
            ({"X-Consistency": text}, 1),
            ({"Cookie": f"rw={text}"}, 1),
            ({"X-Consistency": text[:-1] + "!"}, 0),
            ({"Cookie": f"{COOKIE}={text}"}, 0),
        ):
            assert len(Client().get("/orders", headers=given).json()["orders"]) == count, given


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


def test_tokens_are_signed_by_the_projects_secret_and_its_fallbacks():
    """A secret that is changed does not let every user read what is old; another project's tokens count for nothing."""
    configure()
    from django.test import override_settings

    from seawall.replicas import ConsistencyToken
    from seawall.replicas_django import token_signer

    tokens = (ConsistencyToken(7, 1, 1000),)
    with override_settings(SECRET_KEY="the first of them"):
        text = token_signer().dump(tokens)
    with override_settings(SECRET_KEY="the second", SECRET_KEY_FALLBACKS=["the first of them"]):
        assert token_signer().load(text) == tokens
    with override_settings(SECRET_KEY="the second"):
        assert token_signer().load(text) is None


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
