"""The `seawall` command's frame: what every tool in it shares."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from typing import Any

import pytest
import typer
from botocore.exceptions import ClientError, NoCredentialsError

from seawall.errors import CloudUnavailable, InvalidInput, ObjectiveNotMet
from seawall_ops import cli
from seawall_ops.clients import asking, client
from seawall_ops.exits import ExitCode


@pytest.fixture
def failing(monkeypatch):
    """A `seawall` whose one tool raises what the test gives it."""

    def run(error: BaseException) -> int:
        app = typer.Typer()

        @app.command()
        def tool() -> None:
            raise error

        monkeypatch.setattr(cli, "app", app)
        return cli.main([])

    return run


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (InvalidInput("ttl", 3600, allowed="at most 60"), 2, "error: ttl = 3600: at most 60\n"),
        (ObjectiveNotMet(["one", "two"]), 2, "error: one; two\n"),
        (CloudUnavailable("route53 GetHealthCheck", "denied"), 3, "AWS could not be asked (route53 GetHealthCheck)"),
        (typer.Exit(ExitCode.ATTENTION), 1, ""),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_each_kind_of_end_has_its_exit_code_and_at_most_one_line(failing, capsys, error, code, line):
    """Scripts branch on the code; people read one line and no traceback."""
    assert failing(error) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert line in shown.err
    assert shown.err.count("\n") <= 1


def test_markup_in_an_error_is_shown_as_it_is(failing, capsys):
    """A value in brackets, e.g. `regions[0]`, must not vanish as formatting."""
    assert failing(InvalidInput("regions[0]", "[red]", allowed="a region")) == 2
    assert capsys.readouterr().err == "error: regions[0] = [red]: a region\n"


def test_the_version_is_that_of_the_distribution(capsys):
    """What is asked for in a bug report."""
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"seawall {metadata.version('seawall-ops')}\n"


def test_an_unknown_option_is_wrong_input(capsys):
    """typer's own errors have the same code as ours."""
    assert cli.main(["--nonsense"]) == 2


def commands(command: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """Every command that can be run, with its way from the top."""
    nested = getattr(command, "commands", None)
    if nested is None:
        return [(path, command)]
    return [each for name, child in nested.items() for each in commands(child, (*path, name))]


def test_every_command_says_what_it_does_with_an_example():
    """`--help` is what is read at three in the morning: it ends with a line that can be pasted."""
    group = typer.main.get_command(cli.app)
    for path, command in commands(group):
        assert command.help, path
        assert f"seawall {' '.join(path)}" in (command.epilog or ""), path


def test_the_command_starts_without_loading_boto3():
    """`seawall --help` is instant; boto3 takes half a second."""
    code = (
        "import sys, seawall_ops.cli; sys.exit(' '.join(name for name in sys.modules if name in ('boto3', 'botocore')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "") or done.stderr.strip() == ""


@pytest.mark.parametrize(
    ("raised", "because"),
    [
        (ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetHealthCheck"), "AccessDenied: no"),
        (NoCredentialsError(), "NoCredentialsError: Unable to locate credentials"),
    ],
)
def test_what_botocore_raises_becomes_one_error_of_ours(raised, because):
    """No lower layer's exception leaks to the operator."""
    with pytest.raises(CloudUnavailable) as caught, asking("route53 GetHealthCheck"):
        raise raised
    assert str(caught.value) == f"AWS could not be asked (route53 GetHealthCheck): {because}"
    assert caught.value.__cause__ is raised


def test_errors_of_ours_pass_while_asking():
    """A wrong input found on the way stays a wrong input."""
    with pytest.raises(InvalidInput), asking("route53"):
        raise InvalidInput("zone", "x", allowed="a zone")


def test_a_client_without_a_region_says_how_to_give_one(monkeypatch, tmp_path):
    """The most common first mistake."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(InvalidInput, match="region = None: an AWS region, or AWS_REGION set"):
        client("rds")


class _CountedSession:
    """boto3's, that tells how many there were, and whether two threads were in one of them at once."""

    def __init__(self, made: "list[_CountedSession]") -> None:
        self.overlapped = False
        self._busy = threading.Lock()
        made.append(self)

    def client(self, service: str, **_: Any) -> str:
        if not self._busy.acquire(blocking=False):
            self.overlapped = True
            return service
        threading.Event().wait(0.01)  # as if models were read
        self._busy.release()
        return service


def test_clients_are_made_one_after_the_other_of_one_session(monkeypatch):
    """boto3's clients are safe in all threads, its sessions are not; and each session reads AWS's models again."""
    made: list[_CountedSession] = []
    monkeypatch.setattr("boto3.session.Session", lambda: _CountedSession(made))
    services = ["rds", "ec2", "ssm", "s3"]
    with ThreadPoolExecutor(len(services)) as threads:
        assert list(threads.map(client, services)) == services
    assert [each.overlapped for each in made] == [False]


def test_two_clients_share_the_credentials_that_were_fetched(monkeypatch):
    """In a pod each fetching is a request to STS, which may be throttled when it counts."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    one, other = (client("sts", region)._request_signer._credentials for region in ("eu-west-1", "us-east-1"))
    assert one is other


def test_a_profile_that_does_not_exist_is_one_line(monkeypatch, tmp_path):
    """Not botocore's traceback."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(CloudUnavailable, match="ProfileNotFound"):
        client("route53")
