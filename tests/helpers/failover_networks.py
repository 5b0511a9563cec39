"""The ways from a network to the members of a database: an address of loopback and a proxy for each, all of one port.

A topology has one port for all members of a database, so they differ by their addresses, as they do elsewhere.
"""

import contextlib
import errno
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

from tcp_proxy import TcpProxy

TRIES: Final = 20  # at a port that is free on every address


class Networks:
    """Use it with `with`.

    Args:
        names: Of the networks.
        ports: Of the servers, by member.
    """

    def __init__(self, names: tuple[str, ...], ports: Mapping[str, int]) -> None:
        self._addresses: Final = {
            (network, member): f"127.0.{1 + row}.{1 + column}"
            for row, network in enumerate(names)
            for column, member in enumerate(ports)
        }
        self._ports: Final = dict(ports)
        self._ending = contextlib.ExitStack()
        self.proxies: dict[tuple[str, str], TcpProxy] = {}
        """By network and member."""
        self.port: int = 0

    def host(self, network: str, member: str) -> str:
        """Where a member is, as seen from a network."""
        return self._addresses[network, member]

    def cut(self, network: str, *members: str) -> None:
        """From a network nobody reaches these members any more."""
        for member in members:
            self.proxies[network, member].cut()

    def restore(self) -> None:
        """All is whole again."""
        for proxy in self.proxies.values():
            proxy.restore()

    def __enter__(self) -> Self:
        for _ in range(TRIES):
            try:
                self._listen()
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                return self
        raise RuntimeError(f"no port is free on {', '.join(self._addresses.values())}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.close()

    def _listen(self) -> None:
        with contextlib.ExitStack() as ending:
            port = 0
            for (network, member), host in self._addresses.items():
                proxy = ending.enter_context(TcpProxy(self._ports[member], host=host, port=port))
                self.proxies[network, member] = proxy
                port = proxy.port
            self.port = port
            self._ending = ending.pop_all()
