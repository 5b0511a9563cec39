"""What goes wrong around the engine: protection, killed runs, a cloud that lost everything, and the way down."""

import re
import signal
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from localcloud import cloud

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("recovery")]

PATIENCE_SECONDS = 30.0


def everything(lab: Any) -> tuple[Any, ...]:
    """All that exists in the cloud, without the ids and random endings that a new object changes."""
    records = {key: record.get("ResourceRecords") for key, record in lab.records().items()}
    checks = sorted(
        (config["Type"], MADE_UP.sub("", config.get("FullyQualifiedDomainName", "")))
        for config in lab.health_checks().values()
    )
    alarms = sorted(alarm["AlarmName"] for alarm in lab.client("cloudwatch").describe_alarms()["MetricAlarms"])
    topics = sorted(topic["TopicArn"].rpartition("-")[0] for topic in lab.client("sns").list_topics()["Topics"])
    zones = sorted(zone["Name"] for zone in lab.client("route53").list_hosted_zones()["HostedZones"])
    return records, checks, alarms, topics, zones


MADE_UP = re.compile(r"-[0-9a-f]{7}(?=\.s3\.)")  # the ending of a bucket's name
NOTHING = ({}, [], [], [], [])
BASE = [4, 6, 4, 1, 1]  # records, checks, metric alarms, topics, zones


