"""The database engine: `"ENGINE": "seawall.replicas_django.postgresql"`. For PostgreSQL, with psycopg 3."""
