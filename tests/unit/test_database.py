from __future__ import annotations

from typing import Any

import pytest

from constructs_lib.database import DatabaseCapacity, DatabaseUpkeep
from constructs_lib.network import Network
from tests.unit.synthesis import Resource, Workbench


def _cluster(stack: Workbench, **changes: Any) -> Resource:
    stack.make_database(**changes)
    return stack.synthesise().one("aws_rds_cluster")


def test_the_engine_is_aurora_mysql_with_one_serverless_writer(stack: Workbench) -> None:
    stack.make_database()
    terraform = stack.synthesise()

    cluster, writer = terraform.one("aws_rds_cluster"), terraform.one("aws_rds_cluster_instance")
    assert (cluster["engine"], cluster["engine_mode"], cluster["database_name"]) == (
        "aurora-mysql",
        "provisioned",
        "mlflow",
    )
    assert (writer["cluster_identifier"], writer["instance_class"]) == (cluster.ref("id"), "db.serverless")


def test_the_parameters_are_those_that_mlflow_needs_and_tls_is_required(stack: Workbench) -> None:
    stack.make_database()
    terraform = stack.synthesise()

    group = terraform.one("aws_rds_cluster_parameter_group")
    assert {parameter["name"]: parameter["value"] for parameter in group["parameter"]} == {
        "character_set_server": "utf8mb4",
        "collation_server": "utf8mb4_0900_ai_ci",
        "log_bin_trust_function_creators": "1",
        "wait_timeout": "300",
        "require_secure_transport": "ON",
        "server_audit_logging": "1",
        "server_audit_events": "CONNECT,QUERY_DCL,QUERY_DDL",
        "slow_query_log": "1",
        "long_query_time": "2",
    }
    assert group["family"] == "aurora-mysql8.0"
    assert terraform.one("aws_rds_cluster")["db_cluster_parameter_group_name"] == group.ref("name")


def test_it_stands_in_isolated_subnets_where_no_address_is_public(stack: Workbench) -> None:
    network = Network(stack, "network", name_prefix="test")
    stack.make_database(network=network)
    terraform = stack.synthesise()

    subnets = terraform.one("aws_db_subnet_group")
    isolated = [subnet.ref("id") for subnet in terraform.all("aws_subnet") if "isolated" in subnet["tags"]["Name"]]
    assert subnets["subnet_ids"] == isolated
    assert terraform.one("aws_rds_cluster")["db_subnet_group_name"] == subnets.ref("name")
    assert terraform.one("aws_rds_cluster_instance")["publicly_accessible"] is False


def test_the_storage_is_encrypted_with_a_key_that_outlives_the_environment(stack: Workbench) -> None:
    stack.make_database()
    terraform = stack.synthesise()

    cluster = terraform.one("aws_rds_cluster")
    assert cluster["storage_encrypted"] is True
    assert "kms_key_id" not in cluster  # the account's own key, which outlives the environment: so do its snapshots


def test_nobody_may_connect_until_let_in(stack: Workbench) -> None:
    stack.make_database()
    terraform = stack.synthesise()

    own = terraform.one("aws_security_group", tags={"Name": "test-database"})
    assert terraform.one("aws_rds_cluster")["vpc_security_group_ids"] == [own.ref("id")]
    assert terraform.connections("ingress") == terraform.connections("egress") == set()


@pytest.mark.parametrize("protect", [True, False])
def test_protection_holds_the_cluster_in_aws_and_in_terraform(stack: Workbench, protect: bool) -> None:
    cluster = _cluster(stack, protect=protect)

    assert (cluster["deletion_protection"], cluster["lifecycle"]["prevent_destroy"]) == (protect, protect)


def test_protected_is_the_default_and_a_last_snapshot_whose_name_is_new_each_time(stack: Workbench) -> None:
    stack.make_database()
    terraform = stack.synthesise()

    cluster, subnets = terraform.one("aws_rds_cluster"), terraform.one("aws_db_subnet_group")
    assert (cluster["deletion_protection"], cluster["skip_final_snapshot"]) == (True, False)
    assert cluster["final_snapshot_identifier"] == f"{subnets.ref('name')}-final"
    assert "name" not in subnets  # but a prefix, to which Terraform adds the moment of creation


