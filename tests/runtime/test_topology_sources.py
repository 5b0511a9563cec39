"""Reading: from files, text and SSM, in an order that is documented, with one line when it fails."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import anyio
import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from seawall.contract import declared_parameter, live_parameter
from seawall.errors import InvalidInput, MissingExtra, TopologyUnavailable
from seawall.topology import (
    FileSource,
    LiveFromSsm,
    SsmSource,
    Texts,
    TextSource,
    aload,
    default_source,
    dump,
    load,
)
from topology_documents import failed_over, shop

DECLARED = declared_parameter("shop", "prod")
LIVE = live_parameter("shop", "prod")
THE_WAYS = (
    "SEAWALL_TOPOLOGY_PATH, SEAWALL_TOPOLOGY, or SEAWALL_SERVICE and SEAWALL_ENVIRONMENT, "
    "because the topology is read from where these variables say"
)


class Ssm:
    """A client that knows some parameters, and counts its requests."""

    def __init__(self, error: Exception | None = None, *, parameters: dict[str, str] | None = None) -> None:
        self.parameters = {f"/seawall/shop/prod/{name}": value for name, value in (parameters or {}).items()}
        self.error = error
        self.requests: list[list[str]] = []

    def get_parameters(self, *, Names: list[str]) -> dict[str, Any]:  # noqa: N803 - boto3's own spelling
        self.requests.append(Names)
        if self.error is not None:
            raise self.error
        found = [{"Name": name, "Value": self.parameters[name]} for name in Names if name in self.parameters]
        return {"Parameters": found, "InvalidParameters": [name for name in Names if name not in self.parameters]}


def ssm(**parameters: str) -> SsmSource:
    """A source over the client above."""
    return SsmSource("shop", "prod", region="eu-west-1", client=Ssm(parameters=parameters))


def test_a_mounted_folder_is_read_with_and_without_a_live_document(tmp_path):
    """A ConfigMap is mounted before operations have ever written anything."""
    (tmp_path / "topology.json").write_text(dump(shop()))
    assert load(FileSource(tmp_path)).primary.region == "eu-west-1"
    (tmp_path / "live.json").write_text(dump(failed_over()))
    assert load(FileSource(tmp_path)).primary.region == "eu-central-1"


def test_the_names_of_the_documents_are_those_of_the_contract():
    """Infrastructure writes under these names, and operations under the second."""
    assert (DECLARED, LIVE) == ("/seawall/shop/prod/topology", "/seawall/shop/prod/live")


def test_both_parameters_are_read_in_one_request():
    """A region's readers are throttled together: two requests would be twice the load."""
    client = Ssm(parameters={"topology": dump(shop()), "live": dump(failed_over())})
    assert load(SsmSource("shop", "prod", client=client)).epoch == 4
    assert client.requests == [[DECLARED, LIVE]]


@mock_aws
def test_the_real_client_reads_what_a_deployment_wrote(monkeypatch):
    """boto3's own client over moto's SSM: names, shapes and the region are right."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    client = boto3.client("ssm", region_name="eu-central-1")
    client.put_parameter(Name=DECLARED, Value=dump(shop()), Type="String")
    client.put_parameter(Name=LIVE, Value=dump(failed_over()), Type="String")
    here = default_source({"SEAWALL_SERVICE": "shop", "SEAWALL_ENVIRONMENT": "prod", "AWS_REGION": "eu-central-1"})
    assert load(here).primary.region == "eu-central-1"
    elsewhere = SsmSource("shop", "prod", region="us-east-1")
    with pytest.raises(TopologyUnavailable) as caught:
        load(elsewhere)
    assert str(caught.value) == (
        "topology from ssm us-east-1 /seawall/shop/prod/topology cannot be read: there is no such parameter"
    )


def test_a_throttled_request_is_one_line_with_the_cause():
    """The watch waits longer then; the original error stays for whoever debugs."""
    error = ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}, "GetParameters")
    with pytest.raises(TopologyUnavailable) as caught:
        SsmSource("shop", "prod", region="eu-west-1", client=Ssm(error)).read()
    assert str(caught.value) == (
        "topology from ssm eu-west-1 /seawall/shop/prod/topology cannot be read: ThrottlingException: Rate exceeded"
    )
    assert caught.value.__cause__ is error


def test_no_region_is_one_line(monkeypatch, tmp_path):
    """An app outside AWS, or without its variables."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")  # else credentials are looked for there first
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(InvalidInput, match=r"region = None: an AWS region, or AWS_REGION set in the environment"):
        SsmSource("shop", "prod").read()


