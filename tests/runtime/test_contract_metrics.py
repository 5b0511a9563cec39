"""The metrics of the contract: their names in both worlds, their labels, their buckets."""

import re

import pytest

from seawall.contract import (
    ALL_METRICS,
    BREAKER_FAILURE_RATE,
    FAULTS_INJECTED,
    HTTP_DURATION_BUCKETS_SECONDS,
    HTTP_REQUEST_DURATION,
    MetricKind,
    MetricSpec,
    duration_buckets,
)
from seawall.errors import InvalidInput


def test_the_request_metric_is_opentelemetrys_own() -> None:
    """Dashboards that others have made for the semantic conventions work with it."""
    assert HTTP_REQUEST_DURATION.otel == "http.server.request.duration"
    assert HTTP_REQUEST_DURATION.prometheus == "http_server_request_duration_seconds"
    assert {"http_route", "http_request_method", "http_response_status_code"} <= set(HTTP_REQUEST_DURATION.labels)
    assert HTTP_REQUEST_DURATION.samples == tuple(
        f"http_server_request_duration_seconds_{suffix}" for suffix in ("bucket", "sum", "count")
    )


@pytest.mark.parametrize("spec", ALL_METRICS, ids=lambda spec: spec.otel)
def test_a_metric_has_a_name_that_prometheus_takes_and_a_description(spec: MetricSpec) -> None:
    """A name that is not allowed is found here, and not by somebody's first scrape."""
    assert re.fullmatch(r"[a-z][a-z0-9_]*[a-z0-9]", spec.prometheus)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", label) for label in spec.labels)
    assert (spec.kind is MetricKind.COUNTER) is spec.prometheus.endswith("_total")
    assert spec.description.endswith(".")


def test_units_become_suffixes_as_opentelemetry_says() -> None:
    """The same rules as a collector's exporter has, or one metric would have two names."""
    assert BREAKER_FAILURE_RATE.prometheus == "seawall_circuit_breaker_failure_rate_ratio"
    assert (FAULTS_INJECTED.family, FAULTS_INJECTED.prometheus) == (
        "seawall_faults_injected",
        "seawall_faults_injected_total",
    )
    size = MetricSpec(otel="shop.body.size", kind=MetricKind.GAUGE, unit="By", description="Size.")
    assert size.prometheus == "shop_body_size_bytes"


def test_names_are_unique_in_both_worlds() -> None:
    """Two metrics of one name make a scrape invalid."""
    samples = [sample for spec in ALL_METRICS for sample in spec.samples]
    assert len(set(samples)) == len(samples)
    assert len({spec.otel for spec in ALL_METRICS}) == len(ALL_METRICS)


def test_a_bucket_ends_at_each_threshold_and_nowhere_twice() -> None:
    """A latency objective is counted exactly, or not at all."""
    assert duration_buckets() == HTTP_DURATION_BUCKETS_SECONDS
    assert duration_buckets(0.3, 0.5, 1) == tuple(sorted({*HTTP_DURATION_BUCKETS_SECONDS, 0.3}))
    for wrong in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(InvalidInput, match="thresholds_seconds"):
            duration_buckets(wrong)
