"""Run one instance: `python -m shop --region eu-west-1 --port 8001`."""

import argparse
import os
import sys
from typing import Final

import uvicorn

from seawall.errors import SeawallError
from seawall.topology import default_source
from shop.app import create_app
from shop.settings import Settings

GRACE_SECONDS: Final = 10  # for requests under way, after draining


def main(arguments: list[str] | None = None) -> int:
    """Serve until a signal comes; 2 when it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m shop", description="One instance of the demo shop.")
    parser.add_argument("--region", help="the region that it runs in (SHOP_REGION, AWS_REGION)")
    parser.add_argument("--port", type=int, help="the port to listen on (SHOP_PORT; 8000)")
    parser.add_argument("--host", help="the address to listen on (SHOP_HOST; 127.0.0.1)")
    given = parser.parse_args(arguments)
    try:
        settings = Settings.from_environ(region=given.region, port=given.port, host=given.host)
        # SSM is asked in the region that the instance is said to run in, unless AWS's own variable says otherwise.
        app = create_app(settings, source=default_source({"AWS_REGION": settings.region, **os.environ}))
    except SeawallError as error:
        sys.stderr.write(f"shop: {error}\n")
        return 2
    uvicorn.run(
        app, host=settings.host, port=settings.port, log_level="warning", timeout_graceful_shutdown=GRACE_SECONDS
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
