"""A laboratory: one sandbox with its own cloud and its own copy of the configuration, on the real engine."""

import copy
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
import yaml
from botocore.config import Config

from localcloud import apps, cloud, databases
from localcloud.engine import Engine, ensure_engine
from localcloud.postgres_fleet import PostgresFleet
from localcloud.postgres_install import SUPERUSER
from localcloud.sandbox import ROOT, Sandbox

TIMEOUT_SECONDS = 120
BESIDE = (
    "seawall:faults",
    "seawall:identity",
    "seawall:monitoring",
    "seawall:observers",
    "seawall:release",
)  # what nothing else in an environment asks for
OF_DATA = ("seawall:database", "seawall:backups")
Edit = Callable[[dict[str, Any]], None]


@dataclass
class Run:
    """What a command printed and how it ended."""

    code: int
    text: str

    @property
    def last_lines(self) -> str:
        return "\n".join(self.text.splitlines()[-30:])


@dataclass
class Lab:
    """Runs `make dev` and the plain CLI on one sandbox, with a configuration that a test may change."""

    folder: Path
    engine: Engine
    base: dict[str, Any]
    config: dict[str, Any] = field(default_factory=dict[str, Any])
    as_base: bool = False
    """Whether the base configuration is up and nothing has touched it since: then it need not be brought up again."""

    @property
    def sandbox(self) -> Sandbox:
        return Sandbox(self.folder / "local", "dev", self.folder / "source")

    def configure(self, edit: Edit | None = None) -> None:
        """The base configuration, changed by `edit`; written where the checkout would have it."""
        self.config = copy.deepcopy(self.base)
        if edit is not None:
            edit(self.config["config"])
        (self.folder / "source" / "Pulumi.dev.yaml").write_text(yaml.safe_dump(self.config), encoding="utf-8")

    def localcloud(self, *arguments: str) -> Run:
        """`python -m localcloud …`, as the Makefile runs it."""
        self.as_base &= arguments[0] == "dev"
        places = ["--folder", str(self.sandbox.folder), "--source", str(self.sandbox.source)]
        return self._run(
            [sys.executable, "-m", "localcloud", *arguments, *places], {**os.environ, "COLUMNS": "240"}, ROOT
        )

    def dev(self, edit: Edit | None = None) -> Run:
        """Configure and `make dev`, without the demo app, which has a test of its own."""
        self.configure(edit)
        run = self.localcloud("dev", "--no-apps")
        self.as_base = edit is None and run.code == 0
        return run

    def base_up(self) -> None:
        """The base configuration up, whatever the test before left; by the plain CLI where that is enough."""
        if not self.as_base and self.sandbox.deployed_on.exists() and cloud.status(self.sandbox.cloud):
            self.as_base = self.pulumi("up", "--yes", "--skip-preview").code == 0
        if not self.as_base:
            run = self.dev()
            assert run.code == 0, run.last_lines
        self.configure()

    def emptied(self) -> None:
        """Nothing is deployed, on a cloud that runs."""
        if not self.sandbox.deployed_on.exists() or cloud.status(self.sandbox.cloud) is None:
            self.base_up()
        destroy = ("destroy", "--yes", "--skip-preview")
        if self.pulumi(*destroy).code:  # the test before has protected it
            self.base_up()
            run = self.pulumi(*destroy)
            assert run.code == 0, run.last_lines

    def variables(self) -> dict[str, str]:
        handle = cloud.start(self.sandbox.cloud, progress=print)
        return self.sandbox.variables(self.engine, handle.endpoint, os.environ)

    def pulumi(self, *arguments: str, edit: Edit | None = None) -> Run:
        """The plain CLI, as `make shell` has it, over the configuration as changed by `edit`."""
        self.configure(edit)
        self.sandbox.prepare()
        self.as_base &= arguments[0] in ("preview", "stack", "config")
        command = ["pulumi", *arguments, "--stack", "dev", "--non-interactive"]
        return self._run(command, self.variables(), self.sandbox.project)

    def start_pulumi(self, *arguments: str, edit: Edit | None = None) -> subprocess.Popen[str]:
        """The plain CLI in a process group of its own, to be killed by the test."""
        self.as_base = False
        self.configure(edit)
        self.sandbox.prepare()
        return subprocess.Popen(
            ["pulumi", *arguments, "--stack", "dev", "--non-interactive"],
            cwd=self.sandbox.project, env=self.variables(), text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def client(self, service: str, region: str = "us-east-1") -> Any:
        """boto3 against this sandbox's cloud."""
        handle = cloud.status(self.sandbox.cloud)
        assert handle is not None, "the cloud is not running"
        return boto3.client(
            service, endpoint_url=handle.endpoint, region_name=region, aws_access_key_id="local",
            aws_secret_access_key="local", config=Config(retries={"total_max_attempts": 1}),
        )  # fmt: skip

    def records(self) -> dict[tuple[str, str, str], dict[str, Any]]:
        """Every record of every zone but SOA and NS, by name, type and set identifier."""
        route53 = self.client("route53")
        found: dict[tuple[str, str, str], dict[str, Any]] = {}
        for zone in route53.list_hosted_zones()["HostedZones"]:
            for record in route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]:
                if record["Type"] not in ("SOA", "NS"):
                    found[record["Name"], record["Type"], record.get("SetIdentifier", "")] = record
        return found

    def health_checks(self) -> dict[str, dict[str, Any]]:
        """Every health check's configuration by id."""
        checks = self.client("route53").list_health_checks()["HealthChecks"]
        return {check["Id"]: check["HealthCheckConfig"] for check in checks}

    def state(self) -> dict[str, Any]:
        """The engine's own state of the stack."""
        result = self._run(["pulumi", "stack", "export", "--stack", "dev"], self.variables(), self.sandbox.project)
        return yaml.safe_load(result.text)["deployment"]

    @staticmethod
    def _run(command: list[str], variables: dict[str, str], cwd: Path) -> Run:
        result = subprocess.run(
            command, cwd=cwd, env=variables, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=TIMEOUT_SECONDS,
        )  # fmt: skip
        return Run(result.returncode, result.stdout)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The engine's tests first, since they take longest, and the database's in their order: to make that environment anew
    for each costs a minute."""

    def rank(item: pytest.Item) -> tuple[bool, bool, int]:
        own = item.path.name == "test_database.py"
        return item.get_closest_marker("engine") is None, not own, (item.reportinfo()[1] or 0) if own else 0

    items.sort(key=rank)


@pytest.fixture(autouse=True)
def in_one_worker(request: pytest.FixtureRequest) -> None:
    """A group that pytest-xdist has lost, as it does under a pytest that is too new for it, costs a sandbox per worker."""
    group = request.node.get_closest_marker("xdist_group")
    if "PYTEST_XDIST_WORKER" in os.environ and group is not None:
        assert request.node.nodeid.endswith(f"@{group.args[0]}"), "pytest-xdist does not keep its groups together"


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The real engine; `make test` has it built before."""
    return ensure_engine(progress=print)


