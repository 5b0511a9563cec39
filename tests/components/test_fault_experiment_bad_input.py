"""Each bad input of a `FaultExperiment` is one exact line, and nothing has been registered when it comes."""

from typing import Any

import pulumi
import pytest

import pulumi_seawall
from pulumi_seawall import plan_fault
from pulumi_seawall._fault_plan import LOG_PERIODS
from seawall.errors import InvalidInput

ABSENT: Any = object()
REGION = "eu-west-1"
ACCOUNT = "123456789012"
ALARM = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:shop-errors"
REASON = "agreed for the game day of March"


def fault(kind: str = "stop_instances", **changes: Any) -> Any:
    """An experiment that is right, with more, other or fewer (`ABSENT`) entries."""
    args: dict[str, Any] = {
        "kind": kind,
        "region": REGION,
        "account_id": ACCOUNT,
        "environment": "staging",
        "allowed_environments": ["dev", "staging"],
        "stop_alarms": [ALARM],
        "fleet_size": 6,
        "count": 2,
        "duration_seconds": 600,
    }
    if kind == "zone_loss":
        args |= {"zone": f"{REGION}a", "in_zone": 2}
        del args["count"]
    if kind == "terminate_instances":
        del args["duration_seconds"]
    return {key: value for key, value in {**args, **changes}.items() if value is not ABSENT}


def beyond(*limits: str) -> list[dict[str, str]]:
    """Exceptions from limits."""
    return [{"limit": limit, "reason": REASON} for limit in limits]


