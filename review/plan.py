"""From the plans of an environment to what a reviewer must know of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from cost import Resource
from review.checks.allowances import NONE, Allowances
from review.checks.downtime import downtimes
from review.checks.drafts import Examined
from review.checks.findings import allow, find, unused
from review.model import Action, Address, Change, Difference, PlanReview
from review.plan_json.differences import differences, drifted
from review.plan_json.reading import Configuration, StackPlan, checked, read_plan, stack_plan
from review.plan_json.redaction import UNKNOWN, Hidden, Json, Script, redacted

__all__ = ["digest", "read_plan", "resources", "review_plans"]

_DIGITS = 16


def review_plans(
    plans: Mapping[str, Mapping[str, Any]],
    configurations: Mapping[str, Configuration],
    *,
    before: Mapping[str, Configuration] | None = None,
    base_plans: Mapping[str, Mapping[str, Any]] | None = None,
    allowances: Allowances = NONE,
    today: date,
) -> PlanReview:
    """Review *plans*, in Terraform's JSON format, by the names of their stacks.

    *configurations* are the synthesised JSON of the stacks, *before* that of the base; without it nobody knows the
    constructs of what is removed, nor that ``prevent_destroy`` is. What is in *base_plans* too is marked as pending.
    No secret of a plan gets into the result. Raises ``UserError`` for something that is not a plan.
    """
    examined = [
        _examined(stack, plan, configurations.get(stack, {}), None if before is None else before.get(stack, {}))
        for stack, plan in plans.items()
    ]
    based = frozenset(
        _identity(change)
        for stack, plan in (base_plans or {}).items()
        for change in _changes(_examined(stack, plan, (before or {}).get(stack, {}), None))
    )
    changes = tuple(_marked(change, based) for each in examined for change in _changes(each))
    found = find(examined, frozenset(str(change.address) for change in changes if change.pending))
    return PlanReview(
        changes=changes,
        drift=tuple(change for each in examined for change in _drift(each.plan)),
        findings=tuple(allow(found, allowances, today)),
        downtimes=tuple(downtimes(examined)),
        notes=(*_notes(each.plan for each in examined), *unused(found, allowances)),
    )


def resources(plan: Mapping[str, Any], stack: str) -> tuple[list[Resource], list[Resource]]:
    """Every resource of *plan* before and after; values that are secret or not known yet are absent."""
    sides: tuple[list[Resource], list[Resource]] = ([], [])
    for entry in checked(plan, stack).get("resource_changes") or ():
        if entry.get("mode", "managed") == "managed" and not entry.get("deposed"):
            name = entry["name"] if "index" not in entry else f"{entry['name']}[{json.dumps(entry['index'])}]"
            for side, found in zip(("before", "after"), sides, strict=True):
                if entry["change"].get(side) is not None:
                    found.append(Resource(stack, entry["type"], name, _known(entry["change"], side)))
    return sides


def digest(review: PlanReview) -> str:
    """A short text that is the same for plans that would change the same, and another for every other."""
    changes = sorted(
        [change.address.stack, change.address.resource, change.action.value, *map(_of_difference, change.differences)]
        for change in review.changes
    )
    text = json.dumps(changes, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def _of_difference(difference: Difference) -> str:
    return json.dumps([difference.path, difference.before, difference.after, difference.forces_replacement])


def _examined(
    stack: str, plan: Mapping[str, Any], configuration: Configuration, before: Configuration | None
) -> Examined:
    read = stack_plan(stack, checked(plan, stack), configuration, before)
    return Examined(read, {change.address.resource: differences(change) for change in read.changes})


def _changes(examined: Examined) -> Iterator[Change]:
    for change in examined.plan.changes:
        assert change.action is not None  # noqa: S101 - by StackPlan.changes
        yield Change(change.address, change.action, examined.differences[change.address.resource])
    yield from _outputs(examined.plan)


def _outputs(plan: StackPlan) -> Iterator[Change]:
    """Those that people see; of a stack that is new or goes they say nothing that the stack does not."""
    if not plan.is_new and not plan.is_destroyed:
        for output in plan.outputs:
            if output.action is not None:
                yield Change(output.address, output.action, differences(output))


def _drift(plan: StackPlan) -> Iterator[Change]:
    planned = {change.address.resource: change for change in plan.resources}
    for drift in plan.drift:
        if drift.action is Action.DELETE:
            yield Change(drift.address, Action.DELETE)
        elif drift.action is not None and (found := drifted(drift, planned.get(drift.address.resource))):
            yield Change(drift.address, drift.action, found)


def _identity(change: Change) -> tuple[Address, Action, tuple[Difference, ...]]:
    # Without the construct's path, which the two sides may know from different places.
    address = Address(change.address.stack, change.address.resource, change.address.type)
    return address, change.action, change.differences


def _marked(change: Change, based: frozenset[tuple[Address, Action, tuple[Difference, ...]]]) -> Change:
    if _identity(change) not in based:
        return change
    return Change(change.address, change.action, change.differences, pending=True)


def _notes(plans: Sequence[StackPlan] | Iterator[StackPlan]) -> Iterator[str]:
    for plan in plans:
        yield from plan.notes
        for change in plan.changes:
            if change.reason and change.action in (Action.MOVE, Action.IMPORT, Action.CREATE, Action.UPDATE):
                yield f"{change.address}: {change.reason}."
        if plan.handed_over and not plan.is_new and not plan.is_destroyed:
            yield (
                f"{plan.stack} will hand other values over to the stacks after it ({len(plan.handed_over)} of them): "
                "their plans are other ones once it is deployed."
            )


def _known(change: Mapping[str, Any], side: str) -> dict[str, Any]:
    """The values of one side as they are in the plan, without what is secret or not known."""
    unknown = change.get("after_unknown") if side == "after" else False
    found: dict[str, Any] = _plain(redacted(change[side], change.get(f"{side}_sensitive"), unknown))
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Json | Script):
        return str(value)
    if isinstance(value, dict):
        return {
            key: _plain(each) for key, each in value.items() if not isinstance(each, Hidden) and each is not UNKNOWN
        }
    if isinstance(value, list):
        return [_plain(each) for each in value if not isinstance(each, Hidden) and each is not UNKNOWN]
    return value
