"""Where operators' tools keep what they must remember on this machine."""

import os
from pathlib import Path
from typing import Final

__all__ = ["STATE_VARIABLE", "audit_file", "operations_folder", "state_folder"]

STATE_VARIABLE: Final = "SEAWALL_STATE"


def state_folder() -> Path:
    """`SEAWALL_STATE`, else `seawall` in `XDG_STATE_HOME` (default `~/.local/state`)."""
    own = os.environ.get(STATE_VARIABLE)
    if own:
        return Path(own)
    shared = os.environ.get("XDG_STATE_HOME")
    return (Path(shared) if shared else Path.home() / ".local" / "state") / "seawall"


def audit_file() -> Path:
    """The record of this machine."""
    return state_folder() / "audit.jsonl"


def operations_folder() -> Path:
    """Journals and locks of operations."""
    return state_folder() / "operations"
