"""The record: appended, chained, forwarded; what was removed, changed or torn is noticed."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from moto import mock_aws

from seawall.errors import AuditConflict, CloudUnavailable, InvalidInput
from seawall.testing import FakeClock
from seawall_ops import cli
from seawall_ops.audit import (
    AuditFile,
    Decision,
    Fault,
    Fence,
    Record,
    Result,
    S3Sink,
    StepPhase,
    TableSink,
    TornLine,
    Trail,
    Unrecognized,
    Vote,
    compare,
    verify,
)
from seawall_ops.audit.records import parse
from seawall_ops.audit.scrubbing import scrubbed

REGION = "eu-central-1"
VOTE = Vote(observer="o1", domain="eu-west-3", subject="eu-west-1", verdict="unknown", because="no answer")
FACTS = (
    VOTE,
    Decision(subject="eu-west-1", decision="fail over", because="3 of 3 say unhealthy"),
    Fence(subject="database shop", method="network ACL", state="confirmed", because="no session is left"),
    StepPhase(plan="move", step="promote", phase="apply", outcome="done", seconds=1.5),
    Result(plan="move", end="stopped", because="asked by SIGINT", next="resume"),
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "audit.jsonl"


@pytest.fixture
def aws(monkeypatch):
    """S3 and DynamoDB of moto, with the bucket and the table."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_REGION", REGION)
    with mock_aws():
        s3 = boto3.client("s3", region_name=REGION)
        s3.create_bucket(
            Bucket="acme-audit",
            CreateBucketConfiguration={"LocationConstraint": REGION},
            ObjectLockEnabledForBucket=True,
        )
        dynamodb = boto3.client("dynamodb", region_name=REGION)
        dynamodb.create_table(
            TableName="acme-audit",
            KeySchema=[
                {"AttributeName": "operation", "KeyType": "HASH"},
                {"AttributeName": "position", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "operation", "AttributeType": "S"},
                {"AttributeName": "position", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        yield s3, dynamodb


class Flaky:
    """A sink that is down until it is told otherwise."""

    name = "flaky"

    def __init__(self, *, down: bool = False) -> None:
        self.down, self.kept = down, dict[str, Record]()

    def put(self, record: Record) -> None:
        if self.down:
            raise CloudUnavailable("s3 PutObject", "timed out")
        if self.kept.setdefault(record.key, record).digest != record.digest:
            raise AuditConflict(self.name, record.key)

    def read(self, operation=None):
        return iter(self.kept.values())


def written(path, count: int = 5, **more) -> list[Record]:
    with Trail(path, actor="ann", host="desk", **more) as trail:
        return [trail.write("op-1", FACTS[number % len(FACTS)], fence=7) for number in range(count)]


def found(path) -> list[Record | TornLine]:
    return [each for _, each in AuditFile(path).read()]


def test_what_is_written_is_what_is_read(path):
    """Every kind, with who, where, when and under which fence."""
    now = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
    clock = FakeClock(100.0)
    records = written(path, now=lambda: now, clock=clock)
    assert found(path) == records
    assert [record.fact for record in records] == list(FACTS)
    assert [record.sequence for record in records] == [1, 2, 3, 4, 5]
    one = records[0]
    assert (one.actor, one.host, one.fence, one.at, one.monotonic_seconds) == ("ann", "desk", 7, now, 100.0)
    assert verify(found(path)) == ()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_new_process_goes_on_behind_the_old_one(path):
    """Its chain vouches for the last record of the one before."""
    last = written(path)[-1]
    first = written(path)[0]
    assert (first.previous, first.sequence, first.chain != last.chain) == (last.digest, 1, True)
    assert verify(found(path)) == ()


@pytest.mark.parametrize("line", range(5))
def test_a_record_that_was_changed_is_noticed(path, line):
    """One word in any record."""
    written(path, 6)
    lines = path.read_text().splitlines()
    content = json.loads(lines[line])
    content["actor"] = "bob"
    lines[line] = json.dumps(content, sort_keys=True, separators=(",", ":"))
    path.write_text("\n".join(lines) + "\n")
    assert Fault.CHANGED in {finding.fault for finding in verify(found(path))}


@pytest.mark.parametrize("line", range(5))
def test_a_record_that_was_removed_is_noticed(path, line):
    """The first, and any in the middle; a removed last one takes a second place to notice."""
    records = written(path, 6)
    lines = path.read_text().splitlines()
    del lines[line]
    path.write_text("\n".join(lines) + "\n")
    assert Fault.MISSING in {finding.fault for finding in verify(found(path))}
    path.write_text("\n".join(lines[:-1]) + "\n")
    compared = compare({"file": [one for one in found(path) if isinstance(one, Record)], "bucket": records})
    assert records[-1].key in {finding.where for finding in compared}


def test_a_chain_that_was_removed_as_a_whole_is_noticed(path):
    """The next process's chain names what it followed."""
    written(path, 3)
    written(path, 3)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[3:]))
    (finding,) = verify(found(path))
    assert (finding.fault, finding.because) == (Fault.MISSING, "the record that it follows is not there")


def test_a_record_that_was_rewritten_with_its_digest_is_noticed_by_the_next_one(path):
    """Whoever knows the rule still breaks the chain."""
    from seawall_ops.audit.records import digest_of

    written(path, 3)
    lines = path.read_text().splitlines()
    content = json.loads(lines[1])
    content["actor"] = "bob"
    content["digest"] = digest_of(content)
    lines[1] = json.dumps(content, sort_keys=True, separators=(",", ":"))
    path.write_text("\n".join(lines) + "\n")
    (finding,) = verify(found(path))
    assert (finding.fault, "vouches for another digest" in finding.because) == (Fault.CHANGED, True)


@pytest.mark.parametrize("cut", [1, 40])
def test_a_torn_last_line_is_set_aside_and_never_rewritten(path, cut):
    """A crash in the middle of a write: the next record begins a line of its own."""
    written(path, 3)
    whole = path.read_bytes()
    torn = whole[:-cut]
    path.write_bytes(torn)
    if cut > 1:
        assert isinstance(found(path)[-1], TornLine)
        assert verify(found(path)) == ()
    written(path, 2)
    assert path.read_bytes().startswith(torn + b"\n")
    assert len([one for one in found(path) if isinstance(one, Record)]) == (5 if cut == 1 else 4)
    assert verify(found(path)) == ()


def test_damage_in_the_middle_of_a_chain_is_no_torn_line(path):
    """A crash tears only what comes last in a chain."""
    written(path, 3)
    lines = path.read_text().splitlines()
    lines[1] = lines[1][:50]
    path.write_text("\n".join(lines) + "\n")
    assert {finding.fault for finding in verify(found(path))} == {Fault.MISSING, Fault.DAMAGED}


def test_processes_share_a_file(path):
    """Observers and an operator on one machine: each its chain, no line is mixed with another."""
    code = (
        "import sys, pathlib; from seawall_ops.audit import Trail, Decision\n"
        "with Trail(pathlib.Path(sys.argv[1])) as trail:\n"
        "    for n in range(40): trail.write('op', Decision(subject=sys.argv[2], decision='d', because='x' * 500))\n"
    )
    children = [subprocess.Popen([sys.executable, "-c", code, str(path), str(n)]) for n in range(2)]
    assert [child.wait(60) for child in children] == [0, 0]
    assert len([one for one in found(path) if isinstance(one, Record)]) == 80
    assert verify(found(path)) == ()


def test_a_sink_that_is_down_blocks_nothing_is_shown_and_catches_up(path):
    """An outage takes the bucket along; the operation goes on, and the next process sends what is missing."""
    told = []
    sink = Flaky(down=True)
    trail = Trail(path, sinks=[sink], told=told.append)
    records = [trail.write("op-1", fact) for fact in FACTS]
    assert trail.flush(10) is False
    assert trail.problems == ("flaky is behind: AWS could not be asked (s3 PutObject): timed out",)
    assert ["takes no records, which wait in" in line for line in told] == [True]
    trail.close(0.0)
    sink.down = False
    with Trail(path, sinks=[sink]) as later:
        assert later.flush(10)
        assert later.problems == ()
    assert list(sink.kept.values()) == records


def test_a_sink_that_comes_back_is_said_to_have_caught_up(path):
    """Within one process, at its next try."""
    told = []
    sink = Flaky(down=True)
    with Trail(path, sinks=[sink], told=told.append) as trail:
        trail.write("op-1", VOTE)
        trail.flush(10)
        sink.down = False
        assert trail.flush(10)
    assert told[-1] == "audit: flaky has caught up"


def test_what_a_sink_has_is_not_sent_again(path):
    """The mark beside the file says how far it is."""
    sink = Flaky()
    written(path, 3, sinks=[sink])
    sink.kept.clear()
    written(path, 1, sinks=[sink])
    assert len(sink.kept) == 1


def test_a_full_disk_loses_no_record_and_stops_nobody(path):
    """The sinks get it, and the file once it takes records again."""
    told = []
    sink = Flaky()
    path.mkdir()
    with Trail(path, sinks=[sink], told=told.append) as trail:
        first = trail.write("op-1", VOTE)
        assert trail.flush(5) is False
        assert list(sink.kept.values()) == [first]
        assert "1 records are not on the disk" in trail.problems[0]
        path.rmdir()
        second = trail.write("op-1", VOTE)
    assert found(path) == [first, second]
    assert ["takes no records" in told[0], "takes records again" in told[-1]] == [True, True]


def test_a_secret_in_a_text_never_reaches_the_disk(path):
    """Drivers put whole connection strings into their errors; the rest of the line stays readable."""
    text = "cannot connect to postgres://admin:hunter2@db/shop?password=hunter2: refused"
    with Trail(path) as trail:
        trail.write("op-1", Decision(subject="db", decision="abort", because=text))
    assert "hunter2" not in path.read_text()
    assert "cannot connect to postgres://db/shop" in path.read_text()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("plain words", "plain words"),
        ("key AKIAABCDEFGHIJKLMNOP denied", "(hidden): no text that looks like an AWS access key"),
        ("Authorization: Bearer abc.def", "(hidden)"),
        ("x" * 3000, "x" * 1999 + "…"),
    ],
)
def test_texts_are_scrubbed(text, kept):
    """What the topology refuses is replaced here: a record must not be lost for its text."""
    assert scrubbed(text) == kept


