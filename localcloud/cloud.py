"""Start, find and stop the moto server of one folder.

    handle = start(Path(".local/dev/cloud"))   # or the one that runs there already
    boto3.client("route53", endpoint_url=handle.endpoint, ...)
    stop(Path(".local/dev/cloud"))

A process counts as ours only if its command line carries the instance id that the folder's `pid.json` names: ids are
made anew for each start, so a recycled process id is never mistaken for the server, whatever the clock did meanwhile.
"""

import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psutil
from filelock import FileLock, Timeout

from localcloud.errors import LocalCloudError
from localcloud.moto_server import (
    BUSY_EXIT_CODE,
    INSTANCE_ROUTE,
    LOG_FILE,
    PID_FILE,
    STATE_FILE,
    read_json,
)
from localcloud.processes import alive, end, last_line, ours

__all__ = ["CloudHandle", "CloudUnavailable", "start", "status", "stop"]

START_SECONDS: Final = 60.0  # about 1 s on an idle machine; the rest is for two busy cores and a cold disk
HEALTH_SECONDS: Final = 10.0  # a running server's own answer, which waits for nothing
STOP_SECONDS: Final = 5.0  # after SIGTERM, and again after SIGKILL
POLL_SECONDS: Final = 0.02
SLOW_SECONDS: Final = 3.0  # when a line of progress is due
KEPT_VARIABLES: Final = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "VIRTUAL_ENV")
PACKAGE_ROOT: Final = Path(__file__).resolve().parent.parent

Progress = Callable[[str], None]


class CloudUnavailable(LocalCloudError):
    """The moto server did not start, or did not stop; the line ends with the last one of its log."""


@dataclass(frozen=True)
class CloudHandle:
    """A local cloud that answers.

    Attributes:
        endpoint: For `endpoint_url`, e.g. `http://127.0.0.1:41233`.
        pid: Of the server process.
        instance_id: Of this incarnation. moto keeps nothing over a restart: another id is another, empty cloud.
        started: Whether this call started it, rather than found it running.
    """

    endpoint: str
    pid: int
    instance_id: str
    started: bool = False


def start(folder: Path, progress: Progress | None = None, *, timeout_seconds: float = START_SECONDS) -> CloudHandle:
    """The folder's cloud, started if it does not run. Safe to call from several processes at once.

    Args:
        folder: Where its files are kept; made when absent. Its server ends by itself once the folder is gone.
        progress: Called with a line where there is something to say.
        timeout_seconds: How long a start may take.

    Raises:
        CloudUnavailable: it did not start in time, or ended; the line ends with the last one of its log.
    """
    say = progress or (lambda _: None)
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with _only_one(folder, timeout_seconds):
        process = _process(folder)
        if process is not None:
            found = _await(folder, process, HEALTH_SECONDS if _state(folder) else timeout_seconds, say, started=False)
            if found is not None:
                return found
            say(f"the server (process {process.pid}) does not answer: it is ended and another started")
            _end(process)
        return _start_new(folder, timeout_seconds, say)


def status(folder: Path) -> CloudHandle | None:
    """The folder's cloud if its process is ours, alive, and answers; else None. Changes nothing."""
    folder = folder.resolve()
    process = _process(folder)
    return _answering(folder, process.pid) if process is not None else None


