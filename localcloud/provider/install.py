"""Lay the plugins where the engine looks for them.

The engine takes `$PULUMI_HOME/plugins/resource-<name>-v<version>/pulumi-resource-<name>` without a question, as long as
the version is the one that the SDK in the program asks for.
"""

import importlib.metadata
import os
import shlex
import sys
from pathlib import Path
from typing import Final

PLUGINS: Final = {"aws": "pulumi-aws", "kubernetes": "pulumi-kubernetes"}  # plugin name to the SDK's distribution
EXECUTABLE: Final = 0o755
ROOT: Final = Path(__file__).resolve().parent.parent.parent


def install_plugins(pulumi_home: Path) -> None:
    """Write one executable per plugin, for the versions of the installed SDKs. Repeatable, and safe when two run at once.

    Args:
        pulumi_home: The engine's home, as in PULUMI_HOME.

    Raises:
        importlib.metadata.PackageNotFoundError: an SDK is not installed.
    """
    for name, distribution in PLUGINS.items():
        version = importlib.metadata.version(distribution)
        folder = pulumi_home / "plugins" / f"resource-{name}-v{version}"
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / f"pulumi-resource-{name}", _script(name), EXECUTABLE)


def _script(name: str) -> str:
    """Runs the plugin under this very Python, from any folder: the engine starts it in the program's."""
    return (
        "#!/bin/sh\n"
        f"PYTHONPATH={shlex.quote(str(ROOT))}${{PYTHONPATH:+:$PYTHONPATH}} "
        f'exec {shlex.quote(sys.executable)} -m localcloud.provider {name} "$@"\n'
    )


def _write(path: Path, text: str, mode: int) -> None:
    if path.exists() and path.read_text(encoding="utf-8") == text and path.stat().st_mode & 0o777 == mode:
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.chmod(mode)
    temporary.replace(path)