def test_a_kind_of_a_later_seawall_is_kept_and_verified(path):
    """Old readers verify new trails."""
    (record,) = written(path, 1)
    content = {**json.loads(record.line), "kind": "rehearsal", "facts": {"what": "x"}}
    later = parse(json.dumps(content))
    assert later is not None
    assert (later.fact, later.kind) == (Unrecognized(name="rehearsal", values={"what": "x"}), "rehearsal")
    for broken in ({**content, "at": 3}, {**content, "sequence": "1"}, [1], {}):
        assert parse(json.dumps(broken)) is None


@pytest.mark.parametrize("kind", ["s3", "table"])
def test_records_are_put_only_where_nothing_is(aws, path, kind):
    """The same one twice is well; another one in its place is refused, and the first stays."""
    s3, dynamodb = aws
    sink = S3Sink("acme-audit", s3=s3) if kind == "s3" else TableSink("acme-audit", dynamodb=dynamodb)
    records = written(path)
    for record in [*records, *records]:
        sink.put(record)
    assert sorted(sink.read(), key=lambda one: one.sequence) == records
    assert sorted(sink.read("op-1"), key=lambda one: one.sequence) == records
    assert list(sink.read("op-2")) == []
    forged = parse(records[0].line.replace('"ann"', '"bob"'))
    assert forged is not None
    with pytest.raises(AuditConflict, match="it was left as it is"):
        sink.put(forged)
    assert records[0] in list(sink.read())


