"""What `make verify-aws` does, without AWS: who may run it, over which configuration, in which order, and what it keeps.

The order: preview and its price, one question, up, no change, promotion of the replica outside of Pulumi, its adoption by
`up --refresh`, no change again, destroy. Destroy runs whatever happened before, an interruption too. What was confirmed
is kept only when everything was, the destroy too.
"""

import copy
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

from localcloud.errors import LocalCloudError
from seawall_ops.cost import load_prices
from seawall_ops.cost.command import estimates
from seawall_ops.cost.estimate import Kind
from seawall_ops.cost.prices import HOURS_PER_MONTH
from seawall_ops.engine import Preview

ACCOUNT_VARIABLE: Final = "SEAWALL_SANDBOX_ACCOUNT"
ACCOUNT: Final = re.compile(r"\d{12}")
ENDPOINTS: Final = "AWS_ENDPOINT_URL"  # with a service's name behind it, too
STACK: Final = "sandbox"
LOCAL_ACCOUNT: Final = "123456789012"  # the local cloud's, which Pulumi.dev.yaml names
SMALLEST_CLASS: Final = "db.t4g.micro"
EXPECTED_HOURS: Final = 2  # two instances, a promotion with its reboot, and their deletion
QUIET_HOURS: Final = 12  # until the next backup: none may begin while the vault has to be deleted
CLOUDLESS: Final = ("pulumi:", "seawall:", "kubernetes:")  # no types of AWS

Say = Callable[[str], None]


class SandboxRefused(LocalCloudError):
    """Nothing was made: this is not, or cannot be known to be, the sandbox account."""


class Interrupted(LocalCloudError):
    """Somebody said no, before anything was made."""


class NotConfirmed(LocalCloudError):
    """AWS did something else than was expected, or could not do it. What is left of it is said."""


class Account(Protocol):
    """The account as the sequence needs it. The real one is in `verify_aws`; tests have their own."""

    def preview(self) -> Preview:
        """What a deployment would do."""
        ...

    def up(self, *, refresh: bool = False) -> None:
        """Deploy."""
        ...

    def types(self) -> set[str]:
        """Types of the resources that are deployed now."""
        ...

    def promote(self) -> None:
        """Promote the replica, outside of Pulumi, and write the live document; returns when it writes."""
        ...

    def adopt(self) -> None:
        """Change the configuration as `seawall failover adopt` says."""
        ...

    def destroy(self) -> None:
        """Delete everything, the live document too."""
        ...


def guarded(environ: Mapping[str, str], caller: Callable[[], str]) -> str:
    """The account, when it is certain that it is the one that was meant.

    Args:
        environ: The process's environment.
        caller: Asks AWS whose credentials these are (`sts:GetCallerIdentity`). Not called unless all else is right.

    Raises:
        SandboxRefused: It is not certain.
    """
    wanted = environ.get(ACCOUNT_VARIABLE, "")
    if not ACCOUNT.fullmatch(wanted):
        shown = f"{ACCOUNT_VARIABLE} = {wanted}" if wanted else f"{ACCOUNT_VARIABLE} is missing"
        raise SandboxRefused(f"{shown}: the 12 digits of an account that holds nothing else and may lose everything")
    redirected = sorted(name for name, value in environ.items() if name.startswith(ENDPOINTS) and value)
    if redirected:
        raise SandboxRefused(f"{redirected[0]} is set: this would not reach AWS; unset it, or use make dev")
    found = caller()
    if found != wanted:
        raise SandboxRefused(f"these credentials are of account {found}, not of {ACCOUNT_VARIABLE} = {wanted}")
    return found


