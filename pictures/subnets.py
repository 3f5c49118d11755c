"""Subnets as tiers: those that have the same way out are one, in however many zones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pictures.icons import PRIVATE_FRAME, PUBLIC_FRAME, VPC_FRAME
from pictures.model import Group
from pictures.resources import Platform, Resource

VPC = "vpc"
_KEYS = ("subnets", "subnet_ids", "subnet_id")
_ICONS = {"public": PUBLIC_FRAME}


class Subnets:
    """The VPC and its tiers, of our own or of somebody else (``network.existing``)."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._tier_of = {subnet: self._way_out(subnet) for subnet in platform.of_type("aws_subnet")}
        self._existing = _sets(self._named(resource) for resource in platform.resources)

    def groups(self, parent: str) -> Iterator[Group]:
        """The frames, from the outside to the inside."""
        yield self._vpc(parent)
        for tier in ("public", "private", "isolated"):
            subnets = [subnet for subnet, its_tier in self._tier_of.items() if its_tier == tier]
            made = frozenset(each.address for subnet in subnets for each in self._with_routes(subnet))
            main = frozenset(subnet.address for subnet in subnets)
            label = f"{len(subnets)} {tier} subnets"
            yield Group(tier, label, VPC, _ICONS.get(tier, PRIVATE_FRAME), made, main=main)
        for number, ids in enumerate(self._existing):
            yield Group(_existing_id(number), f"{len(ids)} existing subnets", VPC, PRIVATE_FRAME)

    def tier(self, resources: Sequence[Resource]) -> str | None:
        """The frame of what consists of *resources*; None for what is in no subnet."""
        for resource in resources:
            for each in self._platform.references(resource):
                if each in self._tier_of:
                    return self._tier_of[each]
        for resource in resources:
            named = self._named(resource)
            for number, ids in enumerate(self._existing):
                if named and named <= ids:
                    return _existing_id(number)
        return None

    def route_tables(self, resources: Sequence[Resource]) -> frozenset[Resource]:
        """The route tables of the subnets that *resources* are in."""
        subnets = {each for resource in resources for each in self._platform.references(resource)} & set(self._tier_of)
        return frozenset(
            each for subnet in subnets for each in self._with_routes(subnet) if each.type == "aws_route_table"
        )

    def _vpc(self, parent: str) -> Group:
        own = self._platform.of_type("aws_vpc")
        if own:
            main = frozenset(vpc.address for vpc in own)
            return Group(VPC, f"VPC {own[0].text('cidr_block')}", parent, VPC_FRAME, main, main=main)
        groups = self._platform.of_type("aws_security_group")
        named = next((group.text("vpc_id") for group in groups if "${" not in group.text("vpc_id")), "")
        return Group(VPC, f"existing VPC {named}".strip(), parent, VPC_FRAME)

    def _way_out(self, subnet: Resource) -> str:
        for route in self._with_routes(subnet):
            if route.type == "aws_route" and route.values.get("gateway_id"):
                return "public"
            if route.type == "aws_route":
                return "private"
        return "isolated"

    def _with_routes(self, subnet: Resource) -> Iterator[Resource]:
        """The subnet, its association, its route table and the routes in it."""
        yield subnet
        referrers = self._platform.referrers
        for association in referrers.get(subnet, ()):
            if association.type == "aws_route_table_association":
                yield association
                for table in self._platform.references(association):
                    if table.type == "aws_route_table":
                        yield table
                        yield from (each for each in referrers.get(table, ()) if each.type == "aws_route")

    def _named(self, resource: Resource) -> frozenset[str]:
        """The ids of subnets that *resource* names: those of somebody else."""
        return frozenset(_ids(resource.values))


def _existing_id(number: int) -> str:
    return "existing-subnets" if number == 0 else f"existing-subnets-{number + 1}"


def _sets(named: Iterator[frozenset[str]]) -> list[frozenset[str]]:
    """The sets of ids that are not part of a bigger one, in the order in which they come."""
    sets = list(dict.fromkeys(ids for ids in named if ids))
    return [ids for ids in sets if not any(ids < other for other in sets)]


def _ids(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _literals(each) if key in _KEYS else _ids(each)
    elif isinstance(value, list):
        for each in value:
            yield from _ids(each)


def _literals(value: Any) -> Iterator[str]:
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, str) and "${" not in each:
            yield each