def test_object_lock_keeps_a_record_for_so_many_days(aws, path):
    """Compliance mode: nobody deletes it, whatever their rights."""
    s3, _ = aws
    now = datetime(2026, 11, 25, tzinfo=UTC)
    (record,) = written(path, 1)
    S3Sink("acme-audit", s3=s3, lock_days=400, now=lambda: now).put(record)
    key = f"seawall/audit/op-1/{record.chain}/00000001.json"
    kept = s3.head_object(Bucket="acme-audit", Key=key)
    assert (kept["ObjectLockMode"], kept["ObjectLockRetainUntilDate"]) == ("COMPLIANCE", now + timedelta(days=400))


@pytest.mark.parametrize(("more", "line"), [({"prefix": "x"}, "prefix = x"), ({"lock_days": 0}, "lock_days = 0")])
def test_a_sink_that_makes_no_sense_is_refused(more, line):
    """Before the first outage."""
    with pytest.raises(InvalidInput, match=line):
        S3Sink("acme-audit", s3=object(), **more)


def test_a_bucket_that_is_not_there_is_said_and_not_raised(aws, path):
    """The trail goes on."""
    s3, _ = aws
    with Trail(path, sinks=[S3Sink("nobody", s3=s3)]) as trail:
        trail.write("op-1", VOTE)
        assert trail.flush(10) is False
        assert "NoSuchBucket" in trail.problems[0]


