"""Django over a writer and its replicas: reads at a replica that has seen your writes, `default` wherever the writer is.

```python
# settings.py
DATABASES = {"default": {"ENGINE": "seawall.replicas_django.postgresql", "NAME": "shop", "USER": "shop", ...}}
DATABASE_ROUTERS = ["seawall.replicas_django.SeawallRouter"]
INSTALLED_APPS = ["seawall.replicas_django", ...]
MIDDLEWARE = ["seawall.replicas_django.ReplicaMiddleware", ...]
SEAWALL_REPLICAS = "shop.replicas.make_router"  # a function of a gauge that answers with a ReplicaRouter
```

Which server an alias is:

- `default` is the writer, whoever that is now. It has to be `default`: `transaction.atomic()`, `django.db.connection` and
  every library mean that alias when they name none. After a promotion its next connection goes to the new writer; a
  connection to the old one is closed before it is used again, a pool is dropped as a whole.
- Each member, the writer too, has an alias of its own, by its name, that only reads: its sessions are read-only, whatever
  the server is. These are made from `default`'s settings; declare one yourself to give a member others. With one alias per
  server Django's own care of connections (age, health checks, pools) goes on to work as it is, and nothing is swapped below
  it.

What is where: `SeawallRouter` chooses the alias of each read; the database engine follows promotions, fetches the token
together with the COMMIT, and reads elsewhere when a replica dies; `ReplicaMiddleware` owns the request's scope.
"""

from importlib.util import find_spec

from seawall.errors import MissingExtra

if find_spec("django") is None:
    raise MissingExtra("django", feature="seawall.replicas_django")

from seawall.replicas_django._errors import DatabaseOperationInterrupted
from seawall.replicas_django._gauge import DjangoGauge
from seawall.replicas_django._middleware import ReplicaMiddleware
from seawall.replicas_django._router import SeawallRouter, reader_alias
from seawall.replicas_django._setup import replica_router, token_signer
from seawall.replicas_django._wrapper import Replicated

__all__ = [
    "DatabaseOperationInterrupted",
    "DjangoGauge",
    "ReplicaMiddleware",
    "Replicated",
    "SeawallRouter",
    "reader_alias",
    "replica_router",
    "token_signer",
]
