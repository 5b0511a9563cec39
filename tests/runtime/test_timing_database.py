"""Predictions of a replicated database: monotone, with their arithmetic, and never better than what is known."""

import os
from dataclasses import replace
from pathlib import Path as File
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seawall.errors import InvalidInput
from seawall.timing import (
    BackupSchedule,
    DatabasePredictions,
    FailureClass,
    HealthCheckProtocol,
    Measure,
    Measurement,
    Path,
    Prediction,
    Source,
    Term,
    alias_ttl,
    backup_recovery_point,
    client_caches,
    endpoint_detection,
    lag_limit_affordable,
    longest_interval_affordable,
    predict_database,
    prediction_table,
    record_ttl,
    slowest_of_each,
    with_measurements,
)

GOLDEN = File(__file__).parent / "golden"
DETECTION = endpoint_detection(protocol=HealthCheckProtocol.HTTPS, interval_seconds=10, failure_threshold=3)


def edge(ttl: Term) -> list[Prediction]:
    """What a `FailoverRecord` with such a TTL predicts."""
    return [
        Prediction(
            failure_class,
            Path.READS,
            (
                *endpoint_detection(
                    protocol=HealthCheckProtocol.HTTPS,
                    interval_seconds=10,
                    failure_threshold=3,
                    failure_class=failure_class,
                ),
                ttl,
                client_caches(),
            ),
        )
        for failure_class in (FailureClass.ENDPOINT, FailureClass.REGION)
    ]


def two_regions() -> tuple[list[Prediction], DatabasePredictions]:
    """As the dev environment: addresses with a TTL of 30 s, one replica in the standby's region."""
    return edge(record_ttl(30)), predict_database(
        region="ap-northeast-1",
        multi_az=True,
        replica_regions=["us-west-2"],
        detection=DETECTION,
        lag_limit_seconds=60,
    )


def three_regions() -> tuple[list[Prediction], DatabasePredictions]:
    """As a complete production: aliases, replicas in two more regions, backups copied to another account."""
    return edge(alias_ttl()), predict_database(
        region="eu-west-1",
        multi_az=True,
        replica_regions=["eu-central-1", "us-east-1"],
        detection=DETECTION,
        decision_seconds=(60, 300),
        lag_limit_seconds=30,
        client_cache_seconds=0,
        capacity_seconds=(0, 180),
        backups=[
            BackupSchedule(
                interval_seconds=3600, start_window_seconds=3600, copy_region="eu-central-1", copy_to_other_account=True
            )
        ],
    )


@pytest.mark.parametrize(("name", "environment"), [("two_regions", two_regions), ("three_regions", three_regions)])
def test_the_predictions_of_an_environment_are_the_golden_table(name, environment):
    """Every figure that users read, with its terms: it changes on purpose, with `SEAWALL_UPDATE_GOLDEN=1`."""
    edges, database = environment()
    table = prediction_table(slowest_of_each(edges, database.predictions), database.uncovered)
    golden = GOLDEN / f"predictions_{name}.md"
    if os.environ.get("SEAWALL_UPDATE_GOLDEN"):
        golden.write_text(table, encoding="utf-8")
    assert table == golden.read_text(encoding="utf-8")


def of(found: DatabasePredictions, key: str) -> Prediction:
    """The prediction of that key."""
    (one,) = [each for each in found.predictions if each.key == key]
    return one


def keys(found: DatabasePredictions) -> set[str]:
    """Keys of everything that is predicted or said to be uncovered."""
    return {each.key for each in found.predictions} | {each.key for each in found.uncovered}