def _lab(engine: Engine, folder: Path, without: tuple[str, ...]) -> Iterator[Lab]:
    source = folder / "source"
    source.mkdir()
    (source / "Pulumi.yaml").write_bytes((ROOT / "Pulumi.yaml").read_bytes())
    (source / "stacks").symlink_to(ROOT / "stacks")
    base = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text(encoding="utf-8"))
    for key in [key for key in base["config"] if key.startswith(without)]:
        del base["config"][key]
    if OF_DATA[0] in without:
        base["config"]["seawall:objectives"].pop("exceptions", None)
        for region in base["config"]["seawall:regions"]:
            region.pop("cluster", None)
    lab = Lab(folder, engine, base)
    lab.configure()
    yield lab
    apps.stop(lab.sandbox.apps)
    databases.stop(lab.sandbox.databases)
    cloud.stop(lab.sandbox.cloud)


@pytest.fixture(scope="module")
def lab(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One sandbox, shared by a module: its tests put back what they change by bringing up the base again.

    Without the database and what comes with it, which costs each run more than as much again.
    """
    yield from _lab(engine, tmp_path_factory.mktemp("lab"), (*OF_DATA, *BESIDE))


@pytest.fixture(scope="module")
def data_lab(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The same with the database, its backups and the clusters."""
    yield from _lab(engine, tmp_path_factory.mktemp("data"), BESIDE)


@pytest.fixture(scope="module")
def whole_lab(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The same with all of the dev environment."""
    yield from _lab(engine, tmp_path_factory.mktemp("whole"), ())


def _children(process: subprocess.Popen[str]) -> list[psutil.Process]:
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


@pytest.fixture
def kill() -> Iterator[Callable[[subprocess.Popen[str], str], list[psutil.Process]]]:
    """Kill a run by SIGKILL, alone or with its process group; whatever is left is ended after the test."""
    orphans: list[psutil.Process] = []

    def kill_run(process: subprocess.Popen[str], what: str) -> list[psutil.Process]:
        children = _children(process)
        orphans.extend(children)
        if what == "group":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait(timeout=10)
        if process.stdout is not None:
            process.stdout.close()
        return children

    yield kill_run
    for orphan in orphans:
        if orphan.is_running():
            orphan.kill()


@pytest.fixture
def _as_operator(postgres_fleet: PostgresFleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may fence and promote."""
    monkeypatch.setenv("PGUSER", SUPERUSER)
    monkeypatch.setenv("PGPASSWORD", postgres_fleet.primary.password)
