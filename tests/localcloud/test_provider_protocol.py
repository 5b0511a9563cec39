"""What is the same for every type, as the engine sees it: names, regions, tags, secrets, drift, import, errors."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from pulumi.runtime import proto, rpc

from localcloud.provider.aws import ADAPTERS
from localcloud.provider.install import install_plugins
from localcloud.provider.sweep import known_ids, sweep

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("provider")]

ZONE = "aws:route53/zone:Zone"
TOPIC = "aws:sns/topic:Topic"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
ROOT = Path(__file__).resolve().parents[2]
EXIT_SECONDS = 20  # a plugin looks once a second whether its engine is there


def alarm(**changes: Any) -> dict[str, Any]:
    given = {
        "namespace": "Shop", "metricName": "Errors", "statistic": "Sum", "period": 60, "evaluationPeriods": 3,
        "threshold": 1.5, "comparisonOperator": "GreaterThanThreshold",
    }  # fmt: skip
    return {name: value for name, value in (given | changes).items() if value is not None}


async def test_a_made_up_name_is_kept_and_its_replacement_gets_room(lab: Any) -> None:
    """A name that changed with each run would replace the object each time."""
    topic = await lab.create(TOPIC, "alerts", {})
    assert topic.state["name"].startswith("alerts-")
    assert (await topic.diff({"displayName": "x"})).replaces == []
    difference = await topic.diff({"fifoTopic": True})
    assert sorted(difference.replaces) == ["fifoTopic", "name"]
    assert not difference.deleteBeforeReplace


async def test_a_given_name_makes_the_old_object_go_first(lab: Any) -> None:
    """Two topics cannot have one name; the real provider says the same to the engine."""
    name = f"given-{lab.prefix}"
    topic = await lab.create(TOPIC, "alerts", {"name": name})
    difference = await topic.diff({"name": name, "region": "us-west-2"})
    assert list(difference.replaces) == ["region"]
    assert difference.deleteBeforeReplace


async def test_a_long_name_is_cut_to_what_the_service_takes(lab: Any) -> None:
    """And keeps its digits, which tell it from the next one."""
    made = await lab.create(ALARM, "n" * 300, alarm())
    assert len(made.state["name"]) == 255
    assert made.state["name"].endswith("-0123456")


async def test_a_secret_stays_secret_wherever_it_turns_up(lab: Any) -> None:
    """A tag stands in `tagsAll` too; a state file is kept for years."""
    topic = await lab.create(TOPIC, "alerts", {"tags": {"k": "hunter2", "open": "yes"}}, hidden={("tags", "k")})
    for _ in range(2):
        revealed = str(topic.wire_state).count("hunter2")
        assert revealed == 2
        for name in ("tags", "tagsAll"):
            fields = topic.wire_state.fields[name].struct_value.fields
            signature = fields["k"].struct_value.fields[rpc._special_sig_key].string_value
            assert signature == rpc._special_secret_sig
            assert fields["open"].string_value == "yes"
        assert await topic.refresh()


async def test_an_error_shows_no_secret_and_no_traceback(lab: Any) -> None:
    """botocore repeats the value that it complains about; the engine prints what we say."""
    checked = await lab.check(ZONE, "zone", {"name": f"{lab.prefix}.test"})
    checked.inputs.fields["comment"].list_value.values.add().string_value = "hunter2"
    with pytest.raises(Exception, match=r"does not fit the API: HostedZoneConfig.Comment$") as caught:
        await lab.call("Create", proto.CreateRequest(urn=lab.urn(ZONE, "zone"), properties=checked.inputs))
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert 'File "' not in str(caught.value)


@pytest.mark.parametrize(
    ("type_", "line"),
    [
        ("aws:route53/recrod:Record", "did you mean aws:route53/record:Record?"),
        ("aws:redshift/cluster:Cluster", "the local cloud has none"),
    ],
)
async def test_a_type_that_the_table_lacks_is_one_line(lab: Any, type_: str, line: str) -> None:
    """With the nearest one; never a KeyError."""
    with pytest.raises(Exception, match="resource type") as caught:
        await lab.check(type_, "a", {})
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_default_tags_are_merged_and_their_change_is_seen(lab: Any) -> None:
    """`tags` stays what the program wrote, `tagsAll` is what the object has, as with the real provider."""
    await lab.configure(region="eu-west-1", defaultTags='{"tags": {"team": "a", "own": "default"}}')
    topic = await lab.create(TOPIC, "alerts", {"tags": {"own": "1"}})
    assert topic.state["tags"] == {"own": "1"}
    assert topic.state["tagsAll"] == {"own": "1", "team": "a"}
    assert await topic.refresh()
    assert topic.inputs["tags"] == {"own": "1"}
    assert (await topic.diff({"tags": {"own": "1"}})).changes == 1

    await lab.configure(region="eu-west-1", defaultTags='{"tags": {"team": "b"}}')
    assert list((await topic.diff({"tags": {"own": "1"}})).diffs) == ["tagsAll"]
    await topic.update({"tags": {"own": "1"}})
    assert topic.state["tagsAll"] == {"own": "1", "team": "b"}


@pytest.mark.parametrize("key", ["regin", "defaultTag"])
async def test_a_misspelled_configuration_key_is_refused(lab: Any, key: str) -> None:
    """One that is dropped silently is a region that somebody believes in."""
    with pytest.raises(Exception, match=f"{key}: .*did you mean"):
        await lab.configure(**{key: "x"})


async def test_without_a_region_a_regional_type_is_refused(lab: Any) -> None:
    """There is no region to fall back to; a global type needs none."""
    await lab.configure()
    assert "aws:region" in (await lab.failures(TOPIC, {}))["region"]
    assert await lab.failures(ZONE, {"name": "a.test"}) == {}


async def test_drift_is_found_and_mended(lab: Any) -> None:
    """A refresh changes state and inputs; the program's own inputs then differ, and an update brings them back."""
    inputs = alarm(tags={"a": "1"})
    made = await lab.create(ALARM, "errors", inputs)
    client = lab.client("cloudwatch", "eu-west-1")
    found = client.describe_alarms(AlarmNames=[made.id])["MetricAlarms"][0]
    client.tag_resource(ResourceARN=found["AlarmArn"], Tags=[{"Key": "strange", "Value": "1"}])
    kept = ("AlarmName", "Namespace", "MetricName", "Statistic", "Period", "EvaluationPeriods", "ComparisonOperator")
    client.put_metric_alarm(**{name: found[name] for name in kept}, Threshold=9, OKActions=["arn:aws:sns:a:b:c"])
    assert await made.refresh()
    assert made.inputs["threshold"] == 9
    difference = await made.diff(inputs)
    assert sorted(difference.diffs) == ["okActions", "tags", "threshold"]
    assert not difference.replaces
    await made.update(inputs)
    assert made.state["threshold"] == 1.5
    assert made.state["tagsAll"] == {"a": "1"}
    assert (await made.diff(inputs)).changes == 1


