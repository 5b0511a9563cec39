"""The Django app: makes the members' aliases when the project is loaded, and checks its settings."""

from contextlib import suppress
from typing import Any, ClassVar, final

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.signals import setting_changed
from django.db import connections

from seawall.errors import InvalidInput
from seawall.replicas_django._setup import WRITER_ALIAS, cookie_settings, forget_signer, installed, uninstall

__all__ = ["SeawallReplicas"]

ROUTER = "seawall.replicas_django.SeawallRouter"
MIDDLEWARE = "seawall.replicas_django.ReplicaMiddleware"
OF_REPLICAS = ("DATABASES", "SEAWALL_REPLICAS")
OF_TOKENS = ("SEAWALL_REPLICAS_COOKIE", "SECRET_KEY", "SECRET_KEY_FALLBACKS")


@final
class SeawallReplicas(AppConfig):
    """`INSTALLED_APPS = ["seawall.replicas_django", ...]`."""

    name = "seawall.replicas_django"
    label = "seawall_replicas"
    verbose_name: ClassVar[str] = "Seawall's read replicas"  # pyright: ignore[reportIncompatibleVariableOverride]

    def ready(self) -> None:
        """Register the system checks, and make the router when the settings are good."""
        checks.register(check_settings, checks.Tags.compatibility)
        setting_changed.connect(_changed, dispatch_uid="seawall.replicas_django")  # by a test
        with suppress(InvalidInput):  # which `manage.py check` tells, and the first statement
            installed()


def check_settings(**_: Any) -> list[checks.CheckMessage]:
    """What `manage.py check` says of the project's settings."""
    try:
        cookie_settings()
        if installed() is None:
            return []
    except InvalidInput as error:
        return [checks.Error(str(error), id="seawall.E001")]
    found: list[checks.CheckMessage] = []
    if ROUTER not in settings.DATABASE_ROUTERS:
        found.append(
            checks.Warning("No read goes to a replica.", hint=f"Add {ROUTER!r} to DATABASE_ROUTERS.", id="seawall.W001")
        )
    if MIDDLEWARE not in settings.MIDDLEWARE:
        found.append(
            checks.Warning(
                "A request does not know what the client's last request has written.",
                hint=f"Add {MIDDLEWARE!r} to MIDDLEWARE, first.",
                id="seawall.W002",
            )
        )
    if connections.settings[WRITER_ALIAS].get("ATOMIC_REQUESTS"):
        found.append(
            checks.Warning(
                "ATOMIC_REQUESTS holds each view in a transaction on default, so that all its reads go to the writer.",
                hint="Leave it off, and use transaction.atomic() where something is written.",
                id="seawall.W003",
            )
        )
    return found


def _changed(*, setting: str, **_: Any) -> None:
    if setting in OF_REPLICAS:
        uninstall()
    elif setting in OF_TOKENS:
        forget_signer()
