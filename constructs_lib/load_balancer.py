"""The way into the service, inside the VPC."""

from __future__ import annotations

from dataclasses import dataclass

from cdktf import TerraformResourceLifecycle
from cdktf_cdktf_provider_aws.lb import Lb
from cdktf_cdktf_provider_aws.lb_listener import LbListener, LbListenerDefaultAction
from cdktf_cdktf_provider_aws.lb_target_group import LbTargetGroup, LbTargetGroupHealthCheck
from constructs import Construct

from constructs_lib.connections import Connections
from constructs_lib.network import SubnetPlan

_HTTP_PORT = 80
_HTTPS_PORT = 443
_TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"  # TLS 1.3 and 1.2, forward secrecy; AWS's own recommendation
_IDLE_SECONDS = 60  # longer than an HTTP API waits (30 s), so that the API and not the load balancer gives up first


@dataclass(frozen=True)
class ListenerTls:
    """The listener's certificate in ACM, and a name that it is for: clients ask for that name and verify it."""

    certificate_arn: str
    server_name: str


class LoadBalancer(Construct):
    """An internal application load balancer with one listener and one group of IP targets.

    A target is healthy while ``GET health_check_path`` answers 200. With *tls* the listener speaks HTTPS on port 443,
    else HTTP on port 80. *protect* refuses to delete it.
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
        tls: ListenerTls | None = None,
        protect: bool = True,
    ) -> None:
        super().__init__(scope, id)
        port = _HTTPS_PORT if tls else _HTTP_PORT
        self.connections = Connections(
            self,
            "security-group",
            vpc_id=network.vpc_id,
            name_prefix=name_prefix,
            name="load-balancer",
            description="Internal load balancer of MLflow",
            port=port,
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
        self.arn: str = self.load_balancer.arn
        self.dns_name: str = self.load_balancer.dns_name
        self.server_name = tls.server_name if tls else None
        self.url = f"https://{tls.server_name}" if tls else f"http://{self.dns_name}"
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
            load_balancer_arn=self.arn,
            port=port,
            protocol="HTTPS" if tls else "HTTP",
            certificate_arn=tls.certificate_arn if tls else None,
            ssl_policy=_TLS_POLICY if tls else None,
            default_action=[LbListenerDefaultAction(type="forward", target_group_arn=self.target_group_arn)],
        )
        self.listener_arn: str = self.listener.arn