def sandbox_configuration(dev: Mapping[str, Any], account: str, now: datetime) -> dict[str, Any]:
    """The dev environment's configuration, for a real account and a few hours.

    No clusters nor what needs them, no copies to another account, the smallest instances, and no backup until long after
    the end: a vault with a recovery point cannot be deleted. The password is set apart, as a secret of this stack.

    Args:
        dev: `Pulumi.dev.yaml`.
        account: The account's number, in place of the local cloud's own.
        now: The time, in UTC.
    """
    service = dev["config"]["seawall:service"]
    text = json.dumps(dev["config"]).replace(LOCAL_ACCOUNT, account)
    config = json.loads(
        text.replace(f"{service}-dev", f"{service}-{STACK}").replace("seawall-dev-", f"seawall-{STACK}-")
    )
    config.pop("seawall:database_password", None)
    config["seawall:protect"] = False
    for region in config["seawall:regions"]:
        region.pop("cluster", None)
    for section in ("release", "observers"):  # they run in clusters
        config.pop(f"seawall:{section}", None)
    for member in config["seawall:database"]["members"]:
        member["instance_class"] = SMALLEST_CLASS
    later = now + timedelta(hours=QUIET_HOURS)
    for rule in config.get("seawall:backups", {}).get("rules", []):
        rule.pop("copies", None)
        rule["schedule"] = f"cron(0 {later.hour} * * ? *)"
    if "seawall:faults" in config:
        config["seawall:faults"]["allowed_environments"] = [STACK]
    for purpose in ("app", "observer", "operator"):  # two run in clusters, one trusts a role that this account has not
        config.get("seawall:identity", {}).pop(purpose, None)
    return {"config": config}


def adopted_configuration(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The same after the other member was promoted: the change that reconciles it."""
    changed = copy.deepcopy(dict(configuration))
    config = changed["config"]
    first, second = config["seawall:regions"][:2]
    first["role"], second["role"] = second["role"], first["role"]
    database = config["seawall:database"]
    database["writer"] = next(one["region"] for one in database["members"] if one["region"] != database["writer"])
    config["seawall:epoch"] = int(config.get("seawall:epoch", 0)) + 1
    return changed


def announcement(account: str, found: Preview) -> list[str]:
    """What will be made, and what it costs, in lines."""
    counted = Counter(step.type for step in found.steps if not step.type.startswith(CLOUDLESS))
    _, costs = estimates(found, load_prices())
    hours = costs.usd / HOURS_PER_MONTH * EXPECTED_HOURS
    unknown = sorted({line.type for line in costs.of(Kind.UNKNOWN)})
    return [
        f"in account {account}, {counted.total()} resources:",
        *(f"  {count:3} {type_}" for type_, count in sorted(counted.items())),
        f"about {hours:.2f} USD for {EXPECTED_HOURS} hours by list prices ({costs.usd:.2f} USD if it stayed a month),",
        "without what costs by use; zones and health checks are charged for the whole month, keys wait 30 days for their deletion.",
        *([f"no price is known for {', '.join(unknown)}"] if unknown else []),
    ]


def verify(account: Account, number: str, *, confirm: Callable[[str], bool], say: Say) -> set[str]:
    """Run the whole sequence.

    Args:
        account: Where.
        number: Of the account, for people.
        confirm: Asked once, with what will be made and what it costs.
        say: Takes a line at each step.

    Returns:
        The types that were made, seen unchanged, and deleted again.

    Raises:
        Interrupted: `confirm` said no; nothing was made.
        NotConfirmed: A step failed. Destroy was tried all the same.
    """
    if not confirm("\n".join(announcement(number, account.preview()))):
        raise Interrupted("nothing was made")
    try:
        types = _made(account, say)
    except BaseException:
        say("a step failed: everything is deleted now")
        account.destroy()
        raise
    say("destroy")
    account.destroy()
    return {type_ for type_ in types if not type_.startswith(CLOUDLESS)}


def _made(account: Account, say: Say) -> set[str]:
    say("up")
    account.up()
    types = account.types()
    _unchanged(account, say, "the first deployment")
    say("promote the replica, outside of Pulumi")
    account.promote()
    account.adopt()
    say("up --refresh: the promotion is adopted")
    account.up(refresh=True)
    _unchanged(account, say, "the adoption of the promotion")
    return types | account.types()


def _unchanged(account: Account, say: Say, after: str) -> None:
    say(f"preview after {after}: nothing may change")
    changing = [step for step in account.preview().steps if step.changes]
    if changing:
        shown = ", ".join(f"{step.op} {step.type} {step.name} ({', '.join(step.properties)})" for step in changing)
        raise NotConfirmed(f"after {after} a preview still changes something: {shown}")


def record(ledger: Path, types: set[str], today: date) -> None:
    """Keep what was confirmed: the day on which each type last ran on real AWS."""
    known = json.loads(ledger.read_text(encoding="utf-8")) if ledger.exists() else {}
    known |= dict.fromkeys(types, today.isoformat())
    ledger.write_text(json.dumps(dict(sorted(known.items())), indent=2) + "\n", encoding="utf-8")
