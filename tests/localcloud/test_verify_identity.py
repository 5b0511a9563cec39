"""What `make dev` finds of experiments and roles: right when they are as declared, a line for each thing that is not."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.provider.aws.pod_identity import TOKEN
from localcloud.provider.clients import Clients
from localcloud.provider.recorded import RecordedObject, keep
from localcloud.verify_identity import faults, identities
from provider_surroundings import ALLOWS, TRUST

pytestmark = pytest.mark.xdist_group("provider")

REGION = "eu-west-1"
ENDPOINT = "http://the-clients-know-it"
ALARM = f"arn:aws:cloudwatch:{REGION}:123456789012:alarm:shop"
ISSUER = "arn:aws:iam::123456789012:oidc-provider/ci.example.com"


class Session:
    """As boto3's, with clients that are made already."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def client(self, service: str, *, region_name: str, endpoint_url: str) -> Any:
        assert endpoint_url == ENDPOINT
        return self._clients.get(service, region_name)


class Estate:
    """A template, a role with its rights, an association and a pipeline, as a program would claim them."""

    def __init__(self, clients: Clients, folder: Path) -> None:
        self.name = f"v{uuid.uuid4().hex[:8]}"
        self.recorded, self.session = folder / "recorded.json", Session(clients)
        self.iam, self.fis = clients.get("iam", "us-east-1"), clients.get("fis", REGION)
        self.faults: dict[str, Any] = {"faults": [self._fault()]}
        self.identities: dict[str, Any] = {"identities": [self._identity()], "pipeline": self._pipeline()}

    def role(self, purpose: str, principal: dict[str, str]) -> str:
        trust = json.loads(TRUST)
        trust["Statement"][0]["Principal"] = principal
        name = f"{self.name}-{purpose}"
        return self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]

    def _fault(self) -> dict[str, Any]:
        role = self.role("fis", {"Service": "fis.amazonaws.com"})
        target = {
            "resourceType": "aws:ec2:instance", "selectionMode": "COUNT(1)", "resourceTags": {"seawall:faults": "dev"},
        }  # fmt: skip
        made = self.fis.create_experiment_template(
            clientToken=self.name, description="stop one", roleArn=role,
            stopConditions=[{"source": "aws:cloudwatch:alarm", "value": ALARM}], targets={"instances": target},
            actions={"stop": {"actionId": "aws:ec2:stop-instances", "targets": {"Instances": "instances"}}},
        )  # fmt: skip
        return {
            "name": "stop-one", "region": REGION, "template_id": made["experimentTemplate"]["id"], "role_arn": role,
            "description": "stop one", "stop_alarms": [ALARM], "target_tags": {"seawall:faults": "dev"},
            "actions": ["aws:ec2:stop-instances"],
        }  # fmt: skip

    def _identity(self) -> dict[str, Any]:
        role = self.role("app", {"Service": "pods.eks.amazonaws.com"}).rpartition("/")[2]
        policy = json.dumps({**json.loads(ALLOWS)}).replace('"ssm:GetParameter"', '["ssm:GetParameters"]')
        self.iam.put_role_policy(RoleName=role, PolicyName="seawall", PolicyDocument=policy)
        trust = TRUST.replace("ec2.", "pods.eks.")
        keep(self.recorded, RecordedObject(TOKEN, REGION, "a-1", {}))
        pods = {"eu-west-1/shop/shop/shop": "a-1"}
        return {"purpose": "app", "role": role, "policy": policy, "trust": trust, "associations": pods}

    def _pipeline(self) -> dict[str, Any]:
        roles = {purpose: self.role(purpose, {"Federated": ISSUER}) for purpose in ("preview", "deploy")}
        for policy, users in (("read", ("preview", "deploy")), ("write", ("deploy",))):
            arn = self.iam.create_policy(PolicyName=f"{self.name}-{policy}", PolicyDocument=ALLOWS)["Policy"]["Arn"]
            for user in users:
                self.iam.attach_role_policy(RoleName=f"{self.name}-{user}", PolicyArn=arn)
        return {
            "provider_arn": ISSUER, "preview_role_arn": roles["preview"], "deploy_role_arn": roles["deploy"],
            "read_policies": 1, "write_policies": 1,
        }  # fmt: skip

    def differences(self) -> list[str]:
        """Every difference that is found."""
        return [f"{finding.kind}: {line}" for finding in self.findings() for line in finding.differences]

    def findings(self) -> Iterator[Any]:
        yield from faults(self.session, ENDPOINT, self.faults)
        yield from identities(self.session, ENDPOINT, self.identities, self.recorded)


