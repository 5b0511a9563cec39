"""What a failover needs in the settings, and where its inputs are kept: one line for each thing that is wrong."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from failover_desk import AWAY, HOME, THIRD
from lease_places import dynamodb_client
from local_moto import moto_server
from seawall.errors import CloudUnavailable, InvalidInput
from seawall.topology import Engine, merge
from seawall_ops.failover.operating import Operating, ServersKind, Table
from seawall_ops.failover.plans import assembling
from seawall_ops.failover.plans import kept as kept_module
from seawall_ops.failover.plans.choosing import Conditions, to_region
from seawall_ops.failover.plans.handover import Handover
from seawall_ops.failover.plans.kept import KeptHandovers
from seawall_ops.failover.plans.postgres import PostgresServers
from seawall_ops.failover.plans.rds import RdsServers
from seawall_ops.failover.settings import Settings, parse_settings
from seawall_ops.steps import FileJournals, TableJournals
from topology_documents import shop

pytestmark = pytest.mark.xdist_group("leases")
RECORDS = Table("us-west-2", "records")
BASE: dict[str, Any] = {
    "cluster": "shop-prod",
    "domains": [HOME, AWAY, THIRD],
    "board": "dynamodb://us-west-2/votes",
    "references": ["localhost:1"],
}


def settings(**more: Any) -> Settings:
    return parse_settings(yaml.safe_dump({**BASE, **more}))


def handover(**changes: Any) -> Handover:
    view = merge(shop())
    return to_region(view, settings(**changes).policy, AWAY, Conditions(by="somebody", reason="drill"))


def test_everything_has_a_default_but_for_what_only_the_user_knows():
    """A file for observers alone goes on to be one; its arbiter is the board's region."""
    found = settings()
    assert found.operating == Operating()
    assert (found.arbiter, found.servers) == ("us-west-2", ServersKind.RDS)
    assert settings(aws_status=False).servers is ServersKind.POSTGRES
    found.refuse_inside(shop())
    assert assembling.live_of(settings(live="file:///run/live.json"), shop()).where == "file /run/live.json"


def test_all_of_it_is_read():
    """Every key of the docs, with its value."""
    found = settings(
        leases="dynamodb://us-west-2/leases",
        lease_terms={"ttl_seconds": 40.0},
        journals="dynamodb://us-west-2/records",
        arbiter="ca-central-1",
        servers="rds",
        verify_by="status",
        retention_days=14,
        fence={"cut_also": ["other-db"], "uncut_because": "a bastion"},
        rebuild_command=["rebuild", "{member}"],
        switch={HOME: "s3://a/b", AWAY: "s3://c/d"},
        epoch_lease_seconds=30,
        members={HOME: "10.0.0.1:5432"},
        promote_seconds=600,
    )
    operating = found.operating
    assert (operating.lease_table, operating.journal_table) == (Table("us-west-2", "leases"), RECORDS)
    assert (operating.lease_terms.ttl_seconds, found.arbiter) == (40.0, "ca-central-1")
    assert (operating.cut_also, operating.uncut_because) == (("other-db",), "a bastion")
    assert (operating.rebuild_command, operating.promote_seconds) == (("rebuild", "{member}"), 600)


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({"leases": "redis://x/y"}, "leases = redis://x/y: dynamodb://<region>/<table>, or sqlite:///<path>"),
        ({"journals": "sqlite:///x"}, "journals = sqlite:///x: dynamodb://<region>/<table>"),
        ({"live": "ssm://x"}, "live = ssm://x: ssm, or file:///<path>"),
        ({"arbiter": ""}, "arbiter = "),
        ({"servers": "aurora"}, "servers = aurora: rds, postgres"),
        ({"verify_by": "hope"}, "verify_by = hope: write, status"),
        ({"retention_days": 36}, "retention_days = 36: 1 to 35 days"),
        ({"fence": {"nacl": 1}}, "fence.nacl = 1: one of cut_also, uncut_because"),
        ({"fence": []}, "fence = "),
        ({"fence": {"uncut_because": 1}}, "fence.uncut_because = 1"),
        ({"rebuild_command": "rebuild now"}, "rebuild_command = rebuild now: a list of texts"),
        ({"switch": ["s3://a/b"]}, "a mapping of texts"),
        ({"epoch_lease_seconds": 0}, "epoch_lease_seconds = 0"),
        ({"members": {HOME: "10.0.0.1"}}, f"members.{HOME} = 10.0.0.1: host:port"),
        ({"lease_terms": {"ttl": 1}}, "lease_terms = "),
        ({"lease": "dynamodb://a/b"}, "lease = dynamodb://a/b: one of"),
    ],
)
def test_a_wrong_value_is_one_line(more, line):
    """Before anything is asked."""
    with pytest.raises(InvalidInput) as caught:
        settings(**more)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["leases", "journals", "arbiter"])
def test_what_is_inside_of_what_fails_over_is_refused_unless_nothing_ever_acts(name):
    """It would be lost together with the region that it is needed for."""
    value = HOME if name == "arbiter" else f"dynamodb://{HOME}/table"
    with pytest.raises(InvalidInput, match=f"{name} = {HOME}: outside of"):
        settings(**{name: value}).refuse_inside(shop())
    settings(**{name: value, "mode": "recommend"}).refuse_inside(shop())


def test_a_board_in_a_file_needs_a_word_on_where_the_live_document_is():
    """Else nobody knows which copy counts."""
    local = {"board": "sqlite:///board"}
    with pytest.raises(InvalidInput, match=r"arbiter is missing: .*the board is in a file"):
        settings(**local).refuse_inside(shop())
    settings(**local, live="file:///live.json").refuse_inside(shop())
    settings(**local, arbiter="us-west-2").refuse_inside(shop())


