"""What a `BackupPlan` will declare: every check and all arithmetic, before anything is registered.

Sources: AWS Backup API reference, `BackupSelection`; `UpdateRegionSettings` (opt-in counts for selections by tags only).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, cast

import pulumi

from pulumi_seawall._backup_alarms import BackupAlarm, oldest_seconds, source_alarms, unwatched
from pulumi_seawall._backup_args import (
    BackupPlanArgs,
    BackupResourceType,
    BackupRoleImportIds,
    BackupSourceArgs,
    BackupSourceImportIds,
)
from pulumi_seawall._backup_names import ROLE_ARN, resource_in
from pulumi_seawall._backup_predictions import Spans, plan_spans, predict
from pulumi_seawall._backup_roles import Reach, plan_types, type_of
from pulumi_seawall._backup_rules import DAY_SECONDS, RulePlan, plan_rules
from pulumi_seawall._backup_testing import TestingPlan, plan_testing
from pulumi_seawall._backup_vaults import LONGEST_IMPORT_ID, VaultPlan, plan_vaults, with_locks
from pulumi_seawall._inputs import checked_keys, flag, is_plain, line, listed, matching, member, text
from pulumi_seawall._naming import checked_tags
from pulumi_seawall._objectives import plan_covered, plan_waived
from pulumi_seawall._regions import known_region
from seawall.errors import MISSING, InvalidInput
from seawall.objectives import require_met
from seawall.timing import DatabasePredictions as Predictions
from seawall.timing import Prediction, longest_silence_seconds

MOST_RESOURCES: Final = 500  # AWS Backup, without wildcards
MOST_WILDCARDS: Final = 30  # AWS Backup
MOST_RULES: Final = 10  # AWS Backup's quota is 10 rules per plan
DEFAULT_COVERED: Final = ("corruption", "account")
MINUTE_SECONDS: Final = 60
NO_TESTS: Final = "restore_testing is off"


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """A region in which something is backed up.

    Args:
        region: Its region.
        resource_arns: What is backed up by name.
        tags: What is backed up by tag.
        import_ids: What is adopted.
    """

    region: str
    resource_arns: tuple[pulumi.Input[str], ...]
    tags: Mapping[str, str]
    import_ids: BackupSourceImportIds

    def imported(self, key: str) -> str | None:
        """The id of an existing resource to adopt."""
        return cast("Mapping[str, str]", self.import_ids).get(key)


@dataclass(frozen=True, slots=True)
class PlannedBackups:
    """Everything that a `BackupPlan` declares, and what it predicts.

    Args:
        types: What is backed up.
        vaults: One per region, with its lock.
        sources: Where something is backed up.
        rules: When, and for how long.
        testing: The restore tests; `None`: there are none.
        alarms: Of every source.
        reach: What the roles are for.
        backup_role_arn: An existing role; `None`: declared.
        restore_role_arn: An existing role; `None`: declared where there are restore tests.
        import_ids: Roles that are adopted.
        keep_backups: Whether vaults and keys stay when this is destroyed.
        oldest_seconds: How old the newest backup in each region of ours may be although all is well.
        predictions: Per failure class and path.
        warnings: What the objectives rest on, and what is not watched; a line each.
        tags: For everything that has tags.
    """

    types: tuple[BackupResourceType, ...]
    vaults: tuple[VaultPlan, ...]
    sources: tuple[SourcePlan, ...]
    rules: tuple[RulePlan, ...]
    testing: TestingPlan | None
    alarms: tuple[BackupAlarm, ...]
    reach: Reach
    backup_role_arn: pulumi.Input[str] | None
    restore_role_arn: pulumi.Input[str] | None
    import_ids: BackupRoleImportIds
    keep_backups: bool
    oldest_seconds: Mapping[str, float]
    predictions: tuple[Prediction, ...] = ()
    warnings: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict[str, str])

    def vault_in(self, region: str) -> VaultPlan:
        """The vault of a region."""
        return next(vault for vault in self.vaults if vault.region == region)

    def imported(self, key: str) -> str | None:
        """The id of an existing role to adopt."""
        return cast("Mapping[str, str]", self.import_ids).get(key)


def plan_backups(args: BackupPlanArgs) -> PlannedBackups:
    """Check the arguments of a `BackupPlan` and work out what it declares.

    Raises:
        InvalidInput: A value is not allowed; nothing has been registered.
        ObjectiveNotMet: These backups cannot meet the objectives.
    """
    given = checked_keys("", args, BackupPlanArgs)
    types = plan_types(
        [
            member(f"resource_types[{place}]", one, BackupResourceType)
            for place, one in enumerate(listed("resource_types", given["resource_types"]))
        ]
    )
    vaults = plan_vaults(given["vaults"], types)
    regions = [vault.region for vault in vaults]
    sources = _plan_sources(given["sources"], regions, types)
    rules = plan_rules(given["rules"], types, regions)
    _check_rules(rules, [source.region for source in sources])
    vaults = with_locks(vaults, rules, [source.region for source in sources])
    spans = plan_spans(given.get("recovery", {}))
    _check_spans(rules, spans)
    silence = min(longest_silence_seconds(rule.timing(spans.backup, spans.copy)[0]) for rule in rules)
    tested = plan_testing(
        given.get("restore_testing", {}), types, silence_seconds=silence, restore_worst=spans.restore[1]
    )
    testing = tested if isinstance(tested, TestingPlan) else None
    reach = _plan_reach(types, vaults, sources, rules)
    found = predict(
        [source.region for source in sources],
        rules,
        spans,
        plan_covered("covers", given.get("covers", DEFAULT_COVERED)),
    )
    alarms = source_alarms(rules, types, testing, backup=spans.backup, copy=spans.copy)
    _check_source_imports(sources, types, alarms, testing)
    return PlannedBackups(
        types=types,
        vaults=vaults,
        sources=sources,
        rules=rules,
        testing=testing,
        alarms=alarms,
        reach=reach,
        backup_role_arn=_role_arn("backup_role_arn", given.get("backup_role_arn")),
        restore_role_arn=_role_arn("restore_role_arn", given.get("restore_role_arn")),
        import_ids=_plan_role_imports(given, testing),
        keep_backups=flag("keep_backups", given.get("keep_backups", True)),
        oldest_seconds=oldest_seconds(rules, [each.region for each in sources], backup=spans.backup, copy=spans.copy),
        predictions=found.predictions,
        warnings=(
            *_against_objectives(given, found),
            *([f"{NO_TESTS}: {tested}"] if isinstance(tested, str) else []),
            *unwatched(rules, backup=spans.backup, copy=spans.copy),
            *_weak_spots(vaults, sources),
        ),
        tags=checked_tags("", given.get("tags")),
    )


def _plan_sources(given: object, regions: Sequence[str], types: Sequence[BackupResourceType]) -> tuple[SourcePlan, ...]:
    sources = tuple(
        _plan_source(f"sources[{place}].", entry, regions, types)
        for place, entry in enumerate(listed("sources", given))
    )
    if not sources:
        raise InvalidInput("sources", [], allowed="at least one source")
    named = [source.region for source in sources]
    for place, region in enumerate(named):
        if named.count(region) > 1:
            raise InvalidInput(f"sources[{place}].region", region, allowed="each region once")
    return sources


def _plan_source(
    where: str, args: BackupSourceArgs, regions: Sequence[str], types: Sequence[BackupResourceType]
) -> SourcePlan:
    given = checked_keys(where, args, BackupSourceArgs)
    region = known_region(f"{where}region", given["region"])
    if region not in regions:
        raise InvalidInput(f"{where}region", region, allowed=f"a region with one of the vaults: {', '.join(regions)}")
    arns = [
        text(f"{where}resource_arns[{place}]", arn, partial(_resource, region, types))
        for place, arn in enumerate(listed(f"{where}resource_arns", given.get("resource_arns", [])))
    ]
    if len(arns) > MOST_RESOURCES:
        raise InvalidInput(f"{where}resource_arns", len(arns), allowed=f"at most {MOST_RESOURCES}")
    prefixes = sum(isinstance(arn, str) and arn.endswith("*") for arn in arns)
    if prefixes > MOST_WILDCARDS:
        raise InvalidInput(f"{where}resource_arns", prefixes, allowed=f"at most {MOST_WILDCARDS} that end in *")
    tags = checked_tags(where, given.get("tags"))
    if not arns and not tags:
        raise InvalidInput(
            f"{where}resource_arns", MISSING, allowed="resource_arns, tags or both", because="nothing is selected"
        )
    ids = checked_keys(f"{where}import_ids.", given.get("import_ids", {}), BackupSourceImportIds)
    for key, value in ids.items():
        entries = cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {"": value}
        for entry, one in entries.items():
            line(f"{where}import_ids.{key}{'.' * bool(entry)}{entry}", one, LONGEST_IMPORT_ID)
    return SourcePlan(region, tuple(arns), tags, ids)


def _role_arn(name: str, value: pulumi.Input[str] | None) -> pulumi.Input[str] | None:
    return matching(name, value, ROLE_ARN, "the ARN of a role") if value is not None else None


def _plan_role_imports(given: BackupPlanArgs, testing: TestingPlan | None) -> BackupRoleImportIds:
    ids = checked_keys("import_ids.", given.get("import_ids", {}), BackupRoleImportIds)
    for key, value in ids.items():
        name = f"import_ids.{key}"
        import_id = line(name, value, LONGEST_IMPORT_ID)
        if key.removesuffix("_policy") + "_arn" in given or (key.startswith("restore") and testing is None):
            raise InvalidInput(name, import_id, allowed="only for a role that is declared here")
    return ids


def _check_source_imports(
    sources: Sequence[SourcePlan],
    types: Sequence[BackupResourceType],
    alarms: Sequence[BackupAlarm],
    testing: TestingPlan | None,
) -> None:
    """Refuse ids of what is not declared: it would be adopted by nobody, and nobody would say so."""
    selections = [one.value for one in types] if testing is not None else []
    known = {"alarms": [alarm.purpose for alarm in alarms], "restore_testing_selections": selections}
    for place, source in enumerate(sources):
        for key, names in known.items():
            given = cast("Mapping[str, Mapping[str, str]]", source.import_ids).get(key, {})
            for name in given:
                if name not in names:
                    raise InvalidInput(
                        f"sources[{place}].import_ids.{key}.{name}",
                        given[name],
                        allowed=f"one of {', '.join(names) or 'none'}",
                    )


def _resource(region: str, types: Sequence[BackupResourceType], name: str, value: str) -> str:
    arn = resource_in(region, name, value)
    if type_of(arn) not in types:
        raise InvalidInput(
            name,
            arn,
            allowed=f"a resource of {', '.join(one.value for one in types)}",
            because="the roles may touch resource_types only",
        )
    return arn


def _check_rules(rules: Sequence[RulePlan], sources: Sequence[str]) -> None:
    if len(rules) > MOST_RULES:
        raise InvalidInput("rules", len(rules), allowed=f"at most {MOST_RULES}")
    continuous = [rule for rule in rules if rule.continuous]
    if len(continuous) > 1:
        raise InvalidInput(
            f"{continuous[1].where}continuous", True, allowed="one rule", because="RDS has one retention of them"
        )
    for rule in rules:
        for copy in rule.copies:
            if copy.vault_arn is None and list(sources) == [copy.region]:
                raise InvalidInput(
                    f"{copy.where}region", copy.region, allowed="another region", because="the backup is there already"
                )


def _check_spans(rules: Sequence[RulePlan], spans: Spans) -> None:
    """Rules against each other's times: a backup that is cancelled or gone too early is none."""
    for rule in rules:
        window = rule.completion_window_minutes * MINUTE_SECONDS
        if spans.backup[1] > window:
            raise InvalidInput(
                f"{rule.where}completion_window_minutes",
                rule.completion_window_minutes,
                allowed=f"at least {-(-spans.backup[1] // MINUTE_SECONDS):g} minutes",
                because=f"a backup takes up to {spans.backup[1]:.0f} s and would be cancelled",
            )
        silence = longest_silence_seconds(rule.timing(spans.backup, spans.copy)[0])
        if rule.retention.delete_after_days * DAY_SECONDS < silence:
            raise InvalidInput(
                f"{rule.where}delete_after_days",
                rule.retention.delete_after_days,
                allowed=f"at least {-(-silence // DAY_SECONDS):g} days",
                because=f"the next backup may be complete {silence:.0f} s later, and until then there would be none",
            )


