"""A Django project in one module, over servers that each test names: settings are configured once in a process."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import django
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path

from localcloud.postgres import until
from localcloud.postgres_fleet import PostgresFleet
from seawall.replicas import DatabaseServer, Gauge, LagPolicy, ReaderState, ReplicaRouter, consistency_scope

# A test does not wait a second for a verdict; and however busy the machine is, a replica is not unfit because of that.
LAG = LagPolicy(interval_seconds=0.1, timeout_seconds=5.0, max_lag_seconds=60.0, verdict_ttl_seconds=60.0)
FIT = (ReaderState.FRESH, ReaderState.WRITER)
ENGINE = "seawall.replicas_django.postgresql"

_servers: list[DatabaseServer] = []
_options: dict[str, Any] = {}


def make_router(gauge: Gauge) -> ReplicaRouter:
    """What `SEAWALL_REPLICAS` names: a router of the present test's servers."""
    return ReplicaRouter(_servers[0], _servers[1:], gauge=gauge, **{"lag": LAG, **_options})


def servers_of(fleet: PostgresFleet) -> list[DatabaseServer]:
    """The fleet's servers, the writer first, as an ordinary user can tell them apart.

    Without `pg_monitor` a replica tells its timeline only since its last restartpoint, and promotions came before us.
    """
    fleet.primary.sql("CHECKPOINT")
    fleet.wait_in_step()
    primary = fleet.primary
    replicas = [each for each in fleet.servers if each is not primary]
    for replica in replicas:
        replica.sql("CHECKPOINT")
    return [DatabaseServer(each.name, each.address) for each in (primary, *replicas)]


def configure() -> None:
    """Load the project, once."""
    if settings.configured:
        return
    settings.configure(
        SECRET_KEY="made up, and long enough to be one",
        DATABASES={"default": {"ENGINE": ENGINE, "NAME": "shop", "USER": "shop", "CONN_MAX_AGE": 60}},
        DATABASE_ROUTERS=["seawall.replicas_django.SeawallRouter"],
        INSTALLED_APPS=["seawall.replicas_django"],
        MIDDLEWARE=["seawall.replicas_django.ReplicaMiddleware"],
        SEAWALL_REPLICAS=None,
        ROOT_URLCONF="django_project",
        ALLOWED_HOSTS=["*"],
        USE_TZ=True,
    )
    django.setup()


@contextlib.contextmanager
def project(servers: list[DatabaseServer], password: str, *, pool: bool = False, **options: Any) -> Iterator[Any]:
    """The project over these servers, the first of them the writer; its model, with an empty table.

    Args:
        servers: At least one.
        password: Of the user `shop`.
        pool: Whether `default` and the members use Django's connection pool.
        options: Of the router.
    """
    configure()
    from django.db import connection, connections
    from django.test.utils import override_settings

    from seawall.replicas_django._setup import replica_router, uninstall

    _servers[:] = servers
    _options.clear()
    _options.update(options)
    default = connections.settings["default"]
    default.update(
        PASSWORD=password,
        CONN_MAX_AGE=0 if pool else 60,
        OPTIONS={"pool": {"min_size": 0, "max_size": 4}} if pool else {},
    )
    # A scope of the test's own: what one test has written must not bind the next one.
    with override_settings(SEAWALL_REPLICAS="django_project.make_router"), consistency_scope():
        try:
            router = replica_router().start()
            until(lambda: all(each.state in FIT for each in router.snapshot().servers), "every server is fit")
            with consistency_scope(), connection.schema_editor() as editor:
                editor.create_model(orders_model())
            yield orders_model()
        finally:
            connections.close_all()
            for alias in list(connections.settings):
                if pool:
                    wrapper: Any = connections[alias]
                    wrapper.close_pool()
                with contextlib.suppress(AttributeError):
                    del connections[alias]
            uninstall()


def orders_model() -> Any:
    """The project's one model."""
    from django.apps import apps
    from django.db import models

    known = apps.all_models["shop"].get("order")
    if known is not None:
        return known

    class Order(models.Model):
        what = models.CharField(max_length=20)

        class Meta:
            app_label = "shop"

    return Order


def seen_at() -> list[tuple[str, int]]:
    """Every order, and the port of the server that it was read from."""
    from django.db.models import IntegerField
    from django.db.models.expressions import RawSQL

    ports = RawSQL("inet_server_port()", (), output_field=IntegerField())
    return [(each.what, each.port) for each in orders_model().objects.order_by("pk").annotate(port=ports)]


def orders(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        before = seen_at()
        orders_model().objects.create(what=request.POST.get("what", "lamp"))
        return JsonResponse({"before": before}, status=201)
    return JsonResponse({"orders": seen_at()})


async def orders_async(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        await orders_model().objects.acreate(what="async")
        return HttpResponse(status=201)
    return JsonResponse({"orders": [each.what async for each in orders_model().objects.order_by("pk")]})


def stream(_: HttpRequest) -> StreamingHttpResponse:
    """Writes, and reads while the body is sent."""
    orders_model().objects.create(what="streamed")

    def body() -> Iterator[str]:
        yield ",".join(what for what, _ in seen_at())

    return StreamingHttpResponse(body())


async def stream_async(_: HttpRequest) -> StreamingHttpResponse:
    await orders_model().objects.acreate(what="streamed")

    async def body() -> AsyncIterator[str]:
        async for each in orders_model().objects.order_by("pk"):
            yield each.what

    return StreamingHttpResponse(body())


urlpatterns = [
    path("orders", orders),
    path("orders/async", orders_async),
    path("stream", stream),
    path("stream/async", stream_async),
]