spans = st.tuples(st.floats(0, 1e4), st.floats(0, 1e4)).map(lambda pair: (min(pair), max(pair)))
settings_of = st.fixed_dictionaries(
    {
        "region": st.just("eu-west-1"),
        "multi_az": st.booleans(),
        "replica_regions": st.lists(st.sampled_from(["eu-west-1", "eu-central-1", "us-east-1"]), max_size=3),
        "point_in_time": st.booleans(),
        "decision_seconds": st.none() | spans,
        "promotion_seconds": st.none() | spans,
        "restore_seconds": st.none() | spans,
        "capacity_seconds": st.none() | spans,
        "lag_limit_seconds": st.floats(0, 1e4),
        "name_ttl_seconds": st.integers(0, 300),
        "client_cache_seconds": st.none() | st.floats(0, 1e3),
        "backups": st.lists(
            st.builds(
                BackupSchedule,
                interval_seconds=st.floats(3600, 86_400),
                copy_region=st.sampled_from(["eu-west-1", "eu-central-1"]),
                copy_to_other_account=st.booleans(),
            ),
            max_size=2,
        ),
    }
)


@settings(max_examples=80)
@given(settings_of)
def test_every_failure_has_an_answer_on_every_path(given_settings):
    """For all databases: each class but the endpoint's is predicted, or said to be uncovered, for reads and writes; what
    is predicted for writes says what is lost.
    """
    found = predict_database(**given_settings)
    answered = {(each.failure_class, each.path) for each in found.predictions if each.measure is Measure.RECOVERY_TIME}
    missing = {(each.failure_class, each.path) for each in found.uncovered}
    every = {(failure, path) for failure in FailureClass for path in Path if failure is not FailureClass.ENDPOINT}
    assert answered | missing == every
    assert answered & missing == set()
    points = {each.failure_class for each in found.predictions if each.measure is Measure.RECOVERY_POINT}
    assert points == {failure for failure, _ in answered}
    assert len(keys(found)) == len(found.predictions) + len(found.uncovered)


@settings(max_examples=80)
@given(
    settings_of,
    st.sampled_from(
        ["decision_seconds", "promotion_seconds", "restore_seconds", "capacity_seconds", "lag_limit_seconds"]
    ),
    st.floats(0.1, 1e4),
)
def test_predictions_are_monotone_in_their_inputs(given_settings, name, more):
    """For all databases: when one step takes longer, no prediction gets better, and none appears or vanishes."""
    slower = dict(given_settings)
    if name == "lag_limit_seconds":
        slower[name] = given_settings[name] + more
    else:
        typical, worst = given_settings[name] or (0.0, 0.0)
        given_settings = {**given_settings, name: (typical, worst)}
        slower[name] = (typical + more, worst + more)
    before, after = predict_database(**given_settings), predict_database(**slower)
    assert keys(before) == keys(after)
    for prediction in before.predictions:
        assert of(after, prediction.key).worst_seconds >= prediction.worst_seconds
        assert of(after, prediction.key).typical_seconds >= prediction.typical_seconds


@settings(max_examples=60)
@given(settings_of)
def test_more_protection_never_uncovers_anything(given_settings):
    """For all databases: adding a replica elsewhere, a standby or backups only ever covers more."""
    copied = BackupSchedule(interval_seconds=3600, copy_region="us-east-1", copy_to_other_account=True)
    before = {each.key for each in predict_database(**given_settings).uncovered}
    for more in (
        {"replica_regions": [*given_settings["replica_regions"], "us-east-1"]},
        {"multi_az": True},
        {"point_in_time": True},
        {"backups": [*given_settings["backups"], copied]},
    ):
        after = {each.key for each in predict_database(**{**given_settings, **more}).uncovered}
        assert after <= before


def test_a_lost_region_is_a_sum_of_every_step():
    """detect + decide + fence + promote + DNS + client caches + capacity, as the design has it."""
    _, found = two_regions()
    writes = of(found, "recovery_time_seconds/region/writes")
    assert [term.name for term in writes.terms] == [
        "failed checks",
        "time-out",
        "aggregation",
        "decision",
        "fence",
        "promotion",
        "writer name's TTL",
        "client caches",
        "capacity",
    ]
    assert writes.worst_seconds == 30 + 6 + 4 + 900 + 60 + 1200 + 5 + 30
    assert {term.name for term in writes.assumed} >= {"decision", "fence", "promotion", "capacity"}


