"""`make verify-aws`: nothing is made in an account that was not named, and everything that is made is deleted again."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from localcloud.aws_sandbox import (
    ACCOUNT_VARIABLE,
    LOCAL_ACCOUNT,
    Interrupted,
    NotConfirmed,
    SandboxRefused,
    adopted_configuration,
    announcement,
    guarded,
    record,
    sandbox_configuration,
    verify,
)
from localcloud.sandbox import ROOT
from localcloud.verify_aws import POLL_SECONDS, PROMOTION_SECONDS, main, surroundings, wait_until_promoted
from seawall.errors import CloudUnavailable
from seawall_ops.engine import Preview, Step
from stacks import program
from stacks.environment import parse_environment
from stacks.live import LiveReading

NUMBER = "210000000012"
ZONE, TOPIC = "aws:route53/zone:Zone", "aws:sns/topic:Topic"
DEV = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text(encoding="utf-8"))
NOW = datetime(2026, 11, 25, 17, 30, tzinfo=UTC)


def never() -> str:
    raise AssertionError("AWS was asked")


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        ({}, f"{ACCOUNT_VARIABLE} is missing: the 12 digits"),
        ({ACCOUNT_VARIABLE: "sandbox"}, f"{ACCOUNT_VARIABLE} = sandbox: the 12 digits"),
        ({ACCOUNT_VARIABLE: f"{NUMBER}0"}, f"{ACCOUNT_VARIABLE} = {NUMBER}0: the 12 digits"),
        ({ACCOUNT_VARIABLE: NUMBER, "AWS_ENDPOINT_URL": "http://127.0.0.1:5000"}, "AWS_ENDPOINT_URL is set: this would not reach AWS"),
        ({ACCOUNT_VARIABLE: NUMBER, "AWS_ENDPOINT_URL_RDS": "http://x"}, "AWS_ENDPOINT_URL_RDS is set"),
    ],
)  # fmt: skip
def test_without_a_named_account_nothing_is_even_asked(environ: dict[str, str], line: str) -> None:
    """Credentials of production lie around; a variable that names the sandbox does not."""
    with pytest.raises(SandboxRefused) as caught:
        guarded(environ, never)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_the_command_refuses_in_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`make` shows it as it is; AWS is not asked."""
    monkeypatch.delenv(ACCOUNT_VARIABLE, raising=False)
    monkeypatch.setattr("sys.argv", ["verify_aws", "--yes"])
    monkeypatch.setattr("localcloud.verify_aws.account_of", never)
    assert main() == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"error: {ACCOUNT_VARIABLE} is missing")
    assert shown.err.count("\n") == 1


def test_credentials_of_another_account_are_refused() -> None:
    """The mistake that this is all about."""
    line = f"these credentials are of account 999999999999, not of {ACCOUNT_VARIABLE} = {NUMBER}"
    with pytest.raises(SandboxRefused, match=line):
        guarded({ACCOUNT_VARIABLE: NUMBER}, lambda: "999999999999")


def test_the_named_account_may_be_used() -> None:
    """An empty endpoint is none."""
    assert guarded({ACCOUNT_VARIABLE: NUMBER, "AWS_ENDPOINT_URL": ""}, lambda: NUMBER) == NUMBER


CREATED = Preview(
    (
        Step("create", ZONE, "shop", None, {}),
        Step("create", TOPIC, "alarms", None, {}),
        Step("create", TOPIC, "more", None, {}),
        Step("create", "aws:ec2/natGateway:NatGateway", "x", None, {}),
        Step("create", "seawall:index:FailoverRecord", "shop", None, {}),
    ),
    {},
    {},
)
SAME = Preview((Step("same", ZONE, "shop", {}, {}),), {}, {})


