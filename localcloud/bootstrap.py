"""Make `.venv`: everything development needs, from Python 3.11 or newer and the package registries alone.

Runs under the system's Python before anything is installed, so it uses the standard library only.
Called by the Makefile: `python3 localcloud/bootstrap.py [--lock]`.
"""

import argparse
import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
VENV: Final = ROOT / ".venv"
LOCAL: Final = ROOT / ".local"
LOCKFILE: Final = ROOT / "requirements.lock"
MEMBERS: Final = (".", "runtime", "components", "operations")
OLDEST_PYTHON: Final = (3, 11)
UV_VERSION: Final = "0.13.8"
OLDEST_UV: Final = (0, 8)  # the first to know every option used here


def fail(line: str) -> None:
    """End with one line that says what to do."""
    sys.exit(f"setup: {line}")


def say(line: str) -> None:
    print(f"setup: {line}", flush=True)


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the set-up lock, so that `make dev` and `make test` may be started side by side."""
    folder.mkdir(exist_ok=True)
    with (folder / "setup.lock").open("w", encoding="utf-8") as lock:
        try:
            import fcntl
        except ImportError:  # not a POSIX system: two at once is then the caller's business
            yield
            return
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another set-up of this folder to end")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fingerprint() -> str:
    """Digest of all that decides what `.venv` holds."""
    digest = hashlib.sha256(f"{sys.version_info[:3]} {ROOT} {Path(__file__).read_text(encoding='utf-8')}".encode())
    for path in (LOCKFILE, *(ROOT / member / "pyproject.toml" for member in MEMBERS)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def version_of(uv: str) -> tuple[int, ...]:
    """Version of a uv executable; empty when it does not run."""
    try:
        text = subprocess.run([uv, "--version"], capture_output=True, text=True, check=True, timeout=60).stdout
        return tuple(int(part) for part in text.split()[1].split(".")[:2])
    except (OSError, subprocess.SubprocessError, IndexError, ValueError):
        return ()


def find_uv() -> str:
    """Path of a usable uv: the one on PATH, else one installed beside the project from its wheel."""
    tried: list[str] = []
    on_path = shutil.which("uv")
    if on_path and version_of(on_path) >= OLDEST_UV:
        return on_path
    tried.append(f"uv on PATH ({'too old' if on_path else 'none'})")

    home = LOCAL / "uv"
    binary = home / "bin" / "uv"
    if version_of(str(binary)) >= OLDEST_UV:
        return str(binary)
    shutil.rmtree(home, ignore_errors=True)
    say(f"installing uv {UV_VERSION} from its wheel")
    attempts = {
        "a venv with pip": (
            [sys.executable, "-m", "venv", str(home)],
            [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", f"uv=={UV_VERSION}"],
        ),
        "this Python's own pip": (
            [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(home), f"uv=={UV_VERSION}"],
        ),
    }
    for name, commands in attempts.items():
        shutil.rmtree(home, ignore_errors=True)
        results = []
        for command in commands:
            results.append(subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL))
            if results[-1].returncode:
                break
        if version_of(str(binary)) >= OLDEST_UV:
            return str(binary)
        last = (results[-1].stderr.strip() or results[-1].stdout.strip() or "no output").splitlines()[-1]
        tried.append(f"{name} ({last})")
    fail(f"no uv to be had; tried: {'; '.join(tried)}. Install uv, or Python's venv and pip modules, and run again")
    raise AssertionError  # unreachable: fail() ends the process


def run(uv: str, *arguments: str) -> None:
    """Run uv with its own progress shown; end with its exit code in one line when it fails."""
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}
    environment.pop("VIRTUAL_ENV", None)
    result = subprocess.run([uv, *arguments], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL)
    if result.returncode:
        fail(f"`uv {' '.join(arguments)}` ended with exit code {result.returncode}; its own lines are above")


def make_venv() -> None:
    """Bring `.venv` to what the lock file says; at once when it is there already."""
    if not sys.version_info >= OLDEST_PYTHON:
        found = ".".join(map(str, sys.version_info[:3]))
        fail(f"python3 = {found}: at least 3.11; name a newer one with `make PYTHON=/path/to/python3.12 …`")
    stamp = VENV / ".seawall-stamp"
    wanted = fingerprint()
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return
    with only_one(LOCAL):
        if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
            return
        begun = time.monotonic()
        uv = find_uv()
        say("making .venv (about 150 packages)")
        run(uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(VENV))
        python = str(VENV / "bin" / "python")
        run(uv, "pip", "sync", "--python", python, "--require-hashes", str(LOCKFILE))
        editable = [argument for member in MEMBERS for argument in ("--editable", str(ROOT / member))]
        run(uv, "pip", "install", "--quiet", "--python", python, "--no-deps", *editable)
        stamp.write_text(wanted, encoding="utf-8")
        say(f".venv is ready ({time.monotonic() - begun:.0f} s)")


def write_lock() -> None:
    """Resolve every dependency anew into `requirements.lock`: exact versions and hashes, no addresses."""
    uv = find_uv()
    run(uv, "lock", "--quiet", "--upgrade")
    run(
        uv, "export", "--quiet", "--all-packages", "--all-groups", "--no-emit-workspace", "--no-header",
        "--format", "requirements-txt", "--output-file", str(LOCKFILE),
    )  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lock", action="store_true", help="resolve anew and write requirements.lock")
    if parser.parse_args().lock:
        write_lock()
    make_venv()
