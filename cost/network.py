"""The network's lines: NAT, endpoints, load balancer, firewall, names."""

from __future__ import annotations

from collections.abc import Iterator

from cost.arithmetic import number, product, unknown
from cost.bill import AFTER_APPLY, HOURS, Bill, Chapter, Component, several, shown
from cost.inventory import blocks, length, text
from cost.model import Line, Resource

_NAT = Component("NAT gateways")
_ENDPOINTS = Component("Interface endpoints")
_BALANCER = Component("Load balancer")
_FIREWALL = Component("Firewall")
_NAMES = Component("Private DNS")


def _nat(bill: Bill) -> Iterator[Line]:
    gateways, addresses = len(bill.all("aws_nat_gateway")), len(bill.all("aws_eip"))
    if gateways:
        hours = product(gateways, HOURS, bill.price("nat_hour"))
        yield _NAT.line("NAT gateways", f"{several(gateways, 'gateway')} (network.nat)", hours)
        used = bill.usage.nat_gb
        data = product(used, bill.price("nat_gb"))
        yield _NAT.line("NAT gateways, data", f"{shown(used)} GB (usage.nat_gb): AWS APIs, package indexes", data)
    if addresses:
        hours = product(addresses, HOURS, bill.price("public_ipv4_hour"))
        yield _NAT.line("Public IPv4 addresses", f"{addresses}, of the NAT gateways", hours)


def _endpoints(bill: Bill) -> Iterator[Line]:
    """Gateway endpoints, which is what an endpoint is that says nothing else, are free."""
    found = bill.all("aws_vpc_endpoint")
    kinds = {resource.name: resource.values.get("vpc_endpoint_type", "Gateway") for resource in found}
    interfaces = [resource for resource in found if kinds[resource.name] == "Interface"]
    for resource in found:
        if kinds[resource.name] not in ("Interface", "Gateway"):
            yield _ENDPOINTS.unknown(f"Endpoint {resource.name}", f"endpoints of type {kinds[resource.name]}")
    if not interfaces:
        return
    zones = [length(resource.values, "subnet_ids") for resource in interfaces]
    price = bill.price("endpoint_hour")
    if None in zones:
        amount = product(unknown(f"subnet_ids is {AFTER_APPLY}"), HOURS, price)
        assumption = several(len(interfaces), "service")
    elif len(set(zones)) == 1:
        amount = product(len(zones), zones[0] or 0, HOURS, price)
        assumption = f"{several(len(zones), 'service')} in {several(zones[0] or 0, 'zone')}"
    else:
        everywhere = sum(zone or 0 for zone in zones)
        amount = product(everywhere, HOURS, price)
        assumption = f"{several(len(zones), 'service')}, {everywhere} with each zone of each counted"
    yield _ENDPOINTS.line("Interface endpoints", f"{assumption} (network.interface_endpoints)", amount)
    used = bill.usage.endpoints_gb
    data = product(used, bill.price("endpoint_gb"))
    yield _ENDPOINTS.line("Interface endpoints, data", f"{shown(used)} GB (usage.endpoints_gb): mostly logs", data)


def _balancer(bill: Bill) -> Iterator[Line]:
    balancers = [each for each in bill.all("aws_lb") if _kind(each) == "application"]
    for resource in bill.all("aws_lb"):
        if _kind(resource) != "application":
            yield _BALANCER.unknown(f"Load balancer {resource.name}", f"load balancers of type {_kind(resource)}")
    if balancers:
        count = [] if len(balancers) == 1 else [len(balancers)]
        hours = product(*count, HOURS, bill.price("balancer_hour"))
        yield _BALANCER.line("Load balancer", f"{len(balancers)}", hours)
        used = bill.usage.lcu
        capacity = product(*count, used, HOURS, bill.price("balancer_lcu_hour"))
        yield _BALANCER.line("Load balancer, capacity", f"{shown(used)} LCU on average (usage.lcu)", capacity)


def _kind(balancer: Resource) -> str:
    return text(balancer.values, "load_balancer_type") or "application"


def _firewall(bill: Bill) -> Iterator[Line]:
    lists = bill.all("aws_wafv2_web_acl")
    if not lists:
        return
    rules = sum(len(blocks(resource.values, "rule")) for resource in lists)
    yield _FIREWALL.line("Web ACL", f"{len(lists)} (load_balancer.waf)", product(len(lists), bill.price("waf_acl")))
    yield _FIREWALL.line(
        "Web ACL, rules", several(rules, "rule or group", "rules and groups"), product(rules, bill.price("waf_rule"))
    )
    asked = bill.usage.requests_millions
    requests = product(asked, bill.price("waf_requests"))
    yield _FIREWALL.line("Web ACL, requests", f"{shown(asked)} million (usage.requests_millions)", requests)


def _names(bill: Bill) -> Iterator[Line]:
    kinds = {
        "aws_service_discovery_private_dns_namespace": "of Cloud Map",
        "aws_route53_zone": "of the load balancer's name",
    }
    present = {why: len(bill.all(type)) for type, why in kinds.items() if bill.all(type)}
    if present:
        zones = sum(present.values())
        whose = ", ".join(f"{count} {why}" for why, count in present.items())
        yield _NAMES.line("Private DNS zones", whose, product(number(zones), bill.price("hosted_zone")))


NAT = Chapter(frozenset({"aws_nat_gateway", "aws_eip"}), _nat)
ENDPOINTS = Chapter(frozenset({"aws_vpc_endpoint"}), _endpoints)
BALANCER = Chapter(frozenset({"aws_lb"}), _balancer)
FIREWALL = Chapter(frozenset({"aws_wafv2_web_acl"}), _firewall)
NAMES = Chapter(frozenset({"aws_service_discovery_private_dns_namespace", "aws_route53_zone"}), _names)
