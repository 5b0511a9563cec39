"""Who runs this, for people and for the record."""

import getpass
import socket

__all__ = ["holder", "user"]


def user() -> str:
    """The user of this process; `unknown` where it has no name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container whose user has no name
        return "unknown"


def holder() -> str:
    """The user and the host, e.g. `ops@bastion-1`: what a lease shows of whoever holds it."""
    return f"{user()}@{socket.gethostname()}"
