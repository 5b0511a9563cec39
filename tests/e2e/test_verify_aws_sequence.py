"""`make verify-aws`, its whole sequence by the real engine, on the local cloud in AWS's place."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from hand_made_estate import surroundings
from localcloud.aws_sandbox import LOCAL_ACCOUNT, sandbox_configuration, verify
from localcloud.sandbox import ROOT
from localcloud.verify_aws import RealAccount

pytestmark = [pytest.mark.engine, pytest.mark.soak, pytest.mark.xdist_group("verify")]


def test_the_sequence_promotes_adopts_and_leaves_nothing(lab: Any, tmp_path: Path) -> None:
    """The steps that a user pays for in AWS are tried here first, down to the last parameter."""
    dev = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text(encoding="utf-8"))
    asked: list[str] = []
    with surroundings(lab):
        account = RealAccount(tmp_path, sandbox_configuration(dev, LOCAL_ACCOUNT, datetime.now(UTC)))
        account.prepare()
        types = verify(account, LOCAL_ACCOUNT, confirm=lambda text: not asked.append(text), say=print)
    assert "aws:rds/instance:Instance" in types
    assert not [type_ for type_ in types if not type_.startswith("aws:")]
    assert "2 aws:rds/instance:Instance" in asked[0]
    for region in ("ap-northeast-1", "us-west-2"):
        assert lab.client("rds", region).describe_db_instances()["DBInstances"] == []
        assert lab.client("ssm", region).describe_parameters()["Parameters"] == []
