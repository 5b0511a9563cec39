"""`python -m localcloud.provider aws|kubernetes ENGINE`: one provider plugin. The engine starts it, nobody else."""

import importlib
import importlib.metadata
import os
import sys
from pathlib import Path
from typing import Final

from localcloud.provider.clients import JOURNAL_VARIABLE, Clients
from localcloud.provider.core import Provider
from localcloud.provider.journal import Journal
from localcloud.provider.serve import serve

USAGE: Final = "usage: python -m localcloud.provider aws|kubernetes ENGINE_ADDRESS (the engine starts this by itself)"


def aws() -> Provider:
    """The provider over the table of AWS types, with the environment's cloud and journal."""
    from localcloud.provider.aws import ADAPTERS, FUNCTIONS

    journal = os.environ.get(JOURNAL_VARIABLE)
    return Provider(ADAPTERS, FUNCTIONS, Journal(Path(journal) if journal else None), Clients())


def main(arguments: list[str]) -> None:
    """Serve the named plugin. Options of the engine (`--logflow`) say nothing to us."""
    match [argument for argument in arguments if not argument.startswith("-")]:
        case ["aws", *engine]:
            serve(aws(), importlib.metadata.version("pulumi-aws"), engine[0] if engine else "")
        case ["kubernetes", *engine]:
            plugin = importlib.import_module("localcloud.provider.kubernetes").provider()  # loaded by whom it serves
            serve(plugin, importlib.metadata.version("pulumi-kubernetes"), engine[0] if engine else "")
        case _:
            sys.exit(USAGE)


if __name__ == "__main__":
    main(sys.argv[1:])
