"""How long `pulumi preview` takes: of the dev environment beside a program with as many plain resources, and one with a
single resource of each provider; and of one stack with 10, 20 and 50 services. And how long the program alone takes for
the prod environment, under Pulumi's mocks: no engine, no plugins.

All run in turn on the same machine, warm, on the local cloud; what counts are the ratios. Exit status 1 when one
is above its limit. Run by `make bench`, or alone: `.venv/bin/python bench/preview.py`.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from localcloud import cloud
from localcloud.engine import Engine, ensure_engine
from localcloud.sandbox import ROOT, Sandbox

ROUNDS: Final = 7
LIMIT_RATIO: Final = (
    2.0  # of a preview of as many plain resources, which is what Seawall adds; a promise of this project
)

SERVICES: Final = (10, 20, 50)
SERVICE_ROUNDS: Final = 3
LIMIT_GROWTH: Final = 1.3  # cost of a further service from 20 to 50, of that from 10 to 20; a promise of this project
# Checkpoints are written after each step of a preview too, each as large as all before: quadratic, and of no use there.
PREVIEW_ONLY: Final = {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}

MOCKED_ROUNDS: Final = 3
MOCKED_RESOURCES: Final = 150  # of the prod environment, at least
LIMIT_MOCKED_SECONDS: Final = 5.0  # for them, beyond the SDK's imports; a promise of this project
MOCKED_PROGRAM: Final = """\
import asyncio, json, time

begun = time.perf_counter()
from localcloud.mocked import declare_environment

asyncio.set_event_loop(asyncio.new_event_loop())
declare_environment("prod", preview=True)  # the SDK imports much of itself only when a resource is made
warm = time.perf_counter()
made = declare_environment("prod", preview=True)
print(json.dumps({"made": len(made), "first": warm - begun, "second": time.perf_counter() - warm}))
"""

SERVICES_PROGRAM: Final = """\
import pulumi
from pulumi_seawall import FailoverRecord, HealthCheckProtocol

CHECK = {"protocol": HealthCheckProtocol.HTTPS, "path": "/livez"}
for number in range(pulumi.Config("many").require_int("services")):
    name = f"service-{number}"
    FailoverRecord(name, {
        "zone_id": "Z0123456789ABC",
        "name": f"{name}.example.com",
        "primary": {
            "region": "eu-west-1", "addresses": ["192.0.2.1"], "health_check": CHECK,
            "regional_name": f"eu-west-1.{name}.example.com",
        },
        "secondary": {
            "region": "us-east-1", "addresses": ["192.0.2.2"], "health_check": CHECK,
            "regional_name": f"us-east-1.{name}.example.com",
        },
        "alarm_actions": ["arn:aws:sns:us-east-1:123456789012:alarms"],
    })
"""
SMALL_PROGRAM: Final = """\
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

aws.sns.Topic("alarms")
kubernetes.core.v1.ConfigMap("topology", data={"service": "shop"})
"""


PLAIN_PROGRAM: Final = """\
import pulumi
import pulumi_aws as aws

for number in range(pulumi.Config("plain").require_int("resources")):
    aws.ssm.Parameter(f"plain-{number}", type="String", value=str(number))
"""


def pulumi(sandbox: Sandbox, variables: dict[str, str], *arguments: str) -> float:
    """Run the CLI; seconds from start to end.

    Raises:
        RuntimeError: it failed; the message is what it printed.
    """
    begun = time.perf_counter()
    result = subprocess.run(
        ["pulumi", *arguments], cwd=sandbox.project, env=variables, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )  # fmt: skip
    seconds = time.perf_counter() - begun
    if result.returncode:
        raise RuntimeError(f"pulumi {' '.join(arguments)} failed:\n{result.stdout}\n{result.stderr}")
    return seconds


def project(folder: Path, name: str, program: str, config: str) -> Path:
    """A project of its own in a folder, for a program that is not ours."""
    source = folder / name
    (source / "stacks").mkdir(parents=True)
    (source / "stacks" / "__main__.py").write_text(program, encoding="utf-8")
    (source / "Pulumi.yaml").write_text(f"name: {name}\nruntime: python\nmain: stacks/\n", encoding="utf-8")
    (source / "Pulumi.dev.yaml").write_text(f"config:\n  aws:region: us-east-1\n{config}", encoding="utf-8")
    return source


def started(sandbox: Sandbox, engine: Engine) -> dict[str, str]:
    """Start the sandbox's cloud and make its stack; the variables for the CLI."""
    handle = cloud.start(sandbox.cloud, progress=print)
    sandbox.prepare()
    variables = sandbox.variables(engine, handle.endpoint, os.environ)
    pulumi(sandbox, variables, "stack", "init", "dev")
    return variables