def of_regions(checks: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The regions' own checks, without the switch's and those that count both."""
    return {
        id_: config
        for id_, config in checks.items()
        if config["Type"] != "CALCULATED" and ".s3." not in config.get("FullyQualifiedDomainName", "")
    }


def protected(value: bool) -> Callable[[dict[str, Any]], None]:
    return lambda config: config.update({"seawall:protect": str(value).lower()})


def to_tcp(config: dict[str, Any]) -> None:
    """Another type of check, which cannot be changed in place."""
    config["seawall:health_check"].update(protocol="TCP", port=443)
    config["seawall:health_check"].pop("path", None)


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE_SECONDS:g} s for {what}"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not yet reaped by its parent does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_destroy_is_refused_before_anything_is_deleted_while_protected(lab: Any) -> None:
    """Protection that is noticed after ten deletions protects nothing."""
    assert lab.dev(protected(True)).code == 0
    unprotected = [
        resource["urn"]
        for resource in lab.state()["resources"]
        if resource["custom"] and not resource["type"].startswith("pulumi:") and not resource.get("protect")
    ]
    assert not unprotected, "protection does not reach every child"
    before = everything(lab)
    run = lab.localcloud("down")
    assert run.code == 1
    assert "seawall:protect = true: nothing was deleted" in run.text
    assert "Traceback" not in run.text
    assert lab.pulumi("destroy", "--yes", "--skip-preview", edit=protected(True)).code != 0, "the plain CLI, likewise"
    assert everything(lab) == before


@pytest.mark.soak
def test_destroy_leaves_nothing_behind(lab: Any) -> None:
    """What a destroy forgets is paid for by somebody every month."""
    lab.base_up()
    lab.emptied()
    assert everything(lab) == NOTHING
    assert not lab.state().get("resources")


def test_down_stops_and_removes_all_of_it(lab: Any) -> None:
    """After `make down` there is no process, no file and no port of it left."""
    lab.base_up()
    handle = cloud.status(lab.sandbox.cloud)
    assert handle is not None
    run = lab.localcloud("down")
    assert run.code == 0, run.last_lines
    assert not alive(handle.pid)
    assert not lab.sandbox.folder.exists()
    assert lab.localcloud("down").code == 0


@pytest.mark.parametrize(
    ("what", "after_creations"),
    [
        ("cli", 1),
        pytest.param("group", 4, marks=pytest.mark.soak),
        pytest.param("cli", 4, marks=pytest.mark.soak),
        pytest.param("group", 1, marks=pytest.mark.soak),
    ],
)
def test_a_killed_up_converges_by_the_next_dev(
    lab: Any, kill: Callable[..., list[psutil.Process]], what: str, after_creations: int
) -> None:
    """A laptop that dies in the middle of an up must not leave doubles, locks or pending operations."""
    lab.emptied()
    process = lab.start_pulumi("up", "--yes", "--skip-preview")
    made = lambda: sum(len(part) for part in everything(lab))  # noqa: E731
    wait_until(lambda: made() >= after_creations or process.poll() is not None, "the first creations")
    assert process.poll() is None, "the run ended before it could be killed"
    children = kill(process, what)

    run = lab.dev()
    assert run.code == 0, run.last_lines
    assert [len(part) for part in everything(lab)] == BASE, "something is missing, or there twice"
    assert not lab.state().get("pending_operations")
    wait_until(lambda: not any(alive(child.pid) for child in children), "plugins and language host to be gone")
    assert lab.pulumi("preview", "--expect-no-changes").code == 0


def test_a_killed_replacement_converges_by_the_next_dev(lab: Any, kill: Callable[..., list[psutil.Process]]) -> None:
    """Killed between the new check and the old one's end: the next run finishes the move and deletes the old one."""
    lab.base_up()
    old = set(lab.health_checks())

    process = lab.start_pulumi("up", "--yes", "--skip-preview", edit=to_tcp)
    wait_until(lambda: bool(set(lab.health_checks()) - old) or process.poll() is not None, "a new check")
    assert process.poll() is None, "the run ended before it could be killed"
    kill(process, "group")

    assert lab.dev(to_tcp).code == 0
    checks = lab.health_checks()
    assert [config["Type"] for config in of_regions(checks).values()] == ["TCP", "TCP"]
    assert len(checks) == len(old)
    assert not lab.state().get("pending_operations")


@pytest.mark.soak
def test_what_a_killed_run_made_and_nobody_asks_for_any_more_is_deleted(
    lab: Any, kill: Callable[..., list[psutil.Process]]
) -> None:
    """Killed after the new check and put back to the old type: the check that no state knows would be paid for ever."""
    lab.base_up()
    old = set(lab.health_checks())
    process = lab.start_pulumi("up", "--yes", "--skip-preview", edit=to_tcp)
    wait_until(lambda: bool(set(lab.health_checks()) - old) or process.poll() is not None, "a new check")
    assert process.poll() is None, "the run ended before it could be killed"
    kill(process, "group")

    run = lab.dev()
    assert run.code == 0, run.last_lines
    checks = lab.health_checks()  # the old ones, or others of their type where the engine had noted the new ones
    assert [config["Type"] for config in of_regions(checks).values()] == ["HTTPS", "HTTPS"]
    assert len(checks) == len(old)
    pointed_at = {record["HealthCheckId"] for record in lab.records().values() if "HealthCheckId" in record}
    counting = {id_ for id_, config in checks.items() if config["Type"] == "CALCULATED"}
    assert pointed_at == counting
    counted = {child for id_ in counting for child in checks[id_]["ChildHealthChecks"]}
    assert pointed_at | counted == set(checks)
    assert not lab.state().get("pending_operations")
    assert lab.pulumi("preview", "--expect-no-changes").code == 0


def test_the_state_has_no_file_that_a_kill_could_leave_half_written(lab: Any) -> None:
    """Sidecars of attributes are not written by rename: an empty one makes the engine refuse its own state."""
    lab.base_up()
    assert list(lab.sandbox.state.glob(".pulumi/stacks/*/dev.json"))
    assert not list(lab.sandbox.state.rglob("*.attrs"))


def test_a_cloud_that_lost_everything_is_filled_again(lab: Any) -> None:
    """moto keeps nothing over a restart while the state remembers all: dev must not say 'unchanged'."""
    lab.base_up()
    expected = everything(lab)
    cloud.stop(lab.sandbox.cloud)
    run = lab.localcloud("dev", "--no-apps")
    assert run.code == 0, run.last_lines
    assert everything(lab) == expected
    assert lab.pulumi("preview", "--expect-no-changes").code == 0


@pytest.mark.soak
def test_a_cloud_that_was_killed_is_started_and_filled_again(lab: Any) -> None:
    """As above, with the pid file left behind by a SIGKILL."""
    lab.base_up()
    expected = everything(lab)
    handle = cloud.status(lab.sandbox.cloud)
    assert handle is not None
    psutil.Process(handle.pid).kill()
    assert lab.localcloud("dev", "--no-apps").code == 0
    assert everything(lab) == expected


def test_a_run_of_somebody_else_is_waited_for_not_broken_into(lab: Any) -> None:
    """A lock whose process lives is respected: taking it away would let two engines write one state."""
    lab.base_up()
    process = lab.start_pulumi("up", "--yes")
    try:
        wait_until(lambda: bool(lab.sandbox.lock_holders()) or process.poll() is not None, "the lock")
        process.send_signal(signal.SIGSTOP)  # however fast it is, it is still at work when the second run comes
        assert lab.sandbox.lock_holders()
        run = lab.localcloud("dev", "--no-apps")
        assert run.code == 1
        assert f"another run is at work on stack dev (process {process.pid})" in run.text
    finally:
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=60)