def test_without_a_final_snapshot_none_is_named(stack: Workbench) -> None:
    cluster = _cluster(stack, upkeep=DatabaseUpkeep(final_snapshot=False))

    assert cluster["skip_final_snapshot"] is True
    assert "final_snapshot_identifier" not in cluster


@pytest.mark.parametrize(
    ("capacity", "scaling"),
    [
        (DatabaseCapacity(), {"min_capacity": 0, "max_capacity": 4, "seconds_until_auto_pause": 600}),
        (DatabaseCapacity(minimum=0.5, maximum=8), {"min_capacity": 0.5, "max_capacity": 8}),
    ],
)
def test_it_pauses_only_if_the_minimum_is_0(
    stack: Workbench, capacity: DatabaseCapacity, scaling: dict[str, float]
) -> None:
    assert _cluster(stack, capacity=capacity)["serverlessv2_scaling_configuration"] == scaling


@pytest.mark.parametrize(
    ("version", "raised_by_aws"),
    [("8.0", True), ("8.0.mysql_aurora.3.08", True), ("8.0.mysql_aurora.3.08.2", False)],
)
def test_aws_raises_minor_versions_only_where_the_version_leaves_them_open(
    stack: Workbench, version: str, raised_by_aws: bool
) -> None:
    stack.make_database(upkeep=DatabaseUpkeep(engine_version=version))
    terraform = stack.synthesise()

    assert terraform.one("aws_rds_cluster")["engine_version"] == version
    assert terraform.one("aws_rds_cluster_instance")["auto_minor_version_upgrade"] is raised_by_aws


def test_exported_logs_go_to_our_encrypted_log_groups_which_are_there_first(stack: Workbench) -> None:
    stack.make_database(upkeep=DatabaseUpkeep(log_retention_days=90))
    terraform = stack.synthesise()

    cluster, groups = terraform.one("aws_rds_cluster"), terraform.all("aws_cloudwatch_log_group")
    assert cluster["enabled_cloudwatch_logs_exports"] == ["audit", "error", "slowquery"]
    assert {group["name"] for group in groups} == {
        f"/aws/rds/cluster/{cluster['cluster_identifier']}/{log}" for log in ("audit", "error", "slowquery")
    }
    assert all(group["retention_in_days"] == 90 for group in groups)
    assert all(group["kms_key_id"] == terraform.one("aws_kms_key").ref("arn") for group in groups)
    assert set(cluster["depends_on"]) == {group.address for group in groups}


def test_backups_and_maintenance_happen_when_asked(stack: Workbench) -> None:
    upkeep = DatabaseUpkeep(
        backup_retention_days=30, backup_window="01:00-02:00", maintenance_window="mon:03:00-mon:04:00"
    )
    cluster = _cluster(stack, upkeep=upkeep)

    assert cluster["backup_retention_period"] == 30
    assert cluster["preferred_backup_window"] == "01:00-02:00"
    assert cluster["preferred_maintenance_window"] == "mon:03:00-mon:04:00"


def test_the_password_is_write_only_and_read_back_from_the_version_just_stored(stack: Workbench) -> None:
    stack.make_database()
    terraform = stack.synthesise()

    cluster, stored = terraform.one("aws_rds_cluster"), terraform.ephemeral("aws_secretsmanager_secret_version")
    assert not {"master_password", "manage_master_user_password"} & cluster.keys()
    assert cluster["master_password_wo"] == f"${{jsondecode({stored.address}.secret_string).password}}"
    assert stored == {
        "secret_id": terraform.one("aws_secretsmanager_secret").ref("arn"),
        "version_id": terraform.one("aws_secretsmanager_secret_version").ref("version_id"),
    }


def test_a_rotation_raises_the_version_of_the_secret_and_of_the_password(stack: Workbench) -> None:
    stack.make_database(credentials=stack.make_secret("rotated", rotation=3))
    terraform = stack.synthesise()

    assert terraform.one("aws_rds_cluster")["master_password_wo_version"] == 3
    assert terraform.one("aws_secretsmanager_secret_version")["secret_string_wo_version"] == 3
