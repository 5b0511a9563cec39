"""An old writer and the one after it, as a rebuild by a command is told of them."""

import sys

from seawall.topology import Member

TIMEOUT_SECONDS = 2.0
OLD, NEW = "db-old", "db-new"
PYTHON = (sys.executable, "-c")


def members() -> list[Member]:
    regions = {OLD: "eu-west-1", NEW: "eu-central-1"}
    return [Member(name=name, region=region, identifier=name, host="127.0.0.1") for name, region in regions.items()]