@pytest.fixture
def estate(local_clients: Any, tmp_path: Path) -> Estate:
    return Estate(local_clients.clients, tmp_path)


def test_what_is_as_declared_has_no_difference(estate: Estate) -> None:
    """Each thing is found once; what the cloud cannot emulate says so."""
    findings = list(estate.findings())
    assert [finding.kind for finding in findings] == ["fault", "role", "pods", "pipeline", "pipeline"]
    assert estate.differences() == []
    assert [finding.kind for finding in findings if finding.recorded_only] == ["pods"]


def test_an_environment_without_both_is_not_compared(estate: Estate) -> None:
    """The sections are optional."""
    assert list(faults(estate.session, ENDPOINT, {})) == []
    assert list(identities(estate.session, ENDPOINT, {}, estate.recorded)) == []


def test_a_stop_alarm_that_somebody_took_away_is_found(estate: Estate) -> None:
    """An experiment that nothing stops any more must not pass as declared."""
    id_ = estate.faults["faults"][0]["template_id"]
    estate.fis.update_experiment_template(id=id_, stopConditions=[{"source": "none"}])
    assert estate.differences() == [f"fault: stop alarms: declared ['{ALARM}'], the cloud has ['none']"]


def test_targets_by_arn_are_found(estate: Estate) -> None:
    """Somebody who names instances in the console hits what bears no tag."""
    target = {
        "resourceType": "aws:ec2:instance", "selectionMode": "ALL",
        "resourceArns": ["arn:aws:ec2:eu-west-1:123456789012:instance/i-1"],
    }  # fmt: skip
    estate.fis.update_experiment_template(id=estate.faults["faults"][0]["template_id"], targets={"instances": target})
    assert estate.differences() == ["fault: targets' tags: declared [{'seawall:faults': 'dev'}], the cloud has [{}]"]


def test_a_right_that_somebody_added_by_hand_is_found(estate: Estate) -> None:
    """Least privilege ends on the day that somebody debugs with a wildcard."""
    role = estate.identities["identities"][0]["role"]
    wide = ALLOWS.replace('"ssm:GetParameter"', '["ssm:*"]')
    estate.iam.put_role_policy(RoleName=role, PolicyName="seawall", PolicyDocument=wide)
    (difference,) = estate.differences()
    assert difference.startswith("role: policy: declared ")
    assert "ssm:*" in difference


def test_a_policy_that_somebody_attached_to_the_pipeline_is_found(estate: Estate) -> None:
    """The preview role must not become an administrator unseen."""
    policy = estate.iam.create_policy(PolicyName=f"{estate.name}-more", PolicyDocument=ALLOWS)["Policy"]["Arn"]
    estate.iam.attach_role_policy(RoleName=f"{estate.name}-preview", PolicyArn=policy)
    assert estate.differences() == ["pipeline: policies: declared 1, the cloud has 2"]


def test_what_is_gone_is_named(estate: Estate) -> None:
    """A template, a role and an association that do not exist are three lines, not an exception."""
    estate.fis.delete_experiment_template(id=estate.faults["faults"][0]["template_id"])
    role = estate.identities["identities"][0]["role"]
    estate.iam.delete_role_policy(RoleName=role, PolicyName="seawall")
    estate.recorded.unlink()
    assert estate.differences() == [f"{kind}: does not exist" for kind in ("fault", "role", "pods")]
