"""How long `pulumi preview` of the dev environment takes, beside a program with one resource of each provider.

Both run in turn on the same machine, warm, on the local cloud; what counts is the ratio. Exit status 1 when it
is above the limit. Run by `make bench`, or alone: `.venv/bin/python bench/preview.py`.
"""

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
from localcloud.engine import ensure_engine
from localcloud.sandbox import ROOT, Sandbox

ROUNDS: Final = 7
LIMIT_RATIO: Final = 2.0  # of the small program's preview; a promise of this project

SMALL_PROGRAM: Final = """\
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

aws.sns.Topic("alarms")
kubernetes.core.v1.ConfigMap("topology", data={"service": "shop"})
"""
SMALL_PROJECT: Final = "name: small\nruntime: python\nmain: stacks/\n"
SMALL_CONFIG: Final = "config:\n  aws:region: us-east-1\n"


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


def main() -> int:
    engine = ensure_engine(progress=print)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        source = folder / "source"
        (source / "stacks").mkdir(parents=True)
        (source / "stacks" / "__main__.py").write_text(SMALL_PROGRAM, encoding="utf-8")
        (source / "Pulumi.yaml").write_text(SMALL_PROJECT, encoding="utf-8")
        (source / "Pulumi.dev.yaml").write_text(SMALL_CONFIG, encoding="utf-8")
        sandboxes = {
            "dev": Sandbox(folder / "dev", source=ROOT),
            "one of each": Sandbox(folder / "small", source=source),
        }
        seconds: dict[str, list[float]] = {name: [] for name in sandboxes}
        try:
            variables: dict[str, dict[str, str]] = {}
            for name, sandbox in sandboxes.items():
                handle = cloud.start(sandbox.cloud, progress=print)
                sandbox.prepare()
                variables[name] = sandbox.variables(engine, handle.endpoint, os.environ)
                pulumi(sandbox, variables[name], "stack", "init", "dev")
                pulumi(sandbox, variables[name], "up", "--yes", "--skip-preview", "--stack", "dev")
                pulumi(sandbox, variables[name], "preview", "--stack", "dev")  # warms both
            for _ in range(ROUNDS):
                for name, sandbox in sandboxes.items():
                    seconds[name].append(pulumi(sandbox, variables[name], "preview", "--stack", "dev"))
        finally:
            for sandbox in sandboxes.values():
                cloud.stop(sandbox.cloud)
    ratios = [mine / small for mine, small in zip(seconds["dev"], seconds["one of each"], strict=True)]
    table = Table("preview", "median s", "min s", "max s", title="Preview of an unchanged stack, warm")
    for name, runs in seconds.items():
        table.add_row(name, f"{statistics.median(runs):.2f}", f"{min(runs):.2f}", f"{max(runs):.2f}")
    ratio = statistics.median(ratios)
    Console().print(table)
    print(f"ratio dev / one of each: {ratio:.2f} (median of {ROUNDS} pairs; at most {LIMIT_RATIO})")
    return 0 if ratio <= LIMIT_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
