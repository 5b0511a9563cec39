"""RDS instances through the plugin: replicas, promotion, import, protection, and what AWS would refuse."""

from typing import Any

import pytest

from localcloud.provider.aws import ADAPTERS
from localcloud.provider.sweep import sweep

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("provider")]

INSTANCE = "aws:rds/instance:Instance"
KEY = "aws:kms/key:Key"
HOME, AWAY = "eu-west-1", "us-east-1"
PASSWORD = "hunter2hunter2"


class Databases:
    """A writer in one region, and what its replica in another one needs."""

    def __init__(self, lab: Any) -> None:
        self.lab = lab
        self.name = f"d{lab.prefix}"
        self.keys: dict[str, str] = {}

    async def key(self, region: str) -> str:
        if region not in self.keys:
            made = await self.lab.create(KEY, f"key-{region}", {"region": region})
            self.keys[region] = made.state["arn"]
        return self.keys[region]

    async def inputs(self, **changes: Any) -> dict[str, Any]:
        given = {
            "identifier": self.name, "instanceClass": "db.t4g.micro", "engine": "postgres", "engineVersion": "17",
            "allocatedStorage": 20, "username": "shop", "password": PASSWORD, "dbName": "shop", "multiAz": True,
            "storageEncrypted": True, "kmsKeyId": await self.key(HOME), "backupRetentionPeriod": 7,
            "deletionProtection": True, "applyImmediately": True, "finalSnapshotIdentifier": f"{self.name}-last",
        } | changes  # fmt: skip
        return {name: value for name, value in given.items() if value is not None}

    async def writer(self, **changes: Any) -> Any:
        return await self.lab.create(INSTANCE, "writer", await self.inputs(**changes), hidden={("password",)})

    async def replica_inputs(self, writer: Any, **changes: Any) -> dict[str, Any]:
        given = {
            "region": AWAY, "identifier": f"{self.name}-far", "instanceClass": "db.t4g.micro", "storageEncrypted": True,
            "replicateSourceDb": writer.state["arn"], "kmsKeyId": await self.key(AWAY), "skipFinalSnapshot": True,
            "applyImmediately": True,
        } | changes  # fmt: skip
        return {name: value for name, value in given.items() if value is not None}

    async def replica(self, writer: Any, **changes: Any) -> Any:
        return await self.lab.create(INSTANCE, "replica", await self.replica_inputs(writer, **changes))

    def described(self, region: str, name: str) -> dict[str, Any]:
        return self.lab.client("rds", region).describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]


@pytest.fixture
def databases(lab: Any) -> Databases:
    return Databases(lab)


async def test_a_writer_tells_what_a_program_needs_of_it(databases: Databases) -> None:
    """Its address goes into a private name, its ARN into replicas, its full version nowhere."""
    writer = await databases.writer()
    state = writer.state
    assert state["endpoint"] == f"{state['address']}:5432"
    assert state["address"].startswith(f"{databases.name}.")
    assert state["arn"] == f"arn:aws:rds:{HOME}:123456789012:db:{databases.name}"
    assert writer.id == state["resourceId"]
    assert (state["status"], state["replicas"]) == ("available", [])
    assert state["hostedZoneId"].startswith("Z")
    assert state["engineVersion"] == "17"
    assert state["engineVersionActual"].startswith("17.")
    assert state["parameterGroupName"] == "default.postgres17"


@pytest.mark.parametrize(
    ("engine", "version", "port"), [("postgres", "17", 5432), ("mysql", "8.4", 3306), ("mariadb", "11.4", 3306)]
)
async def test_each_engine_has_its_port_its_family_and_a_full_version(
    databases: Databases, engine: str, version: str, port: int
) -> None:
    """A major version is all that a program gives, or nothing at all; a replica has its source's."""
    writer = await databases.writer(engine=engine, engineVersion=version)
    assert (writer.state["port"], writer.state["parameterGroupName"]) == (port, f"default.{engine}{version}")
    assert writer.state["engineVersionActual"].startswith(f"{version}.")
    replica = await databases.replica(writer)
    assert (replica.state["engine"], replica.state["port"]) == (engine, port)
    assert replica.state["engineVersion"] == writer.state["engineVersionActual"]
    found = await databases.lab.invoke("aws:rds/getInstance:getInstance", dbInstanceIdentifier=databases.name)
    assert (found["address"], found["resourceId"], found["multiAz"]) == (writer.state["address"], writer.id, True)
    assert found["dbInstanceArn"] == writer.state["arn"]
    assert "password" not in found


