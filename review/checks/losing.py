"""What a plan takes away: data, protection, encryption, and whatever else goes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from review.checks.drafts import Draft, Examined, head, listed, main_of
from review.checks.tables import GUARDS, NETWORK, PERMISSIONS, ROUTINE, STATEFUL
from review.checks.weakenings import weakened
from review.model import Action
from review.plan_json.reading import ResourceChange, StackPlan
from review.plan_json.redaction import UNKNOWN, Json
from review.plan_json.values import value_at

_CHANGING = (Action.CREATE, Action.UPDATE, Action.REPLACE)
_ROTATIONS = ("secret_string_wo_version", "master_password_wo_version")
_REFERENCE = re.compile(r"\$\{(\w+)\.(\w+)\.")


def losses(examined: Examined) -> Iterator[Draft]:
    """Everything that is destroyed, replaced or forgotten, and every value that gets worse."""
    plan = examined.plan
    for change in plan.changes:
        if change.action in _CHANGING:
            before = None if change.action is Action.CREATE else change.before
            for rule, what in weakened(change.type, before, change.after):
                yield Draft(rule, change.address, what)
        if change.action is Action.DELETE and change.type in GUARDS and not _ward_goes(plan, change):
            yield Draft(GUARDS[change.type].rule, change.address, GUARDS[change.type].what)
        if change.forgets:
            yield Draft("forgotten", change.address, _forgotten(change))
    yield from _unlocked(plan)
    yield from _destroyed(plan)
    yield from _changed_data(examined)


def rotation(plans: Sequence[Examined]) -> Iterator[Draft]:
    """One finding, if passwords are made anew, and not a line for each secret."""
    rotated = [change for each in plans for change in each.plan.changes if is_rotated(change)]
    if rotated:
        yield Draft(
            "passwords-rotated",
            main_of(rotated).address,
            "all passwords are made anew, and the service is redeployed with them: for some minutes clients may be "
            "refused, and the old passwords are worth nothing afterwards",
        )


def is_rotated(change: ResourceChange) -> bool:
    """Whether its password is made anew."""
    return change.action in (Action.UPDATE, Action.REPLACE) and any(
        (change.before or {}).get(name) is not None
        and (change.before or {}).get(name) != (change.after or {}).get(name)
        for name in _ROTATIONS
    )


def _ward_goes(plan: StackPlan, guard: ResourceChange) -> bool:
    """Whether what *guard* protects goes too, so that nothing is less protected."""
    row = GUARDS[guard.type]
    named = (guard.before or {}).get(row.of)
    return isinstance(named, str) and plan.destroys(row.ward, named)


def _forgotten(change: ResourceChange) -> str:
    data = ", with the data in it" if change.type in STATEFUL else ""
    return f"`{change.address.resource}` stays in the account{data}, and Terraform no longer knows it"


def _unlocked(plan: StackPlan) -> Iterator[Draft]:
    """Terraform's own lock is in no plan: what the base's configuration had, and this one has not."""
    if not plan.knows_before:
        return
    for change in plan.resources:
        # What is destroyed has a finding that says more.
        stays = change.block is not None and change.action is not Action.DELETE
        if stays and _is_locked(change.block_before) and not _is_locked(change.block):
            yield Draft(
                "protection-off",
                change.address,
                "Terraform no longer refuses to destroy it (`prevent_destroy`)",
            )


def _is_locked(block: Mapping[str, Any] | None) -> bool:
    return value_at(block, "lifecycle.prevent_destroy") is True


def _destroyed(plan: StackPlan) -> Iterator[Draft]:
    """What holds data, one by one; the rest by construct; and what only goes along, with what takes it along."""
    lost = [change for change in plan.changes if change.goes and change.type in STATEFUL]
    own = {head(change.address): change for change in reversed(lost) if change.action is Action.DELETE}
    companions: dict[str, list[ResourceChange]] = defaultdict(list)
    rest: dict[tuple[str, str], list[ResourceChange]] = defaultdict(list)
    for change in plan.changes:
        if not change.goes or change.type in STATEFUL or _is_told_elsewhere(plan, change):
            continue
        rule = "destroyed" if change.action is Action.DELETE else "replaced"
        if plan.is_destroyed:
            rest[rule, ""].append(change)
        elif taker := follows_from(plan, change) or (own.get(head(change.address)) if rule == "destroyed" else None):
            companions[taker.address.resource].append(change)
        else:
            rest[rule, head(change.address)].append(change)
    for change in lost:
        yield Draft("data-lost", change.address, _lost(change, companions.pop(change.address.resource, [])))
    for (rule, _), changes in rest.items():
        along = [each for change in changes for each in companions.pop(change.address.resource, [])]
        yield Draft(rule, main_of(changes).address, _with(_goes(plan, rule, changes, len(lost)), along))
    for changes in companions.values():  # of what is replaced as a matter of course
        yield Draft("replaced", main_of(changes).address, _goes(plan, "replaced", changes, 0))


def _is_told_elsewhere(plan: StackPlan, change: ResourceChange) -> bool:
    if change.action is Action.REPLACE:
        return change.type in ROUTINE or is_rotated(change)
    if change.type in GUARDS and not _ward_goes(plan, change):
        return True
    return change.type.startswith((*PERMISSIONS, *NETWORK)) and not plan.is_destroyed


def follows_from(plan: StackPlan, change: ResourceChange) -> ResourceChange | None:
    """The replaced resource at the end of the chain of references that force *change*."""
    found, current = None, _cause(plan, change)
    seen = {change.address.resource}
    while current is not None and current.address.resource not in seen:
        seen.add(current.address.resource)
        found, current = current, _cause(plan, current)
    return found


def _cause(plan: StackPlan, change: ResourceChange) -> ResourceChange | None:
    """The replaced resource that an attribute which forces *change* takes its value from."""
    for names in change.replaced_for:
        if names and value_at(change.after, names[0]) is UNKNOWN:
            expression = (change.block or {}).get(names[0])
            for reference in _REFERENCE.findall(str(expression) if isinstance(expression, str | list | Json) else ""):
                if reference in plan.replaced:
                    return plan.replaced[reference]
    return None


def _lost(change: ResourceChange, companions: list[ResourceChange]) -> str:
    row = STATEFUL[change.type]
    how = "is destroyed, and made anew without what was in it" if change.action is Action.REPLACE else "is destroyed"
    fate = " ".join(words for path, value, words in row.fate if value_at(change.before, path) == value).rstrip(".")
    what = f"{row.noun} {how}{_forced(change)}: {row.loss}"
    return _with(f"{what}. {fate}" if fate else what, companions)


def _goes(plan: StackPlan, rule: str, changes: list[ResourceChange], lost: int) -> str:
    if plan.is_destroyed:
        return f"nothing of {plan.stack} stays: {len(changes)} {'more ' if lost else ''}resources are destroyed"
    forced = _forced(changes[0]) if len(changes) == 1 else ""
    return f"{listed(changes)} {'is' if len(changes) == 1 else 'are'} {rule}{forced}"


def _with(what: str, companions: list[ResourceChange]) -> str:
    return f"{what}. {_along(len(companions))}" if companions else what


def _along(count: int) -> str:
    return "With it goes 1 other resource" if count == 1 else f"With it go {count} other resources"


def _forced(change: ResourceChange) -> str:
    """Why, if the plan says so."""
    names = sorted({names[0] for names in change.replaced_for if names})
    reasons = [f"`{', '.join(names[:3])}` cannot be changed in place"] if names else []
    if change.reason:
        reasons.append(change.reason)
    return f" ({'; '.join(reasons)})" if reasons else ""


def _changed_data(examined: Examined) -> Iterator[Draft]:
    for change in examined.plan.changes:
        if change.type not in STATEFUL or change.action is not Action.UPDATE:
            continue
        found = [each for each in examined.of(change) if not each.path.endswith(_ROTATIONS)]
        if found:
            words = [f"`{each.path}` changes from {_word(each.before)} to {_word(each.after)}" for each in found[:3]]
            more = [f"{len(found) - 3} more values change"] if len(found) > 3 else []
            yield Draft(
                "data-changed", change.address, f"of {STATEFUL[change.type].noun}, {' and '.join(words + more)}"
            )


def _word(value: str | None) -> str:
    return "nothing" if value is None else f"`{value}`" if len(value) <= 60 else "another text"
