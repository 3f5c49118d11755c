"""MLflow as a Fargate service."""

from __future__ import annotations

from collections.abc import Sequence

from cdktf import TerraformResourceLifecycle
from cdktf_cdktf_provider_aws.ecs_cluster import EcsCluster, EcsClusterSetting
from cdktf_cdktf_provider_aws.ecs_cluster_capacity_providers import EcsClusterCapacityProviders
from cdktf_cdktf_provider_aws.ecs_service import (
    EcsService,
    EcsServiceCapacityProviderStrategy,
    EcsServiceDeploymentCircuitBreaker,
    EcsServiceLoadBalancer,
    EcsServiceNetworkConfiguration,
    EcsServiceServiceRegistries,
)
from constructs import Construct

from constructs_lib.connections import Connections
from constructs_lib.load_balancer import LoadBalancer
from constructs_lib.mlflow_task import NGINX, NGINX_PORT, MlflowTask
from constructs_lib.network import SubnetPlan
from constructs_lib.service_discovery import ServiceDiscovery

_GRACE_SECONDS = 180  # image pull, schema and start of MLflow


class MlflowService(Construct):
    """An ECS cluster with one service of *task*, behind *load_balancer* and in *discovery*.

    *initial_tasks* counts only at creation: autoscaling owns the number from then on. A deployment that does not get
    healthy is rolled back. With *spot*, tasks run on interruptible capacity only: cheaper, and now and
    then AWS stops one at two minutes' notice.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name_prefix: str,
        network: SubnetPlan,
        task: MlflowTask,
        load_balancer: LoadBalancer,
        discovery: ServiceDiscovery,
        initial_tasks: int = 2,
        spot: bool = False,
    ) -> None:
        super().__init__(scope, id)
        self.connections = Connections(
            self,
            "security-group",
            vpc_id=network.vpc_id,
            name_prefix=name_prefix,
            name="service",
            description="nginx in front of MLflow",
            port=NGINX_PORT,
        )
        self.connections.allow_https_out(why="ECR, CloudWatch Logs, Secrets Manager and S3")
        self.connections.allow_from(load_balancer, why="Requests to MLflow")
        network.let_use_endpoints(self)
        self.cluster = EcsCluster(
            self, "cluster", name=name_prefix, setting=[EcsClusterSetting(name="containerInsights", value="enabled")]
        )
        providers = EcsClusterCapacityProviders(
            self, "capacity-providers", cluster_name=self.cluster.name, capacity_providers=["FARGATE", "FARGATE_SPOT"]
        )
        self.service = EcsService(
            self,
            "Resource",
            name="mlflow",
            cluster=self.cluster.arn,
            task_definition=task.arn,
            desired_count=initial_tasks,
            capacity_provider_strategy=_strategy(spot),
            # Lets a change between Spot and on demand be an update; without it Terraform replaces the service.
            force_new_deployment=True,
            platform_version="LATEST",
            availability_zone_rebalancing="ENABLED",
            deployment_circuit_breaker=EcsServiceDeploymentCircuitBreaker(enable=True, rollback=True),
            deployment_minimum_healthy_percent=100,
            deployment_maximum_percent=200,
            health_check_grace_period_seconds=_GRACE_SECONDS,
            enable_execute_command=task.options.exec,
            network_configuration=EcsServiceNetworkConfiguration(
                subnets=list(network.private_subnet_ids),
                security_groups=[self.connections.security_group_id],
                assign_public_ip=False,
            ),
            load_balancer=[
                EcsServiceLoadBalancer(
                    target_group_arn=load_balancer.target_group_arn,
                    container_name=NGINX,
                    container_port=NGINX_PORT,
                )
            ],
            service_registries=EcsServiceServiceRegistries(registry_arn=discovery.service_arn),
            enable_ecs_managed_tags=True,
            propagate_tags="SERVICE",
            lifecycle=TerraformResourceLifecycle(ignore_changes=["desired_count"]),
            # ECS refuses a target group that no listener uses yet.
            depends_on=[load_balancer.listener, providers],
        )
        self.cluster_name: str = self.cluster.name
        self.service_name: str = self.service.name


def _strategy(spot: bool) -> Sequence[EcsServiceCapacityProviderStrategy]:
    return [EcsServiceCapacityProviderStrategy(capacity_provider="FARGATE_SPOT" if spot else "FARGATE", weight=1)]