def test_a_client_that_cannot_be_made_is_one_line(monkeypatch):
    """Credentials are looked for when the client is made: a metadata service that is down is no traceback."""

    def fails(region: str | None) -> object:
        raise ConnectionError("metadata service is down")

    monkeypatch.setattr("seawall.topology._ssm._new_client", fails)
    with pytest.raises(TopologyUnavailable, match="cannot be read: ConnectionError: metadata service is down"):
        SsmSource("shop", "prod", region="eu-west-1").read()


def test_a_missing_boto3_is_named_with_the_extra(monkeypatch):
    """The core depends on nothing; whoever reads SSM is told what to install."""
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(MissingExtra, match=r"pip install 'seawall\[aws\]'"):
        SsmSource("shop", "prod", region="eu-west-1").read()


def test_the_client_is_made_anew_in_a_forked_child(monkeypatch):
    """Two processes on one TLS connection read each other's answers."""
    made: list[str | None] = []
    monkeypatch.setattr(
        "seawall.topology._ssm._new_client", lambda region: made.append(region) or Ssm(parameters={"topology": "{}"})
    )
    source = SsmSource("shop", "prod", region="eu-west-1")
    source.read()
    source.read()
    monkeypatch.setattr(os, "getpid", lambda: -1)
    source.read()
    assert made == ["eu-west-1", "eu-west-1"]


def test_a_declared_file_and_a_live_parameter_are_read_together(tmp_path):
    """The ConfigMap knows nothing of a failover; SSM does."""
    (tmp_path / "topology.json").write_text(dump(shop()))
    both = LiveFromSsm(FileSource(tmp_path), ssm(live=dump(failed_over())))
    assert load(both).primary.region == "eu-central-1"
    assert load(LiveFromSsm(FileSource(tmp_path), ssm())).primary.region == "eu-west-1"


def test_roles_are_not_guessed_while_the_live_document_cannot_be_read(tmp_path):
    """Starting with the declared writer during a failover would write to the demoted one."""
    down = SsmSource("shop", "prod", client=Ssm(ConnectionError("unreachable")))
    with pytest.raises(TopologyUnavailable, match="ConnectionError: unreachable"):
        load(LiveFromSsm(TextSource(dump(shop())), down))


def test_the_first_variable_that_is_set_counts(tmp_path):
    """Path, text, SSM: in this order, so that a developer can put a file before what the cluster says."""
    text = dump(shop())
    file = tmp_path / "declared.json"
    file.write_text(dump(shop(epoch=7)))
    everything = {
        "SEAWALL_TOPOLOGY_PATH": str(file),
        "SEAWALL_TOPOLOGY": text,
        "SEAWALL_SERVICE": "shop",
        "SEAWALL_ENVIRONMENT": "prod",
        "AWS_REGION": "eu-west-1",
    }
    assert load(default_source(everything)).epoch == 7
    del everything["SEAWALL_TOPOLOGY_PATH"]
    assert load(default_source(everything)).epoch == 3
    del everything["SEAWALL_TOPOLOGY"]
    assert repr(default_source(everything)) == "SsmSource('ssm eu-west-1 /seawall/shop/prod/topology')"
    beside = {"SEAWALL_TOPOLOGY": text, "SEAWALL_LIVE_SOURCE": "ssm"} | everything
    assert repr(default_source(beside)).startswith("LiveFromSsm(TextSource(), SsmSource(")