def resources_of(sandbox: Sandbox, variables: dict[str, str]) -> int:
    """How many resources the stack has registered, without the stack itself and the providers."""
    exported = subprocess.run(
        ["pulumi", "stack", "export", "--stack", "dev"],
        cwd=sandbox.project, env=variables, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    types = [each["type"] for each in json.loads(exported.stdout)["deployment"]["resources"]]
    return sum(not each.startswith("pulumi:") for each in types)


def dev_beside_plain_programs(engine: Engine, folder: Path) -> bool:
    """Preview of the unchanged dev environment. Whether the limit is kept."""
    dev = Sandbox(folder / "dev", source=ROOT)
    sandboxes = {"dev": dev}
    seconds: dict[str, list[float]] = {}
    variables: dict[str, dict[str, str]] = {}

    def bring_up(name: str, sandbox: Sandbox) -> None:
        sandboxes[name] = sandbox
        variables[name] = started(sandbox, engine)
        pulumi(sandbox, variables[name], "up", "--yes", "--skip-preview", "--stack", "dev")
        pulumi(sandbox, variables[name], "preview", "--stack", "dev")  # warms it
        seconds[name] = []

    try:
        bring_up("dev", dev)
        count = resources_of(dev, variables["dev"])
        plain = f"{count} plain resources"
        source = project(folder, "plain", PLAIN_PROGRAM, f'  plain:resources: "{count}"\n')
        bring_up(plain, Sandbox(folder / "as-many", source=source))
        bring_up("one of each", Sandbox(folder / "small", source=project(folder, "one", SMALL_PROGRAM, "")))
        for _ in range(ROUNDS):
            for name, sandbox in sandboxes.items():
                seconds[name].append(pulumi(sandbox, variables[name], "preview", "--stack", "dev"))
    finally:
        for sandbox in sandboxes.values():
            cloud.stop(sandbox.cloud)
    show("Preview of an unchanged stack, warm", seconds)
    ratio = statistics.median(mine / theirs for mine, theirs in zip(seconds["dev"], seconds[plain], strict=True))
    print(f"ratio dev / {plain}: {ratio:.2f} (median of {ROUNDS} rounds; at most {LIMIT_RATIO})")
    return ratio <= LIMIT_RATIO


def growth_over_services(engine: Engine, folder: Path) -> bool:
    """Preview of a new stack with many services. Whether a further service costs about the same among many."""
    counts = {f"{count} services": count for count in SERVICES}
    sandboxes = {
        name: Sandbox(
            folder / f"many-{count}",
            source=project(folder, f"source-{count}", SERVICES_PROGRAM, f'  many:services: "{count}"\n'),
        )
        for name, count in counts.items()
    }
    seconds: dict[str, list[float]] = {name: [] for name in sandboxes}
    try:
        variables = {name: {**started(sandbox, engine), **PREVIEW_ONLY} for name, sandbox in sandboxes.items()}
        for _ in range(SERVICE_ROUNDS):
            for name, sandbox in sandboxes.items():
                seconds[name].append(pulumi(sandbox, variables[name], "preview", "--stack", "dev"))
    finally:
        for sandbox in sandboxes.values():
            cloud.stop(sandbox.cloud)
    show("Preview of a new stack with many services, checkpoints off", seconds)
    few, some, many = (min(runs) for runs in seconds.values())
    first = (some - few) / (SERVICES[1] - SERVICES[0])
    later = (many - some) / (SERVICES[2] - SERVICES[1])
    print(f"a further service costs {first * 1e3:.0f} ms from 10 to 20 and {later * 1e3:.0f} ms from 20 to 50:")
    print(f"ratio {later / first:.2f} (fastest of {SERVICE_ROUNDS} rounds; at most {LIMIT_GROWTH})")
    return later / first <= LIMIT_GROWTH


def prod_under_mocks() -> bool:
    """The program of the prod environment in a preview, without an engine. Whether the limit is kept."""

    def measured() -> dict[str, float]:
        command = [sys.executable, "-c", MOCKED_PROGRAM]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
        return json.loads(done.stdout)

    runs = [measured() for _ in range(MOCKED_ROUNDS)]
    parts = {"with every import": "first", "imports done": "second"}
    show("Preview of prod under mocks", {name: [run[key] for run in runs] for name, key in parts.items()})
    fastest, made = min(run["second"] for run in runs), min(run["made"] for run in runs)
    print(f"{made:.0f} resources (at least {MOCKED_RESOURCES}) in {fastest:.2f} s beyond imports", end="")
    print(f" (fastest of {MOCKED_ROUNDS} rounds; at most {LIMIT_MOCKED_SECONDS:g})")
    return made >= MOCKED_RESOURCES and fastest <= LIMIT_MOCKED_SECONDS


def show(title: str, seconds: dict[str, list[float]]) -> None:
    table = Table("preview", "median s", "min s", "max s", title=title)
    for name, runs in seconds.items():
        table.add_row(name, f"{statistics.median(runs):.2f}", f"{min(runs):.2f}", f"{max(runs):.2f}")
    Console().print(table)


def main() -> int:
    engine = ensure_engine(progress=print)
    with tempfile.TemporaryDirectory() as temporary:
        kept = [measure(engine, Path(temporary)) for measure in (dev_beside_plain_programs, growth_over_services)]
    kept.append(prod_under_mocks())
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