class FakeAccount:
    """Notes what it is asked; `failing` raises, and `previews` are what previews show after the first."""

    def __init__(self, failing: str = "", previews: tuple[Preview, ...] = (SAME, SAME)) -> None:
        self.calls: list[str] = []
        self._failing, self._previews = failing, [CREATED, *previews]

    def _note(self, call: str) -> None:
        self.calls.append(call)
        if call == self._failing:
            raise NotConfirmed(call)

    def preview(self) -> Preview:
        self._note("preview")
        return self._previews.pop(0)

    def up(self, *, refresh: bool = False) -> None:
        self._note("up --refresh" if refresh else "up")

    def types(self) -> set[str]:
        return {ZONE, "pulumi:providers:aws", "seawall:index:FailoverRecord"}

    def promote(self) -> None:
        self._note("promote")

    def adopt(self) -> None:
        self._note("adopt")

    def destroy(self) -> None:
        self._note("destroy")


WHOLE = ["preview", "up", "preview", "promote", "adopt", "up --refresh", "preview", "destroy"]


def ran(account: FakeAccount, confirm: Callable[[str], bool] = lambda text: True) -> set[str]:
    return verify(account, NUMBER, confirm=confirm, say=lambda line: None)


def test_the_sequence_ends_with_nothing_left_and_types_of_aws_only() -> None:
    """Up, no change, promotion, adoption, no change, destroy: in this order."""
    account = FakeAccount()
    assert ran(account) == {ZONE}
    assert account.calls == WHOLE


@pytest.mark.parametrize("failing", ["up", "promote", "adopt", "up --refresh"])
def test_whatever_fails_everything_is_deleted_and_nothing_confirmed(failing: str) -> None:
    """A forgotten database costs money every hour."""
    account = FakeAccount(failing)
    with pytest.raises(NotConfirmed, match=failing):
        ran(account)
    assert account.calls == [*WHOLE[: WHOLE.index(failing) + 1], "destroy"]


def test_an_interruption_deletes_too() -> None:
    """Ctrl-C in the long wait for a promotion."""

    class Impatient(FakeAccount):
        def promote(self) -> None:
            raise KeyboardInterrupt

    account = Impatient()
    with pytest.raises(KeyboardInterrupt):
        ran(account)
    assert account.calls[-1] == "destroy"


def test_a_failed_destroy_confirms_nothing() -> None:
    """Something is left: that is what the user must hear, and no type counts as run."""
    with pytest.raises(NotConfirmed, match="destroy"):
        ran(FakeAccount("destroy"))


def test_a_preview_that_still_changes_something_is_named() -> None:
    """After a promotion the one thing that must not happen is a replaced database."""
    replaced = Preview((Step("replace", ZONE, "shop", {}, {}, ("name",)),), {}, {})
    with pytest.raises(NotConfirmed, match=rf"after the adoption of the promotion .*: replace {ZONE} shop \(name\)"):
        ran(FakeAccount(previews=(SAME, replaced)))


def test_whoever_says_no_has_made_nothing() -> None:
    """The question comes with the list and its price, before the first resource."""
    asked: list[str] = []

    def refuse(text: str) -> bool:
        asked.append(text)
        return False

    account = FakeAccount()
    with pytest.raises(Interrupted, match="nothing was made"):
        ran(account, refuse)
    assert account.calls == ["preview"]
    (text,) = asked
    assert f"in account {NUMBER}, 4 resources:" in text
    assert f"    2 {TOPIC}" in text
    assert "0.50 USD if it stayed a month" in text
    assert "no price is known for aws:ec2/natGateway:NatGateway" in text
    assert announcement(NUMBER, CREATED) == text.splitlines()


def test_the_sandbox_is_the_dev_environment_without_what_only_dev_has() -> None:
    """No cluster, no other account, nothing protected, small instances, and no backup during the run; and it is valid."""
    config = sandbox_configuration(DEV, NUMBER, NOW)["config"]
    assert config["seawall:protect"] is False
    assert "cluster" not in config["seawall:regions"][0]
    assert {one["instance_class"] for one in config["seawall:database"]["members"]} == {"db.t4g.micro"}
    for rule in config.get("seawall:backups", {}).get("rules", []):
        assert "copies" not in rule
        assert rule["schedule"] == "cron(0 5 * * ? *)"
    written = json.dumps(config)
    assert "database_password" not in written
    assert LOCAL_ACCOUNT not in written
    assert "shop-dev" not in written
    assert "cluster" in DEV["config"]["seawall:regions"][0], "the original is not touched"


