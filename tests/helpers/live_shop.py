"""The demo shop as it is, with faults that SIGUSR1 switches on: every request for a product or an order fails.

Run as a program: `python live_shop.py REGION PORT`, with what `shop.settings` reads in the environment.
"""

import os
import signal
import sys
from typing import Final

import uvicorn
from shop.app import create_app
from shop.settings import Settings
from starlette.middleware import Middleware

from seawall.faults import Fault, FaultInjector, FaultsMiddleware
from seawall.metrics import watch
from seawall.topology import default_source

FAULT_SECONDS: Final = 3600.0
FAILING: Final = ("GET /products*", "POST /orders*")


def main(region: str, port: str) -> None:
    """Serve until a signal comes."""
    injector = FaultInjector([Fault(f"no {at}", at=at, kind="abort", status=503) for at in FAILING])
    app = create_app(
        Settings.from_environ(region=region, port=int(port)),
        source=default_source({**os.environ, "AWS_REGION": region}),
    )
    # Innermost, so that what the others see of it is what they would see of the app itself.
    app.user_middleware.append(Middleware(FaultsMiddleware, injector=injector))  # type: ignore[arg-type]
    signal.signal(signal.SIGUSR1, lambda *_: injector.switch_on(for_seconds=FAULT_SECONDS))
    with watch(injector):
        uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")


if __name__ == "__main__":
    main(*sys.argv[1:])
