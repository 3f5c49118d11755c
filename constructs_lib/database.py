"""MLflow's backend store: Aurora MySQL on Serverless v2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cdktf import TerraformResourceLifecycle
from cdktf_cdktf_provider_aws.cloudwatch_log_group import CloudwatchLogGroup
from cdktf_cdktf_provider_aws.db_subnet_group import DbSubnetGroup
from cdktf_cdktf_provider_aws.rds_cluster import RdsCluster, RdsClusterServerlessv2ScalingConfiguration
from cdktf_cdktf_provider_aws.rds_cluster_instance import RdsClusterInstance
from cdktf_cdktf_provider_aws.rds_cluster_parameter_group import (
    RdsClusterParameterGroup,
    RdsClusterParameterGroupParameter,
)
from constructs import Construct

from constructs_lib.connections import Connections
from constructs_lib.encryption_key import EncryptionKey
from constructs_lib.generated_secret import GeneratedSecret
from constructs_lib.log_group import LogGroup
from constructs_lib.network import SubnetPlan

PORT = 3306
USERNAME = "mlflow"
_ENGINE = "aurora-mysql"
_FAMILY = "aurora-mysql8.0"
_FULL_VERSION = "8.0.mysql_aurora.3.08.2"  # an example
_LOGS = ("audit", "error", "slowquery")
_PARAMETERS = {
    "character_set_server": "utf8mb4",
    "collation_server": "utf8mb4_0900_ai_ci",
    # MLflow's migrations create triggers, which MySQL refuses with the binary log on (error 1419) otherwise.
    "log_bin_trust_function_creators": "1",
    # Idle pooled connections never close by themselves and would keep the cluster from pausing. Seconds.
    "wait_timeout": "300",
    "require_secure_transport": "ON",
    "server_audit_logging": "1",
    "server_audit_events": "CONNECT,QUERY_DCL,QUERY_DDL",
    "slow_query_log": "1",
    "long_query_time": "2",
}


@dataclass(frozen=True)
class DatabaseCapacity:
    """Aurora capacity units (ACU, 2 GiB of memory each), in steps of 0.5; a minimum of 0 pauses the idle cluster."""

    minimum: float = 0
    maximum: float = 4
    auto_pause_seconds: int = 600


@dataclass(frozen=True)
class DatabaseUpkeep:
    """When AWS backs up and maintains the cluster (UTC), the engine's version, and what remains of it.

    *engine_version* may be a prefix such as ``8.0``: AWS then raises minor versions by itself, which is no change in
    a plan. A full version is held. *final_snapshot* keeps a snapshot when the cluster is deleted.
    """

    engine_version: str = "8.0"
    backup_retention_days: int = 7
    backup_window: str = "09:00-09:30"
    maintenance_window: str = "sun:10:00-sun:10:30"
    log_retention_days: int = 30
    final_snapshot: bool = True


class Database(Construct):
    """An encrypted Aurora MySQL 3 cluster with one serverless writer, reachable over TLS only.

    Its master user, MLflow's own, is that of *credentials*. *protect* refuses to delete the cluster.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name_prefix: str,
        network: SubnetPlan,
        encryption_key: EncryptionKey,
        credentials: GeneratedSecret,
        capacity: DatabaseCapacity = DatabaseCapacity(),
        upkeep: DatabaseUpkeep = DatabaseUpkeep(),
        protect: bool = True,
    ) -> None:
        super().__init__(scope, id)
        identifier = f"{name_prefix}-database"
        self.credentials = credentials
        self.connections = Connections(
            self,
            "security-group",
            vpc_id=network.vpc_id,
            name_prefix=name_prefix,
            name="database",
            description="Aurora MySQL",
            port=PORT,
        )
        subnets = DbSubnetGroup(
            self,
            "subnets",
            name_prefix=f"{identifier}-",
            description="Isolated subnets of the database",
            subnet_ids=list(network.isolated_subnet_ids),
        )
        self.cluster = RdsCluster(
            self,
            "Resource",
            cluster_identifier=identifier,
            engine=_ENGINE,
            engine_mode="provisioned",
            engine_version=upkeep.engine_version,
            database_name="mlflow",
            port=PORT,
            master_username=USERNAME,
            master_password_wo=credentials.ephemeral_password(self, "master-password"),
            master_password_wo_version=credentials.rotation,
            serverlessv2_scaling_configuration=RdsClusterServerlessv2ScalingConfiguration(
                min_capacity=capacity.minimum,
                max_capacity=capacity.maximum,
                seconds_until_auto_pause=capacity.auto_pause_seconds if capacity.minimum == 0 else None,
            ),
            db_subnet_group_name=subnets.name,
            db_cluster_parameter_group_name=self._parameters(identifier).name,
            vpc_security_group_ids=[self.connections.security_group_id],
            # By the account's own key for RDS: a final snapshot must stay readable when the environment's key is gone.
            storage_encrypted=True,
            backup_retention_period=upkeep.backup_retention_days,
            preferred_backup_window=upkeep.backup_window,
            preferred_maintenance_window=upkeep.maintenance_window,
            enabled_cloudwatch_logs_exports=list(_LOGS),
            copy_tags_to_snapshot=True,
            deletion_protection=protect,
            skip_final_snapshot=not upkeep.final_snapshot,
            # Unlike the cluster's name, this one must be new each time the environment is destroyed; the subnet group's
            # name ends with the moment of its creation.
            final_snapshot_identifier=f"{subnets.name}-final" if upkeep.final_snapshot else None,
            # An approved plan is carried out then, not in the next maintenance window.
            apply_immediately=True,
            lifecycle=TerraformResourceLifecycle(prevent_destroy=protect),
            # RDS would make these log groups itself, unencrypted and kept for ever.
            depends_on=self._log_groups(identifier, upkeep.log_retention_days, encryption_key),
        )
        RdsClusterInstance(
            self,
            "writer",
            identifier=f"{identifier}-writer",
            cluster_identifier=self.cluster.id,
            engine=_ENGINE,
            instance_class="db.serverless",
            publicly_accessible=False,
            auto_minor_version_upgrade=_is_prefix(upkeep.engine_version),
            copy_tags_to_snapshot=True,
            apply_immediately=True,
        )
        self.endpoint: str = self.cluster.endpoint
        self.name: str = self.cluster.database_name

    def _parameters(self, identifier: str) -> RdsClusterParameterGroup:
        return RdsClusterParameterGroup(
            self,
            "parameters",
            name_prefix=f"{identifier}-",
            family=_FAMILY,
            description="MLflow on Aurora MySQL 3",
            parameter=[
                RdsClusterParameterGroupParameter(name=name, value=value, apply_method="immediate")
                for name, value in _PARAMETERS.items()
            ],
            lifecycle=TerraformResourceLifecycle(create_before_destroy=True),
        )

    def _log_groups(self, identifier: str, retention_days: int, key: EncryptionKey) -> Sequence[CloudwatchLogGroup]:
        return [
            LogGroup(
                self,
                f"{log}-logs",
                name=f"/aws/rds/cluster/{identifier}/{log}",
                retention_days=retention_days,
                encryption_key=key,
            ).log_group
            for log in _LOGS
        ]


def _is_prefix(engine_version: str) -> bool:
    """Whether AWS is left to choose the minor version, which a full one names."""
    return engine_version.count(".") < _FULL_VERSION.count(".")