async def test_a_replica_across_regions_lives_beside_its_source(databases: Databases) -> None:
    """Created by the source's ARN with a key of its own region; what its creation cannot say is set afterwards."""
    writer = await databases.writer()
    inputs = await databases.replica_inputs(writer, backupRetentionPeriod=2)
    replica = await databases.replica(writer, backupRetentionPeriod=2)
    state = replica.state
    assert (state["engine"], state["username"], state["dbName"]) == ("postgres", "shop", "shop")
    assert (state["multiAz"], state["backupRetentionPeriod"], state["region"]) == (False, 2, AWAY)
    assert not (await replica.diff(inputs)).diffs
    assert await replica.refresh()
    assert not (await replica.diff(inputs)).diffs
    assert await writer.refresh()
    assert writer.state["replicas"] == [state["arn"]]
    await replica.delete()
    assert await writer.refresh()
    assert writer.state["replicas"] == []


async def test_a_replica_names_nothing_that_is_its_sources(databases: Databases) -> None:
    """AWS refuses these by the request; the line says which one."""
    writer = await databases.writer()
    for name, value in (("username", "shop"), ("dbName", "shop"), ("engine", "postgres")):
        with pytest.raises(Exception, match=f"{name} = .*a replica has its source's"):
            await databases.replica(writer, **{name: value})
    with pytest.raises(Exception, match="needs a KmsKeyId of that region"):
        await databases.replica(writer, kmsKeyId=None)
    with pytest.raises(Exception, match="KMSKeyNotAccessibleFault"):
        await databases.replica(writer, kmsKeyId=await databases.key(HOME))
    inputs = await databases.inputs(identifier=f"{databases.name}-other", kmsKeyId=await databases.key(AWAY))
    with pytest.raises(Exception, match="KMSKeyNotAccessibleFault"):
        await databases.lab.create(INSTANCE, "other", inputs)


async def test_a_removed_source_promotes_in_place(databases: Databases) -> None:
    """The instance keeps its id; what a writer has and a replica cannot follows in the same update."""
    writer = await databases.writer()
    replica = await databases.replica(writer)
    id_ = replica.id
    inputs = await databases.replica_inputs(
        writer, replicateSourceDb=None, password=PASSWORD, backupRetentionPeriod=7, multiAz=True,
        skipFinalSnapshot=False, finalSnapshotIdentifier=f"{databases.name}-far-last",
    )  # fmt: skip
    difference = await replica.diff(inputs)
    assert not difference.replaces
    assert "replicateSourceDb" in difference.diffs
    await replica.update(inputs)
    assert replica.id == id_
    assert "replicateSourceDb" not in replica.state
    assert (replica.state["multiAz"], replica.state["backupRetentionPeriod"]) == (True, 7)
    assert not (await replica.diff(inputs)).diffs
    assert await writer.refresh()
    assert writer.state["replicas"] == []


async def test_a_promotion_outside_is_taken_over_by_a_refresh(databases: Databases) -> None:
    """Afterwards the program without a source differs in nothing that would make a new instance."""
    writer = await databases.writer()
    replica = await databases.replica(writer)
    databases.lab.client("rds", AWAY).promote_read_replica(DBInstanceIdentifier=replica.state["identifier"])
    as_writer = await databases.replica_inputs(writer, replicateSourceDb=None, multiAz=True)
    with pytest.raises(Exception, match="is not a read replica"):  # as the real provider, whose state says otherwise
        await replica.update(as_writer)
    assert await replica.refresh()
    assert "replicateSourceDb" not in replica.inputs
    difference = await replica.diff(as_writer)
    assert list(difference.diffs) == ["multiAz"]
    assert not difference.replaces
    await replica.update(as_writer)
    assert not (await replica.diff(as_writer)).diffs
    # The old writer cannot become a replica in place: only a new instance can.
    backwards = await databases.inputs(replicateSourceDb=replica.state["arn"])
    with pytest.raises(Exception, match="cannot elect new source database"):
        await writer.update(backwards)


