"""The moto server as a process: started once, found again, never confused with a stranger, gone with its folder."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from botocore.exceptions import ClientError

from localcloud import cloud
from localcloud.moto_server import INSTANCE_ROUTE, LARGEST_LOG_BYTES, WATCH_SECONDS, is_loopback


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for one cloud, stopped afterwards whatever the test did."""
    folder = tmp_path / "cloud"
    yield folder
    cloud.stop(folder)


def client(handle: cloud.CloudHandle, service: str) -> Any:
    return boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=handle.endpoint,
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )


def eventually(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Poll a condition that another process brings about."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_cloud_is_started_once_found_again_and_stopped(folder: Path):
    """The whole life: `make dev` twice meets one server with its data, `make down` leaves no process and no state."""
    assert cloud.status(folder) is None
    first = cloud.start(folder)
    assert first.started
    client(first, "route53").create_hosted_zone(Name="example.com", CallerReference="one")
    second = cloud.start(folder)
    assert (second.pid, second.instance_id, second.started) == (first.pid, first.instance_id, False)
    assert cloud.status(folder) == second
    assert len(client(second, "route53").list_hosted_zones()["HostedZones"]) == 1
    assert cloud.stop(folder)
    assert is_gone(first.pid)
    assert cloud.status(folder) is None
    assert not cloud.stop(folder)


def test_each_incarnation_has_another_identity(folder: Path):
    """moto keeps nothing over a restart; whoever remembers the old id must see that the cloud is a new, empty one."""
    first = cloud.start(folder)
    with urllib.request.urlopen(first.endpoint + INSTANCE_ROUTE) as answer:  # noqa: S310 -- our own endpoint
        assert json.load(answer) == {"instance_id": first.instance_id, "pid": first.pid}
    os.kill(first.pid, signal.SIGKILL)
    assert eventually(lambda: is_gone(first.pid))
    assert cloud.status(folder) is None
    second = cloud.start(folder)
    assert second.started
    assert second.instance_id != first.instance_id


def test_callers_at_the_same_time_get_the_same_server(folder: Path):
    """`make dev` and `make test` may run side by side."""
    with ThreadPoolExecutor(4) as pool:
        handles = list(pool.map(lambda _: cloud.start(folder), range(4)))
    assert len({handle.pid for handle in handles}) == 1
    assert [handle.started for handle in handles].count(True) == 1


def test_a_recycled_process_id_is_neither_used_nor_killed(folder: Path):
    """After a reboot the noted id may belong to anybody, here to a bystander whose port even answers."""
    handle = cloud.start(folder)
    cloud.stop(folder)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        noted = {"pid": bystander.pid, "instance_id": handle.instance_id}
        (folder / "pid.json").write_text(json.dumps(noted))
        (folder / "state.json").write_text(json.dumps({**noted, "endpoint": handle.endpoint}))
        assert cloud.status(folder) is None
        assert cloud.start(folder).pid != bystander.pid
        cloud.stop(folder)
        assert bystander.poll() is None
        bystander.communicate(b"\n")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"pid": "7", "instance_id": 3}', '{"pid": -1, "instance_id": "x"}']
)
def test_state_files_that_are_broken_are_no_obstacle(folder: Path, content: str):
    """A full disk leaves half a file; the next start writes a whole one."""
    folder.mkdir()
    (folder / "pid.json").write_text(content)
    (folder / "state.json").write_text(content)
    assert cloud.status(folder) is None
    assert cloud.start(folder).started


def test_a_start_whose_caller_was_killed_is_taken_over(folder: Path):
    """The server is its own process: a caller that dies while it loads leaves it to the next caller, not an orphan."""
    folder.mkdir()
    script = f"from localcloud import cloud; from pathlib import Path; cloud.start(Path({str(folder)!r}))"
    with subprocess.Popen([sys.executable, "-c", script]) as caller:
        assert eventually(lambda: (folder / "pid.json").exists())
        caller.kill()
    pid = json.loads((folder / "pid.json").read_text())["pid"]
    handle = cloud.start(folder)
    assert (handle.pid, handle.started) == (pid, False)


