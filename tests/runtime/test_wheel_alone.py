"""The published wheel, alone in an empty environment, on every Python that this machine has."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OLDEST = (3, 11)
UV = shutil.which("uv") or shutil.which("uv", path=ROOT / ".local" / "uv" / "bin")
TRY = """
import importlib, pkgutil, sys, sysconfig
before = set(sys.modules)
import seawall
from seawall.errors import CallNotPermitted, MissingExtra
missing = []
for module in pkgutil.walk_packages(seawall.__path__, "seawall."):
    try:
        importlib.import_module(module.name)
    except MissingExtra as error:
        assert "pip install" in str(error), error
        missing.append(module.name)
    except ModuleNotFoundError as error:
        assert module.name == "seawall.pytest_plugin" and error.name == "pytest", (module.name, error)
foreign = {name.partition(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names) - {"seawall"}
foreign = {name for name in foreign if not name.startswith("_sysconfigdata")}  # the standard library's, made at its build
assert not foreign, foreign
assert "seawall.breaker" not in missing and any("redis" in name for name in missing), missing

from seawall.breaker import CircuitBreaker, CircuitBreakerConfig
breaker = CircuitBreaker("payments", CircuitBreakerConfig(minimum_calls=2))
@breaker
def call(fails):
    if fails:
        raise ConnectionError
for _ in range(2):
    try:
        call(True)
    except ConnectionError:
        pass
try:
    call(False)
except CallNotPermitted as error:
    assert 0 < error.retry_after_seconds <= 60
else:
    raise AssertionError("not rejected")
assert breaker.snapshot().total_failed == 2, breaker.snapshot()

import threading
breaker.reset()
threads = [threading.Thread(target=lambda: [call(False) for _ in range(2000)]) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert breaker.snapshot().total_succeeded == 16000, breaker.snapshot()
print("free-threaded" if sysconfig.get_config_var("Py_GIL_DISABLED") else "ok")
"""


def run(*command: "str | Path", cwd: Path = ROOT) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COVERAGE"))}
    result = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
    )
    assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
    return result.stdout


def interpreters() -> list[str]:
    """One path per version and build: the one that runs this, those on PATH, those that uv and pyenv have."""
    found: dict[str, str] = {}
    candidates = [sys.executable, *(shutil.which(f"python3.{minor}{t}") for minor in range(11, 20) for t in ("", "t"))]
    if UV:
        listed = json.loads(run(UV, "python", "list", "--only-installed", "--offline", "--output-format", "json"))
        candidates.extend(each["path"] for each in listed if each["implementation"] == "cpython")
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()  # uv sees only the version that is switched on
    candidates.extend(str(path) for path in sorted(pyenv.glob("versions/*/bin/python3")))
    for candidate in filter(None, candidates):
        asked = subprocess.run(
            [candidate, "-c", "import sys; print(*sys.version_info[:2], getattr(sys, 'abiflags', ''))"],
            capture_output=True,
            text=True,
            timeout=30,
        )
        said = re.fullmatch(r"(\d+) (\d+) ?(\w*)\n", asked.stdout)
        if said and (int(said[1]), int(said[2])) >= OLDEST:
            found.setdefault(f"{said[1]}.{said[2]}{said[3]}", candidate)
    return list(found.values())


def install(wheel: Path, python: Path) -> None:
    """Into an environment of its own; with uv where there is one, which takes a tenth of pip's time."""
    if UV:
        run(UV, "pip", "install", "--quiet", "--offline", "--no-deps", "--no-cache", "--python", python, wheel)
    else:
        run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index", "--no-deps", wheel)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runtime's wheel, built from the tree."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder, cwd=ROOT / "runtime")
    (path,) = folder.glob("seawall-*.whl")
    return path


def test_the_wheel_runs_alone_on_each_python(wheel: Path, tmp_path: Path) -> None:
    """What works only in our own environment does not work: no dependency, no file left out, no newer syntax.

    On a free-threaded build eight threads must not lose a count either.
    """
    tried = interpreters()
    assert tried
    for number, interpreter in enumerate(tried):
        venv = tmp_path / str(number)
        run(interpreter, "-m", "venv", "--without-pip", venv)
        python = venv / "bin" / "python"
        install(wheel, python)
        script = tmp_path / "try.py"
        script.write_text(TRY, encoding="utf-8")
        assert run(python, "-I", "-W", "error", script, cwd=tmp_path) in ("ok\n", "free-threaded\n")


def test_the_wheel_carries_its_types_and_its_license(wheel: Path) -> None:
    """Without `py.typed` a user's type checker takes everything for `Any`."""
    names = run(sys.executable, "-m", "zipfile", "--list", wheel)
    for needed in ("seawall/py.typed", "licenses/LICENSE", "entry_points.txt"):
        assert needed in names
    assert "tests" not in names
