"""A shop's canary as tests plan it: three steps of five minutes, scraped every 15 seconds."""

from typing import Any

from pulumi_seawall._canary_analysis import AnalysisPlan, JudgedStep, plan_analysis
from pulumi_seawall._monitoring_plan import MonitoringPlan, plan_monitoring
from seawall.objectives import Objectives

REGION = "eu-west-1"
PAUSES = (JudgedStep(10, 300), JudgedStep(25, 300), JudgedStep(50, 300))
PROMETHEUS = "http://prometheus-operated.monitoring:9090"


def analysis_args(**changes: Any) -> dict[str, Any]:
    """What must be stated, with changes."""
    return {"no_data": "pause", "prometheus_url": PROMETHEUS, **changes}


def watched(**changes: Any) -> MonitoringPlan:
    """Where the shop is watched."""
    values: dict[str, Any] = {
        "service": "shop",
        "regions": [REGION],
        "selector": {"job": "shop"},
        "rule_selector_labels": {"release": "prometheus"},
        "runbook_url": "https://runbooks.example.com/{alert}",
        "scrape_interval_seconds": 15,
    }
    return plan_monitoring({**values, **changes})


def promised(**changes: Any) -> Objectives:
    """What the shop promises: releases with 5 % of failures are stopped."""
    values: dict[str, Any] = {
        "availability": 0.999,
        "latency_p95_seconds": 0.5,
        "error_rate": 0.05,
        "recovery_time_seconds": 180,
        "recovery_point_seconds": 60,
    }
    return Objectives(**{**values, **changes})


def planned(
    steps: tuple[JudgedStep, ...] = PAUSES,
    monitoring: MonitoringPlan | None = None,
    objectives: Objectives | None = None,
    **changes: Any,
) -> AnalysisPlan:
    """The analysis of the shop's canary."""
    return plan_analysis(
        analysis_args(**changes),
        name="shop",
        monitoring=monitoring or watched(),
        region=REGION,
        objectives=objectives or promised(),
        steps=steps,
    )


def metrics_of(plan: AnalysisPlan, template: str) -> dict[str, dict[str, Any]]:
    """A template's metrics by name."""
    return {metric["name"]: metric for metric in plan.templates[template]["metrics"]}
