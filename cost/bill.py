"""What the parts of an estimate are written with: resources, prices and use at hand, and lines out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cost.arithmetic import Amount, plain, unknown
from cost.inventory import Inventory
from cost.model import Line, Resource
from cost.prices import RegionalPrices
from settings import UsageSettings
from settings.usage import HOURS_PER_MONTH

HOURS = HOURS_PER_MONTH

AFTER_APPLY = "known only after an apply"


@dataclass(frozen=True)
class Bill:
    """What there is, what it costs by unit, and how much of it is used."""

    inventory: Inventory
    prices: RegionalPrices
    usage: UsageSettings

    def all(self, type: str) -> list[Resource]:
        """The resources of *type*."""
        return self.inventory.all(type)

    def price(self, key: str) -> Amount:
        """USD by unit."""
        return self.prices.price(key)


@dataclass(frozen=True)
class Chapter:
    """A part of the bill: the resource types that it prices, and its lines."""

    types: frozenset[str]
    lines: Callable[[Bill], Iterable[Line]]


@dataclass(frozen=True)
class Component:
    """Writes the lines of one component."""

    name: str

    def line(self, item: str, assumption: str, amount: Amount) -> Line:
        """A line; of an unknown amount it says why."""
        if amount.value is None:
            assumption = f"{assumption}; unknown: {'; '.join(amount.why_unknown)}"
        return Line(self.name, item, assumption, amount.text, amount.cents)

    def unknown(self, item: str, why: str) -> Line:
        """A line of which nothing but the item is known."""
        return Line(self.name, item, f"unknown: {why}", unknown(why).text, None)


def several(count: int, what: str, plural: str | None = None) -> str:
    """``1 gateway``, ``3 gateways``."""
    return f"{count} {what if count == 1 else plural or f'{what}s'}"


def shown(value: float) -> str:
    """A number for people: 0.5, 10,000."""
    whole, _, fraction = plain(value).partition(".")
    return f"{int(whole):,}.{fraction}" if fraction else f"{int(whole):,}"
