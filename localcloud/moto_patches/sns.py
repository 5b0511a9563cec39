"""SNS: deliveries over HTTP."""

import logging
import threading
from collections.abc import Callable
from typing import Any, Final

from moto.sns import models

DELIVERY_SECONDS: Final = 15.0  # AWS's own time limit for an HTTP endpoint's answer
HEADERS: Final = {"Content-Type": "text/plain; charset=UTF-8", "x-amz-sns-message-type": "Notification"}

log: Final = logging.getLogger("localcloud.sns")


def deliver_over_http_behind_the_publisher() -> None:
    """moto posts to HTTP endpoints inside Publish, without a time limit.

    Fault: an endpoint that is down, slow, or off this machine (which the server never reaches) fails or blocks the
    publisher. AWS: Publish answers at once, deliveries follow by themselves. What is not delivered stands in the log;
    AWS's retries are left out.
    """
    original: Callable[..., None] = models.Subscription.publish

    def publish(self: Any, message: str, message_id: str, subject: str | None = None, **named: Any) -> None:
        if self.protocol not in ("http", "https"):
            original(self, message, message_id, subject=subject, **named)
            return
        matcher = self._filter_policy_matcher
        if matcher is not None and not matcher.matches(named.get("message_attributes"), message):
            return
        if named.get("message_structure") == "json":
            message = self._parse_message_structure(message, self.protocol)
        body = self.get_post_data(message, message_id, subject, message_attributes=named.get("message_attributes"))
        threading.Thread(target=_deliver, args=(self.endpoint, body, message_id), daemon=True).start()

    models.Subscription.publish = publish  # type: ignore[method-assign]


def _deliver(endpoint: str, body: dict[str, Any], message_id: str) -> None:
    import requests

    try:
        requests.post(endpoint, json=body, headers=HEADERS, timeout=DELIVERY_SECONDS).raise_for_status()
    except (requests.RequestException, OSError) as error:
        log.warning("message %s was not delivered to %s: %s", message_id, endpoint, error)


PATCHES: Final = (deliver_over_http_behind_the_publisher,)