@pytest.mark.parametrize(
    ("ignored", "left"),
    [((), ["tags", "threshold"]), (("threshold",), ["tags"]), (('tags["a.b"]',), ["threshold"]), (("tags", "threshold"), [])],
)  # fmt: skip
async def test_what_is_ignored_does_not_differ(lab: Any, ignored: tuple[str, ...], left: list[str]) -> None:
    """`ignore_changes`, down to one tag with a dot in its name."""
    made = await lab.create(ALARM, "errors", alarm(tags={"a.b": "1"}))
    difference = await made.diff(alarm(tags={"a.b": "2"}, threshold=7), ignored)
    assert sorted(difference.diffs) == left
    assert sorted(difference.detailedDiff) == left


async def test_an_import_names_its_region(lab: Any) -> None:
    """`name@region`, as with the real provider; what it returns are inputs that make no difference."""
    inputs = alarm(region="us-west-2", treatMissingData="breaching")
    made = await lab.create(ALARM, "errors", inputs)
    imported = type(made)(lab, ALARM, "errors", f"{made.id}@us-west-2", None, None)
    answer = await lab.call("Read", proto.ReadRequest(id=imported.id, urn=imported.urn))
    assert answer.id == made.id
    imported.id, imported.wire_inputs, imported.wire_state = answer.id, answer.inputs, answer.properties
    assert imported.inputs["region"] == "us-west-2"
    assert (await imported.diff({**inputs, "name": made.id})).changes == 1


async def test_an_import_of_what_is_not_there_has_nothing_to_import(lab: Any) -> None:
    """No properties at all: an object with none would be imported, and replaced at once."""
    request = proto.ReadRequest(id="nowhere@us-west-2", urn=lab.urn(ALARM, "errors"))
    answer = await lab.call("Read", request)
    assert (answer.id, answer.HasField("properties"), answer.HasField("inputs")) == ("", False, False)


async def test_an_update_in_a_preview_leaves_no_output_unknown(lab: Any) -> None:
    """Else everything that uses one would be planned anew, and a database replaced for a description."""
    zone = await lab.create(ZONE, "zone", {"name": f"{lab.prefix}.test", "comment": "one"})
    promised = await zone.update({"name": f"{lab.prefix}.test", "comment": "two"}, preview=True)
    assert promised == {**zone.state, "comment": "two"}