def test_a_live_path_of_its_own_is_read_beside_a_declared_file(tmp_path):
    """Two ConfigMaps are two folders."""
    (tmp_path / "topology.json").write_text(dump(shop()))
    (tmp_path / "other.json").write_text(dump(failed_over()))
    variables = {"SEAWALL_TOPOLOGY_PATH": str(tmp_path), "SEAWALL_LIVE_PATH": str(tmp_path / "other.json")}
    assert load(default_source(variables)).epoch == 4


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        (
            {},
            f"SEAWALL_SERVICE is missing: {THE_WAYS}",
        ),
        (
            {"SEAWALL_SERVICE": "shop"},
            f"SEAWALL_ENVIRONMENT is missing: {THE_WAYS}",
        ),
        ({"SEAWALL_LIVE_SOURCE": "s3"}, "SEAWALL_LIVE_SOURCE = s3: ssm, or not set"),
        (
            {"SEAWALL_TOPOLOGY": "{}", "SEAWALL_LIVE_PATH": "/live.json"},
            "SEAWALL_LIVE_PATH = /live.json: only beside SEAWALL_TOPOLOGY_PATH, without SEAWALL_LIVE_SOURCE",
        ),
        (
            {"SEAWALL_SERVICE": "Shop", "SEAWALL_ENVIRONMENT": "prod"},
            "service = Shop: 2 to 32 lower-case letters, digits and hyphens, a letter first, no hyphen last",
        ),
    ],
)
def test_each_wrong_variable_is_one_exact_line(variables, line):
    """A pod that cannot start says what to set."""
    with pytest.raises(InvalidInput) as caught:
        default_source(variables)
    assert str(caught.value) == line


def test_a_missing_file_and_an_unreadable_one_are_one_line(tmp_path):
    """A wrong mount path is the commonest mistake."""
    with pytest.raises(TopologyUnavailable) as caught:
        load(FileSource("none.json"))
    assert str(caught.value) == "topology from file none.json cannot be read: there is no such file"
    (tmp_path / "topology.json").mkdir()
    with pytest.raises(TopologyUnavailable, match="Is a directory"):
        load(FileSource(tmp_path))


def test_a_file_that_is_no_text_and_one_that_is_huge_are_refused(tmp_path):
    """A wrong path may name anything."""
    file = tmp_path / "x"
    file.write_bytes(b"\xff\x00")
    with pytest.raises(TopologyUnavailable, match="UnicodeDecodeError"):
        load(FileSource(file))
    file.write_bytes(b" " * 2_000_000)
    with pytest.raises(InvalidInput, match=r"topology = 1,048,577 bytes: at most 1,048,576 bytes"):
        load(FileSource(file))


def test_the_process_environment_is_read_where_none_is_given(monkeypatch):
    """`topology.load()` without arguments is what apps write."""
    monkeypatch.setenv("SEAWALL_TOPOLOGY", dump(shop()))
    monkeypatch.delenv("SEAWALL_TOPOLOGY_PATH", raising=False)
    assert load().declared == shop()


def test_async_loading_leaves_the_event_loop_free():
    """Reading waits for a network; other tasks of the loop go on in between."""
    reached = threading.Event()

    class WaitsForTheLoop:
        def read(self) -> Texts:
            assert reached.wait(10), "no other task ran while this one was reading"
            return Texts(dump(shop()))

    async def main() -> None:
        async def other() -> None:
            reached.set()

        async with anyio.create_task_group() as group:
            group.start_soon(other)
            assert (await aload(WaitsForTheLoop())).declared == shop()

    anyio.run(main, backend="asyncio")


def test_reading_needs_no_library_beyond_python():
    """The package is imported by every app: boto3 only where SSM is read."""
    script = "import sys, seawall.topology, seawall.watch; print([m for m in ('boto3', 'botocore', 'asyncio') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_a_repr_shows_no_document():
    """Reprs reach logs."""
    assert repr(TextSource(dump(shop()))) == "TextSource()"
    assert repr(FileSource(Path("topology"))) == "FileSource('topology')"
    assert json.loads(dump(shop()))["service"] == "shop"
