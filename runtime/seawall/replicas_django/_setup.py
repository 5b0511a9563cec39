"""The project's replica router: made from the settings once per process, and what of Django hangs on it.

Nothing is asked and no thread started before the first statement: an app server that loads the project and then forks
gets threads in its children.
"""

import copy
import hashlib
import hmac
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, cast, final

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.utils import load_backend
from django.utils.module_loading import import_string

from seawall.errors import InvalidInput
from seawall.replicas import DatabaseServer, Gauge, ReplicaRouter, TokenSigner
from seawall.replicas._cookie import NAME, SameSite, TokenCookie
from seawall.replicas_psycopg._conninfo import split_address

__all__ = [
    "MEMBER_KEY",
    "WRITER_ALIAS",
    "CookieSettings",
    "Replicas",
    "cookie_settings",
    "forget_signer",
    "installed",
    "replica_router",
    "token_signer",
    "uninstall",
]

WRITER_ALIAS: Final = DEFAULT_DB_ALIAS
MEMBER_KEY: Final = "SEAWALL_MEMBER"  # in an alias's settings: the member that it reads from
READ_ONLY_OPTION: Final = "-c default_transaction_read_only=on"
KEY_SALT: Final = b"seawall.replicas_django"  # Django's secret key signs other things, too
COOKIE_KEYS: Final = ("name", "path", "secure", "same_site", "max_age_seconds", "header")

MakeRouter = Callable[[Gauge], ReplicaRouter]


@final
class Replicas:
    """A router, and the aliases of its members.

    Args:
        router: The project's.
    """

    def __init__(self, router: ReplicaRouter) -> None:
        self.router: Final = router
        self._lock: Final = threading.Lock()
        self._started = False
        self._aliases: dict[str, str] = {}
        _check_engine(WRITER_ALIAS)
        for server in router.servers:
            self.alias_of(server)
        router.on_retire(_drop_pools)

    def running(self) -> ReplicaRouter:
        """The router, measuring. The first call in a process measures every member once, which takes a moment."""
        if not self._started:
            with self._lock:
                if not self._started:
                    self.router.start()
                    self._started = True
        return self.router

    def stop(self) -> None:
        """End the measuring. Idempotent."""
        with self._lock:
            self._started = False
            self.router.stop()

    def alias_of(self, server: DatabaseServer) -> str:
        """The alias that reads from a member; made when it is new to the project.

        Raises:
            InvalidInput: the member has the writer alias's name, or the project declared it with another engine.
        """
        alias = self._aliases.get(server.name)
        if alias is None:
            with self._lock:
                _declare(server)
                alias = self._aliases[server.name] = server.name
        return alias

    def server(self, name: str) -> DatabaseServer | None:
        """The member of that name; `None` when there is none any more."""
        return next((server for server in self.router.servers if server.name == name), None)


@final
class CookieSettings:
    """`SEAWALL_REPLICAS_COOKIE`, checked; what it leaves out is as the project has it for its sessions."""

    __slots__ = ("cookie", "header", "max_age_seconds")

    def __init__(self, given: Mapping[str, Any]) -> None:
        unknown = sorted(set(given) - set(COOKIE_KEYS))
        if unknown:
            raise InvalidInput("SEAWALL_REPLICAS_COOKIE", unknown[0], allowed=", ".join(COOKIE_KEYS))
        self.max_age_seconds: Final = cast("float", given.get("max_age_seconds", 300.0))
        same_site = given.get("same_site", settings.SESSION_COOKIE_SAMESITE)
        self.cookie: Final = TokenCookie(
            name=given.get("name", "seawall_consistency"),
            path=given.get("path", settings.SESSION_COOKIE_PATH),
            secure=given.get("secure", settings.SESSION_COOKIE_SECURE),
            same_site=cast("SameSite", str(same_site).lower() if same_site else "lax"),
            max_age_seconds=round(self.max_age_seconds),
        )
        self.header: Final = cast("str | None", given.get("header"))
        if self.header is not None and not NAME.fullmatch(self.header):
            raise InvalidInput("header", self.header, allowed="a header's name, e.g. X-Consistency")


class _State:
    """What was made from the settings: `False` before anybody asked, `None` where the project has no replicas."""

    replicas: Replicas | Literal[False] | None = False
    signer: TokenSigner | None = None


_lock: Final = threading.RLock()


def installed() -> Replicas | None:
    """The project's router; `None` where `SEAWALL_REPLICAS` is not set, and everything is as Django has it.

    Raises:
        InvalidInput: the setting is not what it must be.
    """
    found = _State.replicas
    if found is False:
        with _lock:
            if _State.replicas is False:
                _State.replicas = _install()
            found = _State.replicas
    return found


