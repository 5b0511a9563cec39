"""Hold vaults, backup plans, selections, restore tests, their alarms, and replicated backups against the cloud's own API."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from localcloud.findings import GONE, Finding, unlike

REPLICATING: Final = "replicating"
MISSING: Final = "-missing-"  # in the names of alarms that no data sets off
BREACHING: Final = "breaching"
NOT_BREACHING: Final = "notBreaching"


def backups(session: Any, endpoint: str, outputs: Mapping[str, Any]) -> Iterator[Finding]:
    """Everything that restores depend on.

    Args:
        session: Of boto3.
        endpoint: The cloud's address.
        outputs: The program's: `backups` with `vaults`, `keys`, `locks`, `plans`, `rules`, `selections`, `resources`,
            `restore_testing_plans`, `alarms` (each by region) and `replication`.
    """
    claim = outputs.get("backups")
    if claim is None:
        return

    def client(service: str, region: str) -> Any:
        return session.client(service, region_name=region, endpoint_url=endpoint)

    for region, name in claim["vaults"].items():
        yield _vault(client("backup", region), claim, region, name)
    for region in claim["plans"]:
        backup = client("backup", region)
        yield _plan(backup, claim, region)
        yield _selection(backup, client("iam", region), claim, region)
        if region in claim["restore_testing_plans"]:
            yield from _restore_tests(backup, client("iam", region), claim, region)
        yield from _alarms(client("cloudwatch", region), claim["alarms"][region], claim["vaults"][region])
    if claim.get("replication"):
        yield _replication(client("rds", claim["replication"]["region"]), claim["replication"])


def _vault(backup: Any, claim: Mapping[str, Any], region: str, name: str) -> Finding:
    title = f"{name} in {region}"
    try:
        vault = backup.describe_backup_vault(BackupVaultName=name)
        policy = backup.get_backup_vault_access_policy(BackupVaultName=name)["Policy"]
    except backup.exceptions.ResourceNotFoundException:
        return Finding("vault", title, "missing", GONE)
    lock = claim["locks"].get(region)
    days = [vault.get("MinRetentionDays"), vault.get("MaxRetentionDays")]
    return Finding(
        "vault",
        title,
        f"locked for {days[0]} to {days[1]} d, deletions denied" if vault.get("Locked") else "not locked",
        unlike(
            {
                "key": (claim["keys"][region], vault.get("EncryptionKeyArn")),
                "lock": (list(lock) if lock else [None, None], days),
                "locked": (lock is not None, bool(vault.get("Locked"))),
                "denies deletions": (True, "backup:DeleteRecoveryPoint" in policy),
            }
        ),
    )


def _plan(backup: Any, claim: Mapping[str, Any], region: str) -> Finding:
    try:
        plan = backup.get_backup_plan(BackupPlanId=claim["plans"][region])["BackupPlan"]
    except backup.exceptions.ResourceNotFoundException:
        return Finding("backup plan", region, "missing", GONE)
    rules = {rule["RuleName"]: rule["ScheduleExpression"] for rule in plan["Rules"]}
    copies = sum(len(rule.get("CopyActions") or ()) for rule in plan["Rules"])
    return Finding(
        "backup plan",
        f"{plan['BackupPlanName']} in {region}",
        f"{', '.join(f'{name} {schedule}' for name, schedule in rules.items())}, copies: {copies}",
        unlike(
            {
                "rules": (dict(claim["rules"]), rules),
                "vaults": (
                    [claim["vaults"][region]],
                    sorted({rule["TargetBackupVaultName"] for rule in plan["Rules"]}),
                ),
            }
        ),
    )


def _selection(backup: Any, iam: Any, claim: Mapping[str, Any], region: str) -> Finding:
    try:
        found = backup.get_backup_selection(
            BackupPlanId=claim["plans"][region], SelectionId=claim["selections"][region]
        )["BackupSelection"]
    except backup.exceptions.ResourceNotFoundException:
        return Finding("backup selection", region, "missing", GONE)
    return Finding(
        "backup selection",
        f"{found['SelectionName']} in {region}",
        ", ".join(arn.rpartition(":")[2] for arn in found["Resources"]),
        (
            *unlike({"resources": (sorted(claim["resources"][region]), sorted(found["Resources"]))}),
            *_role_unlike(iam, found["IamRoleArn"]),
        ),
    )


def _restore_tests(backup: Any, iam: Any, claim: Mapping[str, Any], region: str) -> Iterator[Finding]:
    name = claim["restore_testing_plans"][region]
    try:
        plan = backup.get_restore_testing_plan(RestoreTestingPlanName=name)["RestoreTestingPlan"]
    except backup.exceptions.ResourceNotFoundException:
        yield Finding("restore tests", f"{name} in {region}", "missing", GONE)
        return
    vaults = [arn.rpartition(":")[2] for arn in plan["RecoveryPointSelection"]["IncludeVaults"]]
    listed = backup.list_restore_testing_selections(RestoreTestingPlanName=name)["RestoreTestingSelections"]
    yield Finding(
        "restore tests",
        f"{name} in {region}",
        f"{plan['ScheduleExpression']}, of {', '.join(sorted(one['ProtectedResourceType'] for one in listed)) or 'nothing'}",
        (
            *unlike({"vaults": ([claim["vaults"][region]], vaults), "tests anything": (True, bool(listed))}),
            *(line for one in listed for line in _role_unlike(iam, one["IamRoleArn"])),
        ),
    )


def _role_unlike(iam: Any, arn: str) -> tuple[str, ...]:
    """A role that does not exist, or may do nothing."""
    name = arn.rpartition("/")[2]
    try:
        policies = iam.list_role_policies(RoleName=name)["PolicyNames"]
    except iam.exceptions.NoSuchEntityException:
        return (f"role {name} does not exist",)
    return () if policies else (f"role {name} may do nothing",)


def _alarms(cloudwatch: Any, names: list[str], vault: str) -> Iterator[Finding]:
    found = cloudwatch.describe_alarms(AlarmNames=list(names))["MetricAlarms"]
    present = {alarm["AlarmName"]: alarm for alarm in found}
    for name in names:
        alarm = present.get(name)
        if alarm is None:
            yield Finding("backup alarm", name, "missing", GONE)
            continue
        absence = MISSING in name
        watched = {item["Value"] for item in alarm["Dimensions"] if item["Name"] == "BackupVaultName"}
        minutes = alarm["Period"] * alarm["EvaluationPeriods"] // 60
        yield Finding(
            "backup alarm",
            name,
            f"{alarm['MetricName']} over {minutes} min, no data is {'an alarm' if absence else 'no alarm'},"
            f" {len(alarm['AlarmActions'])} actions",
            unlike(
                {
                    "vault": ({vault}, watched),
                    "no data": (BREACHING if absence else NOT_BREACHING, alarm.get("TreatMissingData")),
                }
            ),
        )


def _replication(rds: Any, claim: Mapping[str, Any]) -> Finding:
    title = f"{claim['source'].rpartition(':')[2]} to {claim['region']}"
    found = rds.describe_db_instance_automated_backups()["DBInstanceAutomatedBackups"]
    backup = next((one for one in found if one.get("DBInstanceAutomatedBackupsArn") == claim["arn"]), None)
    if backup is None:
        return Finding("replicated backups", title, "missing", GONE)
    return Finding(
        "replicated backups",
        title,
        f"{backup['Status']}, kept {backup['BackupRetentionPeriod']} d",
        unlike(
            {
                "source": (claim["source"], backup["DBInstanceArn"]),
                "status": (REPLICATING, backup["Status"]),
                "retention_days": (claim["retention_days"], backup["BackupRetentionPeriod"]),
            }
        ),
    )
