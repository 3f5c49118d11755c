from collections.abc import Iterator

import pytest

from rehearsal.emulator import Emulator
from rehearsal.inventory import Item, kept, leftovers


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


def test_what_is_there_from_the_start_is_not_listed(emulator: Emulator) -> None:
    before = emulator.inventory()
    assert emulator.client("ec2").describe_vpcs()["Vpcs"]
    assert emulator.client("iam").list_policies(Scope="AWS")["Policies"]
    assert emulator.inventory() == before


def test_a_resource_is_listed_from_creation_to_deletion(emulator: Emulator) -> None:
    ec2 = emulator.client("ec2")
    before = emulator.inventory()
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    assert Item("ec2", "vpcs", vpc) in leftovers(before, emulator.inventory())
    ec2.delete_vpc(VpcId=vpc)
    assert leftovers(before, emulator.inventory()) == []


def test_resources_of_a_resource_are_found(emulator: Emulator) -> None:
    ec2 = emulator.client("ec2")
    before = emulator.inventory()
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    group = ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc)["GroupId"]
    assert leftovers(before, emulator.inventory()) == [Item("ec2", "groups", f"{vpc}/{group}")]


def test_services_without_a_region_are_listed(emulator: Emulator) -> None:
    before = emulator.inventory()
    location = {"LocationConstraint": emulator.region}
    emulator.client("s3").create_bucket(Bucket="some-bucket", CreateBucketConfiguration=location)
    emulator.client("iam").create_user(UserName="u")
    assert {(item.service, item.collection) for item in leftovers(before, emulator.inventory())} == {
        ("s3", "buckets"),
        ("iam", "users"),
    }


def test_only_what_was_not_there_before_is_a_leftover() -> None:
    old, new = Item("s3", "buckets", "old"), Item("s3", "buckets", "new")
    assert leftovers({old}, {old, new}) == [new]
    assert leftovers({old, new}, {old}) == []


def test_what_aws_keeps_is_told_apart_with_its_reason() -> None:
    bucket, key = Item("s3", "buckets", "b"), Item("kms", "keys", "k", kept_because="deletion takes 7 days")
    assert leftovers((), {bucket, key}) == [bucket]
    assert kept((), {bucket, key}) == [(key, "deletion takes 7 days")]


def test_a_task_definition_is_kept_once_it_is_inactive(emulator: Emulator) -> None:
    ecs = emulator.client("ecs")
    before = emulator.inventory()
    arn = ecs.register_task_definition(family="f", containerDefinitions=[{"name": "c", "image": "i", "memory": 64}])
    item = Item("ecs", "task_definitions", "f/1")
    assert leftovers(before, emulator.inventory()) == [item]
    ecs.deregister_task_definition(taskDefinition=arn["taskDefinition"]["taskDefinitionArn"])
    assert leftovers(before, emulator.inventory()) == []
    assert [(k, "INACTIVE" in why) for k, why in kept(before, emulator.inventory())] == [(item, True)]


def test_a_key_is_kept_once_its_deletion_is_scheduled(emulator: Emulator) -> None:
    kms = emulator.client("kms")
    before = emulator.inventory()
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    assert leftovers(before, emulator.inventory()) == [Item("kms", "keys", key)]
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert leftovers(before, emulator.inventory()) == []
    assert [item for item, _ in kept(before, emulator.inventory())] == [Item("kms", "keys", key)]


def test_a_secret_is_kept_during_its_recovery_window(emulator: Emulator) -> None:
    secrets = emulator.client("secretsmanager")
    before = emulator.inventory()
    for name in ("recoverable", "gone"):
        secrets.create_secret(Name=name, SecretString="x")
    assert len(leftovers(before, emulator.inventory())) == 2
    secrets.delete_secret(SecretId="recoverable", RecoveryWindowInDays=7)
    secrets.delete_secret(SecretId="gone", ForceDeleteWithoutRecovery=True)
    assert leftovers(before, emulator.inventory()) == []
    assert [item.key for item, _ in kept(before, emulator.inventory())] == ["recoverable"]


def test_of_a_cluster_the_final_snapshot_is_kept_and_nothing_else(emulator: Emulator) -> None:
    rds = emulator.client("rds")
    before = emulator.inventory()
    rds.create_db_cluster(
        DBClusterIdentifier="c", Engine="aurora-mysql", MasterUsername="u", MasterUserPassword="password"
    )
    assert Item("rds", "clusters", "c") in leftovers(before, emulator.inventory())
    rds.delete_db_cluster(DBClusterIdentifier="c", FinalDBSnapshotIdentifier="final")
    assert leftovers(before, emulator.inventory()) == []
    assert [item.key for item, _ in kept(before, emulator.inventory())] == ["final"]
