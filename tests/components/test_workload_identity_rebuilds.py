"""`WorkloadIdentity` of an operator who rebuilds an old writer: what is renamed, used and handed on."""

import json
from fnmatch import fnmatchcase

from identity_args import ABSENT, ACCOUNT, OPERATOR, identity
from pulumi_seawall import plan_workload_identity
from seawall_ops.failover.plans.rds_settings import kept_name
from seawall_policies import grants


def test_an_old_writer_is_rebuilt_under_its_own_names_by_rds_alone():
    """Another database cannot be renamed, no key be used but by way of RDS, and no role be handed on but for monitoring."""
    for name in ("shop-standby", "s" * 60):
        databases = [{"region": "eu-central-1", "identifier": name}]
        operator = identity("operator", pods=ABSENT, assumed_by=[OPERATOR], databases=databases)
        policy = json.loads(str(plan_workload_identity(operator).policy))
        named = [
            each for allowed in grants(policy, "rds:ModifyDBInstance") for each in allowed["Resource"] if ":db:" in each
        ]
        own, before = sorted(named, key=lambda each: "-before-" in each)
        assert own == f"arn:aws:rds:eu-central-1:{ACCOUNT}:db:{name}"
        for operation in ("rebuild-7", "failover-rebuild-20261126T021100Z-0a1b2c"):
            kept = f"arn:aws:rds:eu-central-1:{ACCOUNT}:db:{kept_name(name, operation)}"
            assert fnmatchcase(kept, before)
        assert not fnmatchcase(f"{own}-reports", before)
    (use,), (hand_on,) = grants(policy, "kms:CreateGrant"), grants(policy, "iam:PassRole")
    assert use["Condition"]["StringEquals"] == {"kms:ViaService": ["rds.eu-central-1.amazonaws.com"]}
    assert hand_on["Condition"] == {"StringEquals": {"iam:PassedToService": ["monitoring.rds.amazonaws.com"]}}
