"""Prometheus' own promtool reads every generated rule, and lives through what each alert is for."""

import json
import math
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from alert_cases import HTTP_CASES, SLO_CASES
from alert_failures import BEGINS, FAILURES
from alert_lives import BACKUPS, CHANGES, NEWEST, SWITCHES, UP, Case
from alert_release_cases import BACKUP_CASES, HOUR, RELEASE_CASES
from alert_state_cases import STATE_CASES, WATCHDOG_CASES
from pulumi_seawall._rule_groups import rule_file
from pulumi_seawall._service_alerts import service_rules
from rule_samples import EVALUATION, LIMITS, SCRAPE, counter, every_group, gauge, scope

CASES = [*HTTP_CASES, *SLO_CASES, *STATE_CASES, *WATCHDOG_CASES, *RELEASE_CASES, *BACKUP_CASES]
ALERTS = sorted({case.alert for case in CASES})


def ran(command: Sequence[str | Path], folder: Path) -> str:
    """What it said; empty when all is well."""
    done = subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def lived(case: Case) -> dict[str, object]:
    """A case as promtool's test files have it."""
    firing = f'count(ALERTS{{alertname="{case.alert}",alertstate="firing"}}) or vector(0)'
    return {
        "name": f"{case.alert}: {case.life}",
        "interval": f"{SCRAPE}s",
        "input_series": [{"series": name, "values": values} for name, values in case.series.items()],
        "promql_expr_test": [
            {
                "expr": firing,
                "eval_time": f"{(case.samples - 1) * SCRAPE // EVALUATION * EVALUATION}s",
                "exp_samples": [{"labels": "{}", "value": case.fires}],
            }
        ],
    }


def test_promtool_finds_nothing_wrong_with_the_rules(promtool, tmp_path):
    """Syntax, templates, names, labels; duplicates too."""
    (tmp_path / "rules.json").write_text(rule_file(every_group()), encoding="utf-8")
    assert ran([promtool, "check", "rules", "--lint=all", "--lint-fatal", "rules.json"], tmp_path) == ""


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_fires_when_it_should_and_only_then(alert, promtool, tmp_path):
    """Every life of the cases: what it is for, what it is not for, no data, no traffic, flapping."""
    files = []
    for place, case in enumerate(case for case in CASES if case.alert == alert):
        (tmp_path / f"rules{place}.json").write_text(rule_file([case.rules]), encoding="utf-8")
        cases = {"rule_files": [f"rules{place}.json"], "evaluation_interval": f"{EVALUATION}s", "tests": [lived(case)]}
        files.append(tmp_path / f"case{place}.json")
        files[-1].write_text(json.dumps(cases), encoding="utf-8")
    assert ran([promtool, "test", "rules", *files], tmp_path) == ""


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: f"{failure.alert}{failure.rising}")
def test_an_alert_fires_within_its_predicted_time_and_not_before_its_for(failure, promtool, tmp_path):
    """From the failure's first moment, a scrape before its first sample, to the sum of the terms."""
    alert = failure.predicted
    worst = math.fsum(term.worst_seconds for term in alert.terms)
    window = f',long_window="{failure.rising}"' if failure.rising else ""
    firing = f'count(ALERTS{{alertname="{failure.alert}",alertstate="firing"{window}}}) or vector(0)'
    begun, fired = BEGINS - SCRAPE, math.ceil((BEGINS - SCRAPE + worst) / EVALUATION) * EVALUATION
    moments = [(begun, 0), (fired, 1)]
    if alert.for_seconds:
        moments.append((BEGINS + alert.for_seconds - EVALUATION, 0))
    (tmp_path / "rules.json").write_text(rule_file([failure.rules]), encoding="utf-8")
    case = {
        "interval": f"{SCRAPE}s",
        "input_series": [{"series": name, "values": values} for name, values in failure.series.items()],
        "promql_expr_test": [
            {"expr": firing, "eval_time": f"{at:g}s", "exp_samples": [{"labels": "{}", "value": value}]}
            for at, value in moments
        ],
    }
    cases = {"rule_files": ["rules.json"], "evaluation_interval": f"{EVALUATION}s", "tests": [case]}
    (tmp_path / "case.json").write_text(json.dumps(cases), encoding="utf-8")
    assert ran([promtool, "test", "rules", "case.json"], tmp_path) == ""


