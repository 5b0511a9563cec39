"""One local environment: a folder that holds the cloud, the engine's state and a generated project.

Everything the engine writes stays in that folder; tracked files are only read. Layout, below `.local/<stack>/`:

    cloud/      the moto server's pid, port and log
    project/    a Pulumi project whose `main` points at `stacks/`, with a copy of the stack's configuration
    state/      the engine's backend
    pulumi/     PULUMI_HOME: provider plugins, logs
    manifests/  what the Kubernetes plugin renders
    apps/       logs of the demo app's instances
    databases/  addresses and log of the PostgreSQL servers behind the database's members
"""

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import psutil
import yaml

from localcloud.engine import Engine
from localcloud.errors import LocalCloudError
from localcloud.provider.install import install_plugins

ROOT: Final = Path(__file__).resolve().parent.parent
PASSPHRASE: Final = "local"  # noqa: S105 -- guards nothing: the local cloud's state holds made-up values only
FOREIGN_PREFIXES: Final = ("AWS_", "PULUMI_", "SEAWALL_LOCAL_")  # a user's own cloud must be out of reach


@dataclass(frozen=True)
class Sandbox:
    """Paths and environment of one local stack.

    Args:
        folder: Where everything of it is kept, e.g. `.local/dev`.
        stack: The stack's name; `Pulumi.<stack>.yaml` of `source` is its configuration.
        source: The checkout, or another folder with Pulumi.yaml and stacks/.
    """

    folder: Path
    stack: str = "dev"
    source: Path = ROOT

    @property
    def project(self) -> Path:
        return self.folder / "project"

    @property
    def cloud(self) -> Path:
        return self.folder / "cloud"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def pulumi_home(self) -> Path:
        return self.folder / "pulumi"

    @property
    def python(self) -> Path:
        """What the engine runs programs with."""
        return self.pulumi_home / "python"

    @property
    def manifests(self) -> Path:
        return self.folder / "manifests"

    @property
    def apps(self) -> Path:
        return self.folder / "apps"

    @property
    def databases(self) -> Path:
        return self.folder / "databases"

    @property
    def journal(self) -> Path:
        return self.folder / "journal.json"

    @property
    def recorded(self) -> Path:
        return self.folder / "recorded.json"

    @property
    def deployed_on(self) -> Path:
        """Holds the id of the cloud that the last finished `up` ran against."""
        return self.folder / "deployed-on"

    def prepare(self) -> None:
        """Write the generated project, copy the configuration, lay the plugins. Repeatable, and cheap when done.

        Raises:
            LocalCloudError: there is no configuration of that stack.
        """
        for folder in (self.project, self.state, self.pulumi_home):
            folder.mkdir(parents=True, exist_ok=True)
        config = self.source / f"Pulumi.{self.stack}.yaml"
        if not config.exists():
            known = sorted(path.name.split(".")[1] for path in self.source.glob("Pulumi.*.yaml"))
            raise LocalCloudError(f"stack = {self.stack}: one of {', '.join(known)} (a Pulumi.<stack>.yaml each)")
        settings = cast(dict[str, Any], yaml.safe_load((self.source / "Pulumi.yaml").read_text(encoding="utf-8")))
        # Relative, and through real paths, since a checkout may be reached through a link.
        settings["main"] = os.path.relpath((self.source / "stacks").resolve(), self.project.resolve())
        settings["runtime"] = {"name": "python", "options": {"virtualenv": str(Path(sys.prefix))}}
        settings.pop("backend", None)
        _write_if_changed(self.project / "Pulumi.yaml", yaml.safe_dump(settings, sort_keys=False, allow_unicode=True))
        self._copy_config(config)
        install_plugins(self.pulumi_home)
        self._lay_python()
        shutil.rmtree(self.pulumi_home / "logs", ignore_errors=True)  # grows without end otherwise

    def _lay_python(self) -> None:
        """An interpreter for the engine's language host, which asks for all installed packages before each run.

        The answer takes half a second and is the same until a package is installed: it is asked for once.
        """
        packages = Path(sysconfig.get_path("purelib"))
        digest = hashlib.sha256(f"{packages} {packages.stat().st_mtime_ns}".encode()).hexdigest()[:16]
        answer = ROOT / ".local" / f"packages-{digest}.json"
        question = ("-m", "pip", "list", "-v", "--format", "json")
        if not answer.exists():
            asked = subprocess.run([sys.executable, *question], capture_output=True, text=True, check=True)
            for old in answer.parent.glob("packages-*.json"):
                old.unlink(missing_ok=True)
            _write_if_changed(answer, asked.stdout)
        script = "\n".join([
            "#!/bin/sh",
            f'if [ "$*" = "{" ".join(question)}" ] && [ -f {shlex.quote(str(answer))} ]; then',
            f"    exec cat {shlex.quote(str(answer))}",
            "fi",
            f'exec {shlex.quote(sys.executable)} "$@"',
            "",
        ])  # fmt: skip
        _write_if_changed(self.python, script)
        self.python.chmod(0o755)

    def _copy_config(self, config: Path) -> None:
        """Copy the tracked configuration, keeping the salt that the engine wrote into an earlier copy."""
        copy = self.project / config.name
        wanted = cast(dict[str, Any], yaml.safe_load(config.read_text(encoding="utf-8")) or {})
        if "encryptionsalt" not in wanted and copy.exists():
            earlier = cast(dict[str, Any], yaml.safe_load(copy.read_text(encoding="utf-8")) or {})
            if "encryptionsalt" in earlier:
                wanted = {"encryptionsalt": earlier["encryptionsalt"], **wanted}
        _write_if_changed(copy, yaml.safe_dump(wanted, sort_keys=False, allow_unicode=True))

    def variables(self, engine: Engine, endpoint: str, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """Environment for the engine, or for a user's shell: the user's own, less what could reach a real cloud.

        Args:
            engine: Whose folder leads PATH.
            endpoint: The moto server's address.
            base: What to start from; the process's own environment when absent.
        """
        base = os.environ if base is None else base
        kept = {key: value for key, value in base.items() if not key.startswith(FOREIGN_PREFIXES)}
        kept.pop("PYTHONDONTWRITEBYTECODE", None)  # each run starts three interpreters: imports are most of their time
        binaries = Path(sys.prefix) / "bin"
        return kept | {
            "PATH": os.pathsep.join([str(engine.folder), str(binaries), kept.get("PATH", os.defpath)]),
            "VIRTUAL_ENV": sys.prefix,
            "PYTHONUNBUFFERED": "1",
            "PYTHONPYCACHEPREFIX": str(ROOT / ".local" / "pycache"),
            "PULUMI_HOME": str(self.pulumi_home),
            # The state itself is written by rename, but its sidecar of attributes is not: an engine killed while it
            # writes that one leaves it empty, and then cannot load its own state ("EOF"). So there are no sidecars.
            "PULUMI_BACKEND_URL": f"file://{self.state.resolve()}?metadata=skip",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_PYTHON_CMD": str(self.python),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": endpoint,
            "SEAWALL_LOCAL_ENDPOINT": endpoint,
            "SEAWALL_LOCAL_JOURNAL": str(self.journal.resolve()),
            "SEAWALL_LOCAL_RECORDED": str(self.recorded.resolve()),
            "SEAWALL_LOCAL_RENDER": str(self.manifests.resolve()),
        }

    def lock_holders(self) -> list[int]:
        """Process ids named by the engine's locks on this state. They may be dead."""
        holders: list[int] = []
        for path in sorted(self.state.glob(".pulumi/locks/**/*.json")):
            try:
                holders.append(int(json.loads(path.read_text(encoding="utf-8"))["pid"]))
            except (OSError, ValueError, KeyError):  # half-written, or gone meanwhile
                holders.append(0)
        return holders

    def running_holder(self) -> int | None:
        """The process that is at work on this state now, or None. A dead one's lock does not count."""
        for pid in self.lock_holders():
            try:
                if pid and "pulumi" in psutil.Process(pid).name():
                    return pid
            except psutil.NoSuchProcess:
                continue
        return None

    def end_orphans(self) -> int:
        """End what a killed run left: its language host notices only after minutes that its engine is gone.

        Returns:
            How many processes were ended. Only those of this sandbox, and only where no engine is their parent.
        """
        ended = 0
        for process in psutil.process_iter(["name"]):
            if not str(process.info["name"]).startswith("pulumi-language"):
                continue
            try:
                parent = process.parent()
                orphan = parent is None or parent.name() != "pulumi"
                if orphan and process.environ().get("PULUMI_HOME") == str(self.pulumi_home):
                    process.kill()
                    ended += 1
            except (psutil.NoSuchProcess, psutil.AccessDenied):  # ended by itself, or somebody else's
                continue
        return ended

    def remove(self) -> None:
        """Delete the folder with everything in it."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _write_if_changed(path: Path, text: str) -> None:
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    temporary = path.with_suffix(f"{path.suffix}.{os.getpid()}.new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
