"""`make verify-aws`: the dev environment once in a sandbox account of yours, and deleted again.

    SEAWALL_SANDBOX_ACCOUNT=123456789012 make verify-aws

Opt-in, never run by a test: it makes real resources and costs money (it says how much, and asks). State and engine are
its own, below `.local/verify-aws/`; nothing of your Pulumi account or of another stack is touched. If it is killed, run
`make verify-aws ARGS=--destroy`.
"""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import yaml

from localcloud.aws_sandbox import (
    STACK,
    NotConfirmed,
    adopted_configuration,
    guarded,
    record,
    sandbox_configuration,
    verify,
)
from localcloud.engine import ensure_engine
from localcloud.sandbox import ROOT
from seawall.contract import live_parameter
from seawall.errors import SeawallError
from seawall.topology import Live, as_dict
from seawall_ops.clients import asking, client
from seawall_ops.engine import Preview, preview, read_document

FOLDER: Final = ROOT / ".local" / "verify-aws"
LEDGER: Final = ROOT / "tools" / "ran_on_aws.json"
PASSWORD_BYTES: Final = 24
PROMOTION_SECONDS: Final = 3600.0  # RDS: several minutes or longer, by size
POLL_SECONDS: Final = 15.0


def account_of() -> str:
    """Whose credentials these are.

    Raises:
        CloudUnavailable: AWS refused, or did not answer.
    """
    with asking("sts GetCallerIdentity"):
        return str(client("sts", "us-east-1").get_caller_identity()["Account"])


