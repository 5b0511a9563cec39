"""The published packages are typed for their users, not only for us."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


def pyright(*arguments: str) -> "subprocess.CompletedProcess[str]":
    # `--verifytypes` looks for the package in the interpreter that is first on PATH, whatever the settings say.
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        [BIN / "pyright", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("package", ["seawall", "pulumi_seawall"])
def test_every_public_symbol_has_a_known_type_and_a_docstring(package: str) -> None:
    """An untyped symbol turns into `Any` in somebody's strict code base, silently."""
    result = pyright("--verifytypes", package, "--ignoreexternal")
    counts = dict(
        re.findall(
            r"^\s*(With \w+ type|Classes without docstring|Functions without docstring): (\d+)",
            result.stdout,
            re.MULTILINE,
        )
    )
    assert int(counts.pop("With known type")) > 50, result.stdout
    assert set(counts.values()) == {"0"}, result.stdout
    assert result.returncode == 0, result.stdout


def test_decorators_keep_signatures() -> None:
    """A guarded function is called as it was before, under a type checker too; a wrong call is still an error."""
    result = pyright("tests/typing")
    assert result.returncode == 0, result.stdout
