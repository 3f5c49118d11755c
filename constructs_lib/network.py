"""The VPC: public subnets for NAT, private ones for tasks, isolated ones for the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_network
from typing import Protocol

from cdktf import Fn, TerraformResourceLifecycle
from cdktf_cdktf_provider_aws.data_aws_availability_zones import DataAwsAvailabilityZones
from cdktf_cdktf_provider_aws.default_security_group import DefaultSecurityGroup
from cdktf_cdktf_provider_aws.eip import Eip
from cdktf_cdktf_provider_aws.internet_gateway import InternetGateway
from cdktf_cdktf_provider_aws.nat_gateway import NatGateway
from cdktf_cdktf_provider_aws.route import Route
from cdktf_cdktf_provider_aws.route_table import RouteTable
from cdktf_cdktf_provider_aws.route_table_association import RouteTableAssociation
from cdktf_cdktf_provider_aws.subnet import Subnet
from cdktf_cdktf_provider_aws.vpc import Vpc
from cdktf_cdktf_provider_aws.vpc_endpoint import VpcEndpoint
from constructs import Construct

from constructs_lib.aws_account import AwsAccount
from constructs_lib.connections import Connectable, Connections

TIERS = ("public", "private", "isolated")
_NEW_BITS = 4  # a subnet is a sixteenth of the VPC: room for four zones in each of three tiers, and for a tier to come
_ZONES_PER_TIER = 4
_INTERNET = "0.0.0.0/0"


class SubnetPlan(Protocol):
    """Where the parts of the platform are placed."""

    @property
    def vpc_id(self) -> str:
        """The VPC around the subnets."""

    @property
    def private_subnet_ids(self) -> Sequence[str]:
        """Subnets of tasks, load balancer and notebook, with a way out to AWS's APIs; one per zone."""

    @property
    def isolated_subnet_ids(self) -> Sequence[str]:
        """Subnets of the database; one per zone."""

    def let_use_endpoints(self, client: Connectable) -> None:
        """Let *client* into the interface endpoints, where there are any."""


@dataclass(frozen=True)
class ExistingNetwork:
    """A VPC that somebody else looks after, with its routes, endpoints and flow logs."""

    vpc_id: str
    private_subnet_ids: Sequence[str]
    isolated_subnet_ids: Sequence[str]

    def let_use_endpoints(self, client: Connectable) -> None:
        """Nothing: who may use the endpoints is the business of the VPC's owner."""


