"""The process behind the local cloud: moto's AWS backends on a loopback port, patched, cut off from the network.

`cloud.start` runs `python -m localcloud.moto_server --folder <folder> --instance <id> --detach`. Files in the folder:

    pid.json     written first: process and instance id; a server whose pid.json is gone, or another's, ends by itself
    state.json   written once requests are answered: the same and the endpoint
    server.log   one line per request, moto's own output, and the traceback of whatever ended the server
    server.lock  held for life: one server per folder

moto keeps everything in memory. Each start is therefore a new, empty cloud, and its instance id tells them apart.
"""

import argparse
import fcntl
import ipaddress
import json
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

INSTANCE_ROUTE: Final = "/seawall/instance"
PID_FILE: Final = "pid.json"
STATE_FILE: Final = "state.json"
LOG_FILE: Final = "server.log"
LOCK_FILE: Final = "server.lock"
WATCH_SECONDS: Final = 2.0  # between two looks at the folder
LARGEST_LOG_BYTES: Final = 20_000_000  # then it starts anew: a soak run makes a line of 100 bytes per request
BUSY_EXIT_CODE: Final = 75  # EX_TEMPFAIL: another server holds the folder
WARMED_SERVICES: Final = ("route53", "cloudwatch", "sns")  # imported while the first client is still starting
NAMES_OF_LOOPBACK: Final = ("", "localhost", "localhost.localdomain")

log: Final = logging.getLogger("localcloud")
requests: Final = logging.getLogger("request")


def is_loopback(host: object) -> bool:
    """Whether a host names this machine only. Nothing is looked up."""
    text = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "")
    if text.lower() in NAMES_OF_LOOPBACK:
        return True
    try:
        return ipaddress.ip_address(text.partition("%")[0]).is_loopback
    except ValueError:
        return False


def stay_on_this_machine() -> None:
    """From here on this process can neither connect to nor look up anything off loopback. It cannot be undone.

    Raises:
        PermissionError: (later, in whoever tries) the line names the host.
    """

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("socket.connect", "socket.sendto", "socket.bind"):
            address = arguments[1]
            host = address[0] if isinstance(address, tuple) else f"unix socket {address!r}"
        elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
            host = arguments[0]
        else:
            return
        if not is_loopback(host):
            raise PermissionError(f"the local cloud stays on this machine: {host} was refused ({event})")

    sys.addaudithook(refuse)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Atomically: whoever reads sees all of it or nothing."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    temporary.write_text(json.dumps(content), encoding="utf-8")
    temporary.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """What the file holds; empty when there is none or it is not ours."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def application(instance_id: str) -> tuple[Any, Callable[[], None]]:
    """The WSGI application (our own route, then moto's dispatcher), and a function that imports what is surely needed.

    Backends are imported, and patched, when they are first used: all of them would take ten seconds and 400 MB.

    Raises:
        UnknownMoto: the installed moto is not the one that the patches were made for.
    """
    from localcloud.moto_patches import check_version, patch_service

    check_version()
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    from localcloud.moto_refusals import Refusals

    def create_app(service: Any) -> Any:
        patch_service(service)
        return create_backend_app(service)

    dispatcher = Refusals(DomainDispatcherApplication(create_app))
    identity = json.dumps({"instance_id": instance_id, "pid": os.getpid()}).encode()

    def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ.get("PATH_INFO") == INSTANCE_ROUTE:
            start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(identity)))])
            return [identity]
        return dispatcher(environ, start_response)

    def warm() -> None:
        for service in WARMED_SERVICES:
            patch_service(service)
            import_module(f"moto.{service}.responses")

    return serve, warm


def run(folder: Path, instance_id: str, host: str) -> int:
    """Serve until the folder is gone or the process is ended. Returns the exit code of a start that cannot be."""
    identity = {"pid": os.getpid(), "instance_id": instance_id}
    write_json(folder / PID_FILE, identity)
    threading.Thread(target=_watch, args=(folder, instance_id), daemon=True).start()
    try:
        stay_on_this_machine()
        app, warm = application(instance_id)
        from werkzeug.serving import make_server

        server = make_server(host, 0, app, threaded=True, request_handler=_request_handler())
    except Exception:  # noqa: BLE001 -- the last line of the log is what `cloud.start` shows
        traceback.print_exc()
        return 1
    # The socket listens already: a request that comes before serve_forever() waits in its queue.
    write_json(folder / STATE_FILE, {**identity, "endpoint": f"http://{host}:{server.server_port}"})
    threading.Thread(target=warm, daemon=True).start()
    server.serve_forever()
    return 0


def _request_handler() -> Any:
    from moto.moto_server.werkzeug_app import MotoRequestHandler

    class Handler(MotoRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:  # noqa: ARG002 -- inherited
            """One plain line; werkzeug's own is colored."""
            requests.info("%s %s", self.requestline, getattr(code, "value", code))

    return Handler


def _hold(folder: Path) -> int | None:
    """Take the folder for this process and its fork, for life; None when another server has it."""
    descriptor = os.open(folder / LOCK_FILE, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def log_to(path: Path) -> None:
    """Send all output to a fresh log; the one before stays as `.old`."""
    if path.exists():
        path.replace(path.with_suffix(".log.old"))
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for chatty in ("botocore", "boto3", "urllib3", "werkzeug"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _watch(folder: Path, instance_id: str) -> None:
    """End this process when its folder no longer names it; keep the log bounded."""
    while True:
        time.sleep(WATCH_SECONDS)
        if read_json(folder / PID_FILE).get("instance_id") != instance_id:
            os._exit(0)
        if os.fstat(2).st_size > LARGEST_LOG_BYTES:
            os.ftruncate(2, 0)
            log.warning("the log had grown to %d bytes and starts anew", LARGEST_LOG_BYTES)


def detach() -> None:
    """Leave the caller's session and process group; print the pid of what goes on, for the caller to read."""
    child = os.fork()
    if child:
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        os._exit(0)
    os.setsid()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m localcloud.moto_server", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--instance", required=True, help="the id of this incarnation")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address; nothing else is accepted")
    parser.add_argument("--detach", action="store_true", help="go on in the background, in a session of its own")
    options = parser.parse_args(arguments)
    if not options.folder.is_dir():
        parser.error(f"--folder = {options.folder}: an existing folder")
    if not is_loopback(options.host):
        parser.error(f"--host = {options.host}: a loopback address, because whoever reaches it needs no password")
    folder = options.folder.resolve()
    if _hold(folder) is None:
        sys.stderr.write(f"--folder = {folder}: another server has it\n")
        return BUSY_EXIT_CODE
    (folder / STATE_FILE).unlink(missing_ok=True)
    if options.detach:
        detach()
    log_to(folder / LOG_FILE)
    return run(folder, options.instance, options.host)


if __name__ == "__main__":
    sys.exit(main())
