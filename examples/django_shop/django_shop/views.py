"""Taking orders and listing them. Nothing in a view says where it reads or writes."""

import json
import uuid
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import IntegerField
from django.db.models.expressions import RawSQL
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from django_shop.models import Order
from seawall.errors import DatabaseInterrupted, NoReaderAvailable, NoWriterAvailable, WriteLost
from seawall.replicas import retrying
from seawall.replicas_django import replica_router

RETRY_AFTER_SECONDS = 2  # about as long as a promotion takes to be followed
SERVED_BY = RawSQL("inet_server_port()", (), output_field=IntegerField())  # only so that one can see it


@retrying(attempts=3)  # of the whole transaction, and only where nothing of it can have been committed
@transaction.atomic
def take(number: uuid.UUID, product: str, quantity: int) -> Order:
    """Take an order, once, however often it is sent."""
    order, _ = Order.objects.get_or_create(number=number, defaults={"product": product, "quantity": quantity})
    return order


@csrf_exempt
def orders(request: HttpRequest) -> HttpResponse:
    """GET: every order, and which servers have answered. POST: a new one."""
    if request.method == "POST":
        wanted: dict[str, Any] = json.loads(request.body)
        order = take(uuid.UUID(wanted["number"]), str(wanted["product"]), int(wanted.get("quantity", 1)))
        return JsonResponse({"number": str(order.number), "product": order.product}, status=201)
    found = list(Order.objects.order_by("pk").values_list("number", SERVED_BY))
    return JsonResponse(
        {"orders": [str(number) for number, _ in found], "read_at": sorted({port for _, port in found})}
    )


def ready(_: HttpRequest) -> HttpResponse:
    """Whether this process can read. One that cannot write goes on serving."""
    Order.objects.exists()
    return JsonResponse({"writer": replica_router().snapshot().writer})


class WhenTheDatabaseIsAway:
    """Middleware: tells the client what the router could not do, and what to do about it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle the request."""
        return self.get_response(request)

    def process_exception(self, _: HttpRequest, error: Exception) -> HttpResponse | None:
        """An answer in place of an error of the router's; `None` for any other error."""
        if isinstance(error, WriteLost):
            return JsonResponse({"detail": "a failover lost a write of yours: look, and write it again"}, status=409)
        if isinstance(error, DatabaseInterrupted) and not error.safe_to_retry:
            return JsonResponse({"detail": "perhaps it was done: send it again, with the same number"}, status=503)
        if isinstance(error, DatabaseInterrupted | NoReaderAvailable | NoWriterAvailable):
            answer = JsonResponse({"detail": "nothing was done: try again"}, status=503)
            answer.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
            return answer
        return None


urlpatterns = [path("orders", orders), path("readyz", ready)]