BAD: dict[str, tuple[Any, str]] = {
    "unknown kind": (
        fault("meteor", duration_seconds=600),
        ("kind = meteor: terminate_instances, stop_instances, network_cut, disk_fill, cpu_stress or zone_loss"),
    ),
    "no alarm": (
        fault(stop_alarms=[]),
        "stop_alarms = 0: 1 to 5, because an experiment that nothing stops is an outage",
    ),
    "alarms left out": (fault(stop_alarms=ABSENT), "stop_alarms is missing: required"),
    "six alarms": (
        fault(stop_alarms=[f"{ALARM}-{number}" for number in range(6)]),
        "stop_alarms = 6: 1 to 5, because an experiment that nothing stops is an outage",
    ),
    "stop condition none": (
        fault(stop_alarms=["none"]),
        f"stop_alarms[0] = none: an ARN such as arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:...",
    ),
    "alarm of another region": (
        fault(stop_alarms=[ALARM.replace(REGION, "us-east-1")]),
        f"stop_alarms[0] = arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:shop-errors: one in {REGION}",
    ),
    "alarm of another account": (
        fault(stop_alarms=[ALARM.replace(ACCOUNT, "210987654321")]),
        f"stop_alarms[0] = arn:aws:cloudwatch:{REGION}:210987654321:alarm:shop-errors: one of account {ACCOUNT}",
    ),
    "an alarm twice": (fault(stop_alarms=[ALARM, ALARM]), f"stop_alarms[1] = {ALARM}: each alarm once"),
    "targets by arn": (
        fault(resource_arns=["arn:aws:ec2:eu-west-1:123456789012:instance/*"]),
        (
            "resource_arns = ['arn:aws:ec2:eu-west-1:123456789012:instance/*']: not offered, because targets are selected by "
            "tag, so that nothing is hit that was not meant to be"
        ),
    ),
    "no tags": (fault(target_tags={}), "target_tags = {}: 1 to 5 tags, as a dictionary"),
    "a tag that matches everything": (
        fault(target_tags={"service": "*"}),
        "target_tags[service] = *: a value of 1 to 256 characters, none of them * or ?",
    ),
    "a tag without a value": (
        fault(target_tags={"service": ""}),
        "target_tags[service] = '': a value of 1 to 256 characters, none of them * or ?",
    ),
    "neither count nor percent": (fault(count=ABSENT), "count is missing: count, percent or both"),
    "too few left": (
        fault(count=5),
        "count = 5: at most 4 hit, because fleet_size = 6 must keep 2 healthy",
    ),
    "too small a fleet": (
        fault(fleet_size=2, count=1),
        ("fleet_size = 2: at least 3, because 2 must stay healthy, and one more failure meanwhile must be no outage"),
    ),
    "more than a third": (
        fault(count=3),
        (
            "count = 3: at most 34 % hit, or exceptions with limit = percent and a reason, because 3 of fleet_size = 6 is "
            "more than is lost with one zone of three"
        ),
    ),
    "more than the quota": (
        fault(fleet_size=30, count=6),
        (
            "count = 6: at most 5 hit, or exceptions with limit = count and a reason, because FIS takes no more targets by "
            "tag for one action, unless its quota was raised"
        ),
    ),
    "a percentage of less than one": (
        fault(count=ABSENT, percent=10),
        (
            "percent = 10: at least 17, because less than one of fleet_size = 6 is none, and FIS fails an experiment without "
            "a target"
        ),
    ),
    "a percentage over a hundred": (fault(count=ABSENT, percent=101), "percent = 101: 1 to 100 percent"),
    "production that is not allowed": (
        fault(environment="prod"),
        "environment = prod: one of allowed_environments: dev, staging",
    ),
    "production without a reason": (
        fault(environment="prod", allowed_environments=["prod"]),
        (
            "environment = prod: no production, or exceptions with limit = production and a reason, because a fault there is "
            "an outage on purpose"
        ),
    ),
    "production by another name": (
        fault(environment="eu-live-2", allowed_environments=["eu-live-2"]),
        (
            "environment = eu-live-2: no production, or exceptions with limit = production and a reason, because a fault "
            "there is an outage on purpose"
        ),
    ),
    "nothing allowed": (
        fault(allowed_environments=[]),
        "environment = staging: one of allowed_environments: none",
    ),
    "a reason that says nothing": (
        fault(count=3, exceptions=[{"limit": "percent", "reason": "because"}]),
        "exceptions[0].reason = because: 10 to 200 characters",
    ),
    "an exception that is not needed": (
        fault(exceptions=beyond("percent")),
        "exceptions[0].limit = percent: one that is needed; this is not",
    ),
    "an exception twice": (
        fault(count=3, exceptions=beyond("percent", "percent")),
        "exceptions[1].limit = percent: each limit once",
    ),
    "unknown exception": (
        fault(exceptions=beyond("alarms")),
        "exceptions[0].limit = alarms: production, count, percent or duration",
    ),
    "no duration": (
        fault(duration_seconds=ABSENT),
        "duration_seconds is missing: required, because a fault carries its own end",
    ),
    "too short": (
        fault(duration_seconds=59),
        "duration_seconds = 59: 60 to 43200 seconds, because FIS takes no other",
    ),
    "longer than FIS takes": (
        fault(duration_seconds=43_201),
        "duration_seconds = 43201: 60 to 43200 seconds, because FIS takes no other",
    ),
    "a command longer than FIS takes": (
        fault("cpu_stress", duration_seconds=42_901, exceptions=beyond("duration")),
        (
            "duration_seconds = 42901: 60 to 42900 seconds, because FIS takes 12 hours, and 300 s go by before the command "
            "begins"
        ),
    ),
    "longer than an hour": (
        fault(duration_seconds=3601),
        (
            "duration_seconds = 3601: at most 3600 seconds, or exceptions with limit = duration and a reason, because what "
            "runs for longer is forgotten"
        ),
    ),
    "an end for what does not come back": (
        fault("terminate_instances", duration_seconds=600),
        "duration_seconds = 600: not with kind = terminate_instances",
    ),
    "a scope for a command": (fault("disk_fill", scope="all"), "scope = all: not with kind = disk_fill"),
    "a count for a zone": (fault("zone_loss", count=2), "count = 2: not with kind = zone_loss"),
    "unknown scope": (
        fault("network_cut", scope="everything"),
        "scope = everything: all, availability-zone, vpc, s3 or dynamodb",
    ),
    "a full disk": (
        fault("disk_fill", fill_percent=96),
        ("fill_percent = 96: 1 to 95 percent, because on a full disk Systems Manager could not take the fault back"),
    ),
    "more than all CPUs": (fault("cpu_stress", load_percent=101), "load_percent = 101: 1 to 100 percent"),
    "a zone's loss without a zone": (
        fault("zone_loss", zone=ABSENT),
        "zone is missing: a zone of eu-west-1, e.g. eu-west-1a",
    ),
    "a zone's loss of nobody knows how many": (
        fault("zone_loss", in_zone=ABSENT),
        "in_zone is missing: how many of the fleet are in the zone",
    ),
    "a zone with half of the fleet": (
        fault("zone_loss", in_zone=3),
        (
            "in_zone = 3: at most 34 % hit, or exceptions with limit = percent and a reason, because 3 of fleet_size = 6 is "
            "more than is lost with one zone of three"
        ),
    ),
    "a zone of another region": (
        fault(zone="us-east-1a"),
        "zone = us-east-1a: a zone of eu-west-1 by its name, e.g. eu-west-1a",
    ),
    "a zone's id": (fault(zone="euw1-az1"), "zone = euw1-az1: a zone of eu-west-1 by its name, e.g. eu-west-1a"),
    "a zone without parts": (fault("zone_loss", zone_parts=[]), "zone_parts = []: at least one, each once"),
    "a part twice": (
        fault("zone_loss", zone_parts=["subnets", "subnets"]),
        "zone_parts = ['subnets', 'subnets']: at least one, each once",
    ),
    "an account that is a number": (
        fault(account_id=123456789012),
        "account_id = 123456789012: the 12 digits of an AWS account, as a string",
    ),
    "a key of another region": (
        fault(volume_key_arns=["arn:aws:kms:us-east-1:123456789012:key/abc"]),
        "volume_key_arns[0] = arn:aws:kms:us-east-1:123456789012:key/abc: one in eu-west-1",
    ),
    "a role that is none": (
        fault(role_arn="fis"),
        f"role_arn = fis: an ARN such as arn:aws:iam::{ACCOUNT}:role/...",
    ),
    "a period that CloudWatch lacks": (
        fault(log_retention_days=31),
        f"log_retention_days = 31: one of {', '.join(map(str, LOG_PERIODS))}",
    ),
    "a period for a group that exists": (
        fault(log_retention_days=30, log_group_arn=f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:faults"),
        "log_retention_days = 30: not with log_group_arn, which has its own",
    ),
    "an import of what is not declared": (
        fault(role_arn=f"arn:aws:iam::{ACCOUNT}:role/fis", import_ids={"role": "fis"}),
        "import_ids.role = fis: not with role_arn, which is not declared here",
    ),
    "an import without its role": (
        fault(import_ids={"role_policy": "faults"}),
        "import_ids.role_policy = faults: the role's and the policy's name, role:policy",
    ),
    "a misspelled key": (fault(stop_alarm=[ALARM]), f"stop_alarm = {[ALARM]}: did you mean stop_alarms?"),
}


@pytest.mark.parametrize("case", BAD)
def test_each_bad_input_is_one_exact_line(case):
    """Name, value, what is allowed and why: enough for a tired person, before anything exists."""
    args, expected = BAD[case]
    with pytest.raises(InvalidInput) as caught:
        plan_fault(args)
    assert str(caught.value) == expected


GOOD: dict[str, Any] = {
    "as many as may be": fault(fleet_size=15, count=5),
    "the quota raised": fault(fleet_size=30, count=6, exceptions=beyond("count")),
    "a third": fault(fleet_size=3, count=1),
    "two left": fault(count=4, exceptions=beyond("percent")),
    "the smallest percentage that hits one": fault(count=ABSENT, percent=17),
    "five alarms": fault(stop_alarms=[f"{ALARM}-{number}" for number in range(5)]),
    "five tags": fault(target_tags={f"tag-{number}": "on" for number in range(5)}),
    "production with a reason": fault(
        environment="prod", allowed_environments=["prod"], exceptions=beyond("production")
    ),
    "no production in spite of the letters": fault(environment="product", allowed_environments=["product"]),
    "a minute": fault(duration_seconds=60),
    "an hour": fault(duration_seconds=3600),
    "as long as FIS takes": fault(duration_seconds=43_200, exceptions=beyond("duration")),
    "a command as long as FIS takes": fault("disk_fill", duration_seconds=42_900, exceptions=beyond("duration")),
    "a disk nearly full": fault("disk_fill", fill_percent=95),
    "a zone with a third": fault("zone_loss", in_zone=2),
    "a database of another account's key": fault(volume_key_arns=[f"arn:aws:kms:{REGION}:210987654321:key/abc"]),
}


@pytest.mark.parametrize("case", GOOD)
def test_what_is_just_inside_is_allowed(case):
    """A limit that also refuses what is right would be switched off."""
    plan = plan_fault(GOOD[case])
    assert plan.healthy_left >= 2
    assert plan.hit >= 1


def test_nothing_is_registered_when_an_input_is_bad(deploy, deployment):
    """Half of an experiment is a role that nobody watches."""
    with pytest.raises(InvalidInput):
        deploy(lambda: pulumi_seawall.FaultExperiment("stop", fault(count=5)))
    assert deployment.made == []


def test_an_alarm_that_is_known_late_is_checked_late(deploy):
    """An alarm that is made in the same program has no ARN before; a wrong one must still not reach FIS."""

    def program() -> pulumi_seawall.FaultExperiment:
        late = pulumi.Output.from_input("arn:aws:sns:eu-west-1:123456789012:topic")
        return pulumi_seawall.FaultExperiment("stop", fault(stop_alarms=[late]))

    # Pulumi wraps what is raised while inputs are awaited: ours is the last line.
    with pytest.raises(ValueError, match=r"stop_alarms\[0\] = arn:aws:sns:\S+: an ARN such as arn:aws:cloudwatch"):
        deploy(program)
