"""What an estimate says. A price that is not known is None, never 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True)
class Resource:
    """One resource with its attributes, from synthesised JSON or from one side of a plan.

    A block is a map, or a list of maps. An attribute that is absent or None is unset, or known only after an apply.
    """

    stack: str
    type: str
    name: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Line:
    """One line of the bill: USD for a month of 730 hours, with what is assumed and how it is computed.

    *component* groups lines. *arithmetic* gives *usd*, which is rounded to cents; where that is None, a "?" stands in
    it for what is unknown, and *assumption* says why.
    """

    component: str
    item: str
    assumption: str
    arithmetic: str
    usd: float | None


@dataclass(frozen=True)
class Estimate:
    """All lines, by the list prices of one region as of one day."""

    region: str
    as_of: date
    lines: tuple[Line, ...] = ()

    @property
    def total(self) -> float:
        """USD by month of the lines whose price is known."""
        return round(sum((line.usd for line in self.lines if line.usd is not None), 0.0), 2)

    @property
    def unknown(self) -> tuple[str, ...]:
        """The items without a price."""
        return tuple(line.item for line in self.lines if line.usd is None)


@dataclass(frozen=True)
class ComponentCost:
    """One component before and after, in USD by month; None: some of its prices are *unknown*, or all."""

    component: str
    before: float | None
    after: float | None
    unknown: tuple[str, ...] = ()

    @property
    def difference(self) -> float | None:
        """USD by month that the plan adds."""
        return None if self.before is None or self.after is None else round(self.after - self.before, 2)


@dataclass(frozen=True)
class Comparison:
    """Two estimates, before and after a plan."""

    before: Estimate
    after: Estimate

    @property
    def components(self) -> tuple[ComponentCost, ...]:
        """Every component of either side, in the order of the lines."""
        names = dict.fromkeys(line.component for line in (*self.after.lines, *self.before.lines))
        return tuple(self._component(name) for name in names)

    @property
    def difference(self) -> float:
        """USD by month that the plan adds, as far as prices are known."""
        return round(self.after.total - self.before.total, 2)

    @property
    def unknown(self) -> tuple[str, ...]:
        """The items of either side without a price."""
        return tuple(dict.fromkeys((*self.after.unknown, *self.before.unknown)))

    def _component(self, name: str) -> ComponentCost:
        sides = [[line for line in side.lines if line.component == name] for side in (self.before, self.after)]
        before, after = (
            None if any(line.usd is None for line in lines) else round(sum((line.usd or 0 for line in lines), 0.0), 2)
            for lines in sides
        )
        unknown = tuple(dict.fromkeys(line.item for lines in sides for line in lines if line.usd is None))
        return ComponentCost(name, before, after, unknown)