class Network(Construct):
    """A VPC over *zones* availability zones (2 to 4).

    *nat_per_zone* False saves money: one NAT gateway for all, whose zone takes the others' way out with it.
    *interface_endpoints* are short service names such as ``ecr.api``; S3 is always reached by a gateway endpoint, which
    costs nothing. The VPC's default security group is emptied, so that nothing is reachable by accident.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name_prefix: str,
        cidr: str = "10.0.0.0/16",
        zones: int = 2,
        nat_per_zone: bool = False,
        interface_endpoints: Sequence[str] = (),
    ) -> None:
        super().__init__(scope, id)
        if not 2 <= zones <= _ZONES_PER_TIER:
            raise ValueError(
                f"zones = {zones}: give 2, the least for Aurora, to {_ZONES_PER_TIER}, the most there is room for"
            )
        self._name_prefix = name_prefix
        self.vpc = Vpc(
            self,
            "Resource",
            cidr_block=cidr,
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags={"Name": name_prefix},
        )
        self.vpc_id: str = self.vpc.id
        DefaultSecurityGroup(self, "default-security-group", vpc_id=self.vpc_id, tags={"Name": f"{name_prefix}-unused"})

        subnets = self._subnets(cidr, zones)
        self.private_subnet_ids: Sequence[str] = subnets["private"]
        self.isolated_subnet_ids: Sequence[str] = subnets["isolated"]

        internet = InternetGateway(self, "internet-gateway", vpc_id=self.vpc_id, tags={"Name": name_prefix})
        self._route_table("public", subnets["public"], gateway_id=internet.id)
        gateways = self._nat_gateways(subnets["public"] if nat_per_zone else subnets["public"][:1], internet)
        private_tables = self._private_route_tables(subnets["private"], gateways)
        self._route_table("isolated", subnets["isolated"])

        self._s3_endpoint(private_tables)
        self._endpoints = self._interface_endpoints(interface_endpoints) if interface_endpoints else None

    def let_use_endpoints(self, client: Connectable) -> None:
        """Let *client* into the interface endpoints, where there are any."""
        if self._endpoints is not None:
            self._endpoints.allow_from(client, why="AWS APIs by interface endpoints")

    def _subnets(self, cidr: str, zones: int) -> dict[str, list[str]]:
        """The ids of each tier's subnets, in the order of the zones."""
        blocks = list(IPv4Network(ip_network(cidr)).subnets(prefixlen_diff=_NEW_BITS))
        # Local and wavelength zones are opted in to and hold no NAT gateways or Aurora.
        available = DataAwsAvailabilityZones(
            self,
            "zones",
            state="available",
            filter=[{"name": "opt-in-status", "values": ["opt-in-not-required"]}],
        ).names
        return {
            tier: [
                Subnet(
                    self,
                    f"{tier}-{zone}",
                    vpc_id=self.vpc_id,
                    cidr_block=str(blocks[row * _ZONES_PER_TIER + zone]),
                    availability_zone=Fn.element(available, zone),
                    map_public_ip_on_launch=False,
                    tags={"Name": f"{self._name_prefix}-{tier}-{zone}"},
                    # A new zone in the region shifts the list; the subnets, and all that is in them, stay.
                    lifecycle=TerraformResourceLifecycle(ignore_changes=["availability_zone"]),
                ).id
                for zone in range(zones)
            ]
            for row, tier in enumerate(TIERS)
        }

    def _route_table(
        self, id: str, subnet_ids: Sequence[str], *, gateway_id: str | None = None, nat_gateway_id: str | None = None
    ) -> str:
        """The id of a new route table for the subnets."""
        table: str = RouteTable(self, f"{id}-routes", vpc_id=self.vpc_id, tags={"Name": f"{self._name_prefix}-{id}"}).id
        if gateway_id or nat_gateway_id:
            Route(
                self,
                f"{id}-internet",
                route_table_id=table,
                destination_cidr_block=_INTERNET,
                gateway_id=gateway_id,
                nat_gateway_id=nat_gateway_id,
            )
        for index, subnet_id in enumerate(subnet_ids):
            RouteTableAssociation(self, f"{id}-association-{index}", subnet_id=subnet_id, route_table_id=table)
        return table

    def _nat_gateways(self, subnet_ids: Sequence[str], internet: InternetGateway) -> list[str]:
        gateways = []
        for zone, subnet_id in enumerate(subnet_ids):
            name = {"Name": f"{self._name_prefix}-{zone}"}
            address = Eip(self, f"nat-address-{zone}", domain="vpc", tags=name, depends_on=[internet])
            gateways.append(
                NatGateway(
                    self,
                    f"nat-{zone}",
                    allocation_id=address.allocation_id,
                    subnet_id=subnet_id,
                    tags=name,
                    depends_on=[internet],
                ).id
            )
        return gateways

    def _private_route_tables(self, subnet_ids: Sequence[str], gateways: Sequence[str]) -> list[str]:
        if len(gateways) == 1:
            return [self._route_table("private", subnet_ids, nat_gateway_id=gateways[0])]
        return [
            self._route_table(f"private-{zone}", [subnet_id], nat_gateway_id=gateway)
            for zone, (subnet_id, gateway) in enumerate(zip(subnet_ids, gateways, strict=True))
        ]

    def _s3_endpoint(self, tables: Sequence[str]) -> None:
        VpcEndpoint(
            self,
            "s3-endpoint",
            vpc_id=self.vpc_id,
            service_name=f"com.amazonaws.{AwsAccount.of(self).region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=list(tables),
            tags={"Name": f"{self._name_prefix}-s3"},
        )

    def _interface_endpoints(self, services: Sequence[str]) -> Connections:
        connections = Connections(
            self,
            "endpoints",
            vpc_id=self.vpc_id,
            name_prefix=self._name_prefix,
            name="endpoints",
            description="Interface endpoints of AWS APIs",
            port=443,
        )
        for service in services:
            VpcEndpoint(
                self,
                f"{service}-endpoint",
                vpc_id=self.vpc_id,
                service_name=f"com.amazonaws.{AwsAccount.of(self).region}.{service}",
                vpc_endpoint_type="Interface",
                private_dns_enabled=True,
                subnet_ids=list(self.private_subnet_ids),
                security_group_ids=[connections.security_group_id],
                tags={"Name": f"{self._name_prefix}-{service}"},
            )
        return connections
