from __future__ import annotations

from ipaddress import IPv4Network
from itertools import combinations
from typing import Any

import pytest

from constructs_lib.network import Network
from tests.unit.synthesis import NETWORK, Resource, Terraform, Workbench


def _synthesise(stack: Workbench, **arguments: Any) -> Terraform:
    Network(stack, "network", name_prefix="test", **arguments)
    return stack.synthesise()


def _tier(terraform: Terraform, tier: str) -> list[Resource]:
    """The subnets of *tier*, one for each zone."""
    return [subnet for subnet in terraform.all("aws_subnet") if subnet["tags"]["Name"].startswith(f"test-{tier}-")]


def _ways_out(terraform: Terraform, subnet: Resource) -> list[str]:
    """Where traffic from *subnet* to the internet goes."""
    table = terraform.one("aws_route_table_association", subnet_id=subnet.ref("id"))["route_table_id"]
    routes = terraform.all("aws_route", route_table_id=table)
    assert all(route["destination_cidr_block"] == "0.0.0.0/0" for route in routes)
    return [route.get("gateway_id") or route["nat_gateway_id"] for route in routes]


# --- subnets ---


def test_the_vpc_resolves_and_gives_dns_names(stack: Workbench) -> None:
    vpc = _synthesise(stack, cidr="10.7.0.0/16").one("aws_vpc")

    assert vpc["cidr_block"] == "10.7.0.0/16"
    assert (vpc["enable_dns_hostnames"], vpc["enable_dns_support"]) == (True, True)


@pytest.mark.parametrize(
    ("cidr", "zones", "blocks"),
    [
        (
            "10.0.0.0/16",
            2,
            {
                "public": ["10.0.0.0/20", "10.0.16.0/20"],
                "private": ["10.0.64.0/20", "10.0.80.0/20"],
                "isolated": ["10.0.128.0/20", "10.0.144.0/20"],
            },
        ),
        (
            "192.168.4.0/23",
            3,
            {
                "public": ["192.168.4.0/27", "192.168.4.32/27", "192.168.4.64/27"],
                "private": ["192.168.4.128/27", "192.168.4.160/27", "192.168.4.192/27"],
                "isolated": ["192.168.5.0/27", "192.168.5.32/27", "192.168.5.64/27"],
            },
        ),
    ],
)
def test_each_tier_has_a_sixteenth_of_the_vpc_in_each_zone(
    stack: Workbench, cidr: str, zones: int, blocks: dict[str, list[str]]
) -> None:
    terraform = _synthesise(stack, cidr=cidr, zones=zones)

    assert {tier: [subnet["cidr_block"] for subnet in _tier(terraform, tier)] for tier in blocks} == blocks
    assert len(terraform.all("aws_subnet")) == 3 * zones


@pytest.mark.parametrize("zones", [2, 3])
def test_no_two_subnets_overlap_and_all_are_inside_the_vpc(stack: Workbench, zones: int) -> None:
    networks = [IPv4Network(subnet["cidr_block"]) for subnet in _synthesise(stack, zones=zones).all("aws_subnet")]

    assert all(network.subnet_of(IPv4Network("10.0.0.0/16")) for network in networks)
    assert not any(one.overlaps(other) for one, other in combinations(networks, 2))


@pytest.mark.parametrize("zones", [0, 1, 5])
def test_refuses_fewer_zones_than_aurora_needs_and_more_than_there_is_room_for(stack: Workbench, zones: int) -> None:
    with pytest.raises(ValueError, match=f"zones = {zones}"):
        Network(stack, "network", name_prefix="test", zones=zones)


@pytest.mark.parametrize("tier", ["public", "private", "isolated"])
def test_the_subnets_of_a_tier_stand_in_different_ordinary_zones(stack: Workbench, tier: str) -> None:
    terraform = _synthesise(stack)

    available = terraform.data("aws_availability_zones")
    assert available["filter"] == [{"name": "opt-in-status", "values": ["opt-in-not-required"]}]
    assert [subnet["availability_zone"] for subnet in _tier(terraform, tier)] == [
        f"${{element({available.address}.names, {zone})}}" for zone in range(2)
    ]


def test_a_new_zone_in_the_region_moves_no_subnet(stack: Workbench) -> None:
    for subnet in _synthesise(stack).all("aws_subnet"):
        assert subnet["lifecycle"] == {"ignore_changes": ["availability_zone"]}


def test_no_subnet_hands_out_public_addresses(stack: Workbench) -> None:
    assert not any(subnet["map_public_ip_on_launch"] for subnet in _synthesise(stack).all("aws_subnet"))


# --- routes ---