def test_an_arbiter_that_apps_do_not_follow_is_refused(monkeypatch):
    """A failover written where no app looks moves nobody, and the apps' own leases never run out."""
    asked = settings(arbiter="us-west-2")
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "none")
    monkeypatch.setenv("SEAWALL_LIVE_REGION", "us-east-2")
    with pytest.raises(InvalidInput) as caught:
        assembling.live_of(asked, shop())
    assert str(caught.value) == (
        "arbiter = us-west-2: us-east-2, because SEAWALL_LIVE_REGION says so: apps would follow another document than the one "
        "that is written"
    )
    monkeypatch.setenv("SEAWALL_LIVE_REGION", "us-west-2")
    assert "us-west-2" in assembling.live_of(asked, shop()).where
    monkeypatch.setenv("SEAWALL_LIVE_REGION", "")
    assert "us-west-2" in assembling.live_of(asked, shop()).where


def test_servers_are_made_as_the_settings_say(monkeypatch):
    """Of RDS with SQL beside it or without, or by SQL alone; other engines have no SQL here."""
    database = shop().database
    assert database is not None
    by_sql = assembling.servers_of(settings(aws_status=False, members={HOME: "10.0.0.1:5433"}), database)
    assert isinstance(by_sql, PostgresServers)
    assert f"{HOME} 10.0.0.1:5433" in by_sql.where
    managed = assembling.servers_of(settings(verify_by="status"), database)
    assert isinstance(managed, RdsServers)
    assert "verified by RDS's status alone" in managed.where
    assert "verified by a write" in assembling.servers_of(settings(), database).where
    with pytest.raises(InvalidInput, match=r"members\.nowhere"):
        assembling.servers_of(settings(members={"nowhere": "a:1"}), database)
    other = type(database)(
        engine=Engine.MYSQL, database="shop", port=3306, writer=database.writer, members=database.members
    )
    with pytest.raises(InvalidInput, match="nothing here speaks to mysql by SQL"):
        assembling.servers_of(settings(), other)


@pytest.fixture
def dynamodb() -> Iterator[Any]:
    with moto_server() as url:
        client = dynamodb_client(url, RECORDS.region)
        keys = [("operation", "HASH"), ("position", "RANGE")]
        client.create_table(
            TableName=RECORDS.name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
        )
        yield client
        client.close()


def test_a_handover_is_found_on_another_machine_where_the_journals_are(tmp_path, dynamodb):
    """Whoever is awake goes on, and does exactly what was shown."""
    here = KeptHandovers(tmp_path / "here", RECORDS, dynamodb=dynamodb)
    there = KeptHandovers(tmp_path / "there", RECORDS, dynamodb=dynamodb)
    here.keep("failover-region-1", handover())
    here.keep("failover-region-1", handover())
    assert there.find("failover-region-1") == handover() == here.find("failover-region-1")
    with pytest.raises(InvalidInput, match="an id that no other plan has"):
        there.keep("failover-region-1", handover(lag_limit_seconds=7.0))
    with pytest.raises(InvalidInput, match=r"is kept in .*table records in us-west-2"):
        there.find("failover-region-2")
    with pytest.raises(CloudUnavailable, match="ResourceNotFound"):
        KeptHandovers(tmp_path / "no", Table("us-west-2", "none"), dynamodb=dynamodb).find("failover-region-1")


def test_the_client_of_the_handovers_is_made_before_the_outage(tmp_path, monkeypatch):
    """Making one takes seconds on a busy machine, and an observer that acts must not spend them while the writer is lost."""
    made: list[str] = []

    class Table:
        item: dict[str, Any]

        def put_item(self, **asked: Any) -> None:
            self.item = asked["Item"]

        def get_item(self, **_: object) -> dict[str, Any]:
            return {"Item": self.item}

    monkeypatch.setattr(kept_module, "client", lambda *_: made.append("client") or Table())
    kept = KeptHandovers(tmp_path, RECORDS)
    assert made == ["client"]
    kept.keep("failover-region-3", handover())
    (tmp_path / "handovers" / "failover-region-3.json").unlink()
    assert kept.find("failover-region-3") == handover()
    assert made == ["client"]


def test_a_broken_handover_is_one_line(tmp_path):
    """It is never taken for another one."""
    kept = KeptHandovers(tmp_path)
    kept.keep("failover-region-1", handover())
    (file,) = (tmp_path / "handovers").iterdir()
    content = json.loads(file.read_text(encoding="utf-8"))
    for text, line in (("{", "it is broken"), (json.dumps({**content, "surprise": 1}), "surprise = 1")):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(InvalidInput, match=line):
            kept.find("failover-region-1")


def test_journals_are_in_a_table_only_where_that_is_said(monkeypatch, tmp_path):
    """Files of this machine are the default."""
    monkeypatch.setenv("SEAWALL_STATE", str(tmp_path))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    assert isinstance(assembling.journals_of(settings()), FileJournals)
    assert isinstance(assembling.journals_of(settings(journals="dynamodb://us-west-2/records")), TableJournals)


def test_help_does_not_wait_for_boto3():
    """What is typed at three in the morning answers at once."""
    code = (
        "import sys; from seawall_ops import cli; cli.main(['failover', 'run', '--help']); "
        "sys.exit('boto3' in sys.modules or 'psycopg' in sys.modules)"
    )
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=root, timeout=60)