def stop(folder: Path) -> bool:
    """End the folder's server and remove its state. True when there was one.

    Raises:
        CloudUnavailable: it survived SIGKILL, or another start or stop of this folder takes too long.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        return False
    with _only_one(folder, START_SECONDS):
        process = _process(folder)
        if process is not None:
            _end(process)
        for name in (STATE_FILE, PID_FILE):
            (folder / name).unlink(missing_ok=True)
        return process is not None


@contextlib.contextmanager
def _only_one(folder: Path, timeout_seconds: float) -> Iterator[None]:
    try:
        with FileLock(folder / "cloud.lock", timeout=timeout_seconds):
            yield
    except Timeout as error:
        raise CloudUnavailable(
            f"local cloud: another start or stop of {folder} has not ended within {timeout_seconds:g} s"
        ) from error


def _process(folder: Path) -> psutil.Process | None:
    """The live process that `pid.json` names, if it is that server and not a stranger with its number."""
    noted = read_json(folder / PID_FILE)
    pid, instance_id = noted.get("pid"), noted.get("instance_id")
    if not isinstance(pid, int) or pid < 1 or not isinstance(instance_id, str):
        return None
    return ours(pid, lambda process: instance_id in process.cmdline())


def _state(folder: Path) -> dict[str, str]:
    return {key: str(value) for key, value in read_json(folder / STATE_FILE).items()}


def _answering(folder: Path, pid: int, *, started: bool = False) -> CloudHandle | None:
    """A handle if the noted endpoint answers with the noted instance id."""
    state = _state(folder)
    address = urlsplit(state.get("endpoint", ""))
    if not address.hostname or not address.port or state.get("pid") != str(pid):
        return None
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=HEALTH_SECONDS)
    try:
        connection.request("GET", INSTANCE_ROUTE)
        answer = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    if not isinstance(answer, dict) or answer.get("instance_id") != state.get("instance_id"):
        return None
    return CloudHandle(state["endpoint"], pid, state["instance_id"], started)


def _await(
    folder: Path, process: psutil.Process, seconds: float, say: Progress, *, started: bool
) -> CloudHandle | None:
    """Wait until the process answers; None when it ends, or does not in time."""
    begun = time.monotonic()
    told = False
    while alive(process):
        handle = _answering(folder, process.pid, started=started)
        if handle is not None:
            return handle
        waited = time.monotonic() - begun
        if waited > seconds:
            break
        if waited > SLOW_SECONDS and not told:
            told = True
            say(f"waiting for moto to be loaded (process {process.pid}, at most {seconds:g} s)")
        time.sleep(POLL_SECONDS)
    return None


def _start_new(folder: Path, seconds: float, say: Progress) -> CloudHandle:
    deadline = time.monotonic() + seconds
    while True:
        pid = _spawn(folder)
        if pid is not None:
            break
        # A server that lost its pid.json holds the folder still; it notices within its next look.
        if time.monotonic() > deadline:
            raise CloudUnavailable(f"local cloud: another server has held {folder} for {seconds:g} s; end it first")
        time.sleep(POLL_SECONDS * 10)
    try:
        process = psutil.Process(pid)
        handle = _await(folder, process, deadline - time.monotonic(), say, started=True)
    except psutil.NoSuchProcess:
        process, handle = None, None
    if handle is not None:
        return handle
    if process is not None and alive(process):
        _end(process)
        what = f"did not answer within {seconds:g} s"
    else:
        what = "ended while starting"
    raise CloudUnavailable(
        f"local cloud: the moto server {what}; the last line of {LOG_FILE}: {last_line(folder / LOG_FILE)}"
    )


def _spawn(folder: Path) -> int | None:
    """Start a server in a session of its own. Returns its process id at once, None when another has the folder."""
    command = [sys.executable, "-m", "localcloud.moto_server", "--folder", str(folder)]
    variables = {key: os.environ[key] for key in KEPT_VARIABLES if key in os.environ} | {
        # A backend that calls another through boto3 must find neither a user's keys nor a user's endpoints.
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    try:
        launched = subprocess.run(
            [*command, "--instance", uuid.uuid4().hex, "--detach"],
            cwd=PACKAGE_ROOT,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CloudUnavailable(f"local cloud: {sys.executable} could not be started: {error}") from error
    if launched.returncode == BUSY_EXIT_CODE:
        return None
    if launched.returncode:
        last = (launched.stderr.strip() or "no output").splitlines()[-1]
        raise CloudUnavailable(f"local cloud: the moto server could not be started: {last}")
    return int(launched.stdout)


def _end(process: psutil.Process) -> None:
    if end([process], STOP_SECONDS):
        raise CloudUnavailable(f"local cloud: the moto server (process {process.pid}) survived SIGKILL")