class RealAccount:
    """The sequence's steps by the real engine, on a project of its own."""

    def __init__(self, folder: Path, configuration: Mapping[str, Any]) -> None:
        self._project: Final = folder / "project"
        self._configuration = dict(configuration)
        self._service: Final = str(configuration["config"]["seawall:service"])

    def prepare(self) -> None:
        """Write the project, and make the stack with a password of its own. Repeatable."""
        self._project.mkdir(parents=True, exist_ok=True)
        settings = yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))
        settings["main"] = os.path.relpath(ROOT / "stacks", self._project)
        settings["runtime"] = {"name": "python", "options": {"virtualenv": sys.prefix}}
        (self._project / "Pulumi.yaml").write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
        self._configure(self._configuration)
        if subprocess.run(
            ["pulumi", "stack", "select", STACK], cwd=self._project, capture_output=True, check=False
        ).returncode:
            self._pulumi("stack", "init", STACK)
        self._pulumi("config", "set", "--secret", "seawall:database_password", stdin=secrets.token_hex(PASSWORD_BYTES))

    def preview(self) -> Preview:
        """What the engine would change now."""
        return preview(STACK, self._project)

    def up(self, *, refresh: bool = False) -> None:
        """Deploy; with `refresh` the engine looks first at what is there."""
        self._pulumi("up", "--yes", "--skip-preview", *(["--refresh"] if refresh else []))

    def types(self) -> set[str]:
        """Tokens of the resource types in the state."""
        command = ["pulumi", "stack", "export", "--stack", STACK]
        done = subprocess.run(command, cwd=self._project, capture_output=True, text=True, check=False)
        return {step.type for step in read_document(done.stdout, "pulumi stack export").steps}

    def promote(self) -> None:
        """Promote the replica, wait until it is a writer, and publish that to both regions' apps."""
        config = self._configuration["config"]
        region = next(
            one["region"]
            for one in config["seawall:database"]["members"]
            if one["region"] != config["seawall:database"]["writer"]
        )
        outputs = self.preview().outputs_before
        identifier = next(one["identifier"] for one in outputs["database"]["members"] if one["region"] == region)
        rds = client("rds", region)
        with asking("rds PromoteReadReplica"):
            rds.promote_read_replica(DBInstanceIdentifier=identifier)
        wait_until_promoted(lambda: rds.describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"][0])
        live = Live(
            service=self._service,
            environment=STACK,
            epoch=int(config.get("seawall:epoch", 0)) + 1,
            primary_region=config["seawall:regions"][1]["name"],
            writer=region,
            changed_at=datetime.now(UTC),
            reason="make verify-aws",
        )
        for one in config["seawall:regions"][:2]:
            with asking("ssm PutParameter"):
                client("ssm", one["name"]).put_parameter(
                    Name=live_parameter(self._service, STACK),
                    Type="String",
                    Value=json.dumps(as_dict(live)),
                    Overwrite=True,
                )

    def adopt(self) -> None:
        """Make what is live the configuration, as after a failover."""
        self._configuration = adopted_configuration(self._configuration)
        self._configure(self._configuration)

    def destroy(self) -> None:
        """Delete what the stack has, and the live documents, which it does not own."""
        self._pulumi("destroy", "--yes", "--skip-preview", "--refresh")
        for region in self._configuration["config"]["seawall:regions"][:2]:
            with asking("ssm DeleteParameters"):
                client("ssm", region["name"]).delete_parameters(Names=[live_parameter(self._service, STACK)])

    def _configure(self, configuration: Mapping[str, Any]) -> None:
        """Write the configuration, with the salt and the password that the engine has put into the file."""
        path = self._project / f"Pulumi.{STACK}.yaml"
        there = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
        password = (there.get("config") or {}).get("seawall:database_password")
        merged = {**{key: value for key, value in there.items() if key != "config"}, **configuration}
        if password is not None:
            merged["config"] = {**merged["config"], "seawall:database_password": password}
        path.write_text(yaml.safe_dump(merged, sort_keys=False), encoding="utf-8")

    def _pulumi(self, *arguments: str, stdin: str | None = None) -> None:
        """The plain CLI; what it prints is for the user."""
        command = ["pulumi", *arguments, "--non-interactive"]
        command += ["--stack", STACK] if arguments[:1] != ("stack",) else []
        done = subprocess.run(command, cwd=self._project, input=stdin, text=True, check=False)
        if done.returncode:
            raise NotConfirmed(
                f"pulumi {arguments[0]} failed with exit code {done.returncode}, its lines are above; "
                "what is left is deleted by make verify-aws ARGS=--destroy"
            )


def wait_until_promoted(
    describe: Callable[[], Mapping[str, Any]],
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return once an instance is available and has no source.

    Args:
        describe: The instance as RDS says it now.
        clock: Seconds.
        sleep: Waits so many seconds.

    Raises:
        NotConfirmed: It took more than an hour.
    """
    begun = clock()
    while True:
        with asking("rds DescribeDBInstances"):
            instance = describe()
        if instance["DBInstanceStatus"] == "available" and not instance.get("ReadReplicaSourceDBInstanceIdentifier"):
            return
        if clock() - begun > PROMOTION_SECONDS:
            raise NotConfirmed(f"the promotion took more than {PROMOTION_SECONDS:g} s: {instance['DBInstanceStatus']}")
        sleep(POLL_SECONDS)


def surroundings(folder: Path, environ: Mapping[str, str], engine_folder: Path) -> dict[str, str]:
    """The environment of the engine: the user's own credentials, and state, home and passphrase of this folder.

    The local cloud's plugins are not in this home, so the real ones are installed.
    """
    passphrase = folder / "passphrase"
    if not passphrase.exists():
        folder.mkdir(parents=True, exist_ok=True)
        passphrase.touch(mode=0o600)
        passphrase.write_text(secrets.token_hex(PASSWORD_BYTES), encoding="utf-8")
    (folder / "state").mkdir(parents=True, exist_ok=True)
    kept = {key: value for key, value in environ.items() if not key.startswith(("PULUMI_", "SEAWALL_LOCAL_"))}
    return kept | {
        "PATH": os.pathsep.join([str(engine_folder), str(Path(sys.prefix) / "bin"), kept.get("PATH", os.defpath)]),
        "PULUMI_HOME": str(folder / "pulumi"),
        "PULUMI_BACKEND_URL": f"file://{(folder / 'state').resolve()}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }


def run(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    destroy_only: Annotated[bool, typer.Option("--destroy", help="Only delete what an earlier run left.")] = False,
) -> None:
    """Run the dev environment once in your sandbox account, and delete it again. Costs money."""
    number = guarded(os.environ, account_of)
    engine = ensure_engine(progress=typer.echo)
    variables = surroundings(FOLDER, os.environ, engine.folder)
    os.environ.clear()  # this process exists for one command: from here on its environment is the engine's
    os.environ.update(variables)
    dev = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text(encoding="utf-8"))
    account = RealAccount(FOLDER, sandbox_configuration(dev, number, datetime.now(UTC)))
    account.prepare()
    if destroy_only:
        account.destroy()
        return

    def confirm(text: str) -> bool:
        typer.echo(text)
        return yes or typer.prompt("type the account's number to make it") == number

    types = verify(account, number, confirm=confirm, say=lambda line: typer.echo(f"verify-aws: {line}"))
    record(LEDGER, types, datetime.now(UTC).date())
    typer.echo(
        f"{len(types)} types confirmed and kept in {LEDGER.relative_to(ROOT)}; now: python tools/generate_docs.py"
    )


def main() -> int:
    """Run the command; an error of ours is its lines, never a traceback."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(run)
    try:
        app(prog_name="make verify-aws ARGS=")
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else 0
    except SeawallError as error:
        typer.echo(f"error: {error}", err=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
