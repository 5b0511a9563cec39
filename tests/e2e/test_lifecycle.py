"""The dev environment on the real engine: up, unchanged, changed, replaced, drifted, refused."""

import json
import threading
import time
from typing import Any

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("lifecycle")]

SAMPLE_SECONDS = 0.02


@pytest.fixture
def up(lab: Any) -> Any:
    """The lab with the base environment up, whatever the test before it left."""
    lab.base_up()
    return lab


def summary_of(run: Any) -> dict[str, int]:
    """Counts per operation of `pulumi up --json` or `preview --json`."""
    assert run.code == 0, run.last_lines
    return {op: count for op, count in json.loads(run.text)["changeSummary"].items() if op != "same"}


def ttl(seconds: int) -> Any:
    return lambda config: config["seawall:dns"].update(ttl_seconds=seconds)


def address(value: str) -> Any:
    return lambda config: config["seawall:regions"][0].update(addresses=[value])


def protocol(value: str) -> Any:
    def edit(config: dict[str, Any]) -> None:
        config["seawall:health_check"].update(protocol=value, port=443)
        if value == "TCP":
            config["seawall:health_check"].pop("path", None)

    return edit


def test_a_second_dev_says_that_nothing_changed_and_shows_what_there_is(up: Any) -> None:
    """Whoever runs `make dev` twice sees at a glance that the second run did nothing, in tables that were read from the
    cloud, with each term of the prediction and its source. Tracked files stay as they are: the engine likes to write
    salts and tags into configuration files."""
    source = up.sandbox.source
    before = {path: path.read_bytes() for path in source.glob("Pulumi*.yaml")}
    run = up.localcloud("dev", "--no-apps")
    assert run.code == 0, run.last_lines
    assert "nothing changed" in run.text
    assert {path: path.read_bytes() for path in source.glob("Pulumi*.yaml")} == before
    flat = " ".join(run.text.split())
    assert len(up.records()) > 0
    for name, _, _ in up.records():
        assert name.rstrip(".") in flat
    assert len(up.health_checks()) == 6, "each region's own, its switch, and the one that counts both"
    for word in ("failed checks", "TTL", "client caches", "assumed", "documented", "computed", "recorded"):
        assert word in flat, f"{word} is missing in:\n{run.text}"


def test_preview_without_a_change_shows_none(up: Any) -> None:
    """A preview that shows phantom changes teaches people to ignore previews."""
    assert summary_of(up.pulumi("preview", "--json", "--expect-no-changes")) == {}


def test_a_changed_ttl_and_a_changed_target_update_in_place(up: Any) -> None:
    """A record that is replaced instead of updated leaves the name without an answer for a moment."""

    def both(config: dict[str, Any]) -> None:
        ttl(20)(config)
        address("203.0.113.77")(config)

    assert set(summary_of(up.pulumi("preview", "--json", edit=both))) == {"update"}
    assert up.pulumi("up", "--yes", "--skip-preview", edit=both).code == 0
    assert {record["TTL"] for record in up.records().values() if "TTL" in record} == {20}
    values = [value["Value"] for record in up.records().values() for value in record.get("ResourceRecords", [])]
    assert "203.0.113.77" in values


class Sampler:
    """Looks at the cloud again and again while the engine works: what a resolver could have seen."""

    def __init__(self, lab: Any) -> None:
        self._lab = lab
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.samples: list[tuple[dict[Any, Any], set[str]]] = []
        self.failures: list[BaseException] = []

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                before = set(self._lab.health_checks())
                records = self._lab.records()
                self.samples.append((records, before | set(self._lab.health_checks())))
            except Exception as error:  # noqa: BLE001 -- reported by the test itself
                self.failures.append(error)
                return
            time.sleep(SAMPLE_SECONDS)

    def __enter__(self) -> "Sampler":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=30)


def test_a_changed_check_type_goes_new_check_then_record_then_old_check(up: Any) -> None:
    """A check's type cannot change: the name keeps its records, and each record a check that exists, throughout."""
    before = up.health_checks()
    names = set(up.records())
    with Sampler(up) as sampler:
        run = up.pulumi("up", "--yes", "--skip-preview", edit=protocol("TCP"))
    assert run.code == 0, run.last_lines
    assert not sampler.failures
    assert len(sampler.samples) > 5, "the samples are too few to have seen anything"
    for records, checks in sampler.samples:
        assert names <= set(records), "a name was without its record"
        pointed_at = {record["HealthCheckId"] for record in records.values() if "HealthCheckId" in record}
        assert pointed_at <= checks, "a record pointed at a check that did not exist"
    after = up.health_checks()
    assert len(after) == len(before)
    changed = {id_: config for id_, config in after.items() if id_ not in before}
    assert [config["Type"] for config in changed.values()] == ["TCP", "TCP"]
    kept = {config["Type"] for id_, config in after.items() if id_ in before}
    assert kept == {"CALCULATED", "HTTPS"}, "what counts the new checks, and the switch, are what they were"
    children = {child for config in after.values() for child in config.get("ChildHealthChecks", [])}
    assert children <= set(after), "a calculated check counts one that is gone"


def test_drift_made_behind_the_engines_back_is_found_and_mended(up: Any) -> None:
    """Somebody who edits a record in the console is found out by refresh, and overruled by the next up."""
    key, record = next((key, record) for key, record in up.records().items() if "TTL" in record)
    zone = up.client("route53").list_hosted_zones()["HostedZones"][0]["Id"]
    up.client("route53").change_resource_record_sets(
        HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": {**record, "TTL": 59}}]}
    )
    up.as_base = False
    assert up.pulumi("preview", "--refresh", "--expect-no-changes").code != 0
    assert up.pulumi("refresh", "--yes", "--skip-preview").code == 0
    assert summary_of(up.pulumi("preview", "--json")) == {"update": 1}
    assert up.pulumi("up", "--yes", "--skip-preview").code == 0
    assert up.records()[key]["TTL"] == record["TTL"]


def test_an_object_deleted_behind_the_engines_back_comes_back(up: Any) -> None:
    """A deleted alarm is silent by nature: refresh finds that it is gone, and up makes it again."""
    cloudwatch = up.client("cloudwatch")
    name = cloudwatch.describe_alarms()["MetricAlarms"][0]["AlarmName"]
    cloudwatch.delete_alarms(AlarmNames=[name])
    assert up.pulumi("up", "--yes", "--skip-preview", "--refresh").code == 0
    assert name in [alarm["AlarmName"] for alarm in cloudwatch.describe_alarms()["MetricAlarms"]]


def test_a_wrong_value_is_one_line_and_changes_nothing(up: Any) -> None:
    """The engine shows our line and no traceback, and nothing has been touched."""
    before = up.records(), up.health_checks()

    def edit(config: dict[str, Any]) -> None:
        config["seawall:health_check"]["interval_seconds"] = 15

    run = up.pulumi("up", "--yes", "--skip-preview", edit=edit)
    assert run.code != 0
    assert "interval_seconds = 15: 10 or 30 seconds" in run.text
    assert "Traceback" not in run.text
    assert (up.records(), up.health_checks()) == before
