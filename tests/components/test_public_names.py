"""What is public is what `__all__` says and what is committed: a name is a promise."""

import importlib
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden" / "public_names.txt"
MODULES = (
    "pulumi_seawall",
    "seawall.breaker",
    "seawall.breaker_redis",
    "seawall.clock",
    "seawall.contract",
    "seawall.errors",
    "seawall.escalation",
    "seawall.events",
    "seawall.faults",
    "seawall.http",
    "seawall.objectives",
    "seawall.prober",
    "seawall.replicas",
    "seawall.replicas_django",
    "seawall.replicas_psycopg",
    "seawall.replicas_sql",
    "seawall.replicas_sqlalchemy",
    "seawall.retry",
    "seawall.selector",
    "seawall.slo",
    "seawall.testing",
    "seawall.timing",
    "seawall.topology",
    "seawall.watch",
    "seawall.wiring",
    "seawall.worker",
)


def committed() -> dict[str, set[str]]:
    """The committed names by module; one `module.name` a line."""
    names: dict[str, set[str]] = {}
    for line in GOLDEN.read_text(encoding="utf-8").split():
        module, name = line.rsplit(".", 1)
        names.setdefault(module, set()).add(name)
    return names


@pytest.mark.parametrize("module", MODULES)
def test_public_names_are_the_committed_ones(module):
    """A name that vanishes breaks a program; a name that appears is kept for years."""
    assert set(importlib.import_module(module).__all__) == committed()[module]


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_exists(module):
    """`from module import *` works."""
    loaded = importlib.import_module(module)
    assert [name for name in loaded.__all__ if not hasattr(loaded, name)] == []