def test_the_command_shows_filters_and_verifies(path, capsys):
    """As a table and as JSON, with exit codes that a script branches on."""
    written(path)
    assert cli.main(["audit", "show", "--file", str(path), "--kind", "result", "--kind", "fence"]) == 0
    shown = capsys.readouterr().out
    assert ("network ACL" in shown, "asked by SIGINT" in shown, "no answer" in shown) == (True, True, False)
    assert cli.main(["audit", "show", "--file", str(path), "--operation", "op-1", "--json"]) == 0
    assert [one["kind"] for one in json.loads(capsys.readouterr().out)] == [fact.kind.value for fact in FACTS]
    assert cli.main(["audit", "show", "--file", str(path), "--since", "2999-01-01", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert cli.main(["audit", "verify", "--file", str(path)]) == 0
    assert capsys.readouterr().out == f"whole; records: 5 in {path}\n"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]) + '{"torn')
    assert cli.main(["audit", "verify", "--file", str(path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["findings"][0]["fault"] == "missing"
    assert cli.main(["audit", "verify", "--file", str(path)]) == 1
    assert "not whole: 1 findings" in capsys.readouterr().out
    assert cli.main(["audit", "show", "--file", str(path)]) == 0
    assert capsys.readouterr().err == "1 torn lines are left aside\n"


def test_the_command_compares_with_the_bucket_and_sends_what_it_lacks(aws, path, capsys, monkeypatch):
    """After an outage: not arrived, sent, whole."""
    monkeypatch.setenv("SEAWALL_STATE", str(path.parent))
    written(path)
    where = ["--bucket", "acme-audit", "--table", "acme-audit", "--region", REGION]
    assert cli.main(["audit", "verify", *where]) == 1
    assert "does not have it" in capsys.readouterr().out
    assert cli.main(["audit", "send", *where]) == 0
    assert "s3://acme-audit/seawall/audit/ has all 5 records" in capsys.readouterr().out
    assert cli.main(["audit", "verify", *where]) == 0
    assert cli.main(["audit", "show", *where, "--json"]) == 0


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["show", "--file", "nowhere.jsonl"], "--file = nowhere.jsonl: a file that can be read"),
        (["show", "--since", "yesterday"], "--since = yesterday: a time like"),
        (["send"], "--bucket = None: a bucket, or --table"),
    ],
)
def test_wrong_input_of_the_command_is_one_line(arguments, line, capsys):
    """And exit code 2."""
    assert cli.main(["audit", *arguments]) == 2
    assert line in capsys.readouterr().err
