"""What moto lacks of RDS, or answers differently."""

from __future__ import annotations

from typing import Any

from rehearsal.completions._patching import Method, add, wrap


def rds_scaling_configuration_only_where_set() -> None:
    """ScalingConfigurationInfo is of Serverless v1: AWS leaves it out elsewhere, moto gives one full of nulls.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ScalingConfigurationInfo.html
    """
    from moto.rds.models import DBCluster

    info: Any = vars(DBCluster)["scaling_configuration_info"]

    def info_where_set(cluster: Any) -> Any:
        return info.fget(cluster) if cluster.scaling_configuration else None

    add(DBCluster, scaling_configuration_info=property(info_where_set))


def rds_automated_snapshots_end_with_their_cluster() -> None:
    """AWS deletes a cluster's automated snapshots with it; moto keeps them, and then refuses a cluster of that name.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBCluster.html
    """
    from moto.rds.models import RDSBackend

    def delete(original: Method, self: Any, cluster_identifier: str, *args: Any, **kwargs: Any) -> Any:
        cluster = original(self, cluster_identifier, *args, **kwargs)
        for name, snapshot in list(self.cluster_snapshots.items()):
            of_cluster = snapshot.cluster.db_cluster_identifier == cluster.db_cluster_identifier
            if of_cluster and snapshot.snapshot_type == "automated":
                del self.cluster_snapshots[name]
        return cluster

    wrap(RDSBackend, "delete_db_cluster", delete)


def rds_changed_subnet_groups_stay() -> None:
    """AWS changes the subnets of a subnet group; moto answers with the changed group, and has lost it then.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBSubnetGroup.html
    """
    from moto.rds.models import RDSBackend

    def modify(original: Method, self: Any, subnet_name: str, *args: Any, **kwargs: Any) -> Any:
        group = original(self, subnet_name, *args, **kwargs)
        self.subnet_groups[subnet_name] = group
        return group

    wrap(RDSBackend, "modify_db_subnet_group", modify)