@pytest.mark.usefixtures("pulumi_loop")
@pytest.mark.parametrize("change", [lambda config: config, adopted_configuration], ids=["before", "after"])
def test_the_sandbox_is_valid_before_and_after_the_promotion(monkeypatch: pytest.MonkeyPatch, change: Any) -> None:
    """A mistake here would be found only after the first resources, which cost."""
    monkeypatch.setattr(program, "read_live", lambda *arguments: LiveReading(None))
    config = change(sandbox_configuration(DEV, NUMBER, NOW))["config"] | {"seawall:database_password": "made-up-1234"}
    environment = parse_environment(config, stack="sandbox", secrets=["seawall:database_password"])
    plans = program.check(environment)
    assert plans.data is not None
    assert plans.data.writer.region == environment.primary.name


def test_the_adoption_swaps_roles_and_raises_the_epoch() -> None:
    """What `seawall:epoch` refuses to undo."""
    before = sandbox_configuration(DEV, NUMBER, NOW)
    after = adopted_configuration(before)["config"]
    assert [region["role"] for region in after["seawall:regions"][:2]] == ["standby", "primary"]
    assert (after["seawall:epoch"], after["seawall:database"]["writer"]) == (1, "us-west-2")
    assert before["config"]["seawall:database"]["writer"] == "ap-northeast-1"


def test_the_ledger_keeps_older_days_of_what_was_not_run(tmp_path: Path) -> None:
    """A later run with fewer types takes nothing back."""
    ledger = tmp_path / "ran.json"
    ledger.write_text('{"aws:z/z:Z": "2026-01-01"}', encoding="utf-8")
    record(ledger, {ZONE}, date(2026, 11, 25))
    assert json.loads(ledger.read_text(encoding="utf-8")) == {ZONE: "2026-11-25", "aws:z/z:Z": "2026-01-01"}
    record(tmp_path / "new.json", {ZONE}, date(2026, 11, 25))
    assert list(json.loads((tmp_path / "new.json").read_text(encoding="utf-8"))) == [ZONE]


def test_a_promotion_is_waited_for_with_a_limit() -> None:
    """RDS says nothing when it is done, and can be stuck."""
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    states = iter([
        {"DBInstanceStatus": "modifying", "ReadReplicaSourceDBInstanceIdentifier": "arn"},
        {"DBInstanceStatus": "rebooting"},
        {"DBInstanceStatus": "available"},
    ])  # fmt: skip
    wait_until_promoted(lambda: next(states), clock=lambda: now, sleep=sleep)
    assert now == 2 * POLL_SECONDS
    with pytest.raises(NotConfirmed, match="took more than 3600 s: modifying"):
        wait_until_promoted(lambda: {"DBInstanceStatus": "modifying"}, clock=lambda: now, sleep=sleep)
    assert now > PROMOTION_SECONDS

    def denied() -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DescribeDBInstances")

    with pytest.raises(CloudUnavailable):
        wait_until_promoted(denied)


def test_the_engine_has_a_home_of_its_own_and_the_users_credentials(tmp_path: Path) -> None:
    """Not the user's backend, not the local cloud's plugins, and a passphrase that only they can read."""
    environ = {
        "AWS_PROFILE": "sandbox",
        "PULUMI_ACCESS_TOKEN": "pul-1",
        "SEAWALL_LOCAL_ENDPOINT": "http://x",
        "PATH": "/bin",
    }
    first = surroundings(tmp_path / "v", environ, tmp_path / "engine")
    assert first["AWS_PROFILE"] == "sandbox"
    assert not {"PULUMI_ACCESS_TOKEN", "SEAWALL_LOCAL_ENDPOINT"} & set(first)
    assert first["PULUMI_BACKEND_URL"].startswith(f"file://{tmp_path}")
    assert first["PATH"].split(":")[0] == str(tmp_path / "engine")
    passphrase = Path(first["PULUMI_CONFIG_PASSPHRASE_FILE"])
    assert passphrase.stat().st_mode & 0o077 == 0
    before = passphrase.read_text(encoding="utf-8")
    surroundings(tmp_path / "v", environ, tmp_path / "engine")
    assert passphrase.read_text(encoding="utf-8") == before