def test_a_server_killed_while_it_loads_is_replaced(folder: Path):
    """Half-dead: a pid file without a process, no state."""
    folder.mkdir()
    launch = [
        sys.executable,
        "-m",
        "localcloud.moto_server",
        "--folder",
        str(folder),
        "--instance",
        "early",
        "--detach",
    ]
    pid = int(subprocess.run(launch, capture_output=True, text=True, check=True).stdout)
    os.kill(pid, signal.SIGKILL)
    handle = cloud.start(folder)
    assert handle.started
    assert handle.pid != pid


def test_a_server_that_hangs_is_ended_and_replaced(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """A stopped process is alive and ours, but of no use; SIGTERM does not reach it, SIGKILL does."""
    monkeypatch.setattr(cloud, "HEALTH_SECONDS", 0.2)
    monkeypatch.setattr(cloud, "STOP_SECONDS", 0.5)
    lines: list[str] = []
    first = cloud.start(folder)
    os.kill(first.pid, signal.SIGSTOP)
    second = cloud.start(folder, lines.append)
    assert is_gone(first.pid)
    assert second.started
    assert any("does not answer" in line for line in lines)


def test_the_server_ends_when_its_folder_vanishes(folder: Path):
    """A deleted checkout, or a test's temporary folder, leaves no orphan behind."""
    handle = cloud.start(folder)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    assert eventually(lambda: is_gone(handle.pid), seconds=WATCH_SECONDS * 5)


def test_a_server_without_its_pid_file_gives_way(folder: Path):
    """It still holds the folder, and notices at its next look; the start waits for that instead of failing."""
    first = cloud.start(folder)
    (folder / "pid.json").unlink()
    second = cloud.start(folder)
    assert second.pid != first.pid
    assert is_gone(first.pid)


def test_the_server_is_in_a_session_of_its_own(folder: Path):
    """Ctrl-C on `make dev`, or a closed terminal, must not take the cloud away."""
    handle = cloud.start(folder)
    assert os.getsid(handle.pid) == handle.pid != os.getsid(0)


def test_a_start_that_fails_says_why_in_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The cause is the last line of the log: here a moto of another version."""
    fake = tmp_path / "site" / "moto-9.9.9.dist-info"
    fake.mkdir(parents=True)
    (fake / "METADATA").write_text("Metadata-Version: 2.1\nName: moto\nVersion: 9.9.9\n")
    monkeypatch.setenv("PYTHONPATH", str(fake.parent))
    with pytest.raises(cloud.CloudUnavailable) as caught:
        cloud.start(folder)
    assert "\n" not in str(caught.value)
    assert "moto = 9.9.9: exactly 5.2.5" in str(caught.value)


def test_a_start_that_takes_too_long_is_given_up(folder: Path):
    """Bounded, in one line, and nothing goes on in the background."""
    with pytest.raises(cloud.CloudUnavailable, match=r"did not answer within 0\.001 s") as caught:
        cloud.start(folder, timeout_seconds=0.001)
    assert "\n" not in str(caught.value)
    pid = json.loads((folder / "pid.json").read_text())["pid"] if (folder / "pid.json").exists() else None
    assert pid is None or eventually(lambda: is_gone(pid))


def test_a_folder_that_cannot_be_written_is_told_at_once(tmp_path: Path):
    """As a plain user in somebody else's folder; as root, where a file stands in the way."""
    (tmp_path / "server.lock").mkdir()
    with pytest.raises(cloud.CloudUnavailable, match=r"could not be started: IsADirectoryError"):
        cloud.start(tmp_path)


def test_nothing_of_the_users_own_cloud_reaches_the_server(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Keys, profiles, endpoints and proxies stay with the caller."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "HTTPS_PROXY", "AWS_ENDPOINT_URL", "MOTO_PORT", "PYTHONWARNINGS"):
        monkeypatch.setenv(name, "of-the-user")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-the-user")
    handle = cloud.start(folder)
    assert "of-the-user" not in psutil.Process(handle.pid).environ().values()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])  # noqa: S104 -- refused