async def test_an_instance_is_imported_by_its_identifier(databases: Databases) -> None:
    """Adoption: nothing of what exists may be replaced, and nothing that cannot be read is made up."""
    writer = await databases.writer()
    imported = type(writer)(databases.lab, INSTANCE, "adopted", f"{databases.name}@{HOME}", None, None)
    assert await imported.refresh()
    inputs = imported.inputs
    assert inputs["identifier"] == databases.name
    assert inputs["skipFinalSnapshot"] is True
    assert "password" not in inputs
    difference = await imported.diff({**await databases.inputs(), "skipFinalSnapshot": True})
    assert not difference.replaces
    assert {"password", "engineVersion"} >= set(difference.diffs) - {"finalSnapshotIdentifier", "applyImmediately"}


async def test_protection_stands_until_the_program_takes_it_away(databases: Databases) -> None:
    """A delete of a protected instance is refused; one whose protection somebody put back is not."""
    writer = await databases.writer()
    with pytest.raises(Exception, match="Cannot delete protected DB Instance"):
        await writer.delete()
    inputs = await databases.inputs(deletionProtection=None, maxAllocatedStorage=100)
    await writer.update(inputs | {"iamDatabaseAuthenticationEnabled": True})
    await writer.update(await databases.inputs(deletionProtection=None))
    taken_away = ("deletionProtection", "iamDatabaseAuthenticationEnabled", "maxAllocatedStorage")
    assert not any(writer.state.get(name) for name in taken_away)
    assert not (await writer.diff(await databases.inputs(deletionProtection=None))).diffs
    rds = databases.lab.client("rds", HOME)
    rds.modify_db_instance(DBInstanceIdentifier=databases.name, DeletionProtection=True, ApplyImmediately=True)
    await writer.delete()
    snapshots = rds.describe_db_snapshots(DBSnapshotIdentifier=f"{databases.name}-last")["DBSnapshots"]
    assert snapshots[0]["DBInstanceIdentifier"] == databases.name
    assert not await writer.refresh()
    await writer.delete()


async def test_what_a_killed_run_made_is_swept_even_when_protected(databases: Databases) -> None:
    """No state knows it, so nobody could take its protection away; it holds nothing yet."""
    lab = databases.lab
    await databases.writer()
    removed = sweep(lab.journal, ADAPTERS, lab.clients, {})
    assert INSTANCE in [entry.type for entry in removed]
    found = lab.client("rds", HOME).describe_db_instances()["DBInstances"]
    assert databases.name not in [one["DBInstanceIdentifier"] for one in found]


async def test_a_final_snapshot_is_named_or_skipped(databases: Databases) -> None:
    """The default is to take one, and then it needs a name: the line says so before anything is deleted."""
    writer = await databases.writer(deletionProtection=False, finalSnapshotIdentifier=None)
    with pytest.raises(Exception, match="finalSnapshotIdentifier"):
        await writer.delete()
    assert databases.described(HOME, databases.name)
    await writer.update(await databases.inputs(deletionProtection=False, skipFinalSnapshot=True))
    await writer.delete()


async def test_a_deleted_writer_leaves_its_replicas_standing(databases: Databases) -> None:
    """They go on alone, as AWS promotes them."""
    writer = await databases.writer(deletionProtection=False, skipFinalSnapshot=True)
    replica = await databases.replica(writer)
    await writer.delete()
    assert await replica.refresh()
    assert "replicateSourceDb" not in replica.state
    await replica.delete()


async def test_a_source_keeps_its_backups_and_its_version(databases: Databases) -> None:
    """What AWS refuses to change, and what it changes only when told so."""
    writer = await databases.writer()
    await databases.replica(writer)
    with pytest.raises(Exception, match="Automated backups cannot be turned off"):
        await writer.update(await databases.inputs(backupRetentionPeriod=0))
    with pytest.raises(Exception, match="AllowMajorVersionUpgrade"):
        await writer.update(await databases.inputs(engineVersion="18"))
    with pytest.raises(Exception, match="Cannot upgrade postgres"):
        await writer.update(await databases.inputs(engineVersion="16", allowMajorVersionUpgrade=True))
    await writer.update(await databases.inputs(engineVersion="18", allowMajorVersionUpgrade=True))
    assert writer.state["engineVersionActual"].startswith("18.")