def test_public_subnets_go_out_by_the_internet_gateway(stack: Workbench) -> None:
    terraform = _synthesise(stack)

    gateway = terraform.one("aws_internet_gateway").ref("id")
    assert [_ways_out(terraform, subnet) for subnet in _tier(terraform, "public")] == [[gateway]] * 2


@pytest.mark.parametrize("nat_per_zone", [False, True])
def test_isolated_subnets_have_no_way_out(stack: Workbench, nat_per_zone: bool) -> None:
    terraform = _synthesise(stack, nat_per_zone=nat_per_zone)

    assert [_ways_out(terraform, subnet) for subnet in _tier(terraform, "isolated")] == [[], []]


def test_a_single_nat_gateway_serves_all_zones(stack: Workbench) -> None:
    terraform = _synthesise(stack, zones=3)

    gateway = terraform.one("aws_nat_gateway")
    assert gateway["subnet_id"] == _tier(terraform, "public")[0].ref("id")
    assert [_ways_out(terraform, subnet) for subnet in _tier(terraform, "private")] == [[gateway.ref("id")]] * 3


def test_with_a_nat_gateway_per_zone_no_zone_depends_on_another(stack: Workbench) -> None:
    terraform = _synthesise(stack, zones=3, nat_per_zone=True)

    for public, private in zip(_tier(terraform, "public"), _tier(terraform, "private"), strict=True):
        gateway = terraform.one("aws_nat_gateway", subnet_id=public.ref("id"))
        assert _ways_out(terraform, private) == [gateway.ref("id")]
        assert public["availability_zone"] == private["availability_zone"]
    assert len(terraform.all("aws_eip")) == 3


# --- what may be reached ---


def test_the_default_security_group_has_no_rules(stack: Workbench) -> None:
    terraform = _synthesise(stack)

    group = terraform.one("aws_default_security_group")
    assert group["vpc_id"] == terraform.one("aws_vpc").ref("id")
    assert not {"ingress", "egress"} & group.keys()


@pytest.mark.parametrize("nat_per_zone", [False, True])
def test_private_subnets_reach_s3_by_a_gateway_endpoint(stack: Workbench, nat_per_zone: bool) -> None:
    terraform = _synthesise(stack, nat_per_zone=nat_per_zone)

    endpoint = terraform.one("aws_vpc_endpoint")
    assert endpoint["service_name"] == f"com.amazonaws.{terraform.data('aws_region').ref('name')}.s3"
    assert endpoint["vpc_endpoint_type"] == "Gateway"
    private = [subnet.ref("id") for subnet in _tier(terraform, "private")]
    tables = [terraform.one("aws_route_table_association", subnet_id=subnet)["route_table_id"] for subnet in private]
    assert set(endpoint["route_table_ids"]) == set(tables)


def test_there_are_no_interface_endpoints_unless_asked(stack: Workbench) -> None:
    network = Network(stack, "network", name_prefix="test")
    network.let_use_endpoints(stack.vpc_link)
    terraform = stack.synthesise()

    assert [endpoint["vpc_endpoint_type"] for endpoint in terraform.all("aws_vpc_endpoint")] == ["Gateway"]
    assert terraform.connections("ingress") == set()


def test_interface_endpoints_stand_in_the_private_subnets_under_the_services_own_names(stack: Workbench) -> None:
    terraform = _synthesise(stack, interface_endpoints=["ecr.api", "logs"])

    endpoints = terraform.all("aws_vpc_endpoint", vpc_endpoint_type="Interface")
    region = terraform.data("aws_region").ref("name")
    assert {endpoint["service_name"] for endpoint in endpoints} == {
        f"com.amazonaws.{region}.ecr.api",
        f"com.amazonaws.{region}.logs",
    }
    for endpoint in endpoints:
        assert endpoint["private_dns_enabled"] is True
        assert endpoint["subnet_ids"] == [subnet.ref("id") for subnet in _tier(terraform, "private")]


def test_interface_endpoints_let_in_only_those_named(stack: Workbench) -> None:
    network = Network(stack, "network", name_prefix="test", interface_endpoints=["ecr.api", "logs"])
    network.let_use_endpoints(stack.vpc_link)
    terraform = stack.synthesise()

    group = terraform.one("aws_security_group", tags={"Name": "test-endpoints"}).ref("id")
    endpoints = terraform.all("aws_vpc_endpoint", vpc_endpoint_type="Interface")
    assert [endpoint["security_group_ids"] for endpoint in endpoints] == [[group], [group]]
    assert terraform.connections("ingress") == {("vpc-link", "endpoints", 443)}


def test_an_existing_network_gets_nothing_of_ours(stack: Workbench) -> None:
    NETWORK.let_use_endpoints(stack.load_balancer)
    types = stack.synthesise().types

    assert types == {"aws_lb", "aws_lb_listener", "aws_lb_target_group", "aws_security_group"}
