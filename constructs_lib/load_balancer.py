"""The way into the service, inside the VPC."""

from __future__ import annotations

from cdktf import TerraformResourceLifecycle
from cdktf_cdktf_provider_aws.lb import Lb
from cdktf_cdktf_provider_aws.lb_listener import LbListener, LbListenerDefaultAction
from cdktf_cdktf_provider_aws.lb_target_group import LbTargetGroup, LbTargetGroupHealthCheck
from constructs import Construct

from constructs_lib.connections import Connections
from constructs_lib.network import SubnetPlan

PORT = 80
_IDLE_SECONDS = 60  # longer than an HTTP API waits (30 s), so that the API and not the load balancer gives up first


class LoadBalancer(Construct):
    """An internal application load balancer with one listener and one group of IP targets.

    A target is healthy while ``GET health_check_path`` answers 200. *protect* refuses to delete it.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name_prefix: str,
        network: SubnetPlan,
        target_port: int,
        health_check_path: str,
        protect: bool = True,
    ) -> None:
        super().__init__(scope, id)
        self.connections = Connections(
            self,
            "security-group",
            vpc_id=network.vpc_id,
            name_prefix=name_prefix,
            name="load-balancer",
            description="Internal load balancer of MLflow",
            port=PORT,
        )
        self.load_balancer = Lb(
            self,
            "Resource",
            name=name_prefix,
            internal=True,
            load_balancer_type="application",
            subnets=list(network.private_subnet_ids),
            security_groups=[self.connections.security_group_id],
            drop_invalid_header_fields=True,
            enable_deletion_protection=protect,
            idle_timeout=_IDLE_SECONDS,
        )
        self.dns_name: str = self.load_balancer.dns_name
        target_group = LbTargetGroup(
            self,
            "target-group",
            name_prefix="nginx-",  # AWS allows 32 characters, Terraform's suffix takes 26 of them
            vpc_id=network.vpc_id,
            target_type="ip",
            port=target_port,
            protocol="HTTP",
            deregistration_delay="30",
            health_check=LbTargetGroupHealthCheck(
                path=health_check_path,
                matcher="200",
                interval=15,
                timeout=5,
                healthy_threshold=2,
                unhealthy_threshold=3,
            ),
            # The listener moves to a new group before the old one goes.
            lifecycle=TerraformResourceLifecycle(create_before_destroy=True),
        )
        self.target_group_arn: str = target_group.arn
        self.listener = LbListener(
            self,
            "listener",
            load_balancer_arn=self.load_balancer.arn,
            port=PORT,
            protocol="HTTP",
            default_action=[LbListenerDefaultAction(type="forward", target_group_arn=self.target_group_arn)],
        )
        self.listener_arn: str = self.listener.arn
