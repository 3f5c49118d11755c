"""The production environment on the emulator: its data is protected, and what is kept is what AWS keeps."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

import pytest

from errors import UserError
from rehearsal.life_cycle import Report
from settings import Settings
from tests.terraform.checkov import Verdict, scan
from tests.terraform.live import Live, live

STACKS = {"prod-mlflow-vpclink", "prod-http-api-gateway", "prod-sagemaker-notebook"}


@pytest.fixture(scope="module")
def prod(environments: Mapping[str, Settings], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Production, deployed."""
    with live(environments["prod"], tmp_path_factory.mktemp("prod")) as prod:
        prod.rehearsal.deploy()
        yield prod


@pytest.fixture(scope="module")
def verdict(prod: Live) -> Verdict:
    return scan("prod", prod.first_plans().values())


@pytest.fixture(scope="module")
def destroyed(prod: Live) -> Report:
    """Production's report, after its protection was lifted and it was destroyed."""
    prod.rehearsal.destroy()
    return prod.rehearsal.report


def test_every_stack_is_applied_and_planned_again_without_changes(prod: Live) -> None:
    # Rehearsal.deploy raises if the second plan is not empty.
    applied = prod.rehearsal.report.applied
    assert set(applied) == STACKS
    assert all(changes.add and not changes.change and not changes.destroy for changes in applied.values())


def test_survives_the_loss_of_a_zone(prod: Live) -> None:
    ec2 = prod.emulator.client("ec2")
    gateways = ec2.describe_nat_gateways()["NatGateways"]
    zones = {
        subnet["AvailabilityZone"]
        for subnet in ec2.describe_subnets(SubnetIds=[gateway["SubnetId"] for gateway in gateways])["Subnets"]
    }
    assert len(zones) == 3
    outputs = prod.rehearsal.report.outputs["prod-mlflow-vpclink"]
    [service] = prod.emulator.client("ecs").describe_services(
        cluster=str(outputs["cluster_name"].value), services=[str(outputs["service_name"].value)]
    )["services"]
    assert service["runningCount"] == 3


def test_state_is_locked_twice(prod: Live) -> None:
    backend = prod.stack(prod.rehearsal.synthesise(prod.settings), "mlflow-vpclink").configuration()["terraform"]
    assert backend["backend"]["s3"]["dynamodb_table"] == prod.settings.state.table
    assert backend["backend"]["s3"]["use_lockfile"] is True


def test_checkov_reads_every_stack(
    prod: Live, verdict: Verdict, record_property: Callable[[str, object], None]
) -> None:
    record_property("checkov", str(verdict))
    assert verdict.parsing_errors == 0
    assert set(verdict.passed) == set(prod.first_plans()) == STACKS | {"prod-state-backend"}


def test_checkov_finds_nothing_that_is_not_explained(verdict: Verdict) -> None:
    assert verdict.failed == ()


def test_every_explanation_to_checkov_is_needed(verdict: Verdict) -> None:
    assert verdict.stale == ()


def test_refuses_to_destroy_protected_data(prod: Live) -> None:
    lifecycle = prod.rehearsal.synthesise(prod.settings)
    before = prod.emulator.inventory()
    terraform = lifecycle.terraform(prod.stack(lifecycle, "mlflow-vpclink"))
    with pytest.raises(UserError, match="prevent_destroy") as refusal:
        terraform.destroy()
    # What these two use, the key among it, Terraform does not even come to.
    for protected in ("aws_rds_cluster.database", "aws_s3_bucket.artifacts"):
        assert protected in str(refusal.value)
    assert prod.emulator.inventory() == before


def test_is_destroyed_after_its_protection_was_lifted_and_leaves_what_aws_keeps(destroyed: Report) -> None:
    # Rehearsal.destroy raises if anything else is left, or if nothing was refused before.
    assert {(item.service, item.collection) for item, _ in destroyed.kept} >= {
        ("rds", "cluster_snapshots"),
        ("secretsmanager", "secrets"),
        ("kms", "keys"),
        ("ecs", "task_definitions"),
        ("s3", "buckets"),
        ("dynamodb", "tables"),
    }
    assert all(reason for _, reason in destroyed.kept)


@pytest.mark.usefixtures("destroyed")
def test_last_snapshot_of_the_database_is_kept(prod: Live) -> None:
    snapshots = prod.emulator.client("rds").describe_db_cluster_snapshots()["DBClusterSnapshots"]
    [name] = [snapshot["DBClusterSnapshotIdentifier"] for snapshot in snapshots]
    assert re.fullmatch(r"mlflow-prod-database-\w+-final", name)


@pytest.mark.usefixtures("destroyed")
def test_destroyed_secrets_can_be_restored(prod: Live) -> None:
    secrets = prod.emulator.client("secretsmanager").list_secrets(IncludePlannedDeletion=True)["SecretList"]
    assert len(secrets) == 2
    assert all("DeletedDate" in secret for secret in secrets)


@pytest.mark.usefixtures("destroyed")
def test_keys_are_only_scheduled_for_deletion(prod: Live) -> None:
    kms = prod.emulator.client("kms")
    keys = [kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in kms.list_keys()["Keys"]]
    assert "PendingDeletion" in {key["KeyState"] for key in keys if key["KeyManager"] == "CUSTOMER"}


@pytest.mark.usefixtures("destroyed")
def test_state_outlives_the_environment(prod: Live) -> None:
    assert {key for key, _, _ in prod.state_objects()} >= {"mlflow/prod/state-backend.tfstate"}
