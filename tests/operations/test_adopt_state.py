"""`seawall adopt --state`: what another Pulumi program declared, and the command around it."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from seawall.errors import InvalidInput
from seawall_ops import cli
from seawall_ops.adopt.state import look_at_state

SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "plaintext": '"hunter2-in-state"'}
NAME = "shop.example.com"
BOTH = [("primary", "eu-west-1", "203.0.113.10"), ("secondary", "eu-central-1", "198.51.100.10")]


def resource(type_: str, called: str, id_: str = "id", /, **outputs: Any) -> dict[str, Any]:
    return {
        "urn": f"urn:pulumi:old::shop::{type_}::{called}",
        "custom": True,
        "type": type_,
        "id": id_,
        "outputs": outputs,
    }


def database(identifier: str, region: str, **outputs: Any) -> dict[str, Any]:
    arn = f"arn:aws:rds:{region}:123456789012:db:{identifier}"
    return resource(
        "aws:rds/instance:Instance", identifier, "db-ABC", identifier=identifier, arn=arn, region=region,
        engine="postgres", engineVersion="17", engineVersionActual="17.4", instanceClass="db.r7g.large",
        status="available", allocatedStorage=100, maxAllocatedStorage=0, storageType="gp3", multiAz=True,
        storageEncrypted=True, kmsKeyId=f"arn:aws:kms:{region}:123456789012:key/1", port=5432, username="owner",
        dbName="orders", dbSubnetGroupName="data", vpcSecurityGroupIds=["sg-1"], parameterGroupName="tuned",
        backupRetentionPeriod=14, password=SECRET, **outputs,
    )  # fmt: skip


def exported(*more: dict[str, Any], version: int = 3) -> str:
    resources = [
        resource("aws:route53/zone:Zone", "zone", "Z1", zoneId="Z1", name="example.com", vpcs=[]),
        resource("aws:rds/subnetGroup:SubnetGroup", "data", name="data", region="eu-west-1", arn="arn:aws:rds:eu-west-1:123456789012:subgrp:data"),
        database("orders", "eu-west-1"),
        database("orders-far", "eu-central-1", replicateSourceDb="arn:aws:rds:eu-west-1:123456789012:db:orders"),
        resource("aws:cloudwatch/metricAlarm:MetricAlarm", "down", name="down", arn="arn:aws:cloudwatch:us-east-1:1:alarm:down", namespace="AWS/Route53", metricName="HealthCheckStatus", dimensions={"HealthCheckId": "check-primary"}, alarmActions=[]),
        resource("aws:cloudwatch/compositeAlarm:CompositeAlarm", "both", alarmName="both", region="us-east-1", alarmRule="ALARM(down)"),
        resource("aws:backup/vault:Vault", "vault", name="old", region="eu-west-1"),
    ]  # fmt: skip
    for role, region, address in BOTH:
        failover = {
            "failoverRoutingPolicies": [{"type": role.upper()}],
            "setIdentifier": role,
            "weightedRoutingPolicies": [],
        }
        record: dict[str, Any] = {
            "zoneId": "Z1",
            "type": "A",
            "ttl": 60,
            "records": [address],
            "healthCheckId": f"check-{role}",
        }
        resources += [
            resource("aws:route53/record:Record", role, name="shop", fqdn=NAME, **record, **failover),
            resource("aws:route53/healthCheck:HealthCheck", role, f"check-{role}", type="HTTPS", fqdn=f"{region}.{NAME}", resourcePath="/up", requestInterval=30, failureThreshold=2, port=443, enableSni=True, ipAddress=""),
        ]  # fmt: skip
    resources += more
    return json.dumps({"version": version, "deployment": {"resources": resources}})


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """The command on a state file; exit code and both streams."""

    def command(text: str, *arguments: str, name: str = NAME) -> tuple[int, str, str]:
        state = tmp_path / "state.json"
        state.write_text(text, encoding="utf-8")
        regions = ("--primary-region", "eu-west-1", "--standby-region", "eu-central-1")
        code = cli.main(["adopt", "--name", name, "--state", str(state), *regions, *arguments])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return command


def test_a_state_is_read_as_the_account_would_be():
    """The same estate by either way; deleted resources are none."""
    gone = {**resource("aws:route53/zone:Zone", "gone", "Z9", zoneId="Z9", name="gone.com"), "delete": True}
    estate = look_at_state(exported(gone))
    assert [zone.id for zone in estate.zones] == ["Z1"]
    assert [(one.name, one.failover, one.import_id) for one in estate.records] == [
        (NAME, "primary", f"Z1_{NAME}_A_primary"),
        (NAME, "secondary", f"Z1_{NAME}_A_secondary"),
    ]
    assert [(one.id, one.ip_address, one.interval_seconds) for one in estate.checks] == [
        ("check-primary", None, 30),
        ("check-secondary", None, 30),
    ]
    writer, replica = estate.instances
    assert (writer.source, replica.source, writer.storage_limit_gib) == (None, "orders", None)
    assert replica.subnet_group_arn == "arn:aws:rds:eu-central-1:123456789012:subgrp:data"
    assert [alarm.region for alarm in estate.alarms] == ["us-east-1", "us-east-1"]


def test_the_command_writes_the_file_and_names_what_stays_outside(run: Any):
    """YAML on the one stream, what somebody must read on the other, and the code that a script branches on."""
    code, out, errors = run(exported(), "--max-connections", "300")
    assert code == 1
    assert yaml.safe_load(out)["config"]["seawall:dns"]["import_ids"]["primary_status_alarm"] == "down"
    (line,) = errors.splitlines()
    assert line.startswith("not adopted: backup vault old in eu-west-1: which rules write to it is yours to say")
    assert "hunter2" not in out + errors
    assert "# Note: another stack owns orders; after the adoption: pulumi state delete" in out


def test_as_json_it_is_one_document(run: Any):
    """For a script, or a form that asks back."""
    code, out, _ = run(exported(), "--json", "--environment", "live")
    document = json.loads(out)
    assert code == 1
    assert document["file"] == "Pulumi.live.yaml"
    assert document["config"]["seawall:database"]["members"][1]["import_id"] == "orders-far"
    assert document["import_file"] == {"resources": []}
    assert document["not_adopted"][0]["what"] == "backup vault old in eu-west-1"


def follower() -> list[dict[str, Any]]:
    """A private zone with a name that follows the writer."""
    zone = resource("aws:route53/zone:Zone", "in", "Z2", zoneId="Z2", name="internal", vpcs=[{"vpcId": "vpc-1"}])
    host = {"name": "db.internal", "zoneId": "Z2", "type": "CNAME", "ttl": 5, "records": ["orders.rds.amazonaws.com"]}
    return [zone, resource("aws:route53/record:Record", "db", **host)]


def test_the_import_file_is_written_where_it_was_asked_for(run: Any, tmp_path: Path):
    """Without it the name that follows the writer would be left out, which is said."""
    text = exported(*follower()).replace('"port": 5432', '"port": 5432, "address": "orders.rds.amazonaws.com"', 1)
    _, _, errors = run(text)
    assert "give --import-file too" in errors
    path = tmp_path / "import.json"
    _, out, errors = run(text, "--import-file", str(path))
    assert [one["name"] for one in json.loads(path.read_text())["resources"]] == ["shop-prod", "shop-prod-writer"]
    assert f"pulumi import --file {path} --generate-code=false" in out
    assert "give --import-file" not in errors


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{", "no JSON: the output of: pulumi stack export"),
        ("[]", "another JSON document: the output of: pulumi stack export"),
        (exported(version=1), "another JSON document: "),
        ('{"terraform_version": "1.9"}', "a Terraform state: the output of: pulumi stack export, because look at the account"),
    ],
)  # fmt: skip
def test_another_file_is_refused_in_one_line(text: str, line: str):
    """It would otherwise look like an estate with nothing in it."""
    with pytest.raises(InvalidInput, match=line):
        look_at_state(text, "state.json")


def test_a_file_that_is_not_there_is_wrong_input(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    """Exit code 2, one line."""
    assert cli.main(["adopt", "--name", NAME, "--state", str(tmp_path / "none.json")]) == 2
    assert capsys.readouterr().err.startswith("error: --state = ")


def test_a_name_that_names_no_service_asks_for_one(run: Any):
    """A wildcard's first label, or one letter, is nothing that resources can be called after."""
    code, _, errors = run(exported(), name="*.example.com")
    assert code == 2
    assert errors.startswith("error: --service = *: 2 to 32 lower-case letters")


def test_a_name_outside_the_state_is_wrong_input(run: Any):
    """Nothing is proposed for a name that was not seen."""
    code, out, errors = run(exported(), name="else.where.net")
    assert (code, out) == (2, "")
    assert errors.startswith("error: name = else.where.net: a name in one public hosted zone; there is none")
