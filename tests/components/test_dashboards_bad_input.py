"""`Dashboards`: what cannot work is one exact line before anything is registered."""

from typing import Any

import pytest

import pulumi_seawall
from asked_metrics import dashboards_args
from seawall.errors import InvalidInput

DAY = 86400
LONG = "x" * 400

BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no labels for the sidecar": ({"sidecar_labels": {}}, "sidecar_labels = {}: at least one label"),
    "sidecar labels left out": ({"sidecar_labels": ...}, "sidecar_labels is missing: required"),
    "a label that Kubernetes refuses": (
        {"sidecar_labels": {"grafana_dashboard": "yes please"}},
        "sidecar_labels[grafana_dashboard] = yes please: a label's value",
    ),
    "a label that is a number": (
        {"sidecar_labels": {"grafana_dashboard": 1}},
        "sidecar_labels[grafana_dashboard] = 1: a label's value",
    ),
    "no environment": ({"environment": ...}, "environment is missing: required"),
    "an environment of two words": (
        {"environment": "prod eu"},
        "environment = prod eu: 1 to 100 letters, digits, `_`, `.` and `-`",
    ),
    "a folder above": (
        {"folder": "../secrets"},
        "folder = ../secrets: no slash or space at an end, and no .., because the sidecar makes a path of it",
    ),
    "a folder that begins at the root": (
        {"folder": "/Shop"},
        "folder = /Shop: no slash or space at an end, and no .., because the sidecar makes a path of it",
    ),
    "an empty folder": ({"folder": ""}, "folder = '': a string of 1 to 100 characters"),
    "an annotation for no folder": (
        {"folder_annotation": "grafana_folder"},
        "folder_annotation = grafana_folder: only with folder",
    ),
    "an annotation that Kubernetes refuses": (
        {"folder": "Shop", "folder_annotation": "grafana folder"},
        "folder_annotation = grafana folder: an annotation's name",
    ),
    "a namespace in capitals": (
        {"namespace": "Monitoring"},
        "namespace = Monitoring: 1 to 63 lower-case letters, digits and hyphens, no hyphen at an end",
    ),
    "a region's label that is none": ({"region_label": "aws-region"}, "region_label = aws-region: a label's name"),
    "a region's label of Prometheus' own": (
        {"region_label": "__region__"},
        "region_label = __region__: a label's name",
    ),
    "a region's label with one value": (
        {"region_label": "job"},
        "region_label = job: a label that is not in monitoring.selector, because that one has one value",
    ),
    "a Rollout in capitals": (
        {"rollout": "Shop"},
        "rollout = Shop: lower-case letters, digits, hyphens and dots, a letter or digit at each end",
    ),
    "looks that are too many": ({"refresh_seconds": 1}, "refresh_seconds = 1: 5 to 3600 seconds"),
    "half a look": ({"refresh_seconds": 7.5}, "refresh_seconds = 7.5: a whole number"),
    "a span that is too long": ({"span_seconds": 30 * DAY}, "span_seconds = 2592000: 300 to 604800 seconds"),
    "files nowhere": ({"files_path": "dashboards"}, "files_path = dashboards: an absolute path, as Grafana sees it"),
    "all may fail": ({"error_ratio": 1}, "error_ratio = 1: a ratio above 0 and below 1"),
    "no limit for the lag": (
        {"objectives__recovery_point_seconds": 0},
        "replica_lag_seconds = 0: above 0 seconds, because objectives.recovery_point_seconds = 0 gives no limit: state one",
    ),
    "an objective that cannot be alerted on": (
        {"objectives__availability": 0.93},
        (
            "objectives.availability = 0.93: above 0.9306, because an alert on 0.02 of the budget in 3600 s has burn rate 14.4, "
            "and 14.4 x 0.07 is an error ratio of 1.01: it never fires"
        ),
    ),
    "a misspelled key": ({"region_lable": "region"}, "region_lable = region: did you mean region_label?"),
    "nowhere": ({"monitoring__clusters": []}, "monitoring.clusters = []: at least one cluster or region"),
}


@pytest.mark.parametrize("case", BAD)
def test_each_bad_input_is_one_exact_line_before_anything_is_registered(case, deploy, deployment):
    """Nothing half-declared, in one cluster and not in the other."""
    changes, line = BAD[case]
    with pytest.raises(InvalidInput) as caught:
        deploy(lambda: pulumi_seawall.Dashboards("shop", dashboards_args(**changes)))
    assert str(caught.value) == line
    assert deployment.made == []


def test_a_dashboard_that_no_config_map_takes_is_refused():
    """The API server would refuse it in the middle of a deployment."""
    selector = {f"label_{number}": LONG for number in range(20)}
    with pytest.raises(InvalidInput) as caught:
        pulumi_seawall.plan_dashboards(dashboards_args(monitoring__selector=selector))
    assert str(caught.value).endswith(
        "bytes: at most 262144, because a ConfigMap takes no more when it is applied; shorten monitoring.selector or "
        "monitoring.runbook_url"
    )
    assert str(caught.value).startswith("the dashboard 'service' = ")


@pytest.mark.parametrize(
    "changes",
    [
        {"folder": "Shop/Production"},
        {"folder": "x" * 100, "folder_annotation": "k8s-sidecar-target-directory"},
        {"refresh_seconds": 5, "span_seconds": 300},
        {"refresh_seconds": 3600, "span_seconds": 7 * DAY},
        {"rollout": "shop.v2-canary"},
        {"environment": "x" * 100},
        {"objectives__recovery_point_seconds": 0, "replica_lag_seconds": 0.1},
    ],
    ids=str,
)
def test_what_is_just_inside_a_limit_is_taken(changes):
    """A limit that refuses its own value is another limit than it says."""
    assert pulumi_seawall.plan_dashboards(dashboards_args(**changes)).files