def uninstall() -> None:
    """Forget what was made from the settings, and close this thread's connections to members: they have changed."""
    with _lock:
        replicas, _State.replicas = _State.replicas, False
        forget_signer()
        if replicas:
            replicas.stop()
            members = [alias for alias, each in connections.settings.items() if MEMBER_KEY in each]
            for alias in members:
                connections[alias].close()
                del connections[alias]
            declared = settings.DATABASES
            connections.settings = {
                alias: declared.get(alias, each)
                for alias, each in connections.settings.items()
                if alias in declared or alias not in members
            }


def forget_signer() -> None:
    """Make another signer when one is needed: a secret or the cookie's settings have changed."""
    with _lock:
        _State.signer = None


def replica_router() -> ReplicaRouter:
    """The project's router, for health checks, metrics and `WriterChanged`.

    Raises:
        InvalidInput: the project has none.
    """
    found = installed()
    if found is None:
        raise InvalidInput("SEAWALL_REPLICAS", None, allowed="a function of a gauge that answers with a ReplicaRouter")
    return found.router


def token_signer() -> TokenSigner:
    """What signs the project's tokens, by keys made of `SECRET_KEY` and `SECRET_KEY_FALLBACKS`.

    ```python
    charge.delay(order.pk, tokens=current_scope().dump(token_signer()))  # and in the job: scope.load(tokens, token_signer())
    ```
    """
    with _lock:
        if _State.signer is None:
            keys = [_key(secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
            _State.signer = TokenSigner(keys, max_age_seconds=cookie_settings().max_age_seconds)
        return _State.signer


def cookie_settings() -> CookieSettings:
    """The cookie, as the settings have it.

    Raises:
        InvalidInput: a key or a value that is not allowed.
    """
    return CookieSettings(getattr(settings, "SEAWALL_REPLICAS_COOKIE", {}))


def _install() -> Replicas | None:
    from seawall.replicas_django._gauge import DjangoGauge  # asks this module for the settings

    given: object = getattr(settings, "SEAWALL_REPLICAS", None)
    if given is None:
        return None
    make = cast("object", import_string(given)) if isinstance(given, str) else given
    if not callable(make):
        raise InvalidInput("SEAWALL_REPLICAS", given, allowed="a function of a gauge, or a dotted path of one")
    router = cast("MakeRouter", make)(DjangoGauge())
    if not isinstance(cast("object", router), ReplicaRouter):
        raise InvalidInput("SEAWALL_REPLICAS", given, allowed="a function that answers with a ReplicaRouter")
    return Replicas(router)


def _declare(server: DatabaseServer) -> None:
    """Give a member an alias, by its name: as the project declared it, else with `default`'s settings."""
    if server.name == WRITER_ALIAS:
        raise InvalidInput(
            "member", server.name, allowed="another name", because="that alias is the writer, whoever it is"
        )
    declared = connections.settings.get(server.name)
    made = copy.deepcopy(connections.settings[WRITER_ALIAS] if declared is None else declared)
    made[MEMBER_KEY] = server.name
    made["ATOMIC_REQUESTS"] = False
    options: dict[str, Any] = made["OPTIONS"]
    options["options"] = f"{options.get('options', '')} {READ_ONLY_OPTION}".strip()
    made["TEST"]["MIRROR"] = WRITER_ALIAS  # a test's database is made once
    # Replaced whole: another thread may be looking through it.
    connections.settings = {**connections.settings, server.name: made}
    _check_engine(server.name)


def _check_engine(alias: str) -> None:
    from seawall.replicas_django._wrapper import Replicated  # asks this module for the settings

    engine = connections.settings[alias]["ENGINE"]
    if not issubclass(load_backend(engine).DatabaseWrapper, Replicated):
        raise InvalidInput(
            f"DATABASES[{alias!r}].ENGINE",
            engine,
            allowed="seawall.replicas_django.postgresql, or an engine whose wrapper is a Replicated",
        )


def _drop_pools(server: DatabaseServer) -> None:
    """Close the pools whose connections go to a server; those that are out are closed when they come back."""
    from django.db.backends.postgresql.base import DatabaseWrapper  # only where the engine is in use

    address = split_address(server.address)
    pools = cast("dict[str, Any]", getattr(DatabaseWrapper, "_connection_pools", {}))  # since Django 5.1
    for alias, pool in list(pools.items()):
        if address.items() <= pool.kwargs.items() and pools.pop(alias, None) is not None:
            pool.close(timeout=0.0)  # its threads end by themselves


def _key(secret: str | bytes) -> bytes:
    return hmac.new(secret.encode() if isinstance(secret, str) else secret, KEY_SALT, hashlib.sha256).digest()
