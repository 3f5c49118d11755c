"""From resources to an estimate: every line of the bill, and what nobody knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cost import data, endpoint, network, notebooks, service
from cost.bill import Bill, Component
from cost.free import FREE_TYPES
from cost.inventory import Inventory
from cost.model import Comparison, Estimate, Line, Resource
from cost.prices import price_table
from settings import UsageSettings

CHAPTERS = (
    network.NAT,
    network.ENDPOINTS,
    network.BALANCER,
    network.FIREWALL,
    service.FARGATE,
    data.AURORA,
    data.KEYS,
    data.LOGS,
    service.METRICS,
    service.ROUTE_METRICS,
    endpoint.API,
    endpoint.AUTHORIZER,
    endpoint.USERS,
    service.IMAGES,
    data.ARTIFACTS,
    network.NAMES,
    notebooks.NOTEBOOK,
    notebooks.STUDIO,
    data.STATE,
)
"""The bill, in its order."""

PRICED_TYPES = frozenset(type for chapter in CHAPTERS for type in chapter.types)
"""The resource types that lines come from."""

_NOT_IN_THE_MODEL = Component("Not in the model")


def estimate(resources: Iterable[Resource], *, region: str, usage: UsageSettings) -> Estimate:
    """What *resources*, those of one environment, cost in a month in *region*, used as *usage* says.

    Whatever has no price is a line without one: the price table does not know the region, the model does not know the
    type, or an attribute is known only after an apply.
    """
    prices = price_table()
    countable, uncountable = _divided(resources)
    bill = Bill(Inventory(countable), prices.of(region), usage)
    lines = [line for chapter in CHAPTERS for line in chapter.lines(bill)]
    return Estimate(region, prices.as_of, (*lines, *_uncounted(uncountable), *_strangers(bill.inventory)))


def compare(before: Estimate, after: Estimate) -> Comparison:
    """What changes from *before* to *after*."""
    return Comparison(before, after)


def _divided(resources: Iterable[Resource]) -> tuple[list[Resource], list[Resource]]:
    """Those that stand for one each, and priced ones of which Terraform alone knows how many there will be."""
    countable: list[Resource] = []
    uncountable: list[Resource] = []
    for resource in resources:
        many = resource.type in PRICED_TYPES and ("for_each" in resource.values or "count" in resource.values)
        (uncountable if many else countable).append(resource)
    return countable, uncountable


def _uncounted(resources: Iterable[Resource]) -> Iterator[Line]:
    for resource in resources:
        item = f"{resource.type}.{resource.name}"
        yield _NOT_IN_THE_MODEL.unknown(item, "how many there are is known to Terraform only")


def _strangers(inventory: Inventory) -> Iterator[Line]:
    for type, resources in sorted(inventory.types().items()):
        if type not in PRICED_TYPES and type not in FREE_TYPES:
            names = ", ".join(resource.name for resource in resources[:3])
            more = f" and {len(resources) - 3} more" if len(resources) > 3 else ""
            yield _NOT_IN_THE_MODEL.unknown(type, f"cost/ does not know this type ({names}{more})")