@pytest.mark.parametrize(
    ("alert", "series", "labels", "description"),
    [
        ("ServiceDown", {UP: "0x20"}, {"job": "shop", "instance": "a"}, "a has been down for more than a minute."),
        (
            "ServiceDown",
            {'up{job="x"}': "1x20"},
            {"job": "shop"},
            "Every instance has been down for more than a minute.",
        ),
        (
            "FailoverHappened",
            {CHANGES: counter((0, 10), (1, 1), (0, 10))},
            {"router": "db"},
            "The writer of db has changed in the last 15 minutes.",
        ),
        (
            "FailoverHappened",
            {SWITCHES: counter((0, 10), (1, 1), (0, 10))},
            {"selector": "stock"},
            "The endpoint of stock has changed in the last 15 minutes.",
        ),
    ],
)
def test_descriptions_read_well(alert, series, labels, description, promtool, tmp_path):
    """A template that fails is seen for the first time at night."""
    group = service_rules(scope(), LIMITS)
    (tmp_path / "rules.json").write_text(rule_file([group]), encoding="utf-8")
    rule = next(each.as_dict(group.scope) for each in group.alerts if each.name == alert)
    wanted = {
        "exp_labels": {**rule["labels"], **labels},
        "exp_annotations": {**rule["annotations"], "description": description},
    }
    case = {
        "interval": f"{SCRAPE}s",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [{"eval_time": "5m", "alertname": alert, "exp_alerts": [wanted]}],
    }
    cases = {"rule_files": ["rules.json"], "evaluation_interval": f"{EVALUATION}s", "tests": [case]}
    (tmp_path / "case.json").write_text(json.dumps(cases), encoding="utf-8")
    assert ran([promtool, "test", "rules", "case.json"], tmp_path) == ""


@pytest.mark.parametrize(
    ("series", "described"),
    [
        ({NEWEST: gauge((0, HOUR))}, "The newest recovery_point of db:shop is 45m 0s old (limit 1200 s)."),
        ({UP: gauge((1, HOUR))}, "Nobody says how old the newest recovery_point of db:shop is (limit 1200 s)."),
    ],
)
def test_a_missing_backup_is_told_from_one_of_unknown_age(series, described, promtool, tmp_path):
    """The first is the plan's trouble, the second the scheduler's."""
    (tmp_path / "rules.json").write_text(rule_file([BACKUPS]), encoding="utf-8")
    rule = BACKUPS.alerts[0].as_dict(BACKUPS.scope)
    wanted = {"exp_labels": rule["labels"], "exp_annotations": {**rule["annotations"], "description": described}}
    case = {
        "interval": f"{SCRAPE}s",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [{"eval_time": "45m", "alertname": "BackupMissing", "exp_alerts": [wanted]}],
    }
    cases = {"rule_files": ["rules.json"], "evaluation_interval": f"{EVALUATION}s", "tests": [case]}
    (tmp_path / "case.json").write_text(json.dumps(cases), encoding="utf-8")
    assert ran([promtool, "test", "rules", "case.json"], tmp_path) == ""


def test_every_alert_is_in_the_list_of_failures():
    """A prediction that was never tried is a guess."""
    assert {failure.alert for failure in FAILURES} == {alert.name for group in every_group() for alert in group.alerts}


def test_every_alert_has_lives_in_which_it_fires_and_in_which_it_is_silent():
    """An alert that was never seen to fire is a hope, and one that was never seen silent is noise."""
    names = {alert.name for group in every_group() for alert in group.alerts}
    for fires in (True, False):
        assert {case.alert for case in CASES if bool(case.fires) == fires} == names
