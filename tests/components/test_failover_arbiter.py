"""The tables of a failover: what is declared, what is refused, and the settings that follow."""

from typing import Any

import pytest

from pulumi_seawall import FailoverArbiter, plan_failover_arbiter
from pulumi_seawall._arbiter_plan import KEYS, settings_text
from seawall.errors import InvalidInput
from seawall_ops.failover.operating import Table
from seawall_ops.failover.settings import parse_settings

HOME, AWAY, THIRD = "eu-west-1", "eu-central-1", "eu-north-1"
KEY = f"arn:aws:kms:{THIRD}:123456789012:key/1234abcd"
REST = "cluster: shop-prod\ndomains: [eu-west-1, eu-central-1, eu-north-1]\nreferences: [example.com]\n"


def args(**more: Any) -> Any:
    """Tables in a third region, of a service in two."""
    return {"region": THIRD, "regions": [HOME, AWAY], **more}


BAD: dict[str, tuple[Any, str]] = {
    "inside of what fails over": (
        args(region=AWAY),
        (
            "region = eu-central-1: a region other than eu-west-1, eu-central-1, because it has to be reached when any of "
            "these is lost or cut off"
        ),
    ),
    "an unknown region": (args(region="eu-nort-1"), "region = eu-nort-1: an AWS region; did you mean eu-north-1?"),
    "an unknown region of the service": (
        args(regions=[HOME, "eu-central-9"]),
        "regions[1] = eu-central-9: an AWS region; did you mean eu-central-2?",
    ),
    "nothing to be outside of": (args(regions=[]), "regions = []: at least one region"),
    "no regions": ({"region": THIRD}, "regions is missing: required"),
    "a global table": (
        args(replicas=[HOME]),
        (
            "replicas = ['eu-west-1']: not offered, because a global table is last-writer-wins: two sides that are cut off from "
            "each other would both hold the lease"
        ),
    ),
    "items that end by themselves": (
        args(ttl="expires"),
        (
            "ttl = expires: not offered, because a lease's record keeps its last fence for ever, and a journal is what a "
            "failover is resumed by"
        ),
    ),
    "another region's key": (
        args(kms_key_arn=KEY.replace(THIRD, HOME)),
        (
            f"kms_key_arn = {KEY.replace(THIRD, HOME)}: a key of eu-north-1, because DynamoDB takes keys of the table's own "
            "region only"
        ),
    ),
    "protection in words": (args(deletion_protection="yes"), "deletion_protection = yes: true or false"),
    "a name too short": (
        args(import_ids={"board": "ab"}),
        "import_ids.board = ab: 3 to 255 letters, digits, dots, hyphens, underscores",
    ),
    "a table of no use": (
        args(import_ids={"votes": "votes"}),
        "import_ids.votes = votes: no such key; there are board, journals, leases",
    ),
    "one table for two uses": (
        args(import_ids={"board": "mine", "leases": "mine"}),
        "import_ids = mine, mine: each table once",
    ),
    "a tag of AWS's": (
        args(tags={"aws:mine": "x"}),
        "tags[aws:mine] = x: a key of 1 to 128 characters, not beginning with aws:",
    ),
}


@pytest.mark.parametrize("mistake", BAD)
def test_each_mistake_is_one_line_before_anything_is_registered(mistake: str) -> None:
    """Who declares the arbiter inside of what it decides about finds out now, and not in the outage."""
    given, line = BAD[mistake]
    with pytest.raises(InvalidInput) as caught:
        plan_failover_arbiter(given)
    assert str(caught.value) == line


def test_the_tables_are_safe_by_default(deploy: Any) -> None:
    """On demand, backed up, protected, encrypted, in the region that is named, and nothing in them ends by itself."""
    deployment = deploy(lambda: FailoverArbiter("shop", args(tags={"team": "shop"})))
    tables, told = deployment.of("Table"), deployment.outputs
    assert sorted(tables) == ["shop-board", "shop-journals", "shop-leases"]
    for made in tables.values():
        inputs = made.inputs
        assert inputs["region"] == THIRD
        assert inputs["billingMode"] == "PAY_PER_REQUEST"
        assert inputs["pointInTimeRecovery"] == {"enabled": True}
        assert inputs["deletionProtectionEnabled"] is True
        assert inputs["serverSideEncryption"] == {"enabled": True}
        assert inputs["tags"] == {"Name": "shop", "seawall:component": "shop", "team": "shop"}
        assert not {"ttl", "replicas"} & inputs.keys()
    assert told["tables"] == {table: f"seawall-test-shop-{table}" for table in KEYS}
    assert told["table_arns"] == {table: f"arn:aws:test:::shop-{table}" for table in KEYS}
    assert told["region"] == THIRD


def test_a_key_and_the_end_of_the_protection_reach_every_table(deploy: Any) -> None:
    """A forgotten table would be the one in the clear of an audit, or the one that stops a clean-up."""
    deployment = deploy(lambda: FailoverArbiter("shop", args(kms_key_arn=KEY, deletion_protection=False)))
    tables = [made.inputs for made in deployment.of("Table").values()]
    assert len(tables) == len(KEYS)
    assert all(each["serverSideEncryption"] == {"enabled": True, "kmsKeyArn": KEY} for each in tables)
    assert not any(each["deletionProtectionEnabled"] for each in tables)


def test_adopted_tables_keep_their_names(deploy: Any) -> None:
    """By import, in the arbiter's region; a table with another name would be a second one."""
    deployment = deploy(lambda: FailoverArbiter("shop", args(import_ids={"leases": "seawall-leases"})))
    tables = deployment.of("Table")
    assert tables["shop-leases"].inputs["name"] == "seawall-leases"
    assert deployment.outputs["tables"]["leases"] == "seawall-leases"
    assert tables["shop-leases"].import_id == f"seawall-leases@{THIRD}"
    assert not tables["shop-board"].import_id


def test_the_settings_are_what_the_failover_reads(deploy: Any) -> None:
    """The lines go into its file as they are: a key or a form of a place that it does not know would stop it."""
    told = deploy(lambda: FailoverArbiter("shop", args())).outputs
    settings = parse_settings(told["settings"] + REST)
    assert settings.board_table == Table(THIRD, "seawall-test-shop-board")
    assert settings.operating.lease_table == Table(THIRD, "seawall-test-shop-leases")
    assert settings.operating.journal_table == Table(THIRD, "seawall-test-shop-journals")
    assert settings.arbiter == settings.operating.arbiter == THIRD
    names = {table: f"mine-{table}" for table in KEYS}
    assert settings_text(HOME, names).splitlines()[0] == "board: dynamodb://eu-west-1/mine-board"
