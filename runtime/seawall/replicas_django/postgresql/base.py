"""Where Django looks for an engine's wrapper."""

from django.db.backends.postgresql import base, psycopg_any

from seawall.errors import MissingExtra
from seawall.replicas_django._wrapper import Replicated

__all__ = ["DatabaseWrapper"]

if not psycopg_any.is_psycopg3:  # psycopg2 has no way to ask for a position together with a COMMIT
    raise MissingExtra("psycopg", feature="the database engine seawall.replicas_django.postgresql")


class DatabaseWrapper(Replicated, base.DatabaseWrapper):
    """Django's, over a writer and its replicas."""
