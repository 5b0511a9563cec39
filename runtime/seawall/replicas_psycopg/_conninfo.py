"""How a server is connected to: what the app says, and the server's own address. Never shown: there are passwords in it."""

from collections.abc import Callable, Mapping
from typing import Any, Final, cast, final

from seawall.errors import InvalidInput
from seawall.replicas import DatabaseServer

__all__ = ["Connecting", "Conninfo"]

Conninfo = Mapping[str, object] | Callable[[DatabaseServer], Mapping[str, object]]
"""libpq's parameters, of every server alike, with host and port from `DatabaseServer.address`; or a function of the server
that gives all of them."""

WATCHFUL: Final[Mapping[str, object]] = {
    "connect_timeout": 5,  # seconds; libpq waits without end for a host that is gone
    "keepalives_idle": 5,  # seconds; 2 hours by most systems' default
    "keepalives_interval": 2,  # seconds
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds until what was sent and not answered for is given up
}
"""What is added unless the app says otherwise: a server that vanished is noticed within some 11 seconds."""


@final
class Connecting:
    """Makes the parameters for a server.

    Raises:
        InvalidInput: not a mapping nor a function, or host or port in a mapping, which are each server's own.
    """

    __slots__ = ("_conninfo",)

    def __init__(self, conninfo: Conninfo) -> None:
        if not callable(conninfo):
            if not isinstance(cast("object", conninfo), Mapping):
                raise InvalidInput("conninfo", type(conninfo).__name__, allowed="a mapping, or a function of a server")
            for name in ("host", "hostaddr", "port"):
                if name in conninfo:
                    raise InvalidInput(
                        f"conninfo.{name}", conninfo[name], allowed="absent", because="each server has its own address"
                    )
        self._conninfo: Final = conninfo

    def parameters(self, server: DatabaseServer) -> dict[str, Any]:
        """libpq's parameters for that server."""
        conninfo = self._conninfo
        if callable(conninfo):
            return {**WATCHFUL, **conninfo(server)}
        return {**WATCHFUL, **split_address(server.address), **conninfo}

    def __repr__(self) -> str:
        return "<Connecting>"  # not with what


def split_address(address: str) -> dict[str, str]:
    """`host:port`, `host`, or `[address]:port` of IPv6, as parameters; nothing of an empty one."""
    host, colon, port = address.rpartition(":")
    if not colon or address.endswith("]"):
        host, port = address, ""
    parameters = {"host": host.strip("[]"), "port": port}
    return {name: value for name, value in parameters.items() if value}