def test_a_synchronous_standby_loses_nothing_and_an_asynchronous_replica_its_lag():
    """RDS replicas across regions are always asynchronous: zero lost commits is not to be had there."""
    _, found = two_regions()
    assert of(found, "recovery_point_seconds/writer/writes").worst_seconds == 0
    lost = of(found, "recovery_point_seconds/region/writes")
    assert (lost.worst_seconds, lost.terms[0].source) == (60, Source.ASSUMED)
    with pytest.raises(InvalidInput, match="recovery_point_seconds = 0: above 0 seconds, because replicas"):
        lag_limit_affordable(0)


def test_a_database_in_one_region_alone_is_uncovered_there():
    """No sum of terms ends the loss of a region that has everything."""
    found = predict_database(region="eu-west-1", multi_az=True, replica_regions=["eu-west-1"])
    assert {each.key for each in found.uncovered} == {
        "uncovered/region/reads",
        "uncovered/region/writes",
        "uncovered/account/reads",
        "uncovered/account/writes",
    }


def test_without_a_standby_a_replica_elsewhere_takes_over_a_lost_zone():
    """A Single-AZ instance waits for its host; when its zone is lost only a promotion helps."""
    found = predict_database(region="eu-west-1", multi_az=False, replica_regions=["eu-central-1"])
    assert "promotion" in [term.name for term in of(found, "recovery_time_seconds/zone/writes").terms]
    writer = of(found, "recovery_time_seconds/writer/writes")
    assert [term.name for term in writer.terms] == ["instance recovery", "client caches"]


def test_corruption_is_on_every_replica_and_needs_a_backup():
    """Replicas copy a DROP TABLE within a second."""
    found = predict_database(region="eu-west-1", multi_az=True, replica_regions=["eu-central-1"], point_in_time=False)
    assert "uncovered/corruption/writes" in keys(found)
    restored = predict_database(region="eu-west-1", multi_az=True)
    back = of(restored, "recovery_time_seconds/corruption/writes")
    assert [term.name for term in back.terms][:3] == ["decision", "log upload", "restore"]


def test_a_backup_loses_interval_start_window_backup_and_copy():
    """The default start window alone is eight hours: an hourly schedule does not give an hour."""
    schedule = BackupSchedule(interval_seconds=3600, copy_region="eu-central-1")
    terms = backup_recovery_point(schedule)
    assert [(term.name, term.worst_seconds) for term in terms] == [
        ("backup interval", 3600),
        ("start window", 28_800),
        ("backup", 3600),
        ("copy", 7200),
    ]
    assert longest_interval_affordable(86_400, schedule) == 86_400 - 28_800 - 3600 - 7200
    assert len(backup_recovery_point(replace(schedule, copy_region=None))) == 3


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"interval_seconds": 1800}, "interval_seconds = 1800: at least 3600, because AWS Backup offers no less"),
        (
            {"interval_seconds": 3600, "start_window_seconds": 60},
            "start_window_seconds = 60: at least 3600, because AWS Backup offers no less",
        ),
        ({"interval_seconds": 3600, "backup_seconds": (9, 1)}, "backup_seconds[1] = 1: at least typical 9"),
        (
            {"interval_seconds": 3600, "copy_to_other_account": True},
            "copy_region = None: a region, because copy_to_other_account is set",
        ),
    ],
)
def test_each_bad_schedule_is_one_exact_line(arguments, line):
    """AWS Backup would refuse it in the middle of a deployment."""
    with pytest.raises(InvalidInput) as caught:
        BackupSchedule(**arguments)
    assert str(caught.value) == line


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"promotion_seconds": (10, 5)}, "promotion_seconds[1] = 5: at least typical 10"),
        ({"decision_seconds": (-1, 5)}, "decision_seconds[0] = -1: a finite number of seconds, at least 0"),
        ({"lag_limit_seconds": -1}, "lag_limit_seconds = -1: a finite number of seconds, at least 0"),
        ({"name_ttl_seconds": -1}, "ttl_seconds = -1: 0 to 2147483647 seconds"),
    ],
)
def test_each_bad_time_is_one_exact_line(arguments, line):
    """The name, the value, and what is allowed."""
    with pytest.raises(InvalidInput) as caught:
        predict_database(region="eu-west-1", multi_az=True, **arguments)
    assert str(caught.value) == line


