"""What the checks of a review hand over: a rule, where it is broken, and a clause that says how."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from review.model import Action, Address, Difference
from review.plan_json.reading import ResourceChange, StackPlan

_LISTED = 4


@dataclass(frozen=True)
class Draft:
    """A finding before it is weighed; *what* begins in lower case and has no full stop at its end."""

    rule: str
    address: Address
    what: str


@dataclass(frozen=True)
class Examined:
    """One stack's plan with the differences of each change, by the resource's address."""

    plan: StackPlan
    differences: Mapping[str, tuple[Difference, ...]]

    def of(self, change: ResourceChange) -> tuple[Difference, ...]:
        """What differs in *change*, tags aside."""
        found = self.differences.get(change.address.resource, ())
        return tuple(each for each in found if not each.path.startswith("tags"))

    def changes_something(self, change: ResourceChange) -> bool:
        """Whether more than tags, names in the state and the like changes."""
        if change.action in (Action.MOVE, Action.IMPORT, None):
            return False
        return change.action is not Action.UPDATE or bool(self.of(change))


def head(address: Address) -> str:
    """The part of the picture that a resource belongs to: its outermost construct, or itself."""
    return address.top or address.resource


def main_of(changes: Iterable[ResourceChange]) -> ResourceChange:
    """The resource that stands for *changes*: the one with the shortest path."""
    return min(changes, key=lambda each: (len(each.address.construct or each.address.resource), each.address.resource))


def listed(changes: Iterable[ResourceChange]) -> str:
    """The addresses of *changes*, the first of them."""
    names = [f"`{each.address.resource}`" for each in changes]
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