async def test_what_cannot_be_changed_asks_for_a_new_instance(databases: Databases) -> None:
    """And nothing else does: an identifier is renamed, a subnet group changed, in place."""
    writer = await databases.writer()
    replacing = {
        "engine": "mysql", "username": "other", "dbName": "other", "kmsKeyId": "arn:aws:kms:other",
        "storageEncrypted": False, "availabilityZone": f"{HOME}c", "region": AWAY,
    }  # fmt: skip
    for name, value in replacing.items():
        assert list((await writer.diff(await databases.inputs(**{name: value}))).replaces) == [name]
    ignored = await writer.diff(await databases.inputs(engine="mysql", username="x"), ignoring=("engine", "username"))
    assert not ignored.diffs
    await writer.update(await databases.inputs(identifier=f"{databases.name}-renamed"))
    assert writer.state["identifier"] == f"{databases.name}-renamed"
    assert await writer.refresh()


async def test_no_message_carries_the_password(databases: Databases) -> None:
    """Not when the service refuses it, not in Check."""
    secret = "abc-secret"
    with pytest.raises(Exception, match="allocatedStorage") as caught:
        await databases.writer(password=secret, allocatedStorage=None)
    assert secret not in str(caught.value)
    failures = await databases.lab.failures(
        INSTANCE, {"instanceClass": "db.t4g.micro", "password": secret, "manageMasterUserPassword": True}
    )
    assert list(failures) == ["password"]
    assert secret not in str(failures)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("identifier", "shop-"),
        ("identifier", "shop--db"),
        ("identifier", "1shop"),
        ("identifier", "Shop"),
        ("identifier", "s" * 64),
        ("finalSnapshotIdentifier", "shop--last"),
        ("backupRetentionPeriod", 36),
        ("engine", "aurora-postgresql"),
    ],
)
async def test_bad_input_is_one_line_before_anything_is_made(databases: Databases, name: str, value: Any) -> None:
    """As the real provider checks it."""
    failures = await databases.lab.failures(INSTANCE, await databases.inputs(**{name: value}))
    assert list(failures) == [name]
    assert "\n" not in failures[name]


async def test_groups_are_held_to_their_rules(databases: Databases) -> None:
    """Names are taken once, subnets cover two zones, what is in use stays."""
    lab = databases.lab
    vpc = await lab.create("aws:ec2/vpc:Vpc", "vpc", {"cidrBlock": "10.0.0.0/16"})
    subnets = []
    for number, zone in enumerate("aab"):
        given = {"vpcId": vpc.id, "cidrBlock": f"10.0.{number}.0/24", "availabilityZone": f"{HOME}{zone}"}
        subnets.append((await lab.create("aws:ec2/subnet:Subnet", f"subnet-{number}", given)).id)
    kind, group = "aws:rds/subnetGroup:SubnetGroup", {"name": databases.name, "subnetIds": subnets}
    with pytest.raises(Exception, match="DBSubnetGroupDoesNotCoverEnoughAZs"):
        await lab.create(kind, "narrow", {**group, "subnetIds": subnets[:2]})
    made = await lab.create(kind, "group", group)
    with pytest.raises(Exception, match="DBSubnetGroupAlreadyExists"):
        await lab.create(kind, "again", group)
    parameters = {"name": databases.name, "family": "postgres17"}
    own = await lab.create("aws:rds/parameterGroup:ParameterGroup", "own", parameters)
    assert list((await own.diff({**parameters, "description": "x"})).replaces) == ["description"]
    writer = await databases.writer(dbSubnetGroupName=databases.name, parameterGroupName=databases.name)
    for one in (made, own):
        with pytest.raises(Exception, match="is used by"):
            await one.delete()
    await writer.update(await databases.inputs(deletionProtection=False, skipFinalSnapshot=True))
    await writer.delete()
    await made.delete()
    await own.delete()
