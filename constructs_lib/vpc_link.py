"""How API Gateway gets into the VPC."""

from __future__ import annotations

from cdktf_cdktf_provider_aws.apigatewayv2_vpc_link import Apigatewayv2VpcLink
from constructs import Construct

from constructs_lib.connections import Connections
from constructs_lib.network import SubnetPlan


class VpcLink(Construct):
    """A VPC link for HTTP APIs, in the private subnets, with a security group of its own."""

    def __init__(self, scope: Construct, id: str, *, name_prefix: str, network: SubnetPlan) -> None:
        super().__init__(scope, id)
        self.connections = Connections(
            self,
            "security-group",
            vpc_id=network.vpc_id,
            name_prefix=name_prefix,
            name="vpc-link",
            description="API Gateway's VPC link",
        )
        self.vpc_link = Apigatewayv2VpcLink(
            self,
            "Resource",
            name=name_prefix,
            subnet_ids=list(network.private_subnet_ids),
            security_group_ids=[self.connections.security_group_id],
        )
        self.vpc_link_id: str = self.vpc_link.id
