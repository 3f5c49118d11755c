"""The load balancer's name inside the VPC."""

from __future__ import annotations

from cdktf_cdktf_provider_aws.route53_record import Route53Record, Route53RecordAlias
from cdktf_cdktf_provider_aws.route53_zone import Route53Zone, Route53ZoneVpc
from constructs import Construct

from constructs_lib.load_balancer import LoadBalancer


class PrivateName(Construct):
    """*name*, in the VPC alone, is *load_balancer*: its clients there see the name that its certificate has.

    The zone is of this one name, and hides from the VPC what a public zone says of it and of the names below it.
    """

    def __init__(self, scope: Construct, id: str, *, name: str, vpc_id: str, load_balancer: LoadBalancer) -> None:
        super().__init__(scope, id)
        self.name = name
        self.zone = Route53Zone(
            self,
            "Resource",
            name=name,
            comment="MLflow's load balancer inside the VPC",
            vpc=[Route53ZoneVpc(vpc_id=vpc_id)],
        )
        Route53Record(
            self,
            "record",
            zone_id=self.zone.zone_id,
            name=name,
            type="A",
            alias=Route53RecordAlias(
                name=load_balancer.dns_name,
                zone_id=load_balancer.load_balancer.zone_id,
                evaluate_target_health=False,  # there is no second answer to give
            ),
        )