def test_a_bind_that_others_could_reach_is_refused(tmp_path: Path, host: str):
    """There is no authentication: whoever reaches the port owns the cloud."""
    command = [sys.executable, "-m", "localcloud.moto_server", "--folder", str(tmp_path), "--instance", "x"]
    result = subprocess.run([*command, "--host", host], capture_output=True, text=True)
    assert result.returncode == 2
    assert f"--host = {host}: a loopback address" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("localhost", True), (b"localhost", True),
        ("::1%lo", True), (None, True), ("", True), ("10.0.0.1", False), ("localhost.evil.example", False),
        ("169.254.169.254", False), ("unix socket '/var/run/docker.sock'", False),
        ("0.0.0.0", False),  # noqa: S104 -- refused
    ],
)  # fmt: skip
def test_what_counts_as_loopback(host: object, expected: bool):
    """Nothing is looked up to tell: a name other than localhost is off this machine."""
    assert is_loopback(host) is expected


def test_the_server_process_cannot_reach_the_network():
    """Lookups and connections off loopback are refused in whatever library tries; loopback goes on working."""
    script = """
import socket
from localcloud.moto_server import stay_on_this_machine
stay_on_this_machine()
for attempt in (
    lambda: socket.create_connection(("192.0.2.1", 80), timeout=1),
    lambda: socket.getaddrinfo("example.com", 80),
    lambda: socket.gethostbyname("example.com"),
    lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 53)),
    lambda: socket.socket(socket.AF_UNIX).connect("/var/run/docker.sock"),
    lambda: socket.socket().bind(("0.0.0.0", 0)),
):
    try:
        attempt()
    except PermissionError as error:
        assert "stays on this machine" in str(error), error
    else:
        raise SystemExit("it went through")
with socket.create_server(("127.0.0.1", 0)) as server:
    socket.create_connection(server.getsockname()).close()
print("held")
"""
    result = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True)
    assert result.stdout == "held\n", result.stderr


def test_what_moto_lacks_is_one_clear_error(folder: Path):
    """Unknown services, and operations that a backend lacks, in each protocol; none of them is retried or sent on."""
    handle = cloud.start(folder)
    attempts = {
        "arc-region-switch": ("list_plans", {}),  # CBOR or JSON
        "application-signals": ("list_services", {"StartTime": 1, "EndTime": 2}),  # REST and JSON
        "ssm-incidents": ("list_response_plans", {}),
        "rds": ("switchover_read_replica", {"DBInstanceIdentifier": "x"}),  # query and XML
        "route53": ("test_dns_answer", {"HostedZoneId": "Z1", "RecordName": "a.b", "RecordType": "A"}),  # REST and XML
        "kms": ("update_primary_region", {"KeyId": "x", "PrimaryRegion": "eu-west-1"}),  # JSON
        "backup": ("list_backup_jobs", {}),
    }
    for service, (operation, arguments) in attempts.items():
        with pytest.raises(ClientError, match=f"{service}.* is not in the local cloud") as caught:
            getattr(client(handle, service), operation)(**arguments)
        response = caught.value.response
        assert response["Error"]["Code"] == "NotInTheLocalCloud"
        assert response["ResponseMetadata"]["HTTPStatusCode"] == 501
        assert response["ResponseMetadata"]["RetryAttempts"] == 0


def test_requests_are_logged_in_the_folder_only(folder: Path, capfd: pytest.CaptureFixture[str]):
    """One plain line each; the terminal of `make dev` stays clean; the log of the run before is kept as `.old`."""
    client(cloud.start(folder), "sns").list_topics()
    text = (folder / "server.log").read_text()
    assert "request: POST / HTTP/1.1 200" in text
    assert "\x1b" not in text
    assert capfd.readouterr() == ("", "")
    cloud.stop(folder)
    cloud.start(folder)
    assert (folder / "server.log.old").read_text().startswith(text)
    assert LARGEST_LOG_BYTES < 100_000_000


def test_a_request_that_comes_at_once_is_answered(folder: Path):
    """The state is written when the socket listens: the first byte may come before anything else happens."""
    handle = cloud.start(folder)
    host, port = handle.endpoint.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(f"GET {INSTANCE_ROUTE} HTTP/1.0\r\n\r\n".encode())
        assert connection.recv(1000).startswith(b"HTTP/1.")