def measured(term: str = "promotion", worst: float = 500.0, **more: Any) -> Measurement:
    """A drill in the user's account."""
    values: dict[str, Any] = {
        "typical_seconds": worst / 2,
        "source": Source.MEASURED_IN_ACCOUNT,
        "when": "game day of 2026-11-20",
        **more,
    }
    return Measurement(term=term, worst_seconds=worst, **values)


def test_a_drill_replaces_an_assumption_and_is_marked():
    """What was measured counts, says when, and makes the prediction exercised."""
    _, found = two_regions()
    before = of(found, "recovery_time_seconds/region/writes")
    after = {each.key: each for each in with_measurements(found.predictions, [measured()])}[before.key]
    assert after.worst_seconds == before.worst_seconds - 1200 + 500
    assert (before.exercised, after.exercised) == (False, True)
    assert "promotion" not in [term.name for term in after.assumed]
    (row,) = [row for row in after.rows() if row[0] == "promotion"]
    assert row[1:] == ("250 s", "500 s", "measured in account", "game day of 2026-11-20")


def test_the_account_counts_before_the_laptop_and_the_worst_drill_before_the_best():
    """A lucky drill must not make a promise."""
    _, found = two_regions()
    drills = [measured(worst=100), measured(worst=700), measured(worst=2000, source=Source.MEASURED_LOCALLY)]
    for order in (drills, drills[::-1]):
        after = {each.key: each for each in with_measurements(found.predictions, order)}
        (term,) = [t for t in after["recovery_time_seconds/region/writes"].terms if t.name == "promotion"]
        assert term.worst_seconds == 700


def test_a_local_measurement_does_not_overrule_what_is_documented():
    """A laptop fails over in a second; AWS does not."""
    _, found = two_regions()
    local = measured("Multi-AZ failover", 1, source=Source.MEASURED_LOCALLY)
    assert with_measurements(found.predictions, [local]) == found.predictions
    account = measured("Multi-AZ failover", 90)
    assert of(found, "recovery_time_seconds/writer/writes") not in with_measurements(found.predictions, [account])


def test_a_measurement_of_one_prediction_leaves_the_others():
    """A region's promotion was timed, a zone's was not."""
    found = predict_database(region="eu-west-1", multi_az=False, replica_regions=["eu-central-1"])
    only = measured(prediction="recovery_time_seconds/region/writes")
    exercised = [each.key for each in with_measurements(found.predictions, [only]) if each.exercised]
    assert exercised == ["recovery_time_seconds/region/writes"]


def test_a_measurement_that_fits_nothing_is_one_line():
    """A misspelled term would leave the assumption standing, silently."""
    _, found = two_regions()
    with pytest.raises(InvalidInput, match=r"measured\[0\].term = promotoin: .*promotion"):
        with_measurements(found.predictions, [measured("promotoin")])
    with pytest.raises(InvalidInput, match="source = assumed: measured locally or measured in account"):
        measured(source=Source.ASSUMED)


def test_what_must_both_end_is_over_when_the_slower_one_is():
    """Writes need the name and the database; both leave things out, and so does the result."""
    fast = Prediction(FailureClass.REGION, Path.WRITES, (record_ttl(10),), not_included=("one",))
    slow = Prediction(FailureClass.REGION, Path.WRITES, (record_ttl(20),), not_included=("two",))
    for groups in (([fast], [slow]), ([slow], [fast]), ([fast, slow],)):
        (both,) = slowest_of_each(*groups)
        assert both.worst_seconds == 20
        assert set(both.not_included) == {"one", "two"}
