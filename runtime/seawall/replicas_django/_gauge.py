"""How a project's servers are measured: with its own settings, on connections of the gauge's own."""

from collections.abc import Mapping
from typing import Final, final

from django.db import connections
from psycopg import pq

from seawall.replicas import DatabaseServer, Observation
from seawall.replicas_django._setup import WRITER_ALIAS
from seawall.replicas_psycopg import PsycopgGauge
from seawall.replicas_psycopg._conninfo import split_address

__all__ = ["DjangoGauge"]


@final
class DjangoGauge:
    """Measures servers as `default`'s user. Handed to the project's `SEAWALL_REPLICAS` function.

    It keeps one connection to each server, beside those of the project's threads and of its pools.
    """

    def __init__(self) -> None:
        self._gauge: Final = PsycopgGauge(_parameters)

    def measure(self, server: DatabaseServer, timeout_seconds: float) -> Observation:
        """What the server says of itself; raises as `PsycopgGauge.measure` does."""
        return self._gauge.measure(server, timeout_seconds)

    def forget(self, server: DatabaseServer) -> None:
        """Close the connection to it."""
        self._gauge.forget(server)


def _parameters(server: DatabaseServer) -> Mapping[str, object]:
    """What `default`'s settings say to libpq; the rest of them is for Django and for psycopg's cursors."""
    from seawall.replicas_django._wrapper import Replicated  # which imports the router's setup, as this module does

    wrapper = connections[WRITER_ALIAS]
    given = wrapper.plain_connection_params() if isinstance(wrapper, Replicated) else wrapper.get_connection_params()
    known = {each.keyword.decode() for each in pq.Conninfo.get_defaults()}
    return {name: value for name, value in given.items() if name in known} | split_address(server.address)
