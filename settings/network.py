"""The settings of the network: a VPC of our own, or one that exists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from settings.group import Group
from settings.values import Cidr, InterfaceEndpoints, SubnetIds, VpcId


class ExistingNetwork(Group):
    """A VPC that somebody else looks after."""

    vpc_id: VpcId = Field(description="The VPC to build in; its DNS support and DNS host names must be on.")
    private_subnet_ids: SubnetIds = Field(
        description="Subnets with a way out to the internet or to interface endpoints: tasks, load balancer, notebook."
    )
    isolated_subnet_ids: SubnetIds = Field(
        default_factory=lambda data: data["private_subnet_ids"],
        description="Subnets of the database.",
        json_schema_extra={"default": "those of `private_subnet_ids`"},
    )


class NetworkSettings(Group):
    """Our own VPC, or one that exists."""

    cidr: Cidr = Field(
        default="10.0.0.0/16",
        description="Addresses of the VPC. Each subnet is a sixteenth of it, and a load balancer needs a /27. "
        "172.17.0.0/16 is refused: SageMaker notebooks use it for Docker.",
    )
    availability_zones: int = Field(
        default=2, ge=2, le=3, description="How many zones; the load balancer and the database need two."
    )
    nat: Literal["single", "per_az"] = Field(
        default="single", description="One NAT gateway for all zones (cheaper), or one for each (survives a zone)."
    )
    interface_endpoints: InterfaceEndpoints = Field(
        default=(), description="AWS services to reach inside the VPC instead of through NAT; billed by zone and hour."
    )
    flow_logs: bool = Field(
        default=False, description="Write the metadata of all traffic of the VPC to CloudWatch Logs."
    )
    existing: ExistingNetwork | None = Field(
        default=None, description="Use this VPC instead of making one; the other network keys then have no meaning."
    )

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """See the base class."""
        if self.existing:
            for key in sorted(self.model_fields_set - {"existing"}):
                yield key, f"network.existing brings its own; remove {key}, or remove existing"
