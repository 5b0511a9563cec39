"""What `seawall adopt` proposes, deployed on the real engine: an estate made by hand stays what it is."""

from typing import Any

import pytest

from hand_made_estate import HOME, adopt_by_command, captured, surroundings

pytestmark = [pytest.mark.engine, pytest.mark.soak, pytest.mark.xdist_group("adopt")]


def test_what_was_adopted_stays_what_it_was_until_the_ids_are_taken_out(
    data_lab: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The first deployment changes no instance, the second applies the declared settings in place; then drift is seen."""
    adopted = adopt_by_command(data_lab, tmp_path_factory.mktemp("adopt"))
    lab = adopted.lab
    home = lab.client("rds", HOME)
    before = home.describe_db_instances()["DBInstances"][0]
    run = lab.pulumi("up", "--yes", "--skip-preview", edit=adopted.edit)
    assert run.code == 0, run.last_lines
    after = home.describe_db_instances()["DBInstances"][0]
    assert {key: after[key] for key in ("DbiResourceId", "StorageType", "MultiAZ")} == {
        key: before[key] for key in ("DbiResourceId", "StorageType", "MultiAZ")
    }
    assert set(lab.health_checks()) == set(adopted.estate.checks)

    def without_ids(config: dict[str, Any]) -> None:
        adopted.edit(config)
        ids = config["seawall:dns"]["import_ids"]
        config["seawall:dns"]["import_ids"] = {key: id_ for key, id_ in ids.items() if key.endswith("_alarm")}
        for member in config["seawall:database"]["members"]:
            member.pop("import_id")

    run = lab.pulumi("up", "--yes", "--skip-preview", edit=without_ids)
    assert run.code == 0, run.last_lines
    settled = home.describe_db_instances()["DBInstances"][0]
    assert settled["DbiResourceId"] == before["DbiResourceId"]
    assert (settled["StorageType"], settled["MultiAZ"]) == ("gp3", True)
    assert lab.pulumi("preview", "--expect-no-changes", edit=without_ids).code == 0

    with surroundings(lab, without_ids) as project:
        drift = ["drift", "--stack", "dev", "--cwd", str(project)]
        assert captured(drift)[0] == 0
        home.modify_db_instance(DBInstanceIdentifier="orders-db", BackupRetentionPeriod=1, ApplyImmediately=True)
        code, text, _ = captured(drift)
    assert code == 1
    assert ["shop-dev-eu-west-1", "aws:rds/instance:Instance", "differs", "backupRetentionPeriod"] in [
        row.split() for row in text.splitlines()
    ]