async def test_what_is_removed_from_the_inputs_goes_away(lab: Any) -> None:
    """Except what the service fills in: that stays as it is."""
    topic = await lab.create(TOPIC, "alerts", {"displayName": "Alerts", "policy": '{"Version": "2012-10-17"}'})
    promised = await topic.update({}, preview=True)
    assert "displayName" not in promised
    await topic.update({})
    assert not topic.state.get("displayName")
    assert "2012-10-17" in topic.state["policy"]
    assert (await topic.diff({})).changes == 1


@pytest.mark.parametrize("type_", [ZONE, TOPIC, ALARM])
async def test_what_no_state_knows_is_swept_and_nothing_else(lab: Any, type_: str) -> None:
    """Each in its own region; a zone with what is in it."""
    inputs = {ZONE: {"name": f"{lab.prefix}.test"}, TOPIC: {"region": "us-west-2"}, ALARM: alarm(region="us-west-2")}
    kept, left = [await lab.create(type_, name, inputs[type_]) for name in ("kept", "left")]
    if type_ == ZONE:
        record = {"zoneId": left.id, "name": "www", "type": "A", "ttl": 60, "records": ["192.0.2.1"]}
        await lab.create("aws:route53/record:Record", "record", record)
    known = known_ids({"resources": [{"urn": kept.urn, "id": kept.id}, {"urn": "urn::of a component"}]})
    assert left.urn in [entry.urn for entry in sweep(lab.journal, ADAPTERS, lab.clients, known)]
    assert lab.journal.entries() == []
    assert await kept.refresh()
    assert not await left.refresh()


async def test_functions_answer_from_the_local_cloud(lab: Any) -> None:
    """`aws.get_region()` and the like; one that is missing is a line, not a crash."""
    zone = await lab.create(ZONE, "zone", {"name": f"{lab.prefix}.test"})

    async def invoke(token: str, **arguments: Any) -> Any:
        request = proto.InvokeRequest(tok=token)
        for name, value in arguments.items():
            request.args.fields[name].string_value = value
        return getattr(await lab.call("Invoke", request), "return").fields

    assert (await invoke("aws:index/getRegion:getRegion"))["region"].string_value == "eu-west-1"
    identity = await invoke("aws:index/getCallerIdentity:getCallerIdentity")
    assert identity["accountId"].string_value == "123456789012"
    found = await invoke("aws:route53/getZone:getZone", name=f"{lab.prefix}.test.")
    assert found["zoneId"].string_value == zone.id
    with pytest.raises(Exception, match=r"0 zones are called none\.test"):
        await invoke("aws:route53/getZone:getZone", name="none.test")
    with pytest.raises(Exception, match=r"did you mean aws:index/getRegion:getRegion\?"):
        await invoke("aws:index/getRegions:getRegions")


async def test_the_rest_of_the_protocol_is_there(lab: Any) -> None:
    """What the engine asks of every plugin: attach, its version, no change of configuration, cancel."""
    await lab.call("Attach", proto.PluginAttach(address="127.0.0.1:2"))
    assert (await lab.call("GetPluginInfo", proto.PluginInfo())).version == "1.0.0"
    assert (await lab.call("DiffConfig", proto.DiffRequest())) == proto.DiffResponse()
    await lab.call("Cancel", proto.PluginInfo())


def test_plugins_are_laid_once_and_answer(tmp_path: Path) -> None:
    """One executable per SDK; laid again they stay the same files. The first line is the port, from any folder."""
    install_plugins(tmp_path)
    laid = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    stamps = [path.stat().st_mtime_ns for path in laid]
    install_plugins(tmp_path)
    assert [path.stat().st_mtime_ns for path in laid] == stamps
    assert [path.name for path in laid] == ["pulumi-resource-aws", "pulumi-resource-kubernetes"]
    with subprocess.Popen([laid[0], "127.0.0.1:1"], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as plugin:
        try:
            assert plugin.stdout is not None
            assert 0 < int(plugin.stdout.readline()) < 65_536
        finally:
            plugin.kill()


def test_a_plugin_ends_with_the_engine_that_started_it() -> None:
    """A killed engine cannot say goodbye; its plugins would stay for ever."""
    start = "import subprocess, sys; p = subprocess.Popen([sys.executable, '-m', 'localcloud.provider', 'aws', 'e:1'],"
    start += " stdout=subprocess.PIPE, text=True); p.stdout.readline(); print(p.pid, flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", start], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as engine:
        assert engine.stdout is not None
        plugin = psutil.Process(int(engine.stdout.readline()))
        engine.kill()
    plugin.wait(EXIT_SECONDS)
    assert not plugin.is_running()