def _plan_reach(
    types: tuple[BackupResourceType, ...],
    vaults: Sequence[VaultPlan],
    sources: Sequence[SourcePlan],
    rules: Sequence[RulePlan],
) -> Reach:
    regions = dict.fromkeys(
        [*(vault.region for vault in vaults), *(copy.region for rule in rules for copy in rule.copies)]
    )
    return Reach(types, tuple(regions), _selected(types, sources))


def _selected(
    types: Sequence[BackupResourceType], sources: Sequence[SourcePlan]
) -> dict[BackupResourceType, tuple[pulumi.Input[str], ...]]:
    """What is selected by name, where nothing is selected by tag."""
    if any(source.tags for source in sources):
        return {}
    arns = [arn for source in sources for arn in source.resource_arns]
    if len(types) == 1:
        return {types[0]: tuple(arns)}
    if not all(is_plain(arn) for arn in arns):
        return {}  # of which type each is will be known only during the deployment
    return {kind: tuple(arn for arn in arns if type_of(str(arn)) is kind) for kind in types}


def _against_objectives(given: BackupPlanArgs, found: Predictions) -> list[str]:
    objectives, waivers = plan_waived(given)
    if objectives is None:
        lines = (f"{each.failure_class.value} failure: there is {each.because}" for each in found.uncovered)
        return list(dict.fromkeys(lines))  # the same for reads and writes
    return [
        warning.line
        for warning in require_met(objectives, found.predictions, uncovered=found.uncovered, waivers=waivers)
    ]


def _weak_spots(vaults: Sequence[VaultPlan], sources: Sequence[SourcePlan]) -> list[str]:
    """What is allowed and should be known, a line each."""
    lines = [
        f"the vault in {vault.region} has no lock: {vault.unlocked_because}"
        for vault in vaults
        if vault.unlocked_because
    ]
    by_region = {vault.region: vault for vault in vaults}
    for source in sources:
        if source.tags and by_region[source.region].opt_in is None:
            lines.append(
                f"sources in {source.region} are selected by tags, which the region's opt-in settings decide over; "
                "vaults[].opt_in declares them"
            )
        if source.tags or len(source.resource_arns) > 1:
            lines.append(
                f"sources in {source.region} share a vault: a missing backup of one is hidden by those of the others of "
                "its type; a BackupPlan of its own has alarms of its own"
            )
    return lines
